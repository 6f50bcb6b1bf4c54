"""One process class, run outside any model (`xs.testing.run_process`)."""

import textwrap

import numpy as np
import pytest
import xarray as xr

import xsim as xs
from xsim import errors
from xsim.testing import run_process


def message(text):
    return textwrap.dedent(text).strip()


@xs.process
class Grid:
    x = xs.index("x")
    size = xs.variable(intent="out", global_name="size", groups="sizes")

    def initialize(self):
        self.x = np.arange(3)
        self.size = 3


@xs.process
class Tank:
    x = xs.foreign(Grid, "x")
    size = xs.global_ref("size")
    sizes = xs.group("sizes")
    by_name = xs.group_dict("sizes")
    inflow = xs.variable(dims=[(), "x"])
    leak = xs.variable(default=0.5, static=True, converter=float)
    level = xs.variable(dims="x", intent="inout")
    steps = xs.variable(intent="out")
    pipe = xs.any_object()
    total = xs.on_demand()
    late = xs.on_demand()

    def initialize(self):
        self.steps = 0
        self.pipe = ["open"]

    def run_step(self):
        self.level += self.inflow - self.leak
        self.steps += 1
        self._hidden = self.steps * 2

    def finalize_step(self):
        self.level *= 2

    def finalize(self):
        self.pipe.append("closed")

    @total.compute
    def _total(self):
        return float(self.level.sum())

    @late.compute
    def _late(self):
        return 6 // self.steps


LEVEL = {"level": [1.0, 2.0]}


def test_values_after_each_stage():
    """Values are kept as they were after each stage, and at the end."""
    run = run_process(Tank, {"inflow": 1.5, **LEVEL}, steps=2)

    assert run.initialize.level.tolist() == [1, 2]
    assert [each.level.tolist() for each in run.run_step] == [[2, 3], [5, 7]]
    assert [each.level.tolist() for each in run.finalize_step] == [[4, 6], [10, 14]]
    assert run.finalize.level.tolist() == run.level.tolist() == [10, 14]
    assert (run.initialize.steps, run.steps, run["steps"]) == (0, 2, 2)
    assert [(each.stage.value, each.step) for each in run.snapshots] == [
        ("initialize", 0),
        ("run_step", 0),
        ("finalize_step", 0),
        ("run_step", 1),
        ("finalize_step", 1),
        ("finalize", 1),
    ]
    assert run.process._hidden == 4
    assert set(run) == {"inflow", "leak", "level", "steps", "pipe", "total", "late", "sizes", "by_name"}
    assert len(run) == 9


def test_series():
    """A series has the values where outputs on the main clock are taken."""
    assert run_process(Tank, {"inflow": 1, "level": [0.0]}, steps=3).series("total") == [0.5, 1.5, 3.5]


def test_same_as_in_a_model():
    """A process alone gives what it gives in a model, inputs that vary and random numbers included."""

    @xs.process
    class Noise:
        scale = xs.variable()
        base = xs.foreign(Grid, "size")
        value = xs.variable(intent="out")

        @xs.runtime(args="rng, step_delta, step_start, sim_end, nsteps, step, main_clock_values")
        def run_step(self, rng, delta, start, end, n, step, labels):
            self.value = [self.scale * rng.random(), self.base, delta, start, end, n, step, labels[0]][step]

    model = xs.Model({"grid": Grid, "noise": Noise})
    clock = [0.0, 1, 3, 4, 9, 10, 11, 12, 14]
    scale = np.arange(1.0, 10)
    setup = xs.create_setup(model, {"time": clock}, "time", {"noise__scale": ("time", scale)}, {"noise__value": "time"})
    result = setup.xsim.run(model, seed=7)
    run = run_process(Noise, {"base": 3}, varying={"scale": scale}, clock=clock, seed=7, name="noise")

    assert [*run.series("value"), run.value] == result.noise__value.values.tolist()


def test_dates():
    """A clock may have dates."""

    @xs.process
    class Days:
        days = xs.variable(intent="out")

        @xs.runtime(args=["step_delta"])
        def run_step(self, delta):
            self.days = delta / np.timedelta64(1, "D")

    clock = np.array(["2000-01-01", "2000-01-03", "2000-01-04"], "M8[ns]")
    assert run_process(Days, clock=clock).series("days") == [2, 1]


def test_runtime_arguments_given():
    """Runtime arguments given stand for those of the clock."""

    @xs.process
    class Clock:
        seen = xs.variable(intent="out")

        @xs.runtime(args="step_delta, batch, rng")
        def run_step(self, delta, batch, rng):
            self.seen = (delta, batch, rng)

    assert run_process(Clock, runtime={"step_delta": 0.25, "batch": 4, "rng": None}).seen == (0.25, 4, None)


