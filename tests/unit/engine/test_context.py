"""The values of the runtime arguments (DESIGN §C2, §C3, §C4)."""

import cftime
import numpy as np
import pytest
import xarray as xr

import xsim as xs

STEP = ("step", "step_start", "step_end", "step_delta")
WHOLE = ("batch_size", "batch", "sim_start", "sim_end", "nsteps", "main_clock_values", "main_clock_dataarray")
ARGS = (*STEP, *WHOLE)


@pytest.fixture
def run():
    """Give a function that runs a clock, and gives for each stage the runtime arguments of each call."""

    def run_clock(*labels, clocks=True, main_clock="t"):
        seen = {"initialize": [], "run_step": [], "finalize_step": [], "finalize": []}

        def method(stage):
            @xs.runtime(args=ARGS)
            def call(self, *values):
                seen[stage].append(dict(zip(ARGS, values, strict=True)))

            return call

        cls = xs.process(type("Spy", (), {stage: method(stage) for stage in seen}))
        model = xs.Model({"spy": cls})
        setup = xs.create_setup(model, {"t": np.array(labels)}, main_clock) if clocks else xs.create_setup(model)
        setup.xsim.run(model)
        return seen

    return run_clock


def step_values(calls):
    return [tuple(call[name] for name in STEP) for call in calls]


def test_a_step_covers_labels_i_to_i_plus_1(run):
    """Start, end and delta of a step are exactly its two labels and their difference (DESIGN §C2)."""
    seen = run(0.0, 0.1, 0.3, 1.0)
    expected = [(0, 0.0, 0.1, 0.1 - 0.0), (1, 0.1, 0.3, 0.3 - 0.1), (2, 0.3, 1.0, 1.0 - 0.3)]

    assert step_values(seen["run_step"]) == expected
    assert step_values(seen["finalize_step"]) == expected


def test_before_and_after_the_steps(run):
    """In initialize the step is the first one, in finalize the last one: `step_start` can be asked for anywhere."""
    seen = run(0.0, 0.5, 2.0)

    assert step_values(seen["initialize"]) == [(0, 0.0, 0.5, 0.5)]
    assert step_values(seen["finalize"]) == [(1, 0.5, 2.0, 1.5)]


def test_the_whole_simulation(run):
    """First and last label, number of steps and all labels are the same in every stage."""
    seen = run(1, 2, 4)

    for calls in seen.values():
        for call in calls:
            assert (call["sim_start"], call["sim_end"], call["nsteps"]) == (1, 4, 2)
            np.testing.assert_array_equal(call["main_clock_values"], np.array([1, 2, 4]), strict=True)
            xr.testing.assert_equal(call["main_clock_dataarray"], xr.DataArray([1, 2, 4], {"t": [1, 2, 4]}, "t"))
            assert call["main_clock_dataarray"].name == "t"


def test_outside_batches(run):
    """Without a batch, size and position are -1, in every stage (DESIGN §C3)."""
    assert {(call["batch_size"], call["batch"]) for calls in run(0, 1, 2).values() for call in calls} == {(-1, -1)}


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
def test_datetime_clocks(run, unit):
    """With datetime clocks arguments are np.datetime64 and np.timedelta64, in nanoseconds as ever (API)."""
    days = np.array(["2000-01-01", "2000-01-02", "2000-01-05"], f"datetime64[{unit}]")
    [first, second] = run(*days)["run_step"]

    for call in (first, second):
        assert {type(call[name]) for name in ("sim_start", "sim_end", "step_start", "step_end")} == {np.datetime64}
        assert type(call["step_delta"]) is np.timedelta64
        assert call["step_start"].dtype == "datetime64[ns]"
    assert (first["step_start"], first["step_end"], first["step_delta"]) == (days[0], days[1], np.timedelta64(1, "D"))
    assert (second["step_start"], second["step_end"], second["step_delta"]) == (
        days[1],
        days[2],
        np.timedelta64(3, "D"),
    )
    assert (first["sim_start"], first["sim_end"]) == (days[0], days[2])


