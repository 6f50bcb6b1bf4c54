"""Which outputs are due at which label of the main clock: found once, for any number of members (DESIGN §V7)."""

from __future__ import annotations

from collections.abc import Sequence

import attrs
import numpy as np

from xsim.plan.outputs import PlannedOutput


@attrs.frozen(eq=False)
class SavePlan:
    """When outputs are saved.

    Attributes
    ----------
    due : list of int
        For each label of the main clock the number of a combination of outputs; 0 if nothing is saved there.
    combinations : tuple of tuples of int
        Outputs that are saved together, by their number.
    at_end : tuple of int
        Outputs that are saved at the end.
    sources : tuple of (str, str, str)
        Name of each output, and the process and the attribute that have its value.
    """

    due: list[int]
    combinations: tuple[tuple[int, ...], ...]
    at_end: tuple[int, ...]
    sources: tuple[tuple[str, str, str], ...]


def plan_saves(outputs: Sequence[PlannedOutput], nsteps: int) -> SavePlan:
    """Find when outputs are saved.

    Parameters
    ----------
    outputs : sequence of PlannedOutput
    nsteps : int
        Number of steps, one less than labels.
    """
    # Few clocks fall together, so that most labels share a combination.
    combinations: list[tuple[int, ...]] = [()]
    due = np.zeros(nsteps + 1, dtype=int)
    by_clock: dict[str, list[int]] = {}
    for number, output in enumerate(outputs):
        if output.clock is not None:
            by_clock.setdefault(output.clock, []).append(number)
    for numbers in by_clock.values():
        due[outputs[numbers[0]].positions] += len(combinations)
        combinations += [(*before, *numbers) for before in combinations]
        used = np.union1d([0], due)
        combinations, due = [combinations[n] for n in used], np.searchsorted(used, due)
    at_end = tuple(number for number, output in enumerate(outputs) if output.clock is None)
    sources = tuple((output.name, *output.key) for output in outputs)
    return SavePlan(due.tolist(), tuple(combinations), at_end, sources)
