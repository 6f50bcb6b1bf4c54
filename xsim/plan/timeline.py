"""Steps of a run: what each of them covers (DESIGN §C2, §C4)."""

from __future__ import annotations

from typing import Any

import attrs
import numpy as np
import xarray as xr

from xsim.setup.clocks import Clocks


@attrs.frozen(eq=False)
class Timeline:
    """The steps of a run.

    Attributes
    ----------
    clock : str, optional
        Dimension of the main clock; None if the setup has none.
    labels : numpy.ndarray
        Labels of the main clock, 1-d; empty without a clock.
    nsteps : int
        Number of steps: one less than labels, or 1 without a clock.
    starts, ends, deltas : list
        Label at the start and at the end of each step, and their difference.
    dataarray : xarray.DataArray
        The main clock as a DataArray.
    """

    clock: str | None
    labels: np.ndarray[Any, Any]
    nsteps: int
    starts: list[Any]
    ends: list[Any]
    deltas: list[Any]
    dataarray: xr.DataArray

    def describe(self, step: int) -> str:
        """Name a step in a message: ``step 3 ('time' 0.3 to 0.4)``."""
        if self.clock is None:
            return f"step {step}"
        if step >= len(self.starts):  # a clock of one label has no step
            return f"{self.clock!r} {self.labels[0]!s}"
        return f"step {step} ({self.clock!r} {self.starts[step]!s} to {self.ends[step]!s})"


def make_timeline(setup: xr.Dataset, clocks: Clocks) -> Timeline:
    """Lay out the steps of a setup. Without a clock there is one step, at no time."""
    if clocks.main is None:
        nothing = [np.float64("nan")]
        empty = np.empty(0)
        return Timeline(None, empty, 1, nothing, nothing, nothing, xr.DataArray(empty, dims="step"))
    labels = clocks.labels[clocks.main]
    # Lists of scalars: the loop reads one of each a step.
    deltas = np.diff(labels.astype("int64") if labels.dtype.kind in "iu" else labels)
    return Timeline(
        clocks.main, labels, labels.size - 1, list(labels[:-1]), list(labels[1:]), list(deltas), setup[clocks.main]
    )
