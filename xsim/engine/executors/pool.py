"""The pool of worker processes, which outlives runs, so that the next one starts at once."""

from __future__ import annotations

import gc
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module

from loky import get_reusable_executor
from loky.reusable_executor import _ReusablePoolExecutor

from xsim.engine.executors.led import be_led, unheard
from xsim.engine.thread_limits import thread_environment

WORKER = "xsim.engine.executors.worker"
"""What workers run. This module does not import it: workers start sooner than that is imported here."""

_early: list[_ReusablePoolExecutor] = []
"""The pool of `early_workers`, until somebody asks for it."""


def worker_pool(workers: int, threads: int) -> _ReusablePoolExecutor:
    """Give the pool with so many workers, whose numerical libraries may use so many threads each (DESIGN §R2)."""
    _early.clear()
    # Libraries that are loaded later, in a stage, read the environment; those loaded already are limited in the worker.
    environment = thread_environment(threads)
    with warnings.catch_warnings(), unheard():
        # A run that ended at once has left workers that are still starting; the pool waits for them, and says so.
        warnings.filterwarnings("ignore", message="Trying to resize an executor with running jobs")
        pool = get_reusable_executor(
            max_workers=workers, timeout=60, env=environment, initializer=start, initargs=(os.getpid(),)
        )
        pool.submit(int)  # all start with the first call, and import while the store is being made
    return pool


@contextmanager
def early_workers(workers: int, threads: int) -> Iterator[None]:
    """Start workers before `worker_pool` is asked for them; end them if something goes wrong until then."""
    _early.append(worker_pool(workers, threads))
    try:
        yield
    except BaseException:
        for pool in _early:
            pool.shutdown(wait=True, kill_workers=True)
        raise
    finally:
        _early.clear()


def start(coordinator: int) -> None:
    """Have a worker import what it runs, leave signals to its coordinator, and follow that into death."""
    be_led()
    worker = import_module(WORKER)
    # The garbage collector passes over what has been imported: without psutil, loky collects every second.
    gc.freeze()
    worker.follow(coordinator)
