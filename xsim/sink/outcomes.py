"""The journal unfolded into labelled variables, when a run ends (DESIGN §B7, §B10)."""

from __future__ import annotations

from typing import Any

import numpy as np
import zarr

from xsim.plan.batch import Batch
from xsim.plan.blocks import Block, block_shape, blocks
from xsim.sink.journal import JOURNAL, all_fields, outcome_attrs, unfold
from xsim.sink.plain_array import Array
from xsim.sink.plain_outcomes import PlainOutcomes
from xsim.sink.records import read_texts

OUTCOME_CHUNK = 5_000
"""Members whose outcomes make a chunk."""
READ_AT_ONCE = 1_000
"""Members whose records are read at once: as objects of Python they take many times the room of their columns.

As many as the largest block has whose size xsim chooses: a chunk of the journal is decoded once.
"""


def write_outcomes(group: zarr.Group, batch: Batch, programs: bool, plain: PlainOutcomes | None = None) -> None:
    """Unfold the journal of a store into labelled variables, a chunk of these at a time (DESIGN §B10).

    Parameters
    ----------
    group : zarr.Group
    batch : Batch
    programs : bool
        Whether there is a variable of programs.
    plain : PlainOutcomes, optional
        What is known of members whose records are in the journal: these need not be read.
    """
    journal = group[JOURNAL]
    assert isinstance(journal, zarr.Array)
    chunk = block_shape(batch, OUTCOME_CHUNK)
    arrays: dict[str, zarr.Array[Any]] = {}
    for _, (name, default, _text) in all_fields(programs).items():
        dtype: Any = str if isinstance(default, str) else np.dtype(type(default))
        arrays[name] = group.create_array(
            name,
            shape=batch.shape,
            dtype=dtype,
            chunks=chunk,
            fill_value=default,
            dimension_names=batch.dims,
            attributes=outcome_attrs(name),
        )
    for block in blocks(batch, chunk):
        known = None if plain is None else plain.columns(block)
        for name, values in (known or _columns(journal, batch, block, programs)).items():
            arrays[name][block.slices] = values


def _columns(journal: zarr.Array[Any], batch: Batch, box: Block, programs: bool) -> dict[str, Array]:
    """Give one array for each field that any record in a box has, with texts as numpy packs them."""
    columns: dict[str, Array] = {}
    defaults = {name: default for name, default, _ in all_fields(programs).values()}
    inside = Batch(batch.dims, box.shape)
    for part in blocks(inside, block_shape(inside, READ_AT_ONCE)):
        for name, values in unfold(read_texts(journal, part.within(box)), programs, only_said=True).items():
            if name not in columns:
                columns[name] = np.full(box.shape, defaults[name], dtype=_packed(defaults[name]))
            columns[name][part.slices] = values
    return columns


def _packed(default: Any) -> Any:
    return np.dtypes.StringDType() if isinstance(default, str) else type(default)
