"""Intents enforced while a model runs: ``validate="all"`` (DESIGN §V5)."""

import abc
import copy
import functools
import pickle
import textwrap
import types
from typing import Generic, TypeVar

import attrs
import cloudpickle
import numpy as np
import pytest
import xarray as xr

import xsim as xs
from xsim.engine import parallel, tasks
from xsim.errors import BatchError, ReadOnlyArrayError, ReadOnlyError

STAGES = ("initialize", "run_step", "finalize_step", "finalize")


@xs.process
class Owner:
    """Has arrays of all kinds, and changes those that it may."""

    given = xs.variable("x", global_name="given")
    level = xs.variable("x", intent="inout", global_name="level", groups="all")
    made = xs.variable("x", intent="out", groups="all")
    ratio = xs.on_demand("x")

    @ratio.compute
    def _ratio(self):
        return self.made

    def initialize(self):
        self.made = np.ones(3)

    def run_step(self):
        self.level += self.given
        self.made *= 2


def text(message):
    """Give a message as it is meant to be."""
    return textwrap.dedent(message).strip()


INPUTS = {"owner__given": np.array([1.0, 2.0, 3.0]), "owner__level": np.zeros(3)}


def run(classes, validate="all", outputs=(), inputs=None, steps=3, **options):
    """Run a model over some steps."""
    model = xs.Model(classes)
    inputs = (INPUTS if "owner" in classes else {}) | (inputs or {})
    setup = xs.create_setup(model, {"t": np.arange(steps + 1)}, "t", inputs, dict.fromkeys(outputs, "t"))
    return setup.xsim.run(model, validate=validate, **({"progress": False} | options))


def writer(do, stage="run_step", **declarations):
    """Make a process that does something in a stage."""

    def method(self):
        do(self)

    return xs.process(type("Writer", (), declarations | {stage: method}))


def refused(classes, cls=ReadOnlyArrayError, **options):
    """Give the error that a run raises; without validation it runs through, or with the same error."""
    with pytest.raises(cls) as error:
        run(classes, **options)
    assert type(error.value) is cls
    return error.value


# -- what is refused ------------------------------------------------------------------------------------------------


def test_whole_text():
    """The message names process, class, variable and stage, and is the ValueError that numpy raises."""

    def change(self):
        self.seen[0] = 7

    error = refused({"owner": Owner, "w": writer(change, seen=xs.foreign(Owner, "made"))})

    assert str(error) == text(
        """
        variable 'seen' of process 'w' (class Writer) is only read by this process and cannot be changed in place
          got: assignment destination is read-only, in stage 'run_step'
          expected: intent='inout' where a process changes what it has not made itself
          remedy: declare it with intent='inout', or change a copy of it
        """
    )
    assert isinstance(error, ValueError)
    assert (error.process, error.variable) == ("w", "seen")
    assert error.__notes__ == ["in process 'w' (class Writer), stage 'run_step'", "at step 0 ('t' 0 to 1)"]


@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize("options", [{}, {"parallel": True, "workers": 2}, {"safe_mode": False}])
def test_in_each_stage(stage, options, monkeypatch):
    """It holds in each stage, sequential and parallel."""
    monkeypatch.setattr(parallel, "WORTH_TRYING", 0)
    monkeypatch.setattr(parallel, "LOOKING", 0)

    def change(self):
        self.seen += 1

    error = refused({"owner": Owner, "w": writer(change, stage, seen=xs.foreign(Owner, "made"))}, **options)

    assert f"in stage {stage!r}" in str(error)


@pytest.mark.parametrize(
    "declaration",
    [
        xs.variable("x"),
        xs.foreign(Owner, "level"),
        xs.foreign("owner", "ratio"),
        xs.global_ref("level"),
        xs.global_ref("given"),
        xs.foreign(Owner, "made", lag=1, initial=np.zeros(3)),
    ],
    ids=["own", "foreign", "on_demand", "global", "own of another", "lagged"],
)
@pytest.mark.parametrize(
    "change",
    [
        lambda seen: seen.__setitem__(0, 1),
        lambda seen: np.add(seen, 1, out=seen),
        lambda seen: seen.sort(),
        lambda seen: seen.fill(3),
        lambda seen: np.copyto(seen, 3),
        lambda seen: seen[1:].__iadd__(1),
        lambda seen: seen.reshape(3, 1).__imul__(2),
    ],
)
def test_all_kinds_of_references(declaration, change):
    """It holds for all that is read, however it is changed."""
    w = writer(lambda self: change(self.seen), seen=copy.copy(declaration))
    inputs = {"w__seen": np.zeros(3)} if declaration._facts["var_type"] == "variable" else {}

    assert refused({"owner": Owner, "w": w}, inputs=inputs).variable == "seen"


