"""Members are cancelled while others run, from here and from other processes (DESIGN §R4)."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr
import zarr
from zarr.storage import MemoryStore

import xsim as xs
from xsim.engine.executors.watch import Whereabouts, running
from xsim.engine.slot import Slot
from xsim.errors import BatchError, OptionError, StoreError
from xsim.monitor.live import LiveStatus
from xsim.sink.journal import JOURNAL
from xsim.sink.lock import StoreLock
from xsim.sink.notices import Notices

SCHEDULERS = ["synchronous", "threads", "processes"]


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


@xs.process
class Held:
    """Counts, and where it is held waits in its step for a file to go."""

    held = xs.variable(default=0)
    hold = xs.variable(static=True)
    value = xs.variable(intent="out")

    def initialize(self):
        self.value = 0.0

    @xs.runtime(args="batch, rng")
    def run_step(self, batch, rng):
        while self.held and Path(self.hold).exists():
            time.sleep(0.01)
        self.value += batch + rng.random()


HELD = xs.Model({"slow": Held})


def held_setup(held: list[int], hold: Path) -> xr.Dataset:
    """Make a batch some of whose members wait in each step while there is a file."""
    return xs.create_setup(
        HELD,
        {"t": range(3)},
        input_vars={"slow__held": ("m", held), "slow__hold": str(hold)},
        output_vars={"slow__value": None},
    )


def setup_of(waits: Any, steps: int = 3) -> xr.Dataset:
    """Make a batch whose members wait so many seconds a step."""
    return xs.create_setup(
        MODEL,
        {"t": range(steps)},
        input_vars={"slow__wait": ("m", waits)},
        output_vars={"slow__value": None},
    )


@contextmanager
def once(ready: Callable[[], bool], act: Callable[[], Any]) -> Iterator[list[Exception]]:
    """Act in another thread as soon as something is so."""
    errors: list[Exception] = []
    ended = threading.Event()

    def watch() -> None:
        while not ended.is_set():
            try:
                if ready():
                    act()
                    return
            except Exception as error:
                errors.append(error)
                return
            time.sleep(0.01)

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield errors
    finally:
        ended.set()
        thread.join()


def _is_running(live: LiveStatus, member: int) -> Callable[[], bool]:
    def ready() -> bool:
        status = live.status
        return status is not None and any(each.member == member for each in status.working)

    return ready


@pytest.mark.parametrize("scheduler", SCHEDULERS)
def test_running_waiting_and_ended_members(tmp_path: Path, scheduler: str) -> None:
    """Running and waiting ones end, done ones stay; none is tried again."""
    waits = [0.0, 0.0, 0.0, 0.4, 0.0, 0.0, 0.0, 0.0]
    steps = 200
    live = LiveStatus("none")
    options: dict[str, Any] = {"parallel": True, "scheduler": scheduler, "workers": 1, "block": 1, "seed": 4}
    options |= {"store": tmp_path / "x.zarr", "retries": 2}
    with once(_is_running(live, 3), lambda: live.cancel(0, 3, 6)) as errors, pytest.warns(xs.BatchWarning) as caught:
        result = setup_of(waits, steps).xsim.run(MODEL, "m", hooks=[live], on_error="continue", **options)
    assert errors == []
    outcomes = result.xsim_outcome.values.tolist()
    assert outcomes == ["done"] * 3 + ["cancelled"] + ["done"] * 2 + ["cancelled", "done"]
    assert [str(each.message) for each in caught] == ["6 of 8 members done, 2 cancelled"]
    assert live.status is not None
    assert live.status.counts["cancelled"] == 2
    assert np.isnan(result.slow__value[[3, 6]]).all()


@pytest.mark.parametrize("scheduler", ["synchronous", "threads", pytest.param("processes", marks=pytest.mark.slow)])
def test_all_members(tmp_path: Path, scheduler: str) -> None:
    """A run all of whose members are cancelled ends, and goes on to the bits of a whole run (§B7)."""
    live = LiveStatus("none")
    options: dict[str, Any] = {"parallel": True, "scheduler": scheduler, "workers": 2, "seed": 4}
    options |= {"store": tmp_path / "x.zarr"}
    hold = tmp_path / "hold"
    setup = held_setup([1] * 5, hold)
    plain = setup.xsim.run(HELD, "m", seed=4)

    def act() -> None:
        live.cancel(*range(5))
        if scheduler != "processes":  # whose steps are ended in between
            hold.unlink()

    hold.touch()
    with once(lambda: live.is_attached, act) as errors, pytest.raises(BatchError) as caught:
        setup.xsim.run(HELD, "m", hooks=[live], **options)
    assert errors == []
    assert str(caught.value).splitlines()[0] == "0 of 5 members done, 5 cancelled"
    assert live.status is not None
    stored = xs.open_run(tmp_path / "x.zarr")
    assert live.status.ending == stored.attrs["xsim_outcome"] == stored.xsim.status.ending == "cancelled"
    assert stored.xsim.provenance.sessions[-1]["outcome"] == "cancelled"
    hold.unlink(missing_ok=True)
    resumed = setup.xsim.run(HELD, "m", resume=True, **options)
    np.testing.assert_array_equal(resumed.slow__value, plain.slow__value)


def test_from_another_process(tmp_path: Path) -> None:
    """Another shell cancels by number, and sees who runs."""
    store = tmp_path / "x.zarr"
    seen: list[Any] = []
    code = f"import xsim as xs; print(xs.cancel({str(store)!r}, 1)); print(xs.open_run({str(store)!r}).xsim.status)"

    def act() -> None:
        try:
            seen.append(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False))
            end = time.monotonic() + 60
            while live._control is not None and 1 not in live._control.cancelled and time.monotonic() < end:
                time.sleep(0.01)  # until the run has heard of it
        finally:
            hold.unlink()

    hold = tmp_path / "hold"
    hold.touch()
    live = LiveStatus("none")
    with once(_is_running(live, 1), act) as errors, pytest.warns(xs.BatchWarning):
        result = held_setup([0, 1, 1], hold).xsim.run(
            HELD, "m", store=store, hooks=[live], on_error="continue", block=1
        )
    assert errors == []
    assert seen[0].stderr == ""
    assert seen[0].stdout.startswith("1\n")
    assert result.xsim_outcome.values.tolist() == ["done", "cancelled", "done"]
    # Notices are gone.
    assert sorted(path.name for path in (store / JOURNAL).iterdir()) == ["c", "zarr.json"]


@pytest.fixture
def killed(tmp_path: Path) -> Path:
    """A store of a run that was killed: it says that it is going on."""
    store = tmp_path / "x.zarr"
    setup_of([0.0] * 4).xsim.run(MODEL, "m", store=store)
    zarr.open_group(store, mode="r+").attrs["xsim_outcome"] = "running"
    return store


@pytest.fixture
def going_on(killed: Path) -> Iterator[Path]:
    """A store that a run has."""
    lock = StoreLock(killed, None)
    lock.acquire()
    yield killed
    lock.release()


@pytest.mark.parametrize(
    ("members", "labels", "message"),
    [
        (
            (),
            {},
            "nobody says which members to cancel\n  expected: their numbers, or labels along batch dimensions\n"
            "  remedy: all of them: xs.cancel(store, *range(4))",
        ),
        ((4,), {}, "there is no such member\n  got: 4\n  expected: numbers from 0 to 3"),
        ((0, -1), {}, "there is no such member\n  got: -1\n  expected: numbers from 0 to 3"),
        (([1, 2],), {}, "there is no such member\n  got: [1, 2]\n  expected: numbers from 0 to 3"),
        ((), {"n": 1}, "'n' is no batch dimension of the run\n  expected: 'm'\n  did you mean: 'm'?"),
        ((), {"m": 9}, "no member has 9 along 'm'\n  expected: 0, 1, 2, 3"),
    ],
)
def test_who_is_not_there(going_on: Path, members: Any, labels: Any, message: str) -> None:
    """Nothing is asked where one of the members does not exist."""
    with pytest.raises(OptionError) as caught:
        xs.cancel(going_on, *members, **labels)
    assert str(caught.value).startswith(message.partition("\n  did you")[0])
    assert not list((going_on / JOURNAL).glob("cancel-*"))


def test_runs_that_have_ended(tmp_path: Path) -> None:
    """What has ended, and what is no batch, cannot be cancelled."""
    batch, single = tmp_path / "batch.zarr", tmp_path / "single.zarr"
    setup_of([0.0] * 2).xsim.run(MODEL, "m", store=batch)
    xs.create_setup(MODEL, {"t": [0, 1]}, output_vars={"slow__value": None}).xsim.run(MODEL, store=single)
    with pytest.raises(StoreError) as caught:
        xs.cancel(batch, 0)
    assert str(caught.value) == (
        f"{str(batch)!r} holds no batch that is running\n  got: a run with outcome 'done'\n"
        "  expected: a batch that is going on"
    )
    with pytest.raises(StoreError) as caught:
        xs.cancel(single, 0)
    assert str(caught.value) == (
        f"{str(single)!r} holds no batch that is running\n  got: a single run\n  expected: a batch that is going on"
    )


def test_requests_to_a_run_that_was_killed(going_on: Path) -> None:
    """What was asked of a run that was dead by then is not done to the one that goes on."""
    assert xs.cancel(going_on, 1, 2) == 2
    assert len(list((going_on / JOURNAL).glob("cancel-*"))) == 1
    lock = going_on.with_name(f".{going_on.name}.xsim-lock")
    lock.unlink()  # as if its holder had died
    setup = setup_of([0.4] * 2)
    again = setup.xsim.run(MODEL, "m", store=going_on, mode="w")
    assert again.xsim_outcome.values.tolist() == ["done"] * 2


def test_nobody_is_asked_where_nobody_runs(killed: Path) -> None:
    """Where the lock tells that a run was killed nobody is asked, and its status says so (§R5)."""
    with pytest.raises(StoreError) as caught:
        xs.cancel(killed, 1)
    assert str(caught.value) == (
        f"no run is going on in {str(killed)!r} (it was killed)\n  expected: a batch that is going on\n"
        "  remedy: resume=True goes on with what is left"
    )
    assert not list((killed / JOURNAL).glob("cancel-*"))
    opened = xs.open_run(killed)
    assert opened.attrs["xsim_outcome"] == "killed"
    assert str(opened.xsim.status) == "4/4 done, ended (killed)"


def test_a_run_that_was_killed(tmp_path: Path) -> None:
    """After SIGKILL nothing is shown as running, whatever was told last; the run goes on as it would (§B7, §R5)."""
    store = tmp_path / "x.zarr"
    code = f"""
