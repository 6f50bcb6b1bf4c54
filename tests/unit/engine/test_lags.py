"""References to the value of the step before (DESIGN §O6)."""

import copy
import pickle
import textwrap

import cloudpickle
import numpy as np
import pytest
import xarray as xr

import xsim as xs
from xsim.errors import (
    BatchError,
    InputError,
    InputTypeError,
    LagError,
    MissingInputError,
    MissingTargetError,
    StaticInputError,
    UnknownInputError,
    UnsetVariableError,
)

STEPS = 4


@xs.process
class Rabbits:
    """Feeds on the grass of the step before; the grass on the rabbits of this step."""

    n = xs.variable(intent="out", global_name="rabbits", description="rabbits", attrs={"units": "1"})
    grass = xs.foreign("Grass", "height", lag=1, initial=10)

    def initialize(self):
        self.n = 1

    def run_step(self):
        self.n = self.n + self.grass


@xs.process
class Grass:
    height = xs.variable(intent="out")
    rabbits = xs.foreign(Rabbits, "n")

    def initialize(self):
        self.height = 100

    def run_step(self):
        self.height = 1000 - self.rabbits

    def finalize_step(self):
        self.height += 1


FEEDBACK = {"rabbits": Rabbits, "grass": Grass}
HEIGHTS = [10]
NUMBERS = []
n = 1
for _ in range(STEPS):
    n += HEIGHTS[-1]
    NUMBERS.append(n)
    HEIGHTS.append(1000 - n + 1)


def run(classes, outputs=(), inputs=None, steps=STEPS, order=(), **options):
    """Run a model over some steps."""
    model = xs.Model(classes, order=order)
    setup = xs.create_setup(
        model,
        {"t": np.arange(steps + 1)},
        input_vars=inputs,
        output_vars=dict.fromkeys(outputs, "t"),
    )
    return setup.xsim.run(model, **({"progress": False} | options))


def follower(declaration, **namespace):
    """Make a process that notes what it reads through a reference."""

    def note(self, where):
        values = self.__dict__.setdefault("notes", [])
        values.append((where, self.seen))

    def stage(name):
        return lambda self: note(self, name)

    stages = {name: stage(name) for name in ("initialize", "run_step", "finalize_step", "finalize")}
    return xs.process(type("Follower", (), {"seen": declaration} | stages | namespace))


def text(message):
    """Give a message as it is meant to be."""
    return textwrap.dedent(message).strip()


# -- what is read ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("options", [{}, {"parallel": True, "workers": 2}, {"validate": "all"}, {"safe_mode": False}])
def test_two_classes_feed_each_other(options):
    """A loop of two processes runs, one of them reading what the other had after the step before."""
    result = run(FEEDBACK, ["rabbits__n", "rabbits__grass", "grass__height"], **options)

    assert result.rabbits__n.values.tolist() == [*NUMBERS, NUMBERS[-1]]
    assert result.rabbits__grass.values.tolist() == HEIGHTS
    assert result.grass__height.values.tolist() == [1000 - n for n in NUMBERS] + [HEIGHTS[-1]]


def test_value_in_each_stage():
    """It is the initial value in initialize and step 0, the value after finalize_step from then on."""
    model = xs.Model(FEEDBACK | {"f": follower(xs.foreign("grass", "height", lag=1, initial=-1))})
    xs.create_setup(model, {"t": np.arange(3)}).xsim.run(model, safe_mode=False)

    assert model.f.notes == [
        ("initialize", -1),
        ("run_step", -1),
        ("finalize_step", -1),
        ("run_step", HEIGHTS[1]),
        ("finalize_step", HEIGHTS[1]),
        ("finalize", HEIGHTS[2]),
    ]


def test_order_makes_no_difference():
    """It makes no ordering edge: processes run as declared, and read the same in either order."""
    reader = follower(xs.foreign("Rabbits", "n", lag=1, initial=0))
    for classes in ({"r": reader, "rabbits": Rabbits, "grass": Grass}, FEEDBACK | {"r": reader}):
        assert list(xs.Model(classes)) == list(classes)
        assert xs.Model(classes).dependent_processes["r"] == []
        assert run(classes, ["r__seen"]).r__seen.values.tolist() == [0, *NUMBERS]


def test_own_value_of_the_step_before():
    """A process can refer to its own variable."""

    @xs.process
    class Sums:
        total = xs.variable(intent="out")
        before = xs.foreign("Sums", "total", lag=1, initial=1)

        def run_step(self):
            self.total = self.before * 2

    assert run({"s": Sums}, ["s__total"]).s__total.values.tolist() == [2, 4, 8, 16, 16]


