"""The scratch state of a model: for trying things by hand (DESIGN §V7)."""

import textwrap

import numpy as np
import pytest

import xsim as xs
from xsim.errors import OptionError, RuntimeContextError, StaticInputError, UnknownInputError, UnknownProcessError


def positive(process, attribute, value):
    """Refuse negative values."""
    if np.any(value < 0):
        raise ValueError(f"{attribute.name} of {type(process).__name__} is negative: {value}")


@xs.process
class Growth:
    size = xs.variable(dims=[(), "x"], intent="inout", validator=positive)
    rate = xs.variable(converter=float, default=0.5)
    fixed = xs.variable(static=True, default=1)
    steps = xs.variable(intent="out")
    double = xs.on_demand(description="twice the size", groups="g")
    notes = xs.any_object()

    @double.compute
    def _double(self):
        return 2 * self.size

    def initialize(self):
        self.steps, self.notes = 0, []

    @xs.runtime(args="step, step_delta")
    def run_step(self, step, dt):
        self.steps += 1
        self.size = self.size * (1 + self.rate * dt)
        self.notes.append(step)

    def finalize(self):
        self.notes.append("end")


@xs.process
class Reader:
    f = xs.foreign(Growth, "size")
    g = xs.group("g")
    limit = xs.variable(default=10)
    seen = xs.variable(intent="out")

    @limit.validator
    def _above_size(self, attribute, value):
        if value < self.f:
            raise ValueError(f"{attribute.name} is below {self.f}")

    def run_step(self):
        self.seen = self.f


@pytest.fixture
def model():
    """Give a model without values."""
    return xs.Model({"reader": Reader, "growth": Growth})


def text(message):
    """Give a message as it is meant to be."""
    return textwrap.dedent(message).strip()


def test_execute(model):
    """Stages run on the scratch state, in the order of processes, with the arguments given."""
    model.update_state({("growth", "size"): 2.0, ("growth", "rate"): 1})
    model.execute("initialize", {})
    model.execute("run_step", {"step": 0, "step_delta": 1.0})
    model.execute("run_step", {"step": 1, "step_delta": 0.5})
    model.execute("finalize_step", {})
    model.execute("finalize", {})

    assert (model.growth.size, model.growth.steps, model.growth.notes) == (6.0, 2, [0, 1, "end"])
    assert model.reader.seen == 6.0


def test_execute_validates(model):
    """With `validate`, values are looked at after the stage."""
    model.update_state({("growth", "size"): 1.0, ("growth", "rate"): -3.0})
    model.execute("initialize", {})
    model.execute("run_step", {"step": 0, "step_delta": 1.0})
    with pytest.raises(ValueError) as error:  # noqa: PT011 - the validator's own
        model.execute("run_step", {"step": 1, "step_delta": 0.0}, validate=True)

    assert str(error.value) == "size of Growth is negative: -2.0"
    assert error.value.__notes__ == ["refused by the validator of input 'growth__size'"]


def test_unknown_stage(model):
    """A stage that does not exist is refused with those that do."""
    with pytest.raises(OptionError) as error:
        model.execute("run_steps", {})

    assert str(error.value) == text(
        """
        'run_steps' is not a valid SimulationStage
          expected: one of 'initialize', 'run_step', 'finalize_step', 'finalize'
          did you mean: 'run_step'?
        """
    )


def test_missing_runtime_argument(model):
    """A runtime argument that is not given is a KeyError that says which, before anything runs (DESIGN §E1)."""
    model.execute("initialize", {})
    with pytest.raises(RuntimeContextError) as error:
        model.execute("run_step", {"step": 0, "nsteps": 3})

    assert str(error.value) == text(
        """
        the runtime context lacks 'step_delta', which stage 'run_step' needs
          got: 'step', 'nsteps'
          remedy: add it to the runtime context
        """
    )
    assert model.growth.steps == 0


def test_failing_stage(model):
    """A process's own error is raised with a note that names process and stage (DESIGN §B6)."""
    model.execute("initialize", {})
    model.growth.notes = None
    with pytest.raises(AttributeError) as error:
        model.execute("finalize", {})

    assert str(error.value) == "'NoneType' object has no attribute 'append'"
    assert error.value.__notes__ == ["in process 'growth' (class Growth), stage 'finalize'"]


