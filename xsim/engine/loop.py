"""The loop over the steps of one member: read this to see what a run does."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import nullcontext
from typing import Any

import attrs

from xsim.engine.ending import Answer, Ending, goes_on, is_end
from xsim.engine.failure import mark, note
from xsim.engine.guard import Guards
from xsim.engine.hooks import HookedProgram, Hooks, Runnable
from xsim.engine.lags import Lags
from xsim.engine.saving import SaveSchedule, save, save_if_set
from xsim.engine.stage import NOTHING, StageProgram
from xsim.engine.state import State
from xsim.engine.timed import TimedMember
from xsim.engine.varying import VaryingInputs
from xsim.plan.inputs import PlannedInput
from xsim.plan.run_plan import RunPlan
from xsim.sink.buffer import Lane


def run_member(
    plan: RunPlan,
    state: State,
    inputs: Sequence[PlannedInput],
    puts: Sequence[Callable[[Any], None]],
    hooks: Hooks,
    stepped: Callable[[int], None] | None = None,
    in_parallel: Callable[[StageProgram, State, bool], Runnable] | None = None,
    lanes: Sequence[Callable[[], Lane | None]] | None = None,
) -> Ending | None:
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
    lanes : sequence of callables, optional
        For each output what gives a faster way for its usual values, see `SaveSchedule`.

    Returns
    -------
    Ending or None
        How a process ended the simulation, if one did.

    Raises
    ------
    Exception
        What a process raises, after ``finalize`` has run, with notes that name process, stage and step.
    """
    if plan.options.validate != "all" and hooks.profile is None:
        programs = _programs(plan, state, hooks, in_parallel, None)
        return _run(plan, state, inputs, SaveSchedule(plan, state, puts, lanes), programs, stepped)
    with Guards(plan.graph, state.objects) if plan.options.validate == "all" else nullcontext() as guards:
        if hooks.profile is None:
            programs = _programs(plan, state, hooks, in_parallel, guards)
            return _run(plan, state, inputs, SaveSchedule(plan, state, puts), programs, stepped)
        with TimedMember(hooks.profile, plan, state.objects) as timed:
            programs = _programs(plan, state, hooks, timed.scheduling(in_parallel), timed.methods(guards))
            outputs = SaveSchedule(plan, state, timed.puts(puts))
            return _run(plan, state, timed.inputs(inputs), outputs, programs, stepped)


def _run(
    plan: RunPlan,
    state: State,
    inputs: Sequence[PlannedInput],
    outputs: SaveSchedule,
    programs: tuple[Stages, Collection[str]],
    stepped: Callable[[int], None] | None,
) -> Ending | None:
    # What a model does not have is None, and costs a step nothing.
    (initialize, run_step, finalize_step, finalize), asks = programs
    due, combinations, saving = outputs.due, outputs.combinations, save
    varying = VaryingInputs.of(inputs, state.objects)
    lags = Lags(plan.graph, state.objects) if plan.graph.lagged else None
    context, values = state.context, state.context.values
    move_to = context.advance if context.follow(asks) and plan.timeline.nsteps else None
    step, stepping = 0, False
    try:
        if lags is not None:
            lags.start()
        state.set_inputs([planned for planned in inputs if not planned.in_time])
        answer: Answer = initialize.run(values)
        stepping = not isinstance(answer, Ending)
        if not stepping:
            saving = save_if_set
        for step in range(plan.timeline.nsteps if stepping else 0):
            if move_to is not None:
                move_to(step)
            if varying is not None:
                varying.advance()
            answer = run_step.run(values)
            if answer and is_end(answer):
                saving = save_if_set
            if number := due[step]:
                saving(combinations[number])
            if finalize_step is not None and (not answer or goes_on(answer)):
                answer = finalize_step.run(values)
            if stepped is not None:
                stepped(step + 1)
            if answer and is_end(answer):
                saving = save_if_set
                break
            if lags is not None:
                lags.advance()
        else:
            if stepping:
                saving(combinations[due[plan.timeline.nsteps]])
        ending = _ending(answer, step if stepping else -1)
        stepping = False
        saving(outputs.at_end)
    except BaseException as error:
        if stepping:
            note(error, f"at {plan.timeline.describe(step)}")
            mark(error, step=step)
        _finalize_after(error, finalize, values, move_to, step)
        raise
    _finalize(finalize, values, move_to, step)
    if plan.graph.caching:
        state.forget_cached(plan.graph.caching)
    return ending


def _ending(answer: Answer, step: int) -> Ending | None:
    return attrs.evolve(answer, step=step) if isinstance(answer, Ending) else None


Stages = tuple[Runnable, Runnable, Runnable | None, Runnable]


def _programs(
    plan: RunPlan,
    state: State,
    hooks: Hooks,
    in_parallel: Callable[[StageProgram, State, bool], Runnable] | None,
    guards: Guards | None,
) -> tuple[Stages, Collection[str]]:
    """Give the stages of a member, ready to run, and the runtime arguments that anybody sees."""
    programs: list[Runnable] = []
    all_hooks = hooks.bind(plan.graph, state)
    asks = set(state.context.values) if all_hooks else plan.graph.runtime_args
    for stage, found in plan.graph.calls.items():
        bound = all_hooks.get(stage) if all_hooks else None
        if bound is None and guards is None and found.is_idle:
            programs.append(NOTHING)
            continue
        plain = StageProgram(plan.graph, state.objects, stage, None if guards is None else guards.wrap)
        program: Runnable = plain
        if in_parallel is not None:
            # Hooks around processes see one after the other (§O7).
            program = in_parallel(plain, state, bound is not None and bound.on_processes)
        if bound is not None:
            program = HookedProgram(plain, program, bound)
        programs.append(program if guards is None else guards.check(program, stage))
    initialize, run_step, finalize_step, finalize = programs
    idle = finalize_step is NOTHING or (isinstance(finalize_step, StageProgram) and finalize_step.is_idle)
    return (initialize, run_step, None if idle else finalize_step, finalize), asks


MoveTo = Callable[[int], None] | None
"""What makes the runtime arguments those of a step; None where nobody sees them."""


def _finalize(finalize: Runnable, values: Mapping[str, Any], move_to: MoveTo, step: int) -> None:
    """Run the last stage, which sees the last step."""
    if move_to is not None:
        move_to(step)
    finalize.run(values)


def _finalize_after(
    error: BaseException, finalize: Runnable, values: Mapping[str, Any], move_to: MoveTo, step: int
) -> None:
    """Run the last stage after a failure, which must not be hidden by another one."""
    try:
        _finalize(finalize, values, move_to, step)
    except KeyboardInterrupt:
        raise
    except BaseException as second:
        note(error, f"stage 'finalize' failed after that: {type(second).__name__}: {second}")
