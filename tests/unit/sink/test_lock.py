"""Two coordinators on one store: the second is refused, naming the first (DESIGN §B7)."""

import os
import signal
import socket
import subprocess
import sys
import textwrap

import numpy as np
import pytest
from filelock import FileLock
from zarr.storage import MemoryStore

import xsim as xs
from xsim.sink import lock
from xsim.sink.lock import StoreLock

WHILE_RUNNING = []


@xs.process
class Waits:
    k = xs.variable()
    v = xs.variable(intent="out")

    def initialize(self):
        for act in WHILE_RUNNING:
            act()
        self.v = self.k


MODEL = xs.Model({"waits": Waits})


def setup_of(members=2):
    return xs.create_setup(
        model=MODEL,
        clocks={"time": [0, 1]},
        input_vars={"waits__k": ("m", np.arange(members))},
        output_vars={"waits__v": None},
    )


@pytest.fixture
def acts():
    WHILE_RUNNING.clear()
    yield WHILE_RUNNING
    WHILE_RUNNING.clear()


@pytest.mark.parametrize("memory", [False, True])
@pytest.mark.parametrize("options", [{"resume": True}, {"mode": "w"}, {}])
def test_the_second_is_refused(tmp_path, acts, options, memory):
    """While a run writes to a store another one is refused, whatever it wants, and the first is not disturbed."""
    store = {} if memory else tmp_path / "out.zarr"
    errors = []

    def second():
        acts.clear()
        with pytest.raises(xs.errors.StoreBusyError) as error:
            setup_of().xsim.run(MODEL, batch_dim="m", store=store, **options)
        errors.append(error.value)

    acts.append(second)
    result = setup_of().xsim.run(MODEL, batch_dim="m", store=store)
    assert result.waits__v.values.tolist() == [0, 1]
    (error,) = errors
    assert error.problem == "another run is writing to this store"
    assert error.got.startswith(f"process {os.getpid()} of ")
    assert f"on {socket.gethostname()}, since 20" in error.got
    assert error.remedy == "wait until it has ended, or stop it"
    setup_of().xsim.run(MODEL, batch_dim="m", store=store, mode="w")  # it is free again


def test_from_another_process(tmp_path, acts):
    """Another interpreter is refused too, and sees who is writing."""
    path = str(tmp_path / "out.zarr")
    script = f"""
        import sys
        sys.path.insert(0, {os.path.dirname(__file__)!r})
        import xarray as xr, xsim as xs, numpy as np
        import test_lock as here
        try:
            here.setup_of().xsim.run(here.MODEL, batch_dim="m", store={path!r}, resume=True)
        except xs.errors.StoreBusyError as error:
            print(error.got)
    """
    printed = []

    def second():
        acts.clear()
        command = [sys.executable, "-c", textwrap.dedent(script)]
        printed.append(subprocess.run(command, capture_output=True, text=True, check=True).stdout)

    acts.append(second)
    setup_of().xsim.run(MODEL, batch_dim="m", store=path)
    assert printed[0].startswith(f"process {os.getpid()} of ")


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="kills itself")
def test_a_dead_one_blocks_nobody(tmp_path):
    """A coordinator that was killed has left its store to the next one, and nothing beside it when that has ended."""
    path = str(tmp_path / "out.zarr")
    script = f"""
        import os, signal, sys
        sys.path.insert(0, {os.path.dirname(__file__)!r})
        import test_lock as here
        here.WHILE_RUNNING.append(lambda: os.kill(os.getpid(), signal.SIGKILL))
        here.setup_of().xsim.run(here.MODEL, batch_dim="m", store={path!r})
    """
    died = subprocess.run([sys.executable, "-c", textwrap.dedent(script)], capture_output=True, check=False)
    assert died.returncode == -signal.SIGKILL
    assert sorted(os.listdir(tmp_path)) == [".out.zarr.xsim-lock", "out.zarr"]
    setup_of().xsim.run(MODEL, batch_dim="m", store=path, resume=True)
    assert os.listdir(tmp_path) == ["out.zarr"]


