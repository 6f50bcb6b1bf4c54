"""Which processes of a stage have to wait for which, so that running them at the same time changes nothing.

The sequential order plus hazard edges: on each piece of state, read-after-write, write-after-read and write-after-write
pairs stay in order (DESIGN §O3).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from xsim._base.copies import PLAIN, is_plain
from xsim._base.keys import Key
from xsim._base.stages import Stage
from xsim.declare.access import get_slot
from xsim.declare.variable_spec import VarType
from xsim.model.graph import ModelGraph

_MISSING = object()


def hazard_edges(graph: ModelGraph, objects: Mapping[str, Any], stage: Stage) -> list[set[int]]:
    """Give, for each process that implements a stage, those before it that it has to wait for.

    Parameters
    ----------
    graph : ModelGraph
    objects : mapping of str to object
        Process objects; what values they hold decides what counts as an update.
    stage : Stage

    Returns
    -------
    list of set of int
        Positions among the processes of the stage, in the order of execution.
    """
    same = SharedState(graph, objects)
    names = [name for name in graph.order if stage in graph.specs[name].stages]
    waits: list[set[int]] = []
    last_update: dict[Any, int] = {}
    readers: dict[Any, list[int]] = {}
    alone = -1
    for position, name in enumerate(names):
        before = {alone} if alone >= 0 else set()
        for key, updates in same.uses(name):
            if key in last_update:
                before.add(last_update[key])
            if updates:
                before.update(readers.pop(key, ()))
                last_update[key] = position
            else:
                readers.setdefault(key, []).append(position)
        if _runs_alone(graph, name):
            before.update(range(position))
            alone = position
        before.discard(position)
        waits.append(before)
    _pass_dependencies_through(graph, names, waits)
    return waits


def _pass_dependencies_through(graph: ModelGraph, names: Sequence[str], waits: list[set[int]]) -> None:
    """Keep the order that dependencies and hints tell, also through processes that have no such stage."""
    position = {name: i for i, name in enumerate(names)}
    reached: dict[str, set[int]] = {}
    for name in graph.order:
        found: set[int] = set()
        for dependency in graph.before[name]:
            found |= {position[dependency]} if dependency in position else reached[dependency]
        reached[name] = found
        if name in position:
            waits[position[name]] |= found


def _runs_alone(graph: ModelGraph, name: str) -> bool:
    """Whether a process is to be kept alone, or computes something of one that is."""
    return not graph.specs[name].parallel or any(
        not graph.specs[key[0]].parallel and graph.variable(key).var_type is VarType.ON_DEMAND
        for key, _ in graph.uses(name)
    )


class SharedState:
    """What processes use, where several variables may be one piece of state.

    Parameters
    ----------
    graph : ModelGraph
    objects : mapping of str to object
        Process objects.
    """

    def __init__(self, graph: ModelGraph, objects: Mapping[str, Any]) -> None:
        self._graph = graph
        self._objects = objects
        self._leader: dict[Key, Key] = {}
        self._join_around_objects()
        self._join_unseen()
        self._join_same_memory()

    def uses(self, name: str) -> list[tuple[Key, bool]]:
        """Give pieces of state that a process uses, and whether the use counts as an update."""
        found: dict[Key, bool] = {}
        for key, updates in self._graph.uses(name):
            leader = self._find(key)
            found[leader] = found.get(leader, False) or updates or self._is_opaque(key)
        return list(found.items())

    @property
    def signature(self) -> tuple[Any, ...]:
        """What hazard edges depend on: which variables are one piece of state, and which are opaque."""
        keys = self._graph.stateful
        return (
            tuple(self._find(key) for key in keys),
            tuple(self._is_opaque(key) for key in keys),
        )

    def _value(self, key: Key) -> Any:
        if self._graph.variable(key).var_type is VarType.ON_DEMAND:  # nobody asks for it to be computed here
            return _MISSING
        return get_slot(self._objects[key[0]], key[1], _MISSING)

    def _is_opaque(self, key: Key) -> bool:
        """Whether a use may change the value unseen: it is not known yet, or no plain value, and not frozen."""
        if self._graph.variable(key).frozen:
            return False
        value = self._value(key)
        if isinstance(value, np.ndarray):
            return value.dtype.hasobject is True
        return not is_plain(value)

    def _may_share(self, key: Key) -> bool:
        """Whether the value may be, or become, a view of another one."""
        if self._graph.variable(key).frozen:
            return False
        return isinstance(self._value(key), np.ndarray) or self._is_opaque(key)

    def _find(self, key: Key) -> Key:
        leader = key
        while leader in self._leader:
            leader = self._leader[leader]
        while key != leader:  # one hop from now on: thousands may have come together one by one
            self._leader[key], key = leader, self._leader[key]
        return leader

    def _join(self, one: Key, other: Key) -> None:
        one, other = self._find(one), self._find(other)
        if one != other:
            self._leader[other] = one

    def _join_around_objects(self) -> None:
        """Join an object with what its own process sets, and with arrays set by others that use it.

        They may be views of what it holds, and its methods may change them.
        """
        for name in self._graph.order:
            uses = self._graph.uses(name)
            held = [key for key, _ in uses if self._holds_object(key)]
            if not held:
                continue
            first = held[0]
            for used, updates in uses:
                own = any(key[0] == name for key in held)
                if used in held or (updates and (own or self._may_share(used))):
                    self._join(first, used)

    def _holds_object(self, key: Key) -> bool:
        spec = self._graph.variable(key)
        return spec.var_type is VarType.OBJECT and not spec.frozen

    def _join_unseen(self) -> None:
        """Join a value that is not known yet with all that the process which sets it might make it a view of."""
        for name in self._graph.order:
            uses = self._graph.uses(name)
            unseen = [key for key, updates in uses if updates and self._value(key) is _MISSING]
            if unseen:
                for key, _ in uses:
                    if self._may_share(key):
                        self._join(unseen[0], key)

    def _join_same_memory(self) -> None:
        """Join values whose memory overlaps, and names of one object."""
        spans = []
        by_id: dict[int, Key] = {}
        for key in self._graph.stateful:
            value = self._value(key)
            array = value if isinstance(value, np.ndarray) else getattr(value, "data", None)
            if isinstance(array, np.ndarray) and array.size:
                low, high = np.lib.array_utils.byte_bounds(array)
                spans.append((low, high, key))
            if value is not _MISSING and value is not None and not isinstance(value, PLAIN):
                self._join(by_id.setdefault(id(value), key), key)
        spans.sort()
        end, holder = -1, None
        for low, high, key in spans:
            if low < end and holder is not None:
                self._join(holder, key)
            if high > end:
                end, holder = high, key
