"""A stage of a model, ready to run: its methods bound once, and grouped by the arguments that they take."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from xsim._base.stages import RuntimeSignal, Stage
from xsim.declare.access import CACHE_SLOT
from xsim.errors import RuntimeContextError
from xsim.model.graph import ModelGraph


class StageProgram:
    """The methods of one stage, in the order of execution.

    Parameters
    ----------
    graph : ModelGraph
    objects : mapping of str to object
        Process objects by name.
    stage : Stage
    """

    def __init__(self, graph: ModelGraph, objects: Mapping[str, Any], stage: Stage) -> None:
        self.graph = graph
        self.stage = stage
        numbers: dict[tuple[str, ...], int] = {}
        self._calls: list[tuple[str, Callable[..., Any], int]] = []
        self._caching = [objects[name] for name in graph.order if _has_cache(graph, name)]
        for name in graph.order:
            method = graph.specs[name].stages.get(stage)
            if method is not None:
                call = getattr(objects[name], stage.value)
                if _has_cache(graph, name):
                    call = _without_cache(objects[name], call)
                self._calls.append((name, call, numbers.setdefault(method.args, len(numbers))))
        self._arguments = list(numbers)

    def run(self, values: Mapping[str, Any]) -> None:
        """Run the stage.

        Parameters
        ----------
        values : mapping of str to object
            Values of the runtime arguments.

        Raises
        ------
        Exception
            What a stage method raises, with a note that names the process and the stage.
        """
        for process in self._caching:
            process.__dict__[CACHE_SLOT] = {}
        packs = [self._pack(names, values) for names in self._arguments]
        name = ""
        try:
            for position, (name, call, number) in enumerate(self._calls):  # noqa: B007 - named in the note
                if call(*packs[number]) is RuntimeSignal.BREAK:
                    skipped = self.graph.skipped_after_break(name, self.stage)
                    break
            else:
                return
            for name, call, number in self._calls[position + 1 :]:
                if name not in skipped and call(*packs[number]) is RuntimeSignal.BREAK:
                    skipped |= self.graph.skipped_after_break(name, self.stage)
        except BaseException as error:
            cls = self.graph.classes[name].__name__
            error.add_note(f"in process {name!r} (class {cls}), stage {self.stage.value!r}")
            raise

    def _pack(self, names: tuple[str, ...], values: Mapping[str, Any]) -> tuple[Any, ...]:
        try:
            return tuple([values[name] for name in names])
        except KeyError as error:
            raise RuntimeContextError(
                f"the runtime context lacks {error.args[0]!r}, which stage {self.stage.value!r} needs",
                got=", ".join(map(repr, values)) or "an empty context",
                remedy="add it to the runtime context",
            ) from None


def _has_cache(graph: ModelGraph, name: str) -> bool:
    return any(variable.compute_cache for variable in graph.specs[name].variables.values())


def _without_cache(process: Any, method: Callable[..., Any]) -> Callable[..., Any]:
    """Let a process read its own on-demand variables anew while it changes what they depend on."""

    def call(*args: Any) -> Any:
        process.__dict__[CACHE_SLOT] = None
        try:
            return method(*args)
        finally:
            process.__dict__[CACHE_SLOT] = {}

    return call
