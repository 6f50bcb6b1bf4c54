"""Clocks that a setup takes (DESIGN §C1)."""

import cftime
import numpy as np
import pandas as pd
import pytest
import xarray as xr

import xsim as xs


@xs.process
class Clocked:
    rate = xs.variable(default=1)
    size = xs.variable(intent="out")


MODEL = xs.Model({"clocked": Clocked})


def setup_of(clocks, main_clock=None, **kwargs):
    return xs.create_setup(MODEL, clocks, main_clock, **kwargs)


DAYS = ["2000-01-01", "2000-01-02", "2000-01-05"]

LABELS = {
    "ints": np.array([0, 1, 2]),
    "floats": np.array([0.0, 0.1, 7.5]),
    "float32": np.array([0.0, 0.1, 7.5], dtype="float32"),
    "decreasing ints": np.array([100, 50, 0]),
    "decreasing floats": np.array([1e9, 2.5, -3.0]),
    "unsigned": np.array([1, 3, 250], dtype="uint8"),
    "decreasing unsigned": np.array([250, 3, 0], dtype="uint8"),
    "unsigned 64": np.array([3, 1, 0], dtype="uint64"),
    "small ints": np.array([-100, 0, 100], dtype="int8"),
    "small ints far apart": np.array([-100, 100, 120], dtype="int8"),
    "large unsigned": np.array([1, 2**63 + 5], dtype="uint64"),
    "dates s": np.array(DAYS, dtype="datetime64[s]"),
    "dates ms": np.array(DAYS, dtype="datetime64[ms]"),
    "dates us": np.array(DAYS, dtype="datetime64[us]"),
    "dates ns": np.array(DAYS, dtype="datetime64[ns]"),
    "decreasing dates": np.array(DAYS[::-1], dtype="datetime64[ns]"),
    "time differences": np.array([0, 5, 7], dtype="timedelta64[s]"),
    "decreasing time differences": np.array([7, 5, 0], dtype="timedelta64[ms]"),
    "cftime": cftime.num2date([0, 1, 5], "days since 2000-02-28", calendar="noleap"),
    "decreasing cftime": cftime.num2date([5, 1, 0], "days since 2000-02-28", calendar="360_day"),
    "one number": np.array([5]),
    "one date": np.array(DAYS[:1], dtype="datetime64[s]"),
    "one cftime": cftime.num2date([5], "days since 2000-02-28", calendar="noleap"),
}


@pytest.mark.parametrize("labels", LABELS.values(), ids=LABELS)
def test_labels_of_a_main_clock(labels):
    """A main clock has strictly monotonic labels of any kind that measures time, kept as given."""
    setup = setup_of({"t": labels})

    assert setup.xsim.main_clock_dim == "t"
    assert setup.t.dtype == labels.dtype
    assert setup.t.values.tolist() == labels.tolist()
    assert setup.xsim.nsteps == labels.size - 1


@pytest.mark.parametrize("labels", LABELS.values(), ids=LABELS)
def test_a_subset_of_any_clock_is_a_clock(labels):
    """Another clock holds labels of the main clock."""
    setup = setup_of({"t": labels, "out": labels[::2]}, "t")

    assert setup.xsim.get_output_save_steps()["out"].values.tolist() == [i % 2 == 0 for i in range(labels.size)]


@pytest.mark.parametrize(
    ("value", "labels"),
    [
        ([0, 1, 5], [0, 1, 5]),
        ((0, 1, 5), [0, 1, 5]),
        (range(3), [0, 1, 2]),
        (pd.Index([0, 1, 5], name="other"), [0, 1, 5]),
        (pd.RangeIndex(3), [0, 1, 2]),
        (("t", [0, 1, 5]), [0, 1, 5]),
        ((["t"], [0, 1, 5]), [0, 1, 5]),
        (xr.Variable("t", [0, 1, 5]), [0, 1, 5]),
        (xr.DataArray([0, 1, 5], dims="t"), [0, 1, 5]),
        (xr.DataArray([0, 1, 5], dims="t", coords={"t": [7, 8, 9]}), [0, 1, 5]),
    ],
)
def test_forms_of_a_clock(value, labels):
    """A clock is given as a sequence, an index, a tuple (dims, labels) or an xarray object along its own dimension."""
    setup = setup_of({"t": value})

    assert setup.t.dims == ("t",)
    assert setup.t.values.tolist() == labels


def test_indexes_of_dates_are_clocks():
    """A pandas DatetimeIndex and an xarray CFTimeIndex are clocks."""
    dates = pd.date_range("2000-01-01", periods=3, unit="s")
    noleap = xr.date_range("2000-02-28", periods=3, calendar="noleap", use_cftime=True)

    assert setup_of({"t": dates}).t.dtype == np.dtype("datetime64[s]")
    assert setup_of({"t": noleap}).t.values.tolist() == list(noleap)


def test_attributes_of_clocks_are_kept():
    """A clock given with attributes keeps them."""
    given = xr.DataArray([0, 1], dims="t", attrs={"units": "years", "note": "mine"})

    attrs = setup_of({"t": given}).t.attrs

    assert attrs == {"units": "years", "note": "mine", "xsim_role": "main_clock"}
    assert given.attrs == {"units": "years", "note": "mine"}


