"""A store can be read by anyone while it is written (DESIGN §B8)."""

import subprocess
import sys
import textwrap

import dask.array
import numpy as np
import pytest
import xarray as xr

import xsim as xs
from xsim.result.open_run import _padded


@xs.process
class Count:
    k = xs.variable()
    value = xs.variable(intent="out")
    herd = xs.variable(dims="y", intent="out")
    x = xs.index(dims="x")

    def initialize(self):
        self.value = 0
        self.x = [1, 2]
        self.herd = np.zeros(1)

    @xs.runtime(args="step")
    def run_step(self, step):
        PEEK(self, step)
        self.value = self.value + int(self.k)
        self.herd = np.ones(int(self.k) + 1)


def PEEK(process, step):
    """Is replaced by the tests."""


MODEL = xs.Model({"count": Count})


def setup_of(members=6):
    return xs.create_setup(
        model=MODEL,
        clocks={"time": [0, 1, 2]},
        input_vars={"count__k": ("m", np.arange(members))},
        output_vars={"count": {"value": "time", "herd": None}},
    )


def peeking(monkeypatch, path, at):
    """Open the store while member `at` is running, and keep what is seen."""
    seen = []

    def look(process, step):
        if process.k == at and step == 1:
            seen.append(xs.open_run(path).load())
            seen.append(xr.open_zarr(path, consolidated=False).xsim.outcome)

    monkeypatch.setitem(globals(), "PEEK", look)
    return seen


@pytest.mark.parametrize("block", [1, 2])
def test_while_it_is_running(tmp_path, monkeypatch, block):
    """Members that are done can be read, rows of all others are missing, also those that are half written."""
    seen = peeking(monkeypatch, tmp_path / "out.zarr", 4)
    encoding = {"count__value": {"chunks": (block, 1)}}
    result = setup_of().xsim.run(MODEL, batch_dim="m", store=tmp_path / "out.zarr", encoding=encoding)
    now, outcomes = seen
    assert now.attrs["xsim_outcome"] == "running"
    assert now.xsim_outcome.values.tolist() == ["done"] * 4 + ["pending"] * 2
    assert outcomes.values.tolist() == now.xsim_outcome.values.tolist()
    np.testing.assert_array_equal(now.count__value[:4], result.count__value[:4])
    np.testing.assert_array_equal(now.count__herd[:4, :4], result.count__herd[:4, :4])
    assert now.count__value[4:].isnull().all()
    assert now.count__k.values.tolist() == list(range(6))
    assert "xsim_journal" not in now


@xs.process
class Uneven:
    k = xs.variable()
    sizes = xs.variable(dims="y", intent="out")
    even = xs.variable(dims="y", intent="out")
    low = xs.variable(dims="y", intent="out")

    def initialize(self):
        PEEK(self, 1)
        self.sizes = np.arange(int(self.k))
        self.even = self.sizes % 2 == 0
        self.low = np.full(int(self.k), np.iinfo(int).min)


def test_parts_of_members_that_are_done(tmp_path, monkeypatch):
    """What a member that is done lacks of integers and bools is missing before the run has ended, too (DESIGN §S1)."""
    model = xs.Model({"u": Uneven})
    setup = xs.create_setup(
        model=model,
        clocks={"time": [0, 1]},
        input_vars={"u__k": ("m", np.arange(4))},
        output_vars={"u": dict.fromkeys(("sizes", "even", "low"))},
    )
    seen = peeking(monkeypatch, tmp_path / "out.zarr", 3)
    setup.xsim.run(model, batch_dim="m", store=tmp_path / "out.zarr", block=1)
    now = seen[0].isel(y=slice(2))
    nan = np.nan
    np.testing.assert_array_equal(now.u__sizes, [[nan, nan], [0, nan], [0, 1], [nan, nan]])
    np.testing.assert_array_equal(now.u__even, [[nan, nan], [1, nan], [1, 0], [nan, nan]])
    low = np.iinfo(int).min  # among the data: there is nothing that would tell what is missing
    np.testing.assert_array_equal(now.u__low, [[low, low], [low, low], [low, low], [nan, nan]])


