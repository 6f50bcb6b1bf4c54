"""Growth: what costs more when there is more of it, over two decades; nothing may grow faster than its number."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

import xsim as xs
from benchmarks.cases.building import build, chained, sort
from benchmarks.cases.loop import with_xsim as run_chain
from benchmarks.cases.members import with_xsim as run_members
from benchmarks.cases.saving import save_with_xsim
from benchmarks.measure import Measure, Times, Work
from benchmarks.models import chain, steps_setup
from benchmarks.registry import Measured, Row, case

MOST = 1.1
"""The largest exponent that is taken for a straight line, with the noise of a machine."""

CLEARLY_BENT = 1.2
"""One that nothing excuses."""

STEPS_OF_OUTPUTS = 200
STEPS_OF_ARRAYS = 10
OUTPUTS = 300


def _exponent(m: Measure, per: str, sizes: Sequence[int], work: Work, by_hand: Work | None = None) -> Row:
    """Give the exponent of xsim; the target is that of a straight line, or of the work by hand if that bends more."""
    nothing = 1
    works = {"xsim": work} if by_hand is None else {"xsim": work, "by hand": by_hand}
    times = m.times((nothing, *sizes), works)
    exponents = {who: _fitted(times, who) for who in works}
    details = {
        "sizes": list(times.sizes[1:]),
        "seconds": [times.usual(n, "xsim") for n in times.sizes[1:]],
        "base": times.usual(times.sizes[0], "xsim"),
        "exponents": exponents,
    }
    target = min(max(MOST, exponents.get("by hand", MOST)), CLEARLY_BENT)
    return m.row(exponents["xsim"], "exponent", target, per=per, details=details)


def _fitted(times: Times, who: str) -> float:
    """Fit a power to what is left of the times without that of a call that does next to nothing."""
    counted = times.sizes[1:]
    base = times.usual(times.sizes[0], who)
    more = np.array([times.usual(size, who) - base for size in counted])
    units = np.array(counted) - times.sizes[0]
    usable = more > 0  # at tiny sizes noise may be all there is
    if usable.sum() < 2:
        return float("nan")
    return float(np.polyfit(np.log(units[usable]), np.log(more[usable]), 1)[0])


@case("G1", "growth", "run() against steps")
def steps(m: Measure) -> Measured:
    """The chain of A1."""
    return _exponent(m, "step", (1_000, 3_000, 10_000, 30_000, 100_000), run_chain())


@case("G2", "growth", "run() against outputs at each step")
def outputs(m: Measure) -> Measured:
    """A model of many processes, of which more and more values are saved, in memory."""
    number = m.size(OUTPUTS)
    model = xs.Model(chain(max(number, 10)))

    def ready(saved: int) -> Callable[[], object]:
        wanted = {f"p{i}__value": "step" for i in range(saved)}
        setup = steps_setup(model, STEPS_OF_OUTPUTS, output_vars=wanted)
        return lambda: setup.xsim.run(model, progress=False)

    return _exponent(m, "output", (3, 10, 30, 100, OUTPUTS), ready)


@case("G3", "growth", "Model() against processes")
def processes(m: Measure) -> Measured:
    """A chain of processes, beside a sort of its graph: both take longer for each once caches are full."""
    return _exponent(m, "process", (100, 300, 1_000, 3_000, 10_000), build(chained), sort(chained))


@case("G4", "growth", "a sweep on disk against members")
def members(m: Measure) -> Measured:
    """The tiny members of E1."""
    return _exponent(m, "member", (300, 1_000, 3_000, 10_000, 30_000), run_members(m))


@case("G5", "growth", "run() on disk against the size of an array")
def array_size(m: Measure) -> Measured:
    """A field of numbers, saved at each of ten steps."""
    sizes = (20_000, 60_000, 200_000, 600_000, 2_000_000)
    return _exponent(m, "number", sizes, lambda size: save_with_xsim(size, STEPS_OF_ARRAYS, m.path()))