import numpy as np, os, signal, time, xsim as xs
@xs.process
class Slow:
    wait = xs.variable(default=0.0)
    value = xs.variable(intent="out")
    def run_step(self):
        while self.wait and not os.path.exists({str(store / JOURNAL / "status.json")!r}):
            time.sleep(0.01)
        if self.wait:
            os.kill(os.getpid(), signal.SIGKILL)
        self.value = 1.0
model = xs.Model({{"slow": Slow}})
setup = xs.create_setup(
    model, {{"t": [0, 1]}}, input_vars={{"slow__wait": ("m", [0.0, 1.0, 0.0])}}, output_vars={{"slow__value": None}}
)
setup.xsim.run(model, "m", store={str(store)!r}, block=1)
"""
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode != 0
    opened = xs.open_run(store)
    status = opened.xsim.status
    assert opened.attrs["xsim_outcome"] == status.ending == "killed"
    assert (status.counts["done"], status.counts["waiting"], status.working) == (1, 2, ())
    with pytest.raises(StoreError, match="it was killed"):
        xs.cancel(store, 1)


def test_what_the_lock_cannot_tell(killed: Path) -> None:
    """A lock of another host may not be seen here: its run counts as running, and is asked."""
    lock = killed.with_name(f".{killed.name}.xsim-lock")
    lock.write_text("process 7 of somebody on another-host, since 2026-01-01T00:00:00+00:00")
    assert xs.open_run(killed).attrs["xsim_outcome"] == "running"
    assert xs.cancel(killed, 1) == 1
    lock.write_text(f"process 7 of somebody on {socket.gethostname()}, since 2026-01-01T00:00:00+00:00")
    assert xs.open_run(killed).attrs["xsim_outcome"] == "killed"


def test_a_killed_run_that_goes_on(tmp_path: Path) -> None:
    """The same holds where it is resumed."""
    store = tmp_path / "x.zarr"
    hold = tmp_path / "hold"
    setup = held_setup([0, 1, 1], hold)
    live = LiveStatus("none")

    def act() -> None:
        live.cancel(1, 2)
        hold.unlink()

    hold.touch()
    with once(_is_running(live, 1), act), pytest.warns(xs.BatchWarning):
        setup.xsim.run(HELD, "m", store=store, block=1, hooks=[live], on_error="continue")
    Notices(zarr.open_group(store)).ask_to_cancel([1, 2])
    again = setup.xsim.run(HELD, "m", store=store, block=1, resume=True)
    assert again.xsim_outcome.values.tolist() == ["done"] * 3


def test_a_store_in_memory() -> None:
    """A run in a store of this process takes requests too."""
    store = MemoryStore()
    live = LiveStatus("none")
    with once(_is_running(live, 1), lambda: xs.cancel(store, m=1)) as errors, pytest.warns(xs.BatchWarning):
        result = setup_of([0.0, 0.2, 0.0], 600).xsim.run(
            MODEL, "m", store=store, hooks=[live], on_error="continue", block=1
        )
    assert errors == []
    assert result.xsim_outcome.values.tolist() == ["done", "cancelled", "done"]


def test_in_another_thread(tmp_path: Path) -> None:
    """A run beside the main thread is watched and cancelled in the same way."""
    live = LiveStatus("none")
    results: list[xr.Dataset] = []

    def elsewhere() -> None:
        results.append(
            setup_of([0.0, 0.2, 0.0], 600).xsim.run(MODEL, "m", hooks=[live], on_error="continue", progress=False)
        )

    cancel_one = once(_is_running(live, 1), lambda: live.cancel(1))
    with cancel_one as errors, pytest.warns(xs.BatchWarning):  # noqa: PT031 (the thread warns)
        thread = threading.Thread(target=elsewhere)
        thread.start()
        thread.join()
    assert errors == []
    assert results[0].xsim_outcome.values.tolist() == ["done", "cancelled", "done"]


@pytest.mark.slow
def test_cancelled_before_its_time_is_over() -> None:
    """A member with a time limit is cancelled, not timed out, by whoever is first."""
    live = LiveStatus("none")
    options: dict[str, Any] = {"parallel": True, "scheduler": "processes", "workers": 2, "time_limit": 300}
    with once(_is_running(live, 1), lambda: live.cancel(1)) as errors, pytest.warns(xs.BatchWarning):
        result = setup_of([0.0, 300.0]).xsim.run(MODEL, "m", hooks=[live], on_error="continue", **options)
    assert errors == []
    assert result.xsim_outcome.values.tolist() == ["done", "cancelled"]


@pytest.mark.slow
def test_a_clock_that_jumps(monkeypatch: pytest.MonkeyPatch) -> None:
    """Setting the clock of the machine forward times nobody out."""
    now = time.time
    monkeypatch.setattr(time, "time", lambda: now() + 3600)
    result = setup_of([0.3] * 2).xsim.run(MODEL, "m", parallel=True, scheduler="processes", workers=2, time_limit=600)
    assert result.xsim_outcome.values.tolist() == ["done"] * 2


def test_whereabouts(tmp_path: Path) -> None:
    """A worker's file tells what its slot knows, with texts that are too long cut between characters."""
    told = Whereabouts(tmp_path)
    assert list(running(tmp_path)) == []
    told.begin(3)
    told.report("é" * 40, 0.25)
    told.publish()
    (seen,) = running(tmp_path)
    assert (seen.member, seen.working.fraction, seen.working.phase) == (3, 0.25, "é" * 32)
    told.report("aé" * 40, None)
    told.publish()
    (seen,) = running(tmp_path)
    assert seen.working.phase == ("aé" * 40)[:43]
    assert abs(seen.begun - time.monotonic()) < 60
    told.begin(4)
    (seen,) = running(tmp_path)
    assert (seen.member, seen.working.phase, seen.working.fraction) == (4, "", None)
    told.end()
    assert list(running(tmp_path)) == []
    told.close()


def test_files_of_workers_that_are_torn(tmp_path: Path) -> None:
    """A file that is being made, and one of which half is new, stop nobody who looks."""
    (tmp_path / "1.running").write_bytes(b"")
    (tmp_path / "2.running").write_bytes(b"\x01" * 10)
    told = Whereabouts(tmp_path)
    told.begin(3)
    path = next(path for path in tmp_path.glob("*.running") if path.stem not in "12")
    data = path.read_bytes()
    path.write_bytes(data[:40] + b"\xff" * (len(data) - 40))
    (seen,) = running(tmp_path)
    assert seen.member == 3
    told.close()


def test_an_interrupt_is_no_cancelling() -> None:
    """A slot whose run is to end ends its program, and its member is not taken for a cancelled one."""
    slot = Slot()
    slot.begin(0)
    slot.control.stop("interrupted")
    assert slot.is_cancelled()
    with pytest.raises(KeyboardInterrupt):
        slot.check()
