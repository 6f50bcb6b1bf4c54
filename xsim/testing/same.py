"""Whether two values are the same, bit for bit, and where they differ."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Set
from datetime import date, timedelta
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]
Seen = dict[tuple[int, int], tuple[Any, Any]]
"""Pairs compared already, by their identities, and kept alive so that these stay theirs."""

_ATOMS = (str, bytes, bool, int, float, complex, np.generic, date, timedelta, type(None))


def difference(a: Any, b: Any) -> str:
    """Say how two values differ; nothing if they are the same.

    Parameters
    ----------
    a, b : object
        Types, shapes and bits are compared, NaN with NaN, 0.0 with -0.0; containers and the attributes of objects one
        by one.

    Returns
    -------
    str
        As in ``"int64 ≠ float64"`` or ``"1.0 ≠ 2.0 at [3]"``; empty if they are the same.
    """
    return _difference(a, b, {})


def copied(value: Any) -> Any:
    """Give a copy that later changes in place do not reach; the value itself where it cannot be copied."""
    if isinstance(value, Mapping) and not isinstance(value, dict):  # mapping proxies cannot be copied
        return {key: copied(each) for key, each in value.items()}
    try:
        return copy.deepcopy(value)
    except Exception:
        return value


def is_plain(value: Any) -> bool:
    """Whether a value is an array, a number, text or a date, or a container of such."""
    if isinstance(value, np.ndarray):
        return value.dtype != object or all(is_plain(each) for each in value.flat)
    if isinstance(value, Mapping):
        return all(is_plain(each) for each in value.values())
    if isinstance(value, (list, tuple)):
        return all(is_plain(each) for each in value)
    return isinstance(value, _ATOMS) or is_labelled(value)


def is_labelled(value: Any) -> bool:
    """Whether a value is an xarray or pandas object that holds an array."""
    return type(value).__module__.partition(".")[0] in ("xarray", "pandas") and hasattr(value, "to_numpy")


def _difference(a: Any, b: Any, seen: Seen) -> str:
    if a is b:
        return ""
    if type(a) is not type(b) and not (isinstance(a, Mapping) and isinstance(b, Mapping)):
        return f"{_kind(a)} ≠ {_kind(b)}"
    if (id(a), id(b)) in seen:
        return ""
    seen[id(a), id(b)] = (a, b)
    for kind, compare in _COMPARE:
        if isinstance(a, kind):
            return compare(a, b, seen)
    if is_labelled(a):
        return _labelled(a, b, seen)
    if hasattr(a, "__dict__") or hasattr(type(a), "__slots__"):
        return _items(_attributes(a), _attributes(b), lambda name: f" in attribute {name!r}", seen)
    return _by_equality(a, b)


def _kind(value: Any) -> str:
    return str(value.dtype) if isinstance(value, (np.ndarray, np.generic)) else type(value).__name__


def _arrays(a: Array, b: Array, seen: Seen) -> str:
    if a.dtype != b.dtype:
        return f"{a.dtype} ≠ {b.dtype}"
    if a.shape != b.shape:
        return f"shapes {a.shape} ≠ {b.shape}"
    if a.dtype == object:
        return _items(dict(np.ndenumerate(a)), dict(np.ndenumerate(b)), _place, seen)
    unequal = ~same_bits(a, b)
    if not unequal.any():
        return ""
    first = tuple(int(i) for i in np.argwhere(unequal)[0])
    more = int(unequal.sum()) - 1
    return f"{a[first]!s} ≠ {b[first]!s}{_place(first)}" + (f", and {more} more" if more else "")


def _place(index: tuple[int, ...]) -> str:
    return f" at [{', '.join(map(str, index))}]" if index else ""


def same_bits(a: Array, b: Array) -> Array:
    """Compare arrays of one type and shape element by element, NaN with NaN, 0.0 with -0.0."""
    kind = a.dtype.kind
    if kind == "c":
        return same_bits(a.real, b.real) & same_bits(a.imag, b.imag)
    same: Array = np.asarray(a == b)
    if kind == "f":
        same = (same & (np.signbit(a) == np.signbit(b))) | (np.isnan(a) & np.isnan(b))
    elif kind in "mM":
        same = same | (np.isnat(a) & np.isnat(b))
    return same


def _atoms(a: Any, b: Any, seen: Seen) -> str:
    if isinstance(a, (bool, int, float, complex, np.generic)):
        if isinstance(a, int):
            return "" if a == b else f"{a} ≠ {b}"
        return _arrays(np.asarray(a), np.asarray(b), seen)
    return "" if a == b else f"{a!r:.60} ≠ {b!r:.60}"


def _items(a: Mapping[Any, Any], b: Mapping[Any, Any], show: Callable[[Any], str], seen: Seen) -> str:
    if missing := [key for key in [*a, *b] if key not in a or key not in b]:
        return f"{'one' if missing[0] in a else 'other'} only{show(missing[0])}"
    for key, value in a.items():
        if found := _difference(value, b[key], seen):
            return found + show(key)
    return ""


def _sequences(a: Any, b: Any, seen: Seen) -> str:
    if len(a) != len(b):
        return f"lengths {len(a)} ≠ {len(b)}"
    return _items(dict(enumerate(a)), dict(enumerate(b)), lambda i: f" at [{i}]", seen)


def _generators(a: np.random.Generator, b: np.random.Generator, seen: Seen) -> str:
    return _difference(a.bit_generator.state, b.bit_generator.state, seen)


def _labelled(a: Any, b: Any, seen: Seen) -> str:
    if getattr(a, "dims", ()) != getattr(b, "dims", ()):
        return f"dims {a.dims} ≠ {b.dims}"
    return _arrays(np.asarray(a), np.asarray(b), seen) or ("" if a.equals(b) else "other labels")


def _attributes(value: Any) -> dict[str, Any]:
    slots = [name for cls in type(value).__mro__ for name in getattr(cls, "__slots__", ()) if name != "__weakref__"]
    return {name: getattr(value, name) for name in slots if hasattr(value, name)} | getattr(value, "__dict__", {})


def _by_equality(a: Any, b: Any) -> str:
    try:
        return "" if bool(a == b) else f"{a!r:.60} ≠ {b!r:.60}"
    except Exception:
        return ""


_COMPARE: list[tuple[Any, Callable[[Any, Any, Seen], str]]] = [
    (np.ndarray, _arrays),
    (_ATOMS, _atoms),
    (Mapping, lambda a, b, seen: _items(a, b, lambda key: f" at [{key!r}]", seen)),
    ((list, tuple), _sequences),
    (Set, lambda a, b, seen: _by_equality(a, b)),
    (np.random.Generator, _generators),
]
