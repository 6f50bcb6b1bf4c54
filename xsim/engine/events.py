"""What can be watched of a run."""

from __future__ import annotations

from typing import Protocol


class Events(Protocol):
    """Is told what happens in a run, in the process and thread that called it."""

    def step(self, done: int) -> None:
        """Note how many steps the running member has done; only where members run here, one at a time."""

    def members(self, done: int, failed: int) -> None:
        """Note how many members have ended so far, and how many of them failed."""

    def end(self, summary: str) -> None:
        """Note that the run has ended."""


class NoEvents:
    """Watches nothing."""

    def step(self, done: int) -> None:
        """Pass."""

    def members(self, done: int, failed: int) -> None:
        """Pass."""

    def end(self, summary: str) -> None:
        """Pass."""
