"""The inside of a worker process: what it runs, what it keeps, and how its results travel (DESIGN §V1)."""

from __future__ import annotations

import multiprocessing
import os
import threading
import time
from collections.abc import Iterable
from contextlib import nullcontext, suppress
from pathlib import Path
from typing import Any, NamedTuple

import attrs
import cloudpickle

from xsim._base.memory import forget_peak, peak_memory
from xsim.engine.block import MemberResult, Work
from xsim.engine.control import Control
from xsim.engine.executors.protocol import Task, run_task
from xsim.engine.executors.watch import Whereabouts
from xsim.engine.failure import keep, kept
from xsim.engine.hooks import Hooks
from xsim.engine.picklable import travelling
from xsim.engine.thread_limits import ThreadLimits
from xsim.engine.timed import charged_to
from xsim.errors import WorkerError
from xsim.plan.run_plan import RunPlan


class Shipped(NamedTuple):
    """Files with the parts of a work: plan and hooks, which stay for a run, and what becomes known during it."""

    common: str
    own: str


_common: tuple[str, RunPlan, Hooks] | None = None
_loaded: tuple[str, Work] | None = None
_limits: ThreadLimits | None = None
_whereabouts: Whereabouts | None = None


def _work_of(shipped: Shipped) -> Work:
    """Load what has not been loaded yet."""
    global _common, _loaded
    if _common is None or _common[0] != shipped.common:
        _common = _loaded = None  # free the one before
        _common = (shipped.common, *_load(shipped.common))
    if _loaded is None or _loaded[0] != shipped.own:
        work = Work(*_common[1:], *_load(shipped.own))
        _loaded = (shipped.own, attrs.evolve(work, writer=charged_to(work.hooks.profile, work.writer)))
    return _loaded[1]


def _load(path: str) -> tuple[Any, ...]:
    try:
        with open(path, "rb") as file:
            parts: tuple[Any, ...] = cloudpickle.load(file)
    except Exception as error:
        raise WorkerError(
            "a worker process cannot load the model",
            got=f"{type(error).__name__}: {error}",
            expected="process classes in modules that can be imported, or in the script or notebook itself",
            remedy="put the module on the path (PYTHONPATH), install it, or send it along: "
            "cloudpickle.register_pickle_by_value(module)",
        ) from error
    return parts


def follow(coordinator: int) -> None:
    """Tell how far members are, and end this worker soon after its coordinator has died: nobody else ends it."""

    def watch() -> None:
        while True:
            _end_without(coordinator)
            if _whereabouts is not None:
                with suppress(Exception):  # it is being closed just now, say; the coordinator is watched nevertheless
                    _whereabouts.publish()
            time.sleep(0.5)

    threading.Thread(target=watch, name="xsim-parent", daemon=True).start()


def _end_without(coordinator: int) -> None:
    if is_alone(coordinator, multiprocessing.parent_process() if os.name == "nt" else None):
        os._exit(1)


def is_alone(coordinator: int, parent: Any) -> bool:
    """Whether the coordinator has died: its number stays that of the parent on Windows, where a handle tells."""
    return os.getppid() != coordinator if parent is None else not parent.is_alive()


Packed = tuple[Any, ...]
"""A result on its way between processes: as a plain tuple, which travels at a tenth of the cost of an object."""


def _packed(results: Iterable[MemberResult]) -> list[Packed]:
    return [(r.record, r.shapes, r.data, r.error, r.late, r.figures) for r in results]


def unpacked(results: Iterable[Packed | MemberResult]) -> list[MemberResult]:
    """Give results; those that an exception has brought are no tuples."""
    return [each if isinstance(each, MemberResult) else MemberResult(*each) for each in results]


def run_in_worker(shipped: Shipped, threads: int, task: Task, coordinator: int) -> list[Packed]:
    """Run a task in a worker, which keeps the work it was sent last."""
    global _limits, _whereabouts
    if _whereabouts is None or _common is None or Path(_common[0]).parent != Path(shipped.own).parent:
        # Another run.
        if _whereabouts is not None:
            _whereabouts.close()
        _whereabouts = Whereabouts(Path(shipped.own).parent)
        if _limits is not None:
            _limits.restore()
            _limits = None
    work = _work_of(shipped)
    if _limits is None:
        _limits = ThreadLimits(threads)
    else:
        _limits.renew()
    writer = work.writer
    try:
        with nullcontext() if writer is None else writer.working():
            # Who was stopped on the way here may belong to a run that was killed, and another one have the store.
            _end_without(coordinator)
            first = work.shapes is None
            if first:
                forget_peak()
            _whereabouts.control = Control()
            _whereabouts.control.cancel(task.cancelled)
            results = run_task(work, task, _whereabouts)
    except BaseException as error:
        keep(error, [travelling(result) for result in kept(error)])
        raise
    if first:  # the memory of the first members decides how many run at a time
        results = [attrs.evolve(each, record={**each.record, "memory": peak_memory()}) for each in results]
    return _packed(_with_figures(work, [travelling(result) for result in results]))


def _with_figures(work: Work, results: list[MemberResult]) -> list[MemberResult]:
    """Let what was measured here travel with the last result."""
    if work.hooks.profile is not None:
        results[-1] = attrs.evolve(results[-1], figures=work.hooks.profile.drain())
    return results


def absorb(work: Work, packed: list[Packed]) -> list[MemberResult]:
    """Take what has come from a worker, and what was measured there."""
    results = unpacked(packed)
    if work.hooks.profile is not None and results[-1].figures is not None:
        work.hooks.profile.absorb(results[-1].figures)
    return results
