"""Threads of numerical libraries (DESIGN §R2)."""

import os
import sys
import threading

import numpy as np
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

import xsim as xs
from xsim.engine.thread_limits import ThreadLimits, thread_environment


def threads():
    """Give the number of threads of each numerical library, by its file."""
    return {library["filepath"]: library["num_threads"] for library in threadpool_info()}


@pytest.fixture(autouse=True)
def four_threads():
    """Let the libraries have four threads before each test, whatever the machine has."""
    np.linalg.norm(np.eye(2))
    with threadpool_limits(4):
        before = threads()
        assert set(before.values()) == {4}
        yield
        after = threads()  # a run may have loaded a library
        assert {library: after[library] for library in before} == before


@pytest.mark.parametrize("number", [1, 2])
def test_lowers_and_restores(number):
    """Libraries have no more threads than allowed, until what was before is restored."""
    before = threads()
    limits = ThreadLimits(number)
    assert threads() == dict.fromkeys(before, number)
    limits.restore()
    assert threads() == before


@pytest.mark.parametrize("number", [4, 5, 100])
def test_never_raises_the_number(number):
    """A library that has fewer threads keeps them."""
    before = threads()
    limits = ThreadLimits(number)
    assert threads() == before
    limits.restore()
    assert threads() == before


def test_restoring_twice():
    """Restoring again changes nothing that was set in between."""
    limits = ThreadLimits(1)
    limits.restore()
    with threadpool_limits(3):
        limits.restore()
        assert set(threads().values()) == {3}


@xs.process
class Ask:
    """Notes how many threads the libraries have while it runs."""

    n = xs.variable(intent="out")
    fail = xs.variable(default=False)

    def run_step(self):
        (self.n,) = set(threads().values())
        if self.fail:
            raise ZeroDivisionError


@pytest.mark.parametrize(
    "options, number",
    [
        ({}, 4),
        ({"threads_per_worker": 1}, 1),
        ({"threads_per_worker": 3}, 3),
        ({"threads_per_worker": 8}, 4),
        ({"parallel": True, "workers": 2, "threads_per_worker": 2}, 2),
        ({"parallel": True, "workers": 1000}, 1),
    ],
)
def test_single_run(options, number):
    """A run keeps to what it is told; threads share the usable CPUs otherwise. What was before is restored."""
    model = xs.Model({"a": Ask, "b": Ask})
    setup = xs.create_setup(model=model, clocks={"time": [0, 1, 2]}, output_vars={"a__n": "time", "b__n": "time"})
    result = setup.xsim.run(model=model, progress=False, **options)

    assert set(result.a__n.values) == set(result.b__n.values) == {number}


@pytest.mark.parametrize("options", [{"threads_per_worker": 1}, {"parallel": True, "workers": 2}])
def test_restored_after_a_failure(options):
    """The libraries get their threads back also where a process fails."""
    model = xs.Model({"a": Ask, "b": Ask})
    setup = xs.create_setup(model=model, clocks={"time": [0, 1]}, input_vars={"b__fail": True})
    before = threads()
    with pytest.raises(ZeroDivisionError):
        setup.xsim.run(model=model, progress=False, **options)
    assert threads() == before


@xs.process
class Which:
    """Notes the limits that hold in its worker."""

    x = xs.variable()
    worker = xs.variable(intent="out")
    limits = xs.variable(intent="out")

    def initialize(self):
        from xsim.engine.executors import worker

        self.worker = os.getpid()
        self.limits = id(worker._limits)


def test_a_worker_looks_for_libraries_once_in_a_run():
    """The first members and the blocks after them run in a worker under the same limits, which are found once."""
    model = xs.Model({"which": Which})
    outputs = {"which__worker": None, "which__limits": None}
    setup = xs.create_setup(model, input_vars={"which__x": ("m", np.arange(8.0))}, output_vars=outputs)

    found = setup.xsim.run(
        model, batch_dim="m", parallel=True, scheduler="processes", workers=2, block=1, progress=False
    )

    pairs = set(zip(found.which__worker.values.tolist(), found.which__limits.values.tolist(), strict=True))
    assert len(pairs) == len(set(found.which__worker.values.tolist()))


