"""What a batch will take in a store, before it is written."""

from __future__ import annotations

from collections.abc import Mapping
from math import ceil, prod

import zarr

from xsim.plan.run_plan import RunPlan
from xsim.sink.facts import OutputShape
from xsim.sink.journal import all_fields
from xsim.sink.outcomes import OUTCOME_CHUNK
from xsim.sink.zarr_array import create_array, rows_of_chunk


def stored_size(plan: RunPlan, shapes: Mapping[str, OutputShape], block: tuple[int, ...]) -> tuple[int, int]:
    """Count bytes of the outputs, before compression, and files.

    Parameters
    ----------
    plan : RunPlan
    shapes : mapping of str to OutputShape
        Of the outputs, as a member has saved them.
    block : tuple of int
        Shape of the blocks.
    """
    group = zarr.create_group(zarr.storage.MemoryStore())
    nbytes = files = 0
    for output in plan.outputs:
        if shape := shapes.get(output.name):
            row_bytes = prod(shape.measured) * shape.storage.stored.itemsize * prod(block)
            array = create_array(group, output, shape.storage, block, rows_of_chunk(output, row_bytes), shape.measured)
            nbytes += array.nbytes
            pieces = array.shards or array.chunks
            files += 1 + prod(ceil(n / piece) for n, piece in zip(array.shape, pieces, strict=True))
    tasks = prod(ceil(n / size) for n, size in zip(plan.batch.shape, block, strict=True))
    outcomes = len(all_fields("job" in plan.graph.runtime_args)) * (1 + ceil(plan.batch.size / OUTCOME_CHUNK))
    # The metadata of the group; the journal; the setup, whose variables have a chunk or a few.
    return nbytes, files + 1 + (1 + tasks) + outcomes + 2 * len(plan.setup.variables)
