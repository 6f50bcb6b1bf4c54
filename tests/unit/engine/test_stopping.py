"""Signals and time end runs in good order (DESIGN §R4)."""

from __future__ import annotations

import io
import os
import pickle
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import Future
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import xarray as xr

import xsim as xs
from xsim.engine.control import Control
from xsim.engine.executors import window
from xsim.engine.executors.protocol import Task
from xsim.engine.stopping import listening
from xsim.errors import StoppedError
from xsim.plan.blocks import single

POSIX = pytest.mark.skipif(os.name == "nt", reason="signals are POSIX's")
SCHEDULERS = ["synchronous", "threads", "processes"]


@POSIX
@pytest.mark.parametrize(
    ("number", "facts", "message"),
    [
        (
            signal.SIGINT,
            {"kills": False},
            "\nxsim: Ctrl-C: nothing new starts, running members stop after their step, and what is done is kept; "
            "Ctrl-C again ends it at once\n",
        ),
        (
            signal.SIGINT,
            {"kills": False, "in_threads": True},
            "\nxsim: Ctrl-C: nothing new starts, running members stop after their step, and what is done is kept\n",
        ),
        (
            signal.SIGINT,
            {"kills": True},
            "\nxsim: Ctrl-C: nothing new starts, workers are ended, and what is done is kept\n",
        ),
        (
            signal.SIGTERM,
            {"kills": False},
            "\nxsim: SIGTERM: nothing new starts, running members stop after their step, and what is done is kept\n",
        ),
    ],
)
def test_the_first_signal_says_what_happens(
    capsys: pytest.CaptureFixture[str], number: signal.Signals, facts: dict[str, bool], message: str
) -> None:
    """The first one is noted and explained, the second one ends at once; afterwards all is as before."""
    before = signal.getsignal(number)
    control = Control()
    with listening(control, **facts):
        os.kill(os.getpid(), number)
        assert control.why == {signal.SIGINT: "interrupted", signal.SIGTERM: "SIGTERM"}[number]
        assert capsys.readouterr().err == message
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), number)
    assert signal.getsignal(number) == before


class _Broken(io.StringIO):
    def write(self, text: str) -> int:
        raise RuntimeError("reentrant call inside <_io.BufferedWriter name='<stderr>'>")


@POSIX
@pytest.mark.parametrize("stderr", ["none", "closed", "busy"])
def test_nobody_to_tell(monkeypatch: pytest.MonkeyPatch, stderr: str) -> None:
    """Where standard error is missing, closed, or being written to at this moment, the signal is heard all the same."""
    closed = io.StringIO()
    closed.close()
    monkeypatch.setattr(sys, "stderr", {"none": None, "closed": closed, "busy": _Broken()}[stderr])
    control = Control()
    with listening(control, kills=False):
        os.kill(os.getpid(), signal.SIGINT)
    assert control.why == "interrupted"


@POSIX
def test_signals_that_are_taken_stay() -> None:
    """A handler of somebody else's is left alone, and so are all of them in other threads."""
    seen = []
    before = signal.signal(signal.SIGTERM, lambda number, frame: seen.append(number))
    try:
        with listening(Control(), kills=False):
            os.kill(os.getpid(), signal.SIGTERM)
    finally:
        signal.signal(signal.SIGTERM, before)
    assert seen == [signal.SIGTERM]
    kept: list[Any] = []

    def elsewhere() -> None:
        with listening(Control(), kills=False):
            kept.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=elsewhere)
    thread.start()
    thread.join()
    assert kept == [signal.getsignal(signal.SIGINT)]


