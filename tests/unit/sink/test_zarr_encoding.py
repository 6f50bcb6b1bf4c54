"""How outputs are stored: chunks, shards, codecs, types (DESIGN §S2, §S3, §B3)."""

from textwrap import dedent

import numpy as np
import pytest
import xarray as xr
import zarr
from zarr.codecs import BloscCodec, GzipCodec, TransposeCodec, ZstdCodec
from zarr.storage import MemoryStore

from xsim.errors import OptionError, XsimError


class CountingStore(MemoryStore):
    """Counts how often each key is written."""

    def __init__(self, *args, **options):
        super().__init__(*args, **options)
        self.counts = {}

    async def set(self, key, value, byte_range=None):
        self.counts[key] = self.counts.get(key, 0) + 1
        await super().set(key, value, byte_range)

    @property
    def chunk_writes(self):
        """Number of writes of each chunk file of the output."""
        return {key: n for key, n in self.counts.items() if key.startswith("p__v/c")}


def stored(store):
    return zarr.open_array(store, path="p__v", mode="r")


@pytest.mark.parametrize(
    ("encoding", "chunks", "shards", "files"),
    [
        ({}, (10, 6), None, 1),
        ({"chunks": 3}, (3, 6), None, 4),
        ({"chunks": (3,)}, (3, 6), None, 4),
        ({"chunks": (3, 2)}, (3, 2), None, 12),
        ({"chunks": (5, 100)}, (5, 100), None, 2),
        ({"chunks": (100,)}, (100, 6), None, 1),
        ({"chunks": (np.int64(3),)}, (3, 6), None, 4),
        ({"chunks": [3]}, (3, 6), None, 4),
        ({"chunks": (-1, 2)}, (10, 2), None, 3),
        ({"chunks": (3, None)}, (3, 6), None, 4),
        ({"chunks": False}, (10, 6), None, 1),
        ({"chunks": True}, (10, 6), None, 1),
        ({"chunks": None}, (10, 6), None, 1),
        ({"chunks": (2, 3), "shards": (-1, 3)}, (2, 3), (10, 3), 2),
        ({"chunks": (2, 3), "shards": False}, (2, 3), None, 10),
        ({"shards": 5}, (5, 6), (5, 6), 2),
        ({"chunks": (2, 3), "shards": (4, 6)}, (2, 3), (4, 6), 3),
        ({"chunks": (2, 3), "shards": (4,)}, (2, 3), (4, 6), 3),
        ({"chunks": (2,), "shards": (5,)}, (2, 6), (6, 6), 2),
        ({"chunks": (4,), "shards": (2,)}, (4, 6), (4, 6), 3),
    ],
)
def test_chunks_count_from_the_front_and_are_written_once(run_values, encoding, chunks, shards, files):
    """Chunk sizes count from the front, the others are whole; each file is written once (DESIGN §B3, §S2)."""
    store = CountingStore()
    values = np.arange(1.0, 61).reshape(10, 6)
    result = run_values(list(values), "x", encoding=encoding, store=store)

    rows = min(chunks[0], 10) if shards is None else chunks[0]
    assert (stored(store).chunks, stored(store).shards) in [(chunks, shards), ((rows, *chunks[1:]), shards)]
    assert len(store.chunk_writes) == files
    assert set(store.chunk_writes.values()) == {1}
    np.testing.assert_array_equal(result.p__v.to_numpy(), values)


def test_a_chunk_is_a_few_mebibytes(run_values):
    """By default a chunk takes as many labels as keep it within 4 MiB, and a large value is split (DESIGN §S3)."""
    small, large = CountingStore(), CountingStore()
    run_values([np.ones(2**18)] * 5, "x", store=small)  # 2 MiB a label
    run_values([np.ones((2**10, 2**10))] * 2, ("y", "x"), store=large)  # 8 MiB a label

    assert stored(small).chunks == (2, 2**18)
    assert stored(large).chunks == (1, 2**9, 2**10)
    assert set(small.chunk_writes.values()) == set(large.chunk_writes.values()) == {1}


@pytest.mark.parametrize("sizes", [(2, 2, 5, 5, 5, 5, 5), (5, 2, 5, 2, 0, 5, 1), (0, 1, 2, 3, 4, 5, 5)])
@pytest.mark.parametrize("chunk", [1, 2, 3, 100])
def test_growing_outputs(run_values, sizes, chunk):
    """Outputs that grow and shrink: what is stored is what was saved, and missing elsewhere (DESIGN §S1)."""
    store = CountingStore()
    values = [np.arange(1.0, n + 1) for n in sizes]
    result = run_values(values, "x", encoding={"chunks": (chunk,)}, store=store).p__v.to_numpy()

    expected = np.full((7, 5), np.nan)
    for i, value in enumerate(values):
        expected[i, : value.size] = value
    np.testing.assert_array_equal(result, expected)
    assert set(store.chunk_writes.values()) == {1}


