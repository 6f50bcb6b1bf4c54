"""Runs tasks in worker processes, which are never forked and never import the user's ``__main__`` (DESIGN §V1)."""

from __future__ import annotations

import os
import re
import shutil
import signal
import tempfile
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, wait
from contextlib import suppress
from functools import partial
from itertools import chain
from typing import Any

import attrs
from loky.process_executor import BrokenProcessPool

from xsim.engine.block import MemberResult, Work
from xsim.engine.control import Control
from xsim.engine.executors.led import unheard
from xsim.engine.executors.pool import worker_pool
from xsim.engine.executors.protocol import Ended, Task
from xsim.engine.executors.watch import forget, running
from xsim.engine.executors.window import as_completed, left
from xsim.engine.executors.worker import Shipped, absorb, run_in_worker, unpacked
from xsim.engine.hooks import Hooks
from xsim.engine.picklable import check_picklable, dump
from xsim.engine.slot import Working
from xsim.engine.verdicts import cancelled, timed_out, worker_died
from xsim.errors import WorkerError
from xsim.plan.blocks import single
from xsim.plan.run_plan import RunPlan
from xsim.plan.scratch import member_folder

GRACE = 1.0
"""Seconds over its time limit, at the least, after which a member that has not stopped by itself is ended."""

MOST_STARTS = 3
"""How often workers that end while they run no member are started again, with no member finished in between."""


