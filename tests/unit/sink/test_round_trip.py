"""What goes in comes out, from memory and from a store (DESIGN §S1)."""

import numpy as np
import pytest
import xarray as xr

INTEGERS = ["int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"]

SCALARS = [
    *[[np.dtype(name).type(n) for n in (0, 1, np.iinfo(name).max, np.iinfo(name).min)] for name in INTEGERS],
    *[[np.dtype(name).type(n) for n in (0, -0.0, "nan", "inf")] for name in ("float16", "float32", "float64")],
    [np.complex64(1j), np.complex64(complex("nan"))],
    [0j, 1 + 2j],
    [True, False, True],
    [0, 0, 0],
    [b"ab", b"c"],
    [b"a", b"b"],
    list(np.array(["2000-01-01", "NaT", "1500-01-01"], "datetime64[s]")),
    list(np.array(["2000-01-01", "NaT"], "datetime64[ns]")),
    list(np.array([0, 1, "NaT"], "timedelta64[ms]")),
]

ARRAYS = [np.stack([np.array(values)] * 2) for values in SCALARS] + [
    np.zeros((2, 3, 0)),
    np.zeros((2, 0), dtype="int32"),
    np.zeros((2, 3), dtype=">f4"),
]


@pytest.fixture(params=["memory", "store", "plain xarray"])
def saved(request, run_values):
    """Give a function that saves values and reads them back, in three ways."""

    def save_and_read(values, dims):
        if request.param == "memory":
            return run_values(values, dims).p__v
        store = {}
        result = run_values(values, dims, store=store).p__v
        return result if request.param == "store" else xr.open_zarr(store).p__v

    return save_and_read


@pytest.mark.parametrize("values", SCALARS, ids=lambda values: np.asarray(values).dtype.name)
def test_scalars(saved, values):
    """Scalars come back as they were, with their type."""
    expected = np.array(values)
    result = saved(values, ())

    assert result.dims == ("t",)
    assert result.dtype == expected.dtype or result.dtype.kind == expected.dtype.kind == "S"  # may be longer
    np.testing.assert_array_equal(result.to_numpy(), expected)


@pytest.mark.parametrize("values", ARRAYS, ids=lambda values: f"{values.dtype.name}-{values.shape}")
def test_arrays(saved, values):
    """Arrays come back as they were, with their type, also empty ones."""
    dims = ("y", "x")[-(values.ndim - 1) :]
    result = saved(list(values), dims)

    assert result.dims == ("t", *dims)
    assert result.dtype == values.dtype.newbyteorder("=") or result.dtype.kind == values.dtype.kind == "S"
    np.testing.assert_array_equal(result.to_numpy(), values)


@pytest.mark.parametrize("values", [["", "abc", "ä→𝄞", "a" * 100], [np.str_("a"), "b"]])
def test_text(saved, values):
    """Text of any length comes back, as plain strings (DESIGN §S6)."""
    result = saved(values, ()).to_numpy()

    assert result.tolist() == values
    assert all(type(element) is str for element in result)


def test_arrays_of_text(saved):
    """Arrays of text come back, whether they were fixed-width or objects (DESIGN §S6)."""
    result = saved([np.array(["a", ""]), np.array(["abc", "d"], dtype=object)], "x").to_numpy()

    assert result.tolist() == [["a", ""], ["abc", "d"]]
    assert all(type(element) is str for element in result.flat)


def test_text_is_an_object_array_in_results(run_values):
    """Results hold text as objects, from memory and from a store, as everywhere in xarray."""
    assert run_values(["a", "b"]).p__v.dtype == object
    assert run_values(["a", "b"], store={}).p__v.dtype == object


def test_numbers_with_units_of_time_stay_numbers(run_values):
    """Units such as days do not turn numbers into time differences (DESIGN §S1)."""
    for store in (None, {}):
        result = run_values([1.0, 2.0], attrs={"units": "days"}, store=store).p__v

        np.testing.assert_array_equal(result.to_numpy(), np.array([1.0, 2.0]), strict=True)
        assert result.attrs["units"] == "days"


def test_a_type_given_in_encoding(run_values):
    """The type given in encoding is that of the result, in memory and in a store (DESIGN §S6)."""
    for store in (None, {}):
        result = run_values([0.1, 2], encoding={"dtype": "float32"}, store=store)
        np.testing.assert_array_equal(result.p__v.to_numpy(), np.array([0.1, 2], "float32"), strict=True)


def test_encoding_of_the_run_goes_before_that_of_the_variable(run_values):
    """What a variable declares as encoding holds unless the run says otherwise, key by key."""
    declared = {"dtype": "float32", "fill_value": -1.0}
    assert run_values([0.1, 2], declared=declared).p__v.dtype == "float32"
    result = run_values([0.1, -1.0], declared=declared, encoding={"dtype": "float64"})
    np.testing.assert_array_equal(result.p__v.to_numpy(), np.array([0.1, np.nan]), strict=True)


def test_first_float_then_int(saved):
    """An output that began as float takes exact integers (DESIGN §S6)."""
    np.testing.assert_array_equal(saved([0.5, 2, 3], ()).to_numpy(), np.array([0.5, 2.0, 3.0]), strict=True)


def test_values_in_a_result_in_memory_can_be_changed(run_values):
    """An in-memory result is held in memory: also bools and masked integers can be written into."""
    flags = run_values([True, True])
    flags.p__v[0] = False
    grown = run_values([np.array([1]), np.array([1, 2])], "x")
    grown.p__v[0, 0] = 7

    assert flags.p__v.values.tolist() == [False, True]
    assert grown.p__v.values[0, 0] == 7
