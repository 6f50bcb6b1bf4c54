"""Runs one process class outside any model."""

from __future__ import annotations

import math
import shutil
import tempfile
import weakref
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

import attr
import numpy as np
import xarray as xr
from attrs import NOTHING

from xsim._base.cpus import usable_cpus
from xsim._base.dims import on_clock, show_dims, with_ndim
from xsim._base.render import names
from xsim._base.stages import RuntimeSignal, Stage, Stop, as_signal
from xsim._base.suggest import did_you_mean
from xsim.declare.access import NAME_SLOT
from xsim.declare.process import ProcessSpec, process_spec
from xsim.declare.runtime import RUNTIME_ARGS
from xsim.declare.variable_spec import ARRAY_TYPES, VariableSpec, VarIntent, VarType
from xsim.engine.context import RandomStreams, RuntimeContext
from xsim.engine.failure import note
from xsim.errors import InputError, OptionError, RuntimeContextError, UnknownInputError, UnsetVariableError
from xsim.job.job import Jobs, Site
from xsim.model.objects import bare_object
from xsim.plan.inputs import PlannedInput
from xsim.plan.random import random_stream
from xsim.plan.timeline import Timeline, make_timeline
from xsim.setup.clocks import check_clocks, read_clocks, set_clocks
from xsim.testing.same import copied

CLOCK = "clock"
"""Name of the main clock of processes that run alone."""

IN_STEPS = (Stage.RUN_STEP, Stage.FINALIZE_STEP)

Call = Callable[[], RuntimeSignal | Stop]


class Alone:
    """A process object outside any model, and the calls of its stage methods.

    Parameters
    ----------
    cls : type
        Process class.
    inputs, varying, state, stages, steps, clock, runtime, seed, name
        As in `xsim.testing.run_process`.
    """

    def __init__(
        self,
        cls: type,
        inputs: Mapping[str, Any] | Callable[[], Mapping[str, Any]] | None = None,
        *,
        varying: Mapping[str, Sequence[Any]] | None = None,
        state: Mapping[str, Any] | None = None,
        stages: str | Iterable[str] | None = None,
        steps: int | None = None,
        clock: Any = None,
        runtime: Mapping[str, Any] | None = None,
        seed: int = 0,
        name: str = "",
    ) -> None:
        self.spec: ProcessSpec = process_spec(cls)
        self._stages = _stages(stages)
        self._inputs = dict((inputs() if callable(inputs) else inputs) or {})
        self._varying = dict(varying or {})
        self._state = dict(state or {})
        _check_names(self.spec, self._inputs, self._state, self._varying)
        self._timeline = _timeline(steps, clock, self._varying)
        self._runtime = dict(runtime or {})
        _check_runtime(self._runtime)
        streams = RandomStreams(lambda process: random_stream(seed, (), process))
        self._context = RuntimeContext(self._timeline, streams, jobs=Jobs(self._site))
        self._name = name
        self._stopped = False
        self.process: Any = self._make(cls)

    def _site(self) -> Site:
        folder = tempfile.mkdtemp(prefix="xsim-")
        weakref.finalize(self, shutil.rmtree, folder, True)
        # Nobody watches or cancels a test.
        return Site(Path(folder), usable_cpus(), {}, math.inf, lambda phase, fraction: None, lambda: False, "always")

    def _make(self, cls: type) -> Any:
        process: Any = bare_object(cls)
        if self._name:
            process.__dict__[NAME_SLOT] = self._name
        converted = {}
        for name, spec in self.spec.variables.items():
            default = spec.default_for(cls) if spec.can_be_input else spec.initial
            value = self._inputs.get(name, default)
            if value is not NOTHING:
                converted[name] = self._set(process, spec, value)
        for name, value in converted.items():
            _validate(process, self.spec.variables[name], value)
        for name, value in self._state.items():
            setattr(process, name, copied(value))
        return process

    def _set(self, process: Any, spec: VariableSpec, value: Any) -> Any:
        if spec.var_type is VarType.GROUP:
            value = tuple(copied(each) for each in value)
        elif spec.var_type is VarType.GROUP_DICT:
            value = MappingProxyType({key: copied(each) for key, each in value.items()})
        elif spec.can_be_input:
            value = _as_in_a_run(spec, value)
        else:
            value = copied(value)
        _check_ndim(self.spec, spec, value)
        setattr(process, spec.name, value)
        return value

    def calls(self) -> Iterator[tuple[Stage, int, Call]]:
        """Give each stage in its order, its step, and what calls it; time-varying values are set before."""
        yield from self._call(Stage.INITIALIZE, 0)
        for step in range(self._timeline.nsteps if set(self._stages) & set(IN_STEPS) else 0):
            if self._stopped:
                break
            self._context.move_to(step)
            for name, series in self._varying.items():
                spec = self.spec.variables[name]
                _validate(self.process, spec, self._set(self.process, spec, series[step]))
            yield from self._call(Stage.RUN_STEP, step)
            if not self._stopped:
                yield from self._call(Stage.FINALIZE_STEP, step)
        yield from self._call(Stage.FINALIZE, max(0, self._timeline.nsteps - 1))

    def _call(self, stage: Stage, step: int) -> Iterator[tuple[Stage, int, Call]]:
        if stage not in self._stages or stage not in self.spec.stages:
            return

        def call() -> RuntimeSignal | Stop:
            arguments = [self._argument(name) for name in self.spec.stages[stage].args]
            try:
                answer = getattr(self.process, stage.value)(*arguments)
                self._stopped = isinstance(answer, Stop)
                return answer if isinstance(answer, Stop) else as_signal(answer)
            except Exception as error:
                self._explain(error, stage, step)
                self._finalize_after(error, stage)
                raise

        yield stage, step, call

    def _finalize_after(self, error: Exception, stage: Stage) -> None:
        """Let the process close what it has opened, as in a run; that must not hide the failure."""
        if stage is not Stage.FINALIZE:
            try:
                for _, _, call in self._call(Stage.FINALIZE, 0):
                    call()
            except Exception as second:
                note(error, f"stage 'finalize' failed after that: {type(second).__name__}: {second}")

    def _argument(self, name: str) -> Any:
        if name in self._runtime:
            return self._runtime[name]
        if name not in self._context.values:
            raise _unknown_runtime(name)
        value = self._context.values[name]
        return value.of(self._name) if isinstance(value, (RandomStreams, Jobs)) else value

    def _explain(self, error: Exception, stage: Stage, step: int) -> None:
        where = f" of {self._timeline.describe(step)}" if stage in IN_STEPS else ""
        note(error, f"in process class {self.spec.cls.__name__}, stage {stage.value!r}{where}")
        variable = str(getattr(error, "variable", "")) if isinstance(error, UnsetVariableError) else ""
        if variable in self.spec.variables:
            how = "state" if self.spec.variables[variable].intent is VarIntent.OUT else "inputs"
            note(error, f"give it a value beforehand: {how}={{{variable!r}: ...}}")


