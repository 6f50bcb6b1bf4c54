"""A batch in memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from xsim.plan.blocks import Block
from xsim.plan.run_plan import RunPlan
from xsim.sink.batch import BlockWriter, Earlier
from xsim.sink.facts import OutputFacts, OutputShape
from xsim.sink.finish import masking_attrs, pad_facts
from xsim.sink.journal import Record, fields_of, outcome_attrs
from xsim.sink.member import MemberData, join_members
from xsim.sink.memory import SavedArray
from xsim.sink.plain_array import Array
from xsim.sink.storage_type import check_type


class MemoryBatchSink:
    """Keeps the outputs of a batch as numpy arrays; members computed elsewhere are sent here (DESIGN §B9)."""

    holds_all = True

    def __init__(self) -> None:
        self.arrays: dict[str, SavedArray] = {}
        self._values: dict[str, Array] = {}
        self._shapes: Mapping[str, OutputShape] = {}
        self._records: list[Record] = []

    def notices(self) -> None:
        """Nobody else can look."""

    def preflight(self, plan: RunPlan) -> RunPlan:
        """Check the types given."""
        for output in plan.outputs:
            check_type(output.name, output.encoding.get("dtype"), output.encoding.get("fill_value"))
        return plan

    def earlier(self) -> None:
        """Give nothing: memory ends with its run."""

    def saved(self) -> Earlier:
        """Give the outputs, without their members: memory ends with its run."""
        return Earlier(self.plan.batch.shape, self._shapes, lambda block: {})

    def clear(self, block: Block) -> None:
        """Do nothing: what was not accepted is not here."""

    def tidy(self, block: Block) -> dict[int, Record]:
        """Do nothing: what was not accepted is not here."""
        return {}

    def read(self, block: Block, records: Mapping[int, Record]) -> dict[int, MemberData]:
        """Give nothing."""
        return {}

    def release(self) -> None:
        """Do nothing: nobody else can write here."""

    def open(self, plan: RunPlan) -> None:
        """Note what is to come."""
        self.plan = plan
        self._records = [{} for _ in range(plan.batch.size)]

    def create(self, shapes: Mapping[str, OutputShape], block: tuple[int, ...]) -> None:
        """Make arrays full of missing values."""
        self._shapes = {**self._shapes, **shapes}
        for output in self.plan.outputs:
            if shape := shapes.get(output.name):
                size = (*self.plan.batch.shape, output.nlabels, *shape.own_shape)
                self._values[output.name] = np.full(size, shape.storage.fill, dtype=shape.storage.stored)

    def writer(self, in_workers: bool) -> BlockWriter | None:
        """Everything is written here."""
        return None

    def accept(self, block: Block, members: Sequence[MemberData | None], records: Sequence[Record]) -> None:
        """Put the values of a block into the arrays."""
        for output in self.plan.outputs:
            name = output.name
            if name in self._values:
                saved = [None if data is None else data.get(name) for data in members]
                values = join_members(saved, block.shape, output.nlabels, self._shapes[name].storage)
                if any(found is not None for found in saved):
                    self.grow(name, values.shape[len(block.shape) + 1 :])
                    own: tuple[Any, ...] = tuple(slice(n) for n in values.shape[len(block.shape) + 1 :])
                    self._values[name][(*block.slices, slice(None), *own)] = values
        for member, record in zip(block.members(self.plan.batch), records, strict=True):
            self._records[member] = record

    def note(self, members: Sequence[int], records: Sequence[Record]) -> None:
        """Do nothing: the records are here."""

    def grow(self, name: str, own_shape: tuple[int, ...]) -> None:
        """Make an array at least as large as a value."""
        values = self._values[name]
        leading = values.ndim - len(own_shape)
        shape = tuple(max(a, b) for a, b in zip(values.shape[leading:], own_shape, strict=True))
        if shape != values.shape[leading:]:
            larger = np.full(values.shape[:leading] + shape, self._shapes[name].storage.fill, dtype=values.dtype)
            box: tuple[Any, ...] = tuple(slice(n) for n in values.shape)
            larger[box] = values
            self._values[name] = larger

    def close(self, outcome: str, facts: Mapping[str, OutputFacts], equal_indexes: Mapping[str, int]) -> None:
        """Give all arrays their dimensions and attributes."""
        pad_facts(self.plan.outputs, facts)
        batch = self.plan.batch
        for output in self.plan.outputs:
            name = output.name
            if name not in self._values:
                continue
            self.grow(name, facts[name].own_shape)
            values = self._values[name]
            if output.clock is None:
                values = values[(slice(None),) * len(batch.shape) + (0, ...)]
            dims = output.dims_of(len(facts[name].own_shape))
            missing = facts[name].missing
            if name in equal_indexes:
                one: tuple[Any, ...] = (*batch.position(equal_indexes[name]), ...)
                values = values[one]
                dims = dims[len(batch.dims) :]
                missing = False
            masking = masking_attrs(output, self._shapes[name].storage, missing, facts[name].ambiguous)
            self.arrays[name] = SavedArray(dims, values, {**output.attrs_of(dims), **masking})
        for name, values in fields_of(self._records, batch.shape, "job" in self.plan.graph.runtime_args).items():
            self.arrays[name] = SavedArray(batch.dims, values, outcome_attrs(name))