@pytest.mark.parametrize("kind", [xs.group, xs.group_dict])
def test_groups(kind):
    """Members of a group are read."""

    def change(self):
        for member in self.seen.values() if isinstance(self.seen, type(self).mapping) else self.seen:
            member += 1

    w = writer(change, seen=kind("all"), mapping=type(vars(type)))

    assert refused({"owner": Owner, "w": w}).variable == "seen"


def test_labelled_arrays():
    """Arrays of xarray are read-only too."""

    def make(self):
        self.v = xr.DataArray([1.0, 2.0], dims="x", attrs={"units": "m"})

    maker = writer(make, "initialize", v=xs.variable("x", intent="out"))
    seen = []

    def change(self):
        seen.append(self.v)
        self.v[0] = 3

    assert refused({"m": maker, "w": writer(change, v=xs.foreign(maker, "v"))}).variable == "v"
    xr.testing.assert_identical(seen[0], xr.DataArray([1.0, 2.0], dims="x", attrs={"units": "m"}))


def test_compute_methods():
    """Computing on demand reads what its process reads, wherever it is asked for."""

    @xs.process
    class Computes:
        v = xs.foreign(Owner, "made")
        spoilt = xs.on_demand("x")

        @spoilt.compute
        def _spoil(self):
            self.v[:] = 0
            return self.v

    reads = writer(lambda self: self.it, it=xs.foreign(Computes, "spoilt"))

    assert "in the compute method of 'spoilt'" in str(refused({"owner": Owner, "c": Computes, "r": reads}))
    assert refused({"owner": Owner, "c": Computes}, outputs=["c__spoilt"]).variable == "v"


def test_through_aliases_and_helpers():
    """The variable is found behind local names, in helper functions, and in what the process kept from before."""

    def spoil(values):
        values[0] = 1

    def change(self):
        one, two = self.one, self.two
        assert one is not two
        spoil(two)

    both = {"one": xs.foreign(Owner, "made"), "two": xs.foreign(Owner, "given")}
    assert refused({"owner": Owner, "w": writer(change, **both)}).variable == "two"

    def keep(self):
        if hasattr(self, "kept"):
            kept = self.kept
            kept += 1
        self.kept, _ = self.one, self.two

    assert refused({"owner": Owner, "w": writer(keep, **both)}).variable == "one"

    def dynamic(self):
        exec("self.one[0] = 1", {"self": self})
        self.two  # noqa: B018

    assert refused({"owner": Owner, "w": writer(dynamic, **both)}).variable == "one"

    def several(self):
        arrays = [self.one, self.two]
        exec("arrays[0][0] = 1", {"arrays": arrays})

    assert str(refused({"owner": Owner, "w": writer(several, **both)})).startswith(
        "variable 'one' of process 'w' (class Writer) (or 'two') is only read by this process"
    )


def test_errors_of_other_origin():
    """Other ValueErrors pass, also those of arrays that are read-only for reasons of their own."""

    def mine(self):
        own = np.broadcast_to(self.seen[0], 3)
        own[0] = 1

    for do in (mine, lambda self: int("x" + str(self.seen))):
        with pytest.raises(ValueError) as error:  # noqa: PT011 - its type is what counts
            run({"owner": Owner, "w": writer(do, seen=xs.foreign(Owner, "made"))})
        assert type(error.value) is ValueError


@pytest.mark.parametrize("declaration", [xs.variable(), xs.foreign(Owner, "made"), xs.global_ref("level")])
def test_setting_what_is_read(declaration):
    """Setting an `in` variable names process, variable and stage."""

    def change(self):
        self.seen = 3

    w = writer(change, seen=copy.copy(declaration))
    inputs = {"w__seen": 1} if declaration._facts["var_type"] == "variable" else {}
    error = refused({"owner": Owner, "w": w}, ReadOnlyError, inputs=inputs)

    assert str(error) == text(
        """
        variable 'seen' of process 'w' (class Writer) is only read by this process and cannot be set
          got: intent='in', set in stage 'run_step'
          remedy: declare it with intent='out' (to set it) or intent='inout' (to update it)
        """
    )


