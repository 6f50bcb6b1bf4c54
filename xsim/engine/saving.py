"""Saving: which values go to which output buffer after which step."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

from xsim.engine.failure import note
from xsim.engine.state import State
from xsim.errors import UnsetVariableError
from xsim.plan.run_plan import RunPlan
from xsim.sink.buffer import Lane

Put = Callable[[Any], None]
Save = tuple[str, Any, str, Put, type, Put]
"""Name of an output, the process object and the attribute that have its value, where to put that, and its lane."""


class _NoLane:
    """A class that no value has."""


class SaveSchedule:
    """The outputs due at each label of the main clock, and those due at the end.

    Parameters
    ----------
    plan : RunPlan
    state : State
    puts : sequence of callables
        For each output of the plan what takes its next value.
    lanes : sequence of callables, optional
        For each output what gives, once values of it have been put, a faster way for those of the usual class.

    Attributes
    ----------
    due : list of int
        For each label of the main clock, 0 if nothing is to be saved there.
    """

    def __init__(
        self,
        plan: RunPlan,
        state: State,
        puts: Sequence[Put],
        lanes: Sequence[Callable[[], Lane | None]] | None = None,
    ) -> None:
        found, objects = plan.saves, state.objects
        saves: list[Save] = [
            (name, objects[process], attribute, put, _NoLane, put)
            for (name, process, attribute), put in zip(found.sources, puts, strict=True)
        ]
        self.due = found.due
        self._numbers = found.combinations
        self._combinations = [[saves[number] for number in numbers] if numbers else [] for numbers in self._numbers]
        self._at_end = saves if len(saves) == len(found.at_end) else [saves[number] for number in found.at_end]
        self._save = _save
        self._lanes = lanes
        self._slow = set() if lanes is None else {number for number in self.due if number}

    def save(self, label: int) -> None:
        """Save what is due at a label of the main clock."""
        number = self.due[label]
        self._save(self._combinations[number])
        if number in self._slow:
            self._find_lanes(number)

    def _find_lanes(self, number: int) -> None:
        """Let the outputs of a combination have a lane, now that they have a value."""
        assert self._lanes is not None
        self._slow.discard(number)
        here = self._combinations[number]
        for place, (output, save) in enumerate(zip(self._numbers[number], here, strict=True)):
            if lane := self._lanes[output]():
                here[place] = (*save[:4], *lane)

    def save_at_end(self) -> None:
        """Save index variables and outputs without a clock."""
        self._save(self._at_end)

    def break_off(self) -> None:
        """Let what has no value be missing from now on: the simulation ended before it was set (DESIGN §O8)."""
        self._save = _save_if_set


def _save(saves: Sequence[Save]) -> None:
    name = ""
    try:
        for name, process, attribute, put, usual, lane in saves:  # noqa: B007 - named in the note
            value = getattr(process, attribute)
            if type(value) is usual:
                lane(value)
            else:
                put(value)
    except BaseException as error:
        note(error, f"while saving output {name!r}")
        raise


def _save_if_set(saves: Sequence[Save]) -> None:
    for save in saves:
        with suppress(UnsetVariableError):
            _save([save])