@pytest.mark.parametrize(
    ("given", "seen"),
    [([1, 2], np.array([1, 2])), (2, 2), (np.float64(2), 2.0), (xr.DataArray([1.0], dims="x"), [1.0])],
)
def test_inputs_are_as_in_a_run(given, seen):
    """Inputs are numpy arrays or Python's scalars, as in a run."""
    run = run_process(Tank, {"inflow": given}, stages="initialize")
    assert type(run.inflow) is (np.ndarray if np.ndim(seen) else type(seen))
    np.testing.assert_array_equal(run.inflow, seen)


def test_inputs_are_copied():
    """What is given is not changed, also what references and groups get."""

    @xs.process
    class Vandal:
        own = xs.variable(dims="x", intent="inout")
        other = xs.foreign(Tank, "level", intent="inout")
        everyone = xs.group("g")
        named = xs.group_dict("g")

        def run_step(self):
            for array in (self.own, self.other, self.everyone[0], self.named["a", "b"]):
                array[:] = 9

    array = np.zeros(2)
    inputs = {"own": array, "other": array, "everyone": [array], "named": {("a", "b"): array}}
    assert run_process(Vandal, inputs).other.tolist() == [9, 9]
    assert array.tolist() == [0, 0]


def test_groups_and_references():
    """Groups and references have the values given, groups are empty otherwise, and cannot be written into."""
    run = run_process(Tank, {"x": [0, 1], "size": 2, "sizes": [1, 2], "by_name": {("a", "b"): 3}}, stages=[])
    assert (run.x, run.size, run.sizes, run.by_name) == ([0, 1], 2, (1, 2), {("a", "b"): 3})
    with pytest.raises(TypeError):
        run.process.by_name["a", "b"] = 4
    assert (run_process(Tank, stages=[]).sizes, dict(run_process(Tank, stages=[]).by_name)) == ((), {})


def test_defaults_converters_and_validators():
    """Defaults stand for inputs not given; converters and validators see inputs, those that vary in each step."""

    @xs.process
    class Plain:
        low = xs.variable(default="1", converter=int)
        high = xs.variable(default=5)

        @high.validator
        def _check(self, attribute, value):
            if value <= self.low:
                raise ValueError(f"{attribute.name} too low")

        def run_step(self):
            pass

    assert run_process(Plain).low == 1
    with pytest.raises(ValueError, match="high too low") as error:
        run_process(Plain, {"low": 7})
    assert error.value.__notes__ == ["refused by the validator of variable 'high' of class Plain"]
    with pytest.raises(ValueError, match="high too low"):
        run_process(Plain, varying={"high": [4, 0]})


def test_state_and_stages():
    """One stage can be tried alone, from a state given: outputs, undeclared attributes."""
    run = run_process(Tank, {"inflow": 1, **LEVEL}, state={"steps": 8}, stages="run_step")
    assert (run.steps, run.process._hidden) == (9, 18)
    assert [each.stage.value for each in run.snapshots] == ["run_step"]
    assert run_process(Tank, state={"_hidden": 3, "steps": 1}, stages="initialize").process._hidden == 3


def test_varying_without_steps():
    """Values that vary tell the number of steps; before the first there is none, unless it is given."""
    run = run_process(Tank, LEVEL, varying={"inflow": [1, 2, 3]})
    assert run.steps == 3
    assert "inflow" not in run.initialize
    assert run_process(Tank, {"inflow": 5, **LEVEL}, varying={"inflow": [1]}).initialize.inflow == 5


def test_signals():
    """What a stage method returns is kept."""

    @xs.process
    class Stopper:
        @xs.runtime(args="step")
        def run_step(self, step):
            return xs.RuntimeSignal.BREAK if step else None

    run = run_process(Stopper, steps=2)
    assert [each.signal for each in run.run_step] == [xs.RuntimeSignal.NONE, xs.RuntimeSignal.BREAK]


def test_a_process_that_ends_its_simulation():
    """No further step runs, nor the rest of this one, as in a run; `finalize` does (§O8)."""

    @xs.process
    class Pond:
        water = xs.variable(intent="inout", default=2)
        steps = xs.variable(intent="out")
        closed = xs.variable(intent="out")

        def initialize(self):
            self.steps, self.closed = 0, False

        def run_step(self):
            self.water -= 1
            return xs.stop("dry") if self.water <= 0 else None

        @xs.runtime(args="step")
        def finalize_step(self, step):
            self.steps = step + 1

        def finalize(self):
            self.closed = True

    run = run_process(Pond, steps=5)
    assert [(each.signal, each.reason) for each in run.run_step] == [
        (xs.RuntimeSignal.NONE, ""),
        (xs.RuntimeSignal.BREAK, "dry"),
    ]
    assert (run.steps, run.closed, len(run.finalize_step)) == (1, True, 1)
    assert len(xs.testing.check_process(Pond, steps=5).run_step) == 2


