"""The runtime context: what stage methods can ask for (DESIGN §C2, §C3)."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Any

import numpy as np

from xsim.job.job import Jobs
from xsim.plan.timeline import Timeline


class RandomStreams:
    """The random streams of a member, one for each process, made when asked for.

    Parameters
    ----------
    make : callable
        Makes the stream of a process by its name.
    """

    def __init__(self, make: Callable[[str], np.random.Generator]) -> None:
        self._make = make
        self._streams: dict[str, np.random.Generator] = {}

    def of(self, process: str) -> np.random.Generator:
        """Give the stream of a process, which goes on where it was."""
        if process not in self._streams:
            self._streams[process] = self._make(process)
        return self._streams[process]


class RuntimeContext:
    """Values of the runtime arguments, for one step at a time.

    Parameters
    ----------
    timeline : Timeline
    streams : RandomStreams
        Of the member.
    batch : tuple of int, optional
        Number of the member, and how many there are.
    jobs : Jobs, optional
        Of the member.
    labelled : bool, optional
        Whether anybody asks for the main clock as a DataArray, which costs more than all other values together.

    Attributes
    ----------
    values : dict of str to object
        By name of the argument. Before the first step they are those of step 0, after the last one those of the
        last step.
    """

    def __init__(
        self,
        timeline: Timeline,
        streams: RandomStreams,
        batch: tuple[int, int] = (-1, -1),
        jobs: Jobs | None = None,
        labelled: bool = True,
    ) -> None:
        self.timeline = timeline
        self.values: dict[str, Any] = {
            "batch_size": batch[1],
            "batch": batch[0],
            **timeline.at_start,
            "rng": streams,
            "job": jobs,
        }
        self._followed: Sequence[tuple[str, Sequence[Any]]] = ()
        if labelled:
            self.complete()

    def complete(self) -> None:
        """Have the values too that cost much, for those who see all of them."""
        if "main_clock_dataarray" not in self.values:
            self.values["main_clock_dataarray"] = self.timeline.dataarray.copy()

    def follow(self, names: Collection[str]) -> bool:
        """Let `advance` keep only some arguments up to date; say whether it has anything to do."""
        names = {*names, "step"} if "job" in names else names  # programs are noted with their step
        if names:
            self._followed = [(name, series) for name, series in self.timeline.in_step.items() if name in names]
        return bool(self._followed)

    def advance(self, step: int) -> None:
        """Make the values that are followed those of a step."""
        values = self.values
        for name, series in self._followed:
            values[name] = series[step]

    def move_to(self, step: int) -> None:
        """Make the values those of a step."""
        for name, series in self.timeline.in_step.items():
            self.values[name] = series[step]
