"""What the members of a block save, side by side (DESIGN §B12)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, overload

from xsim.plan.outputs import PlannedOutput
from xsim.plan.run_plan import RunPlan
from xsim.sink.column import Column
from xsim.sink.facts import OutputShape, SavedShape, said_of
from xsim.sink.member import MemberData, SavedOutput, join_members
from xsim.sink.plain_array import Array
from xsim.sink.storage_type import StorageType


class BlockRows(Sequence[MemberData | None]):
    """What the members of a block save: for each member, and for each output of all of them.

    Parameters
    ----------
    plan : RunPlan
    shapes : mapping of str to OutputShape
        What is known of all outputs that can be saved.
    members : int
        Of the block.

    Attributes
    ----------
    puts : list of callables
        What takes the values of the member that runs, for each output.
    said : mapping
        What the record of the member that ended last says of its outputs.
    """

    def __init__(self, plan: RunPlan, shapes: Mapping[str, OutputShape], members: int) -> None:
        fixed = dict(plan.setup.sizes)
        self._columns = {
            output.name: Column(output, shapes.get(output.name), members, fixed) for output in plan.outputs
        }
        self._all = tuple(self._columns.items())
        self.puts: list[Callable[[Any], None]] = [column.put for column in self._columns.values()]
        self._present = [False] * members
        self._running: int | None = None
        self._usual: Mapping[str, SavedShape] = {}
        self.said: Mapping[str, Any] = said_of({})

    def begin(self, place: int) -> None:
        """Begin with a member."""
        self._running = place
        for _, column in self._all:
            column.begin(place)

    def end(self) -> Mapping[str, SavedShape]:
        """End the member that runs; give shapes of its outputs, in one object as long as they are the same."""
        found = {name: shape for name, column in self._all if (shape := column.end()) is not None}
        if self._running is not None:
            self._present[self._running] = True
            self._running = None
        if found != self._usual:
            self._usual, self.said = found, said_of(found)
        return self._usual

    def take(self, place: int, data: MemberData) -> None:
        """Take what a member has saved elsewhere."""
        self._present[place] = True
        for name, saved in data.items():
            self._columns[name].take(place, saved)

    def drop(self, place: int) -> None:
        """Forget what a member has saved."""
        self._present[place] = False
        self._running = None
        for _, column in self._all:
            column.drop(place)

    def __len__(self) -> int:
        return len(self._present)

    @overload
    def __getitem__(self, place: int) -> MemberData | None: ...
    @overload
    def __getitem__(self, place: slice) -> list[MemberData | None]: ...
    def __getitem__(self, place: int | slice) -> MemberData | list[MemberData | None] | None:
        if isinstance(place, slice):
            return [self[i] for i in range(len(self))[place]]
        if not self._present[place]:
            return None
        found = {name: column.saved(place) for name, column in self._all}
        return {name: saved for name, saved in found.items() if saved is not None}

    def saved(self, name: str, place: int) -> SavedOutput | None:
        """Give what a member has saved of an output."""
        return self._columns[name].saved(place)

    def joined(self, name: str) -> Array | None:
        """Give the values of an output, of shape (members, labels, own dimensions); None where shapes differ."""
        column = self._columns[name]
        return None if column.odd else column.rows

    def has(self, name: str) -> bool:
        """Whether any member has saved an output."""
        return not self._columns[name].is_empty


def joined(
    members: Sequence[MemberData | None], output: PlannedOutput, box: tuple[int, ...], storage: StorageType
) -> Array | None:
    """Lay the values of an output side by side; None if no member has any.

    Parameters
    ----------
    members : sequence of MemberData or None
        In the order of the box.
    output : PlannedOutput
    box : tuple of int
        Shape of the box of members.
    storage : StorageType

    Returns
    -------
    numpy.ndarray or None
        Shape: box, labels, own dimensions of the largest member.
    """
    if isinstance(members, BlockRows):
        if not members.has(output.name):
            return None
        values = members.joined(output.name)
        if values is not None:
            return values.reshape(box + values.shape[1:])
    saved = [None if data is None else data.get(output.name) for data in members]
    if all(found is None for found in saved):
        return None
    return join_members(saved, box, output.nlabels, storage)
