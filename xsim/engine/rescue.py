"""Saves what members have done that nobody has saved yet, when a batch is interrupted (DESIGN §R4)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from xsim.engine.block import PENDING, MemberResult, result_of
from xsim.engine.book import Book
from xsim.engine.executors.protocol import Ended, Task
from xsim.plan.batch import Batch
from xsim.sink.batch import BatchSink
from xsim.sink.journal import is_done


def first_members(batch: Batch, taken: Mapping[int, MemberResult], left: Sequence[Ended]) -> dict[int, MemberResult]:
    """Give the first members that have ended, with those that nobody has taken from the executor."""
    found = dict(taken)
    for task, results in left:
        found |= zip(task.block.members(batch), results, strict=False)
    return found


def settle(batch: Batch, sink: BatchSink, book: Book, under_way: Sequence[Task], left: Sequence[Ended]) -> None:
    """Write what is here of blocks that were under way, and enter their members that are done.

    Parameters
    ----------
    batch : Batch
    sink : BatchSink
    book : Book
    under_way : sequence of Task
    left : sequence of Ended
        Those of them that got somewhere.
    """
    ended = {task.block: results for task, results in left}
    for task in under_way:
        done = sink.tidy(task.block)
        results = ended.get(task.block, [])
        members = task.block.members(batch)
        results = [*results, *(task.known.get(member, PENDING) for member in members[len(results) :])]
        here = {m: r.record for m, r in zip(members, results, strict=True) if r.data is not None and is_done(r.record)}
        # What the worker has written itself is not here, and stays.
        if here.keys() > done.keys():
            accept(sink, task, results)
            done = here
        book.enter(done, [result_of(record) for record in done.values()])


def accept(sink: BatchSink, task: Task, results: Sequence[MemberResult]) -> None:
    """Write a block here; members that are late are pending."""
    ended = [result if result.late is None else PENDING for result in results]
    sink.accept(
        task.block,
        [None if result.error is not None else result.data for result in ended],
        [result.record for result in ended],
    )
