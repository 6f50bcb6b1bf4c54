"""Validators for variables: ``xs.variable(validator=xs.validators.in_bounds((0, 1)))``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import attrs
import numpy as np

from xsim.declare.access import process_name
from xsim.errors import DeclarationError, InputError, InputTypeError

__all__ = ["in_bounds", "is_subdtype"]


def in_bounds(bounds: Sequence[Any], closed: Sequence[bool] = (True, True)) -> InBounds:
    """Make a validator that refuses values outside an interval.

    Parameters
    ----------
    bounds : tuple
        Lower and upper bound, of any type that compares with the values: numbers, dates, text. None stands for no
        bound.
    closed : tuple of bool, default: (True, True)
        Whether the lower and the upper bound themselves are inside.

    Returns
    -------
    callable
        Takes a process, an attribute and a value: a scalar, a sequence or an array of any kind. It raises `InputError`
        (a ValueError) where elements are outside, and `InputTypeError` (a TypeError) where they do not compare.

    Raises
    ------
    DeclarationError
        If bounds are no pair, or the lower one is the higher one.

    Notes
    -----
    Missing elements (NaN, NaT, masked ones) are not outside. For a variable that may be None, wrap the validator:
    ``attrs.validators.optional(in_bounds((0, 1)))``.

    Examples
    --------
    >>> import xsim as xs
    >>> share = xs.variable(validator=xs.validators.in_bounds((0, 1), closed=(False, True)))
    """
    if not _is_pair(bounds) or not _is_pair(closed):
        raise DeclarationError(
            "in_bounds takes a lower and an upper bound, and for each of them whether it is inside",
            got=f"bounds={bounds!r}, closed={closed!r}",
            expected="e.g. bounds=(0, 1) or bounds=(0, None), closed=(True, False)",
        )
    lower, upper = bounds
    try:
        wrong = lower is not None and upper is not None and lower > upper
    except TypeError:
        wrong = True
    if wrong:
        raise DeclarationError(
            f"Invalid bounds [{lower!r}, {upper!r}]: upper limit should be higher than lower limit",
            remedy="exchange them, or give None for no bound",
        )
    return InBounds(lower, upper, bool(closed[0]), bool(closed[1]))


def _is_pair(value: Any) -> bool:
    return isinstance(value, (tuple, list, np.ndarray)) and len(value) == 2


def is_subdtype(dtype: Any) -> IsSubdtype:
    """Make a validator that refuses values of another data type.

    Parameters
    ----------
    dtype : data type
        As in `numpy.issubdtype`: a type such as ``np.float32``, a kind such as ``np.number`` or ``np.integer``.

    Returns
    -------
    callable
        Takes a process, an attribute and a value: a scalar, a sequence or an array of any kind. It raises
        `InputTypeError` (a TypeError) where the type is neither that one nor one below it.

    Raises
    ------
    DeclarationError
        If it is no data type.

    Examples
    --------
    >>> import numpy as np
    >>> import xsim as xs
    >>> counts = xs.variable(dims="x", validator=xs.validators.is_subdtype(np.integer))
    """
    try:
        np.issubdtype(np.float64, dtype)
    except TypeError as error:
        raise DeclarationError(
            f"is_subdtype({dtype!r}): not a data type",
            expected="a data type or a kind of data types of numpy, e.g. np.float64 or np.number",
        ) from error
    return IsSubdtype(dtype)


@attrs.frozen(repr=False)
class InBounds:
    """Refuses values outside an interval; see `in_bounds`."""

    lower: Any
    upper: Any
    lower_inside: bool
    upper_inside: bool

    def __call__(self, process: Any, attribute: Any, value: Any) -> None:
        """Check a value.

        Raises
        ------
        InputError, InputTypeError
        """
        values = np.asanyarray(value)
        try:
            outside = self._outside(values)
        except TypeError:
            raise InputTypeError(
                f"variable {attribute.name!r} has a value that does not compare with its bounds {self.interval}"
                f"{_of(process)}",
                got=_short(value),
                expected=f"values in {self.interval}",
                remedy="for a value that may be None: attrs.validators.optional(in_bounds(...))"
                if value is None
                else None,
                variable=attribute.name,
            ) from None
        if not outside.any():
            return
        if values.ndim == 0:
            raise InputError(
                f"Value {values[()]} of variable {attribute.name!r} is out of bounds {self.interval}{_of(process)}",
                variable=attribute.name,
            )
        first = tuple(int(i) for i in np.argwhere(outside)[0])
        raise InputError(
            f"Found value(s) in array {attribute.name!r} out of bounds {self.interval}{_of(process)}",
            got=f"{int(outside.sum())} of {values.size} values, the first is {values[first]} at position {first}",
            expected=f"values in {self.interval}",
            variable=attribute.name,
        )

    def _outside(self, values: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        # Asked as "is it beyond", so that NaN and NaT are not; masked elements are not either.
        outside = np.zeros(values.shape, dtype=bool)
        if self.lower is not None:
            below = values < self.lower if self.lower_inside else values <= self.lower
            outside |= np.ma.filled(below, False).astype(bool)
        if self.upper is not None:
            above = values > self.upper if self.upper_inside else values >= self.upper
            outside |= np.ma.filled(above, False).astype(bool)
        return outside

    @property
    def interval(self) -> str:
        """The interval as one writes it: ``[0, 1)``."""
        left, right = "[" if self.lower_inside else "(", "]" if self.upper_inside else ")"
        return f"{left}{self.lower}, {self.upper}{right}"

    def __repr__(self) -> str:
        return f"<in_bounds validator with bounds {self.interval}>"


@attrs.frozen(repr=False)
class IsSubdtype:
    """Refuses values of another data type; see `is_subdtype`."""

    dtype: Any

    def __call__(self, process: Any, attribute: Any, value: Any) -> None:
        """Check a value.

        Raises
        ------
        InputTypeError
        """
        found = getattr(value, "dtype", None) or np.asarray(value).dtype
        if not np.issubdtype(found, self.dtype):
            raise InputTypeError(
                f"{attribute.name!r} array has {found!r}, which is not a sub-dtype of {self.dtype!r}{_of(process)}",
                got=_short(value),
                remedy="convert the value, or let converter= of the variable do so",
                variable=attribute.name,
            )

    def __repr__(self) -> str:
        return f"<is_subdtype validator with type: {self.dtype!r}>"


def _short(value: Any) -> str:
    text = repr(value)
    return f"{type(value).__name__}: {text if len(text) <= 60 else text[:60] + ' ...'}"


def _of(process: Any) -> str:
    name = process_name(process) if hasattr(process, "__dict__") else ""
    return f" (process {name!r})" if name else ""
