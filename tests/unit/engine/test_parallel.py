"""Running the processes of one model at the same time, where that pays (DESIGN §O3 to §O5)."""

import signal
import textwrap
import threading
import time
from types import SimpleNamespace

import numpy as np
import pytest

import xsim as xs
from xsim._base.stages import Stage
from xsim.engine import parallel, tasks

BREAK = xs.RuntimeSignal.BREAK
STEPS = 10
ENOUGH = 2 + 4 * parallel.TRIALS  # steps in which a stage is decided, however close both ways are


@pytest.fixture
def always(monkeypatch):
    """Let stages run in tasks, whatever it costs; one pass is a sequential trial."""
    monkeypatch.setattr(parallel, "WORTH_TRYING", 0)
    monkeypatch.setattr(parallel, "LOOKING", 0)
    monkeypatch.setattr(parallel, "LEAST_GAIN", 0)
    monkeypatch.setattr(parallel, "TRIALS", 1)
    monkeypatch.setattr(parallel, "CLEAR_GAIN", 1e-9)
    monkeypatch.setattr(tasks, "CHEAPEST_TASK", 1e-9)


def process(step, parallel=True, **variables):
    """Make a process class from a function that is its run_step."""

    def run_step(self):
        return step(self)

    variables.setdefault("u", xs.variable(default=1))
    return xs.process(type("P", (), variables | {"run_step": run_step}), parallel=parallel)


def run(classes, outputs=None, steps=STEPS, **options):
    """Run a model; two threads at a time unless told otherwise."""
    model = xs.Model(classes)
    setup = xs.create_setup(model=model, clocks={"time": np.arange(steps + 1)}, output_vars=outputs or {})
    options = {"parallel": True, "workers": 2, "threads_per_worker": 1, "progress": False} | options
    if not options["parallel"]:
        del options["workers"]
    return setup.xsim.run(model=model, **options)


def summary(*args, **options):
    """Give what a run says about its stages."""
    return run(*args, **options).attrs.get("xsim_summary", "")


def threads_of(classes_of, **options):
    """Give the threads in which processes ran, step by step."""
    steps = []

    def note(process):
        steps.append(threading.current_thread().name.partition("_")[0])

    run(classes_of(note), **options)
    return steps


# -- what runs where ------------------------------------------------------------------------------------------------


def nap(process):
    """Take long enough for scheduling to be worth it."""
    time.sleep(2e-3)


def test_really_at_the_same_time(always):
    """Processes that do not wait for each other run at the same time."""
    barrier = threading.Barrier(2, timeout=10)
    met = []

    def meet(process):
        # The trial runs them one after the other: nobody to meet.
        if threading.current_thread() is not threading.main_thread():
            met.append(barrier.wait())

    assert "runs in parallel: 2 tasks made it" in summary({"a": process(meet), "b": process(meet)})
    assert met.count(0) == met.count(1) >= STEPS - 3


def test_gain_is_kept(monkeypatch):
    """A stage that gains runs in parallel, and says so."""
    monkeypatch.setattr(parallel, "LEAST_GAIN", 0)
    text = summary({"a": process(nap), "b": process(nap)}, steps=ENOUGH)

    assert text.partition(": ")[0] == "stage 'run_step' runs in parallel"
    assert text.endswith(" times as fast")


def test_a_fan_is_no_chain(always):
    """Processes that all wait for one, and for nothing else, run at the same time after it (DESIGN §O4)."""
    root = process(nap, v=xs.variable(intent="out"), initialize=lambda self: setattr(self, "v", 1))
    leaves = {f"leaf{i}": process(nap, f=xs.foreign(root, "v")) for i in range(3)}

    text = summary({"root": root} | leaves).splitlines()[-1]
    assert text.partition(": ")[0] == "stage 'run_step' runs in parallel"


