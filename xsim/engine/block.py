"""Runs a block of members, where its worker is (DESIGN §B12)."""

from __future__ import annotations

import hashlib
import math
import os
import socket
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Any

import attrs
import numpy as np

from xsim.engine.failure import failure_record, keep
from xsim.engine.hooks import Hooks
from xsim.engine.loop import run_member
from xsim.engine.profile import Figures
from xsim.engine.site import make_jobs
from xsim.engine.state import make_state
from xsim.engine.timed import timed_block
from xsim.errors import CancelledError, TimeLimitError, WorkerError
from xsim.plan.blocks import Block
from xsim.plan.inputs import validate_inputs
from xsim.plan.run_plan import RunPlan
from xsim.sink.batch import BlockWriter
from xsim.sink.buffer import OutputBuffer
from xsim.sink.facts import OutputShape
from xsim.sink.journal import Record
from xsim.sink.member import LateOutputError, MemberData, MemberRecorder, NoArray


@attrs.frozen(eq=False)
class Work:
    """All that a worker needs to run members.

    Attributes
    ----------
    plan : RunPlan
    hooks : Hooks
    shapes : mapping of str to OutputShape, optional
        What is known of the outputs; None for the first members.
    writer : BlockWriter, optional
        Writes from the worker; without one values are returned.
    limit : int, optional
        Bytes of an output that are held at the most until there is an array for them.
    """

    plan: RunPlan
    hooks: Hooks
    shapes: Mapping[str, OutputShape] | None = None
    writer: BlockWriter | None = None
    limit: int | None = None


SavedShape = tuple[tuple[int, ...], bool, bool]
"""Own shape of an output of a member, and whether values are missing or ambiguous."""


@attrs.frozen(eq=False)
class MemberResult:
    """How a member ended.

    Attributes
    ----------
    record : mapping
        For the journal.
    shapes : mapping of str to tuple
        Own shape, and whether values are missing or ambiguous, of each output saved.
    data : mapping, optional
        What it saved, unless that is written already.
    error : BaseException, optional
        What it raised; without its traceback, which the record has.
    late : tuple, optional
        Name and shape of an output that it is the first to save, and that has no array yet: it stopped there, and has
        to run again.
    figures : mapping, optional
        What a worker process has measured since its last block; with the last member of a block.
    """

    record: Record
    shapes: Mapping[str, SavedShape]
    data: MemberData | None
    error: BaseException | None = None
    late: tuple[str, OutputShape] | None = None
    figures: Figures | None = None


PENDING = MemberResult({}, {}, None)
"""Of a member that has not run."""


@timed_block
def run_block(
    work: Work, block: Block, known: Mapping[int, MemberResult], started: Callable[[int], None] | None = None
) -> list[MemberResult]:
    """Run the members of a block and write what they saved.

    Parameters
    ----------
    work : Work
    block : Block
    known : mapping of int to MemberResult
        Members that have run already, with their data.
    started : callable, optional
        Is told each member that starts.

    Returns
    -------
    list of MemberResult
        In the order of the block; with data only where nothing has been written: without a writer, or because a member
        is late.
    """
    members = block.members(work.plan.batch)
    started = started or _nobody
    results: list[MemberResult] = []
    if work.writer is None:
        try:
            for member in members:
                results.append(known.get(member) or run_one(work, member, started))
        except BaseException as error:
            keep(error, results)
            raise
        return results
    if len(members) == 1 and members[0] not in known:
        result = _try_again(work, members[0], started, partial(_run_streaming, work, work.writer, block, members[0]))
        if result.late is None:
            work.writer.record(block, [result.record])
        return [result]
    if len(members) == 1 and known[members[0]].error is not None:
        work.writer.clear(block)  # it has ended its worker, after having streamed part of its values
    try:
        for member in members:
            results.append(known.get(member) or run_one(work, member, started))
    finally:  # also when interrupted: what is done is saved, the others are pending
        if len(results) < len(members) or all(result.late is None for result in results):
            _write(work.writer, block, results + [known.get(member, PENDING) for member in members[len(results) :]])
    if any(result.late is not None for result in results):
        return results
    return [attrs.evolve(result, data=None) for result in results]