def test_deleting_what_is_read():
    """Deleting is setting, too."""

    def change(self):
        del self.seen

    refused({"w": writer(change, seen=xs.variable())}, ReadOnlyError, inputs={"w__seen": 1})


def test_frozen_arrays():
    """Frozen arrays are replaced, not changed, by their own process and by others that set them (DESIGN §O3)."""

    def change(self):
        self.v[0] = 3

    def make(self):
        self.v = np.zeros(2)

    maker = writer(make, "initialize", v=xs.variable("x", intent="out", frozen=True))
    owner = xs.process(type("Changes", (maker,), {"run_step": change}))
    error = refused({"m": owner})
    assert str(error) == text(
        """
        variable 'v' of process 'm' (class Changes) is declared frozen=True and cannot be changed in place
          got: assignment destination is read-only, in stage 'run_step'
          expected: a new value
          remedy: set a new array
        """
    )
    other = writer(change, v=xs.foreign(maker, "v", intent="inout"))
    assert refused({"m": maker, "w": other}).process == "w"

    def replace(self):
        self.v = self.v + 1

    replacing = xs.process(type("Replaces", (maker,), {"run_step": replace}))
    assert run({"m": replacing}, outputs=["m__v"]).m__v.values[-1].tolist() == [3, 3]


# -- what stays as it is --------------------------------------------------------------------------------------------


@xs.process
class Reader:
    """Reads in all ways, and keeps what it reads."""

    made = xs.foreign(Owner, "made")
    ratio = xs.foreign(Owner, "ratio")
    level = xs.global_ref("level", intent="inout")
    every = xs.group("all")
    was = xs.foreign(Owner, "made", lag=1, initial=np.zeros(3))
    total = xs.variable(intent="out")
    alias = xs.variable("x", intent="out")

    def initialize(self):
        self.alias = self.made

    def run_step(self):
        self.total = float(sum(v.sum() for v in [self.made, self.ratio, *self.every, self.was]))
        self.level -= 0.5
        self.alias = self.made[::-1]


MODEL = {"reader": Reader, "owner": Owner}
SAVED = ["owner__level", "owner__made", "owner__ratio", "owner__given", "reader__total", "reader__alias", "reader__was"]


@pytest.mark.parametrize("options", [{}, {"parallel": True, "workers": 2}, {"safe_mode": False}])
def test_results_are_the_same(options, monkeypatch):
    """A model that keeps its word gives the same with validation, bit for bit."""
    monkeypatch.setattr(parallel, "WORTH_TRYING", 0)
    monkeypatch.setattr(parallel, "LOOKING", 0)
    monkeypatch.setattr(parallel, "LEAST_GAIN", 0)
    monkeypatch.setattr(parallel, "TRIALS", 1)
    monkeypatch.setattr(tasks, "CHEAPEST_TASK", 1e-9)
    expected = run(MODEL, "inputs", SAVED)

    result = run(MODEL, "all", SAVED, **options)
    xr.testing.assert_identical(result.drop_attrs(), expected.drop_attrs())


@pytest.mark.parametrize("options", [{}, {"parallel": True}, {"parallel": True, "scheduler": "processes"}])
def test_batches(options):
    """Members are guarded, in threads and in worker processes; a violation is a failure of its member."""

    @xs.process
    class Sometimes:
        bad = xs.variable()
        made = xs.foreign(Owner, "made")

        def run_step(self):
            if self.bad:
                self.made[0] = 1

    inputs = {"s__bad": ("b", [0, 1, 0])}
    with pytest.raises(BatchError) as error:
        run(MODEL | {"s": Sometimes}, outputs=SAVED, inputs=inputs, batch_dim="b", **options)

    result = error.value.result
    assert result.xsim_outcome.values.tolist() == ["done", "failed", "done"]
    failed = result.isel(b=1)
    assert (failed.xsim_process.item(), failed.xsim_stage.item(), failed.xsim_step.item()) == ("s", "run_step", 0)
    assert failed.xsim_reason.item().startswith("ReadOnlyArrayError: variable 'made' of process 's' (class Sometimes)")
    xr.testing.assert_equal(result.owner__level[0], run(MODEL, "inputs", ["owner__level"]).owner__level)


def test_arrays_belong_to_whom_they_did():
    """After the run, all arrays of the state can be changed, and objects are of their own classes."""
    model = xs.Model(MODEL)
    setup = xs.create_setup(model, {"t": np.arange(4)}, input_vars=INPUTS)
    setup.xsim.run(model, validate="all", safe_mode=False)

    assert (type(model.owner), type(model.reader)) == (Owner, Reader)
    for value in model.state.values():
        assert not isinstance(value, np.ndarray) or value.flags.writeable
    assert np.shares_memory(model.reader.alias, model.owner.made)
    model.reader.was[0] = model.owner.given[0] = 3
    assert not any("guard" in name for process in model.values() for name in vars(process))