@pytest.mark.parametrize("scheduler", [None, "threads", "threading"])
def test_threads(always, scheduler):
    """Threads are the default; once the trials are over all passes are theirs."""
    where = threads_of(lambda note: {"a": process(note), "b": process(note)}, scheduler=scheduler)

    assert where[6:] == ["xsim"] * 2 * (STEPS - 3)


@pytest.mark.parametrize("scheduler", ["synchronous", "sync", "single-threaded"])
def test_synchronous(always, scheduler):
    """The synchronous scheduler runs the tasks here, in an order that keeps all edges."""
    calls = []
    a, b = (process(lambda self, n=n: calls.append(n), v=xs.variable(intent="out")) for n in "ab")
    where = threads_of(lambda note: {"a": process(note), "b": process(note)}, scheduler=scheduler)
    run({"c": process(lambda self: calls.append("c"), f=xs.foreign(a, "v")), "a": a, "b": b}, scheduler=scheduler)

    assert set(where) == {"MainThread"}
    assert len(calls) == 3 * STEPS
    for step in range(STEPS):
        calls_of_step = calls[3 * step : 3 * step + 3]
        assert sorted(calls_of_step) == ["a", "b", "c"]
        assert calls_of_step.index("a") < calls_of_step.index("c")


def test_not_parallel(always):
    """Without parallel=True nothing of this happens, and nothing is said."""
    where = threads_of(lambda note: {"a": process(note), "b": process(note)}, parallel=False)

    assert set(where) == {"MainThread"}
    assert summary({"a": process(nap), "b": process(nap)}, parallel=False) == ""


def test_no_thread_is_left():
    """The threads of a run end with it, also after a failure."""

    def fail(process):
        raise ZeroDivisionError

    before = threading.active_count()
    run({"a": process(nap), "b": process(nap)})
    with pytest.raises(ZeroDivisionError):
        run({"a": process(nap), "b": process(fail)})
    assert threading.active_count() == before


def test_a_thousand_agents(always, monkeypatch):
    """A thousand cheap independent processes are a handful of tasks."""
    monkeypatch.setattr(tasks, "CHEAPEST_TASK", 20e-6)
    agent = process(lambda self: setattr(self, "v", self.u + 1), v=xs.variable(intent="out"))
    text = summary({f"agent{i}": agent for i in range(1000)}, steps=4)

    number = int(text.removeprefix("stage 'run_step' runs in parallel: ").partition(" tasks")[0])
    assert 2 <= number <= 4


@pytest.mark.skipif(not hasattr(signal, "pthread_kill"), reason="no signals to threads")
def test_after_an_interrupt_nothing_starts():
    """Ctrl-C while processes run in threads: those that wait for a thread are not begun (DESIGN §R4)."""
    begun = []
    main = threading.get_ident()

    def step(self):
        begun.append(threading.get_ident())
        if len(begun) == 2:
            signal.pthread_kill(main, signal.SIGINT)
        time.sleep(0.3)

    with pytest.raises(KeyboardInterrupt):
        run({f"p{i}": process(step) for i in range(8)}, steps=1)

    assert 2 <= len(begun) <= 4
    assert main not in begun


# -- falling back, and saying so ------------------------------------------------------------------------------------


def many(count, step):
    """Make many processes that do the same and have nothing to do with each other."""
    cls = process(step)  # to make a class takes longer than to run a thousand of it
    return {f"a{i}": cls for i in range(count)}


def threads_of_first_pass(count, step):
    """Give how many of many processes ran where, in their first pass."""
    found = []

    def watched(self):
        found.append(threading.current_thread() is threading.main_thread())
        step(self)

    run(many(count, watched), steps=1)
    return sum(found), len(found) - sum(found)


def test_many_cheap_processes_need_no_tasks(always, monkeypatch):
    """The first pass of a stage of many cheap processes makes no tasks (DESIGN §O4)."""
    monkeypatch.setattr(parallel, "WORTH_A_TASK", 10)
    assert threads_of_first_pass(1000, lambda self: None) == (1000, 0)


