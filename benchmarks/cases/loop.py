"""A. The step loop: five cheap processes in a chain, each of which reads a number of the one before."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

import xsim as xs
from benchmarks.measure import Measure, Work
from benchmarks.models import FACTOR, chain, steps_setup
from benchmarks.registry import Measured, case

PROCESSES = 5
SIZES = (2_000, 20_000)
TARGET = 4.0


class First:
    """The first of the chain, as one would write it without a framework."""

    def __init__(self) -> None:
        self.value = 1.0

    def run_step(self) -> None:
        self.value = self.value * FACTOR

    def run_timed(self, step_delta: float) -> None:
        self.value = self.value * FACTOR + step_delta


class Driven(First):
    """The first of the chain, with a factor that changes."""

    drive: float

    def run_step(self) -> None:
        self.value = self.value * self.drive


class Next:
    """One of the others."""

    def __init__(self, source: First | Next) -> None:
        self.source = source
        self.value = 1.0

    def run_step(self) -> None:
        self.value = self.source.value * FACTOR

    def run_timed(self, step_delta: float) -> None:
        self.value = self.source.value * FACTOR + step_delta


def objects(first: First, length: int = PROCESSES) -> list[First | Next]:
    """Give the chain."""
    found: list[First | Next] = [first]
    while len(found) < length:
        found.append(Next(found[-1]))
    return found


def with_xsim(kind: str = "plain", **options: Any) -> Work:
    """Run a chain with xsim."""
    model = xs.Model(chain(PROCESSES, kind))

    def ready(steps: int) -> Callable[[], object]:
        inputs = {"p0__drive": ("step", np.full(steps + 1, FACTOR))} if kind == "driven" else {}
        setup = steps_setup(model, steps, input_vars=inputs)
        return lambda: setup.xsim.run(model, progress=False, **options)

    return ready


def by_hand(steps: int) -> Callable[[], object]:
    """Run the plain chain by hand."""
    calls = [each.run_step for each in objects(First())]

    def loop() -> None:
        for _ in range(steps):
            for call in calls:
                call()

    return loop


@case("A1", "loop", "5 processes in a chain")
def plain(m: Measure) -> Measured:
    """No outputs, no step arguments, no hooks: what a bare loop does."""

    def over_a_dict(steps: int) -> Callable[[], object]:
        state: dict[tuple[str, str], Any] = {}
        calls = [each.run_step for each in _over_a_dict(state)]

        def loop() -> None:
            for _ in range(steps):
                for call in calls:
                    call()

        return loop

    works = {"xsim": with_xsim(), "by hand": by_hand, "properties over a dict": over_a_dict}
    return m.slopes("process-step", SIZES, works, TARGET, parts=PROCESSES)


def _over_a_dict(state: dict[tuple[str, str], Any]) -> list[Any]:
    """Give the chain with all values in one dict, as a framework might hold them."""

    def reading(key: tuple[str, str]) -> property:
        return property(lambda self: state[key], lambda self, value: state.__setitem__(key, value))

    found = []
    for i in range(PROCESSES):
        own = (f"p{i}", "value")
        source = (f"p{max(0, i - 1)}", "value")

        def run_step(self: Any) -> None:
            self.value = self.source * FACTOR

        namespace = {"value": reading(own), "source": reading(source), "run_step": run_step}
        found.append(type(f"P{i}", (), namespace)())
        state[own] = 1.0
    return found


@case("A2", "loop", "5 processes in a chain, given step_delta")
def timed(m: Measure) -> Measured:
    """Each method is given the length of the step."""

    def hand(steps: int) -> Callable[[], object]:
        calls = [each.run_timed for each in objects(First())]
        deltas = np.diff(np.arange(steps + 1.0))

        def loop() -> None:
            for step in range(steps):
                delta = deltas[step]  # a number of numpy's, which models written for xarray-simlab rely on
                for call in calls:
                    call(delta)

        return loop

    works = {"xsim": with_xsim("timed"), "by hand": hand}
    return m.slopes("process-step", SIZES, works, TARGET, parts=PROCESSES)


@case("A3", "loop", "5 processes in a chain, one input along the clock")
def driven(m: Measure) -> Measured:
    """A number of the first process is another one at each step."""

    def hand(steps: int) -> Callable[[], object]:
        first = Driven()
        calls = [each.run_step for each in objects(first)]
        drives = np.full(steps, FACTOR)

        def loop() -> None:
            for step in range(steps):
                first.drive = drives.item(step)  # as xsim gives it: Python computes with its own numbers faster
                for call in calls:
                    call()

        return loop

    works = {"xsim": with_xsim("driven"), "by hand": hand}
    return m.slopes("process-step", SIZES, works, TARGET, parts=PROCESSES)


@case("A4", "loop", "5 processes in a chain, a hook at each step")
def hooked(m: Measure) -> Measured:
    """Hooks cost where they are (A1 has none): here one that counts the steps."""

    class Counter(xs.RuntimeHook):
        steps = 0

        @xs.runtime_hook("run_step", "model", "post")
        def count(self, model: Any, context: Any, state: Any) -> None:
            self.steps += 1

    def hand(steps: int) -> Callable[[], object]:
        calls = [each.run_step for each in objects(First())]
        count = Counter().count
        context: dict[str, Any] = {}

        def loop() -> None:
            for _ in range(steps):
                for call in calls:
                    call()
                count(None, context, context)

        return loop

    works = {"xsim": with_xsim(hooks=[Counter()]), "by hand": hand}
    return m.slopes("process-step", SIZES, works, None, parts=PROCESSES)
