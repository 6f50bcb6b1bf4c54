"""Locks that let tasks share a chunk: zarr 3 has none (DESIGN §B4)."""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Protocol, runtime_checkable


@runtime_checkable
class Synchronizer(Protocol):
    """Keeps others from chunks while one of them is read, changed and written."""

    def hold(self, array: str, chunks: Iterable[tuple[int, ...]]) -> Any:
        """Hold chunks of an array, as a context manager."""


class ThreadSynchronizer:
    """Locks chunks among the threads of this process.

    Given as ``encoding={"process__variable": {"synchronizer": xs.ThreadSynchronizer()}}``, it allows chunks that hold
    members of several tasks.
    """

    def __init__(self) -> None:
        self._locks: dict[tuple[str, tuple[int, ...]], threading.Lock] = {}

    @contextmanager
    def hold(self, array: str, chunks: Iterable[tuple[int, ...]]) -> Iterator[None]:
        """Hold chunks of an array.

        Parameters
        ----------
        array : str
            Its path in the store.
        chunks : iterable of tuple of int
            Their positions.
        """
        with ExitStack() as held:
            for chunk in sorted(chunks):  # always in one order, so that no two wait for each other
                held.enter_context(self._locks.setdefault((array, chunk), threading.Lock()))
            yield

    def __reduce__(self) -> Any:
        raise TypeError("a ThreadSynchronizer cannot leave its process; use xs.ProcessSynchronizer(path)")

    def __repr__(self) -> str:
        return "ThreadSynchronizer()"


class ProcessSynchronizer:
    """Locks chunks among processes, and their threads, by files in a folder that all of them see.

    Parameters
    ----------
    path : path-like
        The folder; it is made when needed, and can be deleted after the run.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = os.path.abspath(path)

    @contextmanager
    def hold(self, array: str, chunks: Iterable[tuple[int, ...]]) -> Iterator[None]:
        """Hold chunks of an array.

        Parameters
        ----------
        array : str
            Its path in the store.
        chunks : iterable of tuple of int
            Their positions.
        """
        from filelock import FileLock

        folder = Path(self.path) / hashlib.sha256(array.encode()).hexdigest()[:16]
        folder.mkdir(parents=True, exist_ok=True)
        with ExitStack() as held:
            for chunk in sorted(chunks):
                held.enter_context(FileLock(folder / f"{'.'.join(map(str, chunk))}.lock", poll_interval=0.002))
            yield

    def __repr__(self) -> str:
        return f"ProcessSynchronizer({self.path!r})"
