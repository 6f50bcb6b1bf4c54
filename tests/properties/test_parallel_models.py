"""Random models: a valid order, and the same bits from running processes at the same time (DESIGN §O1 to §O6, §O8)."""

import random
import threading
import time

import numpy as np
import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

import xsim as xs
from xsim.engine import parallel, tasks
from xsim.testing.drafts import Draft, DraftProcess, PlannedFailure
from xsim.testing.strategies import drafts

STEPS = 5
NAPS = random.SystemRandom()  # hypothesis must not make the schedule the same each time


def shaken(draft, quiet, threads=None):
    """Make the classes of a model whose schedule is shaken; note the threads that they run in."""

    def nap():
        if threads is not None:
            threads.add(threading.current_thread().name)
        if NAPS.random() < 0.3:
            time.sleep(NAPS.random() * 4e-4)

    return draft.classes(quiet=quiet, pause=nap)


def outcome_of(classes, draft, **options):
    """Run a model; give all that came out, or what was raised."""
    model = xs.Model(classes, order=draft.hints)
    outputs = {f"{name}__{v}": "time" for name in model for v in ("out", "level", "ratio")}
    outputs |= {f"p{each.number}__view": "time" for each in draft.processes if each.view_of is not None}
    outputs |= {f"p{each.number}__lag_{i}": "time" for each in draft.processes for i in range(len(each.lags))}
    setup = xs.create_setup(model, {"time": np.arange(STEPS + 1)}, input_vars=draft.inputs, output_vars=outputs)
    try:
        result = setup.xsim.run(model=model, safe_mode=False, progress=False, **options)
    except PlannedFailure as error:
        # What runs at the same time as a failure cannot be undone, so finalize may meet another state after it.
        notes = [note for note in error.__notes__ if not note.startswith("stage 'finalize' failed after that")]
        return type(error), str(error), notes
    saved = [name for name in outputs if name in result]
    values = {name: (str(v.dtype), v.dims, v.values.tobytes()) for name, v in result[saved].items()}
    ending = {name: result.attrs.get(f"xsim_{name}") for name in ("reason", "process", "stage", "step")}
    return values, ending, {name: (model[name].store[0].tolist(), model[name].store[1:]) for name in model}


@pytest.fixture(autouse=True)
def always_parallel(monkeypatch):
    """Let each stage that can run in tasks do so, whatever it costs; one pass is a sequential trial."""
    monkeypatch.setattr(parallel, "WORTH_TRYING", 0)
    monkeypatch.setattr(parallel, "LOOKING", 0)
    monkeypatch.setattr(parallel, "LEAST_GAIN", 0)
    monkeypatch.setattr(parallel, "TRIALS", 1)
    monkeypatch.setattr(tasks, "CHEAPEST_TASK", 1e-9)


def check_same_bits(draft, quiet):
    """Compare the sequential run with parallel ones."""
    threads: set[str] = set()
    classes = shaken(draft, quiet, threads)
    expected = outcome_of(classes, draft)
    event("raises" if isinstance(expected[0], type) else "stops" if expected[1]["reason"] else "done")

    assert threads == {"MainThread"}
    for workers in (1, 2, 4):
        threads.clear()
        assert outcome_of(classes, draft, parallel=True, workers=workers, threads_per_worker=1) == expected
        event(f"{len(threads - {'MainThread'})} threads of {workers}")
    return classes, expected


def check_with_intents(draft):
    """Compare these with runs that enforce intents too."""
    classes, expected = check_same_bits(draft, quiet=False)
    for options in ({}, {"parallel": True, "workers": 2, "threads_per_worker": 1}):
        assert outcome_of(classes, draft, validate="all", **options) == expected


def test_they_do_run_in_threads():
    """What these properties compare with is not another sequential run."""
    processes = tuple(DraftProcess(number=i, is_array=True, in_place=True) for i in range(2))
    draft, threads = Draft(processes, (0, 1)), set()
    outcome_of(shaken(draft, True, threads), draft, parallel=True, workers=2, threads_per_worker=1)

    assert any(name.startswith("xsim") for name in threads)


@settings(deadline=None, max_examples=8)
@given(drafts(views=False, failures=True))
def test_parallel_equals_sequential(draft):
    """Outputs, objects, endings and what is raised are the same with 1, 2 and 4 threads (DESIGN §O3, §O6, §O8).

    So they are with intents enforced (§V5).
    """
    check_with_intents(draft)


@settings(deadline=None, max_examples=8)
@given(drafts())
def test_arrays_that_share_memory(draft):
    """So they are where arrays are views of others, or of what objects hold (DESIGN §O3)."""
    check_same_bits(draft, quiet=True)


@settings(deadline=None, max_examples=8)
@given(drafts())
def test_views_made_and_used_in_one_stage(draft):
    """So they are where views are made in the stage in which they are used, and what they show is updated."""
    check_same_bits(draft, quiet=False)


@pytest.mark.slow
@settings(deadline=None, max_examples=50)
@given(drafts(views=False, failures=True))
def test_parallel_equals_sequential_many_times(draft):
    """The same, for many models."""
    check_with_intents(draft)


@pytest.mark.slow
@settings(deadline=None, max_examples=50)
@given(drafts(), st.booleans())
def test_arrays_share_memory_many_times(draft, quiet):
    """So they are for many models with views."""
    check_same_bits(draft, quiet)


@settings(deadline=None, max_examples=100)
@given(drafts(failures=True), st.booleans())
def test_order_is_valid(draft, quiet):
    """A process that sets a variable comes before all that use it, but for the next step, in any order of declaration.

    So does the first of those that a hint orders (DESIGN §O1, §O2, §O6).
    """
    place = {name: i for i, name in enumerate(draft.model(quiet=quiet))}

    assert all(place[first] < place[second] for first, second in draft.hints)
    assert set(place) == {f"p{each.number}" for each in draft.processes}
    for each in draft.processes:
        targets = [target for target, variable, _ in each.reads if variable != "level"]
        targets += [each.view_of[0]] if each.view_of is not None and each.view_of[1] != "level" else []
        targets += [other.number for other in draft.processes if each.gathers is not None and other.number % 2 == 0]
        for target in targets:
            assert target == each.number or place[f"p{target}"] < place[f"p{each.number}"]
