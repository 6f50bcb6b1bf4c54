"""The arithmetic of blocks (DESIGN §B3)."""

import textwrap
from math import prod
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xsim.errors import OptionError
from xsim.plan.batch import Batch
from xsim.plan.blocks import Block, best_size, block_shape, blocks, chosen_shape
from xsim.plan.encoding import plain_encoding

MIB = 2**20
DIMS = ("a", "b", "c")
quick = settings(max_examples=200, deadline=None, database=None)
shapes = st.lists(st.integers(1, 7), min_size=1, max_size=3).map(tuple)


def message(text):
    return textwrap.dedent(text).strip()


def grid(*shape):
    return Batch(DIMS[: len(shape)], shape)


def output(name, **encoding):
    return SimpleNamespace(name=name, encoding=plain_encoding(encoding, name))


@quick
@given(shapes, st.lists(st.integers(1, 9), min_size=3, max_size=3))
def test_blocks_tile_the_batch(shape, sizes):
    """Every member is in exactly one block, whose box holds no other, and blocks come in the order of members."""
    batch, size = grid(*shape), tuple(sizes[: len(shape)])
    found = list(blocks(batch, size))
    members = [block.members(batch) for block in found]
    assert sorted(member for part in members for member in part) == list(range(batch.size))
    assert [part[0] for part in members] == sorted(part[0] for part in members)
    for block, part in zip(found, members, strict=True):
        assert prod(block.shape) == len(part)
        assert all(a % n == 0 for a, n in zip(block.start, size, strict=True))
        numbers = np.arange(batch.size).reshape(shape)[block.slices]
        assert numbers.ravel().tolist() == part


def test_a_block():
    """A block has a shape, slices, and members with the last dimension first."""
    block = Block((1, 0), (3, 2))
    assert block.shape == (2, 2)
    assert block.slices == (slice(1, 3), slice(0, 2))
    assert block.members(grid(3, 4)) == [4, 5, 8, 9]


def test_the_block_of_a_single_run():
    """Without batch dimensions there is one block with one member."""
    assert [block.members(Batch()) for block in blocks(Batch(), ())] == [[0]]


@quick
@given(shapes, st.integers(1, 400))
def test_shape_of_a_block(shape, members):
    """A block takes whole dimensions from the last one backwards, then as much of the next as fits."""
    expected, product = [1] * len(shape), 1
    for i in reversed(range(len(shape))):
        if product * shape[i] > members:
            expected[i] = members // product
            break
        expected[i] = shape[i]
        product *= shape[i]
    assert block_shape(grid(*shape), members) == tuple(expected)
    assert prod(expected) <= members


@pytest.mark.parametrize(
    ("members", "expected"),
    [(1, (1, 1)), (3, (1, 3)), (4, (1, 4)), (7, (1, 4)), (8, (2, 4)), (11, (2, 4)), (12, (3, 4)), (99, (3, 4))],
)
def test_shapes_on_a_grid(members, expected):
    """Some boxes on a grid of 3 by 4, to look at."""
    assert block_shape(grid(3, 4), members) == expected


@quick
@given(st.integers(0, 10 * MIB), st.floats(1e-6, 100), st.integers(1, 100_000), st.integers(1, 64))
def test_best_size(nbytes, seconds, members, workers):
    """The largest of 1, 2, 5 ... that keeps within 4 MiB, of which a member takes 4 KiB, and within a task's time."""
    series = [factor * 10**power for power in range(6) for factor in (1, 2, 5)]
    tasks = 16 if seconds < 0.01 else 8
    limit = min(30, max(0.1 if workers > 1 else 0.5, seconds * members / (tasks * workers)))
    fitting = [n for n in series if n <= members and n * max(nbytes, 4096) <= 4 * MIB and n * seconds <= limit]
    assert best_size(nbytes, seconds, members, workers) == max([1, *fitting])


@pytest.mark.parametrize(
    ("nbytes", "seconds", "members", "workers", "expected"),
    [
        (8, 1.5e-4, 10_000, 2, 500),  # 0.1 s of work
        (8, 5e-4, 1_000, 1, 1000),  # half a second, where no other worker waits for the last block
        (8, 1e-6, 10_000, 2, 1000),  # 4 MiB hold the records of 1024 members
        (8, 1e-3, 10_000, 2, 200),  # 10 s in all, among 32 tasks
        (8, 0.05, 100, 2, 5),  # 5 s in all, among 16 tasks: the last ones are shared out by members
        (MIB, 1e-5, 10_000, 2, 2),  # 4 MiB hold 4 members
        (5 * MIB, 1e-5, 10_000, 2, 1),
        (8, 100.0, 10_000, 2, 1),  # more than 30 s each
        (8, 1.0, 10_000, 2, 20),  # 30 s
        (8, 1e-5, 7, 2, 5),
        (8, 0.0, 300, 2, 200),
    ],
)
def test_sizes(nbytes, seconds, members, workers, expected):
    """Each of the limits decides in its turn."""
    assert best_size(nbytes, seconds, members, workers) == expected


