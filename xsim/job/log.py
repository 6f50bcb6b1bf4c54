"""What a program prints: kept in a file of bounded size, its lines shown to whoever follows its progress."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

LOG_BYTES = 64 * 2**20
"""Bytes of a log that are kept: the first half and the last one."""

LINE_BYTES = 64 * 2**10
"""Bytes of a line that are looked at."""

PIECE_BYTES = 64 * 2**10
"""Bytes that are held together: some programs print a few at a time."""


class Log:
    """A file of what a program prints to one of its streams.

    Parameters
    ----------
    path : Path
        The file, which is replaced.
    line : callable, optional
        Is given each line as text, as soon as it is complete.
    limit : int
        Bytes that are kept: what is printed in between is left out, and the file says so.
    """

    def __init__(self, path: Path, line: Callable[[str], None] | None = None, limit: int = LOG_BYTES) -> None:
        self.path = path
        with suppress(OSError):
            path.unlink(missing_ok=True)
        self._line = line
        self._room = limit // 2
        self._last: deque[bytearray] = deque()
        self._held = 0
        self._most = limit - limit // 2
        self._left_out = 0
        self._begun = b""

    def follow(self, stream: BinaryIO) -> None:
        """Take all that comes from a stream until it ends, and close it."""
        with stream:
            # What is there, at once: a plain read would wait for more.
            while data := stream.read1(2**16):  # type: ignore[attr-defined]
                self._keep(data)
                if self._line is not None:
                    self._show(data)
        if self._begun and self._line is not None:
            self._line(self._begun.decode("utf-8", "replace"))
        if self._left_out:
            self._write(f"\n... {self._left_out} bytes left out ...\n".encode())
        self._write(b"".join(self._last))

    def _write(self, data: bytes) -> None:
        # A full disk, or a folder that the program has deleted, stops no program that goes on without.
        with suppress(OSError), open(self.path, "ab") as file:
            file.write(data)

    def _keep(self, data: bytes) -> None:
        now, later = data[: self._room], data[self._room :]
        if now:
            self._room -= len(now)
            self._write(now)
        if later:
            if self._last and len(self._last[-1]) < PIECE_BYTES:
                self._last[-1] += later
            else:
                self._last.append(bytearray(later))
            self._held += len(later)
            while self._held - len(self._last[0]) >= self._most:
                gone = self._last.popleft()
                self._held -= len(gone)
                self._left_out += len(gone)

    def _show(self, data: bytes) -> None:
        assert self._line is not None
        # Progress that overwrites itself ends its lines with a carriage return.
        *lines, begun = (self._begun + data).replace(b"\r", b"\n").split(b"\n")
        for line in lines:
            if line.strip():
                self._line(line[:LINE_BYTES].decode("utf-8", "replace"))
        self._begun = begun[:LINE_BYTES]


def tail(path: Path, lines: int = 20, nbytes: int = 4000) -> str:
    """Give the last lines of a log."""
    try:
        with open(path, "rb") as file:
            file.seek(0, 2)
            file.seek(max(0, file.tell() - nbytes))
            text = file.read().decode("utf-8", "replace")
    except OSError:
        return ""
    return "\n".join(text.rstrip().splitlines()[-lines:])
