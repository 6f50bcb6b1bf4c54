"""Saving: which values go to which output buffer after which step."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from attrs import NOTHING

from xsim.engine.failure import note
from xsim.engine.state import State
from xsim.errors import UnsetVariableError
from xsim.plan.outputs import PlannedOutput
from xsim.plan.run_plan import RunPlan

Save = tuple[str, Callable[[], Any], Callable[[Any], None]]
"""Name of an output, how to read its value, where to put it."""


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
    at_label : list of tuple
        What is due at each label of the main clock.
    """

    def __init__(self, plan: RunPlan, state: State, puts: Sequence[Callable[[Any], None]]) -> None:
        clocked: dict[tuple[int, ...], list[Save]] = {}
        self._at_end: list[Save] = []
        for output, put in zip(plan.outputs, puts, strict=True):
            save = (output.name, _reader(output, state), put)
            (self._at_end if output.clock is None else clocked.setdefault(output.positions, [])).append(save)
        # Few combinations of clocks fall together, so that most labels share one tuple.
        due: dict[int, list[int]] = {}
        for number, positions in enumerate(clocked):
            for position in positions:
                due.setdefault(position, []).append(number)
        saves = list(clocked.values())
        shared: dict[tuple[int, ...], tuple[Save, ...]] = {(): ()}
        for numbers in due.values():
            shared.setdefault(tuple(numbers), tuple(save for number in numbers for save in saves[number]))
        self.at_label = [shared[tuple(due.get(i, ()))] for i in range(plan.timeline.nsteps + 1)]
        self._save = _save

    def save(self, label: int) -> None:
        """Save what is due at a label of the main clock."""
        self._save(self.at_label[label])

    def save_at_end(self) -> None:
        """Save index variables and outputs without a clock."""
        self._save(self._at_end)

    def break_off(self) -> None:
        """Let what has no value be missing from now on: the simulation ended before it was set (DESIGN §O8)."""
        self._save = _save_if_set


def _reader(output: PlannedOutput, state: State) -> Callable[[], Any]:
    return partial(getattr, state.objects[output.key[0]], output.key[1])


def _save(saves: Sequence[Save]) -> None:
    name = ""
    try:
        for name, read, put in saves:  # noqa: B007 - named in the note
            put(read())
    except BaseException as error:
        note(error, f"while saving output {name!r}")
        raise


def _save_if_set(saves: Sequence[Save]) -> None:
    _save([(name, partial(_value_or_nothing, read), partial(_put_value, put)) for name, read, put in saves])


def _value_or_nothing(read: Callable[[], Any]) -> Any:
    try:
        return read()
    except UnsetVariableError:
        return NOTHING


def _put_value(put: Callable[[Any], None], value: Any) -> None:
    if value is not NOTHING:
        put(value)
