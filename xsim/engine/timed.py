"""Times the pieces of a run that is explained: puts a profile around them, where they are made ready to run."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import wraps
from itertools import repeat
from typing import Any, Self, TypeVar

from xsim._base.keys import join_key
from xsim._base.stages import Stage
from xsim.declare.variable_spec import VarType
from xsim.engine.profile import Part, Place, Profile
from xsim.engine.subclass import quiet_subclass, unpickled_by
from xsim.plan.inputs import PlannedInput
from xsim.plan.run_plan import RunPlan

Put = Callable[[Any], None]
Function = TypeVar("Function", bound=Callable[..., Any])


def piece(profile: Profile | None, part: Part) -> AbstractContextManager[None]:
    """Measure a block of code, if the run is explained."""
    return nullcontext() if profile is None else profile.piece(Place(part))


def timed_hooks(profile: Profile | None, functions: Sequence[Function], stage: Stage) -> Sequence[Function]:
    """Measure hook functions; they keep their names and marks."""
    if profile is None:
        return functions
    return [
        wraps(f)(profile.wrap(Place(Part.HOOK, getattr(f, "__qualname__", repr(f)), stage.value), f))  # type: ignore[misc]
        for f in functions
    ]


class TimedMember:
    """Times the pieces of one member; a context, in which on-demand variables are timed too.

    Parameters
    ----------
    profile : Profile
    plan : RunPlan
    objects : mapping of str to object
        Process objects by name.
    """

    def __init__(self, profile: Profile, plan: RunPlan, objects: Mapping[str, Any]) -> None:
        self._profile = profile
        self._plan = plan
        self._objects = objects
        self._loop = profile.piece(Place(Part.LOOP))
        self._classes: list[tuple[Any, type]] = []

    def __enter__(self) -> Self:
        self._loop.__enter__()
        for name, process in self._objects.items():
            cls = type(process)  # a guarded one maybe
            timed = self._timed_class(name, cls)
            if timed is not cls:
                try:
                    process.__class__ = timed
                except TypeError:  # see `quiet_subclass`
                    process.__class__ = self._timed_class(name, cls, quiet=False)
                self._classes.append((process, cls))
        return self

    def __exit__(self, *exception: Any) -> None:
        for process, cls in self._classes:
            process.__class__ = cls
        self._loop.__exit__(*exception)

    def methods(self, guards: Any) -> Any:
        """Time stage methods, within the guards of the member if it has any."""
        return _TimedMethods(self._profile, guards)

    def puts(self, puts: Sequence[Put]) -> list[Put]:
        """Time what takes the values of outputs."""
        outputs = self._plan.outputs
        return [self._profile.wrap(Place(Part.SAVING, o.name), put) for o, put in zip(outputs, puts, strict=True)]

    def inputs(self, inputs: Sequence[PlannedInput]) -> list[Any]:
        """Time the reading of inputs."""
        return [_TimedInput(planned, self._profile) for planned in inputs]

    def scheduling(self, in_parallel: Function | None) -> Function | None:
        """Time the scheduling of stages whose processes may run at the same time."""
        if in_parallel is None:
            return None

        def make(program: Any, *args: Any) -> Any:
            made = in_parallel(program, *args)
            shadow(self._profile, made, "run", Place(Part.SCHEDULING, stage=program.stage.value))
            return made

        return make  # type: ignore[return-value]

    def _timed_class(self, name: str, cls: type, quiet: bool = True) -> type:
        """Give a subclass whose on-demand variables are timed; the class itself where there are none."""
        made = self._profile.classes.get((name, cls, quiet))
        if made is None:
            timed: dict[str, Any] = {}
            for variable, spec in self._plan.graph.specs[name].variables.items():
                if spec.var_type is VarType.ON_DEMAND:
                    plain = getattr(cls, variable)
                    place = Place(Part.ON_DEMAND, join_key((name, variable)))
                    timed[variable] = property(self._profile.wrap(place, plain.fget), plain.fset)
            made = quiet_subclass(cls, timed | {"__reduce_ex__": _reduce_ex}, quiet) if timed else cls
            self._profile.classes[name, cls, quiet] = made
        return made


def _reduce_ex(self: Any, protocol: Any) -> Any:
    """Copy and pickle the process object as one of the class that is not timed."""
    timed = type(self)
    self.__class__ = next(cls for cls in timed.__mro__[1:] if cls.__name__ == timed.__name__)
    try:
        function, *rest = self.__reduce_ex__(protocol)
    finally:
        self.__class__ = timed
    return (unpickled_by(function), *rest)


class _TimedMethods:
    """Takes the place of the guards of a member, around which it is: what these do is not part of a method's time."""

    def __init__(self, profile: Profile, guards: Any) -> None:
        self._profile = profile
        self._guards = guards

    def wrap(self, name: str, stage: Stage, call: Callable[..., Any]) -> Callable[..., Any]:
        """Time a stage method of a process, and guard it."""
        timed = self._profile.wrap(Place(Part.PROCESS, name, stage.value), call)
        guarded: Callable[..., Any] = timed if self._guards is None else self._guards.wrap(name, stage, timed)
        return guarded

    def check(self, program: Any, stage: Stage) -> Any:
        """Let the guards check what a stage has set."""
        return program if self._guards is None else self._guards.check(program, stage)


