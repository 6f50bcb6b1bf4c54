"""E. Sweeps of tiny members, on disk."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import zarr

from benchmarks.layout import arrays_like
from benchmarks.measure import Measure, Work
from benchmarks.models import TINY, TINY_STEPS, tiny_setup
from benchmarks.registry import Measured, case

SIZES = (1_000, 10_000)
WORKERS = 2
MOST_FILES = 30
FILES_A_BLOCK = 3


class HandTiny:
    """A tiny member without a framework."""

    def __init__(self, rate: float) -> None:
        self.rate = rate
        self.level = 0.1
        self.profile = np.full(50, 0.1)

    def run_step(self) -> None:
        self.level += self.rate * self.level * (1.0 - self.level)
        self.profile = self.profile + self.rate * self.profile * (1.0 - self.profile)


@cache
def layout(members: int) -> dict[str, dict[str, Any]]:
    """Give how xsim stores a sweep."""
    return arrays_like(tiny_setup(members), TINY, batch_dim="member")


def with_xsim(m: Measure, **options: Any) -> Work:
    """Run a sweep with xsim."""

    def ready(members: int) -> Callable[[], object]:
        setup, store = tiny_setup(members), m.path()
        return lambda: setup.xsim.run(TINY, batch_dim="member", store=store, progress=False, **options)

    return ready


def by_hand(m: Measure) -> Work:
    """Run all members in a loop, and write all values at once."""

    def ready(members: int) -> Callable[[], object]:
        arguments = layout(members)
        rates = np.linspace(0.1, 1.1, members).tolist()
        store = m.path()

        def work() -> None:
            levels, profiles = np.empty(members), np.empty((members, 50))
            for i, rate in enumerate(rates):
                member = HandTiny(rate)
                for _ in range(TINY_STEPS):
                    member.run_step()
                levels[i] = member.level
                profiles[i] = member.profile
            group = zarr.open_group(store, mode="w")
            group.create_array("tiny__level", **arguments["tiny__level"])[...] = levels
            group.create_array("tiny__profile", **arguments["tiny__profile"])[...] = profiles

        return work

    return ready


def _files(store: Path) -> int:
    return sum(path.is_file() for path in store.rglob("*"))


@case("E1", "members", "tiny members on disk, one after the other")
def sequential(m: Measure) -> Measured:
    """What a sweep costs for each member."""
    return m.slopes("member", SIZES, {"xsim": with_xsim(m), "by hand": by_hand(m)}, 3.0)


@case("E2", "members", "tiny members on disk, two warm worker processes")
def processes(m: Measure) -> Measured:
    """The same beside a loop in one process."""
    options = {"parallel": True, "scheduler": "processes", "workers": WORKERS}
    works = {"xsim": with_xsim(m, **options), "by hand": by_hand(m)}
    return m.slopes("member", SIZES, works, 2.3, wall=True)


@case("E3", "members", "files of 1,000 tiny members")
def files(m: Measure) -> Measured:
    """How many files a sweep makes."""
    members = m.size(1_000)
    store = m.path()
    tiny_setup(members).xsim.run(TINY, batch_dim="member", store=store, progress=False)
    blocks = -(-members // zarr.open_group(store, mode="r")["tiny__level"].chunks[0])  # type: ignore[union-attr]
    return m.row(_files(store), "files", MOST_FILES + FILES_A_BLOCK * blocks, details={"blocks": blocks})
