"""Signals that reach all processes of a run: workers leave it to their coordinator what these mean (DESIGN §R4).

A terminal sends Ctrl-C to all processes in its foreground, and batch queues send SIGTERM to all of a job. What ended by
itself on such a signal would look like members that fail, and workers that die.
"""

from __future__ import annotations

import math
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

_SIGNALS = (signal.SIGINT, signal.SIGTERM)
PATIENCE = 5.0
"""Seconds that a coordinator has, after a signal to all, to end its workers; it looks several times a second."""
_heard = -math.inf


@contextmanager
def unheard() -> Iterator[None]:
    """Let processes that are started in here hear nothing of signals before they are led."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def be_led() -> None:
    """Leave signals to the coordinator, in a worker process. Programs that it starts get them as usual."""
    if threading.current_thread() is not threading.main_thread():  # which alone may
        return
    for number in _SIGNALS:
        signal.signal(number, _hear)
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)


def _hear(number: int, frame: object) -> None:
    global _heard
    _heard = time.monotonic()


def wait_for_coordinator() -> None:
    """Wait to be ended, if there was a signal just now: what a program that got it too has done tells nothing."""
    while time.monotonic() - _heard < PATIENCE:
        time.sleep(0.05)
