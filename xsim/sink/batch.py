"""What the sink of a batch is, and what its parts have in common."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

import attrs

from xsim.plan.blocks import Block
from xsim.plan.run_plan import RunPlan
from xsim.sink.buffer import Target
from xsim.sink.journal import Record
from xsim.sink.member import MemberData
from xsim.sink.storage_type import StorageType


@attrs.frozen(eq=False)
class OutputShape:
    """What is known of an output once a member has saved it."""

    storage: StorageType
    own_shape: tuple[int, ...]


@attrs.define(eq=False)
class OutputFacts:
    """What is known of an output over all members so far.

    Attributes
    ----------
    own_shape : tuple of int
        The largest.
    missing, ambiguous : bool
        Whether any member's are.
    """

    own_shape: tuple[int, ...]
    missing: bool = False
    ambiguous: bool = False

    def add(self, own_shape: tuple[int, ...], missing: bool, ambiguous: bool) -> None:
        """Take in what one more member saved."""
        if own_shape != self.own_shape:
            self.missing = True
            self.own_shape = tuple(max(a, b) for a, b in zip(own_shape, self.own_shape, strict=True))
        self.missing |= missing
        self.ambiguous |= ambiguous


class BlockWriter(Protocol):
    """Writes the values of blocks, from where they are computed."""

    def stream(self, output: int, block: Block) -> Target:
        """Give a target for an output of a block of one member."""

    def write(self, block: Block, members: Sequence[MemberData | None]) -> None:
        """Write the values of a block; None for members that have none."""

    def erase(self, block: Block) -> None:
        """Make missing what was streamed of a block of one member."""

    def record(self, block: Block, records: Sequence[Record]) -> None:
        """Write the records of a block, after its values."""


class BatchSink(Protocol):
    """A place for the outputs of a batch."""

    def preflight(self, plan: RunPlan) -> None:
        """Check all that can be checked before anything is written."""

    def open(self, plan: RunPlan) -> None:
        """Make room for a run."""

    def create(self, shapes: Mapping[str, OutputShape], block: tuple[int, ...]) -> None:
        """Make the arrays."""

    def writer(self, in_workers: bool) -> BlockWriter | None:
        """Give what writes blocks where they are computed; None if that is to be done here, through `accept`."""

    def accept(self, block: Block, members: Sequence[MemberData | None], records: Sequence[Record]) -> None:
        """Write a block here."""

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
