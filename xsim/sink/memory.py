"""Outputs in memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import attrs
import numpy as np

from xsim.plan.outputs import PlannedOutput
from xsim.plan.run_plan import RunPlan
from xsim.sink.buffer import OutputBuffer
from xsim.sink.finish import masking_attrs, pad
from xsim.sink.plain_array import Array
from xsim.sink.storage_type import StorageType, check_type


class MemoryTarget:
    """An output as one numpy array."""

    def __init__(self, output: PlannedOutput) -> None:
        self.output = output
        self.rows: Array = np.empty(0)
        self.fill: Any = None

    def rows_per_chunk(self, row_bytes: int) -> int:
        """All rows are one chunk, so that the buffer is the result."""
        return self.output.nlabels

    def create(self, storage: StorageType, rows: int, own_shape: tuple[int, ...]) -> None:
        """Remember what stands for missing values; rows come all at once."""
        self.fill = storage.fill

    def write(self, start: int, rows: Array) -> None:
        """Keep the rows."""
        self.rows = rows

    def array(self, own_shape: tuple[int, ...]) -> Array:
        """Give all rows, those missing filled in."""
        shape = (self.output.nlabels, *own_shape)
        rows = self.rows
        if rows.shape != shape:
            full = np.full(shape, self.fill, dtype=rows.dtype)
            full[tuple(slice(n) for n in rows.shape)] = rows
            rows = full
        return rows[0, ...] if self.output.clock is None else rows


@attrs.frozen(eq=False)
class SavedArray:
    """A finished output in memory, as it would stand in a store."""

    dims: tuple[str, ...]
    values: Any
    attrs: dict[str, Any]


class MemorySink:
    """Keeps outputs as numpy arrays."""

    def __init__(self) -> None:
        self.arrays: dict[str, SavedArray] = {}
        self._buffers: list[OutputBuffer] = []

    def preflight(self, plan: RunPlan) -> RunPlan:
        """Check the types given."""
        for output in plan.outputs:
            check_type(output.name, output.encoding.get("dtype"), output.encoding.get("fill_value"))
        return plan

    def open(self, plan: RunPlan) -> Sequence[OutputBuffer]:
        """Give a buffer for each planned output."""
        fixed = dict(plan.setup.sizes)
        self._buffers = [OutputBuffer(output, MemoryTarget(output), fixed) for output in plan.outputs]
        return self._buffers

    def release(self) -> None:
        """Do nothing: nobody else can write here."""

    def close(self, outcome: str, facts: Mapping[str, Any]) -> None:
        """Turn the buffers into arrays."""
        for buffer in self._buffers:
            buffer.flush()
        pad(self._buffers)
        for buffer in self._buffers:
            if buffer.type is not None and isinstance(buffer.target, MemoryTarget):
                dims = buffer.output.dims_of(len(buffer.own_shape))
                attributes = {
                    **buffer.output.attrs_of(dims),
                    **masking_attrs(buffer.output, buffer.type, buffer.missing, buffer.ambiguous),
                }
                values = buffer.target.array(buffer.own_shape)
                self.arrays[buffer.output.name] = SavedArray(dims, values, attributes)
