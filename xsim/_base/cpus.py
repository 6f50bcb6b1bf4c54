"""How many CPUs this process may use (DESIGN §R1)."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from xsim._base.cgroups import control_groups, read_words


def usable_cpus(root: Path = Path("/")) -> int:
    """Count the CPUs that this process may use: the least of affinity and of the quotas of all its control groups.

    Parameters
    ----------
    root : path, optional
        Where ``proc`` and ``sys`` are; for tests.
    """
    try:
        count = len(os.sched_getaffinity(0))
    except AttributeError:  # not on macOS and Windows
        count = os.cpu_count() or 1
    return max(1, min([count, *(math.ceil(quota) for quota in _quotas(root))]))


def resolve_workers(workers: int | None, usable: int) -> int:
    """Turn a wish into a number: None means all usable CPUs, ``-n`` all but n (at least 1).

    Raises
    ------
    ValueError
        For 0.
    """
    if workers is None:
        return usable
    if workers == 0:
        raise ValueError("0 workers")
    return workers if workers > 0 else max(1, usable + workers)


def _quotas(root: Path) -> Iterator[float]:
    """Give the quotas, in CPUs, of this process's control groups and of all above them, of both versions."""
    for version, folder in control_groups("cpu", root):
        if version == 2:
            words = read_words(folder / "cpu.max")
        else:
            words = read_words(folder / "cpu.cfs_quota_us") + read_words(folder / "cpu.cfs_period_us")
        with suppress(ValueError):
            quota, period = map(int, words)  # "max" and -1 are none
            if quota > 0:
                yield quota / period


def cpu_seconds() -> float:
    """Give the CPU time of this process, and of the programs that it has waited for."""
    return sum(os.times()[:4])
