"""What a store of a run holds, read while the run may still be writing (DESIGN §B8)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

import attrs
import numpy as np
import zarr

from xsim.errors import StoreError
from xsim.plan.blocks import Block
from xsim.setup.attributes import OUTCOME
from xsim.sink.aside import ASIDE, find_copy
from xsim.sink.codecs import quiet
from xsim.sink.in_group import array_names, dims_of, find_array
from xsim.sink.journal import JOURNAL, Record, decode, fields_of, is_done, outcome_attrs
from xsim.sink.location import group_at, local_path, store_of
from xsim.sink.lock import StoreLock
from xsim.sink.plain_array import Array
from xsim.sink.records import read_texts


@attrs.frozen(eq=False)
class StoredRun:
    """A run in a store, at one moment.

    Attributes
    ----------
    group : zarr.Group
    outcome : str
        How it ended; "running" until then, also where nobody is running it any more.
    killed : bool
        Whether nobody is running it any more, though it has not ended; False also where nobody can tell.
    dims : tuple of str
        Batch dimensions; none in a single run.
    records : numpy.ndarray
        Of the members that all arrays have, as the journal had them.
    arrays : mapping of str to zarr.Array
        By the names of variables: for one that is being replaced, its copy.
    sizes : mapping of str to int
        Of the dimensions: along those of the batch the smallest that an array has, and the largest along others.
    """

    group: zarr.Group
    outcome: str
    dims: tuple[str, ...]
    records: np.ndarray[Any, Any]
    arrays: Mapping[str, zarr.Array[Any]]
    sizes: Mapping[str, int]
    killed: bool = False

    @classmethod
    def at(cls, location: Any) -> Self:
        """Read the run at a place.

        Raises
        ------
        StoreError
            If there is no run.
        """
        found = cls._at(location)
        if found.outcome == "running" and StoreLock(local_path(location), store_of(location)).is_free():
            # It may have ended just now: it says so before it gives back the lock.
            found = cls._at(location)
            return attrs.evolve(found, killed=found.outcome == "running")
        return found

    @classmethod
    def _at(cls, location: Any) -> Self:
        """Read the journal before anything else: what it calls done is there."""
        group = group_at(location)
        if group is None or OUTCOME not in group.attrs:
            raise StoreError(
                f"{str(location)!r} holds no run of xsim",
                got="nothing" if group is None else "a Zarr group that xsim has not written",
                expected="what was given to run(store=...)",
            )
        journal = find_array(group, JOURNAL)
        dims = () if journal is None else dims_of(journal)
        texts = (
            np.empty(0, dtype=object)
            if journal is None
            else read_texts(journal, Block((0,) * journal.ndim, journal.shape))
        )
        records = np.empty(texts.shape, dtype=object)
        records.ravel()[:] = [decode(text) for text in texts.ravel()]
        arrays = _arrays_of(group)
        sizes = _sizes(arrays, dict(zip(dims, records.shape, strict=False)))
        records = records[tuple(slice(sizes[dim]) for dim in dims)]
        return cls(group, str(group.attrs[OUTCOME]), dims, records, arrays, sizes)

    @property
    def hidden(self) -> list[str]:
        """Names of arrays that are no business of a reader."""
        return [name for name in array_names(self.group) if _is_hidden(name)]

    @property
    def fits(self) -> bool:
        """Whether all arrays stand in their places and have the same sizes."""
        return all(
            array.basename == name and array.shape == tuple(self.sizes[dim] for dim in dims_of(array))
            for name, array in self.arrays.items()
        )

    @property
    def ambiguous(self) -> set[str]:
        """Names of outputs that hold, as a value, what stands for missing ones."""
        return {name for record in self.records.ravel() for name in record.get("ambiguous", ())}

    def outcomes(self) -> dict[str, tuple[Array, dict[str, Any]]]:
        """Give how the members ended so far: values and attributes, by the name of the variable."""
        programs = any("programs" in record for record in self.records.ravel())
        fields = fields_of(self.records.ravel(), self.records.shape, programs)
        return {name: (values, outcome_attrs(name)) for name, values in fields.items()}

    def readable(self) -> Self:
        """Give the run where members are done only if they can be read: arrays have been made large enough for them."""
        shapes = {name: array.shape for name, array in self.arrays.items()}
        records = np.empty(self.records.shape, dtype=object)
        records.ravel()[:] = [
            record if not is_done(record) or _fits(record, shapes) else {} for record in self.records.ravel()
        ]
        return attrs.evolve(self, records=records)

    @property
    def done(self) -> Array:
        """Which members are done."""
        return np.array([is_done(record) for record in self.records.ravel()], dtype=bool).reshape(self.records.shape)

    def lacks(self, name: str) -> bool:
        """Whether a member that is done has not saved all of an output."""
        shape = self.arrays[name].shape
        return any(_lacks(record, name, shape) for record in self.records.ravel() if is_done(record))

    def stored_values(self, name: str, shape: tuple[int, ...]) -> Array:
        """Read an array as it is stored, cut or filled to a shape."""
        array = self.arrays[name]
        values = np.full(shape, array.fill_value, dtype=array.dtype)
        box = tuple(slice(min(n, m)) for n, m in zip(shape, array.shape, strict=True))
        values[box] = array[box]
        return values


def _is_hidden(name: str) -> bool:
    return name == JOURNAL or _is_copy(name)


def _arrays_of(group: zarr.Group) -> dict[str, zarr.Array[Any]]:
    with quiet():
        found = dict(group.arrays())
    copies = {name.removeprefix(ASIDE): find_copy(group, name.removeprefix(ASIDE)) for name in found if _is_copy(name)}
    arrays = {name: array for name, array in found.items() if not _is_hidden(name)}
    return arrays | {name: array for name, array in copies.items() if array is not None}


def _is_copy(name: str) -> bool:
    return name.startswith(ASIDE)


def _sizes(arrays: Mapping[str, zarr.Array[Any]], batch: Mapping[str, int]) -> dict[str, int]:
    sizes = dict(batch)
    for array in arrays.values():
        for dim, n in zip(dims_of(array), array.shape, strict=False):
            sizes[dim] = (min if dim in batch else max)(n, sizes.get(dim, n))
    return sizes


def _fits(record: Record, own_shapes: Mapping[str, tuple[int, ...]]) -> bool:
    """Whether arrays hold all of a member; parts without dimensions of their own always fit."""
    for name, size in record["sizes"].items():
        shape = own_shapes.get(name, ())
        if any(n > m for n, m in zip(reversed(size), reversed(shape), strict=False)):
            return False
    return True


def _lacks(record: Record, name: str, shape: tuple[int, ...]) -> bool:
    size = record["sizes"].get(name)
    return size is None or name in record["missing"] or tuple(size) != shape[len(shape) - len(size) :]