def test_clocks_of_time_differences(run):
    """A clock of time differences has steps that are time differences."""
    seen = run(*np.array([0, 1, 3], "timedelta64[s]"))

    assert step_values(seen["run_step"])[1] == (1, *np.array([1, 3, 2], "timedelta64[s]"))


def test_cftime_clocks(run):
    """With cftime clocks the labels are cftime dates."""
    dates = [cftime.DatetimeNoLeap(2000, 2, day) for day in (27, 28)] + [cftime.DatetimeNoLeap(2000, 3, 1)]
    seen = run(*dates)

    assert [(start, end) for _, start, end, _ in step_values(seen["run_step"])] == [tuple(dates[:2]), tuple(dates[1:])]
    assert [delta.days for *_, delta in step_values(seen["run_step"])] == [1, 1]


def test_decreasing_clocks(run):
    """A clock that counts down has negative steps (DESIGN §C1)."""
    assert step_values(run(10, 7, 0)["run_step"]) == [(0, 10, 7, -3), (1, 7, 0, -7)]


def test_decreasing_clocks_of_unsigned_integers(run):
    """Differences of unsigned labels may be negative."""
    assert step_values(run(*np.array([10, 7, 0], "uint8"))["run_step"]) == [(0, 10, 7, -3), (1, 7, 0, -7)]


def test_numbers_are_scalars(run):
    """Numeric arguments behave as scalars (API)."""
    [first, _] = run(0.0, 1.0, 2.0)["run_step"]

    for name in (*STEP, "sim_start", "sim_end", "nsteps", "batch", "batch_size"):
        assert np.ndim(first[name]) == 0


def test_one_label(run):
    """A clock of one label is its own start and end, with a step of no length (DESIGN §C1)."""
    seen = run(5.0)

    assert step_values(seen["initialize"]) == step_values(seen["finalize"]) == [(0, 5.0, 5.0, 0.0)]
    assert seen["run_step"] == []
    assert (seen["initialize"][0]["sim_start"], seen["initialize"][0]["sim_end"]) == (5.0, 5.0)
    assert seen["initialize"][0]["nsteps"] == 0


def test_without_a_clock(run):
    """Without a clock there are no labels; there is one step, at no time (DESIGN §C4)."""
    seen = run(clocks=False)
    [call] = seen["run_step"]

    assert call["step"] == 0
    assert call["main_clock_values"].shape == (0,)
    assert np.isnan([call[name] for name in ("sim_start", "sim_end", "step_start", "step_end", "step_delta")]).all()


def test_clocks_with_units_are_numbers(run):
    """A clock of numbers with units and a calendar gives numbers to processes (API)."""
    main_clock = {"dim": "t", "units": "days since 2000-01-01", "calendar": "noleap"}

    assert step_values(run(0, 1, 3, main_clock=main_clock)["run_step"]) == [(0, 0, 1, 1), (1, 1, 3, 2)]


def test_what_a_process_does_to_the_clock_stays_with_it():
    """Changing the arrays of the clock changes neither setup nor result (DESIGN §V3)."""

    @xs.process
    class Vandal:
        @xs.runtime(args="main_clock_values, main_clock_dataarray")
        def initialize(self, values, array):
            array.attrs["vandal"] = "was here"
            for target in (values, array.values):
                if target.flags.writeable:
                    target[:] = -1

    model = xs.Model({"vandal": Vandal})
    setup = xs.create_setup(model, {"t": [0.0, 1.0]})
    before = setup.copy(deep=True)
    result = setup.xsim.run(model)

    xr.testing.assert_identical(setup, before)
    assert result.t.values.tolist() == [0, 1]
    assert "vandal" not in result.t.attrs


@pytest.mark.parametrize("args", ["step", ("step",), ["step"], "step,"])
def test_forms_of_asking(args):
    """Runtime arguments are named in a string, a tuple or a list (API)."""
    seen = []

    @xs.process
    class P:
        @xs.runtime(args=args)
        def run_step(self, step):
            seen.append(step)

    model = xs.Model({"p": P})
    xs.create_setup(model, {"t": [0, 1, 2]}).xsim.run(model)

    assert seen == [0, 1]
