"""A stage after which validators see what processes have set: ``validate="all"`` (DESIGN §V5)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from xsim._base.copies import copy_of
from xsim._base.keys import Key, join_key
from xsim._base.stages import Stage
from xsim.engine.ending import Answer
from xsim.engine.failure import mark, note
from xsim.engine.hooks import Runnable
from xsim.model.graph import ModelGraph
from xsim.plan.inputs import check_value


class CheckedProgram:
    """A stage after which converters and validators see what was set.

    Parameters
    ----------
    program : Runnable
    graph : ModelGraph
    objects : mapping of str to object
    stage : Stage
    keys : tuple of Key
        Variables that processes set in this stage, and that have a converter or validator.
    """

    def __init__(
        self, program: Runnable, graph: ModelGraph, objects: Mapping[str, Any], stage: Stage, keys: tuple[Key, ...]
    ) -> None:
        self._program = program
        self._graph = graph
        self._objects = objects
        self._stage = stage
        self._keys = keys

    def run(self, values: Mapping[str, Any]) -> Answer:
        """Run the stage and check values; converters get copies, and what they give is not kept."""
        answer = self._program.run(values)
        for key in self._keys:
            held = vars(self._objects[key[0]])
            if key[1] in held:
                try:
                    self._check(key, held[key[1]])
                except Exception as error:
                    note(error, f"after stage {self._stage.value!r}")
                    mark(error, process=key[0], stage=self._stage.value)
                    raise
        return answer

    def _check(self, key: Key, value: Any) -> None:
        converter = self._graph.variable(key).converter
        if converter is not None:
            try:
                converter(copy_of(value))
            except Exception as error:
                note(error, f"refused by the converter of variable {join_key(key)!r}")
                raise
        check_value(self._graph, self._objects, key, value)
