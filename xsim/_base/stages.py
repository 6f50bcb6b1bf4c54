"""Stages of a run, in their order, and the signals that steer them."""

from __future__ import annotations

from enum import IntEnum, StrEnum


class Stage(StrEnum):
    """A stage of a run; process classes implement it as a method of the same name."""

    INITIALIZE = "initialize"
    RUN_STEP = "run_step"
    FINALIZE_STEP = "finalize_step"
    FINALIZE = "finalize"


class RuntimeSignal(IntEnum):
    """What a stage method or a hook may return to steer the run, in increasing priority.

    A stage method that returns `BREAK` makes xsim skip, in that stage, the processes downstream of it; the others
    run (DESIGN §O8).
    """

    NONE = 0
    SKIP = 1
    CONTINUE = 2
    BREAK = 3


def as_signal(answer: object) -> RuntimeSignal:
    """Give the signal in what a stage method or a hook returns; NONE if it is none. Its number will do too."""
    if isinstance(answer, int) and not isinstance(answer, bool) and 0 <= answer <= RuntimeSignal.BREAK:
        return RuntimeSignal(answer)
    return RuntimeSignal.NONE
