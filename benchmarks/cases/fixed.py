"""Fixed costs: what one call costs, however little it does."""

from __future__ import annotations

from collections.abc import Callable
from statistics import median
from typing import Any

import xsim as xs
from benchmarks.measure import Measure, Work
from benchmarks.models import TINY, chain, steps_setup, tiny_setup
from benchmarks.registry import Measured, case

STEPS = 10
MEMBERS = 10
ROUNDS = 10


def _milliseconds(m: Measure, work: Work, size: int, bound: float) -> Measured:
    times = m.times((size,), {"xsim": work}, rounds=ROUNDS)
    (found,) = times.seconds.values()
    details = {"rounds": times.rounds, "by medians": median(found) * 1e3}
    return m.row(min(found) * 1e3, "ms", bound, per="call", seconds={"xsim": min(found)}, details=details)


def _small_run(**options: Any) -> Callable[[int], Callable[[], object]]:
    model = xs.Model(chain(5))

    def ready(steps: int) -> Callable[[], object]:
        setup = steps_setup(model, steps, output_vars={f"p{i}__value": "step" for i in range(3)})
        made = {name: make() for name, make in options.items()}
        return lambda: setup.xsim.run(model, progress=False, **made)

    return ready


@case("X1", "fixed", "run() of a small model, in memory")
def in_memory(m: Measure) -> Measured:
    """Five processes, ten steps, three outputs."""
    return _milliseconds(m, _small_run(), STEPS, 10.0)


@case("X2", "fixed", "run() of a small model, on disk")
def on_disk(m: Measure) -> Measured:
    """The same, into a store."""
    return _milliseconds(m, _small_run(store=m.path), STEPS, 60.0)


@case("X3", "fixed", "a sweep of 10 members on disk, with all its records")
def sweep(m: Measure) -> Measured:
    """Ten tiny members."""

    def ready(members: int) -> Callable[[], object]:
        setup, store = tiny_setup(members), m.path()
        return lambda: setup.xsim.run(TINY, batch_dim="member", store=store, progress=False)

    return _milliseconds(m, ready, MEMBERS, 150.0)