def test_costly_ones_after_many_cheap_ones(always):
    """Where the last of many processes are costly, all but the first of these are tasks."""
    started = []

    def step(self):
        started.append(None)
        if len(started) > 3 * parallel.AT_ONCE:
            time.sleep(2 * parallel.WORTH_A_TASK)

    here, in_pool = threads_of_first_pass(3 * parallel.AT_ONCE + 10, step)

    assert here + in_pool == 3 * parallel.AT_ONCE + 10
    assert 0 < in_pool <= 10


def test_what_many_cheap_ones_share_is_not_looked_for(monkeypatch):
    """A stage of thousands that takes less time than a look at their values is decided without one (DESIGN §O5)."""
    monkeypatch.setattr(parallel, "WORTH_A_TASK", 10)
    monkeypatch.setattr(parallel, "LOOKING", 1.0)
    for name in ("hazard_edges", "SharedState"):
        monkeypatch.setattr(parallel, name, None)
    text = summary(many(1000, lambda self: None), steps=2)

    assert text.startswith("stage 'run_step' runs one process after the other: its processes take ")
    assert text.endswith(" µs in all, less than their scheduling")


def test_many_costly_processes_are_tasks(always):
    """Once a stage of many turns out costly, the first pass goes on in tasks."""
    here, in_pool = threads_of_first_pass(3 * parallel.AT_ONCE, lambda self: time.sleep(2 * parallel.WORTH_A_TASK))

    assert (here, in_pool) == (parallel.AT_ONCE, 2 * parallel.AT_ONCE)


def test_what_ran_here_is_told():
    """The summary does not say that cheap processes ran in parallel where they did not."""
    text = summary(many(3 * parallel.AT_ONCE, lambda self: time.sleep(1e-5)), steps=1)

    assert text == "stage 'run_step' ran one process after the other: too few times to tell whether that pays"


@pytest.mark.parametrize(("gain", "trials"), [(1.1, 6), (0.9, 6), (2.0, 3), (0.5, 3)])
def test_a_small_difference_is_measured_twice_as_often(monkeypatch, gain, trials):
    """What noise could have made is looked at again before it decides."""
    program = parallel.ParallelProgram.__new__(parallel.ParallelProgram)
    program.__dict__ |= {"_trials": {True: [], False: []}, "_parallel": None, "_workers": 2, "_tasks": []}
    program.program = SimpleNamespace(run=lambda values: None, stage=Stage.RUN_STEP)
    program._run_parallel = lambda values: None
    seconds = iter(t for _ in range(20) for t in (0, 1 / gain, 0, 1))
    monkeypatch.setattr(parallel.time, "perf_counter", lambda: next(seconds))
    passes = 0
    while program._parallel is None:
        program._trial({})
        passes += 1

    assert passes == 2 * trials
    assert program._parallel is (gain > 1)


def test_too_cheap(monkeypatch):
    """A stage far cheaper than its scheduling runs sequentially, and says so (DESIGN §O5)."""
    monkeypatch.setattr(parallel, "WORTH_TRYING", 10)
    text = summary({"a": process(lambda self: None), "b": process(lambda self: None)})
    head, _, tail = text.partition("take ")

    assert head == "stage 'run_step' runs one process after the other: its processes "
    assert tail.partition(" µs ")[2] == "in all, less than their scheduling"


def test_a_chain(always):
    """So does a stage whose processes follow each other."""
    a = process(nap, v=xs.variable(intent="out"))
    b = process(nap, f=xs.foreign(a, "v"), v=xs.variable(intent="out"))
    c = process(nap, f=xs.foreign(b, "v"), g=xs.foreign(a, "v"))

    expected = "stage 'run_step' runs one process after the other: its processes follow each other"
    assert summary({"c": c, "b": b, "a": a}) == expected
    alone = {name: process(nap, parallel=False) for name in "abc"}
    assert summary(alone) == expected


