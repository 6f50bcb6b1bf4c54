"""What an executor is."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Protocol

import attrs

from xsim.engine.block import MemberResult, Work, run_block
from xsim.engine.slot import Slot, Working
from xsim.plan.blocks import Block


@attrs.frozen(eq=False)
class Task:
    """A block to run, and what is known of its members already.

    Attributes
    ----------
    block : Block
    known : mapping of int to MemberResult
    part_of : Block, optional
        The block whose chunks the members belong to, if it is another one: values are given back, and not written.
    cancelled : frozenset of int
        Members that are not to start.
    """

    block: Block
    known: Mapping[int, MemberResult] = attrs.field(factory=dict)
    part_of: Block | None = None
    cancelled: frozenset[int] = frozenset()


def run_task(work: Work, task: Task, slot: Slot | None = None) -> list[MemberResult]:
    """Run a task, here and now; see `xsim.engine.block.run_block`."""
    if task.part_of is not None:
        work = attrs.evolve(work, writer=None)
    slot = slot or Slot()
    try:
        return run_block(work, task.block, task.known, slot)
    finally:
        slot.end()


Ended = tuple[Task, list[MemberResult]]
"""A task and the results of its members, of the first ones only where it was interrupted."""


class Executor(Protocol):
    """Runs tasks."""

    in_workers: bool
    """Whether tasks run in other processes."""

    def check(self, work: Work) -> None:
        """Check that work can get to where it is done, before anything is written."""

    def run(self, work: Work, tasks: Iterable[Task]) -> Iterator[Ended]:
        """Run tasks; give each with its results when it is done, in any order. Tasks are taken as workers get free."""

    def working(self) -> list[Working]:
        """Give what the workers are doing; callable from any thread."""

    def limit(self, workers: int) -> None:
        """Run no more than so many tasks at a time from now on; called while none is running."""

    def close(self, now: bool) -> None:
        """End, with nothing running afterwards: tasks under way finish, or are killed if `now` and they can be."""

    def left(self) -> list[Ended]:
        """Give, after the end, the tasks whose results nobody has taken, as far as they got."""
