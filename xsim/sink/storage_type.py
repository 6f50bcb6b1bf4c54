"""How values of an output are held and stored: type, fill value, and what fits (DESIGN §S1, §S6)."""

from __future__ import annotations

from typing import Any

import attrs
import numpy as np

from xsim.errors import OptionError, OutputError
from xsim.sink.plain_array import Array, default_fill, plain_array

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

    @property
    def has_usual_fill(self) -> bool:
        """Whether the fill value is the one that the type has by default."""
        usual = default_fill(self.dtype)
        return bool(self.fill == usual or (usual != usual and self.fill != self.fill))

    @property
    def exact_scalars(self) -> frozenset[type]:
        """Classes of scalars that the type holds as they are; ints of Python's may be too large, and are then refused.

        Text, bytes and dates of one class differ in length or unit.
        """
        if self.is_bool:
            return frozenset((bool, np.bool_))
        if self.dtype.kind not in "iufc":
            return frozenset()
        own = {np.dtype("int64"): int, np.dtype("float64"): float, np.dtype("complex128"): complex}
        return frozenset((self.dtype.type, own.get(self.dtype, self.dtype.type)))

    def is_ambiguous(self, values: Array) -> bool:
        """Whether an integer among values took the fill value, or is too large for a float."""
        if not (self.is_integer and values.size):
            return False
        low, high = (values.item(),) * 2 if values.size == 1 else (values.min(), values.max())
        return bool(
            high > LARGEST_EXACT or low < -LARGEST_EXACT or (low <= self.fill <= high and (values == self.fill).any())
        )

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
        if array.dtype == bool and self._group(self.dtype) == "number":
            array = array.astype(np.int8)
        if self._group(self.dtype) != self._group(array.dtype):
            raise self._refuse(array, "is of another kind")
        if array.dtype.kind == "c" and self.dtype.kind != "c":
            if (array.imag != 0).any():
                raise self._refuse(array[array.imag != 0] if array.ndim else array, "cannot be held exactly")
            array = array.real
        with np.errstate(all="ignore"):
            cast = array.astype(self.dtype)
            if self.given and self.dtype.kind in "fc" and np.can_cast(array.dtype, self.dtype, "same_kind"):
                too_large = np.isinf(cast) & ~np.isinf(array)
                if too_large.any():
                    raise self._refuse(array[too_large] if array.ndim else array, "is too large")
                return cast
            back = (cast.real if array.dtype.kind != "c" else cast).astype(array.dtype)
        same = back == array
        if array.dtype.kind in "fcmM":
            same |= np.isnat(array) if array.dtype.kind in "mM" else np.isnan(array) & np.isnan(back)
        if self.dtype.kind in "iu" and array.dtype.kind in "iu":
            same &= (cast < 0) == (array < 0)
        if not same.all():
            raise self._refuse(array[~same] if array.ndim else array, "cannot be held exactly")
        return cast

    @staticmethod
    def _group(dtype: np.dtype[Any]) -> str:
        """Give the group of types that values may be exchanged within."""
        if dtype.kind in "iufc":
            return "number"
        return dtype.kind

    def _refuse(self, array: Array, why: str) -> OutputError:
        found = "text" if array.dtype.kind == "O" else str(array.dtype)
        held = "text" if self.is_text else str(self.dtype)
        example = array.flat[0] if array.size else array
        remedy = "let the process set this type always"
        if self._group(self.dtype) == self._group(array.dtype):
            wider = np.promote_types(array.dtype, self.dtype)
            remedy = f"encoding={{{self.name!r}: {{'dtype': {str(wider)!r}}}}}, or {remedy}"
        return OutputError(
            f"output {self.name!r} is stored as {held}, and a value {why}",
            got=f"{example!s} ({found})",
            expected=f"values that {held} can hold; the type "
            + ("was given in encoding" if self.given else "is that of the first value saved"),
            remedy=remedy,
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
    chosen = _usual_type(_text_or_dtype(name, dtype) if given else plain_array(name, first).dtype)
    # xarray takes bytes of length 1 for characters, and joins them.
    stored = {"b": np.dtype("int8"), "S": np.promote_types(chosen, "S2") if chosen.kind == "S" else chosen}
    held = stored.get(chosen.kind, chosen)
    return StorageType(
        name, chosen, held, default_fill(chosen) if fill is None else _given_fill(name, fill, held), given
    )


def _given_fill(name: str, fill: Any, stored: np.dtype[Any]) -> Any:
    """Give the user's fill value as one of the stored type."""
    try:
        held = np.asarray(fill).astype(stored)[()]
    except (ValueError, OverflowError, TypeError):
        held = None
    if held is None or (stored.kind in "iu" and held != fill):
        raise OutputError(
            f"the fill_value of output {name!r} is none that its type can hold",
            got=f"{fill!r}",
            expected=f"a value of type {stored}",
        )
    return held


def check_type(name: str, dtype: Any, fill: Any) -> None:
    """Check a type that the user gave, and the fill value with it.

    Raises
    ------
    OptionError
        If it is none, or cannot hold the fill value.
    """
    if dtype is not None:
        try:
            storage_type(name, None, dtype, fill)
        except OutputError as error:
            raise OptionError(error.problem, got=error.got, expected=error.expected) from None


def stored_type(name: str, dtype: Any) -> Any:
    """Give what zarr takes as the type of an array for a type that the user gave."""
    storage = storage_type(name, None, dtype)
    return str if storage.is_text else storage.stored


def _text_or_dtype(name: str, dtype: Any) -> np.dtype[Any]:
    try:
        chosen: np.dtype[Any] = np.dtype(dtype)
    except TypeError:
        raise OutputError(f"output {name!r} has an unknown dtype in encoding", got=repr(dtype)) from None
    return np.dtype(object) if chosen.kind in "UTO" else chosen


def _usual_type(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """Give the nearest unit of dates that xarray has: s, ms, us or ns; of other types the one that is best known."""
    if dtype.kind in "iu":  # C has several of 8 bytes, Zarr has one
        return np.dtype(dtype.str)
    if dtype.kind not in "mM" or np.datetime_data(dtype)[0] in ("s", "ms", "us", "ns"):
        return dtype
    coarse = np.datetime_data(dtype)[0] in ("Y", "M", "W", "D", "h", "m", "generic")
    return np.dtype(f"{dtype.kind}8[{'s' if coarse else 'ns'}]")
