"""Steps of a run: what each of them covers (DESIGN §C2, §C4)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import attrs
import numpy as np
import xarray as xr

from xsim.setup.clocks import Clocks

_DAYS_OF_NANOSECONDS = 106_750
"""Days around 1970 that nanoseconds in 64 bits can hold."""


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
    moments : list
        Labels as stage methods get them; dates in nanoseconds where these can hold them.
    starts, ends, deltas : list
        Moment at the start and at the end of each step, and their difference.
    dataarray : xarray.DataArray
        The main clock as a DataArray.
    in_step : mapping of str to sequence
        For each runtime argument that says where the loop is its value in each step.
    at_start : mapping of str to object
        Values of all runtime arguments that the clock tells, as they are before the first step: those of step 0.
    """

    clock: str | None
    labels: np.ndarray[Any, Any]
    nsteps: int
    moments: list[Any]
    starts: list[Any]
    ends: list[Any]
    deltas: list[Any]
    dataarray: xr.DataArray
    in_step: Mapping[str, Sequence[Any]] = attrs.field(init=False)
    at_start: Mapping[str, Any] = attrs.field(init=False)

    @in_step.default
    def _in_step(self) -> Mapping[str, Sequence[Any]]:
        return {
            "step": range(self.nsteps),
            "step_start": self.starts,
            "step_end": self.ends,
            "step_delta": self.deltas,
        }

    @at_start.default
    def _at_start(self) -> Mapping[str, Any]:
        first = self.moments[0]
        found = {
            "sim_start": first,
            "sim_end": self.moments[-1],
            "nsteps": self.nsteps,
            "step": 0,
            "step_start": first,
            "step_end": first,
            "step_delta": first - first,
            "main_clock_values": self.labels,
        }
        return found | {name: series[0] for name, series in self.in_step.items() if self.nsteps}

    def describe(self, step: int) -> str:
        """Name a step in a message: ``step 3 ('time' 0.3 to 0.4)``."""
        if self.clock is None:
            return f"step {step}"
        if step >= len(self.starts):  # a clock of one label has no step
            return f"{self.clock!r} {self.labels[0]!s}"
        return f"step {step} ({self.clock!r} {self.labels[step]!s} to {self.labels[step + 1]!s})"


def make_timeline(setup: xr.Dataset, clocks: Clocks) -> Timeline:
    """Lay out the steps of a setup. Without a clock there is one step, at no time."""
    if clocks.main is None:
        nothing = [np.float64("nan")]
        empty = np.empty(0)
        return Timeline(None, empty, 1, nothing, nothing, nothing, nothing, xr.DataArray(empty, dims="step"))
    labels = clocks.labels[clocks.main]
    # Lists of scalars: the loop reads one of each a step.
    exact = _in_nanoseconds(labels)
    moments = list(exact)
    deltas = list(np.diff(exact.astype("int64") if labels.dtype.kind in "iu" else exact))
    return Timeline(
        clocks.main, labels, labels.size - 1, moments, moments[:-1], moments[1:], deltas, setup[clocks.main]
    )


def _in_nanoseconds(labels: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Give dates in the unit that they always had in xarray-simlab: models take time steps apart as numbers."""
    kind = labels.dtype.kind
    if kind not in "mM" or (np.abs(labels.astype(f"{kind}8[D]").astype("int64")) > _DAYS_OF_NANOSECONDS).any():
        return labels
    return labels.astype(f"{kind}8[ns]")
