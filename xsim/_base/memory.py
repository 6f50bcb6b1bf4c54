"""How much memory this process may use (DESIGN §R3)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil

from xsim._base.cgroups import control_groups, read_words

UNITS = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12, "KI": 2**10, "MI": 2**20, "GI": 2**30, "TI": 2**40}


def usable_memory(root: Path = Path("/")) -> int:
    """Give the bytes that this process may use: the least of the machine's and of the limits of all control groups.

    Parameters
    ----------
    root : path, optional
        Where ``proc`` and ``sys`` are; for tests.
    """
    return min([int(psutil.virtual_memory().total), *_limits(root)])


def _limits(root: Path) -> Iterator[int]:
    for version, folder in control_groups("memory", root):
        words = read_words(folder / ("memory.max" if version == 2 else "memory.limit_in_bytes"))
        if words and words[0].isdigit():  # not "max"
            yield int(words[0])


def forget_peak() -> None:
    """Let the peak of this process be counted from now on, where the system can do so (Linux)."""
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")


def peak_memory() -> int:
    """Give the bytes that this process has held at once, at the most since its peak was forgotten.

    Where the system knows no such peak, what it holds now is given.
    """
    with suppress(OSError, StopIteration):
        lines = Path("/proc/self/status").read_text().splitlines()
        return int(next(line for line in lines if line.startswith("VmHWM")).split()[1]) * 1024
    return int(psutil.Process().memory_info().rss)


def parse_bytes(text: str) -> int:
    """Read a number of bytes: ``"500 MB"``, ``"1.5GiB"``.

    Raises
    ------
    ValueError
        If it is none.
    """
    found = re.fullmatch(r"\s*(\d+(?:\.\d*)?(?:e\d+)?)\s*([kmgt]?i?)b?\s*", text, re.IGNORECASE)
    if found is None or found[2].upper() not in UNITS:
        raise ValueError(text)
    return int(float(found[1]) * UNITS[found[2].upper()])
