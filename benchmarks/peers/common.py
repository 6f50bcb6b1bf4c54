"""What the scripts of all peers share; runs in old environments too (Python 3.9), so nothing here imports xsim."""

from __future__ import annotations

import argparse
import contextlib
import gc
import json
import os
import shutil
import sys
import tempfile
import time

import numpy as np

sys.path.append(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))

from benchmarks.speed import Speed

FACTOR = 1.0001
TINY_STEPS = 10
WORKERS = 2


def member(rate: float) -> tuple:
    """Run a tiny member: a number and fifty more that grow towards one."""
    level, profile = 0.1, np.full(50, 0.1)
    for _ in range(TINY_STEPS):
        level += rate * level * (1.0 - level)
        profile = profile + rate * profile * (1.0 - profile)
    return level, profile


def rates(members: int) -> np.ndarray:
    """Give the inputs of a sweep of tiny members."""
    return np.linspace(0.1, 1.1, members)


def burn(iterations: int) -> float:
    """Compute something in pure Python."""
    total = 0.0
    for i in range(iterations):
        total += i * 0.5
    return total


def calibrated(seconds: float) -> int:
    """Give the iterations that take so long here."""
    trial = 100_000
    return max(1, round(trial * seconds / min(timed(lambda: burn(trial)) for _ in range(5))))


def timed(do) -> float:
    """Give the seconds that something takes."""
    gc.collect()
    started = time.perf_counter()
    do()
    return time.perf_counter() - started


def timed_at_full_speed(do) -> float:
    """Give the seconds that something would take at the full speed of the machine."""
    speed = Speed(time.perf_counter)
    for _ in range(40):  # a first idea of what that is
        speed.look()
    gc.collect()
    seconds, loop = speed.time(do)
    return seconds * Speed.best / loop


IN_PARALLEL = {"D1", "D2", "D3", "D4", "E2", "F1"}
"""Cases whose works slow the machine down themselves."""


class Meter:
    """Measures what a script does, at sizes that suit the run."""

    def __init__(self, small: bool, look: bool) -> None:
        self.small = small
        self.timed = timed_at_full_speed if look else timed
        self.rounds = 1 if small else 3
        self.folder = ""

    def size(self, size: int) -> int:
        """Give a size that is right for this run."""
        return max(1, size // 50) if self.small else size

    def path(self, suffix: str = ".zarr") -> str:
        """Give the path of a new file or store."""
        return os.path.join(tempfile.mkdtemp(dir=self.folder), "out" + suffix)

    def usual(self, work, size: int) -> float:
        """Give the median time of several rounds; a work is prepared for a size, and gives what is timed."""
        found = []
        for _ in range(self.rounds):
            self.folder = tempfile.mkdtemp(prefix="xsim-peers-")
            found.append(self.timed(work(size)))
            shutil.rmtree(self.folder)
        return sorted(found)[len(found) // 2]

    def slope(self, work, sizes: tuple) -> float:
        """Give what one more unit costs, between two sizes."""
        low, high = (self.size(size) for size in sizes)
        high = max(high, low + 1)
        return (self.usual(work, high) - self.usual(work, low)) / (high - low)

    def efficiency(self, sweep) -> float:
        """Give, in %, half of the time of 100 members in a loop over that of two workers, with start-up taken out.

        `sweep` runs a number of members of a number of iterations each.
        """
        members, iterations = self.size(100), calibrated(0.05)
        loop = self.usual(lambda n: lambda: [burn(iterations) for _ in range(n)], members)
        start = self.usual(lambda n: lambda: sweep(n, 1), WORKERS)
        return 100 * loop / WORKERS / (self.usual(lambda n: lambda: sweep(n, iterations), members) - start)


def main(name: str, version: str, cases: dict) -> None:
    """Measure the cases asked for, and print a line of JSON for each number.

    Each case is a function of a `Meter` that gives, by what is special (or ''), seconds or a text with another number.
    """
    parser = argparse.ArgumentParser()
    parser.add_argument("--small", action="store_true")
    parser.add_argument("keys", nargs="*")
    options = parser.parse_args()
    report = sys.stdout
    for key, function in cases.items():
        if options.keys and key not in options.keys:
            continue
        line = {"case": key, "peer": name, "version": version}
        with contextlib.redirect_stdout(sys.stderr):  # peers say things while they work
            try:
                lines = [
                    dict(line, what=what, **number)
                    for what, number in function(Meter(options.small, key not in IN_PARALLEL)).items()
                ]
            except Exception as error:  # one that a peer cannot do any more must not hide the others
                lines = [dict(line, what="", error=f"{type(error).__name__}: {error}"[:200])]
        for each in lines:
            print(json.dumps(each), file=report, flush=True)


def seconds(value: float) -> dict:
    """Give a time in seconds a unit."""
    return {"seconds": value}


def number(value: float, unit: str) -> dict:
    """Give another number."""
    return {"value": value, "unit": unit}
