"""How a case is measured."""

from __future__ import annotations

import gc
import math
import shutil
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from cProfile import Profile
from dataclasses import dataclass, field
from pathlib import Path
from pstats import Stats
from statistics import median
from types import TracebackType
from typing import Any, Self

from benchmarks.registry import Case, Row
from benchmarks.speed import Speed

Work = Callable[[int], Callable[[], object]]
"""Gets ready for a size, and gives what is timed."""

LEAST_ROUNDS = 5
MOST_ROUNDS = 25
PROFILED = 20
"""Functions that a profile names."""

PATIENCE = 8.0
"""Seconds in which rounds are repeated, if more than the least of them fit in."""

PATIENCE_ON_WALL = 20.0
"""The same where nobody can tell how fast the machine was meanwhile, so that only their number helps."""


@dataclass(frozen=True)
class Times:
    """Seconds by size and by who did the work, one for each round.

    Rounds go around all works and sizes, so that the slow moments of a machine meet all of them alike. What counts is
    the median over rounds of what is found in each. The least would do on a quiet machine; on any other one short works
    find a quiet moment, and long ones, which are those of xsim, do not. Where one thread works, the speed of the
    machine is looked at all the while, and seconds are those that the work would have taken at its full speed.
    """

    sizes: tuple[int, ...]
    seconds: Mapping[tuple[int, str], Sequence[float]]
    passed: Mapping[tuple[int, str], Sequence[float]] = field(default_factory=dict)

    @property
    def as_passed(self) -> Times:
        """The same times as they passed, however fast the machine was."""
        return Times(self.sizes, self.passed or self.seconds)

    def best(self, size: int, who: str) -> float:
        """Give the least time at a size."""
        return min(self.seconds[size, who])

    def usual(self, size: int, who: str) -> float:
        """Give the median of the times at a size."""
        return median(self.seconds[size, who])

    def slope(self, who: str) -> float:
        """Give the time that one more unit costs, between the first size and the last: the median over the rounds."""
        low, high = self.sizes[0], self.sizes[-1]
        rounds = zip(self.seconds[low, who], self.seconds[high, who], strict=True)
        return median([(more - less) / (high - low) for less, more in rounds])

    def least_slope(self, who: str) -> float:
        """Give the same from the least times."""
        low, high = self.sizes[0], self.sizes[-1]
        return (self.best(high, who) - self.best(low, who)) / (high - low)

    def fixed(self, who: str) -> float:
        """Give the time at size zero, were all a straight line."""
        return self.usual(self.sizes[0], who) - self.slope(who) * self.sizes[0]

    @property
    def rounds(self) -> int:
        """Number of rounds."""
        return len(next(iter(self.seconds.values())))