def test_objects_are_restored_after_a_failure():
    """So they are after a violation."""
    model = xs.Model({"owner": Owner, "w": writer(lambda self: self.seen.fill(1), seen=xs.foreign(Owner, "made"))})
    with pytest.raises(ReadOnlyArrayError):
        xs.create_setup(model, {"t": [0, 1]}, input_vars=INPUTS).xsim.run(model, validate="all", safe_mode=False)

    assert type(model.owner) is Owner
    model.w.seen.fill(1)
    assert model.owner.made.tolist() == [1, 1, 1]


def test_one_may_change_what_another_reads():
    """A variable that its own process only reads can be set and changed by one that declares so."""

    @xs.process
    class Reads:
        v = xs.variable("x")
        total = xs.variable(intent="out")

        def run_step(self):
            self.total = self.v.sum()

    def change(self):
        self.v[0] += 1
        self.v = self.v * 2

    updates = writer(change, v=xs.foreign(Reads, "v", intent="inout"))
    outputs, inputs = ["r__total"], {"r__v": np.ones(2)}
    for classes in ({"r": Reads, "u": updates}, {"u": updates, "r": Reads}):
        result = run(classes, outputs=outputs, inputs=inputs)
        xr.testing.assert_identical(result.r__total, run(classes, "inputs", outputs, inputs).r__total)

    def make(self):
        self.v = np.arange(2.0)

    sets = writer(make, v=xs.foreign(Reads, "v", intent="out"))
    assert run({"r": Reads, "s": sets}, outputs=outputs).r__total.values.tolist() == [1] * 4


class Told:
    """Counts its subclasses."""

    subclasses = []

    def __init_subclass__(cls):
        super().__init_subclass__()
        Told.subclasses.append(cls.__name__)


@xs.process
class Looks(Told):
    v = xs.variable("x")
    out = xs.variable(intent="out")

    def initialize(self):
        pickled = pickle.loads(pickle.dumps(self))
        for other in (copy.deepcopy(self), pickled, cloudpickle.loads(cloudpickle.dumps(self))):
            assert type(other) is Looks
            other.v[0] = -1
        self.out = [type(self).__name__, type(self).__module__, isinstance(self, Looks), repr(self).splitlines()[0]]

    @functools.cached_property
    def doubled(self):
        return self.v * 2

    def run_step(self):
        assert super().__getattribute__("v").tolist() == [1, 2]
        assert self.doubled.tolist() == [2, 4]


def test_objects_stay_what_they_are():
    """Guarded objects have the class's name, are instances of it, and are copied and pickled as such."""
    model = xs.Model({"it": Looks})
    setup = xs.create_setup(model, {"t": [0, 1, 2]}, input_vars={"it__v": np.array([1, 2])})
    setup.xsim.run(model, validate="all", safe_mode=False)

    assert model.it.out == ["Looks", __name__, True, "<Looks 'it' (xsim process)>"]
    assert Told.subclasses == ["Looks"]


class Slotted:
    """Has no place for weak references."""

    __slots__ = ("__dict__",)


class Meta(abc.ABCMeta):
    """A metaclass."""


@pytest.mark.parametrize("bases", [(Generic[TypeVar("T")],), (abc.ABC,), (Slotted,)], ids=str)
@pytest.mark.parametrize("options", [{}, {"metaclass": Meta}], ids=str)
def test_classes_of_all_kinds(bases, options):
    """Whatever a process class inherits from, its objects are guarded."""

    def change(self):
        self.v[0] = 1

    namespace = {"v": xs.variable("x"), "run_step": change} | ({"__slots__": ()} if Slotted in bases else {})
    cls = types.new_class("Odd", bases, options, lambda body: body.update(namespace))

    assert refused({"p": xs.process(cls)}, inputs={"p__v": np.zeros(2)}).variable == "v"


def test_values_that_are_not_there():
    """Reading what has no value gives the same message as without guards."""
    late = xs.process(type("Late", (), {"v": xs.variable(intent="out")}))
    w = writer(lambda self: self.seen, seen=xs.foreign(late, "v"))
    texts = []
    for validate in ("inputs", "all"):
        with pytest.raises(xs.errors.UnsetVariableError) as error:
            run({"w": w, "late": late}, validate)
        texts.append(str(error.value))
    assert texts[0] == texts[1]


