"""Stages of a run, in their order, and the signals that steer them."""

from __future__ import annotations

from enum import IntEnum, StrEnum

import attrs


class Stage(StrEnum):
    """A stage of a run; process classes implement it as a method of the same name."""

    INITIALIZE = "initialize"
    RUN_STEP = "run_step"
    FINALIZE_STEP = "finalize_step"
    FINALIZE = "finalize"


class RuntimeSignal(IntEnum):
    """What a stage method or a hook may return to steer the run, in increasing priority.

    A stage method that returns `BREAK` makes xsim skip, in that stage, the processes downstream of it; the others
    run (DESIGN §O8). To end the simulation, it returns what `stop` makes.
    """

    NONE = 0
    SKIP = 1
    CONTINUE = 2
    BREAK = 3


@attrs.frozen
class Stop:
    """What a stage method returns to end its simulation; `stop` makes it."""

    reason: str


def stop(reason: str) -> Stop:
    """End the simulation after this stage: to be returned by a stage method, or by a runtime hook.

    Parameters
    ----------
    reason : str
        Why; kept with the result.

    Returns
    -------
    Stop

    Notes
    -----
    The other processes of the stage still run. In ``run_step``, outputs are then saved as they stand; in
    ``finalize_step`` they have been. Later labels are missing, the last one too; outputs without a clock get the final
    state, and ``finalize`` runs. In ``initialize``, no step runs, and all labels are missing. Variables that have no
    value by then are missing too. The run counts as done. The reason, the process, the stage and the last step (-1 if
    there was none) are attributes of the result (``xsim_reason`` and so on), or variables of these names along the
    batch dimensions.

    Examples
    --------
    >>> import xsim as xs
    >>> @xs.process
    ... class Pond:
    ...     water = xs.variable(intent="inout", default=3.0)
    ...     def run_step(self):
    ...         self.water -= 1.0
    ...         if self.water <= 0:
    ...             return xs.stop("the pond is dry")
    """
    return Stop(str(reason))


def as_signal(answer: object) -> RuntimeSignal:
    """Give the signal in what a stage method or a hook returns; NONE if it is none. Its number will do too."""
    if isinstance(answer, int) and not isinstance(answer, bool) and 0 <= answer <= RuntimeSignal.BREAK:
        return RuntimeSignal(answer)
    return RuntimeSignal.NONE
