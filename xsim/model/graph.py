"""The model graph: named process classes, their links and their order. Immutable and stateless (DESIGN §V7)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cached_property
from types import MappingProxyType
from typing import Any, Protocol, runtime_checkable

import attrs
from attrs import NOTHING

from xsim._base.keys import Key, join_key
from xsim._base.stages import Stage
from xsim.declare.process import ProcessSpec
from xsim.declare.variable_spec import ARRAY_TYPES, DESCRIPTION, OWN_TYPES, VariableSpec, VarIntent, VarType
from xsim.model.calls import StageCalls, stage_calls
from xsim.model.hints import Hint, as_hints
from xsim.model.linking import Linking, link, with_groups_in_order
from xsim.model.objects import Blueprint
from xsim.model.sorting import execution_order, hinted_before, setters_before


class ModelGraph:
    """Named process classes, linked and ordered.

    Parameters
    ----------
    classes : mapping of str to type
        Process classes by name, in the order of declaration.
    order : iterable of pairs of str
        Hints: names of processes of which the first one runs before the second.

    Raises
    ------
    NotAProcessClassError, ProcessNameError
        If it is not a mapping of valid names to process classes.
    MissingTargetError, AmbiguousTargetError, GroupTargetError, LagError, IntentConflictError, CycleError
        If the processes do not fit together.
    OrderError, UnknownProcessError
        If hints are no pairs of names of processes.

    Attributes
    ----------
    classes : mapping of str to type
        As given.
    linking : Linking
        What each variable refers to, and who sets it.
    hints : tuple of pairs of str
        As given, each once.
    order : tuple of str
        Process names in the order of execution (DESIGN §O2).
    """

    def __init__(self, classes: Mapping[str, type], order: Iterable[Iterable[str]] = ()) -> None:
        self.classes: Mapping[str, type] = MappingProxyType(dict(classes))
        linking = link(self.classes)
        self.hints: tuple[Hint, ...] = as_hints(order, self.classes)
        found = execution_order(linking, self.hints)
        self.linking: Linking = with_groups_in_order(linking, found)
        self.order: tuple[str, ...] = found

    def __setattr__(self, name: str, value: Any) -> None:
        if "order" in self.__dict__:
            raise AttributeError(f"a model graph is immutable: {name!r} cannot be set")
        super().__setattr__(name, value)

    def __reduce__(self) -> tuple[Any, ...]:
        # Everything else follows from these; classes travel by reference or, from notebooks, by value.
        return ModelGraph, (dict(self.classes), self.hints)

    @property
    def graph(self) -> ModelGraph:
        """The graph itself, so that `as_graph` takes graphs and models alike."""
        return self

    @property
    def specs(self) -> Mapping[str, ProcessSpec]:
        """Records of the process classes, by process name in the order of declaration."""
        return self.linking.specs

    def variable(self, key: Key) -> VariableSpec:
        """Give the declaration of a variable as written in its process."""
        return self.linking.specs[key[0]].variables[key[1]]

    def resolved(self, key: Key) -> VariableSpec:
        """Give the declaration that a variable leads to: its own, or that of the variable it refers to."""
        return self.variable(self.linking.ends.get(key, key))

    def input_spec(self, key: Key) -> VariableSpec:
        """Give the declaration of an input.

        That of a lagged reference, which needs a value for the first step, is the one of what it refers to, but for
        what concerns the other process only.
        """
        spec = self.variable(key)
        if not spec.lag:
            return spec
        end = self.resolved(key)
        return attrs.evolve(end, name=key[1], intent=VarIntent.IN, default=NOTHING, validator=None, static=False)

    def metadata(self, key: Key) -> Mapping[str, Any]:
        """Give the metadata of a variable: its own kind and intent, and the description of what it refers to."""
        own, target = self.variable(key), self.resolved(key)
        if own is target:
            return own.metadata
        shared = (*DESCRIPTION, "groups", "static") if own.var_type is VarType.GLOBAL else DESCRIPTION
        facts = target.facts()
        return MappingProxyType(own.facts() | {name: facts[name] for name in shared})

    @cached_property
    def keys(self) -> tuple[Key, ...]:
        """Keys of all variables, in the order of execution of their processes."""
        return tuple((name, variable) for name in self.order for variable in self.specs[name].variables)

    @cached_property
    def inputs(self) -> tuple[Key, ...]:
        """Variables that need a value from outside: ``in`` or ``inout`` variables that no process sets.

        Lagged references without an initial value do too.
        """
        return tuple(key for key in self.keys if self.variable(key).can_be_input and key not in self.linking.setters)

    @cached_property
    def checked_inputs(self) -> frozenset[Key]:
        """Inputs that a converter or a validator looks at."""
        return frozenset(k for k in self.inputs if self.variable(k).validator or self.input_spec(k).converter)

    @cached_property
    def indexes(self) -> tuple[Key, ...]:
        """Index variables."""
        return tuple(key for key in self.keys if self.variable(key).var_type is VarType.INDEX)

    @cached_property
    def stateful(self) -> tuple[Key, ...]:
        """Variables that hold a value themselves: neither computed on demand nor references, but for lagged ones."""
        own = OWN_TYPES - {VarType.ON_DEMAND}
        return tuple(key for key in self.keys if self.variable(key).var_type in own or self.variable(key).lag)

    @cached_property
    def lagged(self) -> Mapping[Key, Key]:
        """For each lagged reference the variable whose value of the step before it gives (DESIGN §O6)."""
        targets = self.linking.targets
        return MappingProxyType({key: targets[key] for key in self.keys if self.variable(key).lag})

    @cached_property
    def blueprint(self) -> Blueprint:
        """How process objects are made."""
        return Blueprint(self.classes, self.linking, self.order)

    @cached_property
    def calls(self) -> Mapping[Stage, StageCalls]:
        """What is called in each stage."""
        return MappingProxyType({stage: stage_calls(self.order, self.specs, stage) for stage in Stage})

    @cached_property
    def caching(self) -> tuple[str, ...]:
        """Processes that cache variables computed on demand."""
        return self.calls[Stage.FINALIZE].caching

    @cached_property
    def runtime_args(self) -> frozenset[str]:
        """Runtime arguments that stage methods ask for."""
        return frozenset(arg for spec in self.specs.values() for method in spec.stages.values() for arg in method.args)

    @cached_property
    def savable(self) -> tuple[Key, ...]:
        """Variables whose values can be saved: all but objects and groups."""
        return tuple(
            key for key in self.keys if self.variable(key).group is None and self.resolved(key).var_type in ARRAY_TYPES
        )

    @cached_property
    def dependencies(self) -> Mapping[str, tuple[str, ...]]:
        """For each process those that set something which it uses, in the order of declaration."""
        return MappingProxyType(setters_before(self.linking, self.order))

    @cached_property
    def before(self) -> Mapping[str, tuple[str, ...]]:
        """For each process those that have to run before it: its dependencies, and those that hints put there."""
        if not self.hints:
            return self.dependencies
        hinted = hinted_before(self.hints)
        everything = {name: dict.fromkeys([*self.dependencies[name], *hinted.get(name, ())]) for name in self.order}
        return MappingProxyType({name: tuple(found) for name, found in everything.items()})

    def with_classes(self, classes: Mapping[str, type]) -> ModelGraph:
        """Give a graph of other classes, with the hints that concern them."""
        return ModelGraph(classes, [hint for hint in self.hints if all(name in classes for name in hint)])

    def uses(self, name: str) -> tuple[tuple[Key, bool], ...]:
        """Give the state that a process uses, as pairs of a key and whether the use counts as an update (§O3)."""
        if name not in self._uses:
            self._uses[name] = self._find_uses(name)
        return self._uses[name]

    @cached_property
    def _uses(self) -> dict[str, tuple[tuple[Key, bool], ...]]:
        return {}

    def _find_uses(self, name: str) -> tuple[tuple[Key, bool], ...]:
        found: dict[Key, bool] = {}
        for variable, spec in self.specs[name].variables.items():
            updates = spec.group is None and spec.intent is not VarIntent.IN
            for root in self.linking.refers_to((name, variable)):
                self._add_use(found, root, updates)
        return tuple(found.items())

    def _add_use(self, found: dict[Key, bool], root: Key, updates: bool) -> None:
        # Objects are written into by processes that only "read" them, unless declared frozen, and computing on demand
        # may change anything of its owner's.
        spec = self.variable(root)
        opaque = spec.var_type is VarType.ON_DEMAND or (spec.var_type is VarType.OBJECT and not spec.frozen)
        known = root in found
        found[root] = found.get(root, False) or updates or opaque
        if self.variable(root).var_type is VarType.ON_DEMAND and not known:
            # Its compute method can read all that its owner can, on demand too.
            for variable in self.specs[root[0]].variables:
                for other in self.linking.refers_to((root[0], variable)):
                    if other not in found:
                        self._add_use(found, other, False)

    def skipped_after_break(self, breaker: str, stage: Stage) -> frozenset[str]:
        """Give the processes that a BREAK of `breaker` skips in a stage: those downstream of it (DESIGN §O8).

        Downstream is what depends on it, directly or through others, and what shares state with it or with a skipped
        process such that one of both uses is an update.
        """
        downstream = {breaker}
        used: dict[Key, bool] = dict(self.uses(breaker))
        for name in self.order[self.order.index(breaker) + 1 :]:
            uses = self.uses(name) if stage in self.specs[name].stages else ()
            hazard = any(key in used and (updates or used[key]) for key, updates in uses)
            if hazard or not downstream.isdisjoint(self.dependencies[name]):
                downstream.add(name)
                for key, updates in uses:
                    used[key] = used.get(key, False) or updates
        return frozenset(downstream - {breaker})

    def __repr__(self) -> str:
        return f"<xsim ModelGraph ({len(self.order)} processes, {len(self.inputs)} inputs)>"


@runtime_checkable
class HasGraph(Protocol):
    """A model graph, or anything over one."""

    @property
    def graph(self) -> ModelGraph:
        """The model graph."""


def as_graph(obj: HasGraph) -> ModelGraph:
    """Give the model graph of an object.

    Raises
    ------
    TypeError
        If it is neither a graph nor has one.
    """
    if not isinstance(obj, HasGraph):
        raise TypeError(f"{obj!r} is not an instance of xsim.Model, but of {type(obj).__name__!r}")
    return obj.graph


def variable_names(keys: Iterable[Key]) -> list[str]:
    """Give the dataset names of keys."""
    return [join_key(key) for key in keys]
