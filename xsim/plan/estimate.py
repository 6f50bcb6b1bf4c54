"""What a batch will cost, from one member that has been measured."""

from __future__ import annotations

import attrs

from xsim._base.render import duration, quantity, size


@attrs.frozen(kw_only=True)
class Estimate:
    """What a batch will cost.

    Attributes
    ----------
    member_seconds : float
        That the first member took.
    member_bytes : int
        That it saved.
    members, tasks : int
        How many there are, and in how many tasks they run.
    nbytes : int
        Size of all outputs, before compression.
    files : int, optional
        Of the store; None in memory.
    seconds : float
        That the run takes, without starting workers.
    """

    member_seconds: float
    member_bytes: int
    members: int
    tasks: int
    nbytes: int
    files: int | None
    seconds: float

    def __str__(self) -> str:
        files = "in memory" if self.files is None else f"in {quantity(self.files, 'file')}"
        return (
            f"{duration(self.seconds)} for {quantity(self.members, 'member')} in {quantity(self.tasks, 'task')}, "
            f"{size(self.nbytes)} of outputs (before compression) {files}; the first member took "
            f"{duration(self.member_seconds)} and saved {size(self.member_bytes)}"
        )
