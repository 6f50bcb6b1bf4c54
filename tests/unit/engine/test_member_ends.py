"""How members end: retries, time limits, workers that die (DESIGN §B6)."""

import os
import signal
import time
import warnings

import numpy as np
import pytest
import xarray as xr

import xsim as xs
from xsim.engine.executors import processes

PROCESSES = {"parallel": True, "workers": 2, "scheduler": "processes"}


@xs.process
class Fate:
    what = xs.variable(default="")
    flag = xs.variable(default="")
    value = xs.variable(intent="out")

    def initialize(self):
        self.value = 0

    @xs.runtime(args="step")
    def run_step(self, step):
        if step == 1 and self.what:
            self._meet()
        self.value += 1

    def _meet(self):
        if self.what == "exit":
            os._exit(3)
        if self.what == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        if self.what == "hang":
            time.sleep(600)
        if self.what == "slow":
            time.sleep(1.2)
        if self.what == "raise":
            raise ValueError("always")
        if self.what.startswith("once") and not os.path.exists(f"{self.flag}{self.what}"):
            open(f"{self.flag}{self.what}", "w").close()
            if self.what == "once exit":
                os._exit(1)
            raise ValueError("once")


MODEL = xs.Model({"fate": Fate})


def run(tmp_path, whats, store=None, **options):
    whats = np.array(whats, dtype=object)
    setup = xs.create_setup(
        model=MODEL,
        clocks={"time": range(4)},
        input_vars={"fate__what": ("m", whats), "fate__flag": str(tmp_path / "flag")},
        output_vars={"fate__value": "time"},
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", xs.BatchWarning)
        result = setup.xsim.run(MODEL, batch_dim="m", store=store, on_error="continue", **options).load()
    done = result.xsim_outcome == "done"
    np.testing.assert_array_equal(result.fate__value[done.values], np.tile([1, 2, 3, 3], (int(done.sum()), 1)))
    assert result.fate__value[~done.values].isnull().all()
    return result


def outcomes(result):
    return result.xsim_outcome.values.tolist()


@pytest.mark.parametrize("options", [{}, {"block": 1}, {"parallel": True, "workers": 2}, PROCESSES])
def test_retries(tmp_path, options):
    """A member that fails runs again, as often as retries= says."""
    store = tmp_path / "out.zarr"
    result = run(tmp_path, ["", "once", "raise"], store, retries=1, **options)
    assert outcomes(result) == ["done", "done", "failed"]
    os.unlink(f"{tmp_path / 'flag'}once")
    result = run(tmp_path, ["", "once", "raise"], **options)
    assert outcomes(result) == ["done", "failed", "failed"]


@pytest.mark.slow
@pytest.mark.parametrize(("stored", "block"), [(True, None), (True, 1), (False, None), (False, 1)])
def test_workers_that_die(tmp_path, stored, block):
    """A worker's death costs only the member that caused it; its record says how the worker ended."""
    whats = [""] * 4 + ["exit"] + [""] * 4 + ["kill"] + [""] * 4
    result = run(tmp_path, whats, tmp_path / "out.zarr" if stored else None, block=block, **PROCESSES)
    assert outcomes(result) == ["failed" if what else "done" for what in whats]
    assert result.xsim_exception.values[4] == result.xsim_exception.values[9] == "WorkerError"
    assert result.xsim_reason.values[4] == (
        "WorkerError: the worker process that ran this member ended\n"
        "  got: exit code EXIT(3)\n"
        "  expected: a worker that lives on, whatever its member does\n"
        "  remedy: look for what ends a process: memory that runs out, os._exit, a crash in compiled code"
    )
    assert "SIGKILL(-9)" in result.xsim_reason.values[9]


def test_a_worker_that_dies_once(tmp_path):
    """A member whose worker died, for whatever reason, has another try before it counts as failed."""
    result = run(tmp_path, ["", "once exit", "", ""], **PROCESSES)
    assert outcomes(result) == ["done"] * 4


@pytest.mark.parametrize("options", [{}, {"block": 1}, {"parallel": True, "workers": 2}, PROCESSES])
def test_time_limit(tmp_path, monkeypatch, options):
    """A member that takes too long stops between two steps, as timed out, and is not tried again."""
    monkeypatch.setattr(processes, "GRACE", 60.0)  # it stops by itself, also where that takes a while
    result = run(tmp_path, ["", "slow", ""], time_limit=1.0, retries=2, **options)
    assert outcomes(result) == ["done", "timed out", "done"]
    assert result.xsim_exception.values[1] == "TimeLimitError"
    assert result.xsim_step.values[1] == 1
    assert result.attrs["xsim_summary"].splitlines()[0] == "2 of 3 members done, 1 timed out"


@pytest.mark.slow
@pytest.mark.parametrize("stored", [True, False])
def test_a_step_that_never_ends(tmp_path, monkeypatch, stored):
    """A worker process is ended when its member does not come out of a step in time; the others are not touched."""
    monkeypatch.setattr(processes, "GRACE", 0.0)
    whats = [""] * 3 + ["hang"] + [""] * 3 + ["hang"] + [""] * 3
    result = run(tmp_path, whats, tmp_path / "out.zarr" if stored else None, time_limit=2.0, **PROCESSES)
    assert outcomes(result) == ["timed out" if what else "done" for what in whats]
    assert (result.xsim_seconds.values[[3, 7]] < 300).all()


def test_the_error_of_a_time_limit(tmp_path):
    """Where failures raise, a time limit raises a TimeoutError."""
    setup = xs.create_setup(model=MODEL, clocks={"time": range(4)}, input_vars={"fate__what": ("m", ["slow"])})
    with pytest.raises(TimeoutError) as error:
        setup.xsim.run(MODEL, batch_dim="m", time_limit=0.1)
    assert isinstance(error.value, xs.errors.BatchError)
    assert isinstance(error.value.__cause__, xs.errors.TimeLimitError)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"retries": -1}, "retries=-1 makes no sense\n  expected: a natural number"),
        ({"retries": 1.0}, "retries=1.0 makes no sense\n  expected: a natural number"),
        (
            {"time_limit": 0},
            "time_limit=0 makes no sense\n  expected: seconds, a datetime.timedelta, or None for no limit",
        ),
        (
            {"time_limit": "1h"},
            "time_limit='1h' makes no sense\n  expected: seconds, a datetime.timedelta, or None for no limit",
        ),
    ],
)
def test_options_that_make_no_sense(options, message):
    """Numbers that are none are refused."""
    with pytest.raises(xs.errors.OptionError) as error:
        xr.Dataset().xsim.run(MODEL, **options)
    assert str(error.value) == message


@pytest.mark.slow
def test_many_members_after_a_death(tmp_path):
    """Outcomes and values of many members are right when workers die among them, now and then."""
    whats = np.array([""] * 60, dtype=object)
    whats[[7, 8, 31, 59]] = "exit"
    result = run(tmp_path, whats, tmp_path / "out.zarr", block=5, **PROCESSES)
    assert outcomes(result) == ["failed" if what else "done" for what in whats]
