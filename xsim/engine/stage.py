"""A stage of a model, ready to run: its methods bound once, and grouped by the arguments that they take."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from xsim._base.stages import RuntimeSignal, Stage, Stop, as_signal
from xsim.declare.access import CACHE_SLOT
from xsim.engine.context import RandomStreams
from xsim.engine.ending import Answer, Ending
from xsim.engine.failure import mark, note, where
from xsim.errors import RuntimeContextError
from xsim.job.job import Jobs
from xsim.model.graph import ModelGraph

Around = Callable[[], RuntimeSignal]
Wrap = Callable[[str, Stage, Callable[..., Any]], Callable[..., Any]]


class StageProgram:
    """The methods of one stage, in the order of execution.

    Parameters
    ----------
    graph : ModelGraph
    objects : mapping of str to object
        Process objects by name.
    stage : Stage
    wrap : callable, optional
        Puts something around each method, by the name of the process.
    """

    def __init__(self, graph: ModelGraph, objects: Mapping[str, Any], stage: Stage, wrap: Wrap | None = None) -> None:
        self.graph = graph
        self.stage = stage
        self.calls: list[tuple[str, Callable[..., Any], int]] = []
        found = graph.calls[stage]
        self._caching = [objects[name] for name in found.caching]
        method = stage.value
        for name, number, caches in found.calls:
            call = getattr(objects[name], method)
            if caches:
                call = _without_cache(objects[name], call)
            if wrap is not None:
                call = wrap(name, stage, call)
            self.calls.append((name, call, number))
        self._arguments = found.kinds

    def run(self, values: Mapping[str, Any], before: Around | None = None, after: Around | None = None) -> Answer:
        """Run the stage.

        Parameters
        ----------
        values : mapping of str to object
            Values of the runtime arguments.
        before, after : callable, optional
            Called around each process; their signals concern the processes of the stage.

        Returns
        -------
        Answer
            NONE, or how a process ended the simulation: otherwise processes do not steer the model.

        Raises
        ------
        Exception
            What a stage method raises, with a note that names the process and the stage.
        """
        packs = self.prepare(values)
        name = ""
        try:
            if before is None or after is None:
                for position, (name, call, number) in enumerate(self.calls):  # noqa: B007 - named in the error
                    answer = call(*packs[number])
                    if answer is not None and steers(answer):
                        return self._run_rest(position, answer, packs)
            else:
                return self._run_around(packs, before, after)
        except BaseException as error:
            self.locate(error, name)
            raise
        return RuntimeSignal.NONE

    def prepare(self, values: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        """Start the stage: forget cached values, and give the arguments of each kind of call."""
        for process in self._caching:
            process.__dict__[CACHE_SLOT] = {}
        return [self._pack(names, owner, values) for names, owner in self._arguments]

    def locate(self, error: BaseException, name: str) -> None:
        """Note in an exception where it comes from, unless that is known already."""
        if name and not where(error):
            cls = self.graph.classes[name].__name__
            note(error, f"in process {name!r} (class {cls}), stage {self.stage.value!r}")
            mark(error, process=name, stage=self.stage.value)

    def ending(self, name: str, answer: object) -> Answer:
        """Give the ending of the simulation that a process asks for by what it returns; NONE if it does not."""
        return Ending(answer.reason, name, self.stage.value) if isinstance(answer, Stop) else RuntimeSignal.NONE

    def _run_rest(self, position: int, answer: Any, packs: list[tuple[Any, ...]]) -> Answer:
        """Go on after an answer that steers: without those downstream of a BREAK, to the end before a stop."""
        skipped: frozenset[str] = frozenset()
        ending: Answer = RuntimeSignal.NONE
        for i in range(position, len(self.calls)):
            name, call, number = self.calls[i]
            if name in skipped:
                continue
            try:
                answer = answer if i == position else call(*packs[number])
            except BaseException as error:
                self.locate(error, name)
                raise
            ending = ending or self.ending(name, answer)
            if as_signal(answer) is RuntimeSignal.BREAK:
                skipped |= self.graph.skipped_after_break(name, self.stage)
        return ending

    def _run_around(self, packs: list[tuple[Any, ...]], before: Around, after: Around) -> Answer:
        skipped: frozenset[str] = frozenset()
        ending: Answer = RuntimeSignal.NONE
        for name, call, number in self.calls:
            if name in skipped:
                continue
            signal = before()
            if signal is RuntimeSignal.BREAK:
                break
            if signal is not RuntimeSignal.NONE:
                continue
            try:
                answer = call(*packs[number])
            except BaseException as error:
                self.locate(error, name)
                raise
            ending = ending or self.ending(name, answer)
            if as_signal(answer) is RuntimeSignal.BREAK:
                skipped |= self.graph.skipped_after_break(name, self.stage)
            if after() is RuntimeSignal.BREAK:
                break
        return ending

    def _pack(self, names: tuple[str, ...], owner: str, values: Mapping[str, Any]) -> tuple[Any, ...]:
        try:
            if owner:
                own = {name: values[name] for name in names if isinstance(values.get(name), (RandomStreams, Jobs))}
                values = {**values, **{name: each.of(owner) for name, each in own.items()}}
            return tuple([values[name] for name in names])
        except KeyError as error:
            raise RuntimeContextError(
                f"the runtime context lacks {error.args[0]!r}, which stage {self.stage.value!r} needs",
                got=", ".join(map(repr, values)) or "an empty context",
                remedy="add it to the runtime context",
            ) from None


def steers(answer: object) -> bool:
    """Whether what a stage method returns changes the course of the stage or of the model."""
    return isinstance(answer, Stop) or as_signal(answer) is RuntimeSignal.BREAK


def _without_cache(process: Any, method: Callable[..., Any]) -> Callable[..., Any]:
    """Let a process read its own on-demand variables anew while it changes what they depend on."""

    def call(*args: Any) -> Any:
        process.__dict__[CACHE_SLOT] = None
        try:
            return method(*args)
        finally:
            process.__dict__[CACHE_SLOT] = {}

    return call
