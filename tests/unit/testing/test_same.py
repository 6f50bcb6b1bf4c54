"""Values are compared bit for bit, whatever they are."""

import copy
from types import MappingProxyType

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from xsim.testing.same import copied, difference, is_plain


class Thing:
    def __init__(self, value):
        self.value = value
        self.me = self


class Slotted:
    __slots__ = ("value",)

    def __init__(self, value):
        self.value = value


SAME = [
    (1, 1),
    (float("nan"), float("nan")),
    (np.float64("nan"), np.float64("nan")),
    (complex(1, float("nan")), complex(1, float("nan"))),
    (np.datetime64("NaT", "s"), np.datetime64("NaT", "s")),
    (np.array([1.0, np.nan]), np.array([1.0, np.nan])),
    (np.array(["a", None], object), np.array(["a", None], object)),
    (np.array(["2000", "NaT"], "M8[s]"), np.array(["2000", "NaT"], "M8[s]")),
    ({"a": [1, (2, None)]}, {"a": [1, (2, None)]}),
    ({"a": 1}, MappingProxyType({"a": 1})),
    ({1, 2}, {2, 1}),
    (Thing(np.arange(2)), Thing(np.arange(2))),
    (Slotted(1), Slotted(1)),
    (np.random.default_rng(1), np.random.default_rng(1)),
    (xr.DataArray([1.0, np.nan], dims="x"), xr.DataArray([1.0, np.nan], dims="x")),
    (pd.Timestamp("2000"), pd.Timestamp("2000")),
]

DIFFERENT = [
    (1, 2, "1 ≠ 2"),
    (1, True, "int ≠ bool"),
    (1, 1.0, "int ≠ float"),
    (0.0, -0.0, "0.0 ≠ -0.0"),
    (np.float64(1), 1.0, "float64 ≠ float"),
    ("a", "b", "'a' ≠ 'b'"),
    (np.zeros(2), np.zeros(2, int), "float64 ≠ int64"),
    (np.zeros(2), np.zeros(3), "shapes (2,) ≠ (3,)"),
    (np.zeros((2, 2)), np.eye(2), "0.0 ≠ 1.0 at [0, 0], and 1 more"),
    (np.array([0.0]), np.array([-0.0]), "0.0 ≠ -0.0 at [0]"),
    (np.array([0j]), np.array([complex(0, -0.0)]), "0j ≠ -0j at [0]"),
    (np.array([1, "a"], object), np.array([1, "b"], object), "'a' ≠ 'b' at [1]"),
    (np.datetime64("2000", "s"), np.datetime64("2000", "ns"), "datetime64[s] ≠ datetime64[ns]"),
    ([1, 2], [1], "lengths 2 ≠ 1"),
    ([1], (1,), "list ≠ tuple"),
    ({"a": 1}, {"b": 1}, "one only at ['a']"),
    ({}, {"b": 1}, "other only at ['b']"),
    ({"a": [0, 1]}, {"a": [0, 2]}, "1 ≠ 2 at [1] at ['a']"),
    ({1}, {2}, "{1} ≠ {2}"),
    (Thing(1), Thing(2), "1 ≠ 2 in attribute 'value'"),
    (Slotted([1]), Slotted([2]), "1 ≠ 2 at [0] in attribute 'value'"),
    (xr.DataArray([1.0], dims="x"), xr.DataArray([1.0], dims="y"), "dims ('x',) ≠ ('y',)"),
    (xr.DataArray([1.0], dims="x"), xr.DataArray([2.0], dims="x"), "1.0 ≠ 2.0 at [0]"),
    (xr.DataArray([1.0], {"x": [0]}), xr.DataArray([1.0], {"x": [1]}), "other labels"),
]


@pytest.mark.parametrize(("a", "b"), SAME, ids=repr)
def test_same(a, b):
    """Equal values of one type are the same, and so are NaN and NaN."""
    assert difference(a, b) == ""


@pytest.mark.parametrize(("a", "b", "expected"), DIFFERENT)
def test_different(a, b, expected):
    """A difference in type, shape or bits is found and named."""
    assert difference(a, b) == expected
    assert difference(b, a) != ""


def test_random_streams_differ():
    """Random generators are the same if they go on alike."""
    a, b = np.random.default_rng(1), np.random.default_rng(1)
    b.random()
    assert "state" in difference(a, b)


def test_what_cannot_be_compared_counts_as_the_same():
    """Nothing is said of objects that refuse to be compared."""

    class Odd(frozenset):
        def __eq__(self, other):
            raise TypeError

        __hash__ = None

    assert difference(Odd(), Odd()) == ""


@pytest.mark.parametrize("hold", [lambda a: a, lambda a: [a], lambda a: {"a": a}, Thing])
def test_copies(hold):
    """Changes in place do not reach a copy."""
    array = np.arange(3)
    value, before = hold(array), copy.deepcopy(hold(array))
    copy_of = copied(value)
    array[0] = 9
    assert difference(copy_of, before) == ""
    assert difference(copy_of, value) != ""


def test_copies_of_what_cannot_be_copied():
    """What cannot be copied is given as it is, a read-only mapping as a dict."""
    generator = (i for i in range(3))
    assert copied(generator) is generator
    array = np.arange(2)
    found = copied(MappingProxyType({"a": array}))
    assert difference(found, {"a": array}) == ""
    assert found["a"] is not array


@pytest.mark.parametrize(
    "value", [1, "a", None, np.arange(2), [1, {"a": (2.0,)}], xr.DataArray([1]), np.datetime64("NaT", "s")]
)
def test_plain(value):
    """Arrays, numbers, text, dates and containers of them are plain."""
    assert is_plain(value)


@pytest.mark.parametrize("value", [Thing(1), [Thing(1)], {"a": Thing(1)}, np.array([Thing(1)], object), print])
def test_not_plain(value):
    """Other objects are not."""
    assert not is_plain(value)
