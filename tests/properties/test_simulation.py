"""Random simulations: memory ≡ store ≡ a loop over numpy by hand, and run(result) ≡ result (DESIGN §C2, §S5)."""

from typing import Any, NamedTuple

import hypothesis.strategies as st
import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from zarr.storage import MemoryStore

import xsim as xs
from xsim.testing.strategies import clocks as any_clocks

QUICK = settings(deadline=None, max_examples=20)
SLOW = settings(deadline=None, max_examples=300)


@xs.process
class Grid:
    size = xs.variable(static=True)
    x = xs.index("x")

    def initialize(self):
        self.x = np.arange(self.size) / 4


@xs.process
class Tank:
    x = xs.foreign(Grid, "x")
    inflow = xs.variable(dims=[(), "x"])
    level = xs.variable(dims="x", intent="inout")
    total = xs.on_demand()
    steps = xs.variable(intent="out")
    full = xs.variable(dims="x", intent="out")

    @total.compute(cache=True)
    def _total(self):
        return float(self.level.sum())

    def initialize(self):
        self.steps = 0
        self.full = self.level > 3

    @xs.runtime(args="step_delta")
    def run_step(self, delta):
        hours = delta / np.timedelta64(1, "h") if isinstance(delta, np.timedelta64) else delta
        self.level += self.inflow * hours
        self.steps += 1
        self.full = self.level > 3

    def finalize_step(self):
        self.level -= 0.25 * self.x


@xs.process
class Drain:
    level = xs.foreign(Tank, "level", intent="inout")
    drained = xs.variable(dims="x", intent="out")

    def initialize(self):
        self.drained = np.zeros_like(self.level)

    def run_step(self):
        self.drained = np.maximum(self.level - 4, 0)
        self.level -= self.drained


MODEL = xs.Model({"grid": Grid, "tank": Tank, "drain": Drain})
OUTPUTS = ("tank__level", "tank__total", "tank__steps", "tank__full", "tank__inflow", "drain__drained")


class Case(NamedTuple):
    """A simulation: clocks, inputs, and which output is saved on which clock."""

    clocks: dict[str, np.ndarray]
    inflow: Any
    level: np.ndarray
    outputs: dict[str, str | None]
    encoding: dict[str, Any]


def numbers(size):
    return st.lists(st.integers(-8, 8).map(lambda n: n / 4), min_size=size, max_size=size).map(np.array)


@st.composite
def cases(draw):
    clocks = draw(any_clocks("t", ["a", "b"]))
    nlabels = clocks["t"].size
    size = draw(st.integers(1, 4))
    level = draw(numbers(size))
    match draw(st.sampled_from(["scalar", "x", "t", "t, x"])):
        case "scalar":
            inflow = draw(numbers(1)).item()
        case "x":
            inflow = ("x", draw(numbers(size)))
        case "t":
            inflow = ("t", draw(numbers(nlabels)))
        case _:
            inflow = (("t", "x"), draw(numbers(nlabels * size)).reshape(nlabels, size))
    chosen = draw(st.lists(st.sampled_from(OUTPUTS), unique=True))
    if isinstance(inflow, tuple) and "t" in inflow[0] and nlabels == 1:
        chosen = [name for name in chosen if name != "tank__inflow"]  # without a step it never has a value
    outputs = {name: draw(st.sampled_from([None, "t", "a", "b"])) for name in chosen}
    encoding = {
        name: {"chunks": (draw(st.integers(1, 4)),)} for name, clock in outputs.items() if clock and draw(st.booleans())
    }
    return Case(clocks, inflow, level, outputs, encoding)


def make_setup(case):
    return xs.create_setup(
        MODEL,
        case.clocks,
        "t",
        input_vars={"grid__size": case.level.size, "tank__inflow": case.inflow, "tank__level": ("x", case.level)},
        output_vars=case.outputs,
    )


def by_hand(case):
    """Values of all outputs at all labels, from a loop over numpy."""
    x = np.arange(case.level.size) / 4
    level, drained, steps, full = case.level.copy(), np.zeros_like(case.level), 0, case.level > 3
    varying = isinstance(case.inflow, tuple) and "t" in case.inflow[0]
    flow = None if varying else case.inflow[1] if isinstance(case.inflow, tuple) else case.inflow
    states, labels = [], case.clocks["t"]

    def state():
        values = (level, float(level.sum()), steps, full, flow, drained)
        return {name: np.array(value) for name, value in zip(OUTPUTS, values, strict=True)}

    for i in range(labels.size - 1):
        flow = case.inflow[1][i] if varying else flow
        delta = labels[i + 1] - labels[i]
        level += flow * (delta / np.timedelta64(1, "h") if labels.dtype.kind in "mM" else delta)
        steps, full = steps + 1, level > 3
        drained = np.maximum(level - 4, 0)
        level -= drained
        states.append(state())
        level -= 0.25 * x
    states.append(state())
    return states


def positions(case, clock):
    """Positions of the labels of a clock on the main clock."""
    return [case.clocks["t"].tolist().index(label) for label in case.clocks[clock].tolist()]


def check(case):
    setup = make_setup(case)
    before = setup.copy(deep=True)
    store = MemoryStore()
    in_memory = setup.xsim.run(MODEL)
    stored = setup.xsim.run(MODEL, store=store, encoding=case.encoding).load()
    states = by_hand(case)

    xr.testing.assert_identical(setup, before)
    xs.testing.assert_identical_runs(stored, in_memory)
    xr.testing.assert_identical(xr.open_zarr(store).load(), stored)
    for name, clock in case.outputs.items():
        expected = [state[name] for state in states]
        expected = expected[-1] if clock is None else np.stack([expected[i] for i in positions(case, clock)])
        np.testing.assert_array_equal(in_memory[name].to_numpy(), expected, strict=True)
    assert set(in_memory.coords) == {*case.clocks, "x"}
    xs.testing.assert_identical_runs(xr.open_zarr(store).xsim.run(MODEL), in_memory)
    xs.testing.assert_identical_runs(in_memory.xsim.run(MODEL, store=MemoryStore()).load(), in_memory)


@QUICK
@given(cases())
def test_simulations(case):
    """Memory, store, plain xarray, a loop by hand and the result run again all agree."""
    check(case)


@pytest.mark.slow
@SLOW
@given(cases())
def test_many_simulations(case):
    """The same, a thousand times."""
    check(case)
