"""Clocks of every kind: what processes see, what is saved, and what survives files (DESIGN §C1, §C2)."""

import datetime

import cftime
import numpy as np
import pandas as pd
import pytest
import xarray as xr
from zarr.storage import MemoryStore

import xsim as xs

SEEN = []


@xs.process
class Watch:
    rate = xs.variable(default=1.0)
    count = xs.variable(intent="out")
    now = xs.variable(intent="out")
    delta = xs.variable(intent="out")

    @xs.runtime(args="sim_start, sim_end, main_clock_values")
    def initialize(self, start, end, labels):
        SEEN[:] = [start, end, labels]
        self.count = self.now = self.delta = 0.0

    @xs.runtime(args="step_start, step_end, step_delta")
    def run_step(self, start, end, delta):
        SEEN.append((start, end, delta))
        self.count += self.rate
        self.delta = delta
        self.now = str(end) if hasattr(end, "calendar") else end


MODEL = xs.Model({"watch": Watch})
OUTPUTS = {"watch__count": "out", "watch__now": "t", "watch__delta": None}
DATES = np.array(["2000-01-01", "2000-02-01", "2000-05-01"], dtype="datetime64[ns]")


def cf(calendar):
    return cftime.num2date([0, 1, 400], "days since 2000-02-28", calendar=calendar)


# Labels, the types of what processes see as label and as difference: nanoseconds where these can hold them (§C2).
CLOCKS = {
    **{
        f"datetime64[{u}]": (DATES.astype(f"M8[{u}]"), "datetime64[ns]", "timedelta64[ns]")
        for u in ("M", "W", "D", "h", "m", "s", "ms", "us", "ns")
    },
    **{
        f"timedelta64[{u}]": (np.array([0, 1, 5], f"m8[{u}]"), "timedelta64[ns]", "timedelta64[ns]")
        for u in ("s", "ns")
    },
    "years 1 to 9999": (np.array(["0001", "1000", "9999"], "M8[s]"), "datetime64[s]", "timedelta64[s]"),
    "dates counting down": (DATES[::-1], "datetime64[ns]", "timedelta64[ns]"),
    "dates of pandas": (pd.DatetimeIndex(DATES.astype("M8[us]")), "datetime64[ns]", "timedelta64[ns]"),
    "dates of Python": ([datetime.datetime(2000, 1, n) for n in (1, 2, 5)], "datetime64[ns]", "timedelta64[ns]"),
    "noleap": (cf("noleap"), cftime.DatetimeNoLeap, datetime.timedelta),
    "360_day": (cf("360_day"), cftime.Datetime360Day, datetime.timedelta),
    "julian": (cf("julian"), cftime.DatetimeJulian, datetime.timedelta),
    "noleap counting down": (cf("noleap")[::-1], cftime.DatetimeNoLeap, datetime.timedelta),
    "range": (range(3), "int64", "int64"),
    "counting down": ([2.0, 1.0, 0.5], "float64", "float64"),
    "float32": (np.array([0, 0.1, 0.2], "float32"), "float32", "float32"),
    "uint8": (np.array([255, 251, 3], "uint8"), "uint8", "int64"),
}


def setup_of(labels):
    return xs.create_setup(MODEL, {"t": labels, "out": labels[::2]}, "t", output_vars=OUTPUTS)


def is_of(value, kind):
    return type(value) is kind if isinstance(kind, type) else value.dtype == kind


@pytest.mark.parametrize(("labels", "label", "delta"), CLOCKS.values(), ids=CLOCKS)
def test_what_processes_see(labels, label, delta):
    """Labels are seen with their type, dates in nanoseconds, differences with their sign (API.md, DESIGN §C2)."""
    setup_of(labels).xsim.run(MODEL)

    start, end, values, *steps = SEEN
    assert is_of(start, label)
    assert is_of(end, label)
    given = [*np.asarray(labels, dtype=label if isinstance(label, str) else None)]
    assert [start, end] == [given[0], given[-1]]
    assert list(values) == given
    for i, step in enumerate(steps):
        assert is_of(step[0], label)
        assert is_of(step[1], label)
        assert is_of(step[2], delta)
        assert step[:2] == (given[i], given[i + 1])
        assert step[0] + step[2] == step[1]
    assert len(steps) == 2


@pytest.mark.parametrize("labels", [clock[0] for clock in CLOCKS.values()], ids=CLOCKS)
def test_stores(labels):
    """A run into a store gives what it gives in memory, to the unit of dates; the store is a setup again (§S1, §S5)."""
    setup, store = setup_of(labels), MemoryStore()
    expected = setup.xsim.run(MODEL)
    result = setup.xsim.run(MODEL, store=store)

    xs.testing.assert_identical_runs(result.load(), expected)
    again = xr.open_zarr(store).xsim.run(MODEL)
    for name in (*OUTPUTS, "t", "out"):
        np.testing.assert_array_equal(again[name], expected[name], strict=True)


