"""Runs tasks one after the other."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from xsim.engine.block import MemberResult, Work, run_block
from xsim.engine.executors.protocol import Task


class SequentialExecutor:
    """Runs tasks here, one after the other."""

    in_workers = False

    def run(self, work: Work, tasks: Iterable[Task]) -> Iterator[tuple[Task, list[MemberResult]]]:
        """Run tasks in their order."""
        for task in tasks:
            yield task, run_block(work, task.block, task.known)

    def close(self, now: bool) -> None:
        """Nothing is running."""
