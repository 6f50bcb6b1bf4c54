"""One stage on its own, on process objects that exist already."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from types import MappingProxyType
from typing import Any

from xsim._base.cpus import usable_cpus
from xsim._base.stages import RuntimeSignal, Stage
from xsim.declare.hook import HookFunction, hook_point
from xsim.engine.ending import Ending
from xsim.engine.hooks import HookedProgram, Runnable, StageHooks
from xsim.engine.lags import Lags
from xsim.engine.parallel import ParallelProgram
from xsim.engine.stage import StageProgram
from xsim.engine.state import StateValues
from xsim.model.graph import ModelGraph
from xsim.plan.options import RunOptions


def run_stage(
    graph: ModelGraph,
    objects: Mapping[str, Any],
    stage: Stage,
    context: Mapping[str, Any],
    hooks: Sequence[HookFunction],
    view: Callable[[], Any],
    options: RunOptions,
) -> RuntimeSignal:
    """Run a stage.

    Parameters
    ----------
    graph : ModelGraph
    objects : mapping of str to object
        Process objects by name, with the values that the stage needs.
    stage : Stage
    context : mapping
        Values of the runtime arguments.
    hooks : sequence of callables
        Those of other stages are passed over.
    view : callable
        Gives the model that hooks see.
    options : RunOptions
        ``parallel`` and ``scheduler``; as in a run, only threads share the state of a model.

    Returns
    -------
    RuntimeSignal
        That of the hooks; BREAK where a process or a hook ends the simulation.

    Raises
    ------
    Exception
        What a process or a hook raises, with a note that names it.
    """
    plain = StageProgram(graph, objects, stage)
    bound = None
    if functions := [function for function in hooks if hook_point(function).stage is stage]:
        values = MappingProxyType(StateValues(graph, objects))
        bound = StageHooks(functions, (view(), MappingProxyType(dict(context)), values))
    if not options.parallel or options.scheduler == "processes" or (bound is not None and bound.on_processes):
        answer = _hooked(plain, plain, bound).run(context)
    else:
        workers = usable_cpus()
        with ThreadPoolExecutor(workers, thread_name_prefix="xsim") as pool:
            threads = None if options.scheduler == "synchronous" else pool
            answer = _hooked(plain, ParallelProgram(plain, objects, threads, workers), bound).run(context)
    if stage is Stage.FINALIZE_STEP:
        Lags(graph, objects).advance()
    # Who ends the simulation ends the loop after the stage, as BREAK does.
    return RuntimeSignal.BREAK if isinstance(answer, Ending) else answer


def _hooked(plain: StageProgram, program: Runnable, hooks: StageHooks | None) -> Runnable:
    return program if hooks is None else HookedProgram(plain, program, hooks)