@pytest.mark.parametrize("kind", [kind for kind in CLOCKS if kind != "years 1 to 9999"])
@pytest.mark.parametrize("file", ["netCDF", "Zarr"])
def test_files(tmp_path, kind, file):
    """A setup from a file runs as the one that was saved; years out of the bounds of ns are too much for xarray."""
    setup = setup_of(CLOCKS[kind][0])
    expected = setup.xsim.run(MODEL)
    if file == "netCDF":
        setup.to_netcdf(tmp_path / "setup.nc")
        with xr.open_dataset(tmp_path / "setup.nc") as opened:
            back = opened.load()
    else:
        setup.to_zarr(tmp_path / "setup.zarr", consolidated=False)
        back = xr.open_zarr(tmp_path / "setup.zarr", consolidated=False)
    result = back.xsim.run(MODEL)

    for name in (*OUTPUTS, "t", "out"):
        np.testing.assert_array_equal(result[name], expected[name], strict=True)


@pytest.mark.parametrize("store", [None, MemoryStore], ids=["memory", "store"])
@pytest.mark.parametrize("kind", ["datetime64[s]", "timedelta64[s]", "noleap", "counting down"])
def test_batches_in_worker_processes(kind, store):
    """Clocks travel to worker processes; members see what a single run sees (DESIGN §C3)."""
    setup = setup_of(CLOCKS[kind][0]).assign(watch__rate=("batch", [1.0, 2.0, 3.0]))
    options = {"parallel": True, "scheduler": "processes", "workers": 2, "store": store and store()}
    result = setup.xsim.run(MODEL, "batch", **options)

    for member in range(3):
        single = setup.isel(batch=member).xsim.run(MODEL)
        for name in OUTPUTS:
            np.testing.assert_array_equal(result[name].isel(batch=member), single[name], strict=True)


@pytest.mark.parametrize("labels", [[3.0], DATES[:1], cf("noleap")[:1]], ids=["number", "datetime64", "cftime"])
def test_a_single_label(labels):
    """A clock of one label is a run without steps (§C1)."""
    result = setup_of(labels).xsim.run(MODEL)

    assert SEEN[:2] == [labels[0], labels[0]]
    assert len(SEEN) == 3
    assert result.watch__count.values.tolist() == [0.0]


def test_a_failure_on_a_clock_of_one_label():
    """What goes wrong without a step is raised as it is, with the label."""

    @xs.process
    class Late:
        level = xs.variable(intent="out")

    model = xs.Model({"late": Late})
    setup = xs.create_setup(model, {"t": [3.0]}, output_vars={"late__level": "t"})
    with pytest.raises(xs.errors.UnsetVariableError) as error:
        setup.xsim.run(model)

    assert error.value.__notes__ == ["while saving output 'late__level'", "at 't' 3.0"]


@pytest.mark.parametrize("store", [None, {}], ids=["memory", "store"])
def test_dates_of_a_calendar_as_outputs(store):
    """Dates of a calendar are no outputs; the remedy in the message works (§S6)."""

    @xs.process
    class Calendar:
        date = xs.variable(intent="out")
        day = xs.variable(intent="out", attrs={"units": "days since 2000-01-01", "calendar": "noleap"})

        @xs.runtime(args="sim_start")
        def initialize(self, start):
            self.date = start
            self.day = cftime.date2num(start, "days since 2000-01-01", calendar="noleap")

    model = xs.Model({"c": Calendar})
    setup = xs.create_setup(model, {"t": cf("noleap")}, output_vars={"c__date": None})
    with pytest.raises(xs.errors.OutputError) as error:
        setup.xsim.run(model)

    assert str(error.value) == (
        "output 'c__date' has a value that cannot be saved\n"
        "  got: a date of calendar 'noleap': 2000-02-28 00:00:00\n"
        "  expected: numbers, bools, text throughout, or dates of numpy (datetime64)\n"
        "  remedy: save numbers, cftime.date2num(date, units, calendar), and declare what they are: "
        "attrs={'units': ..., 'calendar': ...}; the result has dates again"
    )
    setup = xs.create_setup(model, {"t": cf("noleap")}, output_vars={"c__day": None})
    assert setup.xsim.run(model, store=store).c__day.item() == cf("noleap")[0]


def test_dates_of_a_setup_stay_coordinates():
    """Dates along other dimensions, and without one, are in the store as they are in the setup (§S5)."""
    setup = setup_of(range(3)).assign_coords(
        when=("x", np.array(["2000-01-01", "NaT"], "M8[s]"), {"note": np.int64(3)}),
        start=np.datetime64("2000-01-01", "ms"),
    )
    setup["wait"] = ("x", np.array([1, 2], "m8[ms]"))
    store = MemoryStore()
    setup.xsim.run(MODEL, store=store)
    back = xr.open_zarr(store)

    assert {"when", "start"} <= set(back.coords)
    for name in ("when", "start", "wait"):
        np.testing.assert_array_equal(back[name], setup[name], strict=True)
    assert back.when.attrs["note"] == 3