def test_a_lag_of_a_lag():
    """A lagged reference to a lagged one is two steps behind; a plain one to a lagged one is one step behind."""
    one = xs.process(type("One", (), {"v": xs.foreign(Rabbits, "n", lag=1, initial=0)}))
    two = xs.process(type("Two", (), {"v": xs.foreign(one, "v", lag=1, initial=-1)}))
    plain = xs.process(type("Plain", (), {"v": xs.foreign(one, "v")}))
    result = run(FEEDBACK | {"two": two, "one": one, "plain": plain}, ["one__v", "two__v", "plain__v"])

    assert result.one__v.values.tolist() == [0, *NUMBERS]
    assert result.two__v.values.tolist() == [-1, 0, *NUMBERS[:-1]]
    assert result.plain__v.values.tolist() == [0, *NUMBERS]


def test_through_a_reference_and_a_global_name():
    """A global reference has a lag too, and a lagged reference may name a reference."""
    named = xs.process(type("Named", (), {"v": xs.global_ref("rabbits", lag=1, initial=0)}))
    plain = xs.process(type("Plain", (), {"v": xs.foreign(Rabbits, "n")}))
    through = xs.process(type("Through", (), {"v": xs.foreign(plain, "v", lag=1, initial=0)}))
    result = run(FEEDBACK | {"named": named, "plain": plain, "through": through}, ["named__v", "through__v"])

    assert result.named__v.values.tolist() == result.through__v.values.tolist() == [0, *NUMBERS]


def test_on_demand_is_computed_after_the_step():
    """What is computed on demand is computed anew at the end of the step, cached or not."""

    @xs.process
    class Doubles:
        n = xs.variable(intent="out")
        plain = xs.on_demand()
        cached = xs.on_demand()

        @plain.compute
        def _plain(self):
            return 2 * self.n

        @cached.compute(cache=True)
        def _cached(self):
            return 2 * self.n

        def run_step(self):
            self.n = getattr(self, "n", 0) + 1

    @xs.process
    class Disturbs:
        n = xs.foreign(Doubles, "n", intent="inout")
        cached = xs.foreign(Doubles, "cached")

        def finalize_step(self):
            assert self.cached == 2 * self.n
            self.n += 10

    reads = {name: xs.foreign(Doubles, name, lag=1, initial=0) for name in ("plain", "cached")}
    reader = xs.process(type("Reader", (), reads))
    result = run({"d": Doubles, "x": Disturbs, "r": reader}, ["r__plain", "r__cached"])

    assert result.r__plain.values.tolist() == result.r__cached.values.tolist() == [0, 22, 44, 66, 88]


# -- copies ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "value",
    [
        np.arange(3.0),
        np.arange(4).reshape(2, 2, order="F"),
        np.array(["a", None, [1]], dtype=object),
        xr.DataArray([1, 2], dims="x"),
        [1, [2, 3]],
        {"a": [1]},
        "text",
        None,
        7,
        np.datetime64("2000-01-01"),
        np.array([(1, 2.0)], dtype=[("a", int), ("b", float)])[0],
    ],
    ids=lambda v: type(v).__name__,
)
def test_copies_of_values_of_all_kinds(value):
    """Each step's value is a copy, equal in type and content, whatever the kind (DESIGN §V4)."""
    seen = []

    @xs.process
    class Owner:
        v = xs.variable(dims=[(), "x", ("x", "y")], intent="out")

        def run_step(self):
            self.v = copy.deepcopy(value)

    @xs.process
    class Reader:
        v = xs.foreign(Owner, "v", lag=1, initial=value)
        now = xs.foreign(Owner, "v")

        def run_step(self):
            seen.append((self.v, self.now))

    run({"owner": Owner, "reader": Reader})

    assert len(seen) == STEPS
    for (copied, _), (_, original) in zip(seen[1:], seen[:-1], strict=True):
        assert type(copied) is type(value)
        assert repr(copied) == repr(value)
        assert getattr(copied, "strides", None) == getattr(value, "strides", None)
        assert copied is not original or isinstance(copied, (str, int, type(None), np.datetime64))
    assert seen[0][0] is not value or isinstance(value, (str, int, type(None), np.datetime64))


