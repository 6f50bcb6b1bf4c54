"""How many CPUs this process may use (DESIGN §R1)."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from pathlib import Path


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
    try:
        lines = (root / "proc/self/cgroup").read_text().splitlines()
    except OSError:
        return
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if controllers == "":
            base, read = root / "sys/fs/cgroup", _quota_v2
        elif "cpu" in controllers.split(","):
            base, read = root / "sys/fs/cgroup" / "cpu", _quota_v1
            if not base.exists():
                base = root / "sys/fs/cgroup" / controllers
        else:
            continue
        inside = Path(path.lstrip("/"))
        for folder in (inside, *inside.parents):
            quota = read(base / folder)
            if quota is not None:
                yield quota


def _quota_v2(folder: Path) -> float | None:
    try:
        quota, period = (folder / "cpu.max").read_text().split()
    except (OSError, ValueError):
        return None
    return None if quota == "max" else int(quota) / int(period)


def _quota_v1(folder: Path) -> float | None:
    try:
        quota = int((folder / "cpu.cfs_quota_us").read_text())
        period = int((folder / "cpu.cfs_period_us").read_text())
    except (OSError, ValueError):
        return None
    return None if quota <= 0 else quota / period


def cpu_seconds() -> float:
    """Give the CPU time of this process, and of the programs that it has waited for."""
    return sum(os.times()[:4])
