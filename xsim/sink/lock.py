"""One coordinator a store: the second is refused, naming the first (DESIGN §B7)."""

from __future__ import annotations

import getpass
import os
import shutil
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from xsim.errors import StoreBusyError

_held: dict[int | str, tuple[Any, StoreLock, str]] = {}
"""Stores in the memory of this process that are written to, by identity or URL: the store, its lock, and who has it."""


PATIENCE = 20.0
"""Seconds that workers of a dead coordinator have for coming to an end; they look for it twice a second."""


@contextmanager
def working(folder: Path | None) -> Iterator[None]:
    """Hold a lock while a worker process writes, which tells the next coordinator that it is at work.

    Parameters
    ----------
    folder : pathlib.Path, optional
        `StoreLock.workers`.
    """
    if folder is None:
        yield
        return
    folder.mkdir(exist_ok=True)
    with FileLock(folder / f"{os.getpid()}.lock"):
        yield


class StoreLock:
    """Keeps other coordinators from a store, until it is released or this process ends, however it ends.

    Parameters
    ----------
    path : pathlib.Path, optional
        Where the store is, if it is on a file system.
    store : object
        The store, which only this process can write to if it has no path.

    Attributes
    ----------
    workers : pathlib.Path or None
        Folder where worker processes tell that they write.
    """

    def __init__(self, path: Path | None, store: Any) -> None:
        path = None if path is None else path.resolve()  # through whichever link: one store, one lock
        self._path = None if path is None else path.with_name(f".{path.name}.xsim-lock")
        self.workers = None if path is None else path.with_name(f".{path.name}.xsim-workers")
        self._store = store
        # Stores over one dictionary are one.
        self._key = store if isinstance(store, str) else id(getattr(store, "_store_dict", store))
        self._lock: FileLock | None = None

    def acquire(self) -> None:
        """Take the store, if this lock does not have it already.

        Raises
        ------
        StoreBusyError
            If another coordinator has it.
        """
        if self._path is None:
            _, lock, who = _held.setdefault(self._key, (self._store, self, _me()))
            if lock is not self:
                raise _busy(str(self._store), who)
            return
        if self._lock is not None:
            return
        self._path.parent.mkdir(parents=True, exist_ok=True)
        # The operating system gives the lock back when a process ends: a dead coordinator blocks nobody.
        file_lock = FileLock(self._path)
        try:
            file_lock.acquire(timeout=0.2, poll_interval=0.05)
        except Timeout:
            raise _busy(str(self._path), self._holder()) from None
        self._lock = file_lock
        try:
            self._wait_for_workers()
        except BaseException:
            # Not `release`: that workers are still at work has to be known to whoever comes next, too.
            self._give_back(file_lock)
            raise
        with suppress(OSError):  # on Windows the locked file can be written by nobody; the name is a courtesy
            self._path.write_text(_me())

    def is_free(self) -> bool | None:
        """Whether no coordinator has the store, without taking it; None where nobody can tell."""
        if self._path is None:
            in_memory = not isinstance(self._store, str) and getattr(self._store, "_store_dict", None) is not None
            return False if self._key in _held else True if in_memory else None
        try:
            with open(self._path, "rb") as file:
                free = _is_free(file.fileno())
                holder = file.read().decode("utf-8", "replace") if free else ""
            # Not all file systems show one host the locks of another.
            return None if holder and f" on {socket.gethostname()}," not in holder else free
        except FileNotFoundError:  # who gives it back takes it away
            return True if self._path.parent.is_dir() else None
        except OSError:  # it may not be read, or the file system has no locks
            return None

    def _wait_for_workers(self) -> None:
        """Wait for worker processes of a coordinator that has died, which write to the end of their block."""
        assert self.workers is not None
        for path in sorted(self.workers.glob("*.lock")):
            try:
                with FileLock(path, timeout=PATIENCE):
                    pass
            except Timeout:
                raise _busy(str(self._path), f"worker process {path.stem} of a run that has been killed") from None

    def _holder(self) -> str:
        assert self._path is not None
        try:
            return self._path.read_text() or "another run"
        except OSError:
            return "another run"

    def release(self) -> None:
        """Give the store back."""
        if self._path is None:
            if self._key in _held and _held[self._key][1] is self:
                del _held[self._key]
        elif self._lock is not None:
            assert self.workers is not None
            shutil.rmtree(self.workers, ignore_errors=True)
            self._give_back(self._lock)

    def _give_back(self, lock: FileLock) -> None:
        assert self._path is not None
        # While it is held: who waits for a file that is gone tries again with a new one.
        with suppress(OSError):
            os.unlink(self._path)
        lock.release()
        self._lock = None


def _is_free(file: int) -> bool | None:
    try:
        import fcntl
    except ImportError:  # Windows, where a file that is locked cannot even be read
        try:
            os.lseek(file, -len(os.read(file, 1)), os.SEEK_CUR)
        except PermissionError:
            return False
        return True
    try:
        # Shared, since the file is open for reading only, and for a moment: whoever takes it tries for longer.
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _me() -> str:
    started = datetime.now(UTC).isoformat(timespec="seconds")
    with suppress(Exception):  # no user name in some containers
        return f"process {os.getpid()} of {getpass.getuser()} on {socket.gethostname()}, since {started}"
    return f"process {os.getpid()} on {socket.gethostname()}, since {started}"


def _busy(where: str, holder: str) -> StoreBusyError:
    return StoreBusyError(
        "another run is writing to this store",
        got=holder,
        expected=f"one run at a time ({where})",
        remedy="wait until it has ended, or stop it",
    )
