"""A process ends its own simulation with ``xs.stop`` (DESIGN §O8)."""

import numpy as np
import pytest
import xarray as xr

import xsim as xs
from xsim.engine import parallel, tasks

STEPS = 5
STAGES = ("initialize", "run_step", "finalize_step", "finalize")
ATTRS = ("xsim_outcome", "xsim_reason", "xsim_process", "xsim_stage", "xsim_step")


@pytest.fixture
def always(monkeypatch):
    """Let stages run in tasks, whatever it costs; one pass is a sequential trial."""
    monkeypatch.setattr(parallel, "WORTH_TRYING", 0)
    monkeypatch.setattr(parallel, "LOOKING", 0)
    monkeypatch.setattr(parallel, "LEAST_GAIN", 0)
    monkeypatch.setattr(parallel, "TRIALS", 1)
    monkeypatch.setattr(tasks, "CHEAPEST_TASK", 1e-9)


@pytest.fixture
def log():
    return []


def process(log, name, answers=None, stages=STAGES, **namespace):
    """Make a process that notes its stages, counts steps, and answers what it is told to at (stage, step)."""

    def stage_method(stage):
        def method(self, step):
            log.append(f"{name}.{stage} {step}")
            if stage == "run_step":
                self.count = getattr(self, "count", 0) + 1
            return (answers or {}).get((stage, step))

        return xs.runtime(args="step")(method)

    namespace |= {stage: stage_method(stage) for stage in stages}
    return xs.process(type(name.upper(), (), namespace | {"count": xs.variable(intent="out")}))


def run(classes, outputs=None, steps=STEPS, inputs=None, **options):
    """Run a model over some steps."""
    model = xs.Model(classes)
    clocks = {"t": np.arange(steps + 1), "out": np.arange(0, steps + 1, steps)} if steps else None
    setup = xs.create_setup(model, clocks, "t" if steps else None, inputs, outputs)
    return setup.xsim.run(model, **({"progress": False} | options))


def facts(result):
    """Give what a result says of how it ended."""
    return tuple(result.attrs.get(name) for name in ATTRS)


OUTPUTS = {"a__count": "t", "b__count": None}


@pytest.mark.parametrize("options", [{}, {"parallel": True, "workers": 2}, {"validate": "all"}, {"safe_mode": False}])
def test_in_run_step(log, always, options):
    """The others of the stage run, the label is saved, later ones are missing, and finalize runs."""
    a = process(log, "a", {("run_step", 2): xs.stop("enough")})
    b = process(log, "b", needs=xs.foreign(a, "count"))
    result = run({"a": a, "b": b}, OUTPUTS, **options)

    assert facts(result) == ("done", "enough", "a", "run_step", 2)
    np.testing.assert_array_equal(result.a__count, [1, 2, 3, np.nan, np.nan, np.nan])
    assert result.b__count.item() == 3
    last = [entry for entry in log if entry.endswith("2")]
    assert last == ["a.run_step 2", "b.run_step 2", "a.finalize 2", "b.finalize 2"]
    assert log.index("b.finalize_step 1") < log.index("a.run_step 2")
    assert "'a' ended the simulation at step 2 ('t' 2 to 3): enough" in result.attrs["xsim_summary"].splitlines()


def test_in_finalize_step(log):
    """The label of the step is saved before it, and no step follows."""
    a = process(log, "a", {("finalize_step", 1): xs.stop("enough")})
    b = process(log, "b", needs=xs.foreign(a, "count"))
    result = run({"a": a, "b": b}, OUTPUTS)

    assert facts(result) == ("done", "enough", "a", "finalize_step", 1)
    np.testing.assert_array_equal(result.a__count, [1, 2, *[np.nan] * 4])
    assert log[-4:] == ["a.finalize_step 1", "b.finalize_step 1", "a.finalize 1", "b.finalize 1"]


def test_in_the_last_step(log):
    """The last label is missing too: the simulation did not get there."""
    for stage in ("run_step", "finalize_step"):
        a = process(log, "a", {(stage, STEPS - 1): xs.stop("enough")})
        result = run({"a": a}, {"a__count": "t"})

        assert facts(result)[-1] == STEPS - 1
        np.testing.assert_array_equal(result.a__count, [1, 2, 3, 4, 5, np.nan])


