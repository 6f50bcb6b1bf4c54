"""Checks that a process class keeps the promises that it makes by its declarations."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import cloudpickle
import numpy as np

from xsim._base.dims import show_dims, with_ndim
from xsim._base.stages import Stage
from xsim.declare.variable_spec import VariableSpec, VarIntent, VarType
from xsim.sink.plain_array import plain_array
from xsim.testing.alone import Alone, dims_of, is_object
from xsim.testing.findings import Findings, attempt
from xsim.testing.process_run import ProcessRun, Snapshot, where
from xsim.testing.same import copied, difference, is_labelled, is_plain

RULES = ("in", "inout", "set", "dims", "dtype", "savable", "on_demand", "picklable", "deterministic")

NOTHING = object()


def check_process(
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
    skip: Iterable[str] = (),
) -> ProcessRun:
    """Run one process class alone, and check that it does what its declarations say.

    ==============  ==================================================================================================
    rule            what holds
    ==============  ==================================================================================================
    in              a variable with intent ``in``, or a group, is neither set nor written into (numbers, arrays, text)
    inout           a variable with intent ``inout`` is updated at least once
    set             a variable that the process sets has a value after ``initialize`` or the first ``run_step``
    dims            values have a declared number of dimensions
    dtype           values of a variable keep their type
    savable         values can be saved: numbers, bools, dates, text
    on_demand       a variable computed on demand can be read after the first ``run_step``; reading it twice gives the
                    same, and changes nothing
    picklable       the process, with all its attributes, travels to worker processes and comes back the same
    deterministic   running again with the same values gives the same, bit for bit
    ==============  ==================================================================================================

    Parameters
    ----------
    cls, inputs, varying, state, stages, steps, clock, runtime, seed, name
        As in `run_process`; two steps by default. The process runs twice: where `inputs` hold objects that cannot be
        copied, give a function that makes them.
    skip : iterable of str, optional
        Rules that are not to be checked: ``"dtype"``, or for one variable ``"dtype:total"``.

    Returns
    -------
    ProcessRun
        The values of all variables after each stage.

    Raises
    ------
    CheckError
        An AssertionError that lists all findings; ``findings`` has them.
    Exception
        What the process raises.

    Examples
    --------
    >>> import xsim as xs
    >>> @xs.process
    ... class Greedy:
    ...     food = xs.variable(dims="x")
    ...     eaten = xs.variable(intent="out")
    ...     def run_step(self):
    ...         self.eaten = self.food.sum()
    ...         self.food[:] = 0
    >>> xs.testing.check_process(Greedy, {"food": [1.0, 2.0]})
    Traceback (most recent call last):
        ...
    xsim.errors.CheckError: process class 'Greedy' breaks 1 rule
      - [in] variable 'food' is changed in run_step of step 0
          got: written into: 1.0 ≠ 0.0 at [0], and 1 more
          expected: no change: it is declared with intent='in'
          remedy: write into a copy, or declare it with intent='inout'
    >>> xs.testing.check_process(Greedy, {"food": [1.0, 2.0]}, skip=["in:food"]).eaten
    np.float64(0.0)
    """
    if steps is None and clock is None and not varying:
        steps = 2

    def make() -> Alone:
        return Alone(
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

    check = _Check(make(), Findings(RULES, skip))
    run = check.run()
    if not check.findings.skips("deterministic") and not check.findings.has("on_demand"):
        check.compare(run, make())
    check.findings.report(f"process class {cls.__name__!r}")
    return run


class _Check:
    """A process that runs alone, looked at before and after each stage."""

    def __init__(self, alone: Alone, findings: Findings) -> None:
        self.alone = alone
        self.findings = findings
        self.process = alone.process
        variables = alone.spec.variables
        self._read = {name: spec for name, spec in variables.items() if _only_read(spec)}
        self._updated = {n: s for n, s in variables.items() if s.intent is VarIntent.INOUT}
        self._set = {n: s for n, s in variables.items() if _is_set_here(s)}
        self._changed: set[str] = set()
        self._types: dict[str, tuple[Any, str]] = {}

    def run(self) -> ProcessRun:
        """Run all stages and look at all that can be seen on the way."""
        snapshots = []
        for stage, step, call in self.alone.calls():
            before = {name: _look(self.process, spec) for name, spec in {**self._read, **self._updated}.items()}
            answer = call()
            for name, (value, copy) in before.items():
                self._see_change(name, value, copy, where(stage, step))
            self._see_on_demand(stage, where(stage, step))  # before anybody else reads them
            snapshot = Snapshot(self.process, self.alone.spec, stage, step, answer)
            snapshots.append(snapshot)
            self._see_values(snapshot)
            self._see_pickled(snapshot)
        run = ProcessRun(self.process, self.alone.spec, snapshots)
        self._see_not_set(run)
        self._see_not_updated(run)
        return run

    # -- intents ----------------------------------------------------------------------------------------------------

    def _see_change(self, name: str, value: Any, copy: Any, place: str) -> None:
        now = _value(self.process, name)
        how = ""
        if not _is_same_object(value, now):
            how = "another value is set" if value is not NOTHING else "a value is set"
            if value is not NOTHING and (found := difference(copy, now)):
                how += f": {found}"
        elif copy is not now and (found := difference(copy, now)):
            how = f"written into: {found}"
        if not how:
            return
        self._changed.add(name)
        if name in self._read:
            self.findings.add(
                "in",
                name,
                f"variable {name!r} is changed in {place}",
                got=how,
                expected="no change: it is declared with intent='in'"
                if self._read[name].group is None
                else "no change: it is a group of other processes' variables",
                remedy="write into a copy, or declare it with intent='inout'"
                if self._read[name].group is None
                else "write into copies",
            )

    def _see_not_updated(self, run: ProcessRun) -> None:
        for name in self._updated:
            if name not in self._changed and run.snapshots:
                self.findings.add(
                    "inout",
                    name,
                    f"variable {name!r} is never updated",
                    got="neither set nor written into in any stage",
                    expected="an update: it is declared with intent='inout'",
                    remedy="declare it with intent='in', or give values with which it is updated",
                )

    def _see_not_set(self, run: ProcessRun) -> None:
        early = [each for each in run.snapshots if each.stage is Stage.INITIALIZE]
        early += [each for each in run.run_step if each.step == 0]
        if any(each.reason for each in early):
            return  # the simulation ended there, and what has no value is missing
        for name, spec in self._set.items():
            if early and not any(name in snapshot for snapshot in early):
                late = next((each for each in run.snapshots if name in each), None)
                self.findings.add(
                    "set",
                    name,
                    f"variable {name!r} has no value after {early[-1].where}",
                    got="no value at all" if late is None else f"a first value in {late.where}",
                    expected=f"a value when outputs are taken first: it is declared with intent={spec.intent.value!r}",
                    remedy="set it in initialize",
                )

    # -- values -----------------------------------------------------------------------------------------------------

    def _see_values(self, snapshot: Snapshot) -> None:
        for name, spec in self.alone.spec.variables.items():
            alternatives = dims_of(spec)
            if not alternatives or spec.intent is VarIntent.IN or name not in snapshot:
                continue
            subject = f"variable {name!r} after {snapshot.where}"
            ndim, failed = attempt(np.ndim, snapshot[name])
            if not failed and with_ndim(alternatives, ndim) is None:
                self.findings.add(
                    "dims",
                    name,
                    f"{subject} does not have the declared number of dimensions",
                    got=f"{ndim} dimension(s)",
                    expected="dims " + " or ".join(show_dims(dims) for dims in alternatives),
                    remedy="set a value with these, or declare other dims (a list holds alternatives)",
                )
            array, failed = attempt(plain_array, name, snapshot[name])
            if failed:
                self.findings.add(
                    "savable",
                    name,
                    f"{subject} cannot be saved",
                    got=failed if is_labelled(snapshot[name]) else f"{type(snapshot[name]).__name__}: {failed}",
                    expected="numbers, bools, dates, or text throughout",
                    remedy="declare it as an object (xs.any_object), and a summary of it on demand (xs.on_demand)",
                )
            else:
                self._see_type(name, array.dtype, snapshot)

    def _see_type(self, name: str, dtype: np.dtype[Any], snapshot: Snapshot) -> None:
        first, since = self._types.setdefault(name, (dtype, snapshot.where))
        if dtype != first and not dtype.kind == first.kind == "S":
            self.findings.add(
                "dtype",
                name,
                f"variable {name!r} changes its type in {snapshot.where}",
                got=_type(dtype),
                expected=f"{_type(first)}, as in {since}: the first value saved tells the type of an output",
                remedy=f"set {_type(np.result_type(first, dtype)) if _mix(first, dtype) else 'one type'} always",
            )

    def _see_on_demand(self, stage: Stage, place: str) -> None:
        late = stage is not Stage.INITIALIZE
        for name, spec in self.alone.spec.variables.items():
            if spec.var_type is not VarType.ON_DEMAND or self.findings.skips("on_demand", name):
                continue
            before = {each: copied(_value(self.process, each)) for each in self._stateful}
            first, failed = attempt(getattr, self.process, name)
            again, _ = attempt(getattr, self.process, name)
            wrong = ""
            if failed:
                wrong = failed if late else ""
            elif is_plain(first) and (found := difference(first, again)):
                wrong = f"another value when read again: {found}"
            for each, value in before.items():
                if is_plain(value) and (found := difference(value, _value(self.process, each))):
                    wrong = f"reading it changes {each!r}: {found}"
            if wrong:
                self.findings.add(
                    "on_demand",
                    name,
                    f"variable {name!r}, computed on demand, after {place}",
                    got=wrong,
                    expected="a value that depends on the other variables alone, whoever reads it, and how often",
                    remedy="compute it from variables that are set in initialize, and change nothing",
                )

    @property
    def _stateful(self) -> list[str]:
        return [n for n, s in self.alone.spec.variables.items() if s.var_type is not VarType.ON_DEMAND]

    # -- runs -------------------------------------------------------------------------------------------------------

    def _see_pickled(self, snapshot: Snapshot) -> None:
        if self.findings.skips("picklable"):
            return
        back, failed = attempt(_travel, self.process)
        if failed:
            culprit = next((n for n, v in vars(self.process).items() if attempt(_travel, v)[1]), "")
            self.findings.add(
                "picklable",
                culprit,
                f"attribute {culprit!r} cannot be pickled after {snapshot.where}"
                if culprit
                else "it cannot be pickled",
                got=failed,
                expected="values that can be sent to worker processes, copied and stored",
                remedy="give its class __getstate__ and __setstate__, or make it anew where it is needed",
            )
            return
        for name in self._stateful:
            value = _value(self.process, name)
            if is_plain(value) and (found := difference(value, _value(back, name))):
                self.findings.add(
                    "picklable",
                    name,
                    f"variable {name!r} comes back from pickling as another value after {snapshot.where}",
                    got=found,
                    expected="the same value",
                    remedy="look at __getstate__, __setstate__ and __reduce__ of the class",
                )

    def compare(self, run: ProcessRun, again: Alone) -> None:
        """Run a second time and compare."""
        first = iter(run.snapshots)
        for stage, step, call in again.calls():
            snapshot = Snapshot(again.process, again.spec, stage, step, call())
            for name, value in next(first).items():
                found = difference(value, snapshot[name]) if name in snapshot else "no value"
                if found and (is_plain(value) or found == "no value"):
                    self.findings.add(
                        "deterministic",
                        name,
                        f"variable {name!r} differs in a second run, after {snapshot.where}",
                        got=found,
                        expected="the same, bit for bit, from the same values",
                        remedy="take random numbers from runtime argument 'rng'; keep nothing on the class or module",
                    )


def _only_read(spec: VariableSpec) -> bool:
    return spec.group is not None or (spec.intent is VarIntent.IN and spec.var_type is not VarType.ON_DEMAND)


def _is_set_here(spec: VariableSpec) -> bool:
    return spec.group is None and spec.intent is VarIntent.OUT and spec.var_type is not VarType.ON_DEMAND


def _look(process: Any, spec: VariableSpec) -> tuple[Any, Any]:
    """Give a value, and a copy to compare with; of objects none, since who reads them may write into them (§O3)."""
    value = _value(process, spec.name)
    if is_object(spec) or isinstance(value, (list, dict)) or not is_plain(value):
        return value, value
    return value, copied(value)


def _value(process: Any, name: str) -> Any:
    return getattr(process, name, NOTHING)


def _is_same_object(a: Any, b: Any) -> bool:
    # Numbers may be made anew whenever they are read, and so are groups that nothing was given for.
    if isinstance(a, (int, float, complex, str)) or (isinstance(a, (tuple, Mapping)) and not a):
        return difference(a, b) == ""
    return a is b


def _travel(value: Any) -> Any:
    return pickle.loads(cloudpickle.dumps(value))


def _type(dtype: np.dtype[Any]) -> str:
    return "text" if dtype.kind == "O" else str(dtype)


def _mix(a: np.dtype[Any], b: np.dtype[Any]) -> bool:
    return a.kind in "iufc" and b.kind in "iufc"
