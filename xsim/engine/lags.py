"""Lagged references: between steps, each gets a copy of the value that it refers to (DESIGN §O6)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attrs import NOTHING

from xsim._base.copies import copy_of
from xsim._base.keys import join_key
from xsim._base.stages import Stage
from xsim.declare.access import CACHE_SLOT
from xsim.declare.variable_spec import VarType
from xsim.engine.failure import mark, note
from xsim.errors import UnsetVariableError
from xsim.model.graph import ModelGraph


class Lags:
    """The lagged references of a model.

    Parameters
    ----------
    graph : ModelGraph
    objects : mapping of str to object
        Process objects by name.
    """

    def __init__(self, graph: ModelGraph, objects: Mapping[str, Any]) -> None:
        self._graph = graph
        self._links = [
            (key, vars(objects[key[0]]), objects[target[0]], target[1]) for key, target in graph.lagged.items()
        ]
        computed = any(graph.resolved(key).var_type is VarType.ON_DEMAND for key in graph.lagged)
        self._caching = [vars(process) for process in objects.values()] if computed else []

    def start(self) -> None:
        """Set initial values; lagged references that are inputs get theirs from the setup."""
        for key, values, _, _ in self._links:
            initial = self._graph.variable(key).initial
            if initial is NOTHING:
                values.pop(key[1], None)
            else:
                values[key[1]] = copy_of(initial)

    def advance(self) -> None:
        """Copy the values at the end of a step; a variable that has none leaves its lagged references without one."""
        for values in self._caching:
            values.pop(CACHE_SLOT, None)
        # All are read before one is set: they may refer to each other.
        copies = [self._copy(number) for number in range(len(self._links))]
        for (key, values, _, _), value in zip(self._links, copies, strict=True):
            if value is NOTHING:
                values.pop(key[1], None)
            else:
                values[key[1]] = value

    def _copy(self, number: int) -> Any:
        key, _, owner, attribute = self._links[number]
        try:
            return copy_of(getattr(owner, attribute))
        except UnsetVariableError:
            return NOTHING
        except BaseException as error:
            note(error, f"while a copy of {join_key(self._graph.lagged[key])!r} was made for {join_key(key)!r} (lag=1)")
            mark(error, process=key[0], stage=Stage.FINALIZE_STEP.value)
            raise
