"""Which member each worker process is running: told by the worker in a file, read by the coordinator."""

from __future__ import annotations

import mmap
import os
import struct
import time
from collections.abc import Iterator
from pathlib import Path

import attrs

_FORMAT = struct.Struct("<qd")
IDLE = -1


@attrs.frozen
class Running:
    """A worker at work.

    Attributes
    ----------
    pid : int
        Of the worker process.
    member : int
    since : float
        When it started, in seconds since the epoch.
    """

    pid: int
    member: int
    since: float


class Whereabouts:
    """Tells, from within a worker, which member it is running.

    Parameters
    ----------
    folder : path-like
        Where the coordinator looks.
    """

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        # Mapped into memory, which outlives this process as a file does: a member costs no system call.
        with open(Path(folder) / f"{os.getpid()}.running", "w+b") as file:
            file.write(_FORMAT.pack(IDLE, time.time()))
            file.flush()
            self._map = mmap.mmap(file.fileno(), _FORMAT.size)

    def tell(self, member: int) -> None:
        """Tell that a member starts, or with `IDLE` that none is running."""
        _FORMAT.pack_into(self._map, 0, member, time.time())

    def close(self) -> None:
        """Stop telling."""
        self._map.close()


def running(folder: str | os.PathLike[str]) -> Iterator[Running]:
    """Give the workers that are running members, or were when they ended."""
    for path in Path(folder).glob("*.running"):
        data = path.read_bytes()
        if len(data) == _FORMAT.size:
            member, since = _FORMAT.unpack(data)
            if member != IDLE:
                yield Running(int(path.stem), member, since)


def forget(folder: str | os.PathLike[str]) -> None:
    """Forget workers that have ended."""
    for path in Path(folder).glob("*.running"):
        path.unlink(missing_ok=True)