def test_who_looks_is_called_while_tasks_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tasks that end all the time keep nobody from looking for what is to end (§R4)."""
    looks = []
    now = 0.0
    monkeypatch.setattr(window, "time", SimpleNamespace(monotonic=lambda: now))

    def submit(task: Task) -> Any:
        nonlocal now
        now += 0.02
        future: Future[None] = Future()
        future.set_result(None)
        return future

    tasks = [Task(single((i,))) for i in range(40)]
    list(window.as_completed(submit, tasks, 1, {}, lambda: looks.append(now)))
    assert 2 <= len(looks) <= 4
    assert min(np.diff([0.0, *looks])) >= window.LOOK - 1e-9


@xs.process
class Slow:
    """Counts, slowly."""

    wait = xs.variable(default=0.0)
    value = xs.variable(intent="out")

    def initialize(self):
        self.value = 0.0

    @xs.runtime(args="batch, rng")
    def run_step(self, batch, rng):
        time.sleep(float(self.wait))
        self.value += batch + rng.random()


MODEL = xs.Model({"slow": Slow})


def setup_of(waits: Any) -> xr.Dataset:
    """Make a batch whose members wait so many seconds in each of two steps."""
    return xs.create_setup(
        MODEL, {"t": [0, 1, 2]}, input_vars={"slow__wait": ("m", waits)}, output_vars={"slow__value": "t"}
    )


@xs.process
class Held:
    """Counts at once, or, while a file is there, slowly."""

    hold = xs.variable(static=True)
    value = xs.variable(intent="out")

    def initialize(self):
        self.value = 0.0

    @xs.runtime(args="batch, rng")
    def run_step(self, batch, rng):
        if os.path.exists(str(self.hold)):
            time.sleep(0.2)
        self.value += batch + rng.random()


@pytest.mark.parametrize(
    "scheduler", ["synchronous", *(pytest.param(each, marks=pytest.mark.slow) for each in SCHEDULERS[1:])]
)
def test_the_time_is_over(tmp_path: Path, scheduler: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A run stops with an exit code that says "later", and goes on to the same bits (§B7, §R4)."""
    options: dict[str, Any] = {"parallel": True, "scheduler": scheduler, "workers": 2, "block": 1, "seed": 3}
    store, hold = tmp_path / "x.zarr", tmp_path / "hold"
    model = xs.Model({"held": Held})
    setup = xs.create_setup(
        model,
        {"t": [0, 1, 2]},
        input_vars={"held__hold": str(hold)},
        output_vars={"held__value": "t"},
    ).assign_coords(m=np.arange(60))
    plain = setup.xsim.run(model, "m", **options)  # with workers, they have started after it
    hold.touch()
    with pytest.raises(StoppedError) as caught:
        # Members take 0.4 s, so all of them many times longer than this, and one of them a small part of it.
        setup.xsim.run(model, "m", store=store, max_walltime=2.0, **options)
    hold.unlink()
    assert caught.value.code == 75
    assert isinstance(caught.value, SystemExit)
    done = int((xs.open_run(store).xsim.outcome == "done").sum())
    assert 0 < done < 60
    assert str(caught.value) == (
        f"the run was stopped: max_walltime is over\n  got: {done} of 60 members done, {60 - done} pending\n"
        "  remedy: resume=True goes on with what is left"
    )
    assert capsys.readouterr().err == f"xsim: {caught.value}\n"
    resumed = setup.xsim.run(model, "m", store=store, resume=True, **options)
    np.testing.assert_array_equal(resumed.held__value, plain.held__value)


def test_time_shorter_than_a_member(tmp_path: Path) -> None:
    """What runs when the time is over stops after its step; nothing is saved of it, and it is no failure (§B6)."""
    with pytest.raises(StoppedError) as caught:
        setup_of([0.5, 0.0]).xsim.run(MODEL, "m", store=tmp_path / "x.zarr", max_walltime=0.1)
    assert str(caught.value).splitlines()[1] == "  got: 0 of 2 members done, 2 pending"
    assert xs.open_run(tmp_path / "x.zarr").attrs["xsim_outcome"] == "cancelled"


def test_a_run_that_is_done_in_time() -> None:
    """The time of a run ends nothing that has ended, also if it is over while the last member runs."""
    done = setup_of([0.0] * 3).xsim.run(MODEL, "m", max_walltime=60)
    assert done.xsim_outcome.values.tolist() == ["done"] * 3


def test_a_stopped_run_can_be_sent() -> None:
    """The error travels between processes with its exit code."""
    error = StoppedError("stopped", code=143, got="1 of 2")
    again = pickle.loads(pickle.dumps(error))
    assert (str(again), again.code) == (str(error), 143)


@xs.process
class Signalled:
    """Sends a signal to its own process in one member, as somebody outside would."""

    number = xs.variable(default=0)
    value = xs.variable(intent="out")

    def initialize(self):
        self.value = 1.0

    def run_step(self):
        if self.number:
            os.kill(os.getpid(), int(self.number))
        self.value += 1.0


SIGNALLED = xs.Model({"s": Signalled})


def signalled(numbers: list[int]) -> xr.Dataset:
    """Make a batch of members that send signals."""
    return xs.create_setup(
        SIGNALLED, {"t": [0, 1]}, input_vars={"s__number": ("m", numbers)}, output_vars={"s__value": None}
    )


