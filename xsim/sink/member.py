"""What one member saved, on its way to the arrays of a batch."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import attrs
import numpy as np

from xsim.plan.chunks import rows_per_chunk
from xsim.plan.outputs import PlannedOutput
from xsim.plan.run_plan import RunPlan
from xsim.sink.buffer import OutputBuffer
from xsim.sink.facts import OutputShape
from xsim.sink.memory import MemoryTarget
from xsim.sink.plain_array import Array
from xsim.sink.storage_type import StorageType


@attrs.frozen(eq=False)
class SavedOutput:
    """The values that a member saved of one output.

    Attributes
    ----------
    storage : StorageType
    rows : numpy.ndarray
        One for each label reached, of the largest shape.
    missing, ambiguous : bool
        As in `OutputBuffer`.
    dropped : int
        Bytes of rows that were too many to be held; the member has to run again.
    """

    storage: StorageType
    rows: Array
    missing: bool
    ambiguous: bool
    dropped: int = 0

    @property
    def own_shape(self) -> tuple[int, ...]:
        """Shape of a row."""
        return tuple(self.rows.shape[1:])


MemberData = Mapping[str, SavedOutput]
"""What a member saved, by the name of the output."""


class HeldRows(MemoryTarget):
    """The rows of an output, unless they are too many to be held.

    Parameters
    ----------
    output : PlannedOutput
    limit : int, optional
        Bytes that are held at the most.
    """

    def __init__(self, output: PlannedOutput, limit: int | None) -> None:
        super().__init__(output)
        self._limit = limit
        self.dropped = 0

    def rows_per_chunk(self, row_bytes: int) -> int:
        """All rows, or those that make a chunk if all are too many."""
        if self._limit is None or row_bytes * self.output.nlabels <= self._limit:
            return self.output.nlabels
        return rows_per_chunk(row_bytes, self.output.nlabels)

    def write(self, start: int, rows: Array) -> None:
        """Keep the rows, or count their bytes."""
        if (len(rows) < self.output.nlabels and self._limit is not None and self._is_chunked(rows)) or (
            self._limit is not None and rows.nbytes > self._limit
        ):
            self.dropped += rows.nbytes
        else:
            super().write(start, rows)

    def _is_chunked(self, rows: Array) -> bool:
        return self.dropped > 0 or rows.nbytes // max(1, len(rows)) * self.output.nlabels > (self._limit or 0)


class LateOutputError(Exception):
    """Ends a member that is the first to save an output: the coordinator makes its array, and the member runs again.

    Parameters
    ----------
    name : str
    shape : OutputShape
    """

    def __init__(self, name: str, shape: OutputShape) -> None:
        super().__init__(name, shape)
        self.name = name
        self.shape = shape


class NoArray(MemoryTarget):
    """Takes the first value of an output that no array was made for, since no member before saved it."""

    def rows_per_chunk(self, row_bytes: int) -> int:
        """Ask for the first value as soon as it is there."""
        return 1

    def create(self, storage: StorageType, rows: int, own_shape: tuple[int, ...]) -> None:
        """Tell the type, in place of making an array."""
        raise LateOutputError(self.output.name, OutputShape(storage, (0,) * len(own_shape), own_shape))


def _target(output: PlannedOutput, shapes: Mapping[str, OutputShape] | None, limit: int | None) -> HeldRows | NoArray:
    return HeldRows(output, limit) if shapes is None or output.name in shapes else NoArray(output)


class MemberRecorder:
    """Holds what a member saves.

    Parameters
    ----------
    plan : RunPlan
    shapes : mapping of str to OutputShape, optional
        What is known of all outputs that can be saved; None as long as nothing is known.
    limit : int, optional
        Bytes that are held of an output at the most; beyond them only type and shape are noted.
    """

    def __init__(self, plan: RunPlan, shapes: Mapping[str, OutputShape] | None, limit: int | None = None) -> None:
        fixed = dict(plan.setup.sizes)
        self._buffers = [
            OutputBuffer(output, _target(output, shapes, limit), fixed, (shapes or {}).get(output.name))
            for output in plan.outputs
        ]

    @property
    def puts(self) -> Sequence[Callable[[Any], None]]:
        """What takes the values, for each output."""
        return [buffer.put for buffer in self._buffers]

    def data(self) -> dict[str, SavedOutput]:
        """Give all that was saved."""
        found = {}
        for buffer in self._buffers:
            buffer.flush()
            target = buffer.target
            if buffer.type is not None and isinstance(target, HeldRows):
                rows = np.empty((0, *buffer.own_shape), buffer.type.stored) if target.dropped else target.rows
                found[buffer.output.name] = SavedOutput(
                    buffer.type, rows, buffer.missing, buffer.ambiguous, target.dropped
                )
        return found


def nbytes_of(data: MemberData) -> int:
    """Size of the largest output of a member."""
    return max((saved.rows.nbytes + saved.dropped for saved in data.values()), default=0)


def all_bytes_of(data: MemberData) -> int:
    """Size of all outputs of a member."""
    return sum(saved.rows.nbytes + saved.dropped for saved in data.values())


def join_members(members: Sequence[SavedOutput | None], box: tuple[int, ...], rows: int, storage: StorageType) -> Array:
    """Lay the values of several members side by side, those missing filled.

    Parameters
    ----------
    members : sequence of SavedOutput or None
        In the order of the box.
    box : tuple of int
        Shape of the box of members.
    rows : int
        Number of labels.
    storage : StorageType

    Returns
    -------
    numpy.ndarray
        Shape: box, labels, own dimensions of the largest member.
    """
    shapes = [saved.own_shape for saved in members if saved is not None]
    own = tuple(np.max(shapes, axis=0).tolist()) if shapes and shapes[0] else ()
    joined = np.full((len(members), rows, *own), storage.fill, dtype=storage.stored)
    for i, saved in enumerate(members):
        if saved is not None:
            box_of_member: tuple[Any, ...] = (i, *(slice(n) for n in saved.rows.shape))
            joined[box_of_member] = saved.rows
    return joined.reshape(*box, rows, *own)
