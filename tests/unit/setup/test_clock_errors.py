"""Clocks that a setup refuses, with the whole message (DESIGN §C1)."""

import textwrap

import cftime
import numpy as np
import pytest
import xarray as xr

import xsim as xs


@xs.process
class Clocked:
    rate = xs.variable(default=1)
    size = xs.variable(intent="out")


MODEL = xs.Model({"clocked": Clocked})


def message(text):
    return textwrap.dedent(text).strip()


def refused(clocks, main_clock="t", error=xs.errors.ClockError):
    with pytest.raises(error) as caught:
        xs.create_setup(MODEL, clocks, main_clock)
    assert isinstance(caught.value, ValueError)
    return caught.value


@pytest.mark.parametrize(
    ("labels", "at"),
    [
        ([0, 2, 1, 3], "2 followed by 1 at position 2"),
        ([0, 1, 1], "1 followed by 1 at position 2"),
        ([5, 5], "5 followed by 5 at position 1"),
        ([9.5, 8.0, 8.5, 1.0], "8.0 followed by 8.5 at position 2"),
        ([0, np.nan, 2], "0.0 followed by nan at position 1"),
        (np.array([1, 0, 5, 6], dtype="uint8"), "1 followed by 0 at position 1"),
    ],
)
def test_a_main_clock_is_strictly_monotonic(labels, at):
    """Labels that neither only increase nor only decrease are refused; the position is told."""
    error = refused({"t": labels})

    assert str(error) == message(
        f"""
        main clock 't' is not strictly monotonic
          got: {at}
          expected: labels that only increase, or only decrease
        """
    )
    assert error.clock == "t"


def test_dates_are_strictly_monotonic():
    """Dates of numpy are checked and shown as dates."""
    dates = np.array(["2000-01-01", "2000-01-03", "2000-01-02"], dtype="datetime64[s]")

    assert str(refused({"t": dates})) == message(
        """
        main clock 't' is not strictly monotonic
          got: 2000-01-03T00:00:00 followed by 2000-01-02T00:00:00 at position 2
          expected: labels that only increase, or only decrease
        """
    )


def test_no_date_is_no_label():
    """NaT among dates is refused."""
    dates = np.array(["2000-01-01", "NaT", "2000-01-02"], dtype="datetime64[s]")

    assert str(refused({"t": dates})) == message(
        """
        main clock 't' is not strictly monotonic
          got: 2000-01-01T00:00:00 followed by NaT at position 1
          expected: labels that only increase, or only decrease
        """
    )


def test_cftime_dates_are_strictly_monotonic():
    """Dates of other calendars are checked, too."""
    dates = cftime.num2date([0, 5, 2], "days since 2000-02-28", calendar="noleap")

    assert str(refused({"t": dates})) == message(
        """
        main clock 't' is not strictly monotonic
          got: 2000-03-05 00:00:00 followed by 2000-03-02 00:00:00 at position 2
          expected: labels that only increase, or only decrease
        """
    )


@pytest.mark.parametrize("unit", ["ns", "s"])
def test_time_differences_are_shown_with_their_unit(unit):
    """A time difference in a message says what it is, whatever its unit."""
    labels = np.array([1, 3, 2], dtype=f"timedelta64[{unit}]")

    word = {"ns": "nanoseconds", "s": "seconds"}[unit]
    assert str(refused({"t": labels})) == message(
        f"""
        main clock 't' is not strictly monotonic
          got: 3 {word} followed by 2 {word} at position 2
          expected: labels that only increase, or only decrease
        """
    )


@pytest.mark.parametrize("label", [np.nan, np.datetime64("NaT", "s"), np.timedelta64("NaT", "s")], ids=str)
def test_a_single_label_is_a_value(label):
    """A clock of one label is a run without steps, but a missing value is no label."""
    error = refused({"t": np.array([label])})

    assert error.clock == "t"


@pytest.mark.parametrize(
    ("labels", "shown"),
    [
        (["a", "b"], "<U1: [a, b]"),
        (["2000-01-01", "2000-01-02"], "<U10: [2000-01-01, 2000-01-02]"),
        ([True, False], "bool: [True, False]"),
        ([1j, 2j], "complex128: [1j, 2j]"),
        (np.array([None, 1], dtype=object), "object: [None, 1]"),
        ([f"{i}" for i in range(8)], "<U1: [0, 1, 2, 3, 4, 5, ...]"),
    ],
)
def test_labels_measure_time(labels, shown):
    """Text, bools and objects are no labels of a main clock."""
    assert str(refused({"t": labels})) == message(
        f"""
        labels of main clock 't' are of no kind that time can be measured with
          got: type {shown}
          expected: numbers, datetime64, timedelta64 or cftime dates
        """
    )


def test_an_empty_main_clock():
    """A main clock has at least one label."""
    assert str(refused({"t": []})) == message(
        """
        main clock 't' has no labels
          expected: at least one label
        """
    )


@pytest.mark.parametrize(("value", "shape"), [([[1, 2]], (1, 2)), (5, ()), ("abc", ())])
def test_a_clock_is_one_dimensional(value, shape):
    """Scalars and tables are no clocks."""
    assert str(refused({"t": value})) == message(
        f"""
        clock 't' is not one-dimensional
          got: an array of shape {shape}
          expected: a one-dimensional sequence of labels
        """
    )


