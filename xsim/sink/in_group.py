"""The arrays of a group of Zarr."""

from __future__ import annotations

from typing import Any

import zarr

from xsim.sink.codecs import quiet


def array_names(group: zarr.Group) -> set[str]:
    """Name the arrays of a group; what an interrupted write has left is none."""
    with quiet():
        return set(group.array_keys())


def find_array(group: zarr.Group, name: str) -> zarr.Array[Any] | None:
    """Give an array of a group; None if it has none of that name."""
    with quiet():
        array = group.get(name)
    return array if isinstance(array, zarr.Array) else None


def array_in(group: zarr.Group, name: str) -> zarr.Array[Any]:
    """Give an array that a group has.

    Raises
    ------
    KeyError
        If it has none of that name.
    """
    array = find_array(group, name)
    if array is None:
        raise KeyError(name)
    return array


def dims_of(array: zarr.Array[Any]) -> tuple[str, ...]:
    """Give the names of the dimensions of an array; none where they have no names."""
    return tuple(str(dim) for dim in getattr(array.metadata, "dimension_names", None) or ())
