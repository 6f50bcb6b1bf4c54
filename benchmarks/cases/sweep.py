"""F. Members of pure Python that take a while, in two worker processes."""

from __future__ import annotations

import time
from statistics import median
from typing import Any

from loky import ProcessPoolExecutor, get_reusable_executor

from benchmarks.fresh import run_fresh
from benchmarks.measure import Measure, ratio
from benchmarks.models import BUSY, NAPPING, burn, busy_setup, nap, napping_setup
from benchmarks.registry import Measured, case

MEMBERS = 100
SECONDS = 0.05
WORKERS = 2
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
    """A whole call beside half of the time that the members take one after the other; start-up is over."""
    seconds = SECONDS / 50 if m.small else SECONDS
    iterations = _calibrated(seconds)

    def with_xsim(members: int) -> Any:
        setup = busy_setup(members, iterations)
        return lambda: setup.xsim.run(BUSY, **OPTIONS)

    def with_pool(members: int) -> Any:
        list(pool.map(burn, [1] * WORKERS))
        return lambda: list(pool.map(burn, [iterations] * members))

    def by_hand(members: int) -> Any:
        return lambda: [burn(iterations) for _ in range(members)]

    def warm(members: int) -> Any:
        busy_setup(WORKERS, 1).xsim.run(BUSY, **OPTIONS)
        return with_xsim(members)

    def napping(members: int) -> Any:
        setup = napping_setup(members, seconds)
        return lambda: setup.xsim.run(NAPPING, **OPTIONS)

    def napping_in_pool(members: int) -> Any:
        list(pool.map(burn, [1] * WORKERS))
        return lambda: list(pool.map(nap, [seconds] * members))

    with ProcessPoolExecutor(WORKERS) as pool:
        times = m.times((MEMBERS,), {"xsim": warm, "by hand": by_hand, "loky by hand": with_pool}, wall=True)
        asleep = m.times((MEMBERS,), {"xsim": napping, "by hand": napping_in_pool}, wall=True)
    members = times.sizes[0]
    best = {who: times.usual(members, who) for who in ("xsim", "by hand", "loky by hand")}
    efficient = {who: 100 * ratio(best["by hand"] / WORKERS, best[who]) for who in best}
    details = {"members": members, "rounds": times.rounds, "loky by hand": efficient["loky by hand"]}
    row = m.row(efficient["xsim"], "%", 97.0, at_least=True, per="sweep", seconds=best, details=details)
    # How far two processors work beside each other is the machine's affair; a pool by hand tells.
    beside = {"xsim": best["xsim"], "by hand": best["loky by hand"]}
    value = ratio(efficient["xsim"], efficient["loky by hand"])
    waits = {who: asleep.usual(members, who) for who in ("xsim", "by hand")}
    waiting = 100 * ratio(seconds * members / WORKERS, waits["xsim"])
    return [
        row,
        m.row(value, "×", title="over that of a bare pool", at_least=True, per="sweep", seconds=beside),
        m.row(waiting, "%", title="where they only wait", at_least=True, per="sweep", seconds=waits),
    ]


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
    for _ in range(1 if m.small else 5):
        for who, function in functions.items():
            found[who].append(run_fresh(function))
    best = {who: median(seconds) for who, seconds in found.items()}
    return m.row(ratio(best["xsim"], best["by hand"]), "×", 1.2, per="start", seconds=best)
