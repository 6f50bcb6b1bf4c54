"""Saving: which values go to which output buffer after which step."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from xsim.engine.failure import note
from xsim.engine.state import State
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
        self._at_label = [shared[tuple(due.get(i, ()))] for i in range(plan.timeline.nsteps + 1)]

    def save(self, label: int) -> None:
        """Save what is due at a label of the main clock."""
        _save(self._at_label[label])

    def save_at_end(self) -> None:
        """Save index variables and outputs without a clock."""
        _save(self._at_end)


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
