"""What a store of a run holds, read while the run may still be writing (DESIGN §B8)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

import attrs
import numpy as np
import zarr

from xsim.errors import StoreError
from xsim.setup.attributes import OUTCOME
from xsim.sink.in_group import dims_of, find_array
from xsim.sink.index_arrays import ASIDE
from xsim.sink.journal import JOURNAL, Record, decode, fields_of, is_done, outcome_attrs
from xsim.sink.location import group_at
from xsim.sink.plain_array import Array


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
        journal = find_array(group, JOURNAL)
        if journal is None:
            return cls(group, str(group.attrs[OUTCOME]), (), np.empty((), dtype=object))
        texts = np.asarray(journal[...], dtype=object)
        records = np.empty(texts.shape, dtype=object)
        records.ravel()[:] = [decode(text) for text in texts.ravel()]
        return cls(group, str(group.attrs[OUTCOME]), dims_of(journal), records)

    @property
    def hidden(self) -> list[str]:
        """Names of arrays that are no business of a reader."""
        return [name for name in self.group.array_keys() if name == JOURNAL or name.startswith(ASIDE)]

    def outcomes(self) -> dict[str, tuple[Array, dict[str, Any]]]:
        """Give how the members ended so far: values and attributes, by the name of the variable."""
        fields = fields_of(self.records.ravel(), self.records.shape)
        return {name: (values, outcome_attrs(name)) for name, values in fields.items()}

    def done(self, own_shapes: Mapping[str, tuple[int, ...]]) -> Array:
        """Say which members can be read: they are done, and arrays have been made large enough for them.

        Parameters
        ----------
        own_shapes : mapping of str to tuple of int
            Shapes of the arrays now; they end with those of the values of one label.
        """
        flags = np.array([_readable(record, own_shapes) for record in self.records.ravel()], dtype=bool)
        return flags.reshape(self.records.shape)


def _readable(record: Record, own_shapes: Mapping[str, tuple[int, ...]]) -> bool:
    """Whether a member is done, and arrays hold all of it; parts without dimensions of their own always fit."""
    if not is_done(record):
        return False
    for name, size in record["sizes"].items():
        shape = own_shapes.get(name, ())
        if any(n > m for n, m in zip(reversed(size), reversed(shape), strict=False)):
            return False
    return True