def test_a_finished_run(tmp_path):
    """A run that is over is opened as it was returned."""
    result = setup_of().xsim.run(MODEL, batch_dim="m", store=tmp_path / "out.zarr")
    opened = xs.open_run(tmp_path / "out.zarr")
    assert opened.attrs["xsim_outcome"] == "done"
    xr.testing.assert_equal(opened.load(), result.load())
    assert opened.count__value.dtype == np.int64
    assert (opened.xsim.outcome == "done").all()


def test_from_another_interpreter(tmp_path):
    """Another interpreter, without the model, can open it while it is running."""
    path = tmp_path / "out.zarr"
    script = f"""
        import xsim as xs
        found = xs.open_run({str(path)!r})
        print(found.xsim.outcome.values.tolist(), float(found.count__value[0, 2]))
    """
    printed = []

    def look(process, step):
        if process.k == 3 and step == 0:
            command = [sys.executable, "-c", textwrap.dedent(script)]
            printed.append(subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip())

    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(globals(), "PEEK", look)
        setup_of(4).isel(m=[1, 2, 3]).xsim.run(MODEL, batch_dim="m", store=path, block=1)
    assert printed == ["['done', 'done', 'pending'] 2.0"]


def test_a_single_run(tmp_path):
    """A single run can be opened too."""
    result = setup_of().isel(m=2).xsim.run(MODEL, store=tmp_path / "out.zarr")
    xr.testing.assert_equal(xs.open_run(tmp_path / "out.zarr").load(), result.load())


@pytest.mark.parametrize("there", ["nothing", "group"])
def test_no_run(tmp_path, there):
    """Where there is no run, the error says what is there."""
    path = tmp_path / "out.zarr"
    if there == "group":
        xr.Dataset({"a": 1}).to_zarr(path, consolidated=False)
    what = {"nothing": "nothing", "group": "a Zarr group that xsim has not written"}[there]
    with pytest.raises(xs.errors.StoreError) as error:
        xs.open_run(path)
    assert str(error.value) == (
        f"{str(path)!r} holds no run of xsim\n  got: {what}\n  expected: what was given to run(store=...)"
    )


def test_arrays_of_several_sizes_that_share_a_dimension(tmp_path, monkeypatch):
    """Arrays that have grown to other sizes are padded, and what members have not saved is missing, of integers too."""

    @xs.process
    class Ragged:
        k = xs.variable()
        few = xs.variable(dims="y", intent="out")
        many = xs.variable(dims="y", intent="out")

        def initialize(self):
            n = int(self.k)
            self.few, self.many = np.arange(n), np.arange(2 * n)
            if n == 3:
                seen.append(xs.open_run(tmp_path / "out.zarr").load())

    seen = []
    model = xs.Model({"ragged": Ragged})
    setup = xs.create_setup(
        model=model,
        clocks={"time": [0, 1]},
        input_vars={"ragged__k": ("m", [1, 2, 3])},
        output_vars={"ragged": dict.fromkeys(["few", "many"])},
    )
    setup.xsim.run(model, batch_dim="m", store=tmp_path / "out.zarr", block=1)
    nan = np.nan
    np.testing.assert_array_equal(seen[0].ragged__few[:2], [[0, nan, nan, nan], [0, 1, nan, nan]])
    np.testing.assert_array_equal(seen[0].ragged__many[:2], [[0, 1, nan, nan], [0, 1, 2, 3]])
    assert seen[0].ragged__many[2].isnull().all()


@pytest.mark.parametrize("lazy", [False, True])
@pytest.mark.parametrize("shape", [(2, 0), (2, 1), (2, 3), (0, 0)])
def test_arrays_that_are_too_small_are_filled(shape, lazy):
    """What an array lacks of the sizes of others is filled, also where it has nothing at all (§B8)."""
    values = np.ones(shape)
    piece = xr.Variable(("m", "x"), dask.array.from_array(values) if lazy else values)
    padded = _padded(piece, {"m": 2, "x": 3}, -1.0)
    expected = np.full((2, 3), -1.0)
    expected[: shape[0], : shape[1]] = 1
    np.testing.assert_array_equal(padded.to_numpy(), expected)
