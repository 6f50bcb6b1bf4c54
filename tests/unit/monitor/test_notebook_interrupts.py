"""A kernel of Jupyter that is interrupted while it runs a batch (DESIGN §R4)."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import xsim as xs

pytest.importorskip("ipykernel")
manager = pytest.importorskip("jupyter_client.manager")

pytestmark = [pytest.mark.slow, pytest.mark.skipif(os.name == "nt", reason="signals are POSIX's")]

DEFINE = """
import time
from pathlib import Path
import numpy as np
import xsim as xs
from xsim.monitoring import LiveStatus

@xs.process
class Step:
    gate = xs.variable(static=True)
    value = xs.variable(intent="out")

    def initialize(self):
        self.value = 0.0

    @xs.runtime(args="batch, rng")
    def run_step(self, batch, rng):
        if batch > 2 and not Path(self.gate).exists():
            time.sleep(0.2)
        self.value += batch + rng.random()

model = xs.Model({"step": Step})
setup = xs.create_setup(
    model, {"t": range(400)}, input_vars={"step__gate": GATE}, output_vars={"step__value": None}
).assign_coords(m=range(6))

def run(**options):
    return setup.xsim.run(
        model, "m", parallel=True, workers=2, threads_per_worker=1, seed=7, block=1, hooks=[LiveStatus()], **options
    )
"""


class Notebook:
    """A kernel, and what it answers."""

    def __init__(self) -> None:
        self._manager, self._client = manager.start_new_kernel()

    def start(self, code: str) -> str:
        """Have a cell run."""
        return str(self._client.execute(code))

    def answer(self, cell: str) -> tuple[dict[str, Any], list[str]]:
        """Wait for the end of a cell; give the reply, and what its display showed as text."""
        shown = []
        while True:
            message = self._client.get_iopub_msg()
            if message["parent_header"].get("msg_id") != cell:
                continue
            if message["msg_type"] in ("display_data", "update_display_data"):
                shown.append(message["content"]["data"]["text/plain"])
            if message["msg_type"] == "status" and message["content"]["execution_state"] == "idle":
                break
        while True:
            reply = self._client.get_shell_msg()
            if reply["parent_header"].get("msg_id") == cell:
                return reply["content"], shown

    def run(self, code: str) -> list[str]:
        """Run a cell that must not fail."""
        reply, shown = self.answer(self.start(code))
        assert reply["status"] == "ok", reply
        return shown

    def interrupt(self) -> None:
        """Do as the button does."""
        self._manager.interrupt_kernel()

    def close(self) -> None:
        """End the kernel."""
        self._client.stop_channels()
        self._manager.shutdown_kernel(now=True)


@pytest.fixture
def notebook() -> Iterator[Notebook]:
    """A notebook that has just been opened."""
    opened = Notebook()
    yield opened
    opened.close()


@pytest.mark.parametrize("scheduler", ["synchronous", "threads", "processes"])
def test_interrupts(notebook: Notebook, tmp_path: Path, scheduler: str) -> None:
    """The batch ends, what is done is kept, and the table tells it; the kernel lives, and the next cell goes on."""
    store, gate = tmp_path / "x.zarr", tmp_path / "gate"
    notebook.run(f"GATE = {str(gate)!r}\n{DEFINE}")
    cell = notebook.start(f"run(store={str(store)!r}, scheduler={scheduler!r})")
    while True:
        time.sleep(0.1)
        try:
            status = xs.open_run(store).xsim.status
        except (xs.errors.StoreError, AttributeError):  # it has not begun
            continue
        if status.counts["done"] == 3 and status.working:
            break
    notebook.interrupt()
    reply, shown = notebook.answer(cell)
    assert (reply["status"], reply["ename"]) == ("error", "KeyboardInterrupt")
    assert "3/6 done, ended (cancelled)" in shown[-1]
    assert xs.open_run(store).xsim.outcome.values.tolist() == ["done"] * 3 + ["pending"] * 3
    gate.touch()
    shown = notebook.run(f"result = run(store={str(store)!r}, scheduler={scheduler!r}, resume=True)")
    assert "6/6 done, ended (done)" in shown[-1]
    notebook.run("whole = run(scheduler='threads')")
    notebook.run("assert (result.step__value.values == whole.step__value.values).all()")
    assert np.isfinite(xs.open_run(store).step__value.values).all()
