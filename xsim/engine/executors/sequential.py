"""Runs tasks one after the other."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from xsim.engine.block import Work
from xsim.engine.control import Control
from xsim.engine.executors.protocol import Ended, Task, run_task
from xsim.engine.failure import kept
from xsim.engine.slot import Slot, Working
from xsim.engine.thread_limits import ThreadLimits


class SequentialExecutor:
    """Runs tasks here, one after the other.

    Parameters
    ----------
    threads_per_worker : int, optional
        Threads that numerical libraries may use.
    control : Control, optional
        What may end members.
    """

    in_workers = False

    def __init__(self, threads_per_worker: int | None = None, control: Control | None = None) -> None:
        self._slot = Slot("1", control)
        self._left: list[Ended] = []
        self._limits = None if threads_per_worker is None else ThreadLimits(threads_per_worker)

    def check(self, work: Work) -> None:
        """Do nothing: the work stays here."""

    def run(self, work: Work, tasks: Iterable[Task]) -> Iterator[Ended]:
        """Run tasks in their order."""
        for task in tasks:
            try:
                results = run_task(work, task, self._slot)
            except BaseException as error:
                self._left = [(task, kept(error))]
                raise
            yield task, results
            if self._limits is not None:
                self._limits.renew()

    def working(self) -> list[Working]:
        """Give what is running."""
        now = self._slot.look()
        return [] if now is None else [now]

    def limit(self, workers: int) -> None:
        """Do nothing: there is one at a time."""

    def left(self) -> list[Ended]:
        """Give the task that was interrupted."""
        return self._left

    def close(self, now: bool) -> None:
        """Give back the threads; nothing is running."""
        if self._limits is not None:
            self._limits.restore()
