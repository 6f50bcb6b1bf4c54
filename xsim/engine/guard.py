"""Enforces intents while stage methods run: ``validate="all"`` (DESIGN §V5).

For the time of a run, process objects are of a subclass of their class, whose attributes give read-only views of what
the process only reads. The arrays themselves are never touched, so that those who may change them can, at the same
time in other threads too.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache, partial
from typing import Any, Self

from xsim._base.keys import Key
from xsim._base.stages import Stage
from xsim.declare.access import read_only
from xsim.declare.process import process_spec
from xsim.declare.variable_spec import VariableSpec, VarIntent, VarType
from xsim.engine.checked import CheckedProgram
from xsim.engine.hooks import Runnable
from xsim.engine.subclass import quiet_subclass, unpickled_by
from xsim.engine.watch import Watch
from xsim.model.graph import ModelGraph

_SLOT = "__xsim_guard__"


class Guards:
    """Guards of the process objects of a member; a context, after which they are as before.

    Parameters
    ----------
    graph : ModelGraph
    objects : mapping of str to object
        Process objects by name.
    """

    def __init__(self, graph: ModelGraph, objects: Mapping[str, Any]) -> None:
        self._graph = graph
        self._objects = objects

    def __enter__(self) -> Self:
        for name, process in self._objects.items():
            cls = self._graph.classes[name]
            vars(process)[_SLOT] = Watch(cls, self._frozen(name), self._set_by(name))
            try:
                process.__class__ = _guarded(cls)
            except TypeError:  # objects of some classes (generic ones) can only become of a direct subclass
                process.__class__ = _guarded(cls, quiet=False)
        return self

    def __exit__(self, *exception: object) -> None:
        for name, process in self._objects.items():
            process.__class__ = self._graph.classes[name]
            del vars(process)[_SLOT]

    def wrap(self, name: str, stage: Stage, call: Callable[..., Any]) -> Callable[..., Any]:
        """Let a stage method of a process run guarded."""
        process = self._objects[name]
        return partial(vars(process)[_SLOT].run, process, f"stage {stage.value!r}", call)

    def check(self, program: Runnable, stage: Stage) -> Runnable:
        """Let converters and validators see what processes have set in a stage, after it."""
        keys: dict[Key, None] = {}
        for name, spec in self._graph.specs.items():
            if stage in spec.stages:
                roots = [root for root in self._roots_set_by(name) if self._is_checked(root)]
                keys |= dict.fromkeys(roots)
        return CheckedProgram(program, self._graph, self._objects, stage, tuple(keys)) if keys else program

    def _is_checked(self, key: Key) -> bool:
        spec = self._graph.variable(key)
        return spec.var_type is VarType.VARIABLE and (spec.validator is not None or spec.converter is not None)

    def _roots_set_by(self, name: str) -> list[Key]:
        linking = self._graph.linking
        return [
            root
            for variable, spec in self._graph.specs[name].variables.items()
            if spec.group is None and spec.intent is not VarIntent.IN
            for root in linking.refers_to((name, variable))
        ]

    def _set_by(self, name: str) -> list[tuple[dict[str, Any], str]]:
        return [(vars(self._objects[process]), variable) for process, variable in self._roots_set_by(name)]

    def _frozen(self, name: str) -> frozenset[str]:
        graph = self._graph
        found = ((name, variable) for variable, spec in graph.specs[name].variables.items() if spec.group is None)
        return frozenset(key[1] for key in found if graph.variable(graph.linking.refers_to(key)[0]).frozen)


@lru_cache(maxsize=256)
def _guarded(cls: Any, quiet: bool = True) -> type:
    namespace: dict[str, Any] = {"__reduce_ex__": _reduce_ex}
    for spec in process_spec(cls).variables.values():
        guard = _guard_for(cls, spec)
        if guard is not None:
            namespace[spec.name] = guard
    return quiet_subclass(cls, namespace, quiet)


def _reduce_ex(self: Any, protocol: Any) -> Any:
    """Copy and pickle the process object as one of its own class."""
    guarded, cls = type(self), vars(self)[_SLOT].cls
    function, arguments, *rest = super(guarded, self).__reduce_ex__(protocol)
    return (unpickled_by(function), tuple(cls if argument is guarded else argument for argument in arguments), *rest)


def _guard_for(cls: type, spec: VariableSpec) -> property | None:
    if spec.var_type is VarType.ON_DEMAND:
        return _guarded_compute(getattr(cls, spec.name), spec)
    if spec.group is not None or (spec.var_type in (VarType.FOREIGN, VarType.GLOBAL) and not spec.lag):
        return _guarded_reference(getattr(cls, spec.name), spec)
    if spec.intent is VarIntent.IN or spec.frozen:
        return _guarded_value(spec)
    return None


def _guarded_value(spec: VariableSpec) -> property:
    name = spec.name

    def get_value(self: Any) -> Any:
        values = self.__dict__
        if name not in values:
            raise AttributeError(name)
        return values[_SLOT].view(name, values[name])

    def set_value(self: Any, value: Any) -> None:
        _check_set(self, spec)
        self.__dict__[name] = value

    def delete(self: Any) -> None:
        _check_set(self, spec)
        if self.__dict__.pop(name, self) is self:
            raise AttributeError(name)

    return property(get_value, set_value, delete)


def _guarded_reference(plain: property, spec: VariableSpec) -> property:
    name = spec.name
    get, set_plain = plain.fget, plain.fset
    assert get is not None
    assert set_plain is not None

    def get_value(self: Any) -> Any:
        value = get(self)
        watch = self.__dict__[_SLOT]
        if spec.group is not None:
            return watch.view_all(name, value)
        return watch.view(name, value) if spec.intent is VarIntent.IN or name in watch.frozen else value

    def set_value(self: Any, value: Any) -> None:
        _check_set(self, spec)
        set_plain(self, value)

    return property(get_value, set_value)


def _guarded_compute(plain: property, spec: VariableSpec) -> property:
    where = f"the compute method of {spec.name!r}"
    get = plain.fget
    assert get is not None

    def get_value(self: Any) -> Any:
        watch = self.__dict__[_SLOT]
        return get(self) if watch.where else watch.run(self, where, get, self)

    return property(get_value, plain.fset)


def _check_set(process: Any, spec: VariableSpec) -> None:
    where = vars(process)[_SLOT].where
    if where and spec.intent is VarIntent.IN:
        raise read_only(process, spec, where)