def test_a_clock_of_another_setup_brings_no_requests():
    """A clock taken from a setup brings its labels, but neither its role nor its requests."""
    other = setup_of({"t": [0, 1], "out": [1]}, "t", output_vars={"clocked__size": "out"})

    setup = setup_of({"t": [0, 1], "out": other.out}, "t")

    assert dict(setup.xsim.output_vars) == {}
    assert setup.xsim.main_clock_dim == "t"


@pytest.mark.parametrize("main_clock", [None, "t", {"dim": "t"}, {}], ids=["unnamed", "name", "dict", "empty dict"])
def test_ways_to_name_the_main_clock(main_clock):
    """The only clock is the main clock; it may be named, by a string or a dict."""
    assert setup_of({"t": [0, 1]}, main_clock).xsim.main_clock_dim == "t"


def test_the_main_clock_among_several():
    """Of several clocks one is named; its role and that of the others are marked."""
    setup = setup_of({"out": [0, 2], "t": [0, 1, 2]}, "t")

    assert setup.xsim.main_clock_dim == "t"
    assert setup.t.attrs == {"xsim_role": "main_clock"}
    assert setup.out.attrs == {"xsim_role": "clock"}


@pytest.mark.parametrize("clocks", [None, {}], ids=["None", "empty"])
def test_a_setup_may_have_no_clock(clocks):
    """Clocks can be left out (DESIGN §C4)."""
    setup = setup_of(clocks)

    assert setup.xsim.main_clock_dim is None
    assert dict(setup.xsim.clock_coords) == {}


def test_clocks_in_different_units_of_time_are_compared_by_date():
    """A clock of seconds is a subset of a main clock of nanoseconds that holds these dates."""
    main = np.array(DAYS, dtype="datetime64[ns]")

    setup = setup_of({"t": main, "out": main[[0, 2]].astype("datetime64[s]")}, "t")

    assert setup.xsim.get_output_save_steps()["out"].values.tolist() == [True, False, True]
    assert setup.out.dtype == np.dtype("datetime64[s]")


def test_ints_are_a_subset_of_floats():
    """Labels are compared by value, not by type."""
    setup = setup_of({"t": [0.0, 0.5, 1.0], "out": [0, 1]}, "t")

    assert setup.xsim.get_output_save_steps()["out"].values.tolist() == [True, False, True]


def test_units_and_calendar_go_to_all_clocks():
    """With main_clock as a dict, units and calendar are attributes of all clocks; labels stay numbers (API.md)."""
    setup = setup_of(
        {"t": [0, 1, 2], "out": [0, 2]}, {"dim": "t", "units": "days since 2000-01-01", "calendar": "noleap"}
    )

    assert setup.t.values.tolist() == [0, 1, 2]
    units = {"units": "days since 2000-01-01", "calendar": "noleap"}
    marks = {"xsim_units": "days since 2000-01-01", "xsim_calendar": "noleap", "xsim_dtype": "int64"}
    assert setup.t.attrs == {**units, **marks, "xsim_role": "main_clock"}
    assert setup.out.attrs == {**units, **marks, "xsim_role": "clock"}


def test_clocks_with_units_are_dates_in_the_result():
    """Clocks given with units are decoded in the result (API.md), which is a setup again (DESIGN §S5)."""
    setup = setup_of({"t": [0, 1, 2], "out": [0, 2]}, {"dim": "t", "units": "days since 2000-01-01"})

    result = setup.xsim.run(MODEL)

    assert result.t.values.astype("datetime64[D]").astype(str).tolist() == ["2000-01-01", "2000-01-02", "2000-01-03"]
    assert result.out.values.astype("datetime64[D]").astype(str).tolist() == ["2000-01-01", "2000-01-03"]
    assert result.xsim.run(MODEL).equals(result)


def test_master_clock_is_a_deprecated_name():
    """master_clock= is main_clock= and warns, pointing at the caller."""
    with pytest.warns(FutureWarning) as warned:
        setup = setup_of({"t": [0, 1], "out": [1]}, master_clock="t")

    assert [str(w.message) for w in warned] == ["master_clock= is deprecated; use main_clock="]
    assert setup.identical(setup_of({"t": [0, 1], "out": [1]}, "t"))


def test_the_warning_of_master_clock_points_at_the_caller():
    """The deprecation warning names the user's file."""
    with pytest.warns(FutureWarning) as warned:
        xs.create_setup(MODEL, {"t": [0, 1]}, master_clock={"dim": "t"})

    assert [w.filename for w in warned] == [__file__]


def test_the_clocks_given_are_not_changed():
    """Objects given as clocks, and the dict of them, stay as they are."""
    given = {"t": xr.DataArray([0, 1], dims="t"), "out": np.array([1])}
    main = {"dim": "t", "units": "days since 2000-01-01"}

    setup_of(given, main)

    assert given["t"].attrs == {}
    assert list(given) == ["t", "out"]
    assert main == {"dim": "t", "units": "days since 2000-01-01"}
