"""Values of every type that a process may set: in memory, in a store, and for plain xarray alike (DESIGN §S1, §S6)."""

import datetime
import enum
from textwrap import dedent

import dask.array
import numpy as np
import pandas as pd
import pytest
import xarray as xr
from zarr.storage import MemoryStore

import xsim as xs
from xsim.errors import OptionError, OutputError

Level = enum.IntEnum("Level", "LOW HIGH")
NUMBERS = [
    *("bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"),
    *("float16", "float32", "float64", "complex64", "complex128"),
]

SCALARS = {
    **{t: (np.dtype(t).type(1), t) for t in NUMBERS},
    "longlong": (np.longlong(3), "int64"),
    "int": (3, "int64"),
    "large int": (2**60, "int64"),
    "smallest int": (-(2**63), "int64"),
    "very large int": (2**63, "uint64"),
    "IntEnum": (Level.HIGH, "int64"),
    "float": (0.5, "float64"),
    "bool": (True, "bool"),
    "complex": (1j, "complex128"),
    "str": ("žluť\n\0x", "O"),
    "empty str": ("", "O"),
    "numpy's str": (np.str_("ab"), "O"),
    "bytes": (b"abc", "S3"),
    "bytes with a zero": (b"a\0c", "S3"),
    "datetime": (datetime.datetime(2000, 1, 1, 12), "M8[us]"),
    "date": (datetime.date(2000, 1, 1), "M8[s]"),
    "timedelta": (datetime.timedelta(1), "m8[us]"),
    "Timestamp": (pd.Timestamp(2000, 1, 1, nanosecond=1), "M8[ns]"),
    "Timedelta": (pd.Timedelta(1, "ns"), "m8[ns]"),
    "pandas' NaT": (pd.NaT, "M8[ns]"),
    "NaT": (np.datetime64("NaT", "D"), "M8[s]"),
    "NaN": (float("nan"), "float64"),
    "infinity": (np.inf, "float64"),
    "masked": (np.ma.masked, "float64"),
    "DataArray": (xr.DataArray(3.0), "float64"),
    "0-d array": (np.array(3), "int64"),
}

ARRAYS = {
    "DataArray": (xr.DataArray([1, 2], dims="x"), "int64"),
    "DataArray with labels": (xr.DataArray([1.0, 2], dims="x", coords={"x": [5, 6]}, attrs={"a": 1}), "float64"),
    "DataArray of other dims": (xr.DataArray([1.0, 2], dims="z"), "float64"),
    "Variable": (xr.Variable("x", ["a", "b"]), "O"),
    "Index": (pd.Index([1, 2]), "int64"),
    "Index of text": (pd.Index(["a", "b"]), "O"),
    "DatetimeIndex": (pd.DatetimeIndex(["2000", "2001"]), "M8[us]"),
    "Categorical": (pd.Categorical(["a", "b"]), "O"),
    "Series": (pd.Series([1.0, 2.0], index=["a", "b"]), "float64"),
    "list": ([1, 2], "int64"),
    "tuple": ((1.0, 2.0), "float64"),
    "range": (range(2), "int64"),
    "list of text": (["a", "bc"], "O"),
    "list of bytes": ([b"a", b"bc"], "S2"),
    "bytearray": (bytearray(b"ab"), "uint8"),
    "dask": (dask.array.arange(2), "int64"),
    "masked": (np.ma.masked_array([1.0, 2.0], [0, 1]), "float64"),
    "masked dates": (np.ma.masked_array(np.array([1, 2], "M8[s]"), [0, 1]), "M8[s]"),
    "not masked": (np.ma.masked_array([1, 2], [0, 0]), "int64"),
    "StringDType": (np.array(["a", "bcd"], np.dtypes.StringDType()), "O"),
    "big-endian": (np.array([1, 2], ">i4"), "int32"),
    "objects that are text": (np.array(["a", "b"], object), "O"),
    "longlong": (np.array([1, 2], np.ulonglong), "uint64"),
    "empty": (np.zeros(0), "float64"),
    "empty list": ([], "float64"),
}


def plain(value):
    """Give the value as numpy has it."""
    if isinstance(value, (pd.Timestamp, pd.Timedelta)):
        return value.to_numpy()
    if value is pd.NaT:
        return np.datetime64("NaT", "ns")
    if value is np.ma.masked or isinstance(value, np.ma.MaskedArray):
        fill = np.datetime64("NaT", "s") if value.dtype.kind == "M" else np.nan
        return np.ma.filled(value, fill) if np.ma.is_masked(value) else value
    return np.asarray(value)


def results_of(value, is_index=False, dims=()):
    """Run in every way; give what was saved."""

    @xs.process
    class Player:
        k = xs.variable(default=1)
        v = xs.index(dims) if is_index else xs.variable(dims=dims, intent="out")

        def initialize(self):
            self.v = value

    model = xs.Model({"p": Player})
    setup = xs.create_setup(model, {"t": [0, 1]}, output_vars={} if is_index else {"p__v": "t"})
    store, batch_store = MemoryStore(), MemoryStore()
    many = setup.assign(p__k=("batch", [1, 2, 3]))
    found = [setup.xsim.run(model), setup.xsim.run(model, store=store), xr.open_zarr(store)]
    found += [
        many.xsim.run(model, "batch"),
        many.xsim.run(model, "batch", store=batch_store),
        xr.open_zarr(batch_store),
    ]
    if is_index:
        return [result["v"] for result in found]
    batches = [result["p__v"].isel(batch=1, t=1) for result in found[3:]]
    return [result["p__v"].isel(t=1) for result in found[:3]] + batches


