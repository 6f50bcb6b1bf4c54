"""Control: what tells a run, from outside of its loop, to end some members or all (DESIGN §R4)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from xsim.errors import OptionError


class Control:
    """Whether members are to end. Set by signals, watchers and clocks; looked at between steps and between members.

    Attributes
    ----------
    why : str
        Why all is to end; empty while the run goes on.
    cancelled : frozenset of int
        Members that are to end, or not to start.
    active : bool
        Whether any of this is set: all that is looked at after most steps.
    """

    def __init__(self) -> None:
        self.active = False
        self.why = ""
        self.cancelled: frozenset[int] = frozenset()

    def stop(self, why: str) -> None:
        """Let the run end: members that are running stop between two steps, and nothing new starts."""
        self.why = self.why or why
        self.active = True

    def cancel(self, members: Iterable[int]) -> None:
        """Let members end, and those that wait not start."""
        self.cancelled |= frozenset(members)
        self.active = self.active or bool(self.cancelled)


def check_members(members: Sequence[int], size: int) -> None:
    """Refuse numbers that no member has.

    Raises
    ------
    OptionError
    """
    for member in members:
        if not isinstance(member, (int, np.integer)) or isinstance(member, bool) or not 0 <= member < size:
            raise OptionError("there is no such member", got=repr(member), expected=f"numbers from 0 to {size - 1}")
