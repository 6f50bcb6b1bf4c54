"""The arithmetic of chunks (DESIGN §S2, §S3)."""

from __future__ import annotations

from math import ceil, prod

CHUNK_BYTES = 4 * 2**20
"""Size that a chunk does not exceed by choice: a few MiB read back fast, and bound the memory while running."""


def rows_per_chunk(row_bytes: int, rows: int, limit: int = CHUNK_BYTES) -> int:
    """Give how many rows along a clock make a chunk.

    Parameters
    ----------
    row_bytes : int
        Size of the value of one label.
    rows : int
        Number of labels.
    limit : int, optional
        Bytes that a chunk may have.
    """
    return max(1, min(rows, limit // max(1, row_bytes)))


def whole_chunks(size: int, chunk: int) -> int:
    """Round a size up to whole chunks."""
    return -(-size // chunk) * chunk


def own_chunks(shape: tuple[int, ...], itemsize: int, limit: int = CHUNK_BYTES) -> tuple[int, ...]:
    """Split the value of one label so that each part keeps within the limit, the first dimensions first.

    Parameters
    ----------
    shape : tuple of int
        Shape of the value.
    itemsize : int
        Bytes of an element.
    limit : int, optional
        Bytes that a chunk may have.
    """
    chunks = [max(1, n) for n in shape]
    for i in range(len(chunks)):
        inner = prod(chunks[i + 1 :]) * itemsize
        if chunks[i] * inner <= limit:
            break
        # Equal parts, so that the last one is not a sliver.
        parts = ceil(chunks[i] / max(1, limit // inner))
        chunks[i] = ceil(chunks[i] / parts)
    return tuple(chunks)
