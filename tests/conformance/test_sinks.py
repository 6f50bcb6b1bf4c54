"""Our own sinks keep the promises that all have to keep."""

import pytest
import xarray as xr
from zarr.storage import LocalStore, MemoryStore

from xsim.result.dataset import result_from_memory
from xsim.sink.batch_memory import MemoryBatchSink
from xsim.sink.batch_zarr import ZarrBatchSink
from xsim.sink.memory import MemorySink
from xsim.sink.zarr_sink import ZarrSink, ZarrStore
from xsim.testing.conformance import BatchSinkSuite, SinkSuite


class TestMemorySink(SinkSuite):
    notes_outcome = False

    @pytest.fixture
    def make_sink(self):
        return MemorySink

    def read(self, sink, plan):
        return result_from_memory(plan, sink.arrays, {})


class ZarrSuite(SinkSuite):
    def read(self, sink, plan):
        return xr.open_zarr(sink.store.location, concat_characters=False, decode_timedelta=True).load()


class TestZarrSinkOnDisk(ZarrSuite):
    @pytest.fixture
    def make_sink(self, tmp_path):
        numbers = iter(range(100))
        return lambda: ZarrSink(ZarrStore(LocalStore(tmp_path / f"{next(numbers)}.zarr"), "w-"))


class TestZarrSinkInMemory(ZarrSuite):
    @pytest.fixture
    def make_sink(self):
        return lambda: ZarrSink(ZarrStore(MemoryStore(), "w-"))


class TestMemoryBatchSink(BatchSinkSuite):
    @pytest.fixture
    def make_sink(self):
        return MemoryBatchSink

    def read(self, sink, plan):
        return result_from_memory(plan, sink.arrays, {})


class ZarrBatchSuite(BatchSinkSuite):
    def read(self, sink, plan):
        return xr.open_zarr(sink.store.location, concat_characters=False, decode_timedelta=True).load()


class TestZarrBatchSinkOnDisk(ZarrBatchSuite):
    @pytest.fixture
    def make_sink(self, tmp_path):
        numbers = iter(range(100))
        return lambda: ZarrBatchSink(ZarrStore(LocalStore(tmp_path / f"{next(numbers)}.zarr"), "w-"))


class TestZarrBatchSinkInMemory(ZarrBatchSuite):
    @pytest.fixture
    def make_sink(self):
        return lambda: ZarrBatchSink(ZarrStore(MemoryStore(), "w-"))
