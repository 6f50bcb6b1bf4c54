"""The coordinator of a batch: the first members, then blocks of members (DESIGN §B3)."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import chain
from math import prod

import attrs
import numpy as np

from xsim._base.cpus import cpu_seconds
from xsim.engine.block import PENDING, MemberResult, Work, result_of
from xsim.engine.book import Book
from xsim.engine.events import Events
from xsim.engine.executors.protocol import Executor, Task
from xsim.engine.failure import note
from xsim.engine.hooks import Hooks
from xsim.engine.ration import check_block, ration
from xsim.engine.rescue import accept, first_members, settle
from xsim.engine.tail import Tail
from xsim.plan.batch import Batch
from xsim.plan.blocks import Block, best_size, block_shape, blocks, count_blocks, single
from xsim.plan.budget import Budget
from xsim.plan.chunks import CHUNK_BYTES
from xsim.plan.run_plan import RunPlan
from xsim.sink.batch import BatchSink, Earlier
from xsim.sink.facts import OutputShape
from xsim.sink.member import all_bytes_of, nbytes_of

NO_GAIN = 1.2
"""CPU seconds a second, below which threads do not pay."""
WAITS = 0.5
"""CPU seconds a second, below which members mostly wait: for files, or for programs elsewhere. Threads do pay then."""
NO_GAIN_NOTE = "threads brought no gain: Python code runs in one thread at a time; try scheduler='processes'"


def run_batch(
    plan: RunPlan, sink: BatchSink, hooks: Hooks, executor: Executor, events: Events, book: Book | None = None
) -> Book:
    """Run all members of a batch.

    Parameters
    ----------
    plan : RunPlan
    sink : BatchSink
        Open.
    hooks : Hooks
    executor : Executor
    events : Events
    book : Book, optional
        An empty one, for looking at it meanwhile.

    Returns
    -------
    Book
        How the members ended.

    Raises
    ------
    KeyboardInterrupt, WorkerError
        When interrupted; members done until then are saved.
    """
    book = book or new_book(plan)
    wall, cpu = time.perf_counter(), cpu_seconds()
    outcome = "failed"
    under_way: list[Task] = []
    pilots: dict[int, MemberResult] = {}
    tail: Tail | None = None
    try:
        earlier = sink.earlier()
        if earlier is None:
            first_work = Work(plan, hooks, limit=None if sink.holds_all else CHUNK_BYTES)
            book.first = pilots
            _run_pilots(first_work, executor, events, pilots)
            budget = ration(plan, pilots.values(), executor)
            if budget.memory_binds:
                book.notes.append(str(budget))
            ended, pilots = pilots, {}
            shapes, shape, tasks = _begin(plan, sink, ended, book, budget)
            book.first = {}
            number = count_blocks(plan.batch, shape)
        else:
            shapes, shape, tasks, number = _go_on(plan, sink, earlier, book)
            events.members(book.done, book.failed)
        tail = Tail(plan, shapes, sink, book)
        tasks = tail.share(tasks, number)
        while True:
            work = Work(plan, hooks, shapes, sink.writer(executor.in_workers))
            late = _run_blocks(work, sink, executor, book, events, tasks, under_way, tail)
            if not late.ended:
                break
            _, name, known = late.first()
            sink.create({name: known}, shape)
            book.add({name: known})
            shapes = {**shapes, name: known}
            tasks = chain(late.again(book), tasks)
        tail.finish()
        outcome = book.outcome
    except BaseException as error:
        # Nobody may write any more when the sink is closed.
        executor.close(now=True)
        outcome = "cancelled" if isinstance(error, KeyboardInterrupt) else "failed"
        with _noting(error, "saving what was done failed too"):
            if tail is None:
                _save_first(plan, sink, book, first_members(plan.batch, pilots, executor.left()))
            else:
                tail.settle(executor.left())
                settle(plan.batch, sink, book, under_way, executor.left())
        with _noting(error, "closing the store failed too"):
            _close(sink, _recounted(plan, sink, book), outcome)
        raise
    _close(sink, book, outcome)
    wall, cpu = time.perf_counter() - wall, cpu_seconds() - cpu
    if plan.workers > 1 and plan.options.scheduler in (None, "threads") and wall > 1 and WAITS < cpu / wall < NO_GAIN:
        book.notes.append(NO_GAIN_NOTE)
    return book


def _begin(
    plan: RunPlan, sink: BatchSink, pilots: dict[int, MemberResult], book: Book, budget: Budget
) -> tuple[dict[str, OutputShape], tuple[int, ...], Iterator[Task]]:
    """Make the arrays, as the first members tell."""
    pilots = dict(sorted(pilots.items()))
    shapes = _shapes(pilots)
    shape = plan.block or _best_shape(plan, pilots, budget.workers)
    if not sink.holds_all:
        check_block(plan, budget, shape, max((all_bytes_of(r.data) for r in pilots.values() if r.data), default=0))
    sink.create(shapes, shape)
    book.add(shapes)
    pilots = {member: result for member, result in pilots.items() if _fits(result, shapes)}
    for name in book.enter(pilots, pilots.values()):
        sink.grow(name, book.facts[name].own_shape)
    sink.note(tuple(pilots), [result.record for result in pilots.values()])
    return shapes, shape, _tasks(plan, shape, pilots, book)


def _go_on(
    plan: RunPlan, sink: BatchSink, earlier: Earlier, book: Book
) -> tuple[dict[str, OutputShape], tuple[int, ...], Iterator[Task], int]:
    """Take in what an earlier run has done (DESIGN §B7)."""
    left = _enter(plan, earlier, book)
    book.go_on()
    return dict(earlier.shapes), earlier.block, _tasks_left(plan, sink, earlier, book), left


def _enter(plan: RunPlan, earlier: Earlier, book: Book) -> int:
    """Enter what is done; give the number of blocks that are not."""
    book.add(earlier.shapes)
    left = 0
    for block in blocks(plan.batch, earlier.block):
        done = earlier.records(block)
        left += len(done) < prod(block.shape)
        book.enter(done, [result_of(record) for record in done.values()])
    return left


def _tasks_left(plan: RunPlan, sink: BatchSink, earlier: Earlier, book: Book) -> Iterator[Task]:
    """Give a task for each block that is not done; what is done of it is read, since chunks are written whole."""
    for block in _by_priority(plan, blocks(plan.batch, earlier.block)):
        done = earlier.records(block)
        if len(done) == len(block.members(plan.batch)):
            continue
        if not done:
            sink.clear(block)
        if book.stop_reason:
            continue
        data = sink.read(block, done)
        if done and not data:
            sink.clear(block)
        book.take_back(done.keys() - data.keys())
        yield Task(block, {member: result_of(done[member], values) for member, values in data.items()})


def _close(sink: BatchSink, book: Book, outcome: str) -> None:
    for fact in book.facts.values():
        fact.missing |= not book.complete
    sink.close(outcome, book.facts, book.equal_indexes)


@contextmanager
def _noting(error: BaseException, what: str) -> Iterator[None]:
    """Let no second failure hide the first one."""
    try:
        yield
    except Exception as second:
        note(error, f"{what}: {type(second).__name__}: {second}")


def _recounted(plan: RunPlan, sink: BatchSink, book: Book) -> Book:
    """Count again by what the store holds: what was being entered at an interruption may be half in the book."""
    saved = sink.saved()
    if saved is None:
        return book
    found = new_book(plan)
    _enter(plan, saved, found)
    return found


def _save_first(plan: RunPlan, sink: BatchSink, book: Book, pilots: dict[int, MemberResult]) -> None:
    """Make the arrays after all, and write the first members."""
    if any(result.error is None for result in pilots.values()):
        for task in _begin(plan, sink, pilots, book, plan.budget)[2]:
            members = task.block.members(plan.batch)
            if plan.priorities is None and members[0] > max(pilots):
                break
            if not task.known:
                continue
            accept(sink, task, [task.known.get(member, PENDING) for member in members])


def new_book(plan: RunPlan) -> Book:
    """Give an empty book for the batch of a plan."""
    return Book(plan.batch, plan.workers, plan.options.max_failures)


def _run_pilots(work: Work, executor: Executor, events: Events, pilots: dict[int, MemberResult]) -> None:
    """Run the first members, one for each worker, until one is done: they tell types, sizes and times."""
    plan = work.plan
    book = new_book(plan)
    while len(pilots) < plan.batch.size and not book.done and not book.stop_reason:
        first = len(pilots)
        numbers = range(first, min(first + plan.workers, plan.batch.size))
        tasks = [Task(single(plan.batch.position(member))) for member in numbers]
        for task, results in executor.run(work, tasks):
            members = task.block.members(plan.batch)
            pilots |= zip(members, results, strict=True)
            book.enter(members, results)
            events.members(book.done, book.failed)


def _shapes(pilots: dict[int, MemberResult]) -> dict[str, OutputShape]:
    """Give the type of each output: that of the lowest member that saved one (DESIGN §S6)."""
    shapes: dict[str, OutputShape] = {}
    for result in pilots.values():
        for name, saved in (result.data or {}).items():
            shapes.setdefault(name, OutputShape(saved.storage, saved.own_shape, saved.own_shape))
    # The size is that of a member that is done; others may have stopped at an odd one. Arrays grow.
    done = next((result.data for result in pilots.values() if result.error is None), None) or {}
    return {
        name: attrs.evolve(shape, own_shape=done[name].own_shape if name in done else (0,) * len(shape.own_shape))
        for name, shape in shapes.items()
    }


def _best_shape(plan: RunPlan, pilots: dict[int, MemberResult], workers: int) -> tuple[int, ...]:
    done = next((result for result in pilots.values() if result.error is None and result.data is not None), None)
    if done is None or done.data is None:
        return block_shape(plan.batch, 1)
    seconds = float(done.record["seconds"])
    return block_shape(plan.batch, best_size(nbytes_of(done.data), seconds, plan.batch.size, workers))


def _tasks(plan: RunPlan, shape: tuple[int, ...], pilots: dict[int, MemberResult], book: Book) -> Iterator[Task]:
    """Give a task for each block, until nothing new is to start; blocks of members that have run always go."""
    known = {member: _without_failed_data(result) for member, result in pilots.items()}
    for block in _by_priority(plan, blocks(plan.batch, shape)):
        members = block.members(plan.batch)
        here = {member: known[member] for member in members if member in known}
        if book.stop_reason:
            if not here:
                if plan.priorities is None and members[0] > max(known, default=-1):
                    return
                continue
            here |= {member: PENDING for member in members if member not in here}
        yield Task(block, here)


def _by_priority(plan: RunPlan, found: Iterator[Block]) -> Iterator[Block]:
    """Give the blocks with members of great priority first, otherwise in their order."""
    priorities = plan.priorities
    if priorities is None:
        return found
    return iter(sorted(found, key=lambda block: -float(np.max(priorities[block.slices]))))


def _fits(result: MemberResult, shapes: dict[str, OutputShape]) -> bool:
    """Whether a first member has saved the types of the arrays; if not it runs again, to be held to them."""
    data = result.data or {}
    return result.error is not None or all(
        not saved.dropped
        and saved.storage.dtype == shapes[name].storage.dtype
        and len(saved.own_shape) == len(shapes[name].own_shape)
        for name, saved in data.items()
    )


def _without_failed_data(result: MemberResult) -> MemberResult:
    return result if result.error is None else attrs.evolve(result, data=None)


@attrs.define(eq=False)
class _Late:
    """Blocks with members that stopped at an output without an array.

    All members below the lowest of these have ended, whatever the number of workers: what it saves tells the type.
    """

    batch: Batch
    ended: list[tuple[Task, list[MemberResult]]] = attrs.field(factory=list)
    not_taken: list[Task] = attrs.field(factory=list)

    def first(self) -> tuple[int, str, OutputShape]:
        """Give the lowest member that stopped, and the output that it is the first to save (DESIGN §S6)."""
        found = []
        for task, results in self.ended:
            for member, result in zip(task.block.members(self.batch), results, strict=True):
                if result.late is not None:
                    found.append((member, *result.late))
        return min(found, key=lambda each: each[0])

    def again(self, book: Book) -> Iterator[Task]:
        """Give the tasks that run these members again, unless nothing new is to start, and those not taken."""
        for task, results in self.ended:
            known = {}
            for member, result in zip(task.block.members(self.batch), results, strict=True):
                if result.late is None:
                    known[member] = result
                elif book.stop_reason:
                    known[member] = PENDING
            yield attrs.evolve(task, known=known)
        yield from self.not_taken


def _run_blocks(
    work: Work,
    sink: BatchSink,
    executor: Executor,
    book: Book,
    events: Events,
    tasks: Iterator[Task],
    under_way: list[Task],
    tail: Tail,
) -> _Late:
    """Run blocks, until one saves an output that has no array."""
    late = _Late(work.plan.batch)
    in_order = work.plan.priorities is None
    for task, results in executor.run(work, _until_late(tasks, late, under_way, in_order)):
        under_way[:] = [other for other in under_way if other.block != task.block]
        if any(result.late is not None for result in results):
            late.ended.append((task, results))
            continue
        members = task.block.members(work.plan.batch)
        if task.part_of is not None:
            tail.add(task.part_of, dict(zip(members, results, strict=True)))
        elif work.writer is None:
            accept(sink, task, results)
        ended = [(m, r) for m, r in zip(members, results, strict=True) if r is not PENDING and r.record]
        for name in book.enter([m for m, _ in ended], [r for _, r in ended]):
            sink.grow(name, book.facts[name].own_shape)
        fresh = [(m, r.record) for m, r in ended if m not in task.known]
        sink.note([m for m, _ in fresh], [record for _, record in fresh])
        events.members(book.done, book.failed)
    return late


def _until_late(tasks: Iterator[Task], late: _Late, under_way: list[Task], in_order: bool) -> Iterator[Task]:
    """Give tasks; once a member is late, only those of blocks with members below it.

    Blocks come in the order of their first members unless there are priorities, but a box may hold members above those
    of the next box.
    """
    for task in tasks:
        if late.ended and task.block.members(late.batch)[0] > late.first()[0]:
            late.not_taken.append(task)
            if in_order:
                return
            continue
        if task.part_of is None:  # of the others nothing is written
            under_way.append(task)
        yield task
