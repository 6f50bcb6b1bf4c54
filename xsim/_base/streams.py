"""Standard streams, of which services have none."""

from __future__ import annotations

import os
import sys


def have_streams() -> None:
    """Let there be standard streams.

    Otherwise the next files that are opened get their numbers, among them stores, into which libraries then print; and
    loky, which flushes them whenever it starts a worker, cannot start any.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            file = os.open(os.devnull, os.O_RDWR)
            os.set_inheritable(file, True)
            if file != number:
                os.dup2(file, number)
                os.close(file)
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None or getattr(stream, "closed", False):
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115 (as long as the process)
