"""Large chunks are written while the run goes on (DESIGN §S2)."""

import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import xarray as xr
import zarr

import xsim as xs
from xsim.sink import buffer as buffers
from xsim.sink.buffer import OutputBuffer

ROW = 2**17  # float64: a row is 1 MiB, a chunk four of them


class FullDiskError(OSError):
    pass


class SlowTarget:
    """A target whose writes wait until they are let go, one after the other."""

    def __init__(self, rows=1, fail_at=None):
        self.rows = rows
        self.fail_at = fail_at
        self.written = []
        self.threads = set()
        self.started = threading.Semaphore(0)
        self.go = threading.Semaphore(0)

    def rows_per_chunk(self, row_bytes):
        return self.rows

    def create(self, storage, rows, own_shape):
        pass

    def write(self, start, rows):
        self.threads.add(threading.current_thread().name)
        self.started.release()
        assert self.go.acquire(timeout=60)
        if start == self.fail_at:
            raise FullDiskError("no space left")
        self.written.append((start, rows.copy()))


@pytest.fixture
def writer():
    """Give a thread for writing."""
    with ThreadPoolExecutor(1, "behind") as pool:
        yield pool


@pytest.fixture
def buffer_of(planned_output, writer):
    """Give a function that makes a buffer whose chunks are written by a thread."""
    return lambda target, nlabels=4: OutputBuffer(planned_output(nlabels, dims=(("x",),)), target, {}, writer=writer)


def row(i, size=ROW):
    return np.full(size, float(i))


def test_values_are_taken_while_a_chunk_is_written(buffer_of):
    """The next value is taken before the chunk of the one before is written, and each has its place and its value."""
    target = SlowTarget()
    buffer = buffer_of(target, 2)
    value = row(1)
    buffer.put(value)
    assert target.started.acquire(timeout=60)
    value += 1
    target.go.release(2)
    buffer.put(value)
    value += 1
    buffer.wait()

    assert [(start, set(rows.flat)) for start, rows in target.written] == [(0, {1.0}), (1, {2.0})]
    assert target.threads == {"behind_0"}
    assert not buffer.missing


def test_one_chunk_at_most_is_waiting(buffer_of):
    """With a chunk in flight and the next one full, the run waits: memory is that of two chunks."""
    target = SlowTarget()
    buffer = buffer_of(target, 9)
    done = threading.Event()

    def run():
        for i in range(2):
            buffer.put(row(i))
        done.set()

    thread = threading.Thread(target=run)
    thread.start()
    assert not done.wait(0.2)
    target.go.release(9)
    thread.join(60)
    buffer.wait()

    assert [start for start, _ in target.written] == [0, 1]


def test_two_buffers_take_turns(buffer_of):
    """No more memory is taken however many chunks there are."""
    target = SlowTarget()
    target.go.release(50)
    buffer = buffer_of(target, 50)
    seen = set()
    for i in range(50):
        seen.add(buffer._rows.__array_interface__["data"][0])
        buffer.put(row(i))
    buffer.wait()

    assert [rows[0, 0] for _, rows in target.written] == list(range(50))
    assert len(seen - {np.empty(0).__array_interface__["data"][0]}) <= 3


def test_a_failure_surfaces_with_the_next_value(buffer_of):
    """A write that fails is raised when the next value comes, once; what it was to write is missing (DESIGN §B6)."""
    target = SlowTarget(rows=2, fail_at=0)
    buffer = buffer_of(target, 6)
    target.go.release(9)
    buffer.put(row(0))
    buffer.put(row(1))
    while not buffer._in_flight.done():
        pass
    with pytest.raises(FullDiskError, match="no space left"):
        buffer.put(row(2))
    buffer.flush()
    buffer.wait()

    assert buffer.missing
    assert target.written == []


def test_what_comes_after_a_failure_can_still_be_written(buffer_of):
    """A chunk that is full when the failure of the one before is found is written when the run ends."""
    target = SlowTarget(fail_at=0)
    buffer = buffer_of(target, 2)
    buffer.put(row(0))
    threading.Timer(0.2, target.go.release, [9]).start()
    with pytest.raises(FullDiskError):
        buffer.put(row(1))  # waits for the chunk before
    buffer.flush()
    buffer.wait()

    assert [start for start, _ in target.written] == [1]
    assert buffer.missing


def test_small_chunks_are_written_at_once(buffer_of):
    """What takes no time to write is not handed to a thread."""
    target = SlowTarget()
    target.go.release(9)
    buffer = buffer_of(target, 3)
    for i in range(3):
        buffer.put(row(i, 10))

    assert target.threads == {threading.current_thread().name}


