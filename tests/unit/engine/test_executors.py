"""Executors: the window of tasks under way, threads (DESIGN §B3, §R2). What all share is in tests/conformance."""

import tempfile
import threading
from concurrent.futures import Future

import numpy as np
import pytest
from loky import get_reusable_executor
from threadpoolctl import threadpool_info

import xsim as xs
from xsim.engine.executors import pool
from xsim.engine.executors.processes import ProcessExecutor
from xsim.engine.executors.window import as_completed
from xsim.engine.thread_limits import ThreadLimits


@xs.process
class Square:
    k = xs.variable()
    out = xs.variable(intent="out")

    def initialize(self):
        if self.k == 5:
            raise ValueError("five")
        self.out = self.k**2


@pytest.fixture
def plan():
    model = xs.Model({"square": Square})
    setup = xs.create_setup(
        model=model,
        clocks={"time": [0, 1]},
        input_vars={"square__k": ("b", np.arange(11))},
        output_vars={"square__out": None},
    )
    return setup.xsim.plan(model, batch_dim="b")


def test_tasks_are_taken_as_workers_get_free():
    """At most one task more than there are workers is under way, so that their maker can stop at any time."""
    taken, futures = [], []

    def tasks():
        for number in range(10):
            taken.append(number)
            yield number

    def submit(task):
        future = Future()
        futures.append(future)
        if len(futures) == 1:
            future.set_result([task])
        return future

    running = as_completed(submit, tasks(), 3, {})
    assert next(running) == (0, futures[0])
    assert taken == [0, 1, 2, 3]
    futures[2].set_result(["two"])
    assert next(running) == (2, futures[2])
    assert len(taken) == 5
    for future in futures:
        if not future.done():
            future.set_result(["rest"])
    for future in iter(lambda: next((f for f in futures if not f.done()), None), None):
        future.set_result([])
        next(running, None)


def test_a_failing_future_is_given_too():
    """What a task raises, other than a member's failure, is for the executor to see."""

    def submit(task):
        future = Future()
        future.set_exception(KeyboardInterrupt())
        return future

    ((_, future),) = as_completed(submit, iter([1]), 1, {})
    with pytest.raises(KeyboardInterrupt):
        future.result()


def test_threads_run_at_the_same_time(plan):
    """Several threads are at work at the same time: they wait for each other here."""
    barrier = threading.Barrier(3, timeout=30)

    @xs.process
    class Meeting:
        k = xs.variable()
        out = xs.variable(intent="out")

        def initialize(self):
            barrier.wait()
            self.out = self.k

    model = xs.Model({"meeting": Meeting})
    setup = xs.create_setup(
        model=model, clocks={}, input_vars={"meeting__k": ("b", np.arange(6))}, output_vars={"meeting__out": None}
    )
    result = setup.xsim.run(model, batch_dim="b", block=1, parallel=True, scheduler="threads", workers=3)
    assert result.meeting__out.values.tolist() == [0, 1, 2, 3, 4, 5]


def test_thread_limits():
    """Numerical libraries have no more threads than are allowed, and get theirs back."""
    before = {pool["filepath"]: pool["num_threads"] for pool in threadpool_info()}
    limits = ThreadLimits(1)
    assert all(pool["num_threads"] == 1 for pool in threadpool_info())
    limits.restore()
    assert {pool["filepath"]: pool["num_threads"] for pool in threadpool_info()} == before


def test_thread_limits_never_raise():
    """A library that has fewer threads than are allowed keeps them."""
    before = {pool["filepath"]: pool["num_threads"] for pool in threadpool_info()}
    limits = ThreadLimits(10_000)
    assert {pool["filepath"]: pool["num_threads"] for pool in threadpool_info()} == before
    limits.restore()


@pytest.mark.parametrize("options", [{}, {"parallel": True, "workers": 2}], ids=["sequential", "threads"])
def test_runs_give_the_threads_back(options, plan):
    """After a run the numerical libraries have as many threads as before (DESIGN §V3)."""
    before = {pool["filepath"]: pool["num_threads"] for pool in threadpool_info()}
    model = xs.Model({"square": Square})
    with pytest.warns(xs.BatchWarning):
        plan.setup.xsim.run(model, batch_dim="b", threads_per_worker=1, on_error="continue", **options)
    assert {pool["filepath"]: pool["num_threads"] for pool in threadpool_info()} == before


def test_a_pool_that_cannot_be_made_leaves_nothing(monkeypatch, tmp_path):
    """Where the system gives no worker processes, no folder is left to be warned of in whatever runs next."""

    def refuse(**options):
        raise OSError(11, "Resource temporarily unavailable")

    monkeypatch.setattr(pool, "get_reusable_executor", refuse)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with pytest.raises(OSError, match="temporarily unavailable"):
        ProcessExecutor(2, 1)
    assert list(tmp_path.iterdir()) == []


def test_a_pool_of_another_size_while_workers_start():
    """A run may follow one that ended before its workers had started, with other workers, and nobody is told (§R1)."""
    get_reusable_executor().shutdown(kill_workers=True)  # the pool of other tests, whose workers have started
    ProcessExecutor(3, 1).close(now=False)
    executor = ProcessExecutor(2, 1)
    executor.close(now=False)