def test_in_initialize(log):
    """No step runs and no label is reached; what is saved without a clock is, and finalize runs."""

    @xs.process
    class Grid:
        x = xs.index("x")
        total = xs.variable(intent="out")

        def initialize(self):
            self.x = np.arange(3)
            self.total = 3
            return xs.stop("nothing to do")

    b = process(log, "b", needs=xs.foreign(Grid, "total"))
    result = run({"grid": Grid, "b": b}, {"grid__total": None, "b__count": "t"})

    assert facts(result) == ("done", "nothing to do", "grid", "initialize", -1)
    assert log == ["b.initialize 0", "b.finalize 0"]
    assert result.grid__total.item() == 3
    assert result.x.values.tolist() == [0, 1, 2]
    assert "b__count" not in result
    assert result.attrs["xsim_summary"] == "'grid' ended the simulation at stage 'initialize': nothing to do"


def test_in_finalize(log):
    """At the end there is nothing left to end."""
    result = run({"a": process(log, "a", {("finalize", STEPS - 1): xs.stop("late")})}, {"a__count": "t"})

    assert facts(result) == ("done", None, None, None, None)
    assert result.a__count.values.tolist() == [1, 2, 3, 4, 5, 5]


def test_without_a_clock(log):
    """A run without steps of its own ends after the stage (DESIGN §C4)."""
    result = run({"a": process(log, "a", {("run_step", 0): xs.stop("x")})}, {"a__count": None}, steps=0)

    assert facts(result) == ("done", "x", "a", "run_step", 0)
    assert log == ["a.initialize 0", "a.run_step 0", "a.finalize 0"]
    assert result.a__count.item() == 1


@pytest.mark.parametrize("options", [{}, {"parallel": True, "workers": 2}])
def test_the_first_in_the_order_counts(log, always, options):
    """Of several in one stage, the one of the first process is kept."""
    stops = {name: process(log, name, {("run_step", 1): xs.stop(f"by {name}")}) for name in "cab"}

    assert facts(run(stops, **options)) == ("done", "by c", "c", "run_step", 1)


@pytest.mark.parametrize("options", [{}, {"parallel": True, "workers": 2}])
def test_with_a_break_in_the_same_stage(log, always, options):
    """BREAK still skips those downstream, and who is skipped does not stop (DESIGN §O8)."""
    answers = {("run_step", 1): xs.RuntimeSignal.BREAK}
    a = process(log, "a", {("run_step", 1): xs.stop("by a")})
    b = process(log, "b", answers)
    c = process(log, "c", {("run_step", 1): xs.stop("skipped"), ("run_step", 0): None}, needs=xs.foreign(b, "count"))
    assert facts(run({"b": b, "c": c, "a": a}, **options)) == ("done", "by a", "a", "run_step", 1)
    assert "c.run_step 1" not in log

    log.clear()
    assert facts(run({"b": b, "c": c}, **options)) == ("done", None, None, None, None)


def test_with_hooks_around_processes(log):
    """Hooks around processes change nothing of it."""
    calls = []
    a = process(log, "a", {("run_step", 1): xs.stop("enough")})
    hook = xs.runtime_hook("run_step", level="process")(lambda model, context, state: calls.append(context["step"]))
    result = run({"a": a, "b": process(log, "b")}, {"b__count": "t"}, hooks=[hook])

    assert facts(result) == ("done", "enough", "a", "run_step", 1)
    assert calls == [0, 0, 1, 1]
    np.testing.assert_array_equal(result.b__count[:3], [1, 2, np.nan])


@pytest.mark.parametrize("level", ["model", "process"])
@pytest.mark.parametrize("trigger", ["pre", "post"])
def test_by_hooks(log, level, trigger):
    """A hook may return it too; the stage goes on to its end."""

    @xs.runtime_hook("run_step", level=level, trigger=trigger)
    def enough(model, context, state):
        return xs.stop("seen enough") if context["step"] == 1 else None

    result = run({"a": process(log, "a")}, {"a__count": "t"}, hooks=[enough])

    name = "hook test_by_hooks.<locals>.enough"
    assert facts(result) == ("done", "seen enough", name, "run_step", 1)
    np.testing.assert_array_equal(result.a__count, [1, 2, *[np.nan] * 4])


