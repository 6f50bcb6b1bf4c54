"""Reads the records in a journal, also where it has been damaged since (DESIGN §B7)."""

from __future__ import annotations

from typing import Any

import numpy as np
import zarr

from xsim._base.render import quantity
from xsim.plan.batch import Batch
from xsim.plan.blocks import Block
from xsim.sink.journal import Record, decode, is_done
from xsim.sink.plain_array import Array

UNREADABLE = "unreadable"
"""Stands for a text in a chunk that cannot be decoded; it is no record."""


def read_texts(journal: zarr.Array[Any], box: Block) -> Array:
    """Read the texts in a box; those in chunks that cannot be decoded are no records."""
    try:
        return np.asarray(journal[box.slices], dtype=object)
    except OSError:  # it is there, and may be readable at another time
        raise
    except Exception:  # whatever the codecs raise
        if max(box.shape, default=1) == 1:
            return np.full(box.shape, UNREADABLE, dtype=object)
    axis = int(np.argmax(box.shape))
    middle = (box.start[axis] + box.stop[axis]) // 2
    first = Block(box.start, (*box.stop[:axis], middle, *box.stop[axis + 1 :]))
    second = Block((*box.start[:axis], middle, *box.start[axis + 1 :]), box.stop)
    return np.concatenate([read_texts(journal, first), read_texts(journal, second)], axis)


def read_records(journal: zarr.Array[Any], batch: Batch, block: Block) -> tuple[dict[int, Record], list[int]]:
    """Read the records of a block.

    Returns
    -------
    done : dict of int to Record
        Of the members that are done.
    damaged : list of int
        Members whose records cannot be read, so that they run again.
    """
    done: dict[int, Record] = {}
    damaged = []
    for member, text in zip(block.members(batch), read_texts(journal, block).ravel().tolist(), strict=True):
        record = decode(text)
        if is_done(record):
            done[member] = record
        elif text and record.get("outcome", "done") == "done":
            damaged.append(member)
    return done, damaged


def done_records(journal: zarr.Array[Any], batch: Batch, block: Block) -> dict[int, Record]:
    """Read the records of the members of a block that are done."""
    return read_records(journal, batch, block)[0]


def damage(what: str, batch: Batch, members: list[int]) -> str:
    """Say which members run again, since something in the store is damaged."""
    many, first = quantity(len(members), "member"), batch.describe(members[0])
    return f"the store is damaged: {what} of {many} cannot be read, first those of {first}; they are computed again"
