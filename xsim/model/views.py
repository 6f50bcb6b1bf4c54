"""Views of a model graph: its variables, inputs and dependencies as plain lists and dictionaries."""

from __future__ import annotations

from collections.abc import Iterable

from xsim._base.keys import Key
from xsim.model.graph import ModelGraph


class GraphViews:
    """Offers what a model graph knows, as plain lists and dictionaries."""

    _xsim_graph: ModelGraph

    @property
    def graph(self) -> ModelGraph:
        """The linked processes, without any state."""
        return self._xsim_graph

    @property
    def all_vars(self) -> list[Key]:
        """Keys ``(process, variable)`` of all variables."""
        return list(self.graph.keys)

    @property
    def all_vars_dict(self) -> dict[str, list[str]]:
        """Names of all variables, by process."""
        return {name: list(self.graph.specs[name].variables) for name in self.graph.order}

    @property
    def index_vars(self) -> list[Key]:
        """Keys of the index variables."""
        return list(self.graph.indexes)

    @property
    def index_vars_dict(self) -> dict[str, list[str]]:
        """Names of the index variables, by process."""
        return _by_process(self.graph.indexes)

    @property
    def input_vars(self) -> list[Key]:
        """Keys of the inputs: variables that need a value from outside."""
        return list(self.graph.inputs)

    @property
    def input_vars_dict(self) -> dict[str, list[str]]:
        """Names of the inputs, by process."""
        return _by_process(self.graph.inputs)

    @property
    def dependent_processes(self) -> dict[str, list[str]]:
        """For each process those that run before it, since they set what it uses."""
        return {name: list(before) for name, before in self.graph.dependencies.items()}


def _by_process(keys: Iterable[Key]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for process, variable in keys:
        found.setdefault(process, []).append(variable)
    return found
