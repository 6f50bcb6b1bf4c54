"""External programs of a batch that is interrupted (DESIGN §R4)."""

from __future__ import annotations

import os
import signal
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

import xsim as xs

BEGUN = threading.Event()


@xs.process
class Solve:
    number = xs.variable(static=True)
    solved = xs.variable(intent="out")

    @xs.runtime(args="job")
    def run_step(self, job: xs.Job) -> None:
        if self.number >= 2:
            code = "import time; print(1, flush=True); time.sleep(600)"
            job.run([sys.executable, "-c", code], progress=lambda line: BEGUN.set())
        self.solved = self.number


@pytest.mark.skipif(sys.platform == "win32", reason="signals are sent as on POSIX systems")
@pytest.mark.parametrize("parallel", [False, True], ids=["sequential", "threads"])
def test_members_whose_programs_ended_with_the_run_are_pending(tmp_path: Path, parallel: bool) -> None:
    """Ctrl-C ends programs; their members have not been cancelled by anybody: they stay pending (§R4)."""
    BEGUN.clear()
    model = xs.Model({"solve": Solve})
    setup = xs.create_setup(
        model, input_vars={"solve__number": ("member", np.arange(5.0))}, output_vars={"solve__solved": None}
    )
    press = threading.Thread(target=lambda: BEGUN.wait(300) and os.kill(os.getpid(), signal.SIGINT))
    press.start()
    options = {"parallel": parallel, "workers": 2 if parallel else None, "block": 1, "progress": False}

    with pytest.raises(KeyboardInterrupt):
        setup.xsim.run(model, batch_dim="member", store=tmp_path / "a.zarr", **options)
    press.join()

    outcomes = xs.open_run(tmp_path / "a.zarr").xsim.outcome
    assert outcomes.values.tolist() == ["done"] * 2 + ["pending"] * 3