def test_a_process_that_does_not_start():
    """Where `initialize` ends the simulation, no step runs."""

    @xs.process
    class Pond:
        water = xs.variable()
        depth = xs.variable(intent="out")

        def initialize(self):
            return xs.stop("dry")

        def run_step(self):
            raise AssertionError

    run = run_process(Pond, {"water": 0})
    assert (run.initialize.reason, run.run_step) == ("dry", ())
    assert "depth" not in xs.testing.check_process(Pond, {"water": 0})


def test_lagged_references_have_their_initial_value():
    """A lagged reference has its initial value, unless one is given, and keeps it (§O6)."""

    @xs.process
    class Walker:
        before = xs.foreign("elsewhere", "place", lag=1, initial=-1)
        seen = xs.variable(intent="out")

        def run_step(self):
            self.seen = self.before

    assert run_process(Walker, steps=2).series("seen") == [-1, -1]
    assert run_process(Walker, {"before": 4}).seen == 4
    assert run_process(Walker, varying={"before": [1, 2]}).series("seen") == [1, 2]
    assert xs.testing.check_process(Walker).seen == -1


def test_a_process_that_is_a_dict():
    """A process class may derive from a builtin type."""

    @xs.process
    class Pool(dict):
        size = xs.variable(intent="out")

        def run_step(self):
            self[len(self)] = 1
            self.size = len(self)

    assert run_process(Pool, steps=3).size == 3


def test_on_demand_raises_where_it_is_read():
    """What an on-demand variable raises comes when it is read, not before."""
    run = run_process(Tank, {"inflow": 1, **LEVEL})
    assert run.run_step[0].late == 6
    with pytest.raises(ZeroDivisionError):
        _ = run.initialize.late
    assert "late" not in run.initialize


def test_values_are_copies_and_objects_are_not():
    """Snapshots hold copies of values, and objects themselves."""
    run = run_process(Tank, {"inflow": 1, **LEVEL})
    assert run.initialize.level is not run.process.level
    assert run.initialize.pipe is run.process.pipe


def test_inputs_from_a_function():
    """A function may make the inputs."""
    assert run_process(Tank, lambda: {"inflow": 1, **LEVEL}).steps == 1


def test_finalize_is_not_left_out():
    """A process closes what it has opened, also after a failure of its own, which is not hidden."""
    closed = []

    @xs.process
    class Broken:
        def run_step(self):
            raise ValueError("no")

        def finalize(self):
            closed.append(True)
            raise OSError("neither")

    with pytest.raises(ValueError, match="no") as error:
        run_process(Broken, steps=3)
    assert closed == [True]
    assert error.value.__notes__ == [
        "in process class Broken, stage 'run_step' of step 0 ('clock' 0.0 to 1.0)",
        "stage 'finalize' failed after that: OSError: neither",
    ]


def test_prints():
    """Values after a stage, and at the end, can be printed."""
    run = run_process(Tank, {"inflow": 1, "level": [0.0]})
    assert repr(run.run_step[0]) == message(
        """
        <Tank after run_step of step 0>
            sizes    ()
            by_name  {}
            inflow   1
            leak     0.5
            level    array([0.5])
            steps    1
            pipe     ['open', 'closed']
            total    0.5
            late     6
        """
    )
    assert repr(run).splitlines()[0] == "<Tank alone, after initialize, run_step, finalize_step, finalize>"


def fails(error, text, *args, **options):
    with pytest.raises(error) as caught:
        run_process(*args, **options)
    assert str(caught.value) == message(text)
    return caught.value


KNOWN = "'x', 'size', 'sizes', 'by_name', 'inflow', 'leak', 'level'"


@pytest.mark.parametrize("argument", ["inputs", "varying"])
def test_unknown_names(argument):
    """Values are for what comes from outside; a misspelt name is answered with the right one."""
    fails(
        errors.UnknownInputError,
        f"""
        class Tank takes no values of 'leval', 'steps' from outside
          got: {argument}={{'leval': ...}}
          expected: variables with intent 'in' or 'inout': {KNOWN}
          did you mean: 'level', 'leak', 'sizes'?
          remedy: state={{'leval': ...}} sets anything before the first stage
        """,
        Tank,
        **{argument: {"leval": [1], "steps": [2]}},
    )


