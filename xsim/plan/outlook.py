"""What an earlier run has left to do, for a plan that goes on with it (DESIGN §B7)."""

from __future__ import annotations

from collections.abc import Mapping

import attrs

from xsim._base.render import Section, quantity


@attrs.frozen
class Outlook:
    """What is done of a batch that goes on, and what is left.

    Attributes
    ----------
    done : int
        Members that stay as they are.
    again : dict of str to int
        Members that run again, by how they ended: "failed", "timed out".
    pending : int
        Members that the earlier run has not come to, or not got done.
    appended : int
        Members that it did not have.
    """

    done: int = 0
    again: Mapping[str, int] = attrs.field(factory=dict)
    pending: int = 0
    appended: int = 0

    @property
    def left(self) -> int:
        """Number of members that are going to run."""
        return sum(self.again.values()) + self.pending + self.appended

    @property
    def section(self) -> Section:
        """Print it."""
        every = quantity(self.done + self.left, "member")
        rows = [(outcome, f"{count}, to run again") for outcome, count in self.again.items()]
        rows += [(name, str(n)) for name, n in (("pending", self.pending), ("appended", self.appended)) if n]
        return Section(f"Goes on: {self.done} of {every} done, {self.left} left", rows)
