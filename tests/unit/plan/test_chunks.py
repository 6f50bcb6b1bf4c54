"""The arithmetic of chunks (DESIGN §S2, §S3)."""

from math import prod

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xsim.plan.chunks import CHUNK_BYTES, own_chunks, rows_per_chunk

shapes = st.lists(st.integers(0, 10**6), max_size=4).map(tuple)
itemsizes = st.sampled_from([1, 2, 4, 8, 16, 100])
limits = st.integers(1, 10**8)


def test_the_limit_is_a_few_mib():
    """Chunks are a few MiB by choice."""
    assert CHUNK_BYTES == 4 * 1024**2


@given(shapes, itemsizes, limits)
def test_own_chunks_keep_within_the_limit(shape, itemsize, limit):
    """A part is never larger than the limit, unless a single element is."""
    chunks = own_chunks(shape, itemsize, limit)

    assert prod(chunks) * itemsize <= limit or set(chunks) <= {1}


@given(shapes, itemsizes, limits)
def test_own_chunks_cover_the_shape(shape, itemsize, limit):
    """There is a chunk size for each dimension: at least 1, at most the dimension."""
    chunks = own_chunks(shape, itemsize, limit)

    assert len(chunks) == len(shape)
    assert all(1 <= chunk <= max(1, size) for chunk, size in zip(chunks, shape, strict=True))


@given(shapes, itemsizes, limits)
def test_own_chunks_split_the_first_dimensions_first(shape, itemsize, limit):
    """Behind a dimension that is not split to single rows, the dimensions are whole."""
    chunks = own_chunks(shape, itemsize, limit)

    whole = [max(1, size) for size in shape]
    first = next((i for i, chunk in enumerate(chunks) if chunk > 1), len(chunks))
    assert list(chunks[first + 1 :]) == whole[first + 1 :]


@given(shapes, itemsizes, limits)
def test_own_chunks_are_not_split_without_need(shape, itemsize, limit):
    """A value within the limit is one chunk; else a chunk has at least half the rows that fit."""
    chunks = own_chunks(shape, itemsize, limit)
    whole = [max(1, size) for size in shape]

    split = [i for i, (chunk, size) in enumerate(zip(chunks, whole, strict=True)) if chunk < size]
    if prod(whole) * itemsize <= limit:
        assert split == []
    elif split:
        fitting = min(limit // (prod(chunks[split[-1] + 1 :]) * itemsize), whole[split[-1]])
        assert chunks[split[-1]] * 2 >= fitting


@pytest.mark.parametrize(
    ("shape", "itemsize", "limit", "chunks"),
    [
        ((), 8, 64, ()),
        ((), 8, 4, ()),
        ((0,), 8, 64, (1,)),
        ((8,), 8, 64, (8,)),
        ((9,), 8, 64, (5,)),
        ((100,), 8, 64, (8,)),
        ((3, 8), 8, 64, (1, 8)),
        ((3, 9), 8, 64, (1, 5)),
        ((4, 4), 8, 64, (2, 4)),
        ((2, 2, 100), 8, 64, (1, 1, 8)),
        ((10, 10), 16, 8, (1, 1)),
    ],
)
def test_own_chunks(shape, itemsize, limit, chunks):
    """Parts are equal, so that the last one is not a sliver."""
    assert own_chunks(shape, itemsize, limit) == chunks


@given(st.integers(0, 10**9), st.integers(0, 10**7), limits)
def test_rows_keep_within_the_limit(row_bytes, rows, limit):
    """Rows of a chunk are at least one, at most all; more than one only within the limit."""
    chunk = rows_per_chunk(row_bytes, rows, limit)

    assert 1 <= chunk <= max(1, rows)
    assert chunk == 1 or chunk * row_bytes <= limit
    assert chunk == max(1, rows) or (chunk + 1) * max(1, row_bytes) > limit


@pytest.mark.parametrize(
    ("row_bytes", "rows", "chunk"),
    [
        (8, 0, 1),
        (8, 1, 1),
        (8, 1000, 1000),
        (8, 10**7, CHUNK_BYTES // 8),
        (CHUNK_BYTES, 10, 1),
        (CHUNK_BYTES + 1, 10, 1),
        (CHUNK_BYTES // 2, 10, 2),
        (0, 10, 10),
    ],
)
def test_rows_per_chunk(row_bytes, rows, chunk):
    """Examples of rows along a clock."""
    assert rows_per_chunk(row_bytes, rows) == chunk