def test_on_demand_is_not_set():
    """What is computed cannot be set."""
    fails(
        errors.UnknownInputError,
        """
        variable 'total' of class Tank is computed on demand and cannot be set
          got: state={'total': ...}
          remedy: set what its compute method reads
        """,
        Tank,
        state={"total": 1},
    )


def test_static_inputs_do_not_vary():
    """A static input has one value."""
    fails(
        errors.InputError,
        """
        variable 'leak' of class Tank is static
          got: varying={'leak': ...}
          expected: one value for all steps: inputs={'leak': ...}
        """,
        Tank,
        varying={"leak": [1]},
    )


@pytest.mark.parametrize(("name", "dims"), [("inflow", "() or 'x'"), ("x", "'x'")])
def test_wrong_dimensions(name, dims):
    """Values have a declared number of dimensions, also those of foreign variables."""
    fails(
        errors.InputError,
        f"""
        the value given for variable {name!r} of class Tank does not have the declared number of dimensions
          got: 2 dimension(s)
          expected: dims {dims}
          remedy: give a value with these; one for each step goes into varying=
        """,
        Tank,
        {name: [[1]]},
    )


def test_too_few_values():
    """A series has a value for each step."""
    fails(
        errors.InputError,
        """
        varying={'inflow': ...} has too few values
          got: 2 value(s)
          expected: one for each of 3 steps
        """,
        Tank,
        varying={"inflow": [1, 2]},
        steps=3,
    )


def test_contradicting_clock():
    """Steps and clock agree."""
    fails(
        errors.OptionError,
        """
        steps= and clock= contradict each other
          got: steps=3 and 3 labels
          expected: one label more than steps: steps=2
        """,
        Tank,
        steps=3,
        clock=[1, 2, 3],
    )
    with pytest.raises(errors.ClockError):
        run_process(Tank, clock=[1, 3, 2])


def test_unknown_stage():
    """Stages have their names."""
    fails(
        errors.OptionError,
        """
        'run_steps' is no stage
          expected: among 'initialize', 'run_step', 'finalize_step', 'finalize'
          did you mean: 'run_step'?
        """,
        Tank,
        stages=["run_steps"],
    )


def test_unknown_runtime_arguments():
    """Runtime arguments are those that there are, given or asked for."""
    text = """
        there is no runtime argument 'step_dleta'
          expected: one of 'batch_size', 'batch', 'sim_start', 'sim_end', 'nsteps', 'step', 'step_start', 'step_end', \
'step_delta', 'main_clock_values', 'main_clock_dataarray', 'rng', 'job'
          did you mean: 'step_delta', 'step_start', 'step_end'?
        """

    @xs.process
    class Asks:
        @xs.runtime(args="step_dleta")
        def run_step(self, delta):
            pass

    fails(errors.RuntimeContextError, text, Tank, runtime={"step_dleta": 1})
    fails(errors.RuntimeContextError, text, Asks)


@pytest.mark.parametrize(
    ("options", "name", "how"),
    [
        ({"inputs": LEVEL}, "inflow", "inputs"),
        ({"inputs": {"inflow": 1, **LEVEL}, "stages": "run_step"}, "steps", "state"),
    ],
)
def test_value_not_given(options, name, how):
    """A value that is read and was not given is named, with the argument for it."""
    with pytest.raises(errors.UnsetVariableError) as error:
        run_process(Tank, **options)
    assert str(error.value).startswith(f"variable {name!r} of class Tank has no value yet")
    assert error.value.__notes__[1] == f"give it a value beforehand: {how}={{{name!r}: ...}}"


def test_reading_what_has_no_value():
    """A variable without a value says so, a misspelt one is an AttributeError, a stage that did not run too."""
    run = run_process(Tank, stages="initialize")
    with pytest.raises(errors.UnsetVariableError) as error:
        _ = run.initialize.level
    assert str(error.value) == (
        "variable 'level' of class Tank has no value after initialize\n"
        "  got: values of 'sizes', 'by_name', 'leak', 'steps', 'pipe'"
    )
    with pytest.raises(AttributeError, match="no attribute 'leval'"):
        _ = run.leval
    with pytest.raises(LookupError, match="stage 'finalize' has not run"):
        _ = run.finalize
    with pytest.raises(KeyError):
        run["level"]


def test_not_a_process():
    """Only process classes run."""
    with pytest.raises(errors.NotAProcessClassError):
        run_process(int)
