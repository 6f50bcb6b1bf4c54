"""Random clocks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from hypothesis import strategies as st

KINDS = ("int", "float", "down", "date", "span")


@st.composite
def clocks(
    draw: st.DrawFn,
    main: str = "time",
    others: Sequence[str] = ("some", "few"),
    *,
    kinds: Sequence[str] = KINDS,
    min_labels: int = 1,
    max_labels: int = 6,
) -> dict[str, np.ndarray[Any, Any]]:
    """Make clocks: labels by name, the main clock first, the others subsets of it.

    Parameters
    ----------
    main : str, default: "time"
    others : sequence of str
        Names of the other clocks.
    kinds : sequence of str
        What labels may be: ``"int"``, ``"float"``, ``"down"`` (decreasing integers), ``"date"``, ``"span"``
        (timedelta64).
    min_labels, max_labels : int
        Of the main clock; one label is a run without steps.

    Returns
    -------
    strategy of dict
        As `xsim.create_setup` takes it: ``create_setup(model, clocks, main_clock="time", ...)``.
    """
    nlabels = draw(st.integers(min_labels, max_labels))
    labels: np.ndarray[Any, Any] = np.cumsum(draw(st.lists(st.integers(1, 5), min_size=nlabels, max_size=nlabels)))
    match draw(st.sampled_from(list(kinds))):
        case "float":
            labels = labels / 8
        case "down":
            labels = -labels
        case "date":
            labels = np.datetime64("2000-01-01", "s") + labels * np.timedelta64(1800, "s")
        case "span":
            labels = labels * np.timedelta64(1800, "s")
    positions = st.sets(st.integers(0, nlabels - 1), min_size=1).map(sorted)
    return {main: labels, **{name: labels[draw(positions)] for name in others}}
