"""Limits the threads of numerical libraries (BLAS, OpenMP) in this process (DESIGN §R2)."""

from __future__ import annotations

from typing import Any

from threadpoolctl import ThreadpoolController


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
        controller = ThreadpoolController()
        lower = {library["prefix"]: threads for library in controller.info() if library["num_threads"] > threads}
        self._limits: Any = controller.limit(limits=lower) if lower else None

    def restore(self) -> None:
        """Give back the threads that were there before."""
        if self._limits is not None:
            self._limits.restore_original_limits()
            self._limits = None
