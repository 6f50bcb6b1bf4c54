"""A plan, executed: preflight → engine → sink → result."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any

import xarray as xr

from xsim._base.user_warning import warn_user
from xsim.declare.hook import HookFunction
from xsim.engine.batch import new_book, run_batch
from xsim.engine.block import Work
from xsim.engine.board import Board
from xsim.engine.book import Book
from xsim.engine.control import Control
from xsim.engine.ending import Ending
from xsim.engine.events import Events, NoEvents
from xsim.engine.executors.processes import ProcessExecutor
from xsim.engine.executors.protocol import Executor
from xsim.engine.executors.sequential import SequentialExecutor
from xsim.engine.executors.threads import ThreadExecutor
from xsim.engine.hooks import Hooks
from xsim.engine.loop import run_member
from xsim.engine.parallel import ParallelStages
from xsim.engine.profile import Part, Profile
from xsim.engine.site import make_jobs
from xsim.engine.state import make_state
from xsim.engine.stopping import SIGNALS, STOPS, listening
from xsim.engine.timed import piece, time_batch, time_sink
from xsim.errors import BatchError, BatchWarning, StoppedError
from xsim.monitor.live import LiveStatus, live_of
from xsim.monitor.progress import progress_for
from xsim.monitor.watching import watching
from xsim.plan.provenance import Provenance
from xsim.plan.run_plan import RunPlan
from xsim.result.dataset import result_from_memory, result_from_store
from xsim.setup.attributes import OUTCOME, PROGRAMS, PROVENANCE, SUMMARY
from xsim.sink.batch import BatchSink
from xsim.sink.batch_memory import MemoryBatchSink
from xsim.sink.batch_zarr import ZarrBatchSink
from xsim.sink.memory import MemorySink
from xsim.sink.protocol import Sink
from xsim.sink.zarr_sink import ZarrSink, ZarrStore


def execute(
    plan: RunPlan,
    provenance: Provenance,
    hooks: Sequence[Any],
    functions: tuple[HookFunction, ...],
    view: Callable[[Mapping[str, Any]], Any],
    objects: Mapping[str, Any] | None = None,
    profile: Profile | None = None,
) -> xr.Dataset:
    """Execute a plan.

    Parameters
    ----------
    plan : RunPlan
    provenance : Provenance
        Of this session.
    hooks : sequence
        As they were given: what shows progress is among them.
    functions : tuple of callables
        Those that the hooks call.
    view, objects, profile
        See `xsim._run.run`.

    Returns
    -------
    xarray.Dataset
        The setup and all outputs.
    """
    options = plan.options
    store = None if options.store is None else ZarrStore(options.store, options.mode, options.resume, provenance)
    bound = Hooks(functions, view if functions else _no_view, profile)
    live = live_of(hooks) if plan.is_batch else None
    with progress_for(plan, hooks, live) as events:
        if plan.is_batch:
            return _run_batch(plan, store, provenance, bound, events, live)
        return _run_single(plan, store, provenance, bound, events, objects)


def _no_view(objects: Mapping[str, Any]) -> None:
    """Nobody looks: there are no hooks."""


def _run_single(
    plan: RunPlan,
    store: ZarrStore | None,
    provenance: Provenance,
    hooks: Hooks,
    events: Events,
    objects: Mapping[str, Any] | None,
) -> xr.Dataset:
    sink: MemorySink | ZarrSink = MemorySink() if store is None else ZarrSink(store)
    time_sink(hooks.profile, sink)
    try:
        plan = sink.preflight(plan)
        if store is None:
            provenance.begin(plan)
        return _run_member(plan, store, provenance, sink, hooks, events, objects)
    finally:
        sink.release()


def _run_member(
    plan: RunPlan,
    store: ZarrStore | None,
    provenance: Provenance,
    sink: MemorySink | ZarrSink,
    hooks: Hooks,
    events: Events,
    objects: Mapping[str, Any] | None,
) -> xr.Dataset:
    buffers = sink.open(plan)
    jobs = make_jobs(plan, None)
    state = make_state(plan, 0, objects, jobs)
    try:
        with ParallelStages(plan) as stages:
            puts, lanes = [buffer.put for buffer in buffers], [buffer.lane for buffer in buffers]
            ending = run_member(plan, state, plan.inputs, puts, hooks, _stepped(events), stages.make, lanes)
    except BaseException as error:
        jobs.close("failed")
        _close_after(error, sink)
        raise
    jobs.close("done")
    facts = {} if ending is None else ending.facts
    if programs := jobs.record():
        facts[PROGRAMS] = json.dumps(programs)
    sink.close("done", facts)
    summary = "\n".join(filter(None, [_ended(plan, ending), stages.summary()]))
    if summary:
        events.end(summary)
    facts |= {OUTCOME: "done", PROVENANCE: provenance.end("done")} | ({SUMMARY: summary} if summary else {})
    with piece(hooks.profile, Part.RESULT):
        return _result(plan, store, sink.arrays if isinstance(sink, MemorySink) else {}, facts)


def _ended(plan: RunPlan, ending: Ending | None) -> str:
    if ending is None:
        return ""
    where = plan.timeline.describe(ending.step) if ending.step >= 0 else f"stage {ending.stage!r}"
    return f"{ending.process!r} ended the simulation at {where}: {ending.reason}"


def _run_batch(
    plan: RunPlan,
    store: ZarrStore | None,
    provenance: Provenance,
    hooks: Hooks,
    events: Events,
    live: LiveStatus | None,
) -> xr.Dataset:
    sink: BatchSink = MemoryBatchSink() if store is None else ZarrBatchSink(store)
    try:
        plan = sink.preflight(plan)
        if store is None:
            provenance.begin(plan)
        return _run_members(plan, store, provenance, sink, hooks, events, live)
    finally:
        sink.release()


def _run_members(
    plan: RunPlan,
    store: ZarrStore | None,
    provenance: Provenance,
    sink: BatchSink,
    hooks: Hooks,
    events: Events,
    live: LiveStatus | None,
) -> xr.Dataset:
    control = Control()
    executor = _executor(plan, control)
    time_batch(hooks.profile, sink, executor)
    book = new_book(plan)
    provenance.members = book.counts
    finished = False
    try:
        executor.check(Work(plan, hooks))
        sink.open(plan)
        board = Board(plan.batch, book, executor.working)
        signals = listening(control, executor.in_workers, in_threads=plan.scheduler == "threads")
        with watching(plan, board, control, live, sink), signals:
            run_batch(plan, sink, hooks, executor, events, book)
        finished = True
        if control.why in SIGNALS:  # it came after the last member: whoever sent it wants the script to end
            raise KeyboardInterrupt
    except KeyboardInterrupt:
        _stop_cleanly(control, book)
        raise
    finally:
        executor.close(now=not finished)
    summary = book.summary()
    events.end(summary)
    outcome = book.outcome
    arrays = sink.arrays if isinstance(sink, MemoryBatchSink) else {}
    facts = {OUTCOME: outcome, SUMMARY: summary, PROVENANCE: provenance.end(outcome)}
    with piece(hooks.profile, Part.RESULT):
        result = _result(plan, store, arrays, facts)
    if not book.complete:
        _report(plan, book, summary, result)
    return result


def _stop_cleanly(control: Control, book: Book) -> None:
    """Raise what tells a batch queue from a user, if it was one that stopped the run.

    Raises
    ------
    StoppedError
    """
    if control.why in STOPS:
        stopped = StoppedError(
            f"the run was stopped: {control.why}",
            got=book.summary().partition("\n")[0],
            remedy="resume=True goes on with what is left",
            code=STOPS[control.why],
        )
        if sys.stderr is not None:  # Python prints nothing of its own for an exit code
            with suppress(Exception):
                print(f"xsim: {stopped}", file=sys.stderr, flush=True)
        raise stopped from None


def _executor(plan: RunPlan, control: Control) -> Executor:
    if plan.scheduler == "synchronous":
        return SequentialExecutor(plan.options.threads_per_worker, control)
    assert plan.threads is not None
    executor = ProcessExecutor if plan.scheduler == "processes" else ThreadExecutor
    return executor(plan.workers, plan.threads, control)


def _result(plan: RunPlan, store: ZarrStore | None, arrays: Mapping[str, Any], facts: Mapping[str, Any]) -> xr.Dataset:
    if store is None:
        return result_from_memory(plan, arrays, facts)
    return result_from_store(plan, store, facts)


def _report(plan: RunPlan, book: Book, summary: str, result: xr.Dataset) -> None:
    """Raise or warn of members that are not done, after all others are done and saved (DESIGN §B6)."""
    if plan.options.on_error == "continue":
        warn_user(summary, BatchWarning)
        return
    raise BatchError.of(
        book.first_error,
        summary,
        remedy="the partial result is in the attribute `result` of this error; on_error='continue' returns it",
        result=result,
    ) from book.first_error


def _stepped(events: Events) -> Callable[[int], None] | None:
    # Nobody is told of steps where nobody watches: the loop is to cost nothing.
    return None if isinstance(events, NoEvents) else events.step


def _close_after(error: BaseException, sink: Sink) -> None:
    """Keep what was saved before a failure, which must not be hidden by another one."""
    try:
        sink.close("failed" if isinstance(error, Exception) else "cancelled", {})
    except Exception as second:
        error.add_note(f"saving what was computed before failed too: {type(second).__name__}: {second}")