def test_break_by_a_hook_has_no_reason(log):
    """BREAK at model level ends the loop as before, without a reason."""
    hook = xs.runtime_hook("run_step")(lambda *args: xs.RuntimeSignal.BREAK)
    result = run({"a": process(log, "a")}, {"a__count": "t"}, hooks=[hook])

    assert facts(result) == ("done", None, None, None, None)
    np.testing.assert_array_equal(result.a__count, [1, *[np.nan] * 5])


def test_in_a_store(log, tmp_path):
    """The store says how the run ended, readable without xsim."""
    a = process(log, "a", {("run_step", 2): xs.stop("enough")})
    result = run({"a": a}, {"a__count": "t"}, store=tmp_path / "out.zarr")

    assert facts(result) == ("done", "enough", "a", "run_step", 2)
    with xr.open_zarr(tmp_path / "out.zarr") as opened:
        assert facts(opened) == facts(result)
        np.testing.assert_array_equal(opened.a__count, [1, 2, 3, np.nan, np.nan, np.nan])


def test_the_result_as_a_setup(log):
    """A rerun says nothing of the ending of the run before (DESIGN §S5)."""
    classes = {"a": process(log, "a", {("run_step", 2): xs.stop("enough")})}
    result = run(classes, {"a__count": "t"})
    calm = xs.Model({"a": process(log, "a")})

    assert facts(result.xsim.run(calm, progress=False)) == ("done", None, None, None, None)


@pytest.mark.parametrize("store", [False, True])
@pytest.mark.parametrize("options", [{}, {"parallel": True}, {"parallel": True, "scheduler": "processes"}])
def test_batches(tmp_path, store, options):
    """Each member ends for itself, is done, and says why and at which step."""

    @xs.process
    class Pond:
        water = xs.variable(intent="inout")

        def run_step(self):
            self.water -= 1.0
            return xs.stop(f"dry \ud800 at {self.water}") if self.water <= 0 else None

    options = options | ({"store": tmp_path / "out.zarr"} if store else {})
    inputs = {"pond__water": ("b", [2.0, 9.0, 1.0])}
    result = run({"pond": Pond}, {"pond__water": "t"}, inputs=inputs, batch_dim="b", steps=3, **options).load()

    nan = np.nan
    np.testing.assert_array_equal(result.pond__water, [[1, 0, nan, nan], [8, 7, 6, 6], [0, nan, nan, nan]])
    assert result.xsim_outcome.values.tolist() == ["done"] * 3
    assert result.xsim_reason.values.tolist() == ["dry \\ud800 at 0.0", "", "dry \\ud800 at 0.0"]
    assert result.xsim_process.values.tolist() == ["pond", "", "pond"]
    assert result.xsim_stage.values.tolist() == ["run_step", "", "run_step"]
    assert result.xsim_step.values.tolist() == [1, -1, 0]
    assert result.attrs["xsim_outcome"] == "done"


@pytest.mark.parametrize("store", [False, True])
def test_members_that_stop_before_the_first_step(tmp_path, store):
    """Their rows are missing, also those of the first members; they are done."""

    @xs.process
    class Starts:
        good = xs.variable()
        v = xs.variable(intent="out")

        def initialize(self):
            self.v = 1
            return None if self.good else xs.stop("no good")

    options = {"batch_dim": "b", "store": tmp_path / "out.zarr" if store else None, "mode": "w"}
    result = run({"s": Starts}, {"s__v": "t"}, inputs={"s__good": ("b", [False, True])}, steps=1, **options)
    np.testing.assert_array_equal(result.s__v, [[np.nan, np.nan], [1, 1]])
    assert result.xsim_outcome.values.tolist() == ["done", "done"]
    assert result.xsim_stage.values.tolist() == ["initialize", ""]

    result = run({"s": Starts}, {"s__v": "t"}, inputs={"s__good": ("b", [False, False])}, steps=1, **options)
    assert "s__v" not in result
    assert result.xsim_step.values.tolist() == [-1, -1]


