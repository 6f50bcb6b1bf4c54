"""Worker processes: what travels, what is refused, what happens to a worker that ends (DESIGN §V1, §B9, §B10, §R2)."""

import gc
import os
import subprocess
import sys
import textwrap
import threading
from pathlib import Path

import numpy as np
import pytest
import threadpoolctl
import xarray as xr

import xsim as xs
from xsim.errors import BatchError, NotPicklableError, WorkerError

ROOT = Path(xs.__file__).parents[1]
PROCESSES = {"parallel": True, "scheduler": "processes", "workers": 2}


def message(text):
    return textwrap.dedent(text).strip()


@xs.process
class Simple:
    k = xs.variable()
    out = xs.variable(intent="out")
    pid = xs.variable(intent="out")
    threads = xs.variable(intent="out")

    def initialize(self):
        self.out = self.k * 2.0
        self.pid = os.getpid()
        np.ones((2, 2)) @ np.ones((2, 2))
        self.threads = max([1, *(pool["num_threads"] for pool in threadpoolctl.threadpool_info())])


MODEL = xs.Model({"simple": Simple})


def setup_of(model=MODEL, n=6, output_vars=("out", "pid", "threads")):
    name = next(iter(model))
    return xs.create_setup(
        model=model,
        clocks={"time": [0, 1]},
        input_vars={f"{name}__k": ("b", np.arange(n))},
        output_vars=dict.fromkeys(f"{name}__{output}" for output in output_vars),
    )


def test_members_run_elsewhere():
    """Members run in other processes, and a pool outlives the run: the next one uses the same."""
    first = setup_of().xsim.run(MODEL, batch_dim="b", block=1, **PROCESSES)
    assert os.getpid() not in first.simple__pid.values
    second = setup_of().xsim.run(MODEL, batch_dim="b", block=1, **PROCESSES)
    assert set(second.simple__pid.values) & set(first.simple__pid.values)
    assert first.xsim_worker.values.tolist() != [""] * 6


@pytest.mark.parametrize("threads", [1, 3])
def test_threads_of_numerical_libraries(threads):
    """Numerical libraries in workers have no more threads than are allowed (DESIGN §R2)."""
    result = setup_of().xsim.run(MODEL, batch_dim="b", block=1, threads_per_worker=threads, **PROCESSES)
    assert (result.simple__threads.values <= threads).all()


@xs.process
class Frozen:
    """Tells how many objects the garbage collector passes over in its worker."""

    k = xs.variable()
    out = xs.variable(intent="out")

    def initialize(self):
        self.out = gc.get_freeze_count()


def test_the_collector_passes_over_what_workers_import():
    """Without psutil, loky collects garbage every second in each worker: the modules of xsim are not looked through."""
    model = xs.Model({"frozen": Frozen})
    result = setup_of(model, output_vars=["out"]).xsim.run(model, batch_dim="b", **PROCESSES)
    assert (result.frozen__out.values > 50_000).all()
    assert gc.get_freeze_count() == 0


class CountedHook(xs.RuntimeHook):
    """Counts how often it is pickled."""

    pickled = 0

    def __getstate__(self):
        CountedHook.pickled += 1
        return dict(self.__dict__)

    @xs.runtime_hook("initialize")
    def look(self, model, context, state):
        pass


@pytest.mark.parametrize("on_disk", [False, True])
def test_plan_and_hooks_travel_once(tmp_path, on_disk):
    """Plan and hooks are pickled once in a run, for the check, the first members and all blocks."""
    before = CountedHook.pickled
    store = tmp_path / "out.zarr" if on_disk else None
    setup_of().xsim.run(MODEL, batch_dim="b", block=1, store=store, hooks=[CountedHook()], **PROCESSES)
    assert CountedHook.pickled == before + 1


SCRIPT = """
import numpy as np
import xsim as xs

class Tool:
    def __init__(self, factor):
        self.factor = factor

class OddError(Exception):
    pass

@xs.process
class Base:
    k = xs.variable()
    out = xs.variable(intent="out")

@xs.process
class Work(Base):
    tool = Tool(3)
    def initialize(self):
        if self.k == 5:
            raise OddError("five")
        self.out = helper(self.k) * self.tool.factor

def helper(k):
    return k + 1

class Counting(xs.RuntimeHook):
    calls = 0
    @xs.runtime_hook("initialize")
    def count(self, model, context, state):
        self.calls += 1

print("imported", __name__)
model = xs.Model({"work": Work})
setup = xs.create_setup(model=model, clocks={}, input_vars={"work__k": ("b", np.arange(6))},
                        output_vars={"work__out": None})
hook = Counting()
try:
    setup.xsim.run(model, batch_dim="b", parallel=True, scheduler="processes", workers=2, block=1, hooks=[hook])
except OddError as error:
    print(error.result.work__out.values.tolist())
    print(error.result.xsim_exception.values.tolist())
    print(hook.calls)
"""