def test_hooks_see_what_is_there():
    """Hooks may change values; they are not processes."""

    @xs.runtime_hook("run_step", level="process", trigger="pre")
    def change(model, context, state):
        model.reader.made[0] = 5
        assert state["owner", "made"][0] == 5

    run(MODEL, hooks=[change])


def test_nothing_without_it(monkeypatch):
    """Without it, guards are not even made."""
    monkeypatch.delattr("xsim.engine.loop.Guards")

    run(MODEL, "inputs")
    run(MODEL, None)


# -- converters and validators --------------------------------------------------------------------------------------


def positive(process, attribute, value):
    """Refuse negative values."""
    if np.any(value < 0):
        raise ValueError(f"{attribute.name} is negative: {value}")


@pytest.mark.parametrize("options", [{}, {"parallel": True, "workers": 2}])
@pytest.mark.parametrize("intent", ["out", "inout"])
def test_validators_see_what_is_set(intent, options):
    """Validators see what a process sets, after the stage; the note names variable, stage and step."""

    @xs.process
    class Sinks:
        v = xs.variable(intent=intent, default=2, validator=positive)

        def initialize(self):
            self.v = 2

        def run_step(self):
            self.v -= 1

    result = run({"s": Sinks}, "inputs", ["s__v"], **options)
    assert result.s__v.values.tolist() == [1, 0, -1, -1]
    with pytest.raises(ValueError, match="v is negative: -1") as error:
        run({"s": Sinks}, **options)
    assert error.value.__notes__ == [
        "refused by the validator of variable 's__v'"
        if intent == "out"
        else "refused by the validator of input 's__v'",
        "after stage 'run_step'",
        "at step 2 ('t' 2 to 3)",
    ]


def test_what_others_set():
    """The validator of a variable sees what another process sets through a reference, in the stage where it does."""

    @xs.process
    class Has:
        v = xs.variable("x", intent="inout", validator=[positive, attrs.validators.instance_of(np.ndarray)])

    def sink(self):
        self.v -= 1

    sinks = writer(sink, "finalize_step", v=xs.foreign(Has, "v", intent="inout"))
    with pytest.raises(ValueError, match="negative") as error:
        run({"h": Has, "w": sinks}, inputs={"h__v": np.ones(2)})
    assert "after stage 'finalize_step'" in error.value.__notes__
    assert "at step 1 ('t' 1 to 2)" in error.value.__notes__


def test_converters_are_tried():
    """Converters get a copy of what is set; what they refuse is refused, what they give is not kept."""

    def halves(value):
        value = np.asarray(value)
        value /= 2.0
        return value

    @xs.process
    class Sets:
        v = xs.variable("x", intent="out", converter=halves)
        text = xs.variable(intent="out", converter=float)

        def run_step(self):
            self.v = np.ones(2)
            self.text = "1"

        def finalize_step(self):
            self.text = "one"

    with pytest.raises(ValueError, match="could not convert") as error:
        run({"s": Sets})
    assert error.value.__notes__ == [
        "refused by the converter of variable 's__text'",
        "after stage 'finalize_step'",
        "at step 0 ('t' 0 to 1)",
    ]
    del Sets.finalize_step
    fine = xs.process(type("Fine", (Sets,), {"finalize_step": lambda self: None}))
    assert run({"s": fine}, outputs=["s__v"]).s__v.values.tolist() == [[1, 1]] * 4


def test_validators_that_look_at_others():
    """Validating does not fail because another variable has no value yet (API.md)."""

    @xs.process
    class Compares:
        top = xs.variable(intent="out")
        v = xs.variable(intent="out")

        @v.validator
        def _below(self, attribute, value):
            if value > self.top:
                raise ValueError("too high")

        def initialize(self):
            self.v = 3

        def finalize_step(self):
            self.top = 4

    assert run({"c": Compares}, outputs=["c__v"]).c__v.values.tolist() == [3] * 4


def test_values_that_are_not_set_are_not_checked():
    """A variable without a value is not looked at; nor are those of processes that have no such stage."""
    seen = []

    @xs.process
    class Late:
        v = xs.variable(intent="out", validator=lambda process, attribute, value: seen.append(value))

        @xs.runtime(args="step")
        def run_step(self, step):
            if step == 1:
                self.v = step

    run({"l": Late})
    assert seen == [1, 1]