def test_one_process(always):
    """And one of a single process."""
    expected = "stage 'run_step' runs one process after the other: it has less than two processes"
    assert summary({"a": process(nap), "idle": xs.process(type("I", (), {"u": xs.variable(default=1)}))}) == expected


def test_no_gain(monkeypatch):
    """A stage that threads do not make faster goes on sequentially, and says so."""
    monkeypatch.setattr(parallel, "WORTH_TRYING", 0)
    monkeypatch.setattr(parallel, "LOOKING", 0)
    monkeypatch.setattr(parallel, "LEAST_GAIN", 1e9)
    where = threads_of(lambda note: {"a": process(note), "b": process(note)}, steps=ENOUGH)
    text = summary({"a": process(nap), "b": process(nap)}, steps=ENOUGH)
    head, _, tail = text.partition("made it ")

    assert where[-2:] == ["MainThread", "MainThread"]
    assert head == "stage 'run_step' runs one process after the other: 2 threads "
    assert tail.partition(" ")[2] == "times as fast"


def test_each_stage_has_its_line(always):
    """What was decided is said once for each stage, in their order."""
    stages = dict.fromkeys(("initialize", "finalize_step"), lambda self: None)
    text = summary({"a": process(nap, **stages)})

    assert text == textwrap.dedent("""\
        stage 'initialize' runs one process after the other: it has less than two processes
        stage 'run_step' runs one process after the other: it has less than two processes
        stage 'finalize_step' runs one process after the other: it has less than two processes""")


def test_worker_processes_in_one_model():
    """Worker processes do not share the state of one model: it runs sequentially, and says so (DESIGN §O5)."""
    where = threads_of(lambda note: {"a": process(note), "b": process(note)}, scheduler="processes")

    assert set(where) == {"MainThread"}
    assert summary({"a": process(nap), "b": process(nap)}, scheduler="processes") == (
        "the processes of one model share its state, which worker processes cannot: they ran one after the other; "
        "scheduler='threads' runs them at the same time"
    )


def test_members_are_not_split(always):
    """With a batch, members run at the same time, and each of them sequentially (DESIGN §O5)."""
    seen = []

    def note(process):
        seen.append((int(process.u), threading.get_ident()))

    model = xs.Model({"a": process(note, u=xs.variable()), "b": process(note, u=xs.foreign(Source, "v")), "s": Source})
    setup = xs.create_setup(
        model=model, clocks={"time": [0, 1, 2]}, input_vars={"a__u": ("m", [1, 2, 3]), "s__v": ("m", [1, 2, 3])}
    )
    setup.xsim.run(model=model, batch_dim="m", parallel=True, workers=2, progress=False)

    assert len(seen) == 3 * 2 * 2
    assert len(set(seen)) == 3  # one thread for each member


@xs.process
class Source:
    """Gives a number."""

    v = xs.variable()


# -- failures, signals, context ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("workers", [1, 2, 4])
def test_the_first_failure_is_raised(always, workers):
    """Of several failures, the first in the sequential order is raised, though another one came before it."""
    failed = threading.Event()

    def early(process):
        failed.wait(0.2)
        raise KeyError("early")

    def late(process):
        failed.set()
        raise ValueError("late")

    classes = {"fine": process(nap), "early": process(early), "late": process(late), "later": process(late)}
    notes = []
    for options in ({"parallel": False}, {"workers": workers}):
        failed.clear()
        with pytest.raises(KeyError) as error:
            run(classes, **options)
        assert error.value.args == ("early",)
        notes.append(error.value.__notes__)
    assert notes[0] == notes[1] == ["in process 'early' (class P), stage 'run_step'", "at step 0 ('time' 0 to 1)"]


def test_what_comes_before_a_failure_still_runs(always):
    """All that precede a failure in the sequential order run, and nothing that waits for it does."""
    calls, failed = [], threading.Event()

    def slow(process):
        failed.wait(0.2)
        calls.append("slow")

    def fail(process):
        failed.set()
        raise ZeroDivisionError

    failing = process(fail, v=xs.variable(intent="out"))
    after = process(lambda self: calls.append("after"), f=xs.foreign(failing, "v"))
    with pytest.raises(ZeroDivisionError):
        run({"slow": process(slow), "failing": failing, "after": after})
    assert calls == ["slow"]


