"""Where the time of a run goes: each piece of work has an account, charged while it runs and no piece within it does.

A run that is not explained has no profile, and nothing of this happens.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from enum import StrEnum
from typing import Any, NamedTuple

import attrs

CLOCKS: tuple[Callable[[], int], Callable[[], int]] = (time.perf_counter_ns, time.thread_time_ns)
"""Nanoseconds that pass, and those in which the CPU worked for the calling thread."""

TRIES, REPEATS = 5, 1000
"""How often the cost of measuring is measured, and how many pieces of work each time."""


class Part(StrEnum):
    """Kinds of work in a run."""

    PROCESS = "process"
    ON_DEMAND = "on demand"
    HOOK = "hook"
    INPUTS = "inputs"
    SAVING = "saving"
    WRITING = "writing"
    LOOP = "loop"
    MEMBERS = "members"
    SCHEDULING = "scheduling"
    PLANNING = "planning"
    OPENING = "opening"
    CLOSING = "closing"
    RESULT = "result"
    REST = "rest"


class Place(NamedTuple):
    """A piece of work: its kind, the process, output, hook or input that it is for, and the stage."""

    part: Part
    name: str = ""
    stage: str = ""


class Account:
    """What a piece of work took.

    Attributes
    ----------
    calls, inner : int
        How often it ran; how many timed pieces ran within it.
    wall, cpu : int
        Nanoseconds, without those of the pieces within it.
    """

    __slots__ = ("calls", "cpu", "inner", "wall")

    def __init__(self, calls: int = 0, inner: int = 0, wall: int = 0, cpu: int = 0) -> None:
        self.calls = calls
        self.inner = inner
        self.wall = wall
        self.cpu = cpu

    @property
    def figures(self) -> tuple[int, int, int, int]:
        """All of it."""
        return self.calls, self.inner, self.wall, self.cpu

    def clear(self) -> None:
        """Begin anew."""
        self.calls = self.inner = self.wall = self.cpu = 0


class Ledger:
    """The accounts of one thread, one of which is charged at a time.

    Attributes
    ----------
    accounts : dict of Place to Account
    current : Account
        That is charged; at first one of nothing.
    wall, cpu : int
        When that began.
    """

    __slots__ = ("accounts", "cpu", "current", "wall")

    def __init__(self) -> None:
        self.accounts: dict[Place, Account] = {}
        self.current = Account()
        self.wall = self.cpu = 0

    def account(self, place: Place) -> Account:
        """Give the account of a piece of work, which is made when it is first asked for."""
        account = self.accounts.get(place)
        if account is None:
            account = self.accounts[place] = Account()
        return account


class _Threads(threading.local):
    """The ledger of each thread, made when it is first asked for."""

    def __init__(self, make: Callable[[], Ledger]) -> None:
        self.ledger = make()


@attrs.frozen
class Cost:
    """Nanoseconds that measuring adds to a piece of work, and to the one around it, on each of the two clocks."""

    own: tuple[float, float] = (0.0, 0.0)
    around: tuple[float, float] = (0.0, 0.0)


@attrs.frozen
class Row:
    """What a piece of work took.

    Attributes
    ----------
    place : Place
    calls : int
    seconds : float
        Without the pieces within it, and without measuring; where several workers work at a time, of a CPU.
    waited : float
        Seconds in which no CPU was at work for it, where several workers work at a time; else these are in `seconds`.
    """

    place: Place
    calls: int
    seconds: float
    waited: float


@attrs.frozen
class Timing:
    """What a run took.

    Attributes
    ----------
    rows : tuple of Row
        Their seconds are those of all threads and worker processes together.
    wall : float
        Seconds from beginning to end.
    measuring : float
        Seconds that measuring added, in none of the rows.
    concurrent : bool
        Whether several threads or processes may have worked at a time, so that seconds are those of a CPU.
    """

    rows: tuple[Row, ...]
    wall: float
    measuring: float
    concurrent: bool

    @property
    def total(self) -> float:
        """Seconds of all rows."""
        return sum(row.seconds for row in self.rows)


Figures = Mapping[Place, tuple[int, int, int, int]]


class Profile:
    """Measures a run.

    Parameters
    ----------
    concurrent : bool
        Whether several threads or processes work at a time; then CPU seconds are measured too.
    cost : Cost, optional
        Of measuring; measured if it is not given.
    """

    def __init__(self, concurrent: bool, cost: Cost | None = None) -> None:
        self.concurrent = concurrent
        self.classes: dict[Any, type] = {}
        self.wall = 0
        self._clock, cpu_clock = CLOCKS
        self._cpu_clock = cpu_clock if concurrent else None
        self.cost = cost or self._measure_cost()
        self._start()

    def __reduce__(self) -> tuple[Any, ...]:
        return Profile, (self.concurrent, self.cost)  # a worker process has accounts of its own

    def _start(self) -> None:
        self._ledgers: list[Ledger] = []
        self._from_workers: list[Figures] = []
        self._threads = _Threads(self._new_ledger)

    def _new_ledger(self) -> Ledger:
        ledger = Ledger()
        self._ledgers.append(ledger)
        return ledger

    def wrap(self, place: Place, call: Callable[..., Any]) -> Callable[..., Any]:
        """Measure what a function takes."""
        if self._cpu_clock is not None:
            return self._wrap_for_both(place, call)
        threads, clock = self._threads, self._clock
        accounts: dict[Ledger, Account] = {}

        # As short as can be: what it costs itself can only be taken out as far as that is known.
        def timed(*args: Any, **kwargs: Any) -> Any:
            ledger = threads.ledger
            account = accounts.get(ledger)
            if account is None:
                account = accounts[ledger] = ledger.account(place)
            around = ledger.current
            around.inner += 1
            account.calls += 1
            ledger.current = account
            now = clock()
            around.wall += now - ledger.wall
            ledger.wall = now
            try:
                return call(*args, **kwargs)
            finally:
                ledger.current = around
                now = clock()
                account.wall += now - ledger.wall
                ledger.wall = now

        return timed

    def _wrap_for_both(self, place: Place, call: Callable[..., Any]) -> Callable[..., Any]:
        threads, begin, charge = self._threads, self._begin, self._charge

        def timed(*args: Any, **kwargs: Any) -> Any:
            ledger = threads.ledger
            around = begin(ledger, place)
            try:
                return call(*args, **kwargs)
            finally:
                charge(ledger, around)

        return timed

    @contextmanager
    def piece(self, place: Place) -> Iterator[None]:
        """Measure a block of code."""
        ledger = self._threads.ledger
        around = self._begin(ledger, place)
        try:
            yield
        finally:
            self._charge(ledger, around)

    def _begin(self, ledger: Ledger, place: Place) -> Account:
        """Begin a piece of work; give the account that was charged until then."""
        account, around = ledger.account(place), ledger.current
        around.inner += 1
        account.calls += 1
        self._charge(ledger, account)
        return around

    def _charge(self, ledger: Ledger, account: Account) -> None:
        """Charge another account from now on."""
        current, ledger.current = ledger.current, account
        wall = self._clock()
        current.wall += wall - ledger.wall
        ledger.wall = wall
        if self._cpu_clock is not None:
            cpu = self._cpu_clock()
            current.cpu += cpu - ledger.cpu
            ledger.cpu = cpu

    @contextmanager
    def whole(self) -> Iterator[None]:
        """Measure all of a run."""
        ledger = self._threads.ledger
        with self.piece(Place(Part.REST)):
            started = ledger.wall
            yield
        self.wall = ledger.wall - started

    def drain(self) -> Figures:
        """Give what the accounts hold, and empty them: what a worker process sends home."""
        figures = self._figures()
        self._from_workers.clear()
        for ledger in self._ledgers:
            for account in ledger.accounts.values():
                account.clear()
        return figures

    def absorb(self, figures: Figures) -> None:
        """Take what a worker process has measured."""
        self._from_workers.append(figures)

    def _figures(self) -> Figures:
        found: dict[Place, tuple[int, int, int, int]] = {}
        of_threads = [{place: a.figures for place, a in ledger.accounts.items()} for ledger in self._ledgers]
        for figures in (*of_threads, *self._from_workers):
            for place, (calls, inner, wall, cpu) in figures.items():
                before = found.get(place, (0, 0, 0, 0))
                found[place] = (before[0] + calls, before[1] + inner, before[2] + wall, before[3] + cpu)
        return found

    def timing(self) -> Timing:
        """Give what the run took, without what measuring added."""
        rows = []
        measuring = 0.0
        for place, (calls, inner, wall, cpu) in self._figures().items():
            # Never more than was measured: the cost is a mean.
            taken = [
                min(float(measured), calls * own + inner * around)
                for measured, own, around in zip((wall, cpu), self.cost.own, self.cost.around, strict=True)
            ]
            passed, worked = ((measured - cost) / 1e9 for measured, cost in zip((wall, cpu), taken, strict=True))
            measuring += taken[self.concurrent] / 1e9
            if not self.concurrent:
                rows.append(Row(place, calls, passed, 0.0))
                continue
            # Who hands out work waits for those who do it, which is no news.
            waited = 0.0 if place.part is Part.SCHEDULING else max(0.0, passed - worked)
            rows.append(Row(place, calls, worked, waited))
        return Timing(tuple(rows), self.wall / 1e9, measuring, self.concurrent)

    def _measure_cost(self) -> Cost:
        """Time pieces of no work, beside the same without being timed; the smallest figures are the least disturbed."""
        inside, outside = Place(Part.PROCESS), Place(Part.LOOP)
        found = []
        for _ in range(TRIES):
            self._start()
            timed = self.wrap(inside, _nothing)
            for part, function in ((Part.LOOP, timed), (Part.SAVING, _nothing), (Part.WRITING, None)):
                with self.piece(Place(part)):
                    _repeat(function)
            _, _, *own = self._figures()[inside]
            _, _, *around = self._figures()[outside]
            _, _, *call = self._figures()[Place(Part.SAVING)]
            _, _, *loop = self._figures()[Place(Part.WRITING)]
            found.append([[v / REPEATS for v in clocks] for clocks in zip(own, around, call, loop, strict=True)])
        costs = []
        for clock in range(2):
            own_time, around_time, call_time, loop_time = (
                min(values) for values in zip(*(f[clock] for f in found), strict=True)
            )
            costs.append((max(0.0, own_time - (call_time - loop_time)), max(0.0, around_time - loop_time)))
        return Cost(own=(costs[0][0], costs[1][0]), around=(costs[0][1], costs[1][1]))


def _repeat(function: Callable[[], None] | None) -> None:
    if function is None:
        for _ in range(REPEATS):
            pass
    else:
        for _ in range(REPEATS):
            function()


def _nothing() -> None:
    """Do nothing."""
