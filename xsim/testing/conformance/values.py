"""Values of every type that sinks are tried with, and what missing ones look like."""

from __future__ import annotations

from typing import Any

import numpy as np

from xsim.testing.same import difference

Array = np.ndarray[Any, Any]

DTYPES = (
    *("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"),
    *("float16", "float32", "float64", "complex64", "complex128", "bool", "text", "S3"),
    *("datetime64[s]", "datetime64[ns]", "timedelta64[ms]", "timedelta64[ns]"),
)


def some_values(dtype: str, count: int) -> list[Any]:
    """Give scalars of a type, among them odd ones: zeros, NaN, empty text."""
    if dtype == "text":
        return [["", "a", "zwölf", "x" * 40][i % 4] for i in range(count)]
    kind = np.dtype(dtype).kind
    if kind == "S":
        return [[b"abc", b"de", b"f"][i % 3] for i in range(count)]
    numbers = np.arange(count) * (3 if kind == "u" else -3) % 100
    values: Array = numbers % 2 == 0 if kind == "b" else numbers.astype(dtype)
    if kind in "fc" and count > 1:
        values[1] = np.nan
    if kind in "mM" and count > 1:
        values[1] = "NaT"
    return list(values)


def missing(dtype: np.dtype[Any]) -> tuple[np.dtype[Any], Any]:
    """Give the type that values have once some of them are missing, and what stands for these (DESIGN §S1)."""
    match dtype.kind:
        case "O":
            return dtype, ""
        case "S":
            return dtype, b""
        case "m" | "M":
            return dtype, np.array("NaT", dtype)[()]
        case "f" | "c":
            return dtype, np.array(np.nan, dtype)[()]
    return np.dtype("float64"), np.float64("nan")


def padded(rows: list[Any], count: int) -> Array:
    """Give what a result holds of rows of several shapes, and of fewer than there are labels."""
    arrays = [as_saved(row) for row in rows]
    shape = tuple(np.max([array.shape for array in arrays], axis=0).astype(int)) if arrays[0].ndim else ()
    dtype = arrays[0].dtype
    if dtype.kind == "S":
        dtype = np.result_type(*arrays)
    if len(arrays) == count and all(array.shape == shape for array in arrays):
        return np.stack([array.astype(dtype) for array in arrays])
    dtype, fill = missing(dtype)
    found = np.full((count, *shape), fill, dtype)
    for i, array in enumerate(arrays):
        box: tuple[Any, ...] = (i, *map(slice, array.shape))
        found[box] = array if array.ndim else array[()]
    return found


def as_saved(value: Any) -> Array:
    """Give a value as an array as results have it: text as objects."""
    array = np.asarray(value)
    return array.astype(object) if array.dtype.kind in "UT" else array


def unlike(found: Any, expected: Array, *, masked: bool = False) -> str:
    """Say how values differ from those expected; what `masked` integers become is xarray's choice among floats."""
    array = as_saved(found)
    if array.dtype.kind == expected.dtype.kind and (array.dtype.kind == "S" or (masked and array.dtype.kind == "f")):
        array = array.astype(expected.dtype)  # bytes may be stored longer
    return difference(array, expected)
