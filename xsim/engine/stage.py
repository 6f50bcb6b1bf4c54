"""A stage of a model, ready to run: its methods bound once, and grouped by the arguments that they take."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache, cached_property
from operator import itemgetter
from typing import Any

from xsim._base.stages import RuntimeSignal, Stage, Stop, as_signal
from xsim.declare.access import CACHE_SLOT, set_slot
from xsim.engine.context import RandomStreams
from xsim.engine.ending import Answer, Ending
from xsim.engine.failure import mark, note, where
from xsim.errors import RuntimeContextError
from xsim.job.job import Jobs
from xsim.model.graph import ModelGraph

Around = Callable[[], RuntimeSignal]
Wrap = Callable[[str, Stage, Callable[..., Any]], Callable[..., Any]]

Packs = Sequence[tuple[Any, ...]]
"""The arguments of each kind of call."""

NO_ARGUMENTS: Packs = ((),)

_GOES_ON = RuntimeSignal.NONE  # to look up a member of an enum costs as much as a call


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
        found = graph.calls[stage]
        self.graph = graph
        self.stage = stage
        self._found = found
        # What a sweep of tiny members pays for each of them: no more than binding is done here.
        method = found.method
        calls: list[Callable[..., Any]] = [getattr(objects[name], method) for name in found.names]
        if found.caching:
            calls = [
                _without_cache(objects[name], call) if caches else call
                for call, (name, _, caches) in zip(calls, found.calls, strict=True)
            ]
        if wrap is not None:
            calls = [wrap(name, stage, call) for name, call in zip(found.names, calls, strict=True)]
        self._calls = calls
        # All there is to call where nothing is asked for and nothing is cached, as in most stages.
        self._plain = calls if found.is_plain else None
        self._objects = objects

    @cached_property
    def calls(self) -> list[tuple[str, Callable[..., Any], int]]:
        """Name of each process, its method, and which kind of arguments that takes."""
        return [(name, call, number) for call, (name, number, _) in zip(self._calls, self._found.calls, strict=True)]

    @cached_property
    def _runs(self) -> list[tuple[int, list[Callable[..., Any]]]]:
        return [(number, self._calls[first:stop]) for number, first, stop in self._found.runs]

    @cached_property
    def _caching(self) -> list[Any]:
        return [self._objects[name] for name in self._found.caching]

    @cached_property
    def _takers(self) -> list[Callable[[Mapping[str, Any]], tuple[Any, ...]]]:
        return [_taker(names, owner, self.stage) for names, owner in self._found.kinds]

    @property
    def is_idle(self) -> bool:
        """Whether the stage has nothing to do."""
        return self._found.is_idle

    def run(self, values: Mapping[str, Any]) -> Answer:
        """Run the stage.

        Parameters
        ----------
        values : mapping of str to object
            Values of the runtime arguments.

        Returns
        -------
        Answer
            NONE, or how a process ended the simulation: otherwise processes do not steer the model.

        Raises
        ------
        Exception
            What a stage method raises, with a note that names the process and the stage.
        """
        if self._plain is None:
            return self._run_with_arguments(values)
        call: Callable[..., Any] | None = None
        try:
            for call in self._plain:
                if (answer := call()) is not None and steers(answer):
                    return self._run_rest(self._position(call), answer, NO_ARGUMENTS)
        except BaseException as error:
            if call is not None:
                self.locate(error, self._found.names[self._position(call)])
            raise
        return _GOES_ON

    def _run_with_arguments(self, values: Mapping[str, Any]) -> Answer:
        packs = self.prepare(values)
        call: Callable[..., Any] | None = None
        try:
            for number, calls in self._runs:
                args = packs[number]
                # Three times the same: to unpack arguments costs as much as a call.
                if not args:
                    for call in calls:
                        if (answer := call()) is not None and steers(answer):
                            return self._run_rest(self._position(call), answer, packs)
                elif len(args) == 1:
                    arg = args[0]
                    for call in calls:
                        if (answer := call(arg)) is not None and steers(answer):
                            return self._run_rest(self._position(call), answer, packs)
                else:
                    for call in calls:
                        if (answer := call(*args)) is not None and steers(answer):
                            return self._run_rest(self._position(call), answer, packs)
        except BaseException as error:
            if call is not None:
                self.locate(error, self._found.names[self._position(call)])
            raise
        return _GOES_ON

    def prepare(self, values: Mapping[str, Any]) -> Packs:
        """Start the stage: forget cached values, and give the arguments of each kind of call."""
        for process in self._caching:
            set_slot(process, CACHE_SLOT, {})
        takers = self._takers
        try:
            # Mostly all take the same; a comprehension costs as much as taking it.
            return (takers[0](values),) if len(takers) == 1 else [take(values) for take in takers]
        except KeyError as error:
            raise RuntimeContextError(
                f"the runtime context lacks {error.args[0]!r}, which stage {self.stage.value!r} needs",
                got=", ".join(map(repr, values)) or "an empty context",
                remedy="add it to the runtime context",
            ) from None

    def _position(self, call: Callable[..., Any]) -> int:
        return next(i for i, other in enumerate(self._calls) if other is call)

    def locate(self, error: BaseException, name: str) -> None:
        """Note in an exception where it comes from, unless that is known already."""
        if not where(error):
            cls = self.graph.classes[name].__name__
            note(error, f"in process {name!r} (class {cls}), stage {self.stage.value!r}")
            mark(error, process=name, stage=self.stage.value)

    def ending(self, name: str, answer: object) -> Answer:
        """Give the ending of the simulation that a process asks for by what it returns; NONE if it does not."""
        return Ending(answer.reason, name, self.stage.value) if isinstance(answer, Stop) else RuntimeSignal.NONE

    def _run_rest(self, position: int, answer: Any, packs: Packs) -> Answer:
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

    def run_around(self, values: Mapping[str, Any], before: Around, after: Around) -> Answer:
        """Run the stage with calls around each process, whose signals concern the processes of the stage."""
        packs = self.prepare(values)
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


class Nothing:
    """A stage that no process has."""

    def run(self, values: Mapping[str, Any]) -> Answer:
        """Do nothing."""
        return RuntimeSignal.NONE


NOTHING = Nothing()


def steers(answer: object) -> bool:
    """Whether what a stage method returns changes the course of the stage or of the model."""
    return isinstance(answer, Stop) or as_signal(answer) is RuntimeSignal.BREAK


@cache
def _taker(names: tuple[str, ...], owner: str, stage: Stage) -> Callable[[Mapping[str, Any]], tuple[Any, ...]]:
    """Give what takes the arguments of a kind of call out of the runtime context."""
    if not names:
        return lambda values: ()
    if owner:
        return lambda values: tuple([_own(values[name], owner, stage, values) for name in names])
    if len(names) == 1:
        name = names[0]
        return lambda values: (values[name],)
    return itemgetter(*names)


def _own(value: Any, process: str, stage: Stage, values: Mapping[str, Any]) -> Any:
    if isinstance(value, Jobs):
        in_step = stage in (Stage.RUN_STEP, Stage.FINALIZE_STEP)
        return value.of(process, stage.value, values["step"] if in_step and values["nsteps"] else -1)
    return value.of(process) if isinstance(value, RandomStreams) else value


def _without_cache(process: Any, method: Callable[..., Any]) -> Callable[..., Any]:
    """Let a process read its own on-demand variables anew while it changes what they depend on."""

    def call(*args: Any) -> Any:
        set_slot(process, CACHE_SLOT, None)
        try:
            return method(*args)
        finally:
            set_slot(process, CACHE_SLOT, {})

    return call