def test_a_script_without_a_main_guard(tmp_path):
    """Classes of a ``__main__`` without a guard work in workers, which never import it (DESIGN §V1)."""
    (tmp_path / "script.py").write_text(SCRIPT)
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    ended = subprocess.run(
        [sys.executable, "script.py"], cwd=tmp_path, env=env, capture_output=True, text=True, timeout=120
    )
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.splitlines() == [
        "imported __main__",
        "[3.0, 6.0, 9.0, 12.0, 15.0, nan]",
        "['', '', '', '', '', 'OddError']",
        "0",
    ]
    assert ended.stderr == ""


class Locked:
    def __init__(self):
        self.lock = threading.Lock()


class LockedHook(xs.RuntimeHook):
    def __init__(self):
        super().__init__()
        self.guard = threading.Lock()

    @xs.runtime_hook("initialize")
    def hook(self, model, context, state):
        pass


def refused(model, **options):
    store = options.pop("store", None)
    with pytest.raises(NotPicklableError) as error:
        setup_of(model, output_vars=["out"]).xsim.run(model, batch_dim="b", store=store, **PROCESSES, **options)
    assert isinstance(error.value, TypeError)
    return str(error.value)


def test_unpicklable_attribute_of_a_hook(tmp_path):
    """A hook that cannot be sent is refused, naming its attribute, before a file is written (DESIGN §E1)."""
    assert refused(MODEL, hooks=[LockedHook()], store=tmp_path / "out.zarr") == message("""
        attribute 'guard' of hook LockedHook cannot be sent to worker processes
          got: TypeError: cannot pickle '_thread.lock' object
          expected: something that can be pickled
          remedy: make it in a stage method (initialize), or use scheduler='threads'
    """)
    assert not (tmp_path / "out.zarr").exists()


def test_unpicklable_hook_function():
    """A hook function that holds what cannot be sent is refused by its name."""
    lock = threading.Lock()

    @xs.runtime_hook("initialize")
    def closing_over(model, context, state):
        lock.acquire()

    assert refused(MODEL, hooks=[closing_over]).splitlines()[0] == (
        "hook 'test_unpicklable_hook_function.<locals>.closing_over' cannot be sent to worker processes"
    )


def test_unpicklable_attribute_of_a_process_class():
    """A class that travels by value, with an attribute that cannot, is refused, naming process and attribute."""

    @xs.process
    class Holder:
        lock = threading.Lock()
        k = xs.variable()
        out = xs.variable(intent="out")

    assert refused(xs.Model({"holder": Holder})).splitlines()[:2] == [
        "attribute 'lock' of process class Holder (process 'holder') cannot be sent to worker processes",
        "  got: TypeError: cannot pickle '_thread.lock' object",
    ]


def test_unpicklable_input():
    """An input value that cannot be sent is refused, naming the input."""
    setup = setup_of(n=3).assign(simple__k=("b", np.array([Locked(), Locked(), Locked()], dtype=object)))
    with pytest.raises(NotPicklableError) as error:
        setup.xsim.run(MODEL, batch_dim="b", **PROCESSES)
    assert str(error.value).splitlines()[:2] == [
        "the value of input 'simple__k' cannot be sent to worker processes",
        "  got: TypeError: cannot pickle '_thread.lock' object",
    ]


def test_threads_need_no_pickling():
    """What cannot be sent works with threads."""
    options = {"parallel": True, "scheduler": "threads", "workers": 2}
    result = setup_of().xsim.run(MODEL, batch_dim="b", hooks=[LockedHook()], **options)
    assert result.simple__out.values.tolist() == [0, 2, 4, 6, 8, 10]


@xs.process
class Unsaveable:
    k = xs.variable()
    out = xs.variable(intent="out")

    def initialize(self):
        self.lock = threading.Lock()
        self.out = self.k * 1.0


@pytest.mark.slow
def test_what_a_process_makes_itself_need_not_travel():
    """Objects made in a stage method stay in the worker."""
    model = xs.Model({"unsaveable": Unsaveable})
    result = setup_of(model, output_vars=["out"]).xsim.run(model, batch_dim="b", **PROCESSES)
    assert result.unsaveable__out.values.tolist() == [0, 1, 2, 3, 4, 5]


