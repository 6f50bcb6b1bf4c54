"""The loop over the steps of one member: read this to see what a run does."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from xsim._base.stages import RuntimeSignal, Stage
from xsim.engine.failure import mark, note
from xsim.engine.hooks import HookedProgram, Hooks, Runnable
from xsim.engine.saving import SaveSchedule
from xsim.engine.stage import StageProgram
from xsim.engine.state import State
from xsim.plan.inputs import PlannedInput
from xsim.plan.run_plan import RunPlan


def run_member(
    plan: RunPlan,
    state: State,
    inputs: Sequence[PlannedInput],
    puts: Sequence[Callable[[Any], None]],
    hooks: Hooks,
    stepped: Callable[[int], None] | None = None,
    in_parallel: Callable[[StageProgram, State, bool], Runnable] | None = None,
) -> None:
    """Run a model from its first stage to its last.

    Parameters
    ----------
    plan : RunPlan
    state : State
        Without values; it holds the last ones afterwards.
    inputs : sequence of PlannedInput
        Those of the member.
    puts : sequence of callables
        For each output of the plan what takes its next value.
    hooks : Hooks
    stepped : callable, optional
        Is told the number of steps done, after each.
    in_parallel : callable, optional
        Makes a stage run its processes at the same time.

    Raises
    ------
    Exception
        What a process raises, after ``finalize`` has run, with notes that name process, stage and step.
    """
    initialize, run_step, finalize_step, finalize = _programs(plan, state, hooks, in_parallel)
    outputs = SaveSchedule(plan, state, puts)
    varying = [planned for planned in inputs if planned.in_time]
    context, values = state.context, state.context.values
    stepping = False
    try:
        state.set_inputs([planned for planned in inputs if not planned.in_time], 0)
        initialize.run(values)
        stepping = True
        for step in range(plan.timeline.nsteps):
            context.move_to(step)
            state.set_inputs(varying, step)
            signal = run_step.run(values)
            outputs.save(step)
            if signal < RuntimeSignal.CONTINUE:
                signal = finalize_step.run(values)
            if stepped is not None:
                stepped(step + 1)
            if signal is RuntimeSignal.BREAK:
                break
        else:
            outputs.save(plan.timeline.nsteps)
        stepping = False
        outputs.save_at_end()
    except BaseException as error:
        if stepping:
            note(error, f"at {plan.timeline.describe(context.step)}")
            mark(error, step=context.step)
        _finalize_after(error, finalize, values)
        raise
    finalize.run(values)
    state.forget_cached()


def _programs(
    plan: RunPlan, state: State, hooks: Hooks, in_parallel: Callable[[StageProgram, State, bool], Runnable] | None
) -> list[Runnable]:
    programs: list[Runnable] = []
    all_hooks = hooks.bind(plan.graph, state)
    for stage in Stage:
        plain = StageProgram(plan.graph, state.objects, stage)
        bound = all_hooks.get(stage)
        program: Runnable = plain
        if in_parallel is not None:
            # Hooks around processes see one after the other (§O7).
            program = in_parallel(plain, state, bound is not None and bound.on_processes)
        programs.append(program if bound is None else HookedProgram(plain, program, bound))
    return programs


def _finalize_after(error: BaseException, finalize: Runnable, values: dict[str, Any]) -> None:
    """Run the last stage after a failure, which must not be hidden by another one."""
    try:
        finalize.run(values)
    except Exception as second:
        note(error, f"stage 'finalize' failed after that: {type(second).__name__}: {second}")
