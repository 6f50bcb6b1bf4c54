"""A slot: what one worker is doing, told by the worker and read by whoever watches."""

from __future__ import annotations

import os
import socket
import threading
import time
from functools import cache

import attrs

from xsim.engine.control import Control
from xsim.errors import CancelledError

IDLE = -1
STARTING = -1
"""Stands for the number of steps of a member that has not got as far as its first stage."""


@attrs.frozen
class Working:
    """What a worker was doing at a moment.

    Attributes
    ----------
    worker : str
    member : int
    since : float
        When it started with it, in seconds since the epoch.
    step, nsteps : int
        The step that it is in; how many there are.
    starting : bool
        Whether its first stage has not begun: its inputs are being read, its state is being made.
    phase : str
        Of an external program, as its log tells; empty otherwise.
    fraction : float, optional
        That is done, of the steps or of the program; None if nobody knows.
    """

    worker: str
    member: int
    since: float
    step: int = 0
    nsteps: int = 0
    phase: str = ""
    fraction: float | None = None
    starting: bool = False


def cancelled_member() -> CancelledError:
    """Make the error of a member that somebody has cancelled."""
    return CancelledError("the member was cancelled", remedy="resume=True runs it again")


class Slot:
    """What one worker is doing.

    Parameters
    ----------
    worker : str, optional
        Name of the worker.
    control : Control, optional
        What may end its members.

    Attributes
    ----------
    place : str
        Host, process and thread that made the slot, and run its members.
    """

    def __init__(self, worker: str = "", control: Control | None = None) -> None:
        self.worker = worker
        self.control = control or Control()
        self.place = f"{_host()}:{os.getpid()}:{threading.current_thread().name}"
        self._now: tuple[int, float, int] = (IDLE, 0.0, 0)
        self._steps = 0
        self._phase = ""
        self._fraction: float | None = None

    def begin(self, member: int) -> None:
        """Note that a member starts."""
        self._phase, self._fraction, self._steps = "", None, 0
        self._now = (member, time.time(), STARTING)

    def enter(self, nsteps: int) -> None:
        """Note that the first stage of the member begins, and how many steps it has."""
        member, since, _ = self._now
        self._now = (member, since, nsteps)

    def report(self, phase: str | None, fraction: float | None) -> None:
        """Note phase and fraction of an external program; None leaves what was told before."""
        if phase is not None:
            self._phase, self._fraction = phase, None
        if fraction is not None:
            self._fraction = fraction

    def fail(self) -> None:
        """Note that the member has failed, before anybody is told."""

    def end(self) -> None:
        """Note that no member is running."""
        self._now = (IDLE, 0.0, 0)

    def is_cancelled(self) -> bool:
        """Whether the running member is to end."""
        return bool(self.control.why) or self._now[0] in self.control.cancelled

    def check(self, steps: int = 0) -> None:
        """Note how many steps are done, and end the member if it is to end; called at the start and after each step.

        Raises
        ------
        KeyboardInterrupt
            If all is to end.
        CancelledError
            If this member is.
        """
        self._steps = steps
        control = self.control
        if not control.active:
            return
        if control.why:
            raise KeyboardInterrupt(control.why)
        if self._now[0] in control.cancelled:
            raise cancelled_member()

    def look(self) -> Working | None:
        """Give what the worker is doing; None if nothing."""
        member, since, nsteps = self._now  # taken at once: the worker goes on meanwhile
        if member == IDLE:
            return None
        if nsteps == STARTING:
            return Working(self.worker, member, since, phase=self._phase, fraction=self._fraction, starting=True)
        step, fraction = min(self._steps, max(0, nsteps - 1)), self._fraction
        if fraction is None and nsteps > 1:
            fraction = step / nsteps
        return Working(self.worker, member, since, step, nsteps, self._phase, fraction)


@cache
def _host() -> str:
    return socket.gethostname()
