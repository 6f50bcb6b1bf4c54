"""KeyboardInterrupt ends a batch; what is done until then can be read (DESIGN §B6, §R4)."""

import time

import numpy as np
import pytest
import xarray as xr

import xsim as xs
from xsim.engine.book import Book
from xsim.sink.batch_zarr import ZarrBatchSink, ZarrBlockWriter


@xs.process
class Counter:
    stop_at = xs.variable(default=-1)
    value = xs.variable(intent="out")

    def initialize(self):
        self.value = 0

    @xs.runtime(args="step, batch")
    def run_step(self, step, batch):
        if step == self.stop_at:
            raise KeyboardInterrupt
        self.value = self.value + 1 + 10 * batch


MODEL = xs.Model({"counter": Counter})


def setup_of(member, members=8):
    stop_at = np.full(members, -1)
    stop_at[member] = 1
    return xs.create_setup(
        model=MODEL,
        clocks={"time": [0, 1, 2]},
        input_vars={"counter__stop_at": ("b", stop_at)},
        output_vars={"counter__value": "time"},
    )


@pytest.mark.parametrize(
    ("block", "done"),
    [(1, 5), (2, 4), (3, 3)],
)
def test_blocks_done_can_be_read(tmp_path, block, done):
    """The interrupt comes out, the store says "cancelled", and blocks that were done are there."""
    with pytest.raises(KeyboardInterrupt):
        setup_of(5).xsim.run(MODEL, batch_dim="b", store=tmp_path / "out.zarr", block=block)
    with xr.open_zarr(tmp_path / "out.zarr") as opened:
        assert opened.attrs["xsim_outcome"] == "cancelled"
        outcomes = opened.xsim_outcome.values.tolist()
        assert outcomes[:done] == ["done"] * done
        assert set(outcomes[5:]) == {"pending"}
        for member, outcome in enumerate(outcomes):
            one = 1 + 10 * member
            expected = [one, 2 * one, 2 * one] if outcome == "done" else [np.nan] * 3
            np.testing.assert_array_equal(opened.counter__value[member], expected)


def test_members_done_can_be_read(tmp_path):
    """Members of an unfinished block that were done until then are there too, also with the block of xsim's choice."""
    with pytest.raises(KeyboardInterrupt):
        setup_of(3).xsim.run(MODEL, batch_dim="b", store=tmp_path / "out.zarr")
    with xr.open_zarr(tmp_path / "out.zarr") as opened:
        assert opened.attrs["xsim_outcome"] == "cancelled"
        assert opened.xsim_outcome.values.tolist() == ["done"] * 3 + ["pending"] * 5
        assert opened.counter__value.values[2].tolist() == [21, 42, 42]


def test_in_the_first_member(tmp_path):
    """Where nothing was done the store says "cancelled", and holds the setup."""
    with pytest.raises(KeyboardInterrupt):
        setup_of(0).xsim.run(MODEL, batch_dim="b", store=tmp_path / "out.zarr")
    with xr.open_zarr(tmp_path / "out.zarr") as opened:
        assert opened.attrs["xsim_outcome"] == "cancelled"
        assert opened.counter__stop_at.sizes == {"b": 8}


@pytest.mark.parametrize("scheduler", ["threads", "processes"])
def test_with_workers(tmp_path, scheduler):
    """Workers bring the interrupt to the caller, and no later run is touched by it."""
    with pytest.raises(KeyboardInterrupt):
        setup_of(5).xsim.run(
            MODEL, batch_dim="b", store=tmp_path / "out.zarr", block=1, parallel=True, scheduler=scheduler, workers=2
        )
    with xr.open_zarr(tmp_path / "out.zarr") as opened:
        assert opened.attrs["xsim_outcome"] == "cancelled"
        outcomes = opened.xsim_outcome.values
        assert outcomes[5] == "pending"
        assert (outcomes == "done").sum() >= 2
        np.testing.assert_array_equal(np.isfinite(opened.counter__value[:, 0]), outcomes == "done")
    again = setup_of(slice(0, 0)).xsim.run(MODEL, batch_dim="b", parallel=True, scheduler=scheduler, workers=2)
    assert (again.xsim_outcome == "done").all()


def test_nobody_writes_into_a_closed_store(tmp_path, monkeypatch):
    """When the coordinator fails, members under way end, and write, before the store is closed (DESIGN §B5)."""
    order = []

    def told(name, method):
        def call(self, *args):
            if name == "record":
                time.sleep(0.05)  # let the coordinator be first, if it does not wait
            order.append(name)
            return method(self, *args)

        return call

    monkeypatch.setattr(ZarrBlockWriter, "record", told("record", ZarrBlockWriter.record))
    monkeypatch.setattr(ZarrBatchSink, "close", told("close", ZarrBatchSink.close))
    monkeypatch.setattr(Book, "enter", _failing_later(Book.enter))
    with pytest.raises(OSError, match="disk full"):
        setup_of([], members=20).xsim.run(
            MODEL, batch_dim="b", store=tmp_path / "out.zarr", block=1, parallel=True, workers=3
        )
    assert order.count("close") == 1
    assert order[-1] == "close"
    assert order.count("record") >= 2


def _failing_later(enter):
    calls = []

    def later(self, members, results):
        calls.append(members)
        if len(calls) == 7:
            raise OSError("disk full")
        return enter(self, members, results)

    return later


def test_outcomes_in_several_chunks(tmp_path, monkeypatch):
    """Outcomes are unfolded a chunk of members at a time, and all of them are there."""
    monkeypatch.setattr("xsim.sink.outcomes.OUTCOME_CHUNK", 3)
    with pytest.raises(KeyboardInterrupt):
        setup_of(7, members=10).xsim.run(MODEL, batch_dim="b", store=tmp_path / "out.zarr", block=1)
    with xr.open_zarr(tmp_path / "out.zarr", chunks={}) as opened:
        assert opened.xsim_outcome.chunks == ((3, 3, 3, 1),)
        assert opened.xsim_outcome.values.tolist() == ["done"] * 7 + ["pending"] * 3
        np.testing.assert_array_equal(opened.xsim_seconds.notnull(), [True] * 7 + [False] * 3)


@pytest.mark.parametrize("block", [1, 3])
def test_nothing_is_left_of_a_member_that_was_ended(tmp_path, block):
    """Rows that an interrupted member has already written are missing, those of members done before stay (§B6)."""
    encoding = {"counter__value": {"chunks": (block, 1)}}
    options = {"batch_dim": "b", "store": tmp_path / "out.zarr", "encoding": encoding}
    with pytest.raises(KeyboardInterrupt):
        setup_of(4).xsim.run(MODEL, **options)
    opened = xr.open_zarr(tmp_path / "out.zarr")
    done = opened.xsim_outcome.values == "done"
    assert done.tolist() == [True] * 4 + [False] * 4
    np.testing.assert_array_equal(opened.counter__value.notnull().all("time"), done)
    np.testing.assert_array_equal(opened.counter__value.notnull().any("time"), done)
