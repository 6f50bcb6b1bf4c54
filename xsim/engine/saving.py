"""Saving: which values go to which output buffer after which step."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

from xsim.engine.failure import note
from xsim.engine.state import State
from xsim.errors import UnsetVariableError
from xsim.plan.run_plan import RunPlan

Save = tuple[str, Any, str, Callable[[Any], None]]
"""Name of an output, the process object and the attribute that have its value, and where to put that."""


class SaveSchedule:
    """The outputs due at each label of the main clock, and those due at the end.

    Parameters
    ----------
    plan : RunPlan
    state : State
    puts : sequence of callables
        For each output of the plan what takes its next value.

    Attributes
    ----------
    due : list of int
        For each label of the main clock, 0 if nothing is to be saved there.
    """

    def __init__(self, plan: RunPlan, state: State, puts: Sequence[Callable[[Any], None]]) -> None:
        saves: list[Save] = [
            (output.name, state.objects[output.key[0]], output.key[1], put)
            for output, put in zip(plan.outputs, puts, strict=True)
        ]
        found = plan.saves
        self.due = found.due
        self._combinations = [[saves[number] for number in numbers] for numbers in found.combinations]
        self._at_end = [saves[number] for number in found.at_end]
        self._save = _save

    def save(self, label: int) -> None:
        """Save what is due at a label of the main clock."""
        self._save(self._combinations[self.due[label]])

    def save_at_end(self) -> None:
        """Save index variables and outputs without a clock."""
        self._save(self._at_end)

    def break_off(self) -> None:
        """Let what has no value be missing from now on: the simulation ended before it was set (DESIGN §O8)."""
        self._save = _save_if_set


def _save(saves: Sequence[Save]) -> None:
    name = ""
    try:
        for name, process, attribute, put in saves:  # noqa: B007 - named in the note
            put(getattr(process, attribute))
    except BaseException as error:
        note(error, f"while saving output {name!r}")
        raise


def _save_if_set(saves: Sequence[Save]) -> None:
    for save in saves:
        with suppress(UnsetVariableError):
            _save([save])
