"""A batch in a Zarr store: the coordinator makes and resizes arrays, workers write chunks only (DESIGN §B5)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from itertools import product
from math import ceil, prod
from pathlib import Path
from typing import Any

import numpy as np
import zarr
from zarr.core.sync import sync

from xsim._base.user_warning import warn_user
from xsim.errors import BatchWarning
from xsim.plan.batch import Batch
from xsim.plan.blocks import Block, single
from xsim.plan.fingerprint import Fingerprint, fingerprint
from xsim.plan.outputs import PlannedOutput
from xsim.plan.run_plan import RunPlan
from xsim.sink.batch import BlockWriter, Earlier
from xsim.sink.block_rows import joined
from xsim.sink.codecs import check_written, has_codecs, needs_check, own_copy, quiet
from xsim.sink.facts import OutputFacts, OutputShape
from xsim.sink.finish import masking_attrs, pad_facts
from xsim.sink.in_group import array_in
from xsim.sink.index_arrays import collapse
from xsim.sink.journal import JOURNAL, RUN, Record, begin_journal, encode, put_journal
from xsim.sink.location import refuses_chunks_beyond, shared_by_processes
from xsim.sink.lock import working
from xsim.sink.member import MemberData, SavedOutput
from xsim.sink.notices import Notices
from xsim.sink.outcomes import write_outcomes
from xsim.sink.plain_array import Array
from xsim.sink.plain_outcomes import PlainOutcomes
from xsim.sink.records import damage, done_records
from xsim.sink.reopen import facts_of_type, reopen, run_facts
from xsim.sink.storage_type import StorageType
from xsim.sink.zarr_array import create_array, grow_array, rows_of_chunk
from xsim.sink.zarr_sink import ZarrStore, settle


class ZarrBlockWriter:
    """Writes the chunks of blocks; knows nothing of other blocks, and changes no metadata.

    Parameters
    ----------
    store, path : object, str
        Where the arrays are.
    batch : Batch
    outputs : sequence of PlannedOutput
    shapes : mapping of str to OutputShape
    workers : pathlib.Path, optional
        Folder where worker processes tell that they write.
    """

    def __init__(
        self,
        store: Any,
        path: str,
        batch: Batch,
        outputs: Sequence[PlannedOutput],
        shapes: Mapping[str, OutputShape],
        workers: Path | None = None,
    ) -> None:
        self._workers = workers
        self._store = store
        self._path = path
        self._batch = batch
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

    def working(self) -> AbstractContextManager[None]:
        """Tell the next coordinator, should this one die, that a worker process is still writing."""
        return working(self._workers)

    def stream(self, output: int, block: Block) -> StreamTarget:
        """Give a target for an output of a block of one member."""
        return StreamTarget(self, self._outputs[output], block)

    def write(self, block: Block, members: Sequence[MemberData | None]) -> None:
        """Write the values of a block."""
        for output in self._outputs:
            shape = self._shapes.get(output.name)
            values = None if shape is None else joined(members, output, block.shape, shape.storage)
            if values is not None:
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
        with _held(output, array, region):
            array[region] = own_copy(array, values)
            if has_codecs(output.encoding) and needs_check(array):
                check_written(output.name, array, region, values)

    def erase(self, block: Block, shapes: Mapping[str, tuple[int, ...]]) -> None:
        """Make missing what was streamed of a block of one member: rows of so large a shape, by output."""
        for output in self._outputs:
            if output.name in shapes:
                self._make_missing(output, block, shapes[output.name])

    def _make_missing(self, output: PlannedOutput, block: Block, own_shape: tuple[int, ...]) -> None:
        array = self.array(output.name, own_shape)
        with _held(output, array, block.slices):
            array[block.slices] = self._shapes[output.name].storage.fill

    def read(self, block: Block, records: Mapping[int, Record]) -> dict[int, MemberData]:
        """Read the values of members of a block that are done, but for those in chunks that cannot be decoded."""
        found: dict[int, MemberData] = {}
        damaged = []
        for member, record in records.items():
            try:
                found[member] = self._read_member(self._batch.position(member), record)
            except OSError:  # it is there, and may be readable at another time
                raise
            except Exception:  # whatever the codecs raise
                damaged.append(member)
        if damaged:
            warn_user(damage("values", self._batch, damaged), BatchWarning)
        return found

    def _read_member(self, position: tuple[int, ...], record: Record) -> MemberData:
        sizes = {output.name: record["sizes"].get(output.name) for output in self._outputs}
        return {
            output.name: self._read_output(output, position, tuple(sizes[output.name]), record)
            for output in self._outputs
            if sizes[output.name] is not None
        }

    def _read_output(
        self, output: PlannedOutput, position: tuple[int, ...], size: tuple[int, ...], record: Record
    ) -> SavedOutput:
        storage = self._shapes[output.name].storage
        labels = () if output.clock is None else (slice(None),)
        values = np.asarray(self.array(output.name, size)[(*position, *labels, *(slice(n) for n in size))])
        rows = values.astype(storage.stored, copy=False).reshape((output.nlabels, *size))
        return SavedOutput(storage, rows, output.name in record["missing"], output.name in record["ambiguous"])

    def clear(self, block: Block) -> None:
        """Delete all chunks of a block, also those beyond the shape of an array; the done mark first."""
        shared = {output.name: output for output in self._outputs if output.encoding.get("synchronizer") is not None}
        for name in (JOURNAL, *self._shapes):
            if name in shared:
                self._make_missing(shared[name], block, self._shapes[name].own_shape)
                continue
            array = self.array(name)
            for chunk in _chunks_over(array, block.slices):
                key = f"{array.store_path.path}/c/{'/'.join(map(str, chunk))}"
                sync(array.store.delete(key))
                sync(array.store.delete_dir(key))

    def record(self, block: Block, records: Sequence[Record]) -> None:
        """Write the records of a block, after its values: this is the done mark."""
        self.array(JOURNAL)[block.slices] = encode(records, block.shape)


def _held(output: PlannedOutput, array: zarr.Array[Any], box: tuple[Any, ...]) -> AbstractContextManager[None]:
    """Hold the chunks of a box, where tasks share chunks (DESIGN §B4)."""
    synchronizer = output.encoding.get("synchronizer")
    if synchronizer is None:
        return nullcontext()
    box = (*box, *(slice(None),) * (array.ndim - len(box)))
    held: AbstractContextManager[None] = synchronizer.hold(output.name, _chunks_over(array, box))
    return held


def _chunks_over(array: zarr.Array[Any], box: tuple[slice, ...]) -> Iterator[tuple[int, ...]]:
    """Give the positions of the chunks that a box lies in, along its dimensions, the first ones of the array."""
    sizes = zip(box, array.shape, array.shards or array.chunks, strict=False)
    return product(*(range((s.start or 0) // c, ceil((n if s.stop is None else s.stop) / c)) for s, n, c in sizes))


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
        self._made_of: Fingerprint = {}
        self._shapes: Mapping[str, OutputShape] = {}
        self._block: tuple[int, ...] | None = None

    def preflight(self, plan: RunPlan) -> RunPlan:
        """Check the store."""
        plan = self.store.preflight(plan)
        # Now: the setup may be lazy, and come from the store, where it is replaced.
        self._made_of = self.store.made_of or fingerprint(plan)
        return plan

    def release(self) -> None:
        """Let other runs have the store."""
        self.store.release()

    def open(self, plan: RunPlan) -> None:
        """Write the setup, or open what an earlier run has left."""
        self.plan = plan
        self._plain = PlainOutcomes(plan.batch)
        self.store.open(plan)
        if self.store.earlier is not None:
            self._shapes = reopen(self.store.group, plan, self.store.earlier, self._made_of)
            self._block = self.store.earlier.block
            self._here = self._writer()
        elif not refuses_chunks_beyond(self.store.group.store):  # nobody sees those before they are committed
            begin_journal(self.store.group, plan.batch)

    def notices(self) -> Notices:
        """Give what other shells read and write beside the data."""
        return Notices(self.store.group)

    def earlier(self) -> Earlier | None:
        """Give what an earlier run has left."""
        return None if self.store.earlier is None else self.saved()

    def saved(self) -> Earlier | None:
        """Give what is in the store."""
        if self._block is None:
            return None
        journal = array_in(self.store.group, JOURNAL)
        return Earlier(self._block, self._shapes, partial(done_records, journal, self.plan.batch))

    def clear(self, block: Block) -> None:
        """Delete what is left of a block none of whose members is done."""
        self._here.clear(block)

    def tidy(self, block: Block) -> dict[int, Record]:
        """Make missing what has been written of members of a block that were ended, and give records of those done."""
        done = done_records(array_in(self.store.group, JOURNAL), self.plan.batch, block)
        if not done:
            self._here.clear(block)
            return {}
        for member in block.members(self.plan.batch):
            if member not in done:
                shapes = {name: shape.own_shape for name, shape in self._shapes.items()}
                self._here.erase(single(self.plan.batch.position(member)), shapes)
        return done

    def read(self, block: Block, records: Mapping[int, Record]) -> dict[int, MemberData]:
        """Read the values of members that are done."""
        return self._here.read(block, records)

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
        self._shapes = {**self._shapes, **shapes}
        types = {name: facts_of_type(shape.storage, shape.own_shape) for name, shape in self._shapes.items()}
        run = run_facts(self._made_of, block, types)
        if self._block is None:
            put_journal(self.store.group, self.plan.batch, block, run)
        else:
            self.store.group[JOURNAL].attrs[RUN] = run
        self._block = block
        self._here = self._writer()

    def _writer(self) -> ZarrBlockWriter:
        group = self.store.group
        return ZarrBlockWriter(
            group.store, group.path, self.plan.batch, self.plan.outputs, self._shapes, self.store.workers
        )

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

    def note(self, members: Sequence[int], records: Sequence[Record]) -> None:
        """Note what members have told, so that it need not be read from the journal."""
        self._plain.add(members, records)

    def grow(self, name: str, own_shape: tuple[int, ...]) -> None:
        """Resize an array, where a value goes beyond its shape."""
        grow_array(array_in(self.store.group, name), own_shape)

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
                collapse(group, output, shape.storage, batch.position(equal_indexes[name]))
                missing = False
            settle(array_in(group, name), masking_attrs(output, shape.storage, missing, facts[name].ambiguous))
            if output.is_index and dims != (name,):
                coordinates.append(name)
        if JOURNAL in group:
            # Whatever has ended in another way may have told more, or less, than is in the journal.
            plain = self._plain if outcome == "done" else None
            write_outcomes(group, batch, "job" in self.plan.graph.runtime_args, plain)
        self.store.close(outcome, coordinates)
