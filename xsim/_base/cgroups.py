"""The control groups that this process is in, and all above them (Linux)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path


def control_groups(controller: str, root: Path) -> Iterator[tuple[int, Path]]:
    """Give version and folder of each group that may limit this process.

    Parameters
    ----------
    controller : str
        Of groups of version 1: what they limit, such as "cpu".
    root : path
        Where ``proc`` and ``sys`` are.
    """
    try:
        lines = (root / "proc/self/cgroup").read_text().splitlines()
    except OSError:
        return
    for line in lines:
        _, controllers, path = line.split(":", 2)
        base = root / "sys/fs/cgroup"
        if controllers == "":
            version = 2
        elif controller in controllers.split(","):
            version = 1
            base = base / controller if (base / controller).exists() else base / controllers
        else:
            continue
        inside = Path(path.lstrip("/"))
        for folder in (inside, *inside.parents):
            yield version, base / folder


def read_words(path: Path) -> list[str]:
    """Give the words of a file; none if it is not there."""
    try:
        return path.read_text().split()
    except (OSError, ValueError):
        return []
