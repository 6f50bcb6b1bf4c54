"""The last blocks of a sweep are run member by member, and written as wholes (DESIGN §B3, §B7)."""

import time

import numpy as np
import pytest
import xarray as xr

import xsim as xs
from xsim.engine import tail
from xsim.engine.executors.threads import ThreadExecutor
from xsim.errors import BatchError

NOT_NOW = set()


@xs.process
class Slow:
    k = xs.variable()
    seconds = xs.variable(default=0.0)
    value = xs.variable(intent="out")
    row = xs.variable(dims="x", intent="out")

    def initialize(self):
        if self.k < 0 or self.k in NOT_NOW:
            raise ValueError("negative")
        time.sleep(self.seconds)
        self.value = self.k * 2
        self.row = np.full(int(self.k) % 3, self.k)


MODEL = xs.Model({"slow": Slow})
TWO = {"parallel": True, "workers": 2}


def setup(k, seconds=0.02):
    return xs.create_setup(
        MODEL,
        input_vars={"slow__k": ("b", np.asarray(k, dtype=float)), "slow__seconds": seconds},
        output_vars={"slow__value": None, "slow__row": None},
    )


@pytest.fixture
def executor(monkeypatch):
    """Notes the tasks that threads run; can end a run with Ctrl-C after some of the last ones."""

    class Noting(ThreadExecutor):
        tasks = []
        interrupt_after = None

        def run(self, work, tasks):
            parts = 0
            for task, results in super().run(work, tasks):
                if work.shapes is not None:
                    self.tasks.append(task)
                    parts += task.part_of is not None
                yield task, results
                if parts == self.interrupt_after:
                    raise KeyboardInterrupt

    monkeypatch.setattr("xsim._execution.ThreadExecutor", Noting)
    return Noting


def whole(tasks):
    return sorted(task.block.start[0] for task in tasks if task.part_of is None)


def parts(tasks):
    return sorted((task.part_of.start[0], task.block.start[0]) for task in tasks if task.part_of is not None)


@pytest.mark.parametrize("on_disk", [False, True])
def test_the_last_blocks_are_shared(executor, on_disk, tmp_path):
    """Of 23 members in blocks of 5, those of the last two blocks are tasks of their own; the result is the same."""
    k = np.arange(23)
    out = setup(k).xsim.run(MODEL, batch_dim="b", block=5, store=tmp_path / "o.zarr" if on_disk else None, **TWO)

    assert whole(executor.tasks) == [0, 5, 10]
    assert parts(executor.tasks) == [(15, i) for i in range(15, 20)] + [(20, i) for i in range(20, 23)]
    assert (out.xsim_outcome == "done").all()
    alone = setup(k).xsim.run(MODEL, batch_dim="b", block=5)
    names = [name for name in alone.data_vars if not name.startswith("xsim_")]
    xr.testing.assert_identical(out[names].drop_attrs(), alone[names].drop_attrs())


def test_cheap_members_stay_together(executor, monkeypatch):
    """Members that take less time than a task of their own costs are not sent alone."""
    monkeypatch.setattr(tail, "WORTH_SENDING", 10.0)  # also on a machine that is busy
    setup(np.arange(23), seconds=0.0).xsim.run(MODEL, batch_dim="b", block=5, **TWO)

    assert whole(executor.tasks) == [0, 5, 10, 15, 20]
    assert parts(executor.tasks) == []


def test_large_members_stay_together(executor, monkeypatch):
    """Blocks whose data are more than a chunk are written where they are computed (DESIGN §B10)."""
    monkeypatch.setattr(tail, "CHUNK_BYTES", 39)
    setup(np.arange(23)).xsim.run(MODEL, batch_dim="b", block=5, **TWO)

    assert parts(executor.tasks) == [(20, 20), (20, 21), (20, 22)]


def test_failures_at_the_end(executor, tmp_path):
    """A member that fails in a shared block leaves the others of it alone (DESIGN §B6)."""
    k = np.arange(12.0)
    k[10] = -1
    with pytest.raises(BatchError) as caught:
        setup(k).xsim.run(MODEL, batch_dim="b", block=4, store=tmp_path / "o.zarr", **TWO)

    out = caught.value.result
    assert out.xsim_outcome.values.tolist() == ["done"] * 10 + ["failed", "done"]
    np.testing.assert_array_equal(out.slow__value, np.where(k < 0, np.nan, k * 2))


