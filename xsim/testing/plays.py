"""A process that plays values given to it, for trying sinks and executors."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from xsim.declare.process import process
from xsim.declare.runtime import runtime
from xsim.declare.variable import variable
from xsim.errors import CheckError
from xsim.model.graph import ModelGraph
from xsim.plan.options import RunOptions
from xsim.plan.run_plan import RunPlan, make_plan
from xsim.setup.create import create_setup

Play = Callable[[int, int], Mapping[str, Any]]
"""Gives the values of variables for a member and a label of the main clock."""


def player(declared: Mapping[str, Any], play: Play) -> type:
    """Make a process class whose variables have given values at each label of the main clock.

    Parameters
    ----------
    declared : mapping of str to declaration
        Its variables. It has an input ``number`` besides: that of the member.
    play : callable
        Gives values by name, for a member and a label.
    """

    def show(self: Any, label: int) -> None:
        for name, value in play(int(self.number), label).items():
            setattr(self, name, value)

    def initialize(self: Any) -> None:
        show(self, 0)

    def run_step(self: Any, step: int) -> None:
        show(self, step)

    def finalize_step(self: Any, step: int) -> None:
        show(self, step + 1)

    namespace = {
        "number": variable(default=0),
        **declared,
        "initialize": initialize,
        "run_step": runtime(run_step, args="step"),
        "finalize_step": runtime(finalize_step, args="step"),
    }
    made: type = process(type("Player", (), namespace))
    return made


def plan_of(
    cls: type,
    outputs: Mapping[str, str | None],
    *,
    nlabels: int = 4,
    clocks: Mapping[str, Sequence[int]] | None = None,
    batch: Mapping[str, int] | None = None,
    **options: Any,
) -> RunPlan:
    """Plan a run of one process ``p``.

    Parameters
    ----------
    cls : type
        As `player` makes it.
    outputs : mapping of str to str or None
        Clock on which each variable is saved; the main clock is ``"t"``.
    nlabels : int
        Labels of the main clock: 0, 1, 2 ...
    clocks : mapping of str to sequence of int, optional
        Labels of other clocks.
    batch : mapping of str to int, optional
        Sizes of batch dimensions; member i gets the number i.
    **options
        Fields of `RunOptions`.
    """
    graph = ModelGraph({"p": cls})
    inputs = {}
    if batch is not None:
        numbers = np.arange(int(np.prod(list(batch.values()), dtype=int))).reshape(tuple(batch.values()))
        inputs = {"p__number": (tuple(batch), numbers)}
        options["batch_dim"] = tuple(batch)
    setup = create_setup(
        graph,
        {"t": np.arange(nlabels), **{name: np.asarray(labels) for name, labels in (clocks or {}).items()}},
        "t",
        input_vars=inputs,
        output_vars={f"p__{name}": clock for name, clock in outputs.items()},
    )
    return make_plan(graph, setup, RunOptions(**options))


_UNSAID = object()


def promise(holds: Any, text: str, *, got: Any = _UNSAID, expected: Any = _UNSAID) -> None:
    """Check that a promise is kept.

    Raises
    ------
    CheckError
        If it is not.
    """
    if not holds:
        given = {"got": got, "expected": expected}
        parts: dict[str, Any] = {name: str(value) for name, value in given.items() if value is not _UNSAID}
        raise CheckError(f"a promise is broken: {text}", **parts)
