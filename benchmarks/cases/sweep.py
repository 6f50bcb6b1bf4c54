"""F. Members of pure Python that take a while, in two worker processes."""

from __future__ import annotations

import time
from collections.abc import Callable
from statistics import median
from typing import Any

from loky import ProcessPoolExecutor, get_reusable_executor

from benchmarks.fresh import run_fresh
from benchmarks.measure import Measure, ratio
from benchmarks.models import BUSY, NAPPING, burn, busy_setup, nap, napping_setup
from benchmarks.registry import Measured, Row, case

MEMBERS = 100
SECONDS = 0.05
WORKERS = 2
ROUNDS = 11
OPTIONS = {"batch_dim": "member", "parallel": True, "scheduler": "processes", "workers": WORKERS, "progress": False}


def _calibrated(seconds: float) -> int:
    """Give the iterations that take so long here."""
    trial = 100_000
    best = min(_timed(burn, trial) for _ in range(5))
    return max(1, round(trial * seconds / best))


def _timed(work: Any, *arguments: Any) -> float:
    started = time.perf_counter()
    work(*arguments)
    return time.perf_counter() - started


@case("F1", "members", "100 members of 50 ms, two warm worker processes: efficiency")
def efficiency(m: Measure) -> Measured:
    """A call without what one of two members that do nothing takes, beside the same of a bare pool.

    Half of the time of one loop is no limit where two processors are not twice as fast as one alone; for members that
    only wait it is.
    """
    seconds = SECONDS / 50 if m.small else SECONDS
    iterations = _calibrated(seconds)

    def with_xsim(members: int) -> Any:
        setup = busy_setup(members, iterations)
        busy_setup(WORKERS, 1).xsim.run(BUSY, **OPTIONS)  # start-up is over
        return lambda: setup.xsim.run(BUSY, **OPTIONS)

    def with_xsim_idle(_: int) -> Any:
        setup = busy_setup(WORKERS, 1)
        return lambda: setup.xsim.run(BUSY, **OPTIONS)

    def in_pool(members: int) -> Any:
        return lambda: list(pool.map(burn, [iterations] * members))

    def in_pool_idle(_: int) -> Any:
        return lambda: list(pool.map(burn, [1] * WORKERS))

    def in_one_loop(members: int) -> Any:
        return lambda: _each(burn, [iterations] * members)

    def napping(members: int) -> Any:
        setup = napping_setup(members, seconds)
        return lambda: setup.xsim.run(NAPPING, **OPTIONS)

    def napping_in_pool(members: int) -> Any:
        return lambda: list(pool.map(nap, [seconds] * members))

    def napping_side_by_side(members: int) -> Any:
        return lambda: list(pool.map(_each, [nap] * WORKERS, [[seconds] * (members // WORKERS)] * WORKERS))

    idle = {"xsim, idle": with_xsim_idle, "loky by hand, idle": in_pool_idle}
    with ProcessPoolExecutor(WORKERS) as pool:
        list(pool.map(burn, [1] * WORKERS))
        busy = {
            "xsim": with_xsim,
            "loky by hand": in_pool,
            "one loop": in_one_loop,
            **idle,
        }
        times = m.times((MEMBERS,), busy, wall=True, rounds=ROUNDS)
        waiting = {
            "xsim": napping,
            "by hand": napping_side_by_side,
            "loky by hand": napping_in_pool,
            **idle,
        }
        waits = m.times((MEMBERS,), waiting, wall=True)
    members = times.sizes[0]
    usual = {who: times.usual(members, who) for who in busy}
    asleep = {who: waits.usual(members, who) for who in waiting}
    for found in (usual, asleep):
        for who in ("xsim", "loky by hand"):
            found[who] -= found[f"{who}, idle"]
    half = usual["one loop"] / WORKERS
    details = {"members": members, "rounds": times.rounds, "seconds": usual, "seconds of those that wait": asleep}
    common: dict[str, Any] = {"at_least": True, "per": "sweep", "fixed": usual["xsim, idle"], "details": details}

    def row(limit: float, took: float, title: str, target: float | None = 97.0) -> Row:
        shown = {"xsim": took, "by hand": limit}
        return m.row(100 * ratio(limit, took), "%", target, title=title, seconds=shown, **common)

    return [
        row(half, usual["xsim"], "beside half of one loop", None),  # the first one, as peers are measured
        row(usual["loky by hand"], usual["xsim"], "beside a bare pool"),
        row(half, usual["loky by hand"], "of a bare pool beside half of one loop", None),
        row(asleep["by hand"], asleep["xsim"], "where they only wait"),
        row(asleep["by hand"], asleep["loky by hand"], "of a bare pool where they only wait", None),
    ]


def _each(work: Callable[[Any], float], amounts: list[Any]) -> list[float]:
    return [work(amount) for amount in amounts]


def start_of_xsim() -> float:
    """Give the seconds that the first parallel sweep of an interpreter takes longer than the second."""
    setup = busy_setup(WORKERS, 1)
    first = _timed(lambda: setup.xsim.run(BUSY, **OPTIONS))
    return first - _timed(lambda: setup.xsim.run(BUSY, **OPTIONS))


def start_of_pool() -> float:
    """Give the same of a bare pool whose workers import what runs models, as they must."""

    def first() -> None:
        pool = get_reusable_executor(max_workers=WORKERS, timeout=60)
        for future in [pool.submit(__import__, "xsim._execution") for _ in range(WORKERS)]:
            future.exception()  # modules do not come back; they are imported

    return _timed(first) - _timed(first)


@case("F2", "members", "start of two worker processes")
def start(m: Measure) -> Measured:
    """The first sweep of an interpreter, beside a bare pool whose workers import what runs models."""
    functions = {"xsim": start_of_xsim, "by hand": start_of_pool}
    found: dict[str, list[float]] = {who: [] for who in functions}
    for _ in range(1 if m.small else ROUNDS):
        for who, function in functions.items():
            found[who].append(run_fresh(function))
    best = {who: median(seconds) for who, seconds in found.items()}
    return m.row(ratio(best["xsim"], best["by hand"]), "×", 1.2, per="start", seconds=best)
