"""The steps of a run, and what each of them covers (DESIGN §C1, §C2, §C4)."""

import cftime
import numpy as np
import pytest

import xsim as xs


@xs.process
class Watch:
    starts = xs.any_object()
    out = xs.variable(intent="out")

    @xs.runtime(args="step_start")
    def initialize(self, step_start):
        self.seen = [("initialize", step_start)]
        self.out = 0

    @xs.runtime(args=["step", "step_start", "step_end", "step_delta"])
    def run_step(self, step, start, end, delta):
        RECORD.append((step, start, end, delta))
        self.out += 1


MODEL = xs.Model({"watch": Watch})
RECORD = []


def plan_of(labels, **kwargs):
    return xs.create_setup(MODEL, {"t": labels}, **kwargs).xsim.plan(MODEL)


def day(text, unit="s"):
    return np.datetime64(text, unit)


def noleap(*days):
    return cftime.num2date(days, "days since 2000-02-28", calendar="noleap")


STEPS = {
    "numbers": ([0.0, 0.5, 2.0], [0.0, 0.5], [0.5, 2.0], [0.5, 1.5]),
    "ints": ([1, 2, 5], [1, 2], [2, 5], [1, 3]),
    "decreasing": ([10, 4, 1], [10, 4], [4, 1], [-6, -3]),
    "unsigned": (np.array([1, 3, 250], "uint8"), [1, 3], [3, 250], [2, 247]),
    "decreasing unsigned": (np.array([250, 3, 0], "uint8"), [250, 3], [3, 0], [-247, -3]),
    "small ints": (np.array([-100, 100, 120], "int8"), [-100, 100], [100, 120], [200, 20]),
    "dates": (
        np.array(["2000-01-01", "2000-01-02", "2000-01-05"], "datetime64[s]"),
        [day("2000-01-01"), day("2000-01-02")],
        [day("2000-01-02"), day("2000-01-05")],
        [np.timedelta64(1, "D"), np.timedelta64(3, "D")],
    ),
    "decreasing dates": (
        np.array(["2000-01-05", "2000-01-02"], "datetime64[ns]"),
        [day("2000-01-05")],
        [day("2000-01-02")],
        [np.timedelta64(-3, "D")],
    ),
    "time differences": (
        np.array([0, 5, 7], "timedelta64[s]"),
        [np.timedelta64(0, "s"), np.timedelta64(5, "s")],
        [np.timedelta64(5, "s"), np.timedelta64(7, "s")],
        [np.timedelta64(5, "s"), np.timedelta64(2, "s")],
    ),
    "cftime": (
        noleap(0, 1, 5),
        list(noleap(0, 1)),
        list(noleap(1, 5)),
        [noleap(1)[0] - noleap(0)[0], noleap(5)[0] - noleap(1)[0]],
    ),
}


@pytest.mark.parametrize(("labels", "starts", "ends", "deltas"), STEPS.values(), ids=STEPS)
def test_steps(labels, starts, ends, deltas):
    """Step i covers labels i to i+1, exactly, in the order given (DESIGN §C1, §C2)."""
    timeline = plan_of(labels).timeline

    assert timeline.clock == "t"
    assert timeline.labels.tolist() == np.asarray(labels).tolist()
    assert timeline.nsteps == len(starts)
    assert timeline.starts == starts
    assert timeline.ends == ends
    assert timeline.deltas == deltas


@pytest.mark.parametrize(("labels", "starts", "ends", "deltas"), STEPS.values(), ids=STEPS)
def test_processes_see_the_steps(labels, starts, ends, deltas):
    """Stage methods get what the timeline says."""
    RECORD.clear()

    xs.create_setup(MODEL, {"t": labels}).xsim.run(MODEL)

    assert list(zip(range(len(starts)), starts, ends, deltas, strict=True)) == RECORD


