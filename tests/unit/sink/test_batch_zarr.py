"""A batch in a Zarr store: chunks, files, growth, what a failed member leaves (DESIGN §B3, §B5, §B6, §S2)."""

import textwrap
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
import zarr
from zarr.storage import LocalStore, MemoryStore, WrapperStore

import xsim as xs
from xsim.errors import OptionError, StoreExistsError


def message(text):
    return textwrap.dedent(text).strip()


@xs.process
class Wave:
    n = xs.variable(default=3, static=True)
    speed = xs.variable()
    fails = xs.variable(default=-1)
    grows = xs.variable(default=0)
    x = xs.index(dims="x")
    height = xs.variable(dims="x", intent="out")
    total = xs.variable(intent="out")

    def initialize(self):
        self.x = np.arange(self.n)
        self.height = np.zeros(self.n)
        self.total = 0

    @xs.runtime(args="step")
    def run_step(self, step):
        self.height = np.concatenate([self.height + self.speed, np.full(self.grows, -self.speed)])
        self.total += 1
        self.x = np.arange(self.height.size)
        if step == self.fails:
            raise ValueError("too high")


MODEL = xs.Model({"wave": Wave})


def setup_of(output_vars=None, **inputs):
    return xs.create_setup(
        model=MODEL,
        clocks={"time": np.arange(6)},
        input_vars={f"wave__{name}": value for name, value in inputs.items()},
        output_vars=output_vars or {"wave__height": "time", "wave__total": None},
    )


def files(store, name):
    return sorted(
        str(path.relative_to(store / name / "c")) for path in Path(store / name / "c").rglob("*") if path.is_file()
    )


class CountingStore(WrapperStore):
    """A store that counts how often each key is set."""

    def __init__(self, store):
        super().__init__(store)
        self.sets = Counter()

    async def set(self, key, value, *args, **kwargs):
        self.sets[key] += 1
        await self._store.set(key, value, *args, **kwargs)

    def chunks_of(self, *names):
        return {key: n for key, n in self.sets.items() if "/c/" in key and key.split("/")[0] in names}


