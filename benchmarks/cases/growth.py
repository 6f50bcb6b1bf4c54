"""Growth: what costs more when there is more of it, over two decades; nothing may grow faster than its number."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

import xsim as xs
from benchmarks.cases.building import build, chained
from benchmarks.cases.loop import with_xsim as run_chain
from benchmarks.cases.members import with_xsim as run_members
from benchmarks.cases.saving import save_with_xsim
from benchmarks.measure import Measure, Work
from benchmarks.models import chain, steps_setup
from benchmarks.registry import Measured, Row, case

MOST = 1.1
"""The largest exponent that is taken for a straight line, with the noise of a machine."""

STEPS_OF_OUTPUTS = 200
STEPS_OF_ARRAYS = 10
OUTPUTS = 300


def _exponent(m: Measure, per: str, sizes: Sequence[int], work: Work) -> Row:
    """Fit a power to what is left of the times without that of a call that does next to nothing."""
    nothing = 1
    times = m.times((nothing, *sizes), {"xsim": work})
    counted = times.sizes[1:]
    base = times.usual(times.sizes[0], "xsim")
    more = np.array([times.usual(size, "xsim") - base for size in counted])
    units = np.array(counted) - times.sizes[0]
    usable = more > 0  # at tiny sizes noise may be all there is
    exponent = float("nan")
    if usable.sum() > 1:
        exponent = float(np.polyfit(np.log(units[usable]), np.log(more[usable]), 1)[0])
    details = {"sizes": list(counted), "seconds": [times.usual(n, "xsim") for n in counted], "base": base}
    return m.row(exponent, "exponent", MOST, per=per, details=details)


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
    """A chain of processes."""
    return _exponent(m, "process", (100, 300, 1_000, 3_000, 10_000), build(chained))


@case("G4", "growth", "a sweep on disk against members")
def members(m: Measure) -> Measured:
    """The tiny members of E1."""
    return _exponent(m, "member", (100, 300, 1_000, 3_000, 10_000), run_members(m))


@case("G5", "growth", "run() on disk against the size of an array")
def array_size(m: Measure) -> Measured:
    """A field of numbers, saved at each of ten steps."""
    sizes = (20_000, 60_000, 200_000, 600_000, 2_000_000)
    return _exponent(m, "number", sizes, lambda size: save_with_xsim(size, STEPS_OF_ARRAYS, m.path()))
