"""The loop over the steps of one member: read this to see what a run does."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from xsim._base.stages import Stage
from xsim.engine.saving import SaveSchedule
from xsim.engine.stage import StageProgram
from xsim.engine.state import State
from xsim.plan.run_plan import RunPlan


def run_member(plan: RunPlan, state: State, puts: Sequence[Callable[[Any], None]]) -> None:
    """Run a model from its first stage to its last.

    Parameters
    ----------
    plan : RunPlan
    state : State
        Without values; it holds the last ones afterwards.
    puts : sequence of callables
        For each output of the plan what takes its next value.

    Raises
    ------
    Exception
        What a process raises, after ``finalize`` has run, with notes that name process, stage and step.
    """
    initialize, run_step, finalize_step, finalize = (StageProgram(plan.graph, state.objects, stage) for stage in Stage)
    outputs = SaveSchedule(plan, state, puts)
    varying = [planned for planned in plan.inputs if planned.in_time]
    context, values = state.context, state.context.values
    stepping = False
    try:
        state.set_inputs([planned for planned in plan.inputs if not planned.in_time], 0)
        initialize.run(values)
        stepping = True
        for step in range(plan.timeline.nsteps):
            context.move_to(step)
            state.set_inputs(varying, step)
            run_step.run(values)
            outputs.save(step)
            finalize_step.run(values)
        stepping = False
        outputs.save(plan.timeline.nsteps)
        outputs.save_at_end()
    except BaseException as error:
        if stepping:
            error.add_note(f"at {plan.timeline.describe(context.step)}")
        _finalize_after(error, finalize, values)
        raise
    finalize.run(values)


def _finalize_after(error: BaseException, finalize: StageProgram, values: dict[str, Any]) -> None:
    """Run the last stage after a failure, which must not be hidden by another one."""
    try:
        finalize.run(values)
    except Exception as second:
        error.add_note(f"stage 'finalize' failed after that: {type(second).__name__}: {second}")
