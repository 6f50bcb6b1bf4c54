"""Large lazy inputs are read where they are needed, a window at a time (DESIGN §B10)."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
import xarray as xr

import xsim as xs
from xsim.plan.window import Window


@xs.process
class Sum:
    force = xs.variable(dims=[(), "x"])
    total = xs.variable(intent="out")

    def initialize(self):
        self.total = 0.0

    def run_step(self):
        self.total = self.total + float(np.sum(self.force))


class Counting:
    """Values that count how often, and how much, they are read; dask makes chunks of them."""

    def __init__(self, values):
        self.values = values
        self.shape, self.dtype, self.ndim = values.shape, values.dtype, values.ndim
        self.reads = []

    def __getitem__(self, index):
        found = self.values[index]
        self.reads.append(found.nbytes)
        return found


@pytest.fixture
def small_windows(monkeypatch):
    """Read at most 4 kB at a time."""
    monkeypatch.setattr("xsim.plan.inputs.LARGEST_IN_MEMORY", 4096)
    monkeypatch.setattr("xsim.plan.window.LARGEST_IN_MEMORY", 4096)
    monkeypatch.setattr(Window.__init__, "__defaults__", (4096,))


def lazy(values, chunks):
    """Put values behind dask chunks that count their reads."""
    import dask.array

    source = Counting(values)
    return source, dask.array.from_array(source, chunks=chunks, asarray=False, name=False)


def test_a_window_gives_each_step(small_windows):
    """Each step gets its own values, and each is read once when steps follow each other."""
    values = np.arange(40 * 100.0).reshape(40, 100)
    source, chunked = lazy(values, (5, 100))
    window = Window(xr.Variable(("t", "x"), chunked))

    for step in range(40):
        np.testing.assert_array_equal(window[step], values[step])

    assert sum(source.reads) == values.nbytes
    assert max(source.reads) <= 4096


def test_a_window_travels_without_what_it_has_read(small_windows):
    """What was read stays behind when a window is pickled."""
    window = Window(xr.Variable(("t", "x"), np.arange(2000.0).reshape(20, 100)).chunk({"t": 5}))
    before = len(pickle.dumps(window))
    window[3]

    assert len(pickle.dumps(window)) < before + 1000
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(window))[7], np.arange(700.0, 800.0))


@pytest.mark.parametrize("batch", [False, True])
def test_lazy_and_loaded_inputs_give_the_same(small_windows, batch):
    """A run reads lazy inputs to the same result as loaded ones, along batch dimension, clock and own dimension."""
    model = xs.Model({"sum": Sum})
    rng = np.random.default_rng(0)
    dims, shape = (("b", "t", "x"), (3, 21, 50)) if batch else (("t", "x"), (21, 50))
    values = rng.random(shape)
    clocks = {"t": np.arange(21)}
    setup = xs.create_setup(model, clocks, input_vars={"sum__force": (dims, values)}, output_vars={"sum__total": "t"})
    options = {"batch_dim": "b"} if batch else {}

    expected = setup.xsim.run(model, **options)
    found = setup.chunk({"t": 4}).xsim.run(model, **options)

    assert isinstance(setup.chunk({"t": 4}).xsim.plan(model, **options).inputs[0].values, Window)
    np.testing.assert_array_equal(found.sum__total, expected.sum__total)
