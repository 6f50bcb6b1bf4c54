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
        For each label of the main clock the number of a combination of outputs; 0 if nothing is to be saved there.
    combinations : list of lists of Save
        Outputs that are saved together.
    at_end : list of Save
        Index variables and outputs without a clock.
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
        self.combinations = [[saves[number] for number in numbers] if numbers else [] for numbers in found.combinations]
        self.at_end = saves if len(saves) == len(found.at_end) else [saves[number] for number in found.at_end]
        if lanes is not None:
            for numbers, combination in zip(found.combinations, self.combinations, strict=True):
                for place, number in enumerate(numbers):
                    _find_lane(combination, place, lanes[number])


def _find_lane(saves: list[Save], place: int, lane: Callable[[], Lane | None]) -> None:
    """Let an output have a lane, if there is one, once its first value is put, which tells."""
    name, process, attribute, put, *_ = saves[place]

    def first(value: Any) -> None:
        put(value)
        saves[place] = (name, process, attribute, put, *(lane() or (_NoLane, put)))

    saves[place] = (name, process, attribute, first, _NoLane, first)


def save(saves: Sequence[Save]) -> None:
    """Save outputs."""
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


def save_if_set(saves: Sequence[Save]) -> None:
    """Save outputs but for those without a value: the simulation ended before they were set (DESIGN §O8)."""
    for each in saves:
        with suppress(UnsetVariableError):
            save([each])
