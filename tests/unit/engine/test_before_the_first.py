"""A batch is seen, and members of it cancelled, from elsewhere before the first member has ended (DESIGN §R5)."""

from __future__ import annotations

import shutil
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr
import zarr

import xsim as xs
from xsim.engine.status import Status
from xsim.errors import StoreError
from xsim.sink.journal import JOURNAL

SCHEDULERS = ["synchronous", "threads", "processes"]


@xs.process
class Gate:
    """Counts, until a file is there as long as it takes."""

    gate = xs.variable(static=True)
    value = xs.variable(intent="out")

    def initialize(self):
        self.value = 0.0

    @xs.runtime(args="batch, rng")
    def run_step(self, batch, rng):
        while batch < 2 and not Path(str(self.gate)).exists():
            time.sleep(0.01)
        self.value += batch + rng.random()


MODEL = xs.Model({"gate": Gate})


def setup_of(gate: Path, members: int = 5) -> xr.Dataset:
    """Make a batch whose first two members wait for a file."""
    return xs.create_setup(
        MODEL, {"t": [0, 1, 2, 3]}, input_vars={"gate__gate": str(gate)}, output_vars={"gate__value": None}
    ).assign_coords(m=np.arange(members) * 10)


class Beside(threading.Thread):
    """Runs a batch in another thread, for looking at it from here."""

    def __init__(self, setup: xr.Dataset, model: xs.Model = MODEL, **options: Any) -> None:
        super().__init__()
        self._setup, self._model, self._options = setup, model, options
        self.result: xr.Dataset | None = None
        self.error: BaseException | None = None

    def run(self) -> None:
        """Run it."""
        try:
            self.result = self._setup.xsim.run(self._model, "m", progress=False, **self._options)
        except BaseException as error:
            self.error = error

    def status(self, store: Path) -> Status:
        """Wait until it tells of members at work."""
        while self.is_alive():
            time.sleep(0.05)
            try:
                status = xs.open_run(store).xsim.status
            except (StoreError, AttributeError):  # it has not begun
                continue
            if status.working:
                return status
        raise AssertionError("the run has ended") from self.error

    def finish(self, *gates: Path) -> None:
        """Open gates and wait for its end; what it warns of may come at once."""
        for gate in gates:
            gate.touch()
        self.join()


@pytest.mark.parametrize("scheduler", SCHEDULERS)
def test_status_and_cancel(tmp_path: Path, scheduler: str) -> None:
    """All members are counted while the first ones run, and these can be cancelled (§R4, §R5)."""
    store, gate = tmp_path / "x.zarr", tmp_path / "gate"
    options: dict[str, Any] = {"parallel": True, "scheduler": scheduler, "workers": 2, "seed": 4, "store": store}
    run = Beside(setup_of(gate), on_error="continue", **options)
    run.start()
    try:
        status = run.status(store)
        assert status.counts["done"] == 0
        assert sum(status.counts.values()) == 5
        assert status.table.m.tolist() == [0, 10, 20, 30, 40]
        assert status.working[0].nsteps in (0, 3)
        # Whoever waits for a file in one step ends only after it, but in worker processes.
        assert xs.cancel(store, 1) + xs.cancel(store, m=40) == 2
        while list((store / JOURNAL).glob("cancel-*")):
            assert run.is_alive()
            time.sleep(0.05)
        if scheduler == "processes":
            while not run.status(store).counts["cancelled"]:
                time.sleep(0.05)
    finally:
        with pytest.warns(xs.BatchWarning) as caught:
            run.finish(gate)
    assert run.error is None
    assert run.result is not None
    assert [str(each.message).partition("\n")[0] for each in caught] == ["3 of 5 members done, 2 cancelled"]
    assert run.result.xsim_outcome.values.tolist() == ["done", "cancelled", "done", "done", "cancelled"]
    assert sorted(path.name for path in (store / JOURNAL).iterdir()) == ["c", "zarr.json"]
    resumed = setup_of(gate).xsim.run(MODEL, "m", resume=True, **options)
    xr.testing.assert_equal(resumed.gate__value, setup_of(gate).xsim.run(MODEL, "m", seed=4).gate__value)


@xs.process
class Late:
    """Starts only once a file is there, after which it fails or counts."""

    gate = xs.variable(static=True)
    value = xs.variable(intent="out")

    @gate.validator
    def _wait(self, attribute, value):
        while not Path(str(value)).exists():
            time.sleep(0.01)

    @xs.runtime(args="batch")
    def initialize(self, batch):
        while batch == 1 and not Path(f"{self.gate}-open").exists():
            time.sleep(0.01)
        self.value = 1 / batch


