"""Chunks of many members, under every executor: none is lost, none is in the wrong place (DESIGN §B1, §B3)."""

import numpy as np
import pytest
import xarray as xr

import xsim as xs

WAYS = {
    "sequential": {},
    "threads": {"parallel": True, "workers": 4},
    "processes": {"parallel": True, "scheduler": "processes", "workers": 2},
}
every_way = pytest.mark.parametrize("way", WAYS)


@xs.process
class Small:
    k = xs.variable()
    value = xs.variable(intent="out")
    herd = xs.variable(dims="y", intent="out")

    def initialize(self):
        self.value = float(self.k)
        self.herd = np.full(int(self.k) % 3, self.k)

    def run_step(self):
        self.value += 0.5


MODEL = xs.Model({"small": Small})


def check(members, store, **options):
    k = np.random.default_rng(0).permutation(members)
    setup = xs.create_setup(
        model=MODEL,
        clocks={"time": [0, 1, 2]},
        input_vars={"small__k": ("m", k)},
        output_vars={"small__value": "time", "small__herd": None},
    )
    setup.xsim.run(MODEL, batch_dim="m", store=store, **options)
    found = xr.open_zarr(store)
    assert found.xsim_outcome.values.tolist() == ["done"] * members
    np.testing.assert_array_equal(found.small__value, k[:, None] + np.array([0.5, 1.0, 1.0]))
    expected = np.where(np.arange(2) < (k % 3)[:, None], k[:, None], np.nan)
    np.testing.assert_array_equal(found.small__herd, expected)
    return found


@every_way
@pytest.mark.parametrize("chunk", [50, pytest.param(7, marks=pytest.mark.slow)])
def test_chunks_of_many_members(tmp_path, way, chunk):
    """Two hundred members share chunks of fifty, which are written once each."""
    found = check(200, tmp_path / "out.zarr", encoding={"small__value": {"chunks": (chunk,)}}, **WAYS[way])
    assert found.small__value.encoding["chunks"][0] == chunk
    files = [path for path in (tmp_path / "out.zarr" / "small__value" / "c").rglob("*") if path.is_file()]
    assert len(files) == -(-200 // chunk)


@pytest.mark.parametrize("way", ["threads", pytest.param("processes", marks=pytest.mark.slow)])
def test_blocks_smaller_than_chunks(tmp_path, way):
    """With a lock, tasks of a few members share chunks of fifty, and no update is lost (§B4)."""
    synchronizer = xs.ThreadSynchronizer() if way == "threads" else xs.ProcessSynchronizer(tmp_path / "locks")
    encoding = {name: {"chunks": (50,), "synchronizer": synchronizer} for name in ("small__value", "small__herd")}
    check(200, tmp_path / "out.zarr", encoding=encoding, block=3, **WAYS[way])


@pytest.mark.slow
@every_way
def test_ten_thousand_members(tmp_path, way):
    """Ten thousand members end, each in its place."""
    check(10_000, tmp_path / "out.zarr", **WAYS[way])


@pytest.mark.slow
@every_way
def test_ten_thousand_members_are_resumed(tmp_path, way):
    """Members are appended by the thousand, too."""
    check(4_000, tmp_path / "out.zarr", block=300, **WAYS[way])
    journal = xr.open_zarr(tmp_path / "out.zarr", consolidated=False).xsim_start.values
    store = tmp_path / "out.zarr"
    k = np.random.default_rng(0).permutation(4_000)
    setup = xs.create_setup(
        model=MODEL,
        clocks={"time": [0, 1, 2]},
        input_vars={"small__k": ("m", np.concatenate([k, np.arange(4_000, 10_000)]))},
        output_vars={"small__value": "time", "small__herd": None},
    )
    result = setup.xsim.run(MODEL, batch_dim="m", store=store, resume=True, **WAYS[way])
    assert (result.xsim_outcome == "done").all()
    assert (result.xsim_start.values[:4_000] == journal).all()
    np.testing.assert_array_equal(result.small__value[:, -1], setup.small__k + 1.0)
