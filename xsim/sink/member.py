"""What one member saved, on its way to the arrays of a batch."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import attrs
import numpy as np

from xsim.plan.run_plan import RunPlan
from xsim.sink.buffer import OutputBuffer
from xsim.sink.memory import MemoryTarget
from xsim.sink.storage_type import Array, StorageType


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
    """

    storage: StorageType
    rows: Array
    missing: bool
    ambiguous: bool

    @property
    def own_shape(self) -> tuple[int, ...]:
        """Shape of a row."""
        return tuple(self.rows.shape[1:])


MemberData = Mapping[str, SavedOutput]
"""What a member saved, by the name of the output."""


class MemberRecorder:
    """Holds what a member saves.

    Parameters
    ----------
    plan : RunPlan
    storages : mapping of str to StorageType
        Types of outputs, where they are known.
    """

    def __init__(self, plan: RunPlan, storages: Mapping[str, StorageType]) -> None:
        fixed = dict(plan.setup.sizes)
        self._buffers = [
            OutputBuffer(output, MemoryTarget(output), fixed, storages.get(output.name)) for output in plan.outputs
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
            if buffer.type is not None and isinstance(buffer.target, MemoryTarget):
                rows = buffer.target.rows
                found[buffer.output.name] = SavedOutput(buffer.type, rows, buffer.missing, buffer.ambiguous)
        return found


def nbytes_of(data: MemberData) -> int:
    """Size of the largest output of a member."""
    return max((saved.rows.nbytes for saved in data.values()), default=0)


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
