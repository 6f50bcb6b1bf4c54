"""What members have done when a batch is interrupted is kept, wherever it was then (DESIGN §R4)."""

import warnings

import numpy as np
import pytest
import xarray as xr
import zarr

import xsim as xs

STOP = [True]


@xs.process
class Herd:
    k = xs.variable()
    stops = xs.variable(default=False)
    x = xs.index(dims="x")
    size = xs.variable(intent="out")
    herd = xs.variable(dims="y", intent="out")

    def initialize(self):
        self.x = np.arange(3) + int(self.k)
        self.size = self.k
        self.herd = np.full(int(self.k) + 1, self.k)

    @xs.runtime(args="step")
    def run_step(self, step):
        if step == 1 and self.stops and STOP[0]:
            raise KeyboardInterrupt
        self.size = self.size + 1


MODEL = xs.Model({"herd": Herd})
MEMBERS = 8


@pytest.fixture(autouse=True)
def _stops():
    STOP[0] = True


def setup_of(stops):
    return xs.create_setup(
        model=MODEL,
        clocks={"time": [0, 1, 2]},
        input_vars={"herd__k": ("m", np.arange(MEMBERS)), "herd__stops": ("m", np.arange(MEMBERS) == stops)},
        output_vars={"herd__size": "time", "herd__herd": None},
    )


def interrupted(stops, store, **options):
    """Interrupt a run; give which members are done, once it is clear that what they saved is there."""
    with pytest.raises(KeyboardInterrupt):
        setup_of(stops).xsim.run(MODEL, batch_dim="m", store=store, **options)
    return check(getattr(store, "store", store))


def check(store):
    expected = setup_of(-1).xsim.run(MODEL, batch_dim="m")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # sessions of icechunk have no consolidated metadata
        found = xr.open_zarr(store).load()
    done = np.flatnonzero(found.get("xsim_outcome", np.empty(0, object)) == "done")
    for member in done:
        for name in ("x", "herd__size", "herd__herd"):
            values = found[name].isel(m=member) if "m" in found[name].dims else found[name]
            wanted = expected[name].isel(m=member).dropna(expected[name].dims[-1])
            np.testing.assert_array_equal(values[: wanted.size], wanted)
            assert values[wanted.size :].isnull().all()
    return done.tolist()


def goes_on(stops, store, left, **options):
    """Resume, which runs the others only, and ends with what an uninterrupted run gives."""
    STOP[0] = False
    before = xs.open_run(store).get("xsim_start", xr.DataArray("")).values
    setup_of(stops).xsim.run(MODEL, batch_dim="m", store=store, resume=True, **options)
    assert np.flatnonzero(xs.open_run(store).xsim_start.values != before).tolist() == left
    assert check(store) == list(range(MEMBERS))


@pytest.mark.parametrize("block", [1, 3, 8])
def test_members_of_the_block_that_was_interrupted(tmp_path, block):
    """Members written with the block that was interrupted count for sizes and index variables, as all others."""
    store = str(tmp_path / "out.zarr")
    assert interrupted(5, store, block=block) == [0, 1, 2, 3, 4]
    goes_on(5, store, [5, 6, 7])


@pytest.mark.parametrize("scheduler", ["threads", "processes"])
def test_first_members(tmp_path, scheduler):
    """Members that were done before there were any arrays are saved."""
    options = {"parallel": True, "scheduler": scheduler, "workers": 3}
    store = str(tmp_path / "out.zarr")
    done = interrupted(2, store, **options)
    assert set(done) <= {0, 1}
    if scheduler == "threads":  # processes are killed
        assert done == [0, 1]
    goes_on(2, store, [m for m in range(MEMBERS) if m not in done])


def test_blocks_that_are_written_by_the_coordinator():
    """So are those of a block whose worker cannot write, since the store is in the memory of the coordinator."""
    store = zarr.storage.MemoryStore()
    options = {"parallel": True, "scheduler": "processes", "workers": 1, "block": 3}
    done = interrupted(5, store, **options)
    assert done in ([0, 1, 2, 3, 4], [0, 1, 2, 3, 4, 6, 7])  # the last block may be done before the worker is ended
    goes_on(5, store, [m for m in range(MEMBERS) if m not in done])


@pytest.mark.parametrize("options", [{"block": 3}, {"block": 3, "parallel": True, "workers": 2}])
def test_stores_that_take_chunks_in_order(options):
    """So are those of a store that only the coordinator writes to."""
    icechunk = pytest.importorskip("icechunk")
    repository = icechunk.Repository.create(icechunk.in_memory_storage())
    done = interrupted(5, repository.writable_session("main"), **options)
    assert done[:5] == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("options", [{"block": 2}, {"block": 1}, {}])
def test_threads_that_go_on_to_their_end(tmp_path, options):
    """Threads cannot be ended: what they do after the interrupt is kept too."""
    store = str(tmp_path / "out.zarr")
    done = interrupted(4, store, parallel=True, workers=3, **options)
    assert done[:4] == [0, 1, 2, 3]
    goes_on(4, store, [m for m in range(MEMBERS) if m not in done])
