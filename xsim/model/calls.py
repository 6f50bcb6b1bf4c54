"""The methods of a stage in the order of execution: found once, for any number of members (DESIGN §V7)."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import groupby

import attrs

from xsim._base.stages import Stage
from xsim.declare.process import ProcessSpec

OWN = frozenset({"rng", "job"})
"""Runtime arguments that each process has for itself."""


@attrs.frozen(eq=False)
class StageCalls:
    """What is called in a stage.

    Attributes
    ----------
    method : str
        Name of the method.
    calls : tuple of (str, int, bool)
        Name of the process, number of the kind of its arguments, and whether it caches variables computed on demand.
    kinds : tuple of (tuple of str, str)
        For each kind the names of the runtime arguments, and the process that alone gets them, or an empty string.
    caching : tuple of str
        Names of all processes that cache variables computed on demand.
    runs : tuple of (int, int, int)
        Calls that follow each other and take the same arguments: number of the kind, first position, and the one
        after the last.
    asks : frozenset of str
        The runtime arguments that methods take.
    names : tuple of str
        Names of the processes.
    is_idle : bool
        Whether the stage has nothing to do.
    is_plain : bool
        Whether there is nothing to do but to call methods without arguments.
    """

    method: str
    calls: tuple[tuple[str, int, bool], ...]
    kinds: tuple[tuple[tuple[str, ...], str], ...]
    caching: tuple[str, ...]
    runs: tuple[tuple[int, int, int], ...]
    asks: frozenset[str]
    names: tuple[str, ...] = attrs.field(init=False)
    is_idle: bool = attrs.field(init=False)
    is_plain: bool = attrs.field(init=False)

    @names.default
    def _names(self) -> tuple[str, ...]:
        return tuple(name for name, _, _ in self.calls)

    @is_idle.default
    def _is_idle(self) -> bool:
        return not (self.calls or self.caching)

    @is_plain.default
    def _is_plain(self) -> bool:
        return bool(self.calls) and not (self.asks or self.caching)


def stage_calls(order: tuple[str, ...], specs: Mapping[str, ProcessSpec], stage: Stage) -> StageCalls:
    """Find what is called in a stage.

    Parameters
    ----------
    order : tuple of str
        Names of processes in the order of execution.
    specs : mapping of str to ProcessSpec
    stage : Stage
    """
    caching = dict.fromkeys(name for name in order if any(v.compute_cache for v in specs[name].variables.values()))
    numbers: dict[tuple[tuple[str, ...], str], int] = {}
    calls = []
    for name in order:
        method = specs[name].stages.get(stage)
        if method is not None:
            # Processes that ask for the same arguments share them; random streams and jobs are each one's own.
            kind = (method.args, "" if OWN.isdisjoint(method.args) else name)
            calls.append((name, numbers.setdefault(kind, len(numbers)), name in caching))
    runs: list[tuple[int, int, int]] = []
    for number, same in groupby(number for _, number, _ in calls):
        first = runs[-1][2] if runs else 0
        runs.append((number, first, first + len(list(same))))
    asks = frozenset(name for names, _ in numbers for name in names)
    return StageCalls(stage.value, tuple(calls), tuple(numbers), tuple(caching), tuple(runs), asks)
