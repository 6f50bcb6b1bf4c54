"""How values of an output are held and stored: type, fill value, and what fits (DESIGN §S1, §S6)."""

from __future__ import annotations

import datetime
from typing import Any

import attrs
import numpy as np

from xsim.errors import OutputError

Array = np.ndarray[Any, Any]

LARGEST_EXACT = 2**53
"""Integers beyond this magnitude change when xarray masks them, since it makes floats of them."""


@attrs.frozen(eq=False)
class StorageType:
    """The type of an output.

    Attributes
    ----------
    name : str
        Of the output, for messages.
    dtype : numpy.dtype
        Of the values that processes give; object for text.
    stored : numpy.dtype
        Of the array that holds them: int8 for bools, otherwise `dtype`.
    fill : object
        Stands for what is missing.
    given : bool
        Whether the user chose the type; values are cast to it then, where that is the same kind of number.
    """

    name: str
    dtype: np.dtype[Any]
    stored: np.dtype[Any]
    fill: Any
    given: bool = False

    @property
    def is_text(self) -> bool:
        """Whether values are variable-length strings."""
        return self.dtype.kind == "O"

    @property
    def is_bool(self) -> bool:
        """Whether values are bools, stored as int8."""
        return self.dtype.kind == "b"

    @property
    def is_integer(self) -> bool:
        """Whether values are integers, which have no natural fill value."""
        return self.dtype.kind in "iu"

    def fit(self, value: Any) -> Array:
        """Give a value as an array of the stored type.

        Raises
        ------
        OutputError
            If the type cannot hold it.
        """
        array = plain_array(self.name, value)
        if array.dtype == self.dtype:
            return array
        if self.is_text or array.dtype.kind == "O" or (self.dtype.kind in "mM") != (array.dtype.kind in "mM"):
            raise self._refuse(array, "is of another kind")
        if self.is_bool or (self.dtype.kind == "S") != (array.dtype.kind == "S"):
            raise self._refuse(array, "is of another kind")
        with np.errstate(all="ignore"):
            cast = array.astype(self.dtype)
            if self.given and self.dtype.kind in "fc" and np.can_cast(array.dtype, self.dtype, "same_kind"):
                if (np.isinf(cast) & ~np.isinf(array)).any():
                    raise self._refuse(array, "is too large")
                return cast
            back = cast.astype(array.dtype)
        same = back == array
        if array.dtype.kind in "fcmM":
            same |= np.isnat(array) if array.dtype.kind in "mM" else np.isnan(array) & np.isnan(back)
        if self.dtype.kind in "iu" and array.dtype.kind in "iu":
            same &= (cast < 0) == (array < 0)
        if not same.all():
            raise self._refuse(array[~same] if array.ndim else array, "cannot be held exactly")
        return cast

    def _refuse(self, array: Array, why: str) -> OutputError:
        found = "text" if array.dtype.kind == "O" else str(array.dtype)
        example = array.flat[0] if array.size else array
        wanted = "str" if found == "text" else found
        if self.is_integer and array.dtype.kind in "iuf":
            wanted = str(np.promote_types(array.dtype, self.dtype))
        return OutputError(
            f"output {self.name!r} is stored as {'text' if self.is_text else self.dtype}, and a value {why}",
            got=f"{example!s} ({found})",
            expected=f"values that {'text' if self.is_text else self.dtype} can hold; the type "
            + ("was given in encoding" if self.given else "is that of the first value saved"),
            remedy=f"encoding={{{self.name!r}: {{'dtype': {str(wanted)!r}}}}}, or let the process set this type always",
        )


def storage_type(name: str, first: Any, dtype: Any = None, fill: Any = None) -> StorageType:
    """Choose the type of an output.

    Parameters
    ----------
    name : str
        Of the output.
    first : array-like
        The first value saved; decides unless a type is given.
    dtype : dtype-like, optional
        Type that the user wants.
    fill : optional
        Fill value that the user wants.

    Raises
    ------
    OutputError
        If values of that type cannot be saved.
    """
    given = dtype is not None
    chosen = _unit_of_xarray(_text_or_dtype(name, dtype) if given else plain_array(name, first).dtype)
    stored = np.dtype("int8") if chosen.kind == "b" else chosen
    return StorageType(name, chosen, stored, _default_fill(chosen) if fill is None else fill, given)


def plain_array(name: str, value: Any) -> Array:
    """Give a value as an array of numbers, bools, dates or bytes; of object dtype only if it is all text.

    Raises
    ------
    OutputError
        If it is something else.
    """
    if isinstance(value, (datetime.datetime, datetime.date)) and not hasattr(value, "calendar"):
        value = np.datetime64(value)
    elif isinstance(value, datetime.timedelta):
        value = np.timedelta64(value)
    array = np.asarray(value)
    if array.dtype.kind in "biufcmMS":
        return array
    if array.dtype.kind in "UT":
        return array.astype(object)
    for element in array.flat if array.dtype.kind == "O" else [value]:
        if not isinstance(element, str):
            raise OutputError(
                f"output {name!r} has a value that cannot be saved",
                got=f"an element of type {type(element).__name__!r}: {str(element)[:60]}",
                expected="numbers, bools, dates, or text throughout",
                remedy="save a numeric summary of it through an on-demand variable (xs.on_demand)",
            )
    return array


def _text_or_dtype(name: str, dtype: Any) -> np.dtype[Any]:
    try:
        chosen: np.dtype[Any] = np.dtype(dtype)
    except TypeError:
        raise OutputError(f"output {name!r} has an unknown dtype in encoding", got=repr(dtype)) from None
    return np.dtype(object) if chosen.kind in "UTO" else chosen


def _unit_of_xarray(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """Give the nearest unit of dates that xarray has: s, ms, us or ns."""
    if dtype.kind not in "mM" or np.datetime_data(dtype)[0] in ("s", "ms", "us", "ns"):
        return dtype
    coarse = np.datetime_data(dtype)[0] in ("Y", "M", "W", "D", "h", "m", "generic")
    return np.dtype(f"{dtype.kind}8[{'s' if coarse else 'ns'}]")


def _default_fill(dtype: np.dtype[Any]) -> Any:
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
