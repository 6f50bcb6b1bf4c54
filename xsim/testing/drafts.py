"""Models made from plain descriptions, which random ones can be drawn of."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import attrs
import numpy as np

from xsim._base.stages import RuntimeSignal, Stage, Stop, stop
from xsim._model import Model
from xsim.declare.process import process
from xsim.declare.runtime import runtime
from xsim.declare.variable import any_object, foreign, global_ref, group, group_dict, on_demand, variable

PRIME = 1_000_003

Pause = Callable[[], None]


class PlannedFailure(Exception):
    """What processes of random models raise."""


@attrs.frozen(kw_only=True)
class DraftProcess:
    """What one process of a random model is and does.

    It has variables ``out``, ``level`` (``inout``, an input), ``store`` (an object that holds lists and arrays),
    ``ratio`` (on demand), perhaps ``view``; and those that refer to others: ``read_0``, ``update_0``, ``gathered`` ...
    Its stage methods mix all that they read into what they set, so that any other order gives other values.

    Attributes
    ----------
    number : int
        The process is called ``p0``, ``p1`` ...
    stages : frozenset of str
        Stages that it has beside ``initialize``.
    is_array, in_place : bool
        Whether its values are arrays, and ``out`` is updated in place.
    reads : tuple of (int, str, str)
        For each reference the number of the other process, the variable, and ``"foreign"`` or ``"global"``.
    updates : tuple of int
        Numbers of processes whose ``level`` it updates.
    view_of : tuple of (int, str), optional
        The other process and the variable that ``view`` shares memory with.
    cached : bool
        Whether ``ratio`` is kept within a stage.
    gathers : {"group", "group_dict"}, optional
        How it gathers the ``out`` variables of all processes with even numbers.
    breaks : frozenset of int
        Steps in which ``run_step`` returns BREAK.
    raises : tuple of (str, int), optional
        Stage and step in which it raises `PlannedFailure`.
    parallel : bool
        Whether it may run at the same time as others.
    lags : tuple of (int, str, str, str)
        For each lagged reference ``lag_0`` ... the number of any process, the variable, ``"foreign"`` or ``"global"``,
        and whether its first value is ``"initial"`` or an ``"input"``.
    after : tuple of int
        Numbers of processes that a hint puts before it.
    stops : tuple of (str, int), optional
        Stage and step in which it ends the run.
    """

    number: int
    stages: frozenset[str] = frozenset({"run_step"})
    is_array: bool = False
    in_place: bool = False
    reads: tuple[tuple[int, str, str], ...] = ()
    updates: tuple[int, ...] = ()
    view_of: tuple[int, str] | None = None
    cached: bool = False
    gathers: str | None = None
    breaks: frozenset[int] = frozenset()
    raises: tuple[str, int] | None = None
    parallel: bool = True
    lags: tuple[tuple[int, str, str, str], ...] = ()
    after: tuple[int, ...] = ()
    stops: tuple[str, int] | None = None


@attrs.frozen
class Draft:
    """A random model.

    Attributes
    ----------
    processes : tuple of DraftProcess
    declared : tuple of int
        Numbers of the processes in the order in which the model is given them.
    """

    processes: tuple[DraftProcess, ...]
    declared: tuple[int, ...]

    def classes(self, *, quiet: bool = False, pause: Pause | None = None) -> dict[str, type]:
        """Make the process classes, by name in the order of declaration.

        Parameters
        ----------
        quiet : bool, default: False
            Whether ``initialize`` only makes values, and leaves those of others alone.
        pause : callable, optional
            Is called at the start and in the midst of methods, e.g. to shake the schedule of threads.
        """
        made: dict[int, type] = {}
        for draft in self.processes:
            made[draft.number] = _class_for(self, draft, made, quiet, pause or _no_pause)
        return {f"p{number}": made[number] for number in self.declared}

    @property
    def hints(self) -> list[tuple[str, str]]:
        """Names of processes, the first of which is to run before the second."""
        return [(f"p{before}", f"p{each.number}") for each in self.processes for before in each.after]

    @property
    def inputs(self) -> dict[str, Any]:
        """Values of the inputs that have no default: the first ones of lagged references."""
        found = {}
        for each in self.processes:
            for i, (target, name, _, source) in enumerate(each.lags):
                if source == "input":
                    found[f"p{each.number}__lag_{i}"] = self.first_value(target, name)
        return found

    def first_value(self, number: int, name: str) -> Any:
        """Give what a lagged reference to a variable has before the first step."""
        is_array = any(each.is_array for each in self.processes if each.number == number)
        return np.arange(3) if is_array and name != "ratio" else 5

    def model(self, **options: Any) -> Model:
        """Make the model; options are those of `classes`. Its attribute ``draft`` is this description."""
        model = Model(self.classes(**options), order=self.hints)
        model.draft = self  # type: ignore[attr-defined]
        return model


def _no_pause() -> None:
    """Go on."""


def number_of(value: Any) -> int:
    """Fold any value into a number, such that order matters."""
    if isinstance(value, np.ndarray):
        return int((value * np.arange(1, value.size + 1)).sum())
    if isinstance(value, Mapping):
        return number_of([each for _, each in sorted(value.items())])
    if isinstance(value, (list, tuple)):
        total = 0
        for each in value:
            total = (total * 31 + number_of(each)) % PRIME
        return total
    return int(value)


def _changed(old: Any, by: int, pause: Pause) -> Any:
    """Give what an update makes of a value; between reading and writing is a gap in which updates get lost."""
    new = (old * 3 + by) % PRIME
    pause()
    if isinstance(old, np.ndarray):
        old[...] = new
        return old
    return new


def _read(process: Any, name: str, variable_name: str) -> Any:
    """Read a variable; a ``level`` that varies in time has no value before the first step."""
    return getattr(process, name, 0) if variable_name == "level" else getattr(process, name)


def _update(process: Any, name: str, by: int, pause: Pause) -> None:
    """Update a ``level``, if it has a value yet."""
    old = getattr(process, name, None)
    if old is not None:
        setattr(process, name, _changed(old, by, pause))


def _method(draft: DraftProcess, stage: str, quiet: bool, pause: Pause) -> Callable[..., Any]:
    lagged = [(f"lag_{i}", name) for i, (_, name, _, _) in enumerate(draft.lags)]
    read = [*_reads(draft), *lagged, *([("gathered", "out")] if draft.gathers is not None else [])]
    changes = not (quiet and stage == "initialize")
    stage_number = [each.value for each in Stage].index(stage)

    def method(self: Any, step: int) -> RuntimeSignal | Stop | None:
        pause()
        total = draft.number * 7 + stage_number + step
        for name, target in read:
            value = _read(self, name, target)
            pause()
            total = (total * 31 + number_of(value)) % PRIME
            if isinstance(value, list) and changes:  # "readers" write into objects
                _changed(value[0], total, pause)
                value.append(len(value) + total)
        if draft.raises == (stage, step):
            raise PlannedFailure(f"process {draft.number} in {stage} of step {step}")
        if stage == "initialize":
            _set_first(self, draft, total)
        if changes:
            for i in range(len(draft.updates)):
                _update(self, f"update_{i}", total, pause)
            _update(self, "level", total, pause)
            if draft.view_of is not None:
                _changed(self.view, total, pause)
            self.out = _changed(self.out if draft.in_place else self.out * 1, total, pause)
        if draft.stops == (stage, step):
            return stop(f"process {draft.number} has enough")
        return RuntimeSignal.BREAK if stage == "run_step" and step in draft.breaks else None

    return runtime(method, args=["step"])


def _set_first(process: Any, draft: DraftProcess, total: int) -> None:
    process.store = [np.arange(4)]
    process.out = np.arange(3) + total if draft.is_array else total
    if draft.view_of is not None:
        viewed = _read(process, "viewed", draft.view_of[1])
        source = viewed[0] if isinstance(viewed, list) else viewed
        process.view = source[::2] if isinstance(source, np.ndarray) else np.zeros(2, int)


def _reference(classes: Mapping[int, type], target: int, variable_name: str, how: str, intent: str = "in") -> Any:
    if how == "foreign" or variable_name == "ratio":  # what is computed on demand has no global name
        return foreign(classes[target], variable_name, intent=intent)
    return global_ref(f"{variable_name}_{target}", intent=intent)


def _lagged(draft: Draft, target: int, name: str, how: str, source: str) -> Any:
    initial = {"initial": draft.first_value(target, name)} if source == "initial" else {}
    if how == "foreign" or name == "ratio":
        return foreign(f"p{target}", name, lag=1, **initial)
    return global_ref(f"{name}_{target}", lag=1, **initial)


def _class_for(model: Draft, draft: DraftProcess, classes: Mapping[int, type], quiet: bool, pause: Pause) -> type:
    number = draft.number
    first = np.arange(3) if draft.is_array else 1
    namespace: dict[str, Any] = {
        "out": variable(dims=[(), "x"], intent="out", global_name=f"out_{number}", groups=f"outs_{number % 2}"),
        "level": variable(dims=[(), "x"], intent="inout", global_name=f"level_{number}", default=first),
        "store": any_object(global_name=f"store_{number}"),
        "ratio": on_demand(),
    }
    for i, (target, name, how) in enumerate(draft.reads):
        namespace[f"read_{i}"] = _reference(classes, target, name, how)
    for i, lag in enumerate(draft.lags):
        namespace[f"lag_{i}"] = _lagged(model, *lag)
    for i, target in enumerate(draft.updates):
        namespace[f"update_{i}"] = _reference(classes, target, "level", "global", "inout")
    if draft.view_of is not None:
        namespace["viewed"] = _reference(classes, *draft.view_of, "foreign")
        namespace["view"] = variable(dims="y", intent="out", global_name=f"view_{number}")
    if draft.gathers is not None:
        namespace["gathered"] = {"group": group, "group_dict": group_dict}[draft.gathers]("outs_0")
    namespace["ratio"].compute(cache=draft.cached)(
        _compute([("out", "out"), ("level", "level"), *_reads(draft)], pause)
    )
    for stage in ("initialize", *draft.stages):
        namespace[stage] = _method(draft, stage, quiet, pause)
    made: type = process(type(f"Process{number}", (), namespace), parallel=draft.parallel)
    return made


def _reads(draft: DraftProcess) -> list[tuple[str, str]]:
    """Give the names of the references, and of the variables that they lead to."""
    return [(f"read_{i}", name) for i, (_, name, _) in enumerate(draft.reads)]


def _compute(names: Sequence[tuple[str, str]], pause: Pause) -> Callable[[Any], int]:
    def compute(self: Any) -> int:
        pause()
        return number_of([_read(self, name, target) for name, target in names])

    return compute
