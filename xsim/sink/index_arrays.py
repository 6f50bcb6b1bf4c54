"""Index variables of a batch: with batch dimensions while members run, one array for all once they prove equal.

An index variable that is equal in all members ends as a coordinate without batch dimensions (DESIGN §B13). Changing
from one form to the other takes several writes; a copy that stands aside meanwhile keeps the values, so that nothing is
lost wherever the process is killed.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import zarr
from attrs import evolve

from xsim.plan.batch import Batch, Position
from xsim.plan.blocks import Block
from xsim.plan.outputs import PlannedOutput
from xsim.sink.aside import aside, call_complete, drop_copy, find_copy
from xsim.sink.in_group import array_in, dims_of, find_array
from xsim.sink.plain_array import Array
from xsim.sink.storage_type import StorageType
from xsim.sink.zarr_array import create_array


def collapse(group: zarr.Group, output: PlannedOutput, storage: StorageType, position: Position) -> None:
    """Make one array of an index variable that is equal in all members, from the values of one of them."""
    values = np.asarray(array_in(group, output.name)[position])
    _put_aside(group, output, storage, values)
    _write_alone(group, output, storage, values)
    drop_copy(group, output.name)


def expand(
    group: zarr.Group, output: PlannedOutput, storage: StorageType, block: tuple[int, ...], done: Iterable[Block]
) -> None:
    """Give an index variable its batch dimensions again, if it has been collapsed or this was interrupted.

    Parameters
    ----------
    group : zarr.Group
    output : PlannedOutput
    storage : StorageType
    block : tuple of int
        Shape of the blocks.
    done : iterable of Block
        Each member that is done, as a block of its own.
    """
    values = _aside_values(group, output)
    if values is None:
        array = find_array(group, output.name)
        if array is None or _has_batch(array, output):
            return
        values = np.asarray(array[...])
        _put_aside(group, output, storage, values)
    if output.name in group:
        del group[output.name]
    array = create_array(group, output, storage, block, 1, values.shape)
    one = (1,) * len(output.batch.dims)
    for member in done:
        array[member.slices] = values.reshape(one + values.shape)
    drop_copy(group, output.name)


def _has_batch(array: zarr.Array[Any], output: PlannedOutput) -> bool:
    return dims_of(array)[: len(output.batch.dims)] == output.batch.dims


def _aside_values(group: zarr.Group, output: PlannedOutput) -> Array | None:
    """Give the values that stand aside, if all of them do; if not, the variable itself is still whole."""
    array = find_copy(group, output.name)
    if array is not None:
        return np.asarray(array[...])
    drop_copy(group, output.name)
    return None


def _put_aside(group: zarr.Group, output: PlannedOutput, storage: StorageType, values: Array) -> None:
    _write_alone(group, evolve(output, name=aside(output.name)), storage, values)
    call_complete(group, output.name)


def _write_alone(group: zarr.Group, output: PlannedOutput, storage: StorageType, values: Array) -> None:
    if output.name in group:
        del group[output.name]
    alone = evolve(output, batch=Batch())
    create_array(group, alone, storage, (), 1, values.shape)[...] = values