@xs.process
class Reached:
    """Sets its variables in stages that may not be reached; index and time-varying input have no value before."""

    stops = xs.variable(default="")
    v = xs.variable(default=0.0)
    stepped = xs.variable(intent="out")
    ended = xs.variable(intent="out")
    x = xs.index(dims="x")

    def initialize(self):
        return xs.stop("no good") if self.stops == "initialize" else None

    def run_step(self):
        self.stepped, self.x = 1.5, np.arange(2)
        return xs.stop("enough") if self.stops == "run_step" else None

    def finalize_step(self):
        self.ended = 2.5


REACHED = ["v", "stepped", "ended"]


@pytest.mark.parametrize("store", [False, True])
@pytest.mark.parametrize("clock", [None, "out"])
@pytest.mark.parametrize(
    ("stops", "there"),
    [("initialize", []), ("run_step", ["r__v", "r__stepped", "x"]), ("", ["r__v", "r__stepped", "r__ended", "x"])],
)
def test_what_was_not_reached_is_missing(tmp_path, store, clock, stops, there):
    """What has no value when a simulation ends is missing, for outputs at the end and indexes too (§O8)."""
    names = REACHED[: 3 if clock is None else 2]  # `ended` has no value at the first label of a clock
    outputs = {f"r__{name}": clock for name in names}
    inputs = {"r__stops": stops, "r__v": ("t", [7.0, 8.0])}
    result = run({"r": Reached}, outputs, 1, inputs, store=tmp_path / "out.zarr" if store else None)

    assert {*outputs, "x"} & set(result.variables) == set(there) & {*outputs, "x"}


@pytest.mark.parametrize("store", [False, True])
@pytest.mark.parametrize("options", [{}, {"parallel": True, "workers": 2}, {"block": 1}, {"block": 3}])
def test_what_members_have_not_reached_is_missing(tmp_path, store, options):
    """In a batch, the rows of members that ended before are missing, those of the others are there (§O8, §B6)."""
    outputs = {f"r__{name}": None for name in REACHED}
    inputs = {"r__stops": ("b", ["initialize", "", "run_step"]), "r__v": ("t", [7.0, 8.0])}
    options = options | {"batch_dim": "b", "store": tmp_path / "out.zarr" if store else None}
    result = run({"r": Reached}, outputs, 1, inputs, **options)

    assert result.xsim_outcome.values.tolist() == ["done"] * 3
    np.testing.assert_array_equal(result.r__v, [np.nan, 7.0, 7.0])
    np.testing.assert_array_equal(result.r__stepped, [np.nan, 1.5, 1.5])
    np.testing.assert_array_equal(result.r__ended, [np.nan, 2.5, np.nan])
    assert result.x.values.tolist() == [0, 1]


def test_a_break_by_a_hook_before_the_first_step():
    """A hook that ends the loop before any process ran leaves outputs missing too (§O8)."""

    @xs.runtime_hook("run_step", trigger="pre")
    def stop(model, context, state):
        return xs.RuntimeSignal.BREAK

    result = run({"r": Reached}, {"r__stepped": "t", "r__v": None}, 1, {"r__v": 3.0}, hooks=[stop])

    assert float(result.r__v) == 3.0
    assert "r__stepped" not in result


def test_a_value_never_set_is_an_error_without_an_end():
    """Where nothing ended the simulation, an output without a value is a mistake."""
    with pytest.raises(xs.errors.UnsetVariableError, match="variable 'ended' of process 'r'"):
        run({"r": Reached}, {"r__ended": "t"}, 1)


def test_reasons_are_text():
    """Whatever is given as reason becomes text; a reason is needed."""
    assert xs.stop(3.5).reason == "3.5"
    with pytest.raises(TypeError):
        xs.stop()


def test_by_hand(log):
    """On a live model the signal to end is given back: the stages are called by hand there."""
    model = xs.Model({"a": process(log, "a", {("run_step", 0): xs.stop("x")})})

    assert model.execute("run_step", {"step": 0}) is xs.RuntimeSignal.BREAK
    assert model.a.count == 1
