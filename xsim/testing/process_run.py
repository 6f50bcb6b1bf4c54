"""What a process did alone: its values after each stage."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from xsim._base.render import columns, names
from xsim._base.stages import RuntimeSignal, Stage, Stop
from xsim.declare.process import ProcessSpec
from xsim.declare.variable_spec import VarType
from xsim.errors import UnsetVariableError
from xsim.testing.alone import IN_STEPS, Alone
from xsim.testing.same import copied


def run_process(
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
) -> ProcessRun:
    """Run one process class outside any model.

    Where it ends the simulation (`xsim.stop`), no further step runs, as in a run; `Snapshot.reason` tells why.

    Parameters
    ----------
    cls : type
        Process class.
    inputs : mapping of str to object, or callable that makes one
        Values by the process's own names: of inputs, foreign variables, global references; of a group variable a
        sequence, of a ``group_dict`` a mapping of ``(process, variable)`` to value. They are copied; inputs are
        converted and validated as in a run. Defaults stand for inputs not given.
    varying : mapping of str to sequence, optional
        Values that vary in time, one for each step, set before its ``run_step``. As in a run there is none in
        ``initialize``, unless `inputs` has one too.
    state : mapping of str to object, optional
        What else is set before the first stage: variables with intent ``out``, undeclared attributes.
    stages : str or iterable of str, optional
        The stages to run; by default all that the class has.
    steps : int, optional
        Number of steps, of length 1.0; by default as many as `varying` has values, else one.
    clock : array-like, optional
        Labels of the main clock (numbers, dates), where the steps have other lengths; from them follow the runtime
        arguments, as in a run.
    runtime : mapping of str to object, optional
        Values of runtime arguments that stand for those that follow from the clock.
    seed : int, default: 0
        Seed of the random stream (``rng``).
    name : str, optional
        Name of the process. With the seed and the name that it has in a model it gets the random numbers that it gets
        there, outside batches.

    Returns
    -------
    ProcessRun
        The values of all variables after each stage.

    Raises
    ------
    UnknownInputError, InputError
        If a value is given for what takes none, or has the wrong number of dimensions.
    Exception
        What the process raises, with notes on where.

    Examples
    --------
    >>> import xsim as xs
    >>> @xs.process
    ... class Rain:
    ...     amount = xs.variable(intent="out")
    >>> @xs.process
    ... class Bucket:
    ...     rain = xs.foreign(Rain, "amount")
    ...     leak = xs.variable(default=0.5)
    ...     level = xs.variable(intent="out")
    ...     half = xs.on_demand()
    ...     def initialize(self):
    ...         self.level = 0.0
    ...     @xs.runtime(args="step_delta")
    ...     def run_step(self, dt):
    ...         self.level += (self.rain - self.leak) * dt
    ...     @half.compute
    ...     def _half(self):
    ...         return self.level / 2
    >>> run = xs.testing.run_process(Bucket, {"rain": 2.0}, clock=[0, 1, 3])
    >>> print(run.level, run.half)
    4.5 2.25
    >>> print(run.initialize.level, run.run_step[0].level)
    0.0 1.5
    >>> print(*xs.testing.run_process(Bucket, varying={"rain": [1, 2, 3]}).series("level"))
    0.5 2.0 4.5

    One stage, from a state given:

    >>> print(xs.testing.run_process(Bucket, {"rain": 1}, state={"level": 9.0}, stages="run_step").level)
    9.5
    """
    alone = Alone(
        cls,
        inputs,
        varying=varying,
        state=state,
        stages=stages,
        steps=steps,
        clock=clock,
        runtime=runtime,
        seed=seed,
        name=name,
    )
    snapshots = [Snapshot(alone.process, alone.spec, stage, step, call()) for stage, step, call in alone.calls()]
    return ProcessRun(alone.process, alone.spec, snapshots)


def where(stage: Stage, step: int) -> str:
    """Name a stage, and its step if it has one."""
    return f"{stage.value} of step {step}" if stage in IN_STEPS else stage.value


class Snapshot(Mapping[str, Any]):
    """The values of all variables of a process after a stage, as copies: by attribute, or by item.

    Parameters
    ----------
    process : object
    spec : ProcessSpec
    stage : Stage
    step : int
    answer : RuntimeSignal or Stop
        What the stage method has returned.

    Attributes
    ----------
    stage : str
    step : int
    signal : RuntimeSignal
        What the stage method has returned; BREAK where it ended the simulation (`xsim.stop`).
    reason : str
        Why it ended the simulation; empty if it did not.

    Notes
    -----
    On-demand variables are computed. What one raises, it raises when it is read here. Objects (`any_object`) are not
    copied. Variables without a value are not among the items.
    """

    def __init__(self, process: Any, spec: ProcessSpec, stage: Stage, step: int, answer: RuntimeSignal | Stop) -> None:
        self.stage = stage
        self.step = step
        self.signal = RuntimeSignal.BREAK if isinstance(answer, Stop) else answer
        self.reason = answer.reason if isinstance(answer, Stop) else ""
        self._class = spec.cls.__name__
        self._known = tuple(spec.variables)
        self._values: dict[str, Any] = {}
        self._errors: dict[str, Exception] = {}
        for name, variable in spec.variables.items():
            try:
                value = getattr(process, name)
            except UnsetVariableError:
                continue
            except AttributeError as error:
                if variable.var_type is VarType.ON_DEMAND:
                    self._errors[name] = error
                continue
            except Exception as error:
                self._errors[name] = error
                continue
            self._values[name] = value if variable.var_type is VarType.OBJECT else copied(value)

    def __getitem__(self, name: str) -> Any:
        if name in self._errors:
            raise self._errors[name]
        if name not in self._values:
            raise KeyError(name)
        return self._values[name]

    def __getattr__(self, name: str) -> Any:
        values = self.__dict__.get("_values", {})
        if name in values or name in self.__dict__.get("_errors", {}):
            return self[name]
        if name not in self.__dict__.get("_known", ()):
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}", name=name, obj=self)
        raise UnsetVariableError(
            f"variable {name!r} of class {self._class} has no value after {self.where}",
            got=f"values of {names(values)}",
            variable=name,
        )

    @property
    def where(self) -> str:
        """The stage, in words."""
        return where(self.stage, self.step)

    def __contains__(self, name: object) -> bool:
        return name in self._values

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    # Mappings compare item by item, which arrays do not answer with one truth value.
    __eq__ = object.__eq__
    __hash__ = object.__hash__

    def __repr__(self) -> str:
        rows = [(name, f"{value!r:.70}".splitlines()[0]) for name, value in self._values.items()]
        return "\n".join([f"<{self._class} after {self.where}>", *columns(rows)])


class ProcessRun(Mapping[str, Any]):
    """What a process did alone: its values at the end by item or attribute, those after each stage by stage.

    Attributes
    ----------
    process : object
        The process object, as it was at the end.
    snapshots : tuple of Snapshot
        Values after each stage, in their order.
    initialize, finalize : Snapshot
        Values after these stages.
    run_step, finalize_step : tuple of Snapshot
        Values after these stages, one for each step.
    """

    def __init__(self, process: Any, spec: ProcessSpec, snapshots: Iterable[Snapshot]) -> None:
        self.process = process
        self.snapshots = tuple(snapshots)
        self._last = Snapshot(process, spec, Stage.FINALIZE, 0, RuntimeSignal.NONE)

    @property
    def initialize(self) -> Snapshot:
        """Values after this stage."""
        return self._only(Stage.INITIALIZE)

    @property
    def finalize(self) -> Snapshot:
        """Values after this stage."""
        return self._only(Stage.FINALIZE)

    @property
    def run_step(self) -> tuple[Snapshot, ...]:
        """Values after this stage, one for each step."""
        return tuple(each for each in self.snapshots if each.stage is Stage.RUN_STEP)

    @property
    def finalize_step(self) -> tuple[Snapshot, ...]:
        """Values after this stage, one for each step."""
        return tuple(each for each in self.snapshots if each.stage is Stage.FINALIZE_STEP)

    def _only(self, stage: Stage) -> Snapshot:
        for snapshot in self.snapshots:
            if snapshot.stage is stage:
                return snapshot
        raise LookupError(f"stage {stage.value!r} has not run")  # an AttributeError would be lost in __getattr__

    def series(self, name: str) -> list[Any]:
        """Give the values of a variable after each ``run_step``, where outputs on the main clock are taken.

        Parameters
        ----------
        name : str
        """
        return [each[name] for each in self.run_step]

    def __getitem__(self, name: str) -> Any:
        return self._last[name]

    def __getattr__(self, name: str) -> Any:
        last = self.__dict__.get("_last")
        if last is None or name.startswith("_"):
            raise AttributeError(name)
        return getattr(last, name)

    def __contains__(self, name: object) -> bool:
        return name in self._last

    def __iter__(self) -> Iterator[str]:
        return iter(self._last)

    def __len__(self) -> int:
        return len(self._last)

    __eq__ = object.__eq__
    __hash__ = object.__hash__

    def __repr__(self) -> str:
        lines = repr(self._last).splitlines()
        stages = ", ".join(dict.fromkeys(each.stage.value for each in self.snapshots)) or "nothing"
        return "\n".join([f"<{type(self.process).__name__} alone, after {stages}>", *lines[1:]])
