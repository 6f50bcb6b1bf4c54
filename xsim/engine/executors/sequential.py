"""Runs tasks one after the other."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from xsim.engine.block import MemberResult, Work
from xsim.engine.executors.protocol import Task, run_task
from xsim.engine.thread_limits import ThreadLimits


class SequentialExecutor:
    """Runs tasks here, one after the other.

    Parameters
    ----------
    threads_per_worker : int, optional
        Threads that numerical libraries may use.
    """

    in_workers = False

    def __init__(self, threads_per_worker: int | None = None) -> None:
        self._limits = None if threads_per_worker is None else ThreadLimits(threads_per_worker)

    def check(self, work: Work) -> None:
        """Do nothing: the work stays here."""

    def run(self, work: Work, tasks: Iterable[Task]) -> Iterator[tuple[Task, list[MemberResult]]]:
        """Run tasks in their order."""
        for task in tasks:
            yield task, run_task(work, task)
            if self._limits is not None:
                self._limits.renew()

    def close(self, now: bool) -> None:
        """Give back the threads; nothing is running."""
        if self._limits is not None:
            self._limits.restore()
