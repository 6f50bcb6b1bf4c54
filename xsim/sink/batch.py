"""What the sink of a batch is, and what its parts have in common."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Protocol

import attrs

from xsim.plan.blocks import Block
from xsim.plan.run_plan import RunPlan
from xsim.sink.buffer import Target
from xsim.sink.facts import OutputFacts, OutputShape
from xsim.sink.journal import Record
from xsim.sink.member import MemberData
from xsim.sink.notices import Notices


class BlockWriter(Protocol):
    """Writes the values of blocks, from where they are computed."""

    def working(self) -> AbstractContextManager[None]:
        """Be held by a worker process while it runs a block."""

    def stream(self, output: int, block: Block) -> Target:
        """Give a target for an output of a block of one member."""

    def write(self, block: Block, members: Sequence[MemberData | None]) -> None:
        """Write the values of a block; None for members that have none."""

    def erase(self, block: Block, shapes: Mapping[str, tuple[int, ...]]) -> None:
        """Make missing what was streamed of a block of one member: rows of so large a shape, by output."""

    def clear(self, block: Block) -> None:
        """Delete what is left of a block none of whose members is done."""

    def record(self, block: Block, records: Sequence[Record]) -> None:
        """Write the records of a block, after its values."""


@attrs.frozen(eq=False)
class Earlier:
    """What is in a sink: of an earlier run, or of this one so far.

    Attributes
    ----------
    block : tuple of int
        Shape of its blocks.
    shapes : mapping of str to OutputShape
        Outputs that have arrays.
    records : callable
        Gives the records of the members of a block that are done.
    """

    block: tuple[int, ...]
    shapes: Mapping[str, OutputShape]
    records: Callable[[Block], dict[int, Record]]


class BatchSink(Protocol):
    """A place for the outputs of a batch."""

    holds_all: bool
    """Whether all values end up in the memory of this process anyway."""

    def preflight(self, plan: RunPlan) -> RunPlan:
        """Check all that can be checked before anything is written; give the plan as it goes on from an earlier run."""

    def open(self, plan: RunPlan) -> None:
        """Make room for a run."""

    def earlier(self) -> Earlier | None:
        """Give what an earlier run has left in the open sink; None where this one begins."""

    def saved(self) -> Earlier | None:
        """Give what has been saved so far; None before there are arrays."""

    def clear(self, block: Block) -> None:
        """Delete what is left of a block none of whose members is done."""

    def tidy(self, block: Block) -> dict[int, Record]:
        """Make missing what has been written of members of a block that were ended, and give records of those done."""

    def read(self, block: Block, records: Mapping[int, Record]) -> dict[int, MemberData]:
        """Read the values of members that are done, but for what has been damaged."""

    def create(self, shapes: Mapping[str, OutputShape], block: tuple[int, ...]) -> None:
        """Make the arrays of outputs that are known now; called again where more become known later."""

    def writer(self, in_workers: bool) -> BlockWriter | None:
        """Give what writes blocks where they are computed; None if that is to be done here, through `accept`."""

    def accept(self, block: Block, members: Sequence[MemberData | None], records: Sequence[Record]) -> None:
        """Write a block here."""

    def note(self, members: Sequence[int], records: Sequence[Record]) -> None:
        """Note what members have told that ran just now, whose records are in the journal when all goes well."""

    def grow(self, name: str, own_shape: tuple[int, ...]) -> None:
        """Make an array at least as large as a value."""

    def close(self, outcome: str, facts: Mapping[str, OutputFacts], equal_indexes: Mapping[str, int]) -> None:
        """Settle what is known only now.

        Parameters
        ----------
        outcome : str
        facts : mapping of str to OutputFacts
        equal_indexes : mapping of str to int
            Index variables that are equal in all members, and a member that has them.
        """

    def notices(self) -> Notices | None:
        """Give what other shells read and write beside the data; None where there are none."""

    def release(self) -> None:
        """Let other runs have the place, however this one has ended."""