@pytest.mark.parametrize("initial", [np.zeros(3), [0, 0, 0]])
def test_changes_in_place_reach_nobody(initial):
    """The owner's changes in place do not reach the copy, nor the reader's the owner, other readers or the next run."""

    @xs.process
    class Owner:
        v = xs.variable("x", intent="out")

        def initialize(self):
            self.v = np.zeros(3)

        def run_step(self):
            self.v += 1

    def run_step(self):
        self.before = list(self.v)
        self.v[0] = -100

    reads = {"v": xs.foreign(Owner, "v", lag=1, initial=initial), "run_step": run_step}
    reads["before"] = xs.variable("x", intent="out")
    one, two = (xs.process(type(name, (), dict(reads))) for name in ("One", "Two"))
    classes = {"one": one, "owner": Owner, "two": two}
    for _ in range(2):
        result = run(classes, ["one__before", "two__before", "owner__v"])
        expected = [[i] * 3 for i in range(STEPS)]
        assert result.one__before.values.tolist()[:-1] == result.two__before.values.tolist()[:-1] == expected
        assert result.owner__v.values.tolist()[:-1] == [[i + 1] * 3 for i in range(STEPS)]


def test_growing_arrays():
    """Arrays may grow from step to step."""

    @xs.process
    class Grows:
        v = xs.variable("x", intent="out")
        before = xs.foreign("Grows", "v", lag=1, initial=np.zeros(0))

        def run_step(self):
            self.v = np.append(self.before, self.before.size)

    assert run({"g": Grows}, ["g__v"]).g__v.values[:, -1].tolist()[-2:] == [3, 3]


def test_values_that_cannot_be_copied():
    """The error of the copy names the variable, the reference, the process and the step."""

    class Stubborn:
        def __deepcopy__(self, memo):
            raise RuntimeError("no")

    owner = xs.process(
        type("O", (), {"v": xs.variable(intent="out"), "run_step": lambda self: setattr(self, "v", Stubborn())})
    )
    reader = xs.process(type("R", (), {"it": xs.foreign(owner, "v", lag=1, initial=0)}))
    with pytest.raises(RuntimeError, match="no") as error:
        run({"o": owner, "r": reader})

    assert error.value.__notes__ == [
        "while a copy of 'o__v' was made for 'r__it' (lag=1)",
        "at step 0 ('t' 0 to 1)",
    ]


def test_objects_are_refused():
    """A lagged reference to an any_object is refused: a copy of what it may hold could be the whole model."""
    owner = xs.process(type("O", (), {"thing": xs.any_object()}))
    reader = xs.process(type("R", (), {"it": xs.foreign(owner, "thing", lag=1)}))
    with pytest.raises(LagError) as error:
        xs.Model({"o": owner, "r": reader})

    assert str(error.value) == text(
        """
        lagged reference 'r__it' refers to 'o__thing', which holds any object
          expected: a variable, an index or an on-demand variable: a copy of its value is kept for the next step
          remedy: let the process put what the next step needs of the object into a variable (xs.variable)
        """
    )
    assert isinstance(error.value, ValueError)


def test_references_that_lead_nowhere():
    """Lagged references that only refer to each other hold no value."""
    one = xs.process(type("One", (), {"v": xs.foreign("Two", "v", lag=1, initial=0)}))
    two = xs.process(type("Two", (), {"v": xs.foreign("One", "v", lag=1, initial=0)}))
    with pytest.raises(MissingTargetError) as error:
        xs.Model({"a": one, "b": two})

    assert str(error.value) == text(
        """
        foreign variable 'a__v' leads to no variable that holds a value
          got: a__v -> b__v -> a__v
          remedy: let one of them be an ordinary variable
        """
    )


def test_variables_without_a_value():
    """What has no value after a step has none in the next one either; the error says where it comes from."""

    @xs.process
    class Late:
        v = xs.variable(intent="out")

        @xs.runtime(args="step")
        def run_step(self, step):
            if step == 1:
                self.v = 5

    @xs.process
    class Reader:
        v = xs.foreign(Late, "v", lag=1, initial=0)
        seen = xs.variable(intent="out")

        def run_step(self):
            self.seen = getattr(self, "v", -1)

    assert run({"late": Late, "r": Reader}, ["r__seen"]).r__seen.values.tolist() == [0, -1, 5, 5, 5]

    strict = follower(xs.foreign(Late, "v", lag=1, initial=0))
    with pytest.raises(UnsetVariableError) as error:
        run({"late": Late, "r": strict})
    assert str(error.value) == text(
        """
        variable 'seen' of process 'r' (class Follower) has no value yet
          expected: a value from the step before, or before the first step one from initial= or from the setup
        """
    )


