"""Copies of values that later changes in place do not reach."""

from __future__ import annotations

import copy
import datetime
from typing import Any

import numpy as np

PLAIN = (bool, int, float, complex, str, bytes, np.generic, datetime.date, datetime.timedelta)
"""Types of values that cannot change, but for numpy's records."""


def copy_of(value: Any) -> Any:
    """Give a copy that shares nothing with a value; the value itself if it cannot change."""
    if isinstance(value, np.ndarray) and not value.dtype.hasobject:
        return value.copy(order="K")
    if value is None or is_plain(value):
        return value
    return copy.deepcopy(value)


def is_plain(value: Any) -> bool:
    """Whether a value cannot change: a number, a text or a date."""
    # A record is a writable view of the array that it comes from.
    return isinstance(value, PLAIN) and not isinstance(value, np.void)
