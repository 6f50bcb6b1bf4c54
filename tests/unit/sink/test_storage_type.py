"""Which type an output gets, and which values it takes (DESIGN §S1, §S6)."""

import datetime
import re

import numpy as np
import pytest
import xarray as xr

from xsim.errors import OutputError
from xsim.sink.storage_type import plain_array, storage_type


@pytest.mark.parametrize(
    ("first", "dtype", "stored", "fill"),
    [
        (True, "bool", "int8", -1),
        (3, "int64", "int64", np.iinfo("int64").min),
        (np.int8(3), "int8", "int8", -128),
        (np.uint16(3), "uint16", "uint16", 65535),
        (b"ab", "S2", "S2", b""),
        ("ab", "object", "object", ""),
        (["ab", "c"], "object", "object", ""),
    ],
)
def test_the_first_value_decides_type_and_fill_value(first, dtype, stored, fill):
    """The first value gives the type; ints, bools and text have the fill values of DESIGN §S1."""
    chosen = storage_type("p__v", first)

    assert (chosen.dtype, chosen.stored) == (np.dtype(dtype), np.dtype(stored))
    assert chosen.fill == fill
    assert not chosen.given


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", "complex64", "complex128"])
def test_floats_and_complex_numbers_are_filled_with_nan(dtype):
    """The fill value of floats and complex numbers is NaN of their own type (DESIGN §S1)."""
    chosen = storage_type("p__v", np.dtype(dtype).type(1))

    assert chosen.stored == np.dtype(dtype)
    assert np.isnan(chosen.fill)
    assert type(chosen.fill) is np.dtype(dtype).type


@pytest.mark.parametrize(
    ("first", "dtype"),
    [
        (np.datetime64("2000-01-01", "D"), "datetime64[s]"),
        (np.datetime64("2000-01-01", "ms"), "datetime64[ms]"),
        (np.datetime64(5000, "ps"), "datetime64[ns]"),
        (np.timedelta64(3, "h"), "timedelta64[s]"),
        (np.timedelta64(3, "us"), "timedelta64[us]"),
        (datetime.datetime(2000, 1, 1), "datetime64[us]"),
        (datetime.date(2000, 1, 1), "datetime64[s]"),
        (datetime.timedelta(seconds=1), "timedelta64[us]"),
    ],
)
def test_dates_keep_a_unit_that_xarray_has(first, dtype):
    """Dates keep their unit, or take the nearest one that xarray knows, and are filled with NaT (DESIGN §S1)."""
    chosen = storage_type("p__v", first)

    assert chosen.stored == np.dtype(dtype)
    assert np.isnat(chosen.fill)
    assert chosen.fit(first) == np.asarray(first, dtype)


def test_a_fill_value_given_is_taken():
    """A fill value of the user replaces that of the type (DESIGN §S1)."""
    assert storage_type("p__v", 1, fill=-9).fill == -9


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        (0.5, 2, 2.0),
        (0, 2.0, 2),
        (0, True, 1),
        (np.int8(1), 100, 100),
        (1 + 1j, 2.0, 2 + 0j),
        (np.uint8(1), np.int64(255), 255),
        (np.int64(1), np.uint64(2**62), 2**62),
        (b"abc", b"x", b"x"),
        ("a", np.str_("much longer"), "much longer"),
        (np.datetime64("2000-01-01", "s"), np.datetime64("2001-01-01", "D"), np.datetime64("2001-01-01", "s")),
        (np.datetime64("2000-01-01", "s"), np.datetime64("2001-01-01", "ns"), np.datetime64("2001-01-01", "s")),
        (np.timedelta64(1, "s"), np.timedelta64(2, "h"), np.timedelta64(7200, "s")),
    ],
)
def test_values_that_the_type_holds_exactly_are_taken(first, second, expected):
    """Another type is accepted where the first one holds its value exactly (DESIGN §S6)."""
    chosen = storage_type("p__v", first)
    fitted = chosen.fit(second)

    assert fitted.dtype == chosen.dtype
    assert fitted == expected


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_special_floats_fit_narrower_floats(value):
    """NaN and infinity are held exactly by every float type (DESIGN §S6)."""
    fitted = storage_type("p__v", np.float32(1)).fit(np.float64(value))

    np.testing.assert_array_equal(fitted, np.float32(value), strict=True)