def test_nothing_chosen():
    """Where neither block= nor chunks are given, sizes and times decide."""
    assert chosen_shape(grid(10), None, [output("u"), output("v", dtype="float32")]) is None


def test_block_chosen():
    """block= gives the box of so many members."""
    assert chosen_shape(grid(3, 4), 8, [output("u")]) == (2, 4)


@pytest.mark.parametrize("key", ["chunks", "shards"])
def test_chunks_are_the_block(key):
    """Chunks, or shards, along the batch dimensions are the block."""
    assert chosen_shape(grid(10), None, [output("u", **{key: (4, 2)}), output("v")]) == (4,)
    assert chosen_shape(grid(10), None, [output("u", **{key: 4})]) == (4,)
    assert chosen_shape(grid(10), None, [output("u", **{key: np.int64(4)})]) == (4,)
    assert chosen_shape(grid(10, 3), None, [output("u", **{key: (-1, 2)})]) == (10, 2)
    assert chosen_shape(grid(10, 3), None, [output("u", **{key: (2, None)})]) == (2, 3)


def test_least_common_multiple():
    """With several outputs the block is the least common multiple of their chunks, dimension by dimension."""
    chunked = [output("u", chunks=(2, 3)), output("v", chunks=(3, 2)), output("w", chunks=(1, 1)), output("z")]
    assert chosen_shape(grid(12, 12), None, chunked) == (6, 6)


def test_no_larger_than_the_batch():
    """A block ends where the batch ends."""
    assert chosen_shape(grid(5, 3), None, [output("u", chunks=(4, 100)), output("v", chunks=(3, 2))]) == (5, 3)


def test_shards_win_over_chunks():
    """What is written at once is a shard."""
    assert chosen_shape(grid(12), None, [output("u", chunks=(2,), shards=(6,))]) == (6,)


def test_dimensions_that_chunks_do_not_name_are_whole():
    """A chunk tuple counts from the front; a batch dimension that it does not name is whole."""
    assert chosen_shape(grid(6, 4), None, [output("u", chunks=(2,))]) == (2, 4)


def test_block_of_several_chunks():
    """block= may hold several chunks, or be cut off by the end of the batch."""
    assert chosen_shape(grid(12), 8, [output("u", chunks=(4,))]) == (8,)
    assert chosen_shape(grid(10), 10, [output("u", chunks=(4,))]) == (10,)


def test_block_smaller_than_a_chunk():
    """block= smaller than a chunk is refused: two tasks would write to one chunk (DESIGN §B4)."""
    with pytest.raises(OptionError) as error:
        chosen_shape(grid(12), 2, [output("v"), output("u", chunks=(4,))])
    assert str(error.value) == message("""
        block=2 is smaller than a chunk of output 'u': two tasks would write to one chunk
          got: blocks of shape (2,) and chunks of shape (4,) along ('a',)
          expected: blocks of whole chunks
          remedy: leave out block=, or give block=4, or chunks of size 1 along the batch dimensions, or a synchronizer in encoding (xs.ProcessSynchronizer)
    """)  # noqa: E501


@quick
@given(
    st.lists(st.integers(1, 9), min_size=2, max_size=2).map(tuple),
    st.one_of(st.none(), st.integers(1, 90)),
    st.lists(st.tuples(st.integers(1, 9), st.integers(1, 9)), min_size=1, max_size=3),
)
def test_no_chunk_has_two_blocks(shape, block, chunks):
    """Whatever is chosen, each chunk of each output lies in one block, or the choice is refused (DESIGN §B3)."""
    batch = grid(*shape)
    outputs = [output(f"o{i}", chunks=sizes) for i, sizes in enumerate(chunks)]
    try:
        size = chosen_shape(batch, block, outputs)
    except OptionError:
        assert block is not None
        return
    for sizes in chunks:
        for member_block in blocks(batch, size):
            for start, stop, n, chunk in zip(member_block.start, member_block.stop, shape, sizes, strict=True):
                assert start % chunk == 0
                assert stop % chunk == 0 or stop == n
