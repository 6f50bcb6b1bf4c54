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
from xsim.sink.index_arrays import ASIDE
from xsim.sink.journal import JOURNAL, Record, decode, fields_of, is_done, outcome_attrs
from xsim.sink.location import group_at
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
    dims : tuple of str
        Batch dimensions; none in a single run.
    records : numpy.ndarray
        Of the members, as the journal had them.
    """

    group: zarr.Group
    outcome: str
    dims: tuple[str, ...]
    records: np.ndarray[Any, Any]

    @classmethod
    def at(cls, location: Any) -> Self:
        """Read the journal of the run at a place, before anything else: what it calls done is there.

        Raises
        ------
        StoreError
            If there is no run.
        """
        group = group_at(location)
        if group is None or OUTCOME not in group.attrs:
            raise StoreError(
                f"{str(location)!r} holds no run of xsim",
                got="nothing" if group is None else "a Zarr group that xsim has not written",
                expected="what was given to run(store=...)",
            )
        journal = group.get(JOURNAL)
        if not isinstance(journal, zarr.Array):
            return cls(group, str(group.attrs[OUTCOME]), (), np.empty((), dtype=object))
        texts = read_texts(journal, Block((0,) * journal.ndim, journal.shape))
        records = np.empty(texts.shape, dtype=object)
        records.ravel()[:] = [decode(text) for text in texts.ravel()]
        dims = tuple(str(dim) for dim in getattr(journal.metadata, "dimension_names", None) or ())
        return cls(group, str(group.attrs[OUTCOME]), dims, records)

    @property
    def hidden(self) -> list[str]:
        """Names of arrays that are no business of a reader."""
        return [name for name in self.group.array_keys() if name == JOURNAL or name.startswith(ASIDE)]

    def outcomes(self) -> dict[str, tuple[Array, dict[str, Any]]]:
        """Give how the members ended so far: values and attributes, by the name of the variable."""
        fields = fields_of(self.records.ravel(), self.records.shape)
        return {name: (values, outcome_attrs(name)) for name, values in fields.items()}

    def readable(self, own_shapes: Mapping[str, tuple[int, ...]]) -> Self:
        """Give the run where members are done only if they can be read: arrays have been made large enough for them.

        Parameters
        ----------
        own_shapes : mapping of str to tuple of int
            Shapes of the arrays now; they end with those of the values of one label.
        """
        records = np.empty(self.records.shape, dtype=object)
        records.ravel()[:] = [
            record if not is_done(record) or _fits(record, own_shapes) else {} for record in self.records.ravel()
        ]
        return attrs.evolve(self, records=records)

    @property
    def done(self) -> Array:
        """Which members are done."""
        return np.array([is_done(record) for record in self.records.ravel()], dtype=bool).reshape(self.records.shape)

    def missing_parts(self, own_shapes: Mapping[str, tuple[int, ...]]) -> dict[str, Any]:
        """Give outputs of which members that are done lack parts, and what stands there, until the run has ended."""
        records = [record for record in self.records.ravel() if is_done(record)]
        ambiguous = {name for record in records for name in record["ambiguous"]}
        arrays = {name: self.group.get(name) for name in own_shapes.keys() - ambiguous}
        return {
            name: array.fill_value
            for name, array in arrays.items()
            # Text has no other mark of what is missing; NaN and NaT need no mask.
            if isinstance(array, zarr.Array) and array.dtype.kind in "iufc" and array.fill_value == array.fill_value
            if any(_lacks(record, name, own_shapes[name]) for record in records)
        }

    def stored_values(self, name: str) -> Array:
        """Read an array as it is stored."""
        array = self.group[name]
        assert isinstance(array, zarr.Array)
        return np.asarray(array[...])


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