def test_dates_are_numpy_dates():
    """With datetime clocks the values are np.datetime64 and np.timedelta64 (API.md)."""
    timeline = plan_of(np.array(["2000-01-01", "2000-01-02"], "datetime64[ms]")).timeline

    kinds = [type(values[0]) for values in (timeline.starts, timeline.ends, timeline.deltas)]
    assert kinds == [np.datetime64, np.datetime64, np.timedelta64]


@pytest.mark.parametrize(
    "unit, year, kept",
    [(unit, year, False) for unit in ("D", "s", "ms", "us", "ns") for year in ("1678", "2262")]
    + [(unit, year, True) for unit in ("D", "s", "ms", "us") for year in ("1677", "2263")],
)
def test_dates_are_in_nanoseconds(unit, year, kept):
    """Dates are in nanoseconds, as in xarray-simlab, for models that take them apart, where these can hold them."""
    labels = np.array([f"{year}-01-01T00", f"{year}-01-02T12" if unit != "D" else f"{year}-01-02"], "datetime64")
    timeline = plan_of(labels.astype(f"datetime64[{unit}]")).timeline
    seen = []

    @xs.process
    class Looks:
        @xs.runtime(args="sim_start, step_start, step_end, step_delta, sim_end")
        def run_step(self, *values):
            seen.extend(values)

    model = xs.Model({"p": Looks})
    xs.create_setup(model, {"t": labels.astype(f"datetime64[{unit}]")}).xsim.run(model)

    assert timeline.moments == list(labels)
    assert timeline.deltas == [labels[1] - labels[0]]
    assert {np.datetime_data(value.dtype)[0] == "ns" for value in seen} == {not kept}


def test_the_main_clock_is_there_as_a_dataarray():
    """The timeline holds the main clock as it is in the setup."""
    setup = xs.create_setup(MODEL, {"t": [3, 4]})

    assert setup.xsim.plan(MODEL).timeline.dataarray.identical(setup.t)


def test_a_clock_with_units_is_numbers():
    """Clocks given with units are numbers while running (API.md)."""
    timeline = plan_of([0, 1, 2], main_clock={"dim": "t", "units": "days since 2000-01-01"}).timeline

    assert timeline.starts == [0, 1]
    assert timeline.deltas == [1, 1]


def test_a_clock_of_one_label_has_no_steps():
    """One label is a run without steps (DESIGN §C1)."""
    timeline = plan_of([7]).timeline

    assert timeline.nsteps == 0
    assert timeline.labels.tolist() == [7]
    assert (timeline.starts, timeline.ends, timeline.deltas) == ([], [], [])


def test_without_a_clock_there_is_one_step():
    """A setup with no clock runs each stage once, at no time (DESIGN §C4)."""
    RECORD.clear()
    setup = xs.create_setup(MODEL, output_vars={"watch__out": None})

    timeline = setup.xsim.plan(MODEL).timeline
    result = setup.xsim.run(MODEL)

    assert timeline.clock is None
    assert timeline.nsteps == 1
    assert timeline.labels.size == 0
    assert np.isnan([timeline.starts[0], timeline.ends[0], timeline.deltas[0]]).all()
    assert [step for step, *_ in RECORD] == [0]
    assert result.watch__out.item() == 1


@pytest.mark.parametrize(
    ("labels", "text"),
    [
        ([0.0, 0.5, 2.0], "step 1 ('t' 0.5 to 2.0)"),
        (
            np.array(["2000-01-01", "2000-01-02", "2000-01-05"], "datetime64[s]"),
            "step 1 ('t' 2000-01-02T00:00:00 to 2000-01-05T00:00:00)",
        ),
        (noleap(0, 1, 5), "step 1 ('t' 2000-03-01 00:00:00 to 2000-03-05 00:00:00)"),
    ],
    ids=["numbers", "dates", "cftime"],
)
def test_steps_are_named_in_messages(labels, text):
    """A step is named with its labels."""
    assert plan_of(labels).timeline.describe(1) == text


def test_the_only_step_is_named_without_labels():
    """Without a clock a step has a number only."""
    assert xs.create_setup(MODEL).xsim.plan(MODEL).timeline.describe(0) == "step 0"
