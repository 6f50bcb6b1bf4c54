"""How a process ended its simulation (DESIGN §O8)."""

from __future__ import annotations

from typing import Any

import attrs

from xsim._base.stages import RuntimeSignal
from xsim.engine.failure import printable
from xsim.setup.attributes import ENDING


@attrs.frozen
class Ending:
    """Who ended a simulation by `xsim.stop`, why, and where.

    Attributes
    ----------
    reason : str
    process, stage : str
        Who returned it, and in which stage.
    step : int
        The last step; -1 if there was none.
    """

    reason: str = attrs.field(converter=printable)
    process: str
    stage: str
    step: int = -1

    @property
    def record(self) -> dict[str, Any]:
        """The facts, for the journal."""
        return attrs.asdict(self)

    @property
    def facts(self) -> dict[str, Any]:
        """The facts, as attributes of a dataset."""
        return {ENDING[name]: value for name, value in self.record.items()}


Answer = RuntimeSignal | Ending
"""What a stage says to the model."""


def goes_on(answer: Answer) -> bool:
    """Whether the stages that follow in a step are to run."""
    return not isinstance(answer, Ending) and answer < RuntimeSignal.CONTINUE


def is_end(answer: Answer) -> bool:
    """Whether no further step is to run."""
    return isinstance(answer, Ending) or answer is RuntimeSignal.BREAK