def test_state(model):
    """State maps keys of variables that hold a value to it, both ways (API.md)."""
    assert dict(model.state) == {}
    model.growth.size = 3.0
    model.state[("reader", "limit")] = 4

    assert dict(model.state) == {("growth", "size"): 3.0, ("reader", "limit"): 4}
    assert len(model.state) == 2
    assert model.reader.limit == 4
    assert model.state.get(("growth", "rate")) is None
    assert model.state.get(("nope", "size"), "default") == "default"
    del model.state[("growth", "size")]
    assert not hasattr(model.growth, "size")
    assert repr(model.state) == "{('reader', 'limit'): 4}"


@pytest.mark.parametrize("key", [("reader", "f"), ("reader", "g"), ("growth", "double"), ("growth", "nope"), "growth"])
def test_keys_without_state(model, key):
    """References, groups and on-demand variables hold no value themselves."""
    model.growth.size = 3.0

    assert key not in model.state
    for use in (lambda: model.state[key], lambda: model.state.__setitem__(key, 1), lambda: model.state.pop(key)):
        with pytest.raises(KeyError) as error:
            use()
        assert error.value.args == (key,)


def test_unset_key(model):
    """A key without value is named whole, as in xarray-simlab."""
    with pytest.raises(KeyError) as error:
        model.state[("growth", "size")]

    assert error.value.args == (("growth", "size"),)


def test_update_state_copies(model):
    """Values are copied: in-place changes leave what was given alone (API.md)."""
    size = np.array([1.0, 2.0])
    model.update_state({("growth", "size"): size})
    model.growth.size += 1

    assert size.tolist() == [1.0, 2.0]
    assert model.growth.size.tolist() == [2.0, 3.0]


def test_update_state_converts(model):
    """Converters are applied."""
    model.update_state({("growth", "rate"): "2"})

    assert model.growth.rate == 2.0


def test_update_state_validates(model):
    """Validators see the values, and `validate=False` leaves them out."""
    with pytest.raises(ValueError) as error:  # noqa: PT011 - the validator's own
        model.update_state({("growth", "size"): -1})
    assert str(error.value) == "size of Growth is negative: -1"

    model.update_state({("growth", "size"): -2}, validate=False)
    assert model.growth.size == -2


def test_update_state_validates_after_all_are_set(model):
    """A validator may look at another input given at once, and at one without value (API.md)."""
    model.update_state({("reader", "limit"): 5})
    model.update_state({("reader", "limit"): 2, ("growth", "size"): 1})
    with pytest.raises(ValueError) as error:  # noqa: PT011 - the validator's own
        model.update_state({("reader", "limit"): 2, ("growth", "size"): 3})

    assert str(error.value) == "limit is below 3"


def test_static_input(model):
    """A static input is not changed, unless asked for."""
    with pytest.raises(StaticInputError) as error:
        model.update_state({("growth", "fixed"): 3})

    assert str(error.value) == text(
        """
        Cannot set value for static variable ('growth', 'fixed')
          expected: a variable without static=True
          remedy: set it before the run, with ignore_static=True
        """
    )
    assert not hasattr(model.growth, "fixed")
    model.update_state({("growth", "fixed"): 3}, ignore_static=True)
    assert model.growth.fixed == 3


@pytest.mark.parametrize("key", [("growth", "steps"), ("growth", "nope"), ("nope", "size"), ("reader", "f"), "x", 3])
def test_ignored_keys(model, key):
    """What is no input is passed over by default (API.md)."""
    model.update_state({key: 1, ("growth", "rate"): 2})

    assert dict(model.state) == {("growth", "rate"): 2.0}


def test_invalid_key(model):
    """What is no input is refused if asked for, with a suggestion."""
    with pytest.raises(UnknownInputError) as error:
        model.update_state({("growth", "sizes"): 1}, ignore_invalid_keys=False)

    assert str(error.value) == text(
        """
        ('growth', 'sizes') is not a valid input variable in model
          expected: one of 'growth__size', 'growth__rate', 'growth__fixed', 'reader__limit'
          did you mean: 'growth__size', 'growth__fixed', 'growth__rate'?
        """
    )


@pytest.mark.parametrize("key", ["growth__size", "x", "", 3, ("growth",), ("growth", "size", "more"), None])
def test_invalid_forms_of_keys(model, key):
    """What is no key at all is refused in the same words, and never by accident (DESIGN §E2)."""
    with pytest.raises(UnknownInputError) as error:
        model.update_state({key: 1}, ignore_invalid_keys=False)

    assert str(error.value).splitlines()[0] == f"{key!r} is not a valid input variable in model"