@pytest.mark.parametrize("scheduler", ["threads", "processes"])
def test_members_start_and_fail(tmp_path: Path, scheduler: str) -> None:
    """Members are starting until their first stage, and one that has failed is seen to before any is done (§R5)."""
    store, gate = tmp_path / "x.zarr", tmp_path / "gate"
    model = xs.Model({"late": Late})
    setup = xs.create_setup(model, input_vars={"late__gate": ("m", [str(gate)] * 3)}, output_vars={"late__value": None})
    run = Beside(
        setup,
        model=model,
        store=store,
        parallel=True,
        scheduler=scheduler,
        workers=2,
        on_error="continue",
    )
    run.start()
    seen: list[Status] = []
    try:
        while len(run.status(store).working) < 2:
            time.sleep(0.05)
        seen.append(run.status(store))
        gate.touch()
        until = time.monotonic() + 60
        while (now := run.status(store)).table.state.tolist()[:2] != ["failed", "running"] and time.monotonic() < until:
            time.sleep(0.05)  # the other one may not have seen the file yet
        seen.append(now)
    finally:
        with pytest.warns(xs.BatchWarning):
            run.finish(gate, gate.with_name("gate-open"))
    assert run.error is None
    assert seen[0].table.state.tolist() == ["starting", "starting", "waiting"]
    assert seen[1].table.state.tolist()[:2] == ["failed", "running"]
    assert {row[1] for row in seen[0].rows()} == {"starting"}
    assert xs.open_run(store).xsim.status.table.state.tolist() == ["failed", "done", "done"]


def test_what_is_there_meanwhile(tmp_path: Path) -> None:
    """A store in which nothing has ended is that of a batch: its members are pending."""
    store, gate = tmp_path / "x.zarr", tmp_path / "gate"
    run = Beside(setup_of(gate), store=store)
    run.start()
    try:
        run.status(store)
        now = xs.open_run(store)
        assert now.xsim_outcome.values.tolist() == ["pending"] * 5
        assert now.m.values.tolist() == [0, 10, 20, 30, 40]
        assert "xsim_journal" not in now
        assert xr.open_zarr(store, consolidated=False).xsim.outcome.values.tolist() == ["pending"] * 5
        with pytest.raises(xs.errors.StoreBusyError):
            setup_of(gate).xsim.run(MODEL, "m", store=store, resume=True)
    finally:
        gate.touch()
        run.join()
    assert run.error is None
    assert xr.open_zarr(store).xsim.outcome.values.tolist() == ["done"] * 5


def begun(store: Path, members: int = 5) -> Path:
    """Leave a store as a run does that is killed while its first member runs."""
    gate = store.with_name("gate")
    run = Beside(setup_of(gate, members), store=store.with_name("other.zarr"))
    run.start()
    try:
        run.status(store.with_name("other.zarr"))
        shutil.copytree(store.with_name("other.zarr"), store)
    finally:
        gate.touch()
        run.join()
    return gate


def test_killed_before_the_first(tmp_path: Path) -> None:
    """It goes on, also with other members than it had begun with, and what was told and asked is gone (§B7)."""
    store = tmp_path / "x.zarr"
    gate = begun(store)
    assert (store / JOURNAL / "status.json").exists()
    result = setup_of(gate, 8).xsim.run(MODEL, "m", store=store, resume=True, seed=1)
    assert result.xsim_outcome.values.tolist() == ["done"] * 8
    xr.testing.assert_equal(result.gate__value, setup_of(gate, 8).xsim.run(MODEL, "m", seed=1).gate__value)
    assert sorted(path.name for path in (store / JOURNAL).iterdir()) == ["c", "zarr.json"]


def test_killed_and_not_replaced(tmp_path: Path) -> None:
    """Without being asked to, nobody replaces what has begun; who is refused is told how it goes on (§B7)."""
    store = tmp_path / "x.zarr"
    gate = begun(store)
    with pytest.raises(xs.errors.StoreExistsError) as caught:
        setup_of(gate).xsim.run(MODEL, "m", store=store)
    assert "remedy: go on with it: resume=True; choose another one, or replace it with mode='w'" in str(caught.value)
    assert setup_of(gate).xsim.plan(MODEL, batch_dim="m", store=store, resume=True).outlook.pending == 5
    result = setup_of(gate).xsim.run(MODEL, "m", store=store, mode="w")
    assert result.xsim_outcome.values.tolist() == ["done"] * 5


def test_a_journal_that_was_half_deleted(tmp_path: Path) -> None:
    """Records of a journal that is no array any more never come back (§B7)."""
    store = tmp_path / "x.zarr"
    gate = begun(store)
    left = store / JOURNAL / "c" / "0"
    left.parent.mkdir()
    left.write_bytes(b"of somebody else")
    (store / JOURNAL / "zarr.json").unlink()
    result = setup_of(gate).xsim.run(MODEL, "m", store=store, resume=True, block=5)
    assert result.xsim_outcome.values.tolist() == ["done"] * 5
    assert zarr.open_group(store, mode="r")[JOURNAL].chunks == (5,)