@pytest.mark.parametrize(
    ("block", "boxes"), [(1, (1, 1)), (2, (1, 2)), (3, (1, 3)), (6, (2, 3)), (7, (2, 3)), (9, (3, 3)), (12, (4, 3))]
)
def test_files_of_a_block(tmp_path, block, boxes):
    """Block = chunk: each block has one file for each output, and one for its records."""
    store = tmp_path / "out.zarr"
    setup = setup_of(speed=(("a", "b"), np.arange(1.0, 13).reshape(4, 3)))
    setup.xsim.run(MODEL, batch_dim=["a", "b"], store=store, block=block)
    group = zarr.open_group(store, mode="r")
    assert group["wave__height"].chunks == (*boxes, 6, 3)
    assert group["wave__total"].chunks == boxes
    assert group["xsim_journal"].chunks == boxes
    grid = [f"{i}/{j}" for i in range(-(-4 // boxes[0])) for j in range(-(-3 // boxes[1]))]
    assert files(store, "wave__total") == grid
    assert files(store, "xsim_journal") == grid
    assert files(store, "wave__height") == [f"{ij}/0/0" for ij in grid]


@pytest.mark.parametrize("options", [{}, {"parallel": True, "workers": 3}], ids=["sequential", "threads"])
@pytest.mark.parametrize("block", [1, 4, None])
@pytest.mark.parametrize("chunks", [None, (2, 4), (3, 1, 2)])
def test_each_chunk_is_written_once(options, block, chunks):
    """No chunk is written twice, whatever the chunks: one task has it, and waits until it is full (§B3, §S2)."""
    if chunks is not None and block is not None:
        block = chunks[0] * 2
    store = CountingStore(MemoryStore())
    setup = setup_of(speed=("b", np.arange(1.0, 10)))
    encoding = {"wave__height": {"chunks": chunks}} if chunks else None
    setup.xsim.run(MODEL, batch_dim="b", store=store, block=block, encoding=encoding, **options)
    counts = store.chunks_of("wave__height", "wave__total", "xsim_journal")
    assert set(counts.values()) == {1}
    array = zarr.open_group(store, mode="r")["wave__height"]
    assert sum(key.startswith("wave__height/") for key in counts) == array.nchunks


@pytest.mark.parametrize(
    ("encoding", "block"),
    [
        ({"wave__height": {"chunks": (2,)}}, 2),
        ({"wave__height": {"chunks": (2, 3)}, "wave__total": {"chunks": (3,)}}, 6),
        ({"wave__height": {"chunks": (100, 3)}}, 12),
        ({"wave__height": {"shards": (4,)}}, 4),
        ({"wave__height": {"chunks": (2, 1, 1), "shards": (4, 2, 3)}}, 4),
        ({"wave__height": {"chunks": (2,), "shards": (3,)}}, 4),
        ({"wave__height": {"chunks": (4,), "shards": (2,)}}, 4),
    ],
)
def test_chunks_of_the_user_are_the_block(encoding, block):
    """The block follows from chunks and shards along the batch dimensions; no shard has two writers (§B3)."""
    store = CountingStore(MemoryStore())
    setup = setup_of(speed=("b", np.arange(1.0, 13)))
    result = setup.xsim.run(MODEL, batch_dim="b", store=store, encoding=encoding, parallel=True, workers=3)
    group = zarr.open_group(store, mode="r")
    for name in encoding:
        whole = (group[name].shards or group[name].chunks)[0]
        assert group["xsim_journal"].chunks[0] % whole == 0 or group["xsim_journal"].chunks[0] == 12
    assert group["xsim_journal"].chunks == (block,)
    assert set(store.chunks_of("wave__height", "wave__total", "xsim_journal").values()) == {1}
    np.testing.assert_array_equal(result.wave__height[:, -1, 0], 5 * np.arange(1.0, 13))


def test_block_smaller_than_a_chunk(tmp_path):
    """block= smaller than a chunk is refused before a file is written (DESIGN §B4, §E1)."""
    store = tmp_path / "out.zarr"
    with pytest.raises(OptionError) as error:
        setup_of(speed=("b", np.ones(12))).xsim.run(
            MODEL, batch_dim="b", store=store, block=2, encoding={"wave__total": {"chunks": (4,)}}
        )
    assert str(error.value) == message("""
        block=2 is smaller than a chunk of output 'wave__total': two tasks would write to one chunk
          got: blocks of shape (2,) and chunks of shape (4,) along ('b',)
          expected: blocks of whole chunks
          remedy: leave out block=, or give block=4, or chunks of size 1 along the batch dimensions, or a synchronizer in encoding (xs.ProcessSynchronizer)
    """)  # noqa: E501
    assert not store.exists()


@pytest.mark.parametrize("block", [1, 2, None])
@pytest.mark.parametrize("rows", [1, 2, 6])
def test_a_failed_member_leaves_nothing(tmp_path, block, rows):
    """What a failed member had streamed is missing afterwards, in all chunks (DESIGN §B6)."""
    store = tmp_path / "out.zarr"
    setup = setup_of(speed=("b", [1.0, 2.0, 3.0, 4.0]), fails=("b", [-1, -1, 4, -1]))
    encoding = {"wave__height": {"chunks": (block or 2, rows)}}
    with pytest.warns(xs.BatchWarning):
        setup.xsim.run(MODEL, batch_dim="b", store=store, block=block, encoding=encoding, on_error="continue")
    values = zarr.open_group(store, mode="r")["wave__height"][...]
    assert np.isnan(values[2]).all()
    assert np.isfinite(np.delete(values, 2, axis=0)).all()
    if block == 1:
        assert not [path for path in files(store, "wave__height") if path.startswith("2/")]


@pytest.mark.parametrize("options", [{}, {"parallel": True, "workers": 3}], ids=["sequential", "threads"])
# With chunks, a block is that of their members.
@pytest.mark.parametrize(("block", "chunks"), [(1, None), (2, None), (None, None), (None, (2, 2, 2))])
def test_growing_arrays(options, block, chunks):
    """Arrays whose size differs by member and by step hold all values, padded (DESIGN §B5)."""
    grows, sizes = [0, 1, 2, 0, 3], [3, 1, 1, 2, 0]
    setup = setup_of(speed=("b", np.arange(1.0, 6)), n=("b", sizes), grows=("b", grows))
    store = CountingStore(MemoryStore())
    encoding = {"wave__height": {"chunks": chunks}} if chunks else None
    result = setup.xsim.run(MODEL, batch_dim="b", store=store, block=block, encoding=encoding, **options)
    largest = max(n + 5 * g for n, g in zip(sizes, grows, strict=True))
    assert result.sizes["x"] == largest
    for member, (n, g) in enumerate(zip(sizes, grows, strict=True)):
        speed = member + 1.0
        row = np.zeros(n)
        for step in range(6):
            row = np.concatenate([row + speed, np.full(g, -speed)]) if step < 5 else row
            found = result.wave__height.values[member, step]
            np.testing.assert_array_equal(found[: row.size], row)
            assert np.isnan(found[row.size :]).all()
        np.testing.assert_array_equal(result.x.values[member, : n + 5 * g], np.arange(n + 5 * g))
    assert set(store.chunks_of("wave__height", "wave__total", "xsim_journal").values()) == {1}


@xs.process
class Shoal:
    n = xs.variable()
    fish = xs.variable(dims="x", intent="out")
    young = xs.variable(dims="x", intent="out")

    def initialize(self):
        self.fish = self.young = np.arange(self.n)

    def run_step(self):
        self.fish = np.arange(self.fish.size + 1)


@pytest.mark.parametrize("store", [None, {}], ids=["memory", "zarr"])
@pytest.mark.parametrize("block", [1, 2, 3])
def test_outputs_that_share_a_growing_dimension(store, block):
    """Outputs that share a dimension are padded to the same size along it, as in a single run."""
    model = xs.Model({"shoal": Shoal})
    setup = xs.create_setup(
        model=model,
        clocks={"time": [0, 1, 2], "first": [0]},
        main_clock="time",
        input_vars={"shoal__n": ("b", [1, 0, 2])},
        output_vars={"shoal__fish": "time", "shoal__young": "first"},
    )
    result = setup.xsim.run(model, batch_dim="b", store=store, block=block, mode="w")
    assert result.sizes["x"] == 4
    for i, n in enumerate([1, 0, 2]):
        np.testing.assert_array_equal(result.shoal__young[i, 0], [*range(n), *[np.nan] * (4 - n)])
        np.testing.assert_array_equal(result.shoal__fish[i, 2], [*range(n + 2), *[np.nan] * (2 - n)])


@pytest.mark.parametrize("block", [1, 2, 4])
def test_a_large_member_that_fails(block):
    """A failed member leaves no trace: the result is no larger for it, and the others stay (DESIGN §B6)."""
    for fails, place in (((3, -1, -1, -1), 0), ((-1, -1, 3, -1), 2)):
        n = [3, 3, 3, 3]
        n[place] = 9
        setup = setup_of(speed=("b", np.ones(4)), n=("b", n), fails=("b", list(fails)))
        for store in (None, {}):
            with pytest.warns(xs.BatchWarning):
                result = setup.xsim.run(MODEL, batch_dim="b", store=store, block=block, on_error="continue")
            assert result.sizes["x"] == 3
            assert result.x.values.tolist() == [0, 1, 2]
            assert np.isfinite(np.delete(result.wave__height.values, place, axis=0)).all()


def test_plain_xarray(tmp_path):
    """The store opens with plain xarray, and holds the same as the result (DESIGN §S4)."""
    store = tmp_path / "out.zarr"
    setup = setup_of(speed=("b", [1.0, 2.0, 3.0]), n=("b", [1, 2, 1])).assign_coords(b=["p", "q", "r"])
    result = setup.xsim.run(MODEL, batch_dim="b", store=store)
    with xr.open_zarr(store) as opened:
        for name in ("wave__height", "wave__total", "x", "b", "xsim_outcome", "wave__speed"):
            np.testing.assert_array_equal(opened[name].values, result[name].values)
            assert opened[name].dims == result[name].dims
        assert "x" in opened.coords
        assert opened.attrs["xsim_outcome"] == "done"


def test_all_members_fail(tmp_path):
    """Where all fail the store still is a valid one, with all outcomes."""
    store = tmp_path / "out.zarr"
    setup = setup_of(speed=("b", [1.0, 2.0]), fails=("b", [0, 0]))
    with pytest.warns(xs.BatchWarning):
        result = setup.xsim.run(MODEL, batch_dim="b", store=store, on_error="continue")
    assert result.xsim_outcome.values.tolist() == ["failed", "failed"]
    with xr.open_zarr(store) as opened:
        assert opened.xsim_outcome.values.tolist() == ["failed", "failed"]
        assert opened.attrs["xsim_outcome"] == "failed"


def test_an_output_that_the_first_member_never_saves():
    """An array is there for all members although the first one ends before it saves its first value (§S6, §O3)."""

    @xs.runtime_hook("run_step", level="model", trigger="post")
    def stop(model, context, state):
        return xs.RuntimeSignal.BREAK if state[("wave", "speed")] == 0 else None

    setup = xs.create_setup(
        model=MODEL,
        clocks={"time": np.arange(4), "late": [2, 3]},
        main_clock="time",
        input_vars={"wave__speed": ("b", [0.0, 1.0, 2.0, 3.0])},
        output_vars={"wave__height": "late", "wave__total": "time"},
    )
    for options in ({}, {"block": 1}, {"block": 4}, {"parallel": True, "workers": 2}):
        for store in (None, {}):
            result = setup.xsim.run(MODEL, batch_dim="b", hooks=[stop], store=store, **options)
            expected = [[np.nan] * 2, [3, 3], [6, 6], [9, 9]]
            np.testing.assert_array_equal(result.wave__height.values[..., 0], expected)


@pytest.mark.parametrize("mode", ["w-", "w"])
def test_a_store_that_holds_something(tmp_path, mode):
    """A finished batch is replaced only when asked to be (DESIGN §B7)."""
    store = tmp_path / "out.zarr"
    setup_of(speed=("b", [1.0, 2.0])).xsim.run(MODEL, batch_dim="b", store=store)
    setup = setup_of(speed=("b", [3.0]))
    if mode == "w":
        result = setup.xsim.run(MODEL, batch_dim="b", store=store, mode=mode)
        assert result.wave__total.values.tolist() == [5]
    else:
        with pytest.raises(StoreExistsError):
            setup.xsim.run(MODEL, batch_dim="b", store=store, mode=mode)
        with xr.open_zarr(store) as opened:
            assert opened.sizes["b"] == 2


@pytest.mark.parametrize(
    "make", [lambda p: str(p), lambda p: p, LocalStore, lambda p: zarr.create_group(p, path="in/side")]
)
def test_places(tmp_path, make):
    """Anything that zarr writes to works: paths, stores, groups (DESIGN §S4)."""
    result = setup_of(speed=("b", [1.0, 2.0])).xsim.run(MODEL, batch_dim="b", store=make(tmp_path / "out.zarr"))
    assert result.wave__height.values[:, -1, 0].tolist() == [5, 10]
