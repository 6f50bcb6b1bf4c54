"""The end of a sweep: the last blocks are run member by member, so that no worker waits long (DESIGN §B3)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from math import prod

from xsim.engine.block import PENDING, MemberResult
from xsim.engine.book import Book
from xsim.engine.executors.protocol import Ended, Task
from xsim.plan.blocks import WORTH_SENDING, Block, single
from xsim.plan.chunks import CHUNK_BYTES
from xsim.plan.run_plan import RunPlan
from xsim.sink.batch import BatchSink
from xsim.sink.facts import OutputShape


class Tail:
    """Gives the members of the last blocks to whichever worker is free, and writes these blocks when they are done.

    Parameters
    ----------
    plan : RunPlan
    shapes : mapping of str to OutputShape
        What is known of the outputs.
    sink : BatchSink
    book : Book
    """

    def __init__(self, plan: RunPlan, shapes: Mapping[str, OutputShape], sink: BatchSink, book: Book) -> None:
        self._plan = plan
        self._sink = sink
        self._book = book
        labels = {output.name: output.nlabels for output in plan.outputs}
        self._nbytes = max(
            (prod(s.own_shape) * s.storage.stored.itemsize * labels[name] for name, s in shapes.items()), default=0
        )
        self._parts: dict[Block, dict[int, MemberResult]] = {}

    def share(self, tasks: Iterator[Task], number: int) -> Iterator[Task]:
        """Give tasks, the last of them as one task for each member.

        Parameters
        ----------
        tasks : iterator of Task
        number : int
            How many there are, if nothing stops the run.
        """
        for i, task in enumerate(tasks):
            if i < number - self._plan.workers or not self._pays(task):
                yield task
            else:
                yield from self._apart(task)

    def _pays(self, task: Task) -> bool:
        members = len(task.block.members(self._plan.batch))
        return (
            self._plan.workers > 1
            and members - len(task.known) > 1
            and members * self._nbytes <= CHUNK_BYTES
            and self._book.seconds >= WORTH_SENDING * self._book.done > 0
        )

    def _apart(self, task: Task) -> Iterator[Task]:
        self._parts[task.block] = dict(task.known)
        for member in task.block.members(self._plan.batch):
            if member not in task.known and not self._book.stop_reason:
                yield Task(single(self._plan.batch.position(member)), part_of=task.block)

    def add(self, block: Block, results: Mapping[int, MemberResult]) -> None:
        """Take what members of a block have saved; write it with the last of them."""
        parts = self._parts[block]
        parts.update(results)
        if len(parts) == len(block.members(self._plan.batch)):
            self._write(block)

    def finish(self) -> None:
        """Write what is done of blocks whose other members will not run."""
        for block in tuple(self._parts):
            self._write(block)

    def settle(self, left: Sequence[Ended]) -> None:
        """Write what is done when a run has been interrupted, with what nobody has taken from the executor."""
        for task, results in left:
            if task.part_of in self._parts and results:
                members = task.block.members(self._plan.batch)
                self._parts[task.part_of].update(zip(members, results, strict=True))
                self._book.enter(members, results)
        self.finish()

    def _write(self, block: Block) -> None:
        parts = self._parts.pop(block)
        results = [parts.get(member, PENDING) for member in block.members(self._plan.batch)]
        if any(result.record for result in results):
            data = [None if result.error is not None else result.data for result in results]
            self._sink.accept(block, data, [result.record for result in results])