# -- inputs ---------------------------------------------------------------------------------------------------------


@xs.process
class Lake:
    level = xs.variable(
        dims=[(), "x"],
        intent="out",
        description="water level",
        attrs={"units": "m"},
        converter=float,
        validator=xs.variable,  # never called: it belongs to the other process
    )

    def initialize(self):
        self.level = 1.0

    def run_step(self):
        self.level = self.level + 1.0


@xs.process
class Outlet:
    before = xs.foreign(Lake, "level", lag=1)
    flow = xs.variable(intent="out")

    def run_step(self):
        self.flow = self.before * 10


LAKE = {"outlet": Outlet, "lake": Lake}


def test_without_initial_it_is_an_input():
    """It is then an input of the process that declares it, with dims, attributes and converter of what it refers to."""
    model = xs.Model(LAKE)
    setup = xs.create_setup(
        model, {"t": np.arange(3)}, input_vars={"outlet__before": 7}, output_vars={"outlet__flow": "t"}
    )

    assert model.input_vars == [("outlet", "before")]
    assert setup.outlet__before.attrs == {"description": "water level", "units": "m"}
    assert setup.xsim.run(model).outlet__flow.values.tolist() == [70.0, 20.0, 20.0]
    assert "before  [in]  () or ('x',)  water level" in repr(model)
    with pytest.raises(InputTypeError):
        setup.xsim.update_vars(model, input_vars={"outlet__before": np.zeros((2, 2))})


def test_missing_and_moving_inputs():
    """The value before the first step must be there, with the right dims, and cannot vary in time."""
    model = xs.Model(LAKE)
    setup = xs.create_setup(model, {"t": np.arange(3)})
    with pytest.raises(MissingInputError) as error:
        setup.xsim.run(model)
    assert str(error.value) == text(
        """
        Missing variables ['outlet__before'] in Dataset
          - 'outlet__before': dims () or 'x', water level
          remedy: give them with .xsim.update_vars(input_vars={'outlet__before': ...})
        """
    )

    with pytest.raises(StaticInputError) as error:
        setup.xsim.update_vars(model, input_vars={"outlet__before": ("t", [1, 2, 3])}).xsim.run(model)
    assert str(error.value) == text(
        """
        Cannot set value for static variable ('outlet', 'before') at each step
          got: dims ('t',), which contain the main clock 't'
          expected: a value that does not vary in time: variable 'outlet__before' is the value before the first \
step (lag=1)
        """
    )
    with pytest.raises(InputError):
        setup.xsim.update_vars(model, input_vars={"outlet__before": ("z", [1, 2, 3])}).xsim.run(model)


def test_with_initial_it_is_no_input():
    """The message says why it cannot be given."""
    model = xs.Model(FEEDBACK)

    assert model.input_vars == []
    with pytest.raises(UnknownInputError) as error:
        xs.create_setup(model, {"t": [0, 1]}, input_vars={"rabbits__grass": 1})
    assert str(error.value) == text(
        """
        'rabbits__grass' is/are not valid key(s) for input variables in model
          - 'rabbits__grass': it gives the value of 'grass__height' of the step before, and has an initial value
        """
    )


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"parallel": True},
        pytest.param({"parallel": True, "scheduler": "processes", "workers": 2}, marks=pytest.mark.slow),
    ],
)
def test_batches(options):
    """Each member has its own value of the step before, which may be a batch input."""
    members = {"outlet__before": ("b", [1.0, 2.0, 3.0])}
    result = run(LAKE, ["outlet__flow"], members, steps=2, batch_dim="b", **options)

    assert result.outlet__flow.values.tolist() == [[10 * m, 20, 20] for m in (1, 2, 3)]


def test_failures_in_batches():
    """A copy that fails is a failure of its member, at its step."""

    class Stubborn:
        def __deepcopy__(self, memo):
            raise RuntimeError("no")

    @xs.process
    class Owner:
        bad = xs.variable()
        v = xs.variable(intent="out")

        def run_step(self):
            self.v = Stubborn() if self.bad else 1

    reader = xs.process(type("R", (), {"it": xs.foreign(Owner, "v", lag=1, initial=0)}))
    with pytest.raises(BatchError) as error:
        run({"o": Owner, "r": reader}, inputs={"o__bad": ("b", [False, True])}, batch_dim="b")

    result = error.value.result
    assert result.xsim_outcome.values.tolist() == ["done", "failed"]
    assert (result.xsim_process.values[1], result.xsim_stage.values[1], result.xsim_step.values[1]) == (
        "r",
        "finalize_step",
        0,
    )


