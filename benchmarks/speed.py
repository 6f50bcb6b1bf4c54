"""How fast the machine is at a moment: where others compute on it too, that changes by a factor of two, and often."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from statistics import fmean

EVERY = 0.02
"""Seconds between two looks at the speed."""

LOOP = 8_000
"""Rounds of the loop that tells: a quarter of a millisecond."""


class Speed:
    """Tells how long a short loop takes while something else is timed.

    Parameters
    ----------
    clock : callable
        Of the work.

    Attributes
    ----------
    best : float
        Seconds that the loop has ever taken at the least: the machine at its full speed.
    """

    best = float("inf")

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._looks: list[float] = []
        self._spent = 0.0

    def look(self, *_: object) -> None:
        """Time the loop once."""
        started, began = self._clock(), time.thread_time()
        for _number in range(LOOP):
            pass
        took = time.thread_time() - began  # whoever else has the interpreter meanwhile does not count
        Speed.best = min(Speed.best, took)
        self._looks.append(took)
        self._spent += self._clock() - started

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Look again and again, between the instructions of the main thread."""
        if not hasattr(signal, "setitimer"):  # Windows: a look before and one after have to do
            yield
            return
        before = signal.signal(signal.SIGALRM, self.look)
        signal.setitimer(signal.ITIMER_REAL, EVERY, EVERY)
        try:
            yield
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, before)

    def time(self, do: Callable[[], object]) -> tuple[float, float]:
        """Time something.

        Returns
        -------
        seconds, loop : float
            What it took, without the looks, and what the loop took meanwhile.
        """
        self._looks.clear()
        self.look()
        self._spent = 0.0
        with self.watched():
            started = self._clock()
            do()
            seconds = self._clock() - started
        seconds -= self._spent
        self.look()
        return seconds, fmean(self._looks)