def _write(writer: BlockWriter, block: Block, results: Sequence[MemberResult]) -> None:
    """Write what members saved, then their records; late ones are pending."""
    ended = [result if result.late is None else PENDING for result in results]
    writer.write(block, [None if result.error is not None else result.data for result in ended])
    writer.record(block, [result.record for result in ended])


def _nobody(member: int) -> None:
    """Nobody wants to know what starts."""


def run_one(work: Work, member: int, started: Callable[[int], None] = _nobody) -> MemberResult:
    """Run a member and hold what it saved, as often as the options allow until it is done."""
    return _try_again(work, member, started, partial(_run_held, work, member))


def _try_again(
    work: Work, member: int, started: Callable[[int], None], run: Callable[[], MemberResult]
) -> MemberResult:
    """Run a member until it is done, or has used up its retries; running out of time is final."""
    retries = work.plan.options.retries
    attempts = 0
    while True:
        started(member)
        result = run()
        attempts += 1
        if result.record.get("outcome") != "failed" or attempts > retries:
            break
    if retries and result.record:
        result = attrs.evolve(result, record={**result.record, "retries": attempts - 1})
    return result


def _run_held(work: Work, member: int) -> MemberResult:
    """Run a member and hold what it saved; what a failed member saved is dropped, but for its types."""
    recorder = MemberRecorder(work.plan, work.shapes, work.limit)
    try:
        record, error = _attempt(work, member, recorder.puts)
    except LateOutputError as late:
        return MemberResult({}, {}, None, late=(late.name, late.shape))
    data = recorder.data()
    shapes = {name: (s.own_shape, s.missing, s.ambiguous) for name, s in data.items()}
    hashes = _index_hashes(work.plan, {name: saved.rows for name, saved in data.items()})
    return MemberResult(_with_shapes(record, shapes, hashes), shapes, data, error)


def _run_streaming(work: Work, writer: BlockWriter, block: Block, member: int) -> MemberResult:
    """Run a member, writing each chunk when it is full."""
    fixed = dict(work.plan.setup.sizes)
    buffers = []
    seen: dict[str, np.ndarray[Any, Any]] = {}
    for number, output in enumerate(work.plan.outputs):
        shape = (work.shapes or {}).get(output.name)
        target = NoArray(output) if shape is None else writer.stream(number, block)
        buffers.append(OutputBuffer(output, target, fixed, shape))
    puts = [_also_keep(buffer, seen) if buffer.output.is_index else buffer.put for buffer in buffers]
    try:
        record, error = _attempt(work, member, puts)
    except LateOutputError as late:
        _erase(writer, block, buffers)
        return MemberResult({}, {}, None, late=(late.name, late.shape))
    if error is None:
        for buffer in buffers:
            buffer.flush()
    else:
        _erase(writer, block, buffers)
    found = {b.output.name: (b.own_shape, b.missing, b.ambiguous) for b in buffers if b.type is not None}
    return MemberResult(_with_shapes(record, found, _index_hashes(work.plan, seen)), found, None, error)


def _with_shapes(record: Record, shapes: Mapping[str, SavedShape], hashes: Mapping[str, str]) -> Record:
    """Give a record with what a run that goes on from here has to know of the outputs."""
    return {
        **record,
        "sizes": {name: list(own_shape) for name, (own_shape, _, _) in shapes.items()},
        "missing": [name for name, (_, missing, _) in shapes.items() if missing],
        "ambiguous": [name for name, (_, _, ambiguous) in shapes.items() if ambiguous],
        "indexes": dict(hashes),
    }


def result_of(record: Record, data: MemberData | None = None) -> MemberResult:
    """Give the result of a member that an earlier run has done, from its record."""
    shapes = {
        name: (tuple(size), name in record["missing"], name in record["ambiguous"])
        for name, size in record["sizes"].items()
    }
    return MemberResult(record, shapes, data)


def _erase(writer: BlockWriter, block: Block, buffers: Sequence[OutputBuffer]) -> None:
    saved = [buffer for buffer in buffers if buffer.type is not None and not isinstance(buffer.target, NoArray)]
    writer.erase(block, {buffer.output.name: buffer.own_shape for buffer in saved})


def _also_keep(buffer: OutputBuffer, seen: dict[str, np.ndarray[Any, Any]]) -> Callable[[Any], None]:
    def put(value: Any) -> None:
        buffer.put(value)
        assert buffer.type is not None
        seen[buffer.output.name] = buffer.type.fit(value)[None].copy()

    return put