def test_results_run_again(tmp_path):
    """A saved reference that is an input keeps both, and the result runs again to the same values (DESIGN §S5)."""
    first = run(LAKE, ["outlet__before"], {"outlet__before": 7.0}, store=tmp_path / "a.zarr")

    assert first["outlet__before.input"].item() == 7.0
    assert first.outlet__before.values.tolist() == [7, 2, 3, 4, 5]
    xs.testing.assert_identical_runs(first.xsim.run(xs.Model(LAKE)).load(), first.load())


# -- around it ------------------------------------------------------------------------------------------------------


def test_cycles_name_the_remedy_and_it_works():
    """The error of a cycle names lag=1, and that ends the cycle (DESIGN §O1)."""
    a = xs.process(type("A", (), {"v": xs.variable(intent="out"), "w": xs.foreign("B", "v")}))
    lagged = xs.process(type("A", (), {"v": xs.variable(intent="out"), "w": xs.foreign("B", "v", lag=1, initial=0)}))
    b = xs.process(type("B", (), {"v": xs.variable(intent="out"), "w": xs.foreign("A", "v")}))
    with pytest.raises(xs.errors.CycleError, match="lag=1"):
        xs.Model({"a": a, "b": b})

    assert list(xs.Model({"b": b, "a": lagged})) == ["a", "b"]


def test_pickles():
    """Models with lagged references travel."""
    model = pickle.loads(cloudpickle.dumps(xs.Model(FEEDBACK)))
    setup = xs.create_setup(model, {"t": np.arange(STEPS + 1)}, output_vars={"rabbits__n": "t"})

    assert setup.xsim.run(model).rabbits__n.values.tolist() == [*NUMBERS, NUMBERS[-1]]


def test_by_hand():
    """Values on a live model: the initial one at first, then the one after each finalize_step (DESIGN §V7)."""
    model = xs.Model(FEEDBACK)
    assert model.state[("rabbits", "grass")] == 10
    model.execute("initialize", {})
    model.execute("run_step", {})
    assert model.rabbits.grass == 10
    model.execute("finalize_step", {})
    assert model.rabbits.grass == model.grass.height == HEIGHTS[1]
    model.update_cache(("rabbits", "grass"))
    assert model.cache[("rabbits", "grass")]["value"] == HEIGHTS[1]

    lake = xs.Model(LAKE)
    assert not hasattr(lake.outlet, "before")
    lake.update_state({("outlet", "before"): 3})
    assert lake.outlet.before == 3.0
    assert isinstance(lake.outlet.before, float)


def test_runs_on_the_models_objects_start_afresh():
    """With safe_mode=False, a second run starts from the initial value."""
    model = xs.Model(FEEDBACK)
    setup = xs.create_setup(model, {"t": np.arange(STEPS + 1)}, output_vars={"rabbits__n": "t"})
    for _ in range(2):
        assert setup.xsim.run(model, safe_mode=False).rabbits__n.values.tolist() == [*NUMBERS, NUMBERS[-1]]
    assert model.rabbits.grass == HEIGHTS[-1]


def test_bare_objects():
    """Outside any model, a lagged reference is set by hand, or has its initial value (DESIGN §V1)."""
    assert Rabbits().grass == 10
    assert Rabbits(grass=3).grass == 3
    assert Outlet(before=2.0).before == 2.0


def test_hooks_see_and_skip():
    """Hooks find it in the state; a step whose finalize_step is skipped by CONTINUE ends with a copy too."""
    seen = []

    @xs.runtime_hook("run_step")
    def note(model, context, state):
        seen.append(state["rabbits", "grass"])
        return xs.RuntimeSignal.CONTINUE

    run(FEEDBACK, hooks=[note])

    assert seen[:3] == [10, 1000 - 11, 1000 - (11 + 989)]


def test_no_copies_without_lagged_references(monkeypatch):
    """A model without them has nothing to do with copies."""
    monkeypatch.delattr("xsim.engine.loop.Lags")

    assert run(LAKE | {"outlet": Lake}, ["lake__level"]).lake__level.values.tolist() == [2, 3, 4, 5, 5]