@xs.process
class Deadly:
    k = xs.variable()
    out = xs.variable(intent="out")

    def initialize(self):
        if self.k == 4:
            os._exit(7)
        self.out = self.k * 1.0


def test_a_worker_that_dies(tmp_path):
    """A worker that ends without an answer fails its member; all others are done, and the next run works (§B6)."""
    model = xs.Model({"deadly": Deadly})
    setup = setup_of(model, n=8, output_vars=["out"])
    with pytest.raises(WorkerError) as error:
        setup.xsim.run(model, batch_dim="b", block=1, store=tmp_path / "out.zarr", **PROCESSES)
    assert error.value.__cause__.problem == "the worker process that ran this member ended"
    assert isinstance(error.value, RuntimeError)
    with xr.open_zarr(tmp_path / "out.zarr") as opened:
        assert opened.attrs["xsim_outcome"] == "failed"
        outcomes = opened.xsim_outcome.values
        assert outcomes.tolist() == ["done"] * 4 + ["failed"] + ["done"] * 3
        np.testing.assert_array_equal(np.isfinite(opened.deadly__out), outcomes == "done")
    again = setup_of().xsim.run(MODEL, batch_dim="b", **PROCESSES)
    assert again.simple__out.values.tolist() == [0, 2, 4, 6, 8, 10]


def test_a_store_on_disk(tmp_path):
    """Workers write into the store themselves, and failed members leave nothing."""

    @xs.process
    class Picky:
        k = xs.variable()
        out = xs.variable(intent="out")
        row = xs.variable(dims="x", intent="out")

        def initialize(self):
            self.out = self.k
            self.row = np.zeros(0)

        def run_step(self):
            self.row = np.arange(float(self.k))
            if self.k == 3:
                raise ValueError("three")

    model = xs.Model({"picky": Picky})
    setup = setup_of(model, output_vars=["row"]).xsim.update_vars(model, output_vars={"picky__out": "time"})
    for block in (1, 2, None):
        with pytest.raises(BatchError) as error:
            setup.xsim.run(model, batch_dim="b", store=tmp_path / f"{block}.zarr", block=block, **PROCESSES)
        result = error.value.result
        assert result.xsim_outcome.values.tolist() == ["done"] * 3 + ["failed"] + ["done"] * 2
        np.testing.assert_array_equal(result.picky__out[:, 0], [0, 1, 2, np.nan, 4, 5])
        expected = np.where(np.arange(5) < np.arange(6)[:, None], np.arange(5.0), np.nan)
        expected[3] = np.nan
        np.testing.assert_array_equal(result.picky__row, expected)


@pytest.mark.parametrize(
    "options", [{}, {"parallel": True, "workers": 3}, PROCESSES], ids=["seq", "threads", "processes"]
)
def test_large_lazy_inputs(monkeypatch, options):
    """Large lazy inputs are not read while planning; members read their own part (DESIGN §B10)."""
    monkeypatch.setattr("xsim.plan.inputs.LARGEST_IN_MEMORY", 100)
    values = np.arange(6 * 50.0).reshape(6, 50)

    @xs.process
    class Sum:
        k = xs.variable(dims="x")
        out = xs.variable(intent="out")

        def initialize(self):
            self.out = float(self.k.sum())

    model = xs.Model({"sum": Sum})
    setup = xs.create_setup(
        model=model, clocks={}, input_vars={"sum__k": (("b", "x"), values)}, output_vars={"sum__out": None}
    ).chunk({"b": 1})
    plan = setup.xsim.plan(model, batch_dim="b")
    assert not isinstance(plan.inputs[0].values, np.ndarray)
    np.testing.assert_array_equal(setup.xsim.run(model, batch_dim="b", **options).sum__out, values.sum(axis=1))


@pytest.mark.parametrize("options", [{}, PROCESSES], ids=["here", "processes"])
def test_failures_in_classes_that_travel_are_located(options):
    """The file and line of a failure are known also where its class has been sent to the worker by value (§B6)."""

    @xs.process
    class Fails:
        k = xs.variable()

        def initialize(self):
            [self.divide(each) for each in (1, 0)]

        def divide(self, by):
            return self.k / by

    model = xs.Model({"fails": Fails})
    setup = xs.create_setup(model=model, clocks={}, input_vars={"fails__k": ("b", [1, 2, 3])})
    with pytest.warns(xs.BatchWarning):
        result = setup.xsim.run(model, batch_dim="b", on_error="continue", **options)
    line = Fails.divide.__code__.co_firstlineno + 1
    assert result.xsim_line.values.tolist() == [f"{__file__}:{line}"] * 3