def test_nat_fits_every_unit():
    """NaT of any unit fits (DESIGN §S6)."""
    assert np.isnat(storage_type("p__v", np.datetime64("2000", "s")).fit(np.datetime64("NaT", "ns")))


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (0, 1.5),
        (0, np.nan),
        (0, np.inf),
        (0, 1j),
        (np.int8(1), 200),
        (np.uint8(1), -1),
        (np.uint64(1), -1),
        (np.int64(1), np.uint64(2**63)),
        (np.int64(1), 2.0**63),
        (np.uint64(1), 2.0**64),
        (0.5, 2**53 + 1),
        (0.5, 2**63 - 1),
        (0.5, np.uint64(2**64 - 1)),
        (np.float32(1), 0.1),
        (np.float32(1), 1e300),
        (0.5, 1j),
        (True, 1),
        (True, 1.0),
        (1, "a"),
        ("a", 1),
        ("a", b"a"),
        (b"a", "a"),
        (b"a", b"ab"),
        (1, np.datetime64("2000", "s")),
        (np.datetime64("2000", "s"), 1),
        (np.datetime64("2000", "s"), np.timedelta64(1, "s")),
        (np.datetime64("2000", "s"), np.datetime64(1, "ms")),
    ],
)
def test_values_that_the_type_cannot_hold_are_refused(first, second):
    """A value that the type of the first one cannot hold exactly is an error (DESIGN §S6)."""
    with pytest.raises(OutputError):
        storage_type("p__v", first).fit(second)


def test_a_float_type_given_rounds():
    """Into a float type that the user gave, float64 is rounded (DESIGN §S6)."""
    fitted = storage_type("p__v", 0.1, "float32").fit(0.1)

    np.testing.assert_array_equal(fitted, np.float32(0.1), strict=True)


@pytest.mark.parametrize(
    ("given", "value"),
    [
        ("float32", 1e300),
        ("float16", 70000.0),
        ("complex64", 1e300 + 0j),
        ("int32", 2**31),
        ("int32", 1.5),
        ("S2", b"abc"),
    ],
)
def test_a_type_given_still_refuses_what_it_cannot_hold(given, value):
    """Overflow, and inexact integers, are errors also with a type that the user gave (DESIGN §S6)."""
    with pytest.raises(OutputError):
        storage_type("p__v", value, given).fit(value)


@pytest.mark.parametrize("value", [np.inf, np.nan])
def test_infinity_is_no_overflow(value):
    """Only finite values overflow (DESIGN §S6)."""
    np.testing.assert_array_equal(storage_type("p__v", 1.0, "float32").fit(value), np.float32(value), strict=True)


@pytest.mark.parametrize(
    ("given", "value", "expected"),
    [("int32", 7, 7), ("int32", 7.0, 7), ("uint8", np.int64(200), 200), ("S5", b"abc", b"abc"), (str, "abc", "abc")],
)
def test_a_type_given_takes_what_it_holds(given, value, expected):
    """A type that the user gave takes values of other types that it can hold."""
    assert storage_type("p__v", value, given).fit(value) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (xr.DataArray([1, 2], dims="x"), np.array([1, 2])),
        ([1.5, 2.5], np.array([1.5, 2.5])),
        (np.array(["a", "bc"]), np.array(["a", "bc"], dtype=object)),
        (np.array(["a", "bc"], dtype=object), np.array(["a", "bc"], dtype=object)),
        (np.array(["a"], dtype=np.dtypes.StringDType()), np.array(["a"], dtype=object)),
    ],
)
def test_lists_and_dataarrays_are_arrays(value, expected):
    """Lists, DataArrays and every kind of text array are taken as numpy arrays (DESIGN §S6)."""
    np.testing.assert_array_equal(plain_array("p__v", value), expected, strict=True)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (0, 1.5),
        (np.int8(1), 200),
        (np.uint64(2**64 - 1), -1),
        (0.5, 2**53 + 1),
        (np.float32(1), 0.1),
        (0.5, 1j),
        (True, 2),
        (b"a", b"ab"),
        (np.datetime64("2000", "s"), np.datetime64(1, "ms")),
        (1, "a"),
        ("a", 1),
    ],
)
def test_a_type_named_as_remedy_holds_both_values(first, second):
    """If a message says that another dtype helps, then it does (DESIGN §E2)."""
    with pytest.raises(OutputError) as error:
        storage_type("p__v", first).fit(second)

    for dtype in re.findall(r"'dtype': '([^']*)'", error.value.remedy):
        chosen = storage_type("p__v", first, dtype)
        chosen.fit(first)
        chosen.fit(second)
