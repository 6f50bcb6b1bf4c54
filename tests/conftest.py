"""Settings for all tests."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import settings

# CI repeats the same examples, so that a red run is about the change; people get new ones each time.
settings.register_profile("ci", derandomize=True, deadline=None)
if os.environ.get("CI"):
    settings.load_profile("ci")

# Shells let what they start in the background ignore Ctrl-C, and all that tests start would ignore it too.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture
def steps_of() -> Callable[[Callable[[], Any]], int]:
    """Give a function that counts the lines of Python that a piece of work runs: how work grows, without a clock."""

    def count(work: Callable[[], Any], most: int = 20_000_000) -> int:
        steps = 0

        def trace(frame: Any, event: str, argument: Any) -> Any:
            nonlocal steps
            steps += 1  # a comprehension of one line counts once a turn
            if steps > most:
                raise AssertionError(f"more than {most} lines")
            return trace

        before = sys.gettrace()
        sys.settrace(trace)
        try:
            work()
        finally:
            sys.settrace(before)
        return steps

    return count
