"""Runs a block of members, where its worker is (DESIGN §B12)."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import attrs
import numpy as np

from xsim._base.instants import iso_text
from xsim.engine.failure import failure_record, keep
from xsim.engine.hooks import Hooks
from xsim.engine.index_hashes import NO_HASHES, IndexHashes
from xsim.engine.loop import run_member
from xsim.engine.profile import Figures
from xsim.engine.site import make_jobs
from xsim.engine.slot import Slot
from xsim.engine.state import make_state
from xsim.engine.timed import timed_block
from xsim.errors import CancelledError, TimeLimitError
from xsim.job.job import Jobs
from xsim.plan.blocks import Block
from xsim.plan.inputs import validate_inputs
from xsim.plan.run_plan import RunPlan
from xsim.sink.batch import BlockWriter
from xsim.sink.block_rows import BlockRows
from xsim.sink.buffer import OutputBuffer
from xsim.sink.facts import OutputShape, SavedShape, said_of
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


@attrs.define(eq=False)  # one is made for each member, and frozen ones cost several times as much to make
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
    work: Work, block: Block, known: Mapping[int, MemberResult], slot: Slot | None = None
) -> list[MemberResult]:
    """Run the members of a block and write what they saved.

    Parameters
    ----------
    work : Work
    block : Block
    known : mapping of int to MemberResult
        Members that have run already, with their data.
    slot : Slot, optional
        Is told what is running, and tells what is to end.

    Returns
    -------
    list of MemberResult
        In the order of the block; with data only where nothing has been written: without a writer, or because a member
        is late.
    """
    members = block.members(work.plan.batch)
    slot = slot or Slot()
    if work.shapes is None:
        return _run_apart(work, members, known, slot)
    if work.writer is not None and len(members) == 1:
        if members[0] not in known:
            streaming = partial(_run_streaming, work, work.writer, block, members[0], slot)
            result = _try_again(work, members[0], slot, streaming)
            if result.late is None:
                work.writer.record(block, [result.record])
            return [result]
        if known[members[0]].error is not None:
            work.writer.clear(block)  # it has ended its worker, after having streamed part of its values
    return _run_together(work, work.shapes, block, known, slot)


def _run_apart(work: Work, members: Sequence[int], known: Mapping[int, MemberResult], slot: Slot) -> list[MemberResult]:
    """Run the first members, each with values of its own."""
    results: list[MemberResult] = []
    try:
        for member in members:
            results.append(known.get(member) or run_one(work, member, slot))
    except BaseException as error:
        keep(error, results)
        raise
    return results


def _run_together(
    work: Work,
    shapes: Mapping[str, OutputShape],
    block: Block,
    known: Mapping[int, MemberResult],
    slot: Slot,
) -> list[MemberResult]:
    """Run the members of a block whose values are held, and write these if that is to be done here."""
    members = block.members(work.plan.batch)
    rows = BlockRows(work.plan, shapes, len(members))
    for place, member in enumerate(members):
        if member in known and known[member].data is not None:
            rows.take(place, known[member].data or {})
    hashes = IndexHashes(work.plan)
    results: list[MemberResult] = []
    try:
        for place, member in enumerate(members):
            run = partial(_run_beside, work, rows, hashes, place, member, slot)
            results.append(known.get(member) or _try_again(work, member, slot, run))
    except BaseException as error:
        if work.writer is None:
            keep(error, [_with_data(result, rows[place]) for place, result in enumerate(results)])
        raise
    finally:  # also when interrupted: what is done is saved, the others are pending
        late = any(result.late is not None for result in results)
        if work.writer is not None and (len(results) < len(members) or not late):
            pending = [known.get(member, PENDING) for member in members[len(results) :]]
            _write(work.writer, block, results + pending, rows)
    if work.writer is None or late:
        return [_with_data(result, rows[place]) for place, result in enumerate(results)]
    return [result if result.data is None else attrs.evolve(result, data=None) for result in results]


def _with_data(result: MemberResult, data: MemberData | None) -> MemberResult:
    return attrs.evolve(result, data=data) if result.record and result.error is None else result


def _write(writer: BlockWriter, block: Block, results: Sequence[MemberResult], rows: BlockRows) -> None:
    """Write what members saved, then their records; late ones are pending."""
    ended = [result if result.late is None else PENDING for result in results]
    for place, result in enumerate(ended):
        if result.error is not None or not result.record:
            rows.drop(place)
    writer.write(block, rows)
    writer.record(block, [result.record for result in ended])


def run_one(work: Work, member: int, slot: Slot | None = None) -> MemberResult:
    """Run a member and hold what it saved, as often as the options allow until it is done."""
    slot = slot or Slot()
    return _try_again(work, member, slot, partial(_run_held, work, member, slot))


def _try_again(work: Work, member: int, slot: Slot, run: Callable[[], MemberResult]) -> MemberResult:
    """Run a member until it is done, or has used up its retries; running out of time is final."""
    retries = work.plan.options.retries
    attempts = 0
    while True:
        slot.begin(member)
        result = run()
        attempts += 1
        if result.record.get("outcome") != "failed" or attempts > retries:
            break
    if retries and result.record:
        result = attrs.evolve(result, record={**result.record, "retries": attempts - 1})
    return result


def _run_held(work: Work, member: int, slot: Slot) -> MemberResult:
    """Run a member and hold what it saved; what a failed member saved is dropped, but for its types."""
    recorder = MemberRecorder(work.plan, work.shapes, work.limit)
    try:
        record, error = _attempt(work, member, slot, recorder.puts)
    except LateOutputError as late:
        return MemberResult({}, {}, None, late=(late.name, late.shape))
    data = recorder.data()
    shapes = {name: (s.own_shape, s.missing, s.ambiguous) for name, s in data.items()}
    hashes = IndexHashes(work.plan).of({name: saved.rows for name, saved in data.items()})
    return MemberResult(with_shapes(record, shapes, hashes), shapes, data, error)


def _run_beside(work: Work, rows: BlockRows, hashes: IndexHashes, place: int, member: int, slot: Slot) -> MemberResult:
    """Run a member of a block, whose values go to their place beside those of the others."""
    rows.begin(place)
    try:
        record, error = _attempt(work, member, slot, rows.puts)
    except LateOutputError as late:
        rows.drop(place)
        return MemberResult({}, {}, None, late=(late.name, late.shape))
    shapes = rows.end()
    record |= rows.said
    record["indexes"] = hashes.of_member(rows, place) if hashes.names else NO_HASHES
    if error is not None:
        rows.drop(place)
    return MemberResult(record, shapes, None, error)


def _run_streaming(work: Work, writer: BlockWriter, block: Block, member: int, slot: Slot) -> MemberResult:
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
        record, error = _attempt(work, member, slot, puts)
    except LateOutputError as late:
        _erase(writer, block, buffers)
        return MemberResult({}, {}, None, late=(late.name, late.shape))
    if error is None:
        for buffer in buffers:
            buffer.flush()
    else:
        _erase(writer, block, buffers)
    found = {b.output.name: (b.own_shape, b.missing, b.ambiguous) for b in buffers if b.type is not None}
    return MemberResult(with_shapes(record, found, IndexHashes(work.plan).of(seen)), found, None, error)


def with_shapes(record: Record, shapes: Mapping[str, SavedShape], hashes: Mapping[str, str]) -> Record:
    """Give a record with what a run that goes on from here has to know of the outputs."""
    return {**record, **said_of(shapes), "indexes": dict(hashes)}


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
    work: Work, member: int, slot: Slot, puts: Sequence[Callable[[Any], None]]
) -> tuple[dict[str, Any], BaseException | None]:
    plan = work.plan
    position = plan.batch.position(member)
    started, clock = time.time(), time.perf_counter()
    error: BaseException | None = None
    limit = plan.options.time_limit
    deadline = math.inf if limit is None else time.monotonic() + limit
    jobs = None
    if "job" in plan.graph.runtime_args:
        jobs = make_jobs(plan, member, deadline, slot.report, slot.is_cancelled)
    try:
        slot.check()
        inputs = [planned.of_member(position) for planned in plan.inputs]
        if plan.options.validate is not None:
            validate_inputs(plan.graph, tuple(inputs), plan.timeline.nsteps)
        stepped = slot.check if limit is None else partial(_check, slot, limit, clock)
        state = make_state(plan, member, jobs=jobs)
        slot.enter(plan.timeline.nsteps)
        ending = run_member(plan, state, inputs, puts, work.hooks, stepped)
        record: dict[str, Any] = {"outcome": "done"} | ({} if ending is None else ending.record)
    except LateOutputError:
        _close(jobs, "done")
        raise
    except CancelledError as caught:
        if slot.control.why:  # nobody has cancelled this one: all is to end, and its program was ended for that
            _close(jobs, CANCELLED)
            raise KeyboardInterrupt(slot.control.why) from None
        error = caught
        record = {**failure_record(caught), "outcome": CANCELLED}
    except TimeLimitError as caught:
        error = caught
        record = {**failure_record(caught), "outcome": TIMED_OUT}
    except KeyboardInterrupt:
        _close(jobs, CANCELLED)
        raise
    except BaseException as caught:  # a member's failure is its own, also if it wants to leave: sys.exit()
        slot.fail()
        error = caught
        record = failure_record(caught)
    seconds = time.perf_counter() - clock
    record["start"] = iso_text(started)
    record["end"] = iso_text(started + seconds)  # whatever was done to the clock meanwhile
    record["seconds"] = round(seconds, 6)
    record["worker"] = slot.place
    if programs := _close(jobs, record["outcome"]):
        record["programs"] = programs
    return record, error


def _close(jobs: Jobs | None, outcome: str) -> list[dict[str, Any]]:
    """End the jobs of a member, where it has any; give what is kept of its programs."""
    if jobs is None:
        return []
    jobs.close(outcome)
    return jobs.record()


TIMED_OUT = "timed out"
CANCELLED = "cancelled"


def _check(slot: Slot, limit: float, started: float, steps: int) -> None:
    """Stop a member between two steps once its time is over, or somebody wants it to stop."""
    slot.check()
    seconds = time.perf_counter() - started
    if seconds > limit:
        raise over_time(limit, seconds)


def over_time(limit: float, seconds: float) -> TimeLimitError:
    """Make the error of a member that runs longer than it may."""
    return TimeLimitError(
        f"a member ran longer than time_limit={limit:g}",
        got=f"{seconds:.1f} seconds",
        expected=f"at most {limit:g} seconds",
        remedy="give it more time; members that are done stay as they are (resume=True)",
    )
