"""What each worker process is doing: told by the worker in a file, read by the coordinator."""

from __future__ import annotations

import math
import mmap
import os
import struct
import time
from collections.abc import Iterator
from pathlib import Path

import attrs

from xsim.engine.executors.led import wait_for_coordinator
from xsim.engine.slot import IDLE, STARTING, Slot, Working

_HEAD = struct.Struct("<qdd")
_REST = struct.Struct("<qqd64s")
_NSTEPS = struct.Struct("<q")
_SIZE = _HEAD.size + _REST.size


@attrs.frozen
class Running:
    """A worker at work.

    Attributes
    ----------
    pid : int
        Of the worker process.
    working : Working
        What it is doing.
    begun : float
        When it started with it, on the monotonic clock, which all processes share and nobody sets.
    """

    pid: int
    working: Working
    begun: float

    @property
    def member(self) -> int:
        """The member that it runs."""
        return self.working.member

    @property
    def since(self) -> float:
        """When it started with it, in seconds since the epoch."""
        return self.working.since


class Whereabouts(Slot):
    """Tells, from within a worker, what it is doing.

    Parameters
    ----------
    folder : path-like
        Where the coordinator looks.
    """

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        super().__init__(str(os.getpid()))
        # Mapped into memory, which outlives this process as a file does: a member costs no system call.
        with open(Path(folder) / f"{os.getpid()}.running", "w+b") as file:
            file.write(b"\0" * _SIZE)
            file.flush()
            self._map = mmap.mmap(file.fileno(), _SIZE)
        self.end()

    def begin(self, member: int) -> None:
        """Tell that a member starts."""
        super().begin(member)
        _REST.pack_into(self._map, _HEAD.size, 0, STARTING, math.nan, b"")
        _HEAD.pack_into(self._map, 0, member, self._now[1], time.monotonic())

    def enter(self, nsteps: int) -> None:
        """Tell that the first stage of the member begins."""
        super().enter(nsteps)
        _NSTEPS.pack_into(self._map, _HEAD.size + _NSTEPS.size, nsteps)

    def fail(self) -> None:
        """Wait whether all is to end."""
        wait_for_coordinator()

    def end(self) -> None:
        """Tell that no member is running."""
        super().end()
        _HEAD.pack_into(self._map, 0, IDLE, 0.0, 0.0)

    def publish(self) -> None:
        """Tell how far the member is; called now and then by a thread beside it, so that steps cost nothing."""
        now = self.look()
        if now is not None:
            fraction = math.nan if now.fraction is None else now.fraction
            phase = now.phase.encode()[:64].decode("utf-8", "ignore").encode()  # no half characters
            _REST.pack_into(self._map, _HEAD.size, now.step, STARTING if now.starting else now.nsteps, fraction, phase)

    def close(self) -> None:
        """Stop telling."""
        self._map.close()


def running(folder: str | os.PathLike[str]) -> Iterator[Running]:
    """Give the workers that are running members, or were when they ended."""
    for path in Path(folder).glob("*.running"):
        data = path.read_bytes()
        if len(data) == _SIZE:
            member, since, begun = _HEAD.unpack_from(data)
            step, nsteps, fraction, phase = _REST.unpack_from(data, _HEAD.size)
            if member != IDLE and since:
                # It may be writing just now: what is half written is shown as it is, and right the next time.
                text = phase.rstrip(b"\0").decode("utf-8", "replace")
                known = None if math.isnan(fraction) else min(1.0, max(0.0, fraction))
                starting = nsteps == STARTING
                working = Working(path.stem, member, since, step, max(0, nsteps), text, known, starting)
                yield Running(int(path.stem), working, begun)


def forget(folder: str | os.PathLike[str]) -> None:
    """Forget workers that have ended."""
    for path in Path(folder).glob("*.running"):
        path.unlink(missing_ok=True)
