"""The arithmetic of blocks: boxes of members that one task runs, and whose chunks nobody else writes (DESIGN §B3)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from math import ceil, lcm, prod

import attrs
import numpy as np

from xsim.errors import OptionError
from xsim.plan.batch import Batch, Position
from xsim.plan.chunks import CHUNK_BYTES, whole_chunks
from xsim.plan.encoding import WHOLE
from xsim.plan.outputs import PlannedOutput

LONGEST_SECONDS = 30.0
SHORTEST_SECONDS = 0.1
SHORTEST_ALONE = 0.5
"""The same where there is one worker, for which nobody waits at the end."""
TASKS_PER_WORKER = 16
TASKS_WITH_TAIL = 8
"""The same where the last blocks are run member by member, so that nobody waits for a whole one."""
WORTH_SENDING = 0.01
"""Seconds that a member takes, at the least, to be worth a task of its own."""
LEAST_BYTES = 4096
"""What a member counts at the least: so much its record takes while its block is under way (DESIGN §B10)."""


@attrs.frozen
class Block:
    """A box of members.

    Attributes
    ----------
    start, stop : tuple of int
        First position, and the one after the last, in each batch dimension.
    """

    start: Position
    stop: Position

    @property
    def shape(self) -> tuple[int, ...]:
        """Number of members in each batch dimension."""
        return tuple(b - a for a, b in zip(self.start, self.stop, strict=True))

    @property
    def slices(self) -> tuple[slice, ...]:
        """The box as an index."""
        return tuple(slice(a, b) for a, b in zip(self.start, self.stop, strict=True))

    def within(self, box: Block) -> Block:
        """Give the same block, where its positions count from the first one of a box."""
        return Block(*(tuple(a + b for a, b in zip(box.start, each, strict=True)) for each in (self.start, self.stop)))

    def members(self, batch: Batch) -> list[int]:
        """Give the numbers of its members, the last dimension first."""
        numbers = [0]
        for first, stop, size in zip(self.start, self.stop, batch.shape, strict=True):
            numbers = [number * size + i for number in numbers for i in range(first, stop)]
        return numbers


def single(position: Position) -> Block:
    """Give a block of one member."""
    return Block(position, tuple(i + 1 for i in position))


def block_shape(batch: Batch, members: int) -> tuple[int, ...]:
    """Give the box that takes whole batch dimensions, the last ones first, while it has at most so many members."""
    shape = [1] * len(batch.shape)
    left = members
    for i in reversed(range(len(shape))):
        shape[i] = max(1, min(batch.shape[i], left))
        left //= shape[i]
        if shape[i] < batch.shape[i]:
            break
    return tuple(shape)


def best_size(nbytes: int, seconds: float, members: int, workers: int) -> int:
    """Choose how many members make a block.

    Parameters
    ----------
    nbytes : int
        Size of the largest output of a member.
    seconds : float
        Time that a member takes.
    members, workers : int
        Numbers of them.

    Returns
    -------
    int
        The largest of 1, 2, 5, 10, 20, 50 ... whose data keep within a chunk, and whose work is neither long nor so
        much that workers wait for each other at the end.
    """
    shortest = SHORTEST_SECONDS if workers > 1 else SHORTEST_ALONE
    tasks = TASKS_PER_WORKER if seconds < WORTH_SENDING else TASKS_WITH_TAIL
    time_limit = min(LONGEST_SECONDS, max(shortest, seconds * members / (tasks * workers)))
    best = size = 1
    for factor in _one_two_five():
        size = factor
        if size > members or size * max(nbytes, LEAST_BYTES) > CHUNK_BYTES or size * seconds > time_limit:
            return best
        best = size
    return best


def _one_two_five() -> Iterator[int]:
    power = 1
    while True:
        yield from (power, 2 * power, 5 * power)
        power *= 10


def chosen_shape(batch: Batch, block: int | None, outputs: Iterable[PlannedOutput]) -> tuple[int, ...] | None:
    """Give the shape of blocks where the user fixes it, by ``block=`` or by chunks along batch dimensions; else None.

    Raises
    ------
    OptionError
        If a chunk has members of several blocks: tasks would write to it at the same time.
    """
    if not batch.dims:
        return None
    # What has a lock may share its chunks (DESIGN §B4).
    outputs = [output for output in outputs if output.encoding.get("synchronizer") is None]
    chunks = {output.name: _batch_chunks(output, batch) for output in outputs}
    needed = [lcm(*(c[i] for c in chunks.values())) if chunks else 1 for i in range(len(batch.dims))]
    shape = tuple(min(n, size) for n, size in zip(needed, batch.shape, strict=True))
    fixed = any(output.encoding.get(key) is not None for output in outputs for key in ("chunks", "shards"))
    if block is None:
        return shape if fixed else None
    asked = block_shape(batch, block)
    if not fixed:
        return asked
    for name, chunk in chunks.items():
        if any(a % c and a < n for a, c, n in zip(asked, chunk, batch.shape, strict=True)):
            raise OptionError(
                f"block={block} is smaller than a chunk of output {name!r}: two tasks would write to one chunk",
                got=f"blocks of shape {asked} and chunks of shape {chunk} along {batch.dims}",
                expected="blocks of whole chunks",
                remedy=f"leave out block=, or give block={prod(shape)}, or chunks of size 1 along the batch dimensions,"
                " or a synchronizer in encoding (xs.ProcessSynchronizer)",
            )
    return asked


def _batch_chunks(output: PlannedOutput, batch: Batch) -> tuple[int, ...]:
    shards, chunks = (_sizes(output.encoding.get(key), batch) for key in ("shards", "chunks"))
    if shards is None:
        return chunks or (1,) * len(batch.dims)
    return tuple(whole_chunks(n, chunk) for n, chunk in zip(shards, chunks or (1,) * len(shards), strict=True))


def _sizes(given: tuple[int, ...] | None, batch: Batch) -> tuple[int, ...] | None:
    """Give sizes along the batch dimensions; they count from the front, and dimensions not named are whole."""
    if given is None:
        return None
    return tuple(given[i] if i < len(given) and given[i] != WHOLE else n for i, n in enumerate(batch.shape))


def count_blocks(batch: Batch, shape: tuple[int, ...]) -> int:
    """Give the number of boxes that tile the batch."""
    return prod(ceil(n / size) for n, size in zip(batch.shape, shape, strict=True))


def blocks(batch: Batch, shape: tuple[int, ...]) -> Iterator[Block]:
    """Tile the batch with boxes, in the order of their first members."""
    # Not itertools.product, which holds all numbers along each dimension.
    for number in np.ndindex(*(ceil(n / size) for n, size in zip(batch.shape, shape, strict=True))):
        start = tuple(i * size for i, size in zip(number, shape, strict=True))
        stop = tuple(min(a + size, n) for a, size, n in zip(start, shape, batch.shape, strict=True))
        yield Block(start, stop)