def declared(spec: VariableSpec) -> VariableSpec | None:
    """Give the variable that a reference leads to, as far as classes tell; None if they do not."""
    while spec.var_type is VarType.FOREIGN:
        target = getattr(spec.target_cls, "__xsim_spec__", None)
        if target is None or spec.target_name not in target.variables:
            return None
        spec = target.variables[spec.target_name]
    return None if spec.var_type is VarType.GLOBAL else spec


def is_object(spec: VariableSpec) -> bool:
    """Whether a variable is, or leads to, an object (`any_object`)."""
    found = declared(spec)
    return found is not None and found.var_type is VarType.OBJECT


def dims_of(spec: VariableSpec) -> tuple[tuple[str, ...], ...]:
    """Give the dims that values of a variable may have; none if they are not known."""
    found = declared(spec)
    return on_clock(found.dims, CLOCK) if found is not None and found.var_type in ARRAY_TYPES else ()


def _as_in_a_run(spec: VariableSpec, value: Any) -> Any:
    """Give the value of an input as a process gets it in a run: a copy, an array or a scalar, converted."""
    if isinstance(value, xr.DataArray):
        value = value.to_numpy()
    values = np.empty((), dtype=object) if value is None else np.array(value)
    return PlannedInput(("", spec.name), values, False, spec.converter).at(0)


def _validate(process: Any, spec: VariableSpec, value: Any) -> None:
    if spec.validator is not None and spec.can_be_input:
        cls = type(process)
        try:
            spec.validator(process, attr.fields_dict(cls).get(spec.name, spec) if attr.has(cls) else spec, value)
        except UnsetVariableError:
            return  # of another variable that it looks at
        except Exception as error:
            note(error, f"refused by the validator of variable {spec.name!r} of class {cls.__name__}")
            raise


