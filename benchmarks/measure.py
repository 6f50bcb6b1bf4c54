"""How a case is measured."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Case:
    """The same work with xsim and by hand.

    Attributes
    ----------
    name : str
    unit : str
        What the size counts.
    sizes : tuple of int
        Two sizes, a decade apart.
    with_xsim, by_hand : callable
        Do the work at a size.
    """

    name: str
    unit: str
    sizes: tuple[int, int]
    with_xsim: Callable[[int], None]
    by_hand: Callable[[int], None]


@dataclass(frozen=True)
class Measurement:
    """What a case costs, in seconds.

    Attributes
    ----------
    name, unit : str
    slope, limit : float
        Cost of one more unit, with xsim and by hand.
    fixed : float
        Cost of a call with xsim, at size zero.
    """

    name: str
    unit: str
    slope: float
    limit: float
    fixed: float

    @property
    def ratio(self) -> float:
        """How many times as much xsim costs."""
        return self.slope / self.limit


def measure(case: Case, small: bool, repeats: int = 5) -> Measurement:
    """Measure a case; `small` makes it a hundredth of its size, to see that it works."""
    low, high = (max(1, size // 100) if small else size for size in case.sizes)
    if high <= low:
        high = low + 1
    # The least of several: everything else is the machine's noise.
    times = {
        (size, work): min(_seconds(work, size) for _ in range(1 if small else repeats))
        for size in (low, high)
        for work in (case.with_xsim, case.by_hand)
    }
    slope = (times[high, case.with_xsim] - times[low, case.with_xsim]) / (high - low)
    limit = (times[high, case.by_hand] - times[low, case.by_hand]) / (high - low)
    return Measurement(case.name, case.unit, slope, limit, times[low, case.with_xsim] - slope * low)


def _seconds(work: Callable[[int], None], size: int) -> float:
    started = time.perf_counter()
    work(size)
    return time.perf_counter() - started
