"""The pool of worker processes, which outlives runs, so that the next one starts at once."""

from __future__ import annotations

import gc
import warnings
from functools import cache
from importlib import import_module

from loky import get_reusable_executor
from loky.reusable_executor import _ReusablePoolExecutor

from xsim.engine.executors.led import be_led, unheard
from xsim.engine.thread_limits import thread_environment

WORKER = "xsim.engine.executors.worker"
"""What workers run. This module does not import it: workers start sooner than that is imported here."""


def worker_pool(workers: int, threads: int) -> _ReusablePoolExecutor:
    """Give the pool with so many workers, whose numerical libraries may use so many threads each (DESIGN §R2)."""
    # Libraries that are loaded later, in a stage, read the environment; those loaded already are limited in the worker.
    environment = thread_environment(threads)
    with warnings.catch_warnings(), unheard():
        # A run that ended at once has left workers that are still starting; the pool waits for them, and says so.
        warnings.filterwarnings("ignore", message="Trying to resize an executor with running jobs")
        pool = get_reusable_executor(max_workers=workers, timeout=60, env=environment)
        for _ in range(workers):  # they import while the store is being made
            pool.submit(start)
    return pool


def start() -> None:
    """Have a worker import what it runs, and leave signals to its coordinator."""
    be_led()
    import_module(WORKER)
    _freeze()


@cache
def _freeze() -> None:
    """Let the garbage collector pass over what has been imported here: without psutil, loky collects every second."""
    gc.freeze()
