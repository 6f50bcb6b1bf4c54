"""Hooks of a run, bound to the state of a member (DESIGN §O7)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Any, Protocol

import attrs

from xsim._base.stages import RuntimeSignal, Stage, Stop, as_signal
from xsim.declare.hook import HookFunction, hook_point
from xsim.engine.ending import Answer, Ending
from xsim.engine.failure import mark, note
from xsim.engine.profile import Profile
from xsim.engine.stage import StageProgram
from xsim.engine.state import State, StateValues
from xsim.engine.timed import timed_hooks
from xsim.model.graph import ModelGraph


@attrs.frozen(eq=False)
class Hooks:
    """The hooks of a run.

    Attributes
    ----------
    functions : tuple of callables
        In the order in which they are called.
    view : callable
        Makes, from process objects, the model that hooks see.
    profile : Profile, optional
        Measures a run that is explained.
    """

    functions: tuple[HookFunction, ...]
    view: Callable[[Mapping[str, Any]], Any]
    profile: Profile | None = None

    def bind(self, graph: ModelGraph, state: State) -> dict[Stage, StageHooks]:
        """Give the hooks of each stage that has any, for one state. All see the same model object."""
        if not self.functions:
            return {}
        state.context.complete()
        values = MappingProxyType(StateValues(graph, state.objects))
        arguments = (self.view(state.objects), MappingProxyType(state.context.values), values)
        by_stage: dict[Stage, list[HookFunction]] = {}
        for function in self.functions:
            by_stage.setdefault(hook_point(function).stage, []).append(function)
        return {
            stage: StageHooks(timed_hooks(self.profile, functions, stage), arguments)
            for stage, functions in by_stage.items()
        }


class StageHooks:
    """The hooks of one stage, for one state.

    Attributes
    ----------
    ending : Answer
        How a hook ended the simulation; NONE if none did.
    """

    def __init__(self, functions: Iterable[HookFunction], arguments: tuple[Any, ...]) -> None:
        self.ending: Answer = RuntimeSignal.NONE
        self._functions: dict[tuple[str, str], list[HookFunction]] = {}
        for function in functions:
            point = hook_point(function)
            self._functions.setdefault((point.level, point.trigger), []).append(function)
        self._arguments = arguments

    @property
    def on_processes(self) -> bool:
        """Whether there are hooks around the processes of the stage."""
        return any(level == "process" for level, _ in self._functions)

    def call(self, level: str, trigger: str) -> RuntimeSignal:
        """Call hooks in their order; give the signal of the highest priority."""
        signal = RuntimeSignal.NONE
        for function in self._functions.get((level, trigger), ()):
            try:
                answer = function(*self._arguments)
            except BaseException as error:
                name = getattr(function, "__qualname__", repr(function))
                note(error, f"in runtime hook {name!r} ({level} level, {trigger})")
                mark(error, process=f"hook {name}")
                raise
            if isinstance(answer, Stop) and not self.ending:
                name = getattr(function, "__qualname__", repr(function))
                self.ending = Ending(answer.reason, f"hook {name}", hook_point(function).stage.value)
            signal = max(signal, as_signal(answer))
        return signal


class Runnable(Protocol):
    """A stage, ready to run."""

    def run(self, values: Mapping[str, Any]) -> Answer:
        """Run it; give a signal for the model."""


class HookedProgram:
    """A stage with hooks around it, or around its processes.

    Parameters
    ----------
    plain : StageProgram
        Runs the stage with hooks around each process.
    program : Runnable
        Runs the stage as a whole.
    hooks : StageHooks
    """

    def __init__(self, plain: StageProgram, program: Runnable, hooks: StageHooks) -> None:
        self.plain = plain
        self.program = program
        self.hooks = hooks

    def run(self, values: Mapping[str, Any]) -> Answer:
        """Run hooks and stage; give the signal for the model."""
        signal = self.hooks.call("model", "pre")
        if signal is not RuntimeSignal.NONE:
            return self.hooks.ending or signal
        if self.hooks.on_processes:
            ending = self.plain.run_around(
                values, lambda: self.hooks.call("process", "pre"), lambda: self.hooks.call("process", "post")
            )
        else:
            ending = self.program.run(values)
        signal = self.hooks.call("model", "post")
        return ending or self.hooks.ending or signal
