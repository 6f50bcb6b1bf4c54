"""Which members start first; values never depend on it (DESIGN §B3)."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import xarray as xr

import xsim as xs
from xsim.errors import OptionError
from xsim.plan.batch import Batch
from xsim.plan.priority import plan_priorities

BATCH = Batch(("k", "m"), (2, 3), {"k": np.array(["a", "b"])})
SETUP = xr.Dataset(
    {
        "size": ("m", [1.0, 3.0, 2.0]),
        "name": ("k", ["x", "y"]),
        "series": (("t", "m"), np.zeros((4, 3))),
        "one": 5,
    }
)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("size", [[1, 3, 2], [1, 3, 2]]),
        ("one", [[5, 5, 5], [5, 5, 5]]),
        (xr.DataArray([1, 2], dims="k"), [[1, 1, 1], [2, 2, 2]]),
        (xr.DataArray([1, 2], {"k": ["b", "a"]}), [[2, 2, 2], [1, 1, 1]]),
        (xr.DataArray([1, 2, 3], {"k": ["b", "c", "a"]}), [[3, 3, 3], [1, 1, 1]]),
        (xr.DataArray(np.arange(6).reshape(3, 2), dims=("m", "k")), [[0, 2, 4], [1, 3, 5]]),
        ([[1, 2, 3], [4, 5, 6]], [[1, 2, 3], [4, 5, 6]]),
        (np.array([[True, False, True]] * 2), [[1, 0, 1]] * 2),
        (np.array([[np.inf, 0, -np.inf]] * 2), [[np.inf, 0, -np.inf]] * 2),
    ],
)
def test_numbers_for_members(given: Any, expected: Any) -> None:
    """Numbers lie along batch dimensions, by their labels where both have some, or are for all members."""
    found = plan_priorities(given, SETUP, BATCH)
    assert found is not None
    np.testing.assert_array_equal(found, np.array(expected, dtype=float))


def test_none() -> None:
    """Without priorities members run in their order."""
    assert plan_priorities(None, SETUP, BATCH) is None


FIT = "numbers along 'k', 'm', of shape (2, 3), or labelled ones along some of them"


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (
            "sice",
            "priority='sice' is no variable of the setup\n"
            "  expected: the name of a variable along batch dimensions, or numbers\n  did you mean: 'size'?",
        ),
        ("series", f"priority= does not fit the batch\n  got: float64 of {{'t': 4, 'm': 3}}\n  expected: {FIT}"),
        ("name", f"priority= does not fit the batch\n  got: <U1 of {{'k': 2}}\n  expected: {FIT}"),
        ([1, 2, 3], f"priority= does not fit the batch\n  got: int64 of shape (3,)\n  expected: {FIT}"),
        (3, f"priority= does not fit the batch\n  got: int64 of shape ()\n  expected: {FIT}"),
        (
            xr.DataArray([1, 2, 3], dims="k"),
            f"priority= does not fit the batch\n  got: int64 of {{'k': 3}}\n  expected: {FIT}",
        ),
        (
            xr.DataArray([1, 2], {"k": ["b", "c"]}),
            "priority= does not have the labels of the batch along 'k'\n  got: 'b', 'c'\n  expected: 'a', 'b'",
        ),
        (
            [[1, 2, 3], [4, np.nan, 6]],
            "priority= is missing for some members\n  got: NaN at position (1, 1)\n"
            "  expected: a number for each, great ones first",
        ),
    ],
)
def test_what_does_not_fit(given: Any, message: str) -> None:
    """Nobody's members run in an odd order for a mistake."""
    with pytest.raises(OptionError) as caught:
        plan_priorities(given, SETUP, BATCH)
    assert str(caught.value) == message


def test_single_runs_have_no_order() -> None:
    """There is nothing to order in a single run."""
    with pytest.raises(OptionError) as caught:
        plan_priorities("size", SETUP, Batch((), (), {}))
    assert str(caught.value) == "priority= is for batches, whose members it orders\n  got: batch_dim=None"


RAN: list[int] = []


@xs.process
class Odd:
    """Fails in some members, ends early in others, and saves numbers of another type in each."""

    bad = xs.variable(default=-1)
    number = xs.variable(default=0)
    value = xs.variable(intent="out")
    late = xs.variable(intent="out")

    def initialize(self):
        self.value = 0.0

    @xs.runtime(args="batch, step, rng")
    def run_step(self, batch, step, rng):
        if step == 0:
            RAN.append(batch)
        if self.bad == step:
            raise ValueError("bad")
        self.value += batch + rng.random()
        self.late = int(self.number) if self.number % 2 == 0 else self.number + 0.5


@xs.runtime_hook("run_step", level="model", trigger="post")
def stop(model, context, state):
    """End members early, but for a few, which are the first to save an output."""
    return None if state["odd", "number"] in (17, 20) or context["step"] < 1 else xs.RuntimeSignal.BREAK


MODEL = xs.Model({"odd": Odd})
SIZE = 24


def setup_of(bad: int = -1) -> xr.Dataset:
    """Make a batch of which some members fail."""
    fails = np.full(SIZE, -1)
    fails[[2, 9]] = bad
    return xs.create_setup(
        MODEL,
        {"t": [0, 1, 2, 3], "last": [3]},
        main_clock="t",
        input_vars={"odd__bad": ("m", fails), "odd__number": ("m", np.arange(SIZE))},
        output_vars={"odd__value": "t", "odd__late": "last"},
    )


def test_great_ones_start_first() -> None:
    """After the first members, which tell sizes, those of great priority come first."""
    RAN.clear()
    setup_of().xsim.run(MODEL, "m", priority=np.arange(SIZE), block=1, on_error="continue", hooks=[stop])
    # Those that are the first to save an output run again.
    assert [*dict.fromkeys(RAN)] == [0, *range(SIZE - 1, 0, -1)]


@pytest.mark.parametrize("options", [{}, {"scheduler": "threads"}, {"scheduler": "processes"}])
@pytest.mark.parametrize("block", [5, *(pytest.param(each, marks=pytest.mark.slow) for each in (1, None))])
def test_values_do_not_depend_on_the_order(tmp_path: Any, options: dict[str, Any], block: int | None) -> None:
    """Priorities, failures and resuming change no bit (§B7)."""
    rng = np.random.default_rng(1)
    options = {"parallel": True, "workers": 2, **options} if options else {}
    options |= {"seed": 5, "on_error": "continue", "hooks": [stop]}
    plain = setup_of().xsim.run(MODEL, "m", seed=5, hooks=[stop])
    store = tmp_path / "x.zarr"
    if block is not None:
        options["block"] = block
    with pytest.warns(xs.BatchWarning):
        first = setup_of(1).xsim.run(MODEL, "m", store=store, priority=rng.permutation(SIZE), **options)
    done = (first.xsim_outcome == "done").values
    assert np.flatnonzero(~done).tolist() == [2, 9]
    for name in ("odd__value", "odd__late"):
        np.testing.assert_array_equal(first[name][done], plain[name][done])
    with pytest.warns(xs.BatchWarning):
        again = setup_of(1).xsim.run(MODEL, "m", store=store, resume=True, priority=rng.permutation(SIZE), **options)
    for name in ("odd__value", "odd__late"):
        np.testing.assert_array_equal(again[name], first[name])