class Measure:
    """Measures one case; a context for the files that it makes.

    Parameters
    ----------
    case : Case
    small : bool
        Only see that all works: sizes a hundredth, one round.
    cpu : bool
        Count processor time, where work is done by one thread: for machines that are busy with other things.
    profile : bool
        Tell in what functions xsim spends its time, besides; times are not worth much then.
    """

    def __init__(self, case: Case, small: bool = False, cpu: bool = False, profile: bool = False) -> None:
        self.case = case
        self.small = small
        self._clock = time.process_time if cpu else time.perf_counter
        self._files = 0
        self._profile = Profile() if profile else None

    def __enter__(self) -> Self:
        self._scratch = tempfile.TemporaryDirectory(prefix="xsim-bench-")
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self._scratch.cleanup()
        if self._profile is not None and error is None:
            Stats(self._profile).strip_dirs().sort_stats("tottime").print_stats(PROFILED)

    def path(self) -> Path:
        """Give the path of a new store; it is deleted after the work for which it was asked for."""
        self._files += 1
        return Path(self._scratch.name) / f"{self._files}.zarr"

    def size(self, size: int) -> int:
        """Give a size that is right for this run."""
        return max(1, size // 100) if self.small else size

    def times(
        self,
        sizes: Sequence[int],
        works: Mapping[str, Work],
        wall: bool = False,
        rounds: int = LEAST_ROUNDS,
        look: bool | None = None,
    ) -> Times:
        """Time works at sizes, in turns.

        Parameters
        ----------
        sizes : sequence of int
        works : mapping of str to callable
            By who does it.
        wall : bool
            Count the time of the clock on the wall, whatever was asked for: work is done by several at once.
        rounds : int
            Rounds at the least.
        look : bool, optional
            Whether to look at the speed of the machine meanwhile; by default where one thread works. What others do
            beside it slows the machine down too, and its times would look too good, but for those of others that do
            the same.
        """
        sizes = self._distinct(sizes)
        clock = time.perf_counter if wall else self._clock
        found: dict[tuple[int, str], list[tuple[float, float]]] = {(size, who): [] for size in sizes for who in works}
        looking = (not wall if look is None else look) and not self.small and self._profile is None
        speed = Speed(clock) if looking else None
        if not self.small:
            for work in works.values():  # what is only done the first time
                self._time(work, sizes[0], clock, speed)
        patience = PATIENCE_ON_WALL if speed is None else PATIENCE
        started = time.perf_counter()
        done = 0
        while True:
            for size in sizes:
                for who, work in works.items():
                    watched = size == sizes[-1] and who == "xsim"
                    found[size, who].append(self._time(work, size, clock, speed, watched))
            done += 1
            enough = done >= rounds and time.perf_counter() - started > patience
            if self.small or enough or done >= max(rounds, MOST_ROUNDS):
                passed = {key: [seconds for seconds, _ in each] for key, each in found.items()}
                if speed is None:
                    return Times(sizes, passed)
                full = {key: [seconds * Speed.best / loop for seconds, loop in each] for key, each in found.items()}
                return Times(sizes, full, passed)

    def _time(
        self, work: Work, size: int, clock: Callable[[], float], speed: Speed | None, watched: bool = False
    ) -> tuple[float, float]:
        do = work(size)
        # What is there already is nothing that the collector, which is left on, has to look through for either.
        gc.collect()
        gc.freeze()
        with self._profile if self._profile is not None and watched else nullcontext():
            if speed is not None:
                seconds, loop = speed.time(do)
            else:
                started = clock()
                do()
                seconds, loop = clock() - started, 1.0
        gc.unfreeze()
        del do
        for path in Path(self._scratch.name).iterdir():
            shutil.rmtree(path)
        return seconds, loop

    def _distinct(self, sizes: Sequence[int]) -> tuple[int, ...]:
        wanted = sorted({self.size(size) for size in sizes})
        return tuple(wanted) if len(wanted) == len(sizes) else tuple(range(1, len(sizes) + 1))

    def slopes(
        self,
        per: str,
        sizes: tuple[int, int],
        works: Mapping[str, Work],
        target: float | None,
        parts: int = 1,
        wall: bool = False,
        title: str = "",
    ) -> Row:
        """Compare what one more unit costs with xsim and by hand.

        Parameters
        ----------
        per : str
            The unit.
        sizes : tuple of int
            Two of them, a decade apart.
        works : mapping of str to callable
            Of "xsim", "by hand", and others that are only shown.
        target : float, optional
            How many times as much xsim may cost.
        parts : int
            Units in one step of the size.
        wall : bool
            See `times`.
        title : str
            What distinguishes this row from others of the case.
        """
        times = self.times(sizes, works, wall)
        return self.row(
            ratio(times.slope("xsim"), times.slope("by hand")),
            "×",
            target,
            per=per,
            title=title,
            seconds={who: times.slope(who) / parts for who in works},
            fixed=times.fixed("xsim"),
            details={
                "sizes": list(times.sizes),
                "rounds": times.rounds,
                "by the least": ratio(times.least_slope("xsim"), times.least_slope("by hand")),
            },
        )

    def row(self, value: float, unit: str, target: float | None = None, title: str = "", **more: Any) -> Row:
        """Make a row of this case."""
        whole = ", ".join(filter(None, [self.case.title, title]))
        return Row(self.case.key, self.case.phase, whole, value, unit, target, **more)


def ratio(one: float, other: float) -> float:
    """Divide, where noise at tiny sizes may leave nothing to divide by."""
    return one / other if one > 0 and other > 0 else math.nan