def test_failure_in_a_late_pass(always):
    """A failure in grouped tasks is as one in the first pass; finalize runs after it."""
    steps = []

    def count(process):
        process.n = getattr(process, "n", -1) + 1
        if process.n == 6:
            raise ZeroDivisionError("seventh")

    def finalize(self):
        steps.append(self.n)

    chain = process(count, v=xs.variable(intent="out"), finalize=finalize)
    with pytest.raises(ZeroDivisionError) as error:
        run({"a": chain, "b": process(nap), "c": process(nap)})

    assert error.value.__notes__ == ["in process 'a' (class P), stage 'run_step'", "at step 6 ('time' 6 to 7)"]
    assert steps == [6]


@pytest.mark.parametrize("kind", [KeyboardInterrupt, SystemExit])
def test_exits(always, kind):
    """What ends the program ends it from a thread, too."""

    def leave(process):
        raise kind

    with pytest.raises(kind):
        run({"a": process(nap), "b": process(leave)})


def test_break_skips_those_downstream(always):
    """BREAK skips the same processes as in a sequential run, in each pass (DESIGN §O8)."""
    calls = []

    def note(name, signal=None):
        return lambda self: calls.append(name) or signal

    a = process(note("a", BREAK), v=xs.variable(intent="out"))
    b = process(note("b"), f=xs.foreign(a, "v"), w=xs.variable(intent="inout", default=1))
    c = process(note("c"), f=xs.foreign(b, "w"))
    d = process(note("d"))
    run({"a": a, "b": b, "c": c, "d": d})

    assert sorted(calls) == ["a"] * STEPS + ["d"] * STEPS


@pytest.mark.parametrize("how", ["ignore", "raise"])
def test_numpy_error_state(always, how):
    """The caller's numpy error state holds in the threads."""

    def divide(process):
        process.v = np.ones(1) / np.zeros(1)

    divider = process(divide, v=xs.variable(dims="x", intent="out"))
    with np.errstate(divide=how):
        if how == "raise":
            with pytest.raises(FloatingPointError):
                run({"a": divider, "b": divider})
        else:
            assert np.isinf(run({"a": divider, "b": divider}, {"a__v": "time"}).a__v).all()


def test_random_streams(always):
    """Each process has its own stream, whatever runs at the same time (DESIGN §B11)."""

    def draw(self, rng):
        self.v = rng.random()

    drawer = xs.process(type("D", (), {"v": xs.variable(intent="out"), "run_step": xs.runtime(args="rng")(draw)}))
    classes = dict.fromkeys("abcd", drawer)
    outputs = {f"{name}__v": "time" for name in classes}
    first = run(classes, outputs, seed=1, parallel=False)
    for workers in (1, 2, 4):
        same = run(classes, outputs, seed=1, workers=workers)
        assert all(same[name].equals(first[name]) for name in outputs)
    assert not first.a__v.equals(first.b__v)


def test_stages_with_process_hooks_are_named():
    """A stage whose processes hooks watch runs sequentially, and the summary says so (DESIGN §O7, §O5)."""

    @xs.runtime_hook("run_step", level="process")
    def watch(model, context, state):
        """Look on."""

    text = summary({"a": process(nap), "b": process(nap)}, hooks=[watch])
    assert text == "stage 'run_step' runs one process after the other: hooks watch its processes one by one"


def test_a_stage_that_ends_before_it_is_decided_is_named():
    """The summary tells of each stage, also of one that ran too few times to be measured both ways (DESIGN §O5)."""
    text = summary({"a": process(nap), "b": process(nap)}, steps=2)
    assert text == "stage 'run_step' ran in parallel: too few times to tell whether that pays"
