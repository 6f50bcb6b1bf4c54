"""Inputs that vary in time: each step gives them their next value (DESIGN §C2)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, Self

from xsim.plan.inputs import PlannedInput


class VaryingInputs:
    """Gives inputs that vary in time their values, one step after the other.

    Parameters
    ----------
    inputs : sequence of PlannedInput
        Those that vary in time.
    objects : mapping of str to object
        Process objects by name.
    """

    def __init__(self, inputs: Sequence[PlannedInput], objects: Mapping[str, Any]) -> None:
        puts = [partial(setattr, objects[planned.key[0]], planned.key[1]) for planned in inputs]
        self._puts = list(zip(puts, (planned.series().__next__ for planned in inputs), strict=True))

    @classmethod
    def of(cls, inputs: Sequence[PlannedInput], objects: Mapping[str, Any]) -> Self | None:
        """Make it of those inputs that vary in time; None if there are none."""
        varying = [planned for planned in inputs if planned.in_time]
        return cls(varying, objects) if varying else None

    def advance(self) -> None:
        """Set the values of the next step."""
        for put, give in self._puts:
            put(give())
