"""External programs in runs: single ones, batches, and runs that are killed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import xsim as xs


@xs.process
class Solver:
    """Runs a program in each step."""

    code = xs.variable(static=True)
    cost = xs.variable(intent="out")

    @xs.runtime(args="job, step")
    def run_step(self, job, step):
        (job.scratch / "in.txt").write_text(str(step))
        job.run([sys.executable, "-c", self.code], produces="out.txt")
        self.cost = float((job.scratch / "out.txt").read_text())


MODEL = xs.Model({"solver": Solver})
GOOD = "open('out.txt', 'w').write(str(2 * int(open('in.txt').read())))"
BAD = "import sys; open('out.txt', 'w').write('7'); sys.exit('infeasible')"


def test_a_single_run(tmp_path: Path) -> None:
    """A program runs in each step, its use is an attribute of the result, and no folder is left."""
    setup = xs.create_setup(
        MODEL, {"t": [0, 1, 2]}, input_vars={"solver__code": GOOD}, output_vars={"solver__cost": "t"}
    )
    result = setup.xsim.run(MODEL, scratch=tmp_path)
    np.testing.assert_array_equal(result.solver__cost, [0.0, 2.0, 2.0])
    programs = json.loads(result.attrs["xsim_programs"])
    assert [(each["process"], each["exit_code"]) for each in programs] == [("solver", 0)] * 2
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("scheduler", ["synchronous", "threads", "processes"])
def test_a_batch(tmp_path: Path, scheduler: str) -> None:
    """Members run programs at the same time, each in its own folder; that of a failure is kept (§B6)."""
    codes = [GOOD, BAD, GOOD, GOOD]
    setup = xs.create_setup(
        MODEL, {"t": [0, 1, 2]}, input_vars={"solver__code": ("member", codes)}, output_vars={"solver__cost": None}
    )
    store = tmp_path / "sweep.zarr"
    options = {"store": store, "parallel": True, "scheduler": scheduler, "workers": 2, "on_error": "continue"}
    with pytest.warns(xs.BatchWarning):
        result = setup.xsim.run(MODEL, "member", **options)
    np.testing.assert_array_equal(result.solver__cost, [2.0, np.nan, 2.0, 2.0])
    assert list(result.xsim_outcome.values) == ["done", "failed", "done", "done"]
    scratch = tmp_path / "sweep.zarr.scratch"
    kept = scratch / "member-000001" / "solver"
    assert [path.name for path in scratch.iterdir()] == ["member-000001"]
    assert (kept / "1.err").read_text().strip() == "infeasible"


def test_time_limit_of_members(tmp_path: Path, over_when_begun: float) -> None:
    """A member whose program takes too long is timed out, also within one step."""
    never = "import time; open('begun', 'w').close(); time.sleep(600)"
    setup = xs.create_setup(
        MODEL,
        input_vars={"solver__code": ("member", [GOOD, never])},
        output_vars={"solver__cost": None},
    )
    with pytest.warns(xs.BatchWarning):
        result = setup.xsim.run(MODEL, "member", time_limit=over_when_begun, on_error="continue", scratch=tmp_path)
    assert list(result.xsim_outcome.values) == ["done", "timed out"]


def test_run_process_gives_a_job() -> None:
    """A process class that runs programs can be tested alone."""
    assert xs.testing.run_process(Solver, {"code": GOOD}, steps=1).process.cost == 0.0


SCRIPT = """
import sys
sys.path.insert(0, {here!r})
import xsim as xs

@xs.process
class Solver:
    code = xs.variable(static=True)
    cost = xs.variable(intent="out")

    @xs.runtime(args="job")
    def run_step(self, job):
        job.run([sys.executable, "-c", self.code])

model = xs.Model({{"solver": Solver}})
setup = xs.create_setup(model, input_vars={{"solver__code": ("member", [{code!r}] * 4)}})
setup.xsim.run(model, "member", parallel=True, scheduler={scheduler!r}, workers=2, store={store!r})
"""


@pytest.mark.skipif(os.name == "nt", reason="signals are POSIX's")
@pytest.mark.parametrize(
    "scheduler", ["synchronous", *(pytest.param(each, marks=pytest.mark.slow) for each in ("threads", "processes"))]
)
def test_no_program_outlives_a_killed_run(
    tmp_path: Path, scheduler: str, alive: Callable[[str], list[int]], gone: Callable[[str], bool]
) -> None:
    """After kill -9 of the coordinator nothing is left soon."""
    marker = f"xsim_killed_{os.getpid()}_{scheduler}"
    code = f"import time; '{marker}'; time.sleep(600)"
    script = tmp_path / "script.py"
    script.write_text(
        SCRIPT.format(here=os.getcwd(), code=code, scheduler=scheduler, store=str(tmp_path / "sweep.zarr"))
    )
    run = subprocess.Popen([sys.executable, script])
    try:
        end = time.monotonic() + 300
        while len(alive(marker)) < 2 and time.monotonic() < end:  # the program and its supervisor
            time.sleep(0.05)
        assert alive(marker)
    finally:
        os.kill(run.pid, signal.SIGKILL)
        run.wait()
    assert gone(marker)


@pytest.mark.skipif(os.name == "nt", reason="signals are POSIX's")
def test_ctrl_c_ends_the_program(
    tmp_path: Path, alive: Callable[[str], list[int]], gone: Callable[[str], bool]
) -> None:
    """An interrupted run ends the program that it is waiting for (§R4)."""
    marker = f"xsim_interrupted_{os.getpid()}"
    code = f"import time; '{marker}'; time.sleep(600)"
    script = tmp_path / "script.py"
    script.write_text(
        SCRIPT.format(here=os.getcwd(), code=code, scheduler="synchronous", store=str(tmp_path / "sweep.zarr"))
    )
    run = subprocess.Popen([sys.executable, script], stderr=subprocess.PIPE, text=True)
    end = time.monotonic() + 300
    while len(alive(marker)) < 2 and time.monotonic() < end:
        time.sleep(0.05)
    os.kill(run.pid, signal.SIGINT)
    _, errors = run.communicate(timeout=60)
    assert errors.endswith("\nKeyboardInterrupt: interrupted\n")
    assert gone(marker)