@pytest.mark.parametrize(
    ("value", "dims"),
    [
        (("x", [0, 1]), "('x',)"),
        (xr.Variable("x", [0, 1]), "('x',)"),
        (xr.DataArray([0, 1], dims="x"), "('x',)"),
        (xr.DataArray(5), "()"),
        (xr.DataArray([[0, 1]], dims=("t", "x")), "('t', 'x')"),
    ],
)
def test_a_clock_is_along_its_own_dimension(value, dims):
    """A clock given with dimensions has one, of its own name."""
    assert str(refused({"t": value})) == message(
        f"""
        Invalid dimension(s) given for clock coordinate 't': found {dims}, expected 't'
          remedy: a clock is a one-dimensional sequence of labels along its own dimension
        """
    )


def test_a_tuple_whose_dims_and_data_disagree_is_refused_by_name():
    """A mistake in a clock is no bare xarray error, but one that names the clock (DESIGN §E2)."""
    error = refused({"t": ("t", [[0, 1], [2, 3]])})

    assert error.clock == "t"


def test_clocks_are_subsets_of_the_main_clock():
    """Labels that the main clock does not have are refused."""
    error = refused({"t": [0, 1, 2], "out": [0, 1.5, 2, 3]})

    assert str(error) == message(
        """
        Clock coordinate 'out' is not synchronized with main clock coordinate 't'
          got: The following coordinate labels are absent in main clock: [1.5, 3.0]
          expected: labels of 't': [0, 1, 2]
          remedy: take the labels from the main clock, e.g. t[::10]
        """
    )
    assert error.clock == "out"


def test_clocks_of_dates_are_subsets_of_the_main_clock():
    """Dates are compared across units."""
    main = np.array(["2000-01-01", "2000-01-02"], dtype="datetime64[ns]")
    out = np.array(["2000-01-02T00:00:01"], dtype="datetime64[s]")

    assert str(refused({"t": main, "out": out})) == message(
        """
        Clock coordinate 'out' is not synchronized with main clock coordinate 't'
          got: The following coordinate labels are absent in main clock: [2000-01-02T00:00:01]
          expected: labels of 't': [2000-01-01T00:00:00.000000000, 2000-01-02T00:00:00.000000000]
          remedy: take the labels from the main clock, e.g. t[::10]
        """
    )


@pytest.mark.parametrize("out", [["a"], [np.nan], [np.datetime64("2000-01-01", "s")]], ids=["text", "NaN", "date"])
def test_labels_of_another_kind_are_no_subset(out):
    """Labels that cannot be equal to those of the main clock are refused."""
    error = refused({"t": [0.0, 1.0], "out": out})

    assert str(error) == message(
        f"""
        Clock coordinate 'out' is not synchronized with main clock coordinate 't'
          got: The following coordinate labels are absent in main clock: [{out[0]}]
          expected: labels of 't': [0.0, 1.0]
          remedy: take the labels from the main clock, e.g. t[::10]
        """
    )


@pytest.mark.parametrize("out", [[2, 0], [0, 0], [0, 2, 1]])
def test_clocks_are_in_the_order_of_the_main_clock(out):
    """A clock in another order, or with a label twice, is refused."""
    assert str(refused({"t": [0, 1, 2], "out": out})) == message(
        f"""
        Clock coordinate 'out' is not in the order of main clock coordinate 't'
          got: {out}
          expected: each label once, in the order of the main clock
        """
    )


def test_an_increasing_clock_of_a_decreasing_main_clock():
    """The order is that of the main clock, also where this counts down."""
    assert str(refused({"t": [9, 5, 1], "out": [1, 9]})) == message(
        """
        Clock coordinate 'out' is not in the order of main clock coordinate 't'
          got: [1, 9]
          expected: each label once, in the order of the main clock
        """
    )


def test_which_of_several_clocks_is_the_main_clock():
    """Of several clocks one must be named."""
    assert str(refused({"t": [0, 1], "out": [0]}, None)) == message(
        """
        Cannot determine which clock coordinate is the main clock
          got: clocks 't', 'out'
          remedy: name it with main_clock=...
        """
    )


def test_a_main_clock_that_does_not_exist():
    """A misspelt main clock gets a suggestion."""
    error = refused({"time": [0, 1], "out": [0]}, "tme", xs.errors.UnknownClockError)

    assert str(error) == message(
        """
        Main clock dimension name 'tme' not found in `clocks` nor in Dataset
          got: 'tme'
          expected: one of the clocks 'time', 'out'
          did you mean: 'time'?
        """
    )
    assert isinstance(error, KeyError)
    assert error.clock == "tme"


def test_a_main_clock_without_clocks():
    """A main clock is named, but no clock is given."""
    assert str(refused(None, "t", xs.errors.UnknownClockError)) == message(
        """
        Main clock dimension name 't' not found in `clocks` nor in Dataset
          got: 't'
          expected: one of the clocks none
        """
    )


def test_keys_of_a_main_clock_given_as_a_dict():
    """A dict has dim, units and calendar only."""
    assert str(refused({"t": [0, 1]}, {"dim": "t", "unit": "days", "cal": "noleap"})) == message(
        """
        main_clock has unknown keys 'unit', 'cal'
          expected: 'dim', and 'units' and 'calendar' if wanted
        """
    )