@POSIX
@pytest.mark.parametrize("scheduler", ["synchronous", "threads"])
def test_a_signal_during_the_last_member(tmp_path: Path, scheduler: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Whoever ends the script ends it also if all members are done just then; the result is in the store (§R4)."""
    numbers = [0, 0, int(signal.SIGINT)]
    with pytest.raises(KeyboardInterrupt):
        signalled(numbers).xsim.run(
            SIGNALLED, "m", store=tmp_path / "x.zarr", parallel=True, scheduler=scheduler, workers=1
        )
    assert capsys.readouterr().err.startswith("\nxsim: Ctrl-C: nothing new starts")
    outcomes = xs.open_run(tmp_path / "x.zarr").xsim.outcome.values.tolist()
    assert outcomes[:2] == ["done", "done"]
    assert outcomes[2] in ("done", "pending")


@POSIX
def test_sigterm_is_told_from_ctrl_c(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A batch queue sees 143, and finds what is done."""
    with pytest.raises(StoppedError) as caught:
        signalled([0, int(signal.SIGTERM), 0]).xsim.run(SIGNALLED, "m", store=tmp_path / "x.zarr")
    assert caught.value.code == 143
    assert str(caught.value) == (
        "the run was stopped: SIGTERM\n  got: 1 of 3 members done, 2 pending\n"
        "  remedy: resume=True goes on with what is left"
    )


@POSIX
def test_a_signal_while_the_store_is_closed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The store is closed whole before the interrupt comes out."""
    from xsim.sink.batch_zarr import ZarrBatchSink

    close = ZarrBatchSink.close

    def interrupted(self: Any, *args: Any) -> None:
        os.kill(os.getpid(), signal.SIGINT)
        close(self, *args)

    monkeypatch.setattr(ZarrBatchSink, "close", interrupted)
    with pytest.raises(KeyboardInterrupt):
        setup_of([0.0] * 3).xsim.run(MODEL, "m", store=tmp_path / "x.zarr")
    opened = xr.open_zarr(tmp_path / "x.zarr")
    assert opened.attrs["xsim_outcome"] == "done"
    assert opened.xsim_outcome.values.tolist() == ["done"] * 3


SCRIPT = """
import sys, time
sys.path[:0] = [{here!r}]
import xsim as xs

@xs.process
class Slow:
    wait = xs.variable(default=0.0)
    value = xs.variable(intent="out")
    def run_step(self):
        open({begun!r}, "w").close()
        time.sleep(float(self.wait))
        self.value = 1.0

model = xs.Model({{"slow": Slow}})
setup = xs.create_setup(
    model, {{"t": [0, 1]}}, input_vars={{"slow__wait": ("m", [{wait}] * 6)}}, output_vars={{"slow__value": None}}
)
setup.xsim.run(model, "m", parallel=True, scheduler={scheduler!r}, workers=2, store={store!r})
"""


def _script(tmp_path: Path, scheduler: str, wait: float) -> Path:
    path = tmp_path / "script.py"
    store = str(tmp_path / "x.zarr")
    begun = str(tmp_path / "begun")
    path.write_text(SCRIPT.format(here=os.getcwd(), scheduler=scheduler, wait=wait, store=store, begun=begun))
    return path


@POSIX
@pytest.mark.slow
@pytest.mark.parametrize(
    ("scheduler", "wait", "signals"), [("synchronous", 600, 2), ("threads", 3, 1), ("processes", 600, 1)]
)
def test_ctrl_c_without_a_terminal(tmp_path: Path, scheduler: str, wait: float, signals: int) -> None:
    """A long call ends at the second signal where it runs in the main thread, and its worker at the first (§R4)."""
    run = subprocess.Popen(
        [sys.executable, _script(tmp_path, scheduler, wait)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert run.stderr is not None
    try:
        while not (tmp_path / "begun").exists() and run.poll() is None:
            time.sleep(0.05)
        run.send_signal(signal.SIGINT)
        assert run.stderr.readline() == "\n"
        assert run.stderr.readline().startswith("xsim: Ctrl-C: nothing new starts")  # it has been heard
        if signals == 2:
            run.send_signal(signal.SIGINT)
        run.communicate(timeout=300)  # it does not wait for the long call
    finally:
        run.kill()
    assert run.returncode == -signal.SIGINT
    assert xs.open_run(tmp_path / "x.zarr").attrs["xsim_outcome"] == "cancelled"


@POSIX
@pytest.mark.slow
@pytest.mark.parametrize("closed", ["<&-", "2>&-", "<&- >&- 2>&-"])
@pytest.mark.parametrize("scheduler", SCHEDULERS)
def test_streams_may_be_closed(tmp_path: Path, scheduler: str, closed: str) -> None:
    """A run needs neither input nor output: services have none."""
    script = _script(tmp_path, scheduler, 0.0)
    line = f"{sys.executable} {script} {closed}"
    assert subprocess.run(["sh", "-c", line], timeout=100, check=False).returncode == 0
    assert xr.open_zarr(tmp_path / "x.zarr").xsim_outcome.values.tolist() == ["done"] * 6


def test_a_closed_standard_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """A standard error that somebody has closed shows no progress, and stops no run."""
    closed = io.StringIO()
    closed.close()
    monkeypatch.setattr(sys, "stderr", closed)
    assert setup_of([0.0] * 2).xsim.run(MODEL, "m").xsim_outcome.values.tolist() == ["done"] * 2
    assert sys.stderr is not closed
    sys.stderr.close()  # what stands in for it
