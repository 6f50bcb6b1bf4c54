"""A batch in a Zarr store: the coordinator makes and resizes arrays, workers write chunks only (DESIGN §B5)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import prod
from typing import Any

import numpy as np
import zarr
from attrs import evolve

from xsim.plan.batch import Batch
from xsim.plan.blocks import Block
from xsim.plan.outputs import PlannedOutput
from xsim.plan.run_plan import RunPlan
from xsim.sink.batch import BlockWriter
from xsim.sink.codecs import check_written, has_codecs, needs_check, own_copy, quiet
from xsim.sink.facts import OutputFacts, OutputShape
from xsim.sink.finish import masking_attrs, pad_facts
from xsim.sink.journal import JOURNAL, Record, create_journal, encode, write_outcomes
from xsim.sink.location import refuses_chunks_beyond, shared_by_processes
from xsim.sink.member import MemberData, join_members
from xsim.sink.plain_array import Array
from xsim.sink.storage_type import StorageType
from xsim.sink.zarr_array import create_array, rows_of_chunk
from xsim.sink.zarr_sink import ZarrStore, settle


class ZarrBlockWriter:
    """Writes the chunks of blocks; knows nothing of other blocks, and changes no metadata.

    Parameters
    ----------
    store, path : object, str
        Where the arrays are.
    outputs : sequence of PlannedOutput
    shapes : mapping of str to OutputShape
    """

    def __init__(
        self, store: Any, path: str, outputs: Sequence[PlannedOutput], shapes: Mapping[str, OutputShape]
    ) -> None:
        self._store = store
        self._path = path
        self._outputs = outputs
        self._shapes = shapes
        self._arrays: dict[str, zarr.Array[Any]] = {}

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_arrays": {}}

    def array(self, name: str, own_shape: tuple[int, ...] = ()) -> zarr.Array[Any]:
        """Open an array, large enough for a value: beyond the stored shape it is resized by the coordinator."""
        array = self._arrays.get(name)
        if array is None:
            path = f"{self._path}/{name}" if self._path else name
            with quiet():
                array = self._arrays[name] = zarr.open_array(self._store, path=path, mode="r+")
        leading = array.ndim - len(own_shape)
        shape = tuple(max(a, b) for a, b in zip(array.shape[leading:], own_shape, strict=True))
        if shape != array.shape[leading:]:
            metadata = {**array.metadata.to_dict(), "shape": array.shape[:leading] + shape}
            with quiet():
                array = self._arrays[name] = zarr.Array.from_dict(array.store_path, metadata)
        return array

    def stream(self, output: int, block: Block) -> StreamTarget:
        """Give a target for an output of a block of one member."""
        return StreamTarget(self, self._outputs[output], block)

    def write(self, block: Block, members: Sequence[MemberData | None]) -> None:
        """Write the values of a block."""
        for output in self._outputs:
            shape = self._shapes.get(output.name)
            saved = [None if data is None else data.get(output.name) for data in members]
            if shape is not None and any(found is not None for found in saved):
                values = join_members(saved, block.shape, output.nlabels, shape.storage)
                self.put(output, block, 0, values)

    def put(self, output: PlannedOutput, block: Block, start: int, values: Array) -> None:
        """Write values of shape (box, labels, own dimensions) from a label on."""
        own_shape = values.shape[len(block.shape) + 1 :]
        own: tuple[Any, ...] = tuple(slice(n) for n in own_shape)
        array = self.array(output.name, own_shape)
        if output.clock is None:
            region, values = (*block.slices, *own), values[(slice(None),) * len(block.shape) + (0,)]
        else:
            labels = slice(start, start + values.shape[len(block.shape)])
            region = (*block.slices, labels, *own)
        array[region] = own_copy(array, values)
        if has_codecs(output.encoding) and needs_check(array):
            check_written(output.name, array, region, values)

    def erase(self, block: Block, shapes: Mapping[str, tuple[int, ...]]) -> None:
        """Make missing what was streamed of a block of one member: rows of so large a shape, by output."""
        for name, own_shape in shapes.items():
            self.array(name, own_shape)[block.slices] = self._shapes[name].storage.fill

    def record(self, block: Block, records: Sequence[Record]) -> None:
        """Write the records of a block, after its values: this is the done mark."""
        self.array(JOURNAL)[block.slices] = encode(records, block.shape)


class StreamTarget:
    """An output of one member as rows in the array of a batch."""

    def __init__(self, writer: ZarrBlockWriter, output: PlannedOutput, block: Block) -> None:
        self._writer = writer
        self._output = output
        self._block = block

    def rows_per_chunk(self, row_bytes: int) -> int:
        """Give the rows of a chunk of the array, which exists already."""
        if self._output.clock is None:
            return 1
        array = self._writer.array(self._output.name)
        chunks = array.shards or array.chunks
        return int(chunks[len(self._output.batch.dims)])

    def create(self, storage: StorageType, rows: int, own_shape: tuple[int, ...]) -> None:
        """Do nothing: the coordinator has made it."""

    def write(self, start: int, rows: Array) -> None:
        """Write rows."""
        one = (1,) * len(self._block.shape)
        self._writer.put(self._output, self._block, start, rows.reshape(one + rows.shape))


class ZarrBatchSink:
    """Writes the outputs of a batch into a Zarr store.

    Parameters
    ----------
    store : ZarrStore
    """

    holds_all = False

    def __init__(self, store: ZarrStore) -> None:
        self.store = store
        self._shapes: Mapping[str, OutputShape] = {}

    def preflight(self, plan: RunPlan) -> None:
        """Check the store."""
        self.store.preflight(plan)

    def open(self, plan: RunPlan) -> None:
        """Write the setup."""
        self.plan = plan
        self.store.open(plan)

    def create(self, shapes: Mapping[str, OutputShape], block: tuple[int, ...]) -> None:
        """Make arrays, and the journal."""
        for output in self.plan.outputs:
            if shape := shapes.get(output.name):
                row_bytes = prod(shape.measured) * shape.storage.stored.itemsize * prod(block)
                rows = rows_of_chunk(output, row_bytes)
                array = create_array(self.store.group, output, shape.storage, block, rows, shape.measured)
                if shape.own_shape != shape.measured:
                    with quiet():
                        array.resize(array.shape[: -len(shape.own_shape)] + shape.own_shape)
        if JOURNAL not in self.store.group:
            create_journal(self.store.group, self.plan.batch, block)
        self._shapes = {**self._shapes, **shapes}
        self._here = self._writer()

    def _writer(self) -> ZarrBlockWriter:
        group = self.store.group
        return ZarrBlockWriter(group.store, group.path, self.plan.outputs, self._shapes)

    def writer(self, in_workers: bool) -> BlockWriter | None:
        """Let workers write, unless the store is in the memory of this process, or takes chunks in order only."""
        store = self.store.group.store
        if refuses_chunks_beyond(store) or (in_workers and not shared_by_processes(store)):
            return None
        return self._writer()

    def accept(self, block: Block, members: Sequence[MemberData | None], records: Sequence[Record]) -> None:
        """Write a block here."""
        if refuses_chunks_beyond(self.store.group.store):
            for data in members:
                for name, saved in (data or {}).items():
                    if name in self._shapes:
                        self.grow(name, saved.own_shape)
        self._here.write(block, members)
        self._here.record(block, records)

    def grow(self, name: str, own_shape: tuple[int, ...]) -> None:
        """Resize an array, where a value goes beyond its shape."""
        array = self._array(name)
        leading = array.ndim - len(own_shape)
        shape = tuple(max(a, b) for a, b in zip(array.shape[leading:], own_shape, strict=True))
        if shape != array.shape[leading:]:
            with quiet():
                array.resize(array.shape[:leading] + shape)

    def _array(self, name: str) -> zarr.Array[Any]:
        with quiet():
            array = self.store.group[name]
        assert isinstance(array, zarr.Array)
        return array

    def close(self, outcome: str, facts: Mapping[str, OutputFacts], equal_indexes: Mapping[str, int]) -> None:
        """Settle what is missing, put index variables into their final form, and unfold the journal."""
        pad_facts(self.plan.outputs, facts)
        group, batch = self.store.group, self.plan.batch
        coordinates = []
        for output in self.plan.outputs:
            shape = self._shapes.get(output.name)
            if shape is None:
                continue
            name, missing = output.name, facts[output.name].missing
            self.grow(name, facts[name].own_shape)
            dims = output.dims_of(len(facts[name].own_shape))
            if name in equal_indexes:
                dims = dims[len(batch.dims) :]
                self._collapse(output, shape, batch.position(equal_indexes[name]))
                missing = False
            settle(self._array(name), masking_attrs(output, shape.storage, missing, facts[name].ambiguous))
            if output.is_index and dims != (name,):
                coordinates.append(name)
        if JOURNAL in group:
            write_outcomes(group, batch)
        self.store.close(outcome, coordinates)

    def _collapse(self, output: PlannedOutput, shape: OutputShape, position: tuple[int, ...]) -> None:
        """Make one array of an index variable that is equal in all members (DESIGN §B13)."""
        group = self.store.group
        array = self._array(output.name)
        values = np.asarray(array[position])
        del group[output.name]
        single = evolve(output, batch=Batch())
        create_array(group, single, shape.storage, (), 1, values.shape)[...] = values