def check(results, value, dtype):
    expected = np.asarray(plain(value))
    for i, result in enumerate(results):
        if dtype == "O":
            assert result.dtype.kind in ("OT" if i in (2, 5) else "O")
            assert result.values.tolist() == ([str(v) for v in expected] if expected.ndim else str(expected))
        else:
            assert result.dtype == dtype or (result.dtype.kind == "S" and result.dtype >= np.dtype(dtype))
            np.testing.assert_array_equal(result.values, expected.astype(result.dtype))


@pytest.mark.parametrize(("value", "dtype"), SCALARS.values(), ids=SCALARS)
def test_scalars(value, dtype):
    """A scalar comes back as it was set, with its type."""
    check(results_of(value), value, dtype)


@pytest.mark.parametrize("value", [False, 0, 0.0, 0j, "", b"", np.uint8(0), np.float32(0), np.datetime64(0, "s")])
def test_zeros(value):
    """Zeros, False and empty text are values, not missing ones (API.md: there, they were masked)."""
    results = results_of(value) + [result[0] for result in results_of(np.array([value]), dims="x")]

    for result in results:
        assert result.dtype.kind in {"U": "OT"}.get(np.asarray(value).dtype.kind, np.asarray(value).dtype.kind)
        assert result.values.item() == np.asarray(value).item()


@pytest.mark.parametrize("is_index", [False, True], ids=["output", "index"])
@pytest.mark.parametrize(("value", "dtype"), ARRAYS.values(), ids=ARRAYS)
def test_arrays(value, dtype, is_index):
    """A sequence of any kind comes back as the array that it is; an index is a coordinate."""
    check(results_of(value, is_index, "x"), value, dtype)


def test_a_data_array_is_put_into_the_order_declared():
    """A DataArray names its dimensions; in another order than declared it is transposed, not mixed up (API.md)."""
    value = xr.DataArray(np.arange(4).reshape(2, 2), dims=("y", "x"))

    for result in results_of(value, dims=[(), ("x", "y")]):
        np.testing.assert_array_equal(result, value.values.T)


BAD = "output 'p__v' has a value that cannot be saved"
SAVED = "numbers, bools, dates, or text throughout"
SUMMARY = "save a numeric summary of it through an on-demand variable (xs.on_demand)"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (
            np.zeros(2, "i4,f8"),
            f"""
            {BAD}
              got: a structured array with fields 'f0', 'f1'
              expected: {SAVED}
              remedy: save each field through an on-demand variable (xs.on_demand)
            """,
        ),
        (
            np.array(["a", None], np.dtypes.StringDType(na_object=None)),
            f"""
            {BAD}
              got: an element of type 'NoneType': None
              expected: {SAVED}
              remedy: {SUMMARY}
            """,
        ),
        (
            2**70,
            f"""
            {BAD}
              got: an element of type 'int': 1180591620717411303424
              expected: {SAVED}
              remedy: {SUMMARY}
            """,
        ),
        (
            datetime.datetime(2000, 1, 1, tzinfo=datetime.UTC),
            f"""
            {BAD}
              got: a date with a time zone: 2000-01-01 00:00:00+00:00
              expected: dates without one
              remedy: value.astimezone(datetime.UTC).replace(tzinfo=None)
            """,
        ),
        (
            b"ab\0",
            rf"""
            {BAD}
              got: bytes that end with zeros: b'ab\x00'
              expected: bytes that do not: arrays of bytes are padded with zeros
              remedy: save an array of numbers: np.frombuffer(value, 'uint8')
            """,
        ),
        (
            np.ma.masked_array([1, 2], [0, 1]),
            """
            output 'p__v' has masked values, for which its type has no missing value
              got: a masked array of int64
              expected: floats or dates, where masked values become NaN or NaT
              remedy: fill them: value.filled(...)
            """,
        ),
    ],
    ids=["structured", "text that is missing", "int", "time zone", "bytes", "masked"],
)
@pytest.mark.parametrize("store", [lambda: None, dict], ids=["memory", "store"])
def test_values_that_cannot_be_saved(run_values, value, text, store):
    """What no array can hold as it is, is refused by name, in memory too (§S6)."""
    with pytest.raises(OutputError) as error:
        run_values([value, value], "x" if np.ndim(value) else (), store=store())

    assert str(error.value) == dedent(text).strip()


def test_a_type_that_zarr_does_not_have(run_values):
    """Long doubles stay in memory; for a store there is a remedy, which works."""
    value = np.longdouble(1) / 3
    assert run_values([value, value]).p__v.values[0] == value
    with pytest.raises(OptionError) as error:
        run_values([value, value], store={})

    assert error.value.problem == "zarr cannot make the array of output 'p__v'"
    assert error.value.remedy == "give a type that Zarr has, e.g. encoding={'p__v': {'dtype': 'float64'}}"
    result = run_values([value, value], store={}, encoding={"dtype": "float64"})
    assert result.p__v.values[0] == np.float64(value)


@pytest.mark.parametrize("store", [lambda: None, dict], ids=["memory", "store"])
@pytest.mark.parametrize("fill", ["NaT", "2000-01-01"])
def test_fill_values_of_dates(run_values, fill, store):
    """A fill value of dates is given as text (API.md)."""
    values = [np.array(["2001-01-01"], "M8[s]"), np.array(["2001-01-01", "2002-01-01"], "M8[s]")]
    result = run_values(values, "x", encoding={"fill_value": fill}, store=store())

    np.testing.assert_array_equal(result.p__v[0], np.array(["2001-01-01", fill], "M8[s]"))