class ProcessExecutor:
    """Runs tasks in the pool of worker processes.

    A worker that dies takes only the member with it that killed it: those that were running at that moment run again,
    each alone, and the one that kills its worker again has failed. All other members of the blocks that were under way
    run again in the ordinary way. Where none was running, workers are started again a few times.

    Parameters
    ----------
    workers, threads_per_worker : int
        Processes; threads that numerical libraries may use in each (DESIGN §R2).
    control : Control, optional
        What may end members: their workers are killed.
    """

    in_workers = True

    def __init__(self, workers: int, threads_per_worker: int, control: Control | None = None) -> None:
        self._control = control or Control()
        self._workers = workers
        self._threads = threads_per_worker
        self._folder = tempfile.TemporaryDirectory(prefix="xsim-")
        self._ended: dict[int, float] = {}
        self._starts = 0
        self._plan: RunPlan | None = None
        self._common: tuple[RunPlan, Hooks, str] | None = None
        self._under_way: dict[Future[list[Any]], Task] = {}
        self._running: set[Future[list[Any]]] = set()
        try:
            self._make_pool()
        except BaseException:  # nobody will close what has not been made
            self._folder.cleanup()
            raise

    def _make_pool(self) -> None:
        self._pool = worker_pool(self._workers, self._threads)

    def run(self, work: Work, tasks: Iterable[Task]) -> Iterator[Ended]:
        """Run tasks as workers get free. The work travels once for each worker; tasks carry little more than a block.

        Raises
        ------
        NotPicklableError
            If the work cannot be sent.
        WorkerError
            If workers end before they have started a member, again and again.
        """
        self._plan = work.plan
        shipped = self._ship(work)
        waiting = iter(tasks)
        while True:
            lost: list[Task] = []
            error: BaseException | None = None
            submit = partial(self._submit, shipped)
            for task, future in as_completed(
                submit, _until(lost, waiting), self._workers, self._under_way, partial(self._look, work)
            ):
                try:
                    results = absorb(work, future.result())
                except BrokenProcessPool as broken:
                    lost.append(task)
                    error = broken
                else:
                    self._starts = 0
                    yield task, results
            if not lost:
                return
            assert error is not None
            waiting = chain(self._recover(work, lost, error), waiting)

    def _submit(self, shipped: Shipped, task: Task) -> Future[list[Any]]:
        if self._control.cancelled:
            task = attrs.evolve(task, cancelled=self._control.cancelled)
        try:
            with unheard():  # a worker that has ended is replaced
                future: Future[list[Any]] = self._pool.submit(run_in_worker, shipped, self._threads, task, os.getpid())
            self._running.add(future)
            future.add_done_callback(self._running.discard)
        except BrokenProcessPool as error:
            future = Future()
            future.set_exception(error)
        return future

    def _recover(self, work: Work, lost: list[Task], error: BaseException) -> list[Task]:
        """Find the members that ended their worker, and give the tasks to run again.

        Raises
        ------
        KeyboardInterrupt
            If all is to end.
        """
        if self._control.why:
            raise KeyboardInterrupt(self._control.why)
        batch = work.plan.batch
        suspects = {each.member: each for each in running(self._folder.name)}
        members = {member: task for task in lost for member in task.block.members(batch)}
        suspects = {member: each for member, each in suspects.items() if member in members}
        if not suspects:
            self._starts += 1
            if self._starts > MOST_STARTS:
                raise WorkerError(
                    "worker processes end before they have started a member",
                    got=f"{_exit_codes(error)}, {self._starts} times with no member finished in between",
                    remedy="members that are done are saved; look for what ends a process: memory, os._exit, a crash",
                ) from error
        self._start_again()
        if not suspects:
            return lost
        verdicts: dict[int, MemberResult] = {}
        ended, self._ended = self._ended, {}
        for member, each in suspects.items():
            if member in ended:
                verdicts[member] = self._verdict(work, member, each.since, ended[member])
        if not verdicts:
            alone = self._ship(attrs.evolve(work, writer=None))
            for member in suspects:
                verdicts[member] = self._run_alone(alone, work, member)
        return [
            attrs.evolve(task, known={**task.known, **{m: r for m, r in verdicts.items() if members[m] is task}})
            for task in lost
        ]

    def _run_alone(self, shipped: Shipped, work: Work, member: int) -> MemberResult:
        """Run a member with no other one beside it, so that a worker that dies tells which one it was."""
        task = Task(single(work.plan.batch.position(member)))
        error: BaseException | None = None
        started = time.time()
        for _ in range(1 + work.plan.options.retries):
            submit = partial(self._submit, shipped)
            try:
                ((_, future),) = as_completed(submit, [task], 1, {}, partial(self._look, work))
                (result,) = absorb(work, future.result())
            except BrokenProcessPool as broken:
                error = broken
                self._start_again()
            else:
                return result
            if member in self._ended:
                return self._verdict(work, member, started, self._ended.pop(member))
        assert error is not None
        return worker_died(_exit_codes(error), started, time.time())

    def _start_again(self) -> None:
        forget(self._folder.name)
        self._make_pool()

    def _look(self, work: Work) -> None:
        """Kill workers whose member is over its time limit and does not stop by itself, or has been cancelled.

        Raises
        ------
        KeyboardInterrupt
            If all is to end.
        """
        control, limit = self._control, work.plan.options.time_limit
        if control.why:
            raise KeyboardInterrupt(control.why)
        if limit is None and not control.cancelled:
            return
        for each in running(self._folder.name):
            over = limit is not None and time.monotonic() - each.begun > limit + max(GRACE, limit * 0.1)
            if each.member not in self._ended and (over or each.member in control.cancelled):
                self._ended[each.member] = time.time()
                with suppress(ProcessLookupError):
                    os.kill(each.pid, signal.SIGTERM if os.name == "nt" else signal.SIGKILL)

    def _verdict(self, work: Work, member: int, since: float, until: float) -> MemberResult:
        """Give the result of a member whose worker was killed."""
        _clear_scratch(work.plan, [member])
        return cancelled(since, until) if member in self._control.cancelled else timed_out(work, since, until)

    def check(self, work: Work) -> None:
        """Check that work can be sent.

        Raises
        ------
        NotPicklableError
            Naming what stops it.
        """
        try:
            self._ship(work)
        except Exception as error:
            check_picklable(attrs.evolve(work, plan=_without_store(work.plan)), error)
            raise

    def _ship(self, work: Work) -> Shipped:
        """Put work where workers find it; plan and hooks, which may hold large inputs, once."""
        if self._common is None or self._common[:2] != (work.plan, work.hooks):
            self._common = (work.plan, work.hooks, self._file((_without_store(work.plan), work.hooks)))
        return Shipped(self._common[2], self._file((work.shapes, work.writer, work.limit)))

    def _file(self, thing: Any) -> str:
        handle, path = tempfile.mkstemp(dir=self._folder.name)
        with os.fdopen(handle, "wb") as file:
            dump(thing, file)
        return path

    def working(self) -> list[Working]:
        """Give what the workers have told last."""
        with suppress(OSError):  # the folder may be going just now
            return [each.working for each in running(self._folder.name)]
        return []

    def limit(self, workers: int) -> None:
        """Run no more than so many tasks at a time from now on."""
        self._workers = workers
        self._make_pool()

    def left(self) -> list[Ended]:
        """Give the tasks that had ended."""
        return [(task, unpacked(results)) for task, results in left(self._under_way)]

    def close(self, now: bool) -> None:
        """End the run; the pool stays for the next one, unless its tasks have to be killed."""
        if now:
            self._pool.shutdown(wait=True, kill_workers=True)
            if self._plan is not None:
                _clear_scratch(self._plan, [each.member for each in running(self._folder.name)])
        else:
            wait([future for future in tuple(self._running) if not future.cancel()])
        self._folder.cleanup()


def _clear_scratch(plan: RunPlan, members: Iterable[int]) -> None:
    """Delete folders that nobody wants to keep of members whose worker was killed, and could not do so itself."""
    if plan.options.keep_scratch == "never":
        for member in members:
            shutil.rmtree(member_folder(plan.scratch, member), ignore_errors=True)
        with suppress(OSError):  # unless others have theirs in it
            plan.scratch.rmdir()


def _until(lost: list[Task], tasks: Iterator[Task]) -> Iterator[Task]:
    while not lost and (task := next(tasks, None)) is not None:
        yield task


def _exit_codes(error: BaseException) -> str:
    """Give what the pool says of how its workers ended."""
    found = re.search(r"exit codes of the workers are \{(.*?)\}", str(error))
    return f"exit code {found[1]}" if found else str(error).partition("\n")[0] or type(error).__name__


def _without_store(plan: RunPlan) -> RunPlan:
    # A store may be in the memory of this process; where workers write to it, the writer has it.
    return attrs.evolve(plan, options=attrs.evolve(plan.options, store=None, resume=False))
