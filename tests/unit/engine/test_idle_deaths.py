"""Worker processes that end while they run no member cost nothing, unless they do so again and again (DESIGN §B6)."""

import os
import signal
import time

import numpy as np
import pytest

import xsim as xs
from xsim.engine.batch import _shapes
from xsim.engine.executors.processes import ProcessExecutor
from xsim.engine.executors.worker import is_alone
from xsim.errors import WorkerError

PROCESSES = {"parallel": True, "scheduler": "processes", "workers": 2}


@xs.process
class Double:
    k = xs.variable()
    out = xs.variable(intent="out")

    def initialize(self):
        self.out = self.k * 2.0


MODEL = xs.Model({"double": Double})
SETUP = xs.create_setup(
    model=MODEL, clocks={}, input_vars={"double__k": ("b", np.arange(8))}, output_vars={"double__out": None}
)


@pytest.mark.skipif(os.name == "nt", reason="there is no SIGKILL")
def test_idle_workers_are_started_again(monkeypatch, tmp_path):
    """Workers that somebody ends between two members, as the system does for want of memory, are started again."""
    pools, ended = [], []
    make_pool = ProcessExecutor._make_pool

    def keep_pool(executor):
        make_pool(executor)
        pools.append(executor._pool)

    def end_workers(pilots):
        for pid in list(pools[-1]._processes):
            os.kill(pid, signal.SIGKILL)
            ended.append(pid)
        end = time.monotonic() + 60
        while pools[-1]._flags.broken is None and time.monotonic() < end:  # until the pool has seen it
            time.sleep(0.01)
        return _shapes(pilots)

    monkeypatch.setattr(ProcessExecutor, "_make_pool", keep_pool)
    monkeypatch.setattr("xsim.engine.batch._shapes", end_workers)
    result = SETUP.xsim.run(MODEL, batch_dim="b", block=1, store=tmp_path / "out.zarr", **PROCESSES)
    assert len(ended) == len(pools) == 2
    assert (result.xsim_outcome == "done").all()
    assert result.double__out.values.tolist() == [0, 2, 4, 6, 8, 10, 12, 14]


class EndsWhereItArrives(xs.RuntimeHook):
    def __reduce__(self):
        return os._exit, (5,)

    @xs.runtime_hook("initialize")
    def hook(self, model, context, state):
        pass


@pytest.mark.slow
def test_workers_that_never_get_to_a_member():
    """After a few starts without any member finished the run ends, and says what ended the workers."""
    with pytest.raises(WorkerError) as error:
        SETUP.xsim.run(MODEL, batch_dim="b", hooks=[EndsWhereItArrives()], **PROCESSES)
    first, got, remedy = str(error.value).splitlines()
    assert first == "worker processes end before they have started a member"
    assert got in (
        f"  got: exit code {codes}, 4 times with no member finished in between"
        for codes in ("EXIT(5)", "EXIT(5), EXIT(5)")
    )
    assert (
        remedy == "  remedy: members that are done are saved; look for what ends a process: memory, os._exit, a crash"
    )
    assert (SETUP.xsim.run(MODEL, batch_dim="b", **PROCESSES).xsim_outcome == "done").all()


class Parent:
    def __init__(self, alive):
        self.is_alive = lambda: alive


def test_how_workers_see_that_their_coordinator_has_died():
    """By the number of their parent process or, where that stays as it was, by a handle on it."""
    assert not is_alone(os.getppid(), None)
    assert is_alone(os.getppid() + 1, None)
    assert not is_alone(-1, Parent(alive=True))
    assert is_alone(os.getppid(), Parent(alive=False))
