"""Tasks that share a chunk lose no update, given a lock that reaches all of them (DESIGN §B4)."""

import os
import threading

import numpy as np
import pytest
import xarray as xr

import xsim as xs

MEMBERS, CHUNK = 60, 50


@xs.process
class Wave:
    k = xs.variable()
    v = xs.variable(dims="x", intent="out")
    total = xs.variable(intent="out")

    def initialize(self):
        self.v = np.zeros(5)

    def run_step(self):
        self.v = self.v + self.k + 1
        self.total = float(self.v.sum())


MODEL = xs.Model({"wave": Wave})


def setup_of(members=MEMBERS):
    return xs.create_setup(
        model=MODEL,
        clocks={"time": [0, 1, 2]},
        input_vars={"wave__k": ("m", np.arange(members))},
        output_vars={"wave__v": "time", "wave__total": None},
    )


def run(store, synchronizer, **options):
    encoding = {name: {"chunks": (CHUNK,), "synchronizer": synchronizer} for name in ("wave__v", "wave__total")}
    return setup_of().xsim.run(MODEL, batch_dim="m", store=store, encoding=encoding, **options)


def lost(result):
    return np.flatnonzero(result.wave__total.values != np.arange(1, MEMBERS + 1) * 10)


def synchronizer_of(kind, folder):
    return xs.ThreadSynchronizer() if kind == "threads" else xs.ProcessSynchronizer(folder / "locks")


@pytest.mark.parametrize("block", [1, 7, None])
@pytest.mark.parametrize("kind", ["threads", "processes"])
def test_threads_lose_nothing(tmp_path, kind, block):
    """Threads that write into one chunk lose nothing, and the chunks are as large as asked for."""
    synchronizer = synchronizer_of(kind, tmp_path)
    result = run(tmp_path / "out.zarr", synchronizer, parallel=True, workers=4, block=block)
    assert lost(result).tolist() == []
    assert xr.open_zarr(tmp_path / "out.zarr").wave__v.encoding["chunks"][0] == CHUNK


@pytest.mark.parametrize("block", [1, 7])
def test_processes_lose_nothing(tmp_path, block):
    """Nor do worker processes."""
    synchronizer = synchronizer_of("processes", tmp_path)
    result = run(tmp_path / "out.zarr", synchronizer, parallel=True, workers=2, scheduler="processes", block=block)
    assert lost(result).tolist() == []


class Nothing:
    """Is called as a lock is, and holds nobody back; waits, so that others come in between."""

    def hold(self, array, chunks):
        self.barrier.acquire()
        return self

    barrier = threading.Semaphore(1000)

    def __enter__(self):
        return None

    def __exit__(self, *exception):
        return None


def test_without_a_lock_updates_are_lost(tmp_path):
    """The lock is what keeps the updates: without it some are lost."""
    for attempt in range(20):
        result = run(tmp_path / f"{attempt}.zarr", Nothing(), parallel=True, workers=8, block=1)
        if lost(result).size:
            return
    raise AssertionError("nothing was ever lost; this test shows nothing")


@pytest.mark.parametrize("kind", ["threads", "processes"])
def test_failed_members_leave_others_alone(tmp_path, kind):
    """Erasing what a failed member has streamed, and running it again, touches no other member of its chunk."""

    @xs.process
    class Fails:
        k = xs.variable()
        v = xs.variable(intent="out")

        @xs.runtime(args="step")
        def run_step(self, step):
            self.v = self.k
            if step == 1 and self.k == 3 and not (tmp_path / "again").exists():
                raise ValueError("first")

    model = xs.Model({"fails": Fails})
    setup = xs.create_setup(
        model=model,
        clocks={"time": [0, 1, 2]},
        input_vars={"fails__k": ("m", np.arange(8.0))},
        output_vars={"fails__v": "time"},
    )
    encoding = {"fails__v": {"chunks": (8, 1), "synchronizer": synchronizer_of(kind, tmp_path)}}
    options = {"batch_dim": "m", "store": tmp_path / "out.zarr", "encoding": encoding, "block": 1}
    with pytest.warns(xs.BatchWarning):
        result = setup.xsim.run(model, on_error="continue", **options)
    assert np.flatnonzero(result.fails__v.isnull().any("time")).tolist() == [3]
    (tmp_path / "again").touch()
    result = setup.xsim.run(model, resume=True, **options)
    np.testing.assert_array_equal(result.fails__v, np.arange(8.0)[:, None] + np.zeros(3))


def test_a_lock_of_threads_with_processes_is_refused(tmp_path):
    """A lock that cannot reach all who write is refused before anything is written."""
    with pytest.raises(xs.errors.OptionError) as error:
        run(tmp_path / "out.zarr", xs.ThreadSynchronizer(), parallel=True, workers=2, scheduler="processes")
    assert str(error.value) == (
        "the synchronizer of output 'wave__v' cannot work: threads of other processes do not see its locks\n"
        "  got: ThreadSynchronizer() and scheduler='processes'\n"
        "  expected: a lock that all workers share\n"
        "  remedy: xs.ProcessSynchronizer(path); or leave it out: blocks of whole chunks need no lock"
    )
    assert os.listdir(tmp_path) == []


def test_something_else_is_refused(tmp_path):
    """What is no lock is refused."""
    with pytest.raises(xs.errors.OptionError) as error:
        run(tmp_path / "out.zarr", "lock")
    assert str(error.value) == (
        "the synchronizer of output 'wave__v' is none\n"
        "  got: str: 'lock'\n"
        "  expected: xs.ThreadSynchronizer() or xs.ProcessSynchronizer(path)"
    )
