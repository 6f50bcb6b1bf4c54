"""The runtime context: what stage methods can ask for (DESIGN §C2, §C3)."""

from __future__ import annotations

from typing import Any

import numpy as np

from xsim.plan.timeline import Timeline


class RuntimeContext:
    """Values of the runtime arguments, for one step at a time.

    Parameters
    ----------
    timeline : Timeline

    Attributes
    ----------
    values : dict of str to object
        By name of the argument. Before the first step they are those of step 0, after the last one those of the
        last step.
    """

    def __init__(self, timeline: Timeline) -> None:
        self.timeline = timeline
        labels = timeline.labels
        first, last = (labels[0], labels[-1]) if labels.size else (np.float64("nan"),) * 2
        self.values: dict[str, Any] = {
            "batch_size": -1,
            "batch": -1,
            "sim_start": first,
            "sim_end": last,
            "nsteps": timeline.nsteps,
            "step": 0,
            "step_start": first,
            "step_end": first,
            "step_delta": first - first,
            "main_clock_values": labels,
            "main_clock_dataarray": timeline.dataarray,
        }
        if timeline.nsteps:
            self.move_to(0)

    @property
    def step(self) -> int:
        """Number of the step."""
        return int(self.values["step"])

    def move_to(self, step: int) -> None:
        """Make the values those of a step."""
        values, timeline = self.values, self.timeline
        values["step"] = step
        values["step_start"] = timeline.starts[step]
        values["step_end"] = timeline.ends[step]
        values["step_delta"] = timeline.deltas[step]
