"""Limits the threads of numerical libraries (BLAS, OpenMP, numba) in this process (DESIGN §R2)."""

from __future__ import annotations

import os
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from threadpoolctl import ThreadpoolController

THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "BLIS_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "NUMBA_NUM_THREADS",
)
"""What these libraries read when they are loaded."""


def thread_environment(threads: int) -> dict[str, str]:
    """Give the environment of a new process whose libraries are to have so many threads, or fewer where it says so."""
    found = {}
    for name in THREAD_VARIABLES:
        before = os.environ.get(name, "")
        found[name] = str(min(threads, int(before)) if before.isdigit() and int(before) else threads)
    return found


class ThreadLimits:
    """Allows each numerical library so many threads at most; a library that has fewer keeps them.

    Parameters
    ----------
    threads : int

    Notes
    -----
    The number of threads may change the last bits of what these libraries compute.
    """

    def __init__(self, threads: int) -> None:
        self._threads = threads
        self._limits: list[Any] = []
        self._modules = 0
        self._numba: int | None = None
        self.renew()

    def renew(self) -> None:
        """Limit libraries too that have been loaded since."""
        if len(sys.modules) == self._modules:
            return
        self._modules = len(sys.modules)
        controller = ThreadpoolController()
        threads = self._threads
        lower = {library["prefix"]: threads for library in controller.info() if library["num_threads"] > threads}
        if lower:
            self._limits.append(controller.limit(limits=lower))
        before = _limit_numba(threads)
        self._numba = before if self._numba is None else self._numba

    def restore(self) -> None:
        """Give back the threads that were there before."""
        while self._limits:
            self._limits.pop().restore_original_limits()
        if self._numba is not None:
            sys.modules["numba"].set_num_threads(self._numba)
            self._numba = None


def limited_pool(workers: int, threads: int) -> ThreadPoolExecutor:
    """Make a pool in whose threads numba, which counts for each of its callers, may use so many."""
    return ThreadPoolExecutor(workers, thread_name_prefix="xsim", initializer=_limit_numba, initargs=(threads,))


def _limit_numba(threads: int) -> int | None:
    """Allow numba so many threads at most in this thread, to which its limit belongs.

    Returns
    -------
    int or None
        What it was allowed before; None if that was less already, or nobody has loaded it.
    """
    numba: Any = sys.modules.get("numba")
    if not hasattr(numba, "set_num_threads"):
        return None
    before: int = numba.get_num_threads()
    if before <= threads:
        return None
    numba.set_num_threads(threads)
    return before
