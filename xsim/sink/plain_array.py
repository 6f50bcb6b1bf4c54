"""What processes give, as plain arrays of the types that can be saved (DESIGN §S6)."""

from __future__ import annotations

import datetime
from typing import Any

import numpy as np

from xsim.errors import OutputError

Array = np.ndarray[Any, Any]

_SAVED = "numbers, bools, dates, or text throughout"


def plain_array(name: str, value: Any) -> Array:
    """Give a value as an array of numbers, bools, dates or bytes; of object dtype only if it is all text.

    Raises
    ------
    OutputError
        If it is something else.
    """
    value = _numpy_date(name, value)
    if isinstance(value, np.ma.MaskedArray) and np.ma.is_masked(value):
        value = _filled(name, value)
    try:
        array = np.asarray(value)
    except ValueError as error:
        raise _refused(name, str(error), "an array, or nested lists of equal lengths", None) from None
    if isinstance(value, bytes) and len(value) > len(array[()]):
        raise _refused(
            name,
            f"bytes that end with zeros: {value[-20:]!r}",
            "bytes that do not: arrays of bytes are padded with zeros",
            "save an array of numbers: np.frombuffer(value, 'uint8')",
        )
    if array.dtype.kind in "biufcmMS":
        return array
    if array.dtype.kind == "U":
        return array.astype(object)
    if array.dtype.names:
        fields = ", ".join(map(repr, array.dtype.names))
        remedy = "save each field through an on-demand variable (xs.on_demand)"
        raise _refused(name, f"a structured array with fields {fields}", _SAVED, remedy)
    if array.dtype.kind == "T":  # which may have missing values
        array = array.astype(object)
    for element in array.flat if array.dtype.kind == "O" else [value]:
        if not isinstance(element, str):
            raise _refused_element(name, element)
    return array


def _numpy_date(name: str, value: Any) -> Any:
    """Give dates and differences of Python and pandas as those of numpy, and everything else as it is."""
    if not isinstance(value, (datetime.date, datetime.timedelta)):
        return value
    if getattr(value, "tzinfo", None) is not None:
        remedy = "value.astimezone(datetime.UTC).replace(tzinfo=None)"
        raise _refused(name, f"a date with a time zone: {value}", "dates without one", remedy)
    for convert in ("to_datetime64", "to_timedelta64"):
        # Those of pandas have nanoseconds, and a missing one.
        if hasattr(value, convert):
            return getattr(value, convert)()
    return np.datetime64(value) if isinstance(value, datetime.date) else np.timedelta64(value)


def _filled(name: str, value: Any) -> Array:
    if value.dtype.kind not in "fcmM":
        raise OutputError(
            f"output {name!r} has masked values, for which its type has no missing value",
            got=f"a masked array of {value.dtype}",
            expected="floats or dates, where masked values become NaN or NaT",
            remedy="fill them: value.filled(...)",
        )
    filled: Array = value.filled(default_fill(value.dtype))
    return filled


def _refused_element(name: str, element: Any) -> OutputError:
    if hasattr(element, "calendar"):
        return _refused(
            name,
            f"a date of calendar {element.calendar!r}: {element}",
            "numbers, bools, text throughout, or dates of numpy (datetime64)",
            "save numbers, cftime.date2num(date, units, calendar), and declare what they are: "
            "attrs={'units': ..., 'calendar': ...}; the result has dates again",
        )
    got = f"an element of type {type(element).__name__!r}: {str(element)[:60]}"
    return _refused(name, got, _SAVED, "save a numeric summary of it through an on-demand variable (xs.on_demand)")


def _refused(name: str, got: str, expected: str, remedy: str | None) -> OutputError:
    return OutputError(f"output {name!r} has a value that cannot be saved", got=got, expected=expected, remedy=remedy)


def default_fill(dtype: np.dtype[Any]) -> Any:
    """Give what stands for a missing value of a type."""
    match dtype.kind:
        case "f" | "c":
            return dtype.type("nan")
        case "m" | "M":
            return dtype.type("NaT", np.datetime_data(dtype))
        case "i":
            return np.iinfo(dtype).min
        case "u":
            return np.iinfo(dtype).max
        case "b":
            return -1
        case "S":
            return b""
    return ""
