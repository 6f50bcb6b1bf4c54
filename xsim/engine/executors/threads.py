"""Runs tasks in threads of this process."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from concurrent.futures import Future

from xsim.engine.block import MemberResult, Work
from xsim.engine.control import Control
from xsim.engine.executors.protocol import Ended, Task, run_task
from xsim.engine.executors.window import as_completed, left
from xsim.engine.slot import Slot, Working
from xsim.engine.thread_limits import ThreadLimits, limited_pool


class ThreadExecutor:
    """Runs tasks in a pool of threads.

    Parameters
    ----------
    workers, threads_per_worker : int
        Threads of the pool; threads that numerical libraries may use in each (DESIGN §R2).
    control : Control, optional
        What may end members.
    """

    in_workers = False

    def __init__(self, workers: int, threads_per_worker: int, control: Control | None = None) -> None:
        self._control = control or Control()
        self._slots: dict[str, Slot] = {}
        self._workers = workers
        self._under_way: dict[Future[list[MemberResult]], Task] = {}
        # These libraries have one limit a process, which each of our threads meets.
        self._limits = ThreadLimits(threads_per_worker)
        self._threads = threads_per_worker
        self._pool = limited_pool(workers, threads_per_worker)

    def check(self, work: Work) -> None:
        """Do nothing: the work stays here."""

    def run(self, work: Work, tasks: Iterable[Task]) -> Iterator[Ended]:
        """Run tasks as threads get free."""

        def submit(task: Task) -> Future[list[MemberResult]]:
            return self._pool.submit(self._run_here, work, task)

        for task, future in as_completed(submit, tasks, self._workers, self._under_way):
            self._limits.renew()
            yield task, future.result()

    def _run_here(self, work: Work, task: Task) -> list[MemberResult]:
        name = threading.current_thread().name
        slot = self._slots.setdefault(name, Slot(name, self._control))
        return run_task(work, task, slot)

    def working(self) -> list[Working]:
        """Give what the threads are doing."""
        return [now for slot in tuple(self._slots.values()) if (now := slot.look()) is not None]

    def limit(self, workers: int) -> None:
        """Run no more than so many tasks at a time from now on."""
        self._pool.shutdown()
        self._workers = workers
        self._pool = limited_pool(workers, self._threads)

    def left(self) -> list[Ended]:
        """Give the tasks that went on to their end."""
        return left(self._under_way)

    def close(self, now: bool) -> None:
        """Wait for running tasks; a running call cannot be killed."""
        self._pool.shutdown(wait=True, cancel_futures=True)
        self._limits.restore()
