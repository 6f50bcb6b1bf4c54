"""A setup may come, lazily, from the very store that a run replaces; nothing is lost then (DESIGN §B7)."""

import numpy as np
import pytest
import xarray as xr
import zarr

import xsim as xs


@xs.process
class Sum:
    k = xs.variable()
    wind = xs.variable(dims="y")
    total = xs.variable(intent="out")

    def initialize(self):
        self.total = float(self.k + self.wind.sum())


MODEL = xs.Model({"sum": Sum})
WIND = np.arange(12.0)


def setup_of(members):
    return xs.create_setup(
        model=MODEL,
        clocks={"time": [0, 1]},
        input_vars={"sum__k": ("m", np.arange(members)), "sum__wind": ("y", WIND)},
        output_vars={"sum__total": None},
    ).assign(mine=("y", WIND * 2))


def appended(path, members):
    """Give the setup in a store, lazily, with members appended."""
    stored = xs.open_run(path, chunks={})
    more = setup_of(members)
    return more.assign(sum__wind=stored.sum__wind.variable, mine=stored.mine.variable)


def check(found, members):
    assert found.sum__total.values.tolist() == (np.arange(members) + WIND.sum()).tolist()
    assert found.sum__k.values.tolist() == list(range(members))
    assert found.sum__wind.values.tolist() == WIND.tolist()
    assert found.mine.values.tolist() == (WIND * 2).tolist()


@pytest.fixture
def nothing_is_small(monkeypatch):
    """Let inputs of more than three numbers be so large that they are read where needed (§B10)."""
    monkeypatch.setattr("xsim.plan.inputs.LARGEST_IN_MEMORY", 24)
    monkeypatch.setattr("xsim.sink.origin.LARGEST_IN_MEMORY", 24)


def stores(tmp_path):
    return [str(tmp_path / "out.zarr"), zarr.storage.MemoryStore(), zarr.storage.LocalStore(tmp_path / "other.zarr")]


@pytest.mark.parametrize("number", range(3))
def test_small_values_are_read_before_the_store_is_replaced(tmp_path, number):
    """A run may replace the store that its setup comes from; what it returns is right too."""
    store = stores(tmp_path)[number]
    setup_of(3).xsim.run(MODEL, batch_dim="m", store=store)
    lazy = xr.open_zarr(store, chunks={})
    check(lazy.xsim.run(MODEL, batch_dim="m", store=store, mode="w"), 3)
    check(xr.open_zarr(store), 3)
    single = xr.open_zarr(store, chunks={}).isel(m=1).drop_vars("sum__total")
    result = single.xsim.run(MODEL, store=store, mode="w")
    assert result.sum__total == 1 + WIND.sum()
    assert result.mine.values.tolist() == (WIND * 2).tolist()


@pytest.mark.parametrize("number", range(3))
@pytest.mark.usefixtures("nothing_is_small")
def test_large_values_of_the_store_itself_are_refused(tmp_path, number):
    """Values too large to be held are not deleted before they are used: the run is refused, and the store as it was."""
    store = stores(tmp_path)[number]
    setup_of(3).xsim.run(MODEL, batch_dim="m", store=store)
    lazy = xr.open_zarr(store, chunks={}, drop_variables=["mine"])
    for derived in (lazy, lazy.assign(sum__wind=lazy.sum__wind * 1)):
        with pytest.raises(xs.errors.StoreError) as error:
            derived.xsim.run(MODEL, batch_dim="m", store=store, mode="w")
        assert str(error.value) == (
            "variable 'sum__wind' of the setup is read from the store in which it is to be replaced\n"
            f"  got: 96 B that are not in memory, in '{store}'\n"
            "  expected: values that stay where they are while members run\n"
            "  remedy: setup['sum__wind'].load() reads them first, if they fit into memory; or run into another store"
        )
    check(xr.open_zarr(store), 3)
    lazy["sum__wind"].load()
    lazy.xsim.run(MODEL, batch_dim="m", store=store, mode="w")
    assert xr.open_zarr(store).sum__total.values.tolist() == (np.arange(3) + WIND.sum()).tolist()


@pytest.mark.usefixtures("nothing_is_small")
def test_large_values_of_another_store_stay_there(tmp_path):
    """Values that come from elsewhere are read where they are."""
    setup_of(3).xsim.run(MODEL, batch_dim="m", store=tmp_path / "one.zarr")
    setup_of(3).xsim.run(MODEL, batch_dim="m", store=tmp_path / "other.zarr")
    lazy = xr.open_zarr(tmp_path / "one.zarr", chunks={})
    result = lazy.xsim.run(MODEL, batch_dim="m", store=tmp_path / "other.zarr", mode="w")
    assert result.sum__wind.chunks
    check(result, 3)
    check(xr.open_zarr(tmp_path / "other.zarr"), 3)


@pytest.mark.usefixtures("nothing_is_small")
def test_what_stays_as_it_is_may_come_from_the_store(tmp_path):
    """Values without the batch dimension stay when members are appended, and may come from the store."""
    setup_of(3).xsim.run(MODEL, batch_dim="m", store=tmp_path / "out.zarr")
    check(
        appended(tmp_path / "out.zarr", 5).xsim.run(MODEL, batch_dim="m", store=tmp_path / "out.zarr", resume=True), 5
    )
    check(xr.open_zarr(tmp_path / "out.zarr"), 5)


def test_chunks_of_all_sizes(tmp_path):
    """A lazy setup is stored whatever its chunks, as those of pieces put one after the other."""
    setup = setup_of(8).chunk({"m": (3, 3, 1, 1), "y": (2, 5, 5)})
    check(setup.xsim.run(MODEL, batch_dim="m", store=tmp_path / "out.zarr"), 8)
    check(xr.open_zarr(tmp_path / "out.zarr"), 8)
