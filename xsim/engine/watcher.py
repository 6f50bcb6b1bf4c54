"""Watches a batch from beside it: tells displays and the store how it is, and takes in what others ask of it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from typing import Self

from xsim.engine.control import Control
from xsim.engine.status import Status
from xsim.engine.stopping import WALLTIME

LOOK = 0.5
"""Seconds between two looks."""


class Watcher:
    """A thread that looks at a batch now and then.

    What goes wrong while somebody is told ends the telling, not the run.

    Parameters
    ----------
    look : callable
        Gives the status.
    control : Control
    tell : sequence of callables
        Are given each status.
    asked : callable, optional
        Gives members that somebody wants to be cancelled.
    walltime : float, optional
        Seconds after which the run is to end.

    Attributes
    ----------
    errors : list of Exception
        What went wrong while telling.
    """

    def __init__(
        self,
        look: Callable[[], Status],
        control: Control,
        tell: Sequence[Callable[[Status], None]] = (),
        asked: Callable[[], Sequence[int]] | None = None,
        walltime: float | None = None,
    ) -> None:
        self._look = look
        self._control = control
        self._tell = list(tell)
        self._asked = asked
        self._walltime = walltime
        self._start = time.monotonic()  # a clock that nobody sets
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="xsim-watcher", daemon=True)
        self.errors: list[Exception] = []

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._ended.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._ended.wait(self._pause()):
            if self._walltime is not None and time.monotonic() - self._start >= self._walltime:
                self._control.stop(WALLTIME)
            if self._asked is not None:
                try:
                    self._control.cancel(self._asked())
                except Exception as error:
                    self.errors.append(error)
                    self._asked = None
            if self._tell:
                try:
                    status = self._look()
                except Exception as error:  # the time is watched nevertheless
                    self.errors.append(error)
                    self._tell.clear()
                else:
                    self.tell(status)

    def _pause(self) -> float:
        if self._walltime is None or self._control.why:
            return LOOK
        return min(LOOK, max(0.01, self._walltime - (time.monotonic() - self._start)))

    def tell(self, status: Status) -> None:
        """Tell all who want to know."""
        for tell in tuple(self._tell):
            try:
                tell(status)
            except Exception as error:
                self.errors.append(error)
                self._tell.remove(tell)
