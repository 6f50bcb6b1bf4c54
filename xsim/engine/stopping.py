"""Signals: how Ctrl-C and a batch queue's SIGTERM end a run (DESIGN §R4)."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Any

from xsim.engine.control import Control

INTERRUPTED, TERMINATED, WALLTIME = "interrupted", "SIGTERM", "max_walltime is over"
"""Why a run ends before it is done."""
SIGNALS = (INTERRUPTED, TERMINATED)
STOPS = {WALLTIME: 75, TERMINATED: 143}
"""Exit codes for reasons that a batch queue has to tell from others: "try again later", and 128 and the signal."""

Handler = Callable[[int, FrameType | None], Any]


@contextmanager
def listening(control: Control, kills: bool, in_threads: bool = False) -> Iterator[None]:
    """End the run in good order on the first signal, and at once on the second.

    The first one is only noted, and looked for between members and steps: nothing is torn that is being written.
    Only signals that nobody else has taken, and only in the main thread, which alone may.

    Parameters
    ----------
    control : Control
    kills : bool
        Whether what runs members can be killed. Otherwise members stop between two steps: a running call of this
        process cannot be ended, but by the second signal.
    in_threads : bool
        Whether they run in other threads of this process, whose calls no signal ends.
    """

    def handle(number: int, frame: FrameType | None) -> None:
        if control.why:
            raise KeyboardInterrupt
        control.stop(TERMINATED if number != signal.SIGINT else INTERRUPTED)
        with suppress(Exception):  # nobody may be there to be told, or may be told something just now
            _say(number, kills, in_threads)

    taken: dict[int, Any] = {}
    if threading.current_thread() is threading.main_thread():
        for wanted, free in ((signal.SIGINT, signal.default_int_handler), (signal.SIGTERM, signal.SIG_DFL)):
            if signal.getsignal(wanted) == free:
                taken[wanted] = signal.signal(wanted, handle)
    try:
        yield
    finally:
        for taken_signal, before in taken.items():
            signal.signal(taken_signal, before)


def _say(number: int, kills: bool, in_threads: bool) -> None:
    """Say what happens now; print is for people, and there may be nobody to print to."""
    if sys.stderr is None:
        return
    name = "Ctrl-C" if number == signal.SIGINT else signal.Signals(number).name
    how = "workers are ended" if kills else "running members stop after their step"
    again = "" if kills or in_threads or number != signal.SIGINT else "; Ctrl-C again ends it at once"
    print(f"\nxsim: {name}: nothing new starts, {how}, and what is done is kept{again}", file=sys.stderr, flush=True)
