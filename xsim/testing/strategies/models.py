"""Random models."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from hypothesis import strategies as st

from xsim._base.stages import Stage
from xsim._model import Model
from xsim.testing.drafts import Draft, DraftProcess

_HOW = st.sampled_from(["foreign", "global"])


def models(
    max_processes: int = 6, *, views: bool = True, failures: bool = False, signals: bool = True, lags: bool = True
) -> st.SearchStrategy[Model]:
    """Make random models, each with an attribute ``draft`` that describes it.

    Parameters
    ----------
    max_processes, views, failures, signals, lags
        As in `drafts`.
    """
    return drafts(max_processes, views=views, failures=failures, signals=signals, lags=lags).map(Draft.model)


def model_inputs(model: Model) -> dict[str, st.SearchStrategy[Any]]:
    """Give strategies for the inputs of a random model: ``setups(model, inputs=...)``.

    Parameters
    ----------
    model : xsim.Model
        As `models` makes it.
    """
    draft: Draft = model.draft
    number = st.integers(0, 99)
    array = st.lists(number, min_size=3, max_size=3).map(np.array)
    levels = {f"p{each.number}__level": array if each.is_array else number for each in draft.processes}
    return levels | {name: array if np.ndim(value) else number for name, value in draft.inputs.items()}


@st.composite
def drafts(
    draw: st.DrawFn,
    max_processes: int = 6,
    *,
    views: bool = True,
    failures: bool = False,
    signals: bool = True,
    lags: bool = True,
) -> Draft:
    """Make descriptions of random models: processes linked by references of every kind, in circles by lagged ones only.

    Parameters
    ----------
    max_processes : int, default: 6
        There are at least two.
    views : bool, default: True
        Whether arrays may share memory with those of others.
    failures : bool, default: False
        Whether processes may raise `xsim.testing.drafts.PlannedFailure`.
    signals : bool, default: True
        Whether processes may return BREAK, or end the run.
    lags : bool, default: True
        Whether processes may read what others, or they themselves, had after the step before.

    Returns
    -------
    strategy of Draft
        ``draft.model()`` makes the model; ``draft.inputs`` are values of the inputs that have no default.
    """
    found: list[DraftProcess] = []
    size = draw(st.integers(2, max_processes))
    some_steps = st.just(frozenset[int]()) | st.frozensets(st.integers(0, 4), max_size=2)
    failure = st.tuples(st.sampled_from([stage.value for stage in Stage]), st.integers(0, 3))
    for number in range(size):
        # What makes an edge refers to processes before this one, so that there is no cycle. The group has processes
        # with even numbers; who gathers it comes after all of them.
        gathers = number == size - 1 and number % 2 == 1
        view = st.none() | st.tuples(st.integers(0, number - 1), st.sampled_from(["out", "store", "level"]))
        found.append(
            DraftProcess(
                number=number,
                stages=draw(st.frozensets(st.sampled_from(["finalize_step", "finalize"]))) | {"run_step"},
                is_array=draw(st.booleans()),
                in_place=draw(st.booleans()),
                reads=draw(_references(found)) if number else (),
                updates=tuple(draw(st.lists(st.integers(0, size - 1), max_size=2, unique=True))),
                view_of=draw(view) if views and number else None,
                cached=draw(st.booleans()),
                gathers=draw(st.sampled_from([None, "group", "group_dict"])) if gathers else None,
                breaks=draw(some_steps) if signals else frozenset(),
                raises=draw(failure) if failures and draw(st.integers(0, 5)) == 0 else None,
                parallel=draw(st.integers(0, 7)) > 0,
                lags=tuple(draw(st.lists(_lags_to(size), max_size=2))) if lags else (),
                after=tuple(draw(st.lists(st.integers(0, number - 1), max_size=2))) if number else (),
                stops=draw(failure) if signals and draw(st.integers(0, 7)) == 0 else None,
            )
        )
    return Draft(tuple(found), tuple(draw(st.permutations(range(size)))))


def _lags_to(size: int) -> st.SearchStrategy[tuple[int, str, str, str]]:
    """Make lagged references to any of so many processes."""
    names = st.sampled_from(["out", "level", "ratio"])
    return st.tuples(st.integers(0, size - 1), names, _HOW, st.sampled_from(["initial", "input"]))


@st.composite
def _references(draw: st.DrawFn, found: Sequence[DraftProcess]) -> tuple[tuple[int, str, str], ...]:
    """Draw what a process reads of those before it."""
    names = st.sampled_from(["out", "store", "ratio", "level"])
    kinds = [st.tuples(st.integers(0, len(found) - 1), names, _HOW)]
    with_view = [draft.number for draft in found if draft.view_of is not None]
    if with_view:
        kinds.append(st.tuples(st.sampled_from(with_view), st.just("view"), _HOW))
    return tuple(draw(st.lists(st.one_of(kinds), max_size=3)))
