"""What a sink is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from xsim.plan.run_plan import RunPlan
from xsim.sink.buffer import OutputBuffer


class Sink(Protocol):
    """A place for the outputs of a run."""

    def preflight(self, plan: RunPlan) -> RunPlan:
        """Check all that can be checked before anything is written; give the plan as it is to be run.

        Raises
        ------
        StoreError
            If the run could not write here.
        """

    def open(self, plan: RunPlan) -> Sequence[OutputBuffer]:
        """Make room for a run; give a buffer for each planned output."""

    def close(self, outcome: str, facts: Mapping[str, Any]) -> None:
        """Send what is left to its place and note how the run ended.

        Parameters
        ----------
        outcome : str
        facts : mapping of str to object
            More on how it ended, by the name of the attribute.
        """

    def release(self) -> None:
        """Let other runs have the place, however this one has ended."""