class _TimedInput:
    """An input whose reading is timed."""

    def __init__(self, planned: PlannedInput, profile: Profile) -> None:
        self._planned = planned
        place = Place(Part.INPUTS, planned.name)
        self.at = profile.wrap(place, planned.at)
        self._next = profile.wrap(place, next)

    def series(self) -> Iterator[Any]:
        """Give the values for one step after the other."""
        return map(self._next, repeat(self._planned.series()))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._planned, name)


def shadow(profile: Profile, thing: Any, method: str, place: Place) -> None:
    """Time a method of one object, which lasts for one run; its class and other objects stay as they are."""
    setattr(thing, method, profile.wrap(place, getattr(thing, method)))


def time_sink(profile: Profile | None, sink: Any) -> None:
    """Time the sink of a single run, and what is written through it."""
    if profile is None:
        return
    sink.writer = None  # what is written meanwhile would count twice
    open_sink = sink.open

    def open_timed(plan: RunPlan) -> Any:
        buffers = open_sink(plan)
        for buffer in buffers:
            _time_target(profile, buffer.target, buffer.output.name)
        return buffers

    sink.open = open_timed
    for method, part in (("preflight", Part.OPENING), ("open", Part.OPENING), ("close", Part.CLOSING)):
        shadow(profile, sink, method, Place(part))


def _time_target(profile: Profile, target: Any, output: str) -> None:
    for method in ("create", "write"):
        shadow(profile, target, method, Place(Part.WRITING, output))


def time_batch(profile: Profile | None, sink: Any, executor: Any) -> None:
    """Time the sink of a batch, what blocks write, and the handing out of work."""
    if profile is None:
        return
    make_writer = sink.writer

    def timed_writer(in_workers: bool) -> Any:
        writer = make_writer(in_workers)
        return None if writer is None else TimedWriter(writer, profile, [o.name for o in sink.plan.outputs])

    sink.writer = timed_writer
    for method, part in (
        *(("preflight", Part.OPENING), ("open", Part.OPENING), ("earlier", Part.OPENING), ("close", Part.CLOSING)),
        *((each, Part.WRITING) for each in ("create", "accept", "grow", "read", "clear", "tidy")),
    ):
        shadow(profile, sink, method, Place(part))
    run = executor.run

    def run_timed(*args: Any) -> Iterator[Any]:
        results = run(*args)
        give = profile.wrap(Place(Part.SCHEDULING), next)
        try:
            while (result := give(results, None)) is not None:
                yield result
        finally:
            results.close()

    executor.run = run_timed


class TimedWriter:
    """A writer of blocks that is timed, also where it has travelled to a worker process."""

    def __init__(self, writer: Any, profile: Profile, outputs: Sequence[str]) -> None:
        self._writer = writer
        self._profile = profile
        self._outputs = outputs
        for method in ("write", "erase", "clear"):
            setattr(self, method, profile.wrap(Place(Part.WRITING), getattr(writer, method)))
        self.record = profile.wrap(Place(Part.WRITING, "xsim_journal"), writer.record)
        self.working = writer.working

    def __reduce__(self) -> tuple[Any, ...]:
        return TimedWriter, (self._writer, self._profile, self._outputs)

    def stream(self, output: int, block: Any) -> Any:
        """Give a target for an output of a block of one member."""
        target = self._writer.stream(output, block)
        _time_target(self._profile, target, self._outputs[output])
        return target


def charged_to(profile: Profile | None, writer: Any) -> Any:
    """Let a writer that has travelled apart from the profile of its run be timed by that, not by a copy."""
    if profile is None or not isinstance(writer, TimedWriter):
        return writer
    return TimedWriter(writer._writer, profile, writer._outputs)


def timed_block(function: Function) -> Function:
    """Time the running of blocks: what is done for members around their loops."""

    @wraps(function)
    def run(work: Any, *args: Any) -> Any:
        profile = work.hooks.profile
        if profile is None:
            return function(work, *args)
        with profile.piece(Place(Part.MEMBERS)):
            return function(work, *args)

    return run  # type: ignore[return-value]
