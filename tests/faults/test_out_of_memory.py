"""Members that need more memory than there is: the others are not touched, and the sweep goes on later (§B6, §B7)."""

import os
import signal
import warnings
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from loky import get_reusable_executor

import xsim as xs

resource = pytest.importorskip("resource", reason="the limits of Unix")
if not Path("/proc/self/statm").exists() or not hasattr(resource, "RLIMIT_AS"):
    pytest.skip("needs a limit of the address space, and /proc", allow_module_level=True)

GIGA = 2**30
IN_PROCESSES = {"parallel": True, "scheduler": "processes", "workers": 2}


def address_space():
    return int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()


@xs.process
class Hungry:
    k = xs.variable()
    greedy = xs.variable(description="whether it wants more than there is")
    how = xs.variable()
    fed = xs.variable(description="file that says that there is enough")
    level = xs.variable(dims="x", intent="out")

    def initialize(self):
        self.level = np.full(3, float(self.k))

    @xs.runtime(args="step")
    def run_step(self, step):
        self.level = self.level + 1
        if self.greedy and step == 1 and not Path(self.fed).exists():
            self.eat()

    def eat(self):
        if self.how == "killed":
            os.kill(os.getpid(), signal.SIGKILL)  # which is what the system does when it runs out of memory
        soft, hard = resource.getrlimit(resource.RLIMIT_AS)
        room = GIGA // (64 if self.how == "for good" else 8)
        resource.setrlimit(resource.RLIMIT_AS, (address_space() + room, hard))
        try:
            if self.how == "numpy":
                np.ones(GIGA // 4)
            bytearray(2 * GIGA)
        finally:
            if self.how != "for good":
                resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


MODEL = xs.Model({"hungry": Hungry})
GREEDY = [False, True, False, False, True, False, False]


def run(how, folder, store, **options):
    setup = xs.create_setup(
        model=MODEL,
        clocks={"time": np.arange(4)},
        input_vars={
            "hungry__k": ("m", np.arange(7)),
            "hungry__greedy": ("m", GREEDY),
            "hungry__how": how,
            "hungry__fed": str(folder / "fed"),
        },
        output_vars={"hungry__level": "time"},
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", xs.BatchWarning)
        return setup.xsim.run(MODEL, batch_dim="m", store=store, on_error="continue", **options).load()


def check(how, tmp_path, exception, options):
    store = tmp_path / "out.zarr"
    result = run(how, tmp_path, store, **options)
    assert result.xsim_outcome.values.tolist() == ["failed" if greedy else "done" for greedy in GREEDY]
    assert set(result.xsim_exception.values[GREEDY]) == {exception}
    assert np.isnan(result.hungry__level.values[GREEDY]).all()
    assert (result.hungry__level.values[~np.array(GREEDY), -1] == np.arange(7)[~np.array(GREEDY), None] + 3).all()
    (tmp_path / "fed").touch()
    resumed = run(how, tmp_path, store, resume=True, **options)
    xs.testing.assert_identical_runs(resumed, run(how, tmp_path, None))
    done = ~np.array(GREEDY)
    assert (resumed.xsim_start.values[done] == result.xsim_start.values[done]).all()  # they have not run again
    return result


@pytest.mark.parametrize("block", [pytest.param(1, marks=pytest.mark.slow), 3])
@pytest.mark.parametrize(
    "options", [{}, {"parallel": True, "workers": 1}, IN_PROCESSES], ids=["here", "thread", "pool"]
)
@pytest.mark.parametrize(("how", "exception"), [("numpy", "_ArrayMemoryError"), ("bytes", "MemoryError")])
def test_memory_that_is_limited(tmp_path, how, exception, options, block):
    """A MemoryError is a failure of its member like any other, where the system limits memory (RLIMIT_AS)."""
    result = check(how, tmp_path, exception, {"block": block, **options})
    assert result.xsim_process.values[GREEDY].tolist() == ["hungry"] * 2
    assert result.xsim_step.values[GREEDY].tolist() == [1, 1]


@pytest.mark.slow
@pytest.mark.parametrize("block", [1, 3])
def test_a_worker_that_is_killed_for_memory(tmp_path, block):
    """A member whose worker the system kills has failed, alone, and the reason names what to look for."""
    result = check("killed", tmp_path, "WorkerError", {"block": block, **IN_PROCESSES})
    reasons = set(result.xsim_reason.values[GREEDY])
    assert len(reasons) == 1
    assert "SIGKILL(-9)" in reasons.pop()


@pytest.mark.slow
def test_memory_that_stays_short(tmp_path):
    """A worker that is left with too little memory to write ends the run at worst: what is called done is right."""
    store = tmp_path / "out.zarr"
    try:
        # Whether what has to be written still fits differs from one system to the next.
        with suppress(RuntimeError, MemoryError):
            run("for good", tmp_path, store, block=1, **IN_PROCESSES)
    finally:
        get_reusable_executor().shutdown(kill_workers=True)
    partial = xs.open_run(store).load()
    done = partial.xsim_outcome.values == "done"
    assert not done[GREEDY].any()
    np.testing.assert_array_equal(partial.hungry__level[done, -1, 0], np.flatnonzero(done) + 3.0)
    (tmp_path / "fed").touch()
    resumed = run("for good", tmp_path, store, resume=True)
    xs.testing.assert_identical_runs(resumed, run("for good", tmp_path, None))