def test_a_stopped_worker_is_waited_for_each_time(tmp_path, monkeypatch):
    """A worker of a dead run that does not end keeps the store from the next coordinator, and from all after it."""
    monkeypatch.setattr(lock, "PATIENCE", 0.05)
    setup_of().xsim.run(MODEL, batch_dim="m", store=tmp_path / "out.zarr")
    workers = tmp_path / ".out.zarr.xsim-workers"
    workers.mkdir()
    with FileLock(workers / "123.lock"):
        for _ in range(2):
            with pytest.raises(xs.errors.StoreBusyError, match="worker process 123 of a run that has been killed"):
                setup_of().xsim.run(MODEL, batch_dim="m", store=tmp_path / "out.zarr", resume=True)
    setup_of().xsim.run(MODEL, batch_dim="m", store=tmp_path / "out.zarr", resume=True)
    assert os.listdir(tmp_path) == ["out.zarr"]


@pytest.mark.skipif(os.name == "nt", reason="links need rights")
def test_links_lead_to_one_lock(tmp_path, acts):
    """A store is taken under whichever name."""
    (tmp_path / "link.zarr").symlink_to(tmp_path / "out.zarr")

    def second():
        acts.clear()
        with pytest.raises(xs.errors.StoreBusyError):
            setup_of().xsim.run(MODEL, batch_dim="m", store=tmp_path / "link.zarr", resume=True)

    acts.append(second)
    setup_of().xsim.run(MODEL, batch_dim="m", store=tmp_path / "out.zarr")
    assert not acts


def test_urls_are_taken_too(acts):
    """Within a process, a place that is named by a URL has one coordinator."""
    url = "memory://" + "".join(["test", "_lock.zarr"])

    def second():
        acts.clear()
        with pytest.raises(xs.errors.StoreBusyError):
            setup_of().xsim.run(MODEL, batch_dim="m", store="memory://" + "".join(["test", "_lock.zarr"]), resume=True)

    acts.append(second)
    setup_of().xsim.run(MODEL, batch_dim="m", store=url, mode="w")
    assert not acts


def test_single_runs_too(tmp_path, acts):
    """Single runs take their store as well, and give it back after a failure."""

    def second():
        acts.clear()
        with pytest.raises(xs.errors.StoreBusyError):
            setup_of().isel(m=0).xsim.run(MODEL, store=tmp_path / "out.zarr")
        raise ValueError("on purpose")

    acts.append(second)
    with pytest.raises(ValueError, match="on purpose"):
        setup_of().isel(m=0).xsim.run(MODEL, store=tmp_path / "out.zarr")
    setup_of().isel(m=0).xsim.run(MODEL, store=tmp_path / "out.zarr", mode="w")
    assert os.listdir(tmp_path) == ["out.zarr"]


def test_whether_anybody_has_it(tmp_path):
    """The lock of a file system, and of a store in memory, tells whether a coordinator has it; that of a URL cannot."""
    for path, store in ((tmp_path / "x.zarr", None), (None, MemoryStore())):
        holder, other = StoreLock(path, store), StoreLock(path, store)
        assert other.is_free() is True
        holder.acquire()
        assert other.is_free() is False
        assert holder.is_free() is False
        holder.release()
        assert other.is_free() is True
    assert StoreLock(None, "s3://somewhere/x.zarr").is_free() is None
    assert StoreLock(tmp_path / "not" / "there" / "x.zarr", None).is_free() is None


def test_to_look_takes_nothing(tmp_path):
    """Who looks leaves the lock, and what it says of its holder, as they are."""
    holder = StoreLock(tmp_path / "x.zarr", None)
    holder.acquire()
    said = (tmp_path / ".x.zarr.xsim-lock").read_text()
    assert StoreLock(tmp_path / "x.zarr", None).is_free() is False
    assert (tmp_path / ".x.zarr.xsim-lock").read_text() == said
    holder.release()
    assert list(tmp_path.iterdir()) == []