def test_values_that_grow_wait_for_what_is_written(buffer_of):
    """The array of an output that grows is resized when nobody writes to it."""
    target = SlowTarget()
    target.go.release(9)
    buffer = buffer_of(target, 3)
    for i, size in enumerate([ROW, 2 * ROW, ROW]):
        buffer.put(row(i, size))

    assert [start for start, _ in target.written] == [0, 1, 2]
    assert target.threads == {"behind_0", threading.current_thread().name}


@xs.process
class Field:
    v = xs.variable(dims="x", intent="out")

    def initialize(self):
        self.v = np.arange(ROW, dtype=float)

    def finalize_step(self):  # values are saved before it
        self.v += 1


MODEL = xs.Model({"field": Field})


def setup_of(nsteps):
    return xs.create_setup(MODEL, {"t": np.arange(nsteps + 1)}, output_vars={"field__v": "t"})


def writers():
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("xsim-writer")]


def test_a_run_into_a_store(monkeypatch, tmp_path):
    """Values that change in place while others are written are saved as they were, and the thread ends with the run."""
    monkeypatch.setattr("xsim.sink.zarr_sink.usable_cpus", lambda: 2)
    names = set()
    write = zarr.Array.__setitem__

    def watched(self, *args):
        names.add(threading.current_thread().name)
        write(self, *args)

    monkeypatch.setattr(zarr.Array, "__setitem__", watched)
    result = setup_of(21).xsim.run(MODEL, store=tmp_path / "out.zarr")

    expected = np.arange(ROW)[None] + np.arange(22.0)[:, None]
    np.testing.assert_array_equal(result.field__v.to_numpy(), expected, strict=True)
    assert "xsim-writer_0" in names
    assert writers() == []


def test_one_cpu_writes_at_once(monkeypatch, tmp_path):
    """Where there is no other CPU nothing is gained, and no thread is made."""
    monkeypatch.setattr("xsim.sink.zarr_sink.usable_cpus", lambda: 1)
    monkeypatch.setattr(buffers.OutputBuffer, "_write_behind", None)
    result = setup_of(5).xsim.run(MODEL, store=tmp_path / "out.zarr")

    assert result.field__v[5, 0] == 5


@pytest.mark.parametrize("chunks", [1, 4])
def test_a_store_that_fails(monkeypatch, tmp_path, chunks):
    """A run whose store fails ends soon after, as failed, with a note; other rows can be read (DESIGN §B6)."""
    monkeypatch.setattr("xsim.sink.zarr_sink.usable_cpus", lambda: 2)
    write = zarr.Array.__setitem__
    last = chunks * 2

    def failing(self, region, values):
        if self.name == "/field__v" and region[0].start == last:
            raise FullDiskError("no space left")
        write(self, region, values)

    monkeypatch.setattr(zarr.Array, "__setitem__", failing)
    steps = []
    with pytest.raises(FullDiskError, match="no space left") as caught:
        setup_of(1000).xsim.run(
            MODEL,
            store=tmp_path / "out.zarr",
            encoding={"field__v": {"chunks": (chunks,)}},
            hooks=[xs.runtime_hook("run_step")(lambda model, context, state: steps.append(context["step"]))],
        )

    opened = xr.open_zarr(tmp_path / "out.zarr")
    assert opened.attrs["xsim_outcome"] == "failed"
    assert "while saving output 'field__v'" in caught.value.__notes__
    assert len(steps) <= last + 2 * chunks + 1
    assert opened.field__v[:last, 0].to_numpy().tolist() == list(range(last))
    assert np.isnan(opened.field__v[last : last + chunks]).all()
    assert writers() == []


def test_an_interrupted_run(monkeypatch, tmp_path):
    """Ctrl-C leaves all rows that were saved, and no thread (DESIGN §R4)."""
    monkeypatch.setattr("xsim.sink.zarr_sink.usable_cpus", lambda: 2)

    @xs.runtime_hook("run_step")
    def interrupt(model, context, state):
        if context["step"] == 13:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        setup_of(1000).xsim.run(MODEL, store=tmp_path / "out.zarr", hooks=[interrupt])

    opened = xr.open_zarr(tmp_path / "out.zarr")
    assert opened.attrs["xsim_outcome"] == "cancelled"
    np.testing.assert_array_equal(opened.field__v[:13, 0], np.arange(13.0))
    assert np.isnan(opened.field__v[13:, 0]).all()
    assert writers() == []
