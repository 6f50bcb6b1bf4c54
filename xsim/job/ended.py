"""How a program has ended."""

from __future__ import annotations

import signal
from contextlib import suppress
from pathlib import Path
from typing import Any

import attrs


@attrs.frozen(kw_only=True)
class Ended:
    """How a program has ended, and what it used.

    Attributes
    ----------
    command : tuple of str
        The program and its arguments.
    exit_code : int
        0 where all is well; negative if a signal ended it.
    seconds : float
        From start to end.
    cpu_seconds : float, optional
        That it and all that it started have computed, where the system tells.
    memory : int, optional
        Bytes that its largest process held at once, where the system tells.
    stdout, stderr : Path
        Files with what it printed.
    stage : str
        In which it ran.
    step : int
        In which it ran; -1 outside of all steps.
    """

    command: tuple[str, ...]
    exit_code: int
    seconds: float
    cpu_seconds: float | None
    memory: int | None
    stdout: Path
    stderr: Path
    stage: str = ""
    step: int = -1

    @property
    def how(self) -> str:
        """The exit code in words."""
        if self.exit_code < 0:
            name = str(-self.exit_code)
            with suppress(ValueError):
                name = signal.Signals(-self.exit_code).name
            return f"ended by signal {name}"
        return f"exit code {self.exit_code}"

    @property
    def record(self) -> dict[str, Any]:
        """What is kept of it."""
        used = {"cpu_seconds": self.cpu_seconds, "memory": self.memory}
        return {
            **({"stage": self.stage, "step": self.step} if self.stage else {}),
            "command": list(self.command),
            "exit_code": self.exit_code,
            "seconds": self.seconds,
            **{name: value for name, value in used.items() if value is not None},
        }