@pytest.mark.parametrize("options", [{}, {"parallel": True, "workers": 2}])
def test_batch(options):
    """Members of a batch keep to what the run is told, and the limit ends with it."""
    model = xs.Model({"a": Ask})
    setup = xs.create_setup(
        model=model, clocks={"time": [0, 1]}, input_vars={"a__fail": ("m", [False] * 3)}, output_vars={"a__n": "time"}
    )
    before = threads()
    result = setup.xsim.run(model=model, batch_dim="m", threads_per_worker=1, progress=False, **options)

    assert set(result.a__n.values.flat) == {1}
    assert threads() == before


class Numba:
    """Counts threads as numba does: for each thread that calls it."""

    def __init__(self):
        self._local = threading.local()

    def get_num_threads(self):
        return getattr(self._local, "number", 4)

    def set_num_threads(self, number):
        self._local.number = number


@xs.process
class AskNumba:
    n = xs.variable(intent="out")

    def run_step(self):
        self.n = sys.modules["numba"].get_num_threads()


@pytest.mark.parametrize(
    "options, number",
    [
        ({}, 4),
        ({"threads_per_worker": 1}, 1),
        ({"threads_per_worker": 8}, 4),
        ({"parallel": True, "workers": 2, "threads_per_worker": 2}, 2),
    ],
)
@pytest.mark.parametrize("batch", [False, True])
def test_numba(options, number, batch, monkeypatch):
    """Numba's threads, which it counts for each caller, are limited too, here and in a pool of threads."""
    numba = Numba()
    monkeypatch.setitem(sys.modules, "numba", numba)
    model = xs.Model({"a": AskNumba, "b": AskNumba, "c": Ask})
    fail = ("m", [False] * 3) if batch else False
    setup = xs.create_setup(
        model=model, clocks={"time": [0, 1, 2]}, input_vars={"c__fail": fail}, output_vars={"a__n": "time"}
    )
    result = setup.xsim.run(model=model, batch_dim="m" if batch else None, progress=False, **options)
    assert set(result.a__n.values.flat) == {number}
    assert numba.get_num_threads() == 4


def test_libraries_loaded_later(monkeypatch):
    """What is loaded while a run is going on is limited when the limits are looked at again."""
    limits = ThreadLimits(2)
    numba = Numba()
    limits.renew()
    assert numba.get_num_threads() == 4
    monkeypatch.setitem(sys.modules, "numba", numba)
    limits.renew()
    assert numba.get_num_threads() == 2
    limits.restore()
    assert numba.get_num_threads() == 4


@pytest.mark.parametrize(
    ("before", "expected"), [(None, "3"), ("2", "2"), ("8", "3"), ("", "3"), ("0", "3"), ("a", "3")]
)
def test_environment_of_workers(before, expected, monkeypatch):
    """Libraries that a worker loads later read their limit from its environment, which is never raised."""
    if before is None:
        monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    else:
        monkeypatch.setenv("OMP_NUM_THREADS", before)
    assert thread_environment(3)["OMP_NUM_THREADS"] == expected


@xs.process
class AskEnvironment:
    k = xs.variable()
    n = xs.variable(intent="out")

    def run_step(self):
        self.n = int(os.environ["NUMBA_NUM_THREADS"])


@pytest.mark.parametrize("number", [1, 3])
def test_a_pool_that_is_used_again(number):
    """Workers of a pool that an earlier run has left are told anew how many threads they may use."""
    model = xs.Model({"a": AskEnvironment})
    setup = xs.create_setup(
        model=model, clocks={"time": [0, 1]}, input_vars={"a__k": ("m", [1, 2])}, output_vars={"a__n": None}
    )
    options = {"parallel": True, "scheduler": "processes", "workers": 1, "threads_per_worker": number}
    result = setup.xsim.run(model=model, batch_dim="m", progress=False, **options)
    assert set(result.a__n.values.flat) == {number}
