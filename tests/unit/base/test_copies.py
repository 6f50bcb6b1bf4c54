"""Copies of values that later changes in place do not reach."""

import datetime

import numpy as np
import pytest

from xsim._base.copies import copy_of, is_plain


@pytest.mark.parametrize(
    "value", [None, True, 1, 1.5, 1j, "a", b"a", np.float32(2), np.datetime64("2000"), datetime.date(2000, 1, 1)]
)
def test_what_cannot_change_is_not_copied(value):
    """Numbers, texts and dates are given as they are."""
    assert copy_of(value) is value
    assert value is None or is_plain(value)


def test_records_are_copied():
    """A record of a structured array is a view of it."""
    array = np.zeros(2, dtype=[("a", int)])
    copied = copy_of(array[0])
    array["a"] = 1

    assert not is_plain(array[0])
    assert copied["a"] == 0


@pytest.mark.parametrize("array", [np.arange(6).reshape(2, 3).T, np.ma.masked_array([1, 2], [0, 1]), np.zeros((0, 2))])
def test_arrays(array):
    """Arrays keep their class and their layout in memory, and share nothing."""
    copied = copy_of(array)

    assert type(copied) is type(array)
    assert copied.strides == array.strides
    assert repr(copied) == repr(array)
    assert not np.shares_memory(copied, array)


def test_a_read_only_array_becomes_writable():
    """The copy belongs to whom it is given."""
    array = np.broadcast_to(1.0, 3)

    assert copy_of(array).flags.writeable


def test_what_is_in_arrays_and_lists_is_copied():
    """Elements that can change are copied too."""
    inner = [1]
    for value in (np.array([inner, None], dtype=object), [inner], {"a": inner}):
        copied = copy_of(value)
        inner.append(2)
        key = "a" if isinstance(value, dict) else 0
        assert copied[key] == inner[:-1]