@pytest.mark.parametrize(
    ("encoding", "compressors"),
    [
        ({}, (BloscCodec(cname="lz4", clevel=5, shuffle="shuffle", typesize=8),)),
        ({"compressors": GzipCodec(level=1)}, (GzipCodec(level=1),)),
        ({"compressors": [ZstdCodec(level=3)]}, (ZstdCodec(level=3),)),
        ({"compressors": None}, ()),
    ],
)
def test_compressors(run_values, encoding, compressors):
    """Compressors are those given, else Blosc."""
    store = CountingStore()
    run_values([1.0, 2.0], encoding=encoding, store=store)

    assert stored(store).compressors == compressors
    assert xr.open_zarr(store).p__v.values.tolist() == [1, 2]


def test_filters(run_values):
    """Filters are handed on to zarr."""
    store = CountingStore()
    values = np.arange(12.0).reshape(2, 2, 3)
    run_values(list(values), ("y", "x"), encoding={"filters": [TransposeCodec(order=(2, 1, 0))]}, store=store)

    assert stored(store).filters == (TransposeCodec(order=(2, 1, 0)),)
    np.testing.assert_array_equal(xr.open_zarr(store).p__v.to_numpy(), values)


def test_a_fill_value(run_values):
    """A fill value is that of the Zarr array, and masks for plain xarray too."""
    store = CountingStore()
    run_values([1.0, -9.0], encoding={"fill_value": -9}, store=store)

    assert stored(store).fill_value == -9
    np.testing.assert_array_equal(xr.open_zarr(store).p__v.to_numpy(), [1, np.nan])


def test_encoding_declared_with_a_variable(run_values):
    """A variable's own encoding holds, unless the run gives another."""
    declared = {"chunks": (1,), "dtype": "float32"}
    first, second = CountingStore(), CountingStore()
    run_values([1.0, 2.0], declared=declared, store=first)
    run_values([1.0, 2.0], declared=declared, encoding={"chunks": (2,)}, store=second)

    assert (stored(first).chunks, stored(first).dtype) == ((1,), "float32")
    assert (stored(second).chunks, stored(second).dtype) == ((2,), "float32")


@pytest.mark.parametrize("store", [lambda: None, dict], ids=["memory", "store"])
@pytest.mark.parametrize(("dtype", "fill"), [("uint8", -1), ("int64", 1.5), ("float64", "none"), ("int8", 1000)])
def test_a_fill_value_that_the_type_given_cannot_hold(run_values, dtype, fill, store):
    """A fill value outside of the type given is refused before the run, in memory and in a store (DESIGN §E1)."""
    with pytest.raises(OptionError):
        run_values(
            [1, 2],
            encoding={"dtype": dtype, "fill_value": fill},
            store=store(),
            fail_at=0,
            error=AssertionError("the run began"),
        )


@pytest.mark.parametrize(("values", "fill"), [([np.uint8(1), np.uint8(2)], -1), ([1, 2], 1.5), ([1.0, 2.0], "none")])
def test_a_fill_value_that_the_type_of_the_values_cannot_hold(run_values, values, fill):
    """A fill value that the values' own type cannot hold is xsim's error, not numpy's (DESIGN §E2)."""
    for store in (None, {}):
        with pytest.raises(XsimError):
            run_values(values, encoding={"fill_value": fill}, store=store)


@pytest.mark.parametrize("store", [lambda: None, dict], ids=["memory", "store"])
def test_an_unknown_type_is_refused_before_the_run(run_values, store):
    """A dtype that does not exist is refused before the run, in memory too (DESIGN §E1)."""
    with pytest.raises(OptionError):
        run_values([1, 2], encoding={"dtype": "flaot"}, store=store(), fail_at=0, error=AssertionError("no"))


@pytest.mark.parametrize("store", [None, {}], ids=["memory", "store"])
@pytest.mark.parametrize("key", ["chunks", "shards"])
@pytest.mark.parametrize("sizes", [(0,), (-2,), ("a",), (1.5,), (True,), 0, 2.5, "big"])
def test_sizes_that_are_none(run_values, key, sizes, store):
    """Chunk sizes are positive integers, whether there is a store or not (DESIGN §E1)."""
    with pytest.raises(OptionError) as error:
        run_values([1, 2], encoding={key: sizes}, store=store, fail_at=0, error=AssertionError("the run began"))

    assert (
        str(error.value)
        == dedent(f"""
        {key} in encoding={{'p__v': ...}} are no chunk sizes
          got: {sizes!r}
          expected: positive integers, one for each dimension from the front (batch, clock, own dimensions); \
-1 for a whole dimension
        """).strip()
    )