def test_enough_failures_at_the_end(executor, tmp_path):
    """When nothing new is to start, what is done of a shared block is kept, and the rest is pending (DESIGN §B6)."""
    k = np.arange(12.0)
    k[8] = -1
    store = tmp_path / "o.zarr"
    with pytest.raises(BatchError) as caught:
        setup(k).xsim.run(MODEL, batch_dim="b", block=4, store=store, max_failures=1, **TWO)

    outcome = caught.value.result.xsim_outcome.values.tolist()
    assert outcome[:4] == ["done"] * 4
    assert outcome[8] == "failed"
    assert outcome[-1] == "pending"
    done = np.array(outcome) == "done"
    np.testing.assert_array_equal(caught.value.result.slow__value.values[done], k[done] * 2)


@pytest.mark.parametrize("after", [1, 3, 6])
def test_interrupted_at_the_end(executor, after, tmp_path):
    """Ctrl-C keeps what is done of shared blocks; the rest is computed when the run goes on (DESIGN §R4, §B7)."""
    k, store = np.arange(14), tmp_path / "o.zarr"
    executor.interrupt_after = after
    with pytest.raises(KeyboardInterrupt):
        setup(k).xsim.run(MODEL, batch_dim="b", block=4, store=store, **TWO)
    partial = xs.open_run(store)
    done = partial.xsim_outcome == "done"
    assert int(done.sum()) >= 8 + after
    np.testing.assert_array_equal(partial.slow__value, np.where(done, k * 2.0, np.nan))
    executor.interrupt_after = None

    out = setup(k).xsim.run(MODEL, batch_dim="b", store=store, resume=True, **TWO)

    assert (out.xsim_outcome == "done").all()
    np.testing.assert_array_equal(out.slow__value, k * 2.0)


def test_a_run_that_goes_on_shares_what_is_left(executor, tmp_path):
    """Blocks that are done count no more: the last ones of those left are shared."""
    k, store = np.arange(20), tmp_path / "o.zarr"
    NOT_NOW.update([1, 2, 11, 13, 14])
    with pytest.raises(BatchError):
        setup(k).xsim.run(MODEL, batch_dim="b", block=5, store=store)
    NOT_NOW.clear()

    out = setup(k).xsim.run(MODEL, batch_dim="b", store=store, resume=True, **TWO)

    assert whole(executor.tasks) == []
    assert parts(executor.tasks) == [(0, 1), (0, 2), (10, 11), (10, 13), (10, 14)]
    assert (out.xsim_outcome == "done").all()
    np.testing.assert_array_equal(out.slow__value, k * 2.0)


@xs.process
class Late:
    k = xs.variable()
    value = xs.variable(intent="out")
    extra = xs.variable(intent="out")

    def initialize(self):
        time.sleep(0.02)
        self.value = self.k

    def run_step(self):
        if self.k >= 9:
            self.extra = self.k
        if self.k < 9:
            return xs.stop("small")


def test_an_output_that_comes_late(executor, tmp_path):
    """An output that only members of a shared block save gets its array all the same (DESIGN §S6)."""
    model = xs.Model({"late": Late})
    ds = xs.create_setup(
        model,
        {"t": [0, 1]},
        input_vars={"late__k": ("b", np.arange(12.0))},
        output_vars={"late__value": None, "late__extra": None},
    )
    out = ds.xsim.run(model, batch_dim="b", block=4, store=tmp_path / "o.zarr", **TWO)

    np.testing.assert_array_equal(out.late__value, np.arange(12.0))
    np.testing.assert_array_equal(out.late__extra, np.where(np.arange(12) < 9, np.nan, np.arange(12.0)))
    assert len(parts(executor.tasks)) > 0


def test_worker_processes(tmp_path):
    """Shared blocks travel back from worker processes too."""
    k = np.arange(11)
    out = setup(k).xsim.run(MODEL, batch_dim="b", block=4, store=tmp_path / "o.zarr", scheduler="processes", **TWO)

    assert (out.xsim_outcome == "done").all()
    np.testing.assert_array_equal(out.slow__value, k * 2.0)