def _attempt(
    work: Work, member: int, puts: Sequence[Callable[[Any], None]]
) -> tuple[dict[str, Any], BaseException | None]:
    plan = work.plan
    position = plan.batch.position(member)
    started, clock = datetime.now(UTC), time.perf_counter()
    error: BaseException | None = None
    limit = plan.options.time_limit
    jobs = make_jobs(plan, member, math.inf if limit is None else time.monotonic() + limit)
    try:
        inputs = [planned.of_member(position) for planned in plan.inputs]
        if plan.options.validate is not None:
            validate_inputs(plan.graph, tuple(inputs), plan.timeline.nsteps)
        stepped = None if limit is None else _deadline(limit, clock)
        ending = run_member(plan, make_state(plan, member, jobs=jobs), inputs, puts, work.hooks, stepped)
        record: dict[str, Any] = {"outcome": "done"} | ({} if ending is None else ending.record)
    except LateOutputError:
        jobs.close("done")
        raise
    except CancelledError as caught:
        error = caught
        record = {**failure_record(caught), "outcome": CANCELLED}
    except TimeLimitError as caught:
        error = caught
        record = {**failure_record(caught), "outcome": TIMED_OUT}
    except KeyboardInterrupt:
        jobs.close(CANCELLED)
        raise
    except BaseException as caught:  # a member's failure is its own, also if it wants to leave: sys.exit()
        error = caught
        record = failure_record(caught)
    record |= {
        "start": started.isoformat(timespec="microseconds"),
        "end": datetime.now(UTC).isoformat(timespec="microseconds"),
        "seconds": round(time.perf_counter() - clock, 6),
        "worker": f"{socket.gethostname()}:{os.getpid()}:{threading.current_thread().name}",
    }
    jobs.close(record["outcome"])
    programs = jobs.record()
    return record | ({"programs": programs} if programs else {}), error


TIMED_OUT = "timed out"
CANCELLED = "cancelled"


def _deadline(limit: float, started: float) -> Callable[[int], None]:
    """Give what stops a member between two steps once its time is over."""

    def check(steps: int) -> None:
        seconds = time.perf_counter() - started
        if seconds > limit:
            raise _over_time(limit, seconds)

    return check


def _over_time(limit: float, seconds: float) -> TimeLimitError:
    return TimeLimitError(
        f"a member ran longer than time_limit={limit:g}",
        got=f"{seconds:.1f} seconds",
        expected=f"at most {limit:g} seconds",
        remedy="give it more time; members that are done stay as they are (resume=True)",
    )


def timed_out(work: Work, since: float, until: float) -> MemberResult:
    """Give the result of a member whose worker was ended, since it was over its time within one step."""
    limit = work.plan.options.time_limit
    assert limit is not None
    return _ended(_over_time(limit, until - since), TIMED_OUT, since, until)


def worker_died(why: str, since: float, until: float) -> MemberResult:
    """Give the result of a member that ends its worker process."""
    error = WorkerError(
        "the worker process that ran this member ended",
        got=why,
        expected="a worker that lives on, whatever its member does",
        remedy="look for what ends a process: memory that runs out, os._exit, a crash in compiled code",
    )
    return _ended(error, "failed", since, until)


def _ended(error: Exception, outcome: str, since: float, until: float) -> MemberResult:
    times = [datetime.fromtimestamp(t, UTC).isoformat(timespec="microseconds") for t in (since, until)]
    record = {
        **failure_record(error),
        "outcome": outcome,
        "start": times[0],
        "end": times[1],
        "seconds": round(until - since, 6),
    }
    return MemberResult(_with_shapes(record, {}, {}), {}, None, error)


def _index_hashes(plan: RunPlan, rows: Mapping[str, np.ndarray[Any, Any]]) -> dict[str, str]:
    """Give a hash of each index variable, by which the coordinator sees whether all members have the same."""
    hashes = {}
    for output in plan.outputs:
        if output.is_index and output.name in rows:
            values = rows[output.name]
            data = "\0".join(map(str, values.flat)).encode() if values.dtype == object else values.tobytes()
            hashes[output.name] = hashlib.sha256(f"{values.dtype}{values.shape}".encode() + data).hexdigest()[:32]
    return hashes
