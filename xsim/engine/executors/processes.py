"""Runs tasks in worker processes, which are never forked and never import the user's ``__main__`` (DESIGN §V1)."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, wait
from pathlib import Path

import attrs
import cloudpickle
from loky import get_reusable_executor
from loky.process_executor import BrokenProcessPool

from xsim.engine.block import MemberResult, Work, run_block
from xsim.engine.executors.protocol import Task
from xsim.engine.executors.window import as_completed
from xsim.engine.picklable import check_picklable, travelling
from xsim.engine.thread_limits import ThreadLimits, thread_environment
from xsim.errors import WorkerError


class ProcessExecutor:
    """Runs tasks in a pool of processes that outlives the run, so that the next one starts at once.

    Parameters
    ----------
    workers, threads_per_worker : int
        Processes; threads that numerical libraries may use in each (DESIGN §R2).
    """

    in_workers = True

    def __init__(self, workers: int, threads_per_worker: int) -> None:
        self._workers = workers
        self._threads = threads_per_worker
        self._folder = tempfile.TemporaryDirectory(prefix="xsim-")
        # Libraries that are loaded later, in a stage, read the environment; those loaded already are limited below.
        self._pool = get_reusable_executor(max_workers=workers, timeout=60, env=thread_environment(threads_per_worker))
        self._running: set[Future[list[MemberResult]]] = set()

    def run(self, work: Work, tasks: Iterable[Task]) -> Iterator[tuple[Task, list[MemberResult]]]:
        """Run tasks as workers get free. The work travels once for each worker; tasks carry little more than a block.

        Raises
        ------
        NotPicklableError
            If the work cannot be sent.
        WorkerError
            If a worker ends without an answer.
        """
        path = self._ship(_without_store(work))

        def submit(task: Task) -> Future[list[MemberResult]]:
            future: Future[list[MemberResult]] = self._pool.submit(_run_task, path, self._threads, task)
            self._running.add(future)
            future.add_done_callback(self._running.discard)
            return future

        try:
            yield from as_completed(submit, tasks, self._workers)
        except BrokenProcessPool as error:
            raise WorkerError(
                "a worker process ended without an answer",
                got=str(error).splitlines()[0] if str(error) else type(error).__name__,
                remedy="members that are done are saved; look for what ends a process: memory, os._exit, a crash",
            ) from error

    def check(self, work: Work) -> None:
        """Check that work can be sent.

        Raises
        ------
        NotPicklableError
            Naming what stops it.
        """
        work = _without_store(work)
        try:
            cloudpickle.dumps(work)
        except Exception as error:
            check_picklable(work, error)
            raise

    def _ship(self, work: Work) -> str:
        data = cloudpickle.dumps(work)
        handle, path = tempfile.mkstemp(dir=self._folder.name)
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        return path

    def close(self, now: bool) -> None:
        """End the run; the pool stays for the next one, unless its tasks have to be killed."""
        if now:
            self._pool.shutdown(wait=True, kill_workers=True)
        else:
            wait([future for future in tuple(self._running) if not future.cancel()])
        self._folder.cleanup()


def _without_store(work: Work) -> Work:
    # A store may be in the memory of this process; where workers write to it, the writer has it.
    plan = attrs.evolve(work.plan, options=attrs.evolve(work.plan.options, store=None))
    return attrs.evolve(work, plan=plan)


_loaded: tuple[str, Work] | None = None
_limits: ThreadLimits | None = None


def _load(path: str) -> Work:
    try:
        work: Work = cloudpickle.loads(Path(path).read_bytes())
    except Exception as error:
        raise WorkerError(
            "a worker process cannot load the model",
            got=f"{type(error).__name__}: {error}",
            expected="process classes in modules that can be imported, or in the script or notebook itself",
            remedy="put the module on the path (PYTHONPATH), install it, or send it along: "
            "cloudpickle.register_pickle_by_value(module)",
        ) from error
    return work


def _run_task(path: str, threads: int, task: Task) -> list[MemberResult]:
    """Run a task in a worker, which keeps the work it was sent last."""
    global _loaded, _limits
    if _loaded is None or _loaded[0] != path:
        _loaded = None  # free the one before
        _loaded = (path, _load(path))
        if _limits is not None:
            _limits.restore()  # of the run before
        _limits = ThreadLimits(threads)
    assert _limits is not None
    _limits.renew()
    return [travelling(result) for result in run_block(_loaded[1], task.block, task.known)]
