"""Signals that reach all processes of a run at once, as those of a terminal and of batch queues (DESIGN §R4)."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
import xarray as xr

import xsim as xs

pytestmark = pytest.mark.skipif(os.name == "nt", reason="signals are POSIX's")

SCRIPT = """
import sys
import time
from pathlib import Path

import numpy as np
import xsim as xs

GATE = Path(sys.argv[0]).with_name("gate")


@xs.process
class Step:
    program = xs.variable(static=True)
    value = xs.variable(intent="out")

    def initialize(self):
        self.value = 0.0

    @xs.runtime(args="batch, rng, job")
    def run_step(self, batch, rng, job):
        self.value += batch + rng.random()
        code = f"import os, time\\nwhile not os.path.exists({str(GATE)!r}): time.sleep(0.01)"
        if batch < 3:
            return
        if self.program:
            job.run([sys.executable, "-c", code])
        else:
            exec(code)


model = xs.Model({"step": Step})
setup = xs.create_setup(
    model,
    {"t": [0, 1, 2]},
    input_vars={"step__program": sys.argv[2] == "program"},
    output_vars={"step__value": "t"},
).assign_coords(m=np.arange(9))

if __name__ == "__main__":
    options = dict(zip(("scheduler",), sys.argv[3:]))
    setup.xsim.run(
        model, "m", store=sys.argv[1], resume=True, parallel=True, workers=2, seed=5, block=1, progress=False,
        retries=1, threads_per_worker=1, **options,
    )
"""


class Sweep:
    """A script that runs a batch, in a group of processes of its own."""

    def __init__(self, folder: Path, *arguments: str) -> None:
        self.store = folder / "x.zarr"
        script = folder / "sweep.py"
        script.write_text(SCRIPT)
        self.command = [sys.executable, str(script), str(self.store), *arguments]
        self.run = subprocess.Popen(self.command, stderr=subprocess.PIPE, text=True, start_new_session=True)

    def wait_for_members(self) -> list[psutil.Process]:
        """Wait until members are done and the next ones wait, and give all processes of the run."""
        while self.run.poll() is None:
            time.sleep(0.1)
            try:
                status = xs.open_run(self.store).xsim.status
            except (xs.errors.StoreError, AttributeError):  # it has not begun
                continue
            if status.counts["done"] == 3 and status.counts["running"] == 2:
                coordinator = psutil.Process(self.run.pid)
                programs = [each for each in coordinator.children(recursive=True) if "-P" in each.cmdline()]
                if "program" not in self.command or len(programs) == 2:
                    return [coordinator, *coordinator.children(recursive=True)]
        raise AssertionError(self.run.communicate()[1])

    def end(self) -> str:
        """Wait for the end; give what it said."""
        return self.run.communicate()[1]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> xr.DataArray:
    """What a run gives that nothing interrupts."""
    folder = tmp_path_factory.mktemp("whole")
    (folder / "gate").touch()
    assert Sweep(folder, "plain", "synchronous").end() == ""
    return xs.open_run(folder / "x.zarr").step__value.load()


def check_resumed(folder: Path, sweep: Sweep, whole: xr.DataArray) -> None:
    """Check that what was done is kept, nothing else has an outcome, and it goes on to the bits of a whole run."""
    outcomes = xs.open_run(sweep.store).xsim.outcome.values.tolist()
    assert outcomes == ["done"] * 3 + ["pending"] * 6
    (folder / "gate").touch()
    subprocess.run([*sweep.command[:-1], "threads"], check=True)  # which start sooner
    resumed = xs.open_run(sweep.store)
    assert resumed.xsim_outcome.values.tolist() == ["done"] * 9
    xr.testing.assert_equal(resumed.step__value.load(), whole)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize(
    ("scheduler", "kind"),
    [
        ("threads", "program"),
        pytest.param("processes", "plain", marks=pytest.mark.slow),
        pytest.param("processes", "program", marks=pytest.mark.slow),
    ],
)
def test_a_group_of_processes(
    tmp_path: Path, whole: xr.DataArray, scheduler: str, number: signal.Signals, kind: str
) -> None:
    """A terminal's Ctrl-C, and SIGTERM to the group: workers are led by their coordinator, which ends in good order."""
    sweep = Sweep(tmp_path, kind, scheduler)
    processes = sweep.wait_for_members()
    os.killpg(sweep.run.pid, number)
    said = sweep.end()
    psutil.wait_procs(processes)
    assert sweep.run.returncode == {signal.SIGTERM: 143, signal.SIGINT: -signal.SIGINT}[number], said
    first = {signal.SIGTERM: "xsim: SIGTERM: ", signal.SIGINT: "xsim: Ctrl-C: "}[number]
    assert said.splitlines()[1].startswith(first)
    assert said.count("Traceback") == (number == signal.SIGINT), said
    assert ("resume=True goes on with what is left" in said) == (number == signal.SIGTERM)
    check_resumed(tmp_path, sweep, whole)


@pytest.mark.parametrize("kind", [pytest.param("plain", marks=pytest.mark.slow), "program"])
def test_all_processes_of_a_job(tmp_path: Path, whole: xr.DataArray, kind: str) -> None:
    """Batch queues send SIGTERM to each process, external programs and what stands beside them included."""
    sweep = Sweep(tmp_path, kind, "processes")
    processes = sweep.wait_for_members()
    for process in reversed(processes):  # the coordinator last
        process.send_signal(signal.SIGTERM)
    said = sweep.end()
    psutil.wait_procs(processes)
    assert sweep.run.returncode == 143, said
    assert "Traceback" not in said
    assert "3 of 9 members done, 6 pending" in said
    check_resumed(tmp_path, sweep, whole)
