"""State: all that changes while a member runs, reached from one object (DESIGN §V6)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, MutableMapping, Sequence
from functools import partial
from typing import Any

import attrs

from xsim._base.keys import Key
from xsim.declare.access import CACHE_SLOT
from xsim.engine.context import RandomStreams, RuntimeContext
from xsim.job.job import Jobs
from xsim.model.graph import ModelGraph
from xsim.model.objects import make_objects
from xsim.plan.inputs import PlannedInput
from xsim.plan.run_plan import RunPlan


@attrs.define(eq=False)  # one is made for each member, and frozen ones cost several times as much to make
class State:
    """Live values of a model.

    Attributes
    ----------
    objects : mapping of str to object
        Process objects by name; they hold the values of the variables.
    context : RuntimeContext
        The position on the main clock.
    """

    objects: Mapping[str, Any]
    context: RuntimeContext

    def forget_cached(self, caching: Iterable[str]) -> None:
        """Let on-demand variables be computed anew wherever they are read: no stage is running any more.

        Parameters
        ----------
        caching : iterable of str
            Processes that have such variables.
        """
        for name in caching:
            self.objects[name].__dict__.pop(CACHE_SLOT, None)

    def set_inputs(self, inputs: Sequence[PlannedInput]) -> None:
        """Give inputs that do not vary in time their values."""
        for planned in inputs:
            setattr(self.objects[planned.key[0]], planned.key[1], planned.at(0))


class StateValues(MutableMapping[Key, Any]):
    """The values of a state as a mapping of ``(process, variable)``; only those that are set.

    Foreign variables and global references are found under the key of what they refer to.
    """

    def __init__(self, graph: ModelGraph, objects: Mapping[str, Any]) -> None:
        self._keys = dict.fromkeys(graph.stateful)
        self._objects = objects

    def __getitem__(self, key: Key) -> Any:
        if key not in self._keys:
            raise KeyError(key)
        try:
            return vars(self._objects[key[0]])[key[1]]
        except KeyError:
            raise KeyError(key) from None

    def __setitem__(self, key: Key, value: Any) -> None:
        if key not in self._keys:
            raise KeyError(key)
        setattr(self._objects[key[0]], key[1], value)

    def __delitem__(self, key: Key) -> None:
        self[key]
        delattr(self._objects[key[0]], key[1])

    def __iter__(self) -> Iterator[Key]:
        return (key for key in self._keys if key[1] in vars(self._objects[key[0]]))

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __repr__(self) -> str:
        return repr(dict(self))


def make_state(plan: RunPlan, member: int, objects: Mapping[str, Any] | None = None, jobs: Jobs | None = None) -> State:
    """Make the state of a member, without values, or over process objects that exist already."""
    streams = RandomStreams(partial(plan.random_stream, member))
    batch = (member, plan.batch.size) if plan.is_batch else (-1, -1)
    labelled = "main_clock_dataarray" in plan.graph.runtime_args
    context = RuntimeContext(plan.timeline, streams, batch, jobs, labelled)
    return State(make_objects(plan.graph) if objects is None else objects, context)