def test_validate(model):
    """Validators see the values of all processes, or of those named."""
    model.growth.size = -1

    model.validate(["reader"])
    model.validate([])
    for names in (None, ["growth"], iter(["reader", "growth"]), {"growth"}):
        with pytest.raises(ValueError) as error:  # noqa: PT011 - the validator's own
            model.validate(names)
        assert str(error.value) == "size of Growth is negative: -1"


@pytest.mark.parametrize("names", [["nope"], ["growth", "nope"]])
def test_validate_unknown_process(model, names):
    """Validating a process that does not exist is an error, not a pass (DESIGN §E2)."""
    with pytest.raises(UnknownProcessError) as error:
        model.validate(names)

    assert str(error.value) == text(
        """
        the model has no process 'nope'
          expected: one of 'growth', 'reader'
        """
    )


def test_cache(model):
    """The cache has an entry for each variable: name, metadata of what it leads to, and value (API.md)."""
    model.growth.size = 3.0
    for key in (("growth", "double"), ("reader", "f"), ("reader", "g")):
        model.update_cache(key)
    cache = model.cache

    assert list(cache) == model.all_vars
    assert {key: entry["value"] for key, entry in cache.items() if entry["value"] is not None} == {
        ("growth", "double"): 6.0,
        ("reader", "f"): 3.0,
        ("reader", "g"): (6.0,),
    }
    assert set(cache["growth", "double"]) == {"name", "metadata", "value"}
    assert (cache["growth", "double"]["name"], cache["reader", "f"]["name"]) == ("growth__double", "reader__f")
    assert cache["growth", "double"]["metadata"]["description"] == "twice the size"
    assert cache["reader", "f"]["metadata"]["dims"] == ((), ("x",))


def test_cache_tells_references_from_their_targets():
    """Metadata in the cache has a reference's own kind and intent, and its target's description (API.md)."""

    @xs.process
    class Owner:
        v = xs.variable(dims="x", intent="out", global_name="v", groups="g", description="d", attrs={"u": 1})

    @xs.process
    class User:
        f = xs.foreign(Owner, "v", intent="inout")
        r = xs.global_ref("v")

    cache = xs.Model({"owner": Owner, "user": User}).cache
    owner, foreign, reference = (cache[key]["metadata"] for key in (("owner", "v"), ("user", "f"), ("user", "r")))

    described = [
        tuple(metadata[name] for name in ("dims", "description", "attrs")) for metadata in (owner, foreign, reference)
    ]
    assert described == [((("x",),), "d", {"u": 1})] * 3
    assert [(metadata["var_type"].value, metadata["intent"].value) for metadata in (owner, foreign, reference)] == [
        ("variable", "out"),
        ("foreign", "inout"),
        ("global", "in"),
    ]
    assert [metadata["groups"] for metadata in (owner, foreign, reference)] == [("g",), (), ("g",)]


def test_cache_belongs_to_one_model(model):
    """A clone's cache is its own: scratch state is shared with nobody (DESIGN §V7)."""
    model.growth.size = 3.0
    model.update_cache(("growth", "size"))
    other = model.clone()
    other.growth.size = 4.0
    other.update_cache(("growth", "size"))

    assert model.cache["growth", "size"]["value"] == 3.0
    assert model.clone().cache["growth", "size"]["value"] is None


def test_cache_of_unset_value(model):
    """A value that is not set cannot be cached (DESIGN §V7)."""
    with pytest.raises(AttributeError) as error:
        model.update_cache(("growth", "size"))

    assert str(error.value).splitlines()[0] == ("variable 'size' of process 'growth' (class Growth) has no value yet")


def test_unset_values(model):
    """Values on `model.process` are unset until they are given (DESIGN §V7)."""
    assert [name for name in ("size", "rate", "fixed", "steps", "notes") if hasattr(model.growth, name)] == []
    assert not hasattr(model.reader, "f")


def test_scratch_does_not_affect_other_models():
    """Two models of the same classes share nothing (DESIGN §V3)."""
    one, two = xs.Model({"growth": Growth}), xs.Model({"growth": Growth})
    one.growth.size = 1
    one.growth.undeclared = 2

    assert dict(two.state) == {}
    assert not hasattr(two.growth, "undeclared")