def _check_ndim(process: ProcessSpec, spec: VariableSpec, value: Any) -> None:
    alternatives = dims_of(spec)
    if value is None or not alternatives:
        return
    ndim = np.ndim(value)
    if with_ndim(alternatives, ndim) is None:
        raise InputError(
            f"the value given for variable {spec.name!r} of class {process.cls.__name__} does not have the declared "
            "number of dimensions",
            got=f"{ndim} dimension(s)",
            expected="dims " + " or ".join(show_dims(dims) for dims in alternatives),
            remedy="give a value with these; one for each step goes into varying=",
            variable=spec.name,
        )


def _check_names(
    process: ProcessSpec, inputs: Mapping[str, Any], state: Mapping[str, Any], varying: Mapping[str, Any]
) -> None:
    known = [
        name
        for name, spec in process.variables.items()
        if spec.group is not None or (spec.var_type is not VarType.ON_DEMAND and spec.intent is not VarIntent.OUT)
    ]
    for argument, given in (("inputs", inputs), ("varying", varying)):
        if wrong := [name for name in given if name not in known]:
            raise UnknownInputError(
                f"class {process.cls.__name__} takes no values of {names(wrong)} from outside",
                got=f"{argument}={{{wrong[0]!r}: ...}}",
                expected=f"variables with intent 'in' or 'inout': {names(known)}",
                suggestions=[close for name in wrong for close in did_you_mean(name, known)],
                remedy=f"state={{{wrong[0]!r}: ...}} sets anything before the first stage",
            )
    if wrong := [n for n in state if n in process.variables and process.variables[n].var_type is VarType.ON_DEMAND]:
        raise UnknownInputError(
            f"variable {wrong[0]!r} of class {process.cls.__name__} is computed on demand and cannot be set",
            got=f"state={{{wrong[0]!r}: ...}}",
            remedy="set what its compute method reads",
        )
    if static := [name for name in varying if process.variables[name].static]:
        raise InputError(
            f"variable {static[0]!r} of class {process.cls.__name__} is static",
            got=f"varying={{{static[0]!r}: ...}}",
            expected=f"one value for all steps: inputs={{{static[0]!r}: ...}}",
        )


def _stages(stages: str | Iterable[str] | None) -> tuple[Stage, ...]:
    if stages is None:
        return tuple(Stage)
    known = [stage.value for stage in Stage]
    chosen = [stages] if isinstance(stages, str) else list(stages)
    for stage in chosen:
        if stage not in known:
            raise OptionError(
                f"{stage!r} is no stage", expected=f"among {names(known)}", suggestions=did_you_mean(stage, known)
            )
    return tuple(Stage(stage) for stage in known if stage in chosen)


def _timeline(steps: int | None, clock: Any, varying: Mapping[str, Sequence[Any]]) -> Timeline:
    if clock is None:
        lengths = [len(series) for series in varying.values()]
        clock = np.arange((min(lengths, default=1) if steps is None else steps) + 1.0)
    elif steps is not None and steps != np.size(clock) - 1:
        raise OptionError(
            "steps= and clock= contradict each other",
            got=f"steps={steps} and {np.size(clock)} labels",
            expected=f"one label more than steps: steps={np.size(clock) - 1}",
        )
    setup = set_clocks(xr.Dataset(), {CLOCK: clock}, CLOCK)
    clocks = read_clocks(setup)
    check_clocks(clocks)
    timeline = make_timeline(setup, clocks)
    for name, series in varying.items():
        if len(series) < timeline.nsteps:
            raise InputError(
                f"varying={{{name!r}: ...}} has too few values",
                got=f"{len(series)} value(s)",
                expected=f"one for each of {timeline.nsteps} steps",
            )
    return timeline


def _check_runtime(runtime: Mapping[str, Any]) -> None:
    for name in runtime:
        if name not in RUNTIME_ARGS:
            raise _unknown_runtime(name)


def _unknown_runtime(name: str) -> RuntimeContextError:
    return RuntimeContextError(
        f"there is no runtime argument {name!r}",
        expected=f"one of {names(RUNTIME_ARGS, limit=len(RUNTIME_ARGS))}",
        suggestions=did_you_mean(name, RUNTIME_ARGS),
    )
