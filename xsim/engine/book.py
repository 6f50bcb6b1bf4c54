"""The book that the coordinator keeps of a batch; its size does not depend on that of the outputs (DESIGN §B10)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from xsim._base.render import quantity
from xsim.engine.block import MemberResult
from xsim.plan.batch import Batch
from xsim.sink.facts import OutputFacts, OutputShape, SavedShape

PENDING, DONE, FAILED, TIMED_OUT, CANCELLED = range(5)
FEWEST_ALIKE = 10
"""So many first failures at the same line end a run."""


class Book:
    """Outcomes of members, and what is known of the outputs over all of them.

    Parameters
    ----------
    batch : Batch
    workers : int
    max_failures : int, optional

    Attributes
    ----------
    status : numpy.ndarray
        PENDING, DONE, FAILED, TIMED_OUT or CANCELLED, for each member.
    facts : dict of str to OutputFacts
    first_error : BaseException or None
        Of the failed member with the lowest number.
    notes : list of str
        Remarks for the summary.
    before : int or None
        Members that an earlier run has done; None if there was none.
    seconds : float
        That members which are done took, in all.
    first : mapping of int to MemberResult
        Members that have ended and are entered only once there are arrays for them.
    """

    def __init__(self, batch: Batch, workers: int, max_failures: int | None) -> None:
        self.batch = batch
        self.status = np.zeros(batch.size, dtype=np.int8)
        self.facts: dict[str, OutputFacts] = {}
        self.first_error: BaseException | None = None
        self.notes: list[str] = []
        self.before: int | None = None
        self.seconds = 0.0
        self.first: Mapping[int, MemberResult] = {}
        self._first_failed = batch.size
        self._first_reason = ""
        self._max_failures = max_failures
        self._alike = max(FEWEST_ALIKE, workers)
        self._lines: Counter[str] = Counter()
        self._hashes: dict[str, tuple[str, int]] = {}
        self._unequal: set[str] = set()
        self.done = self.failed = self.timed_out = self.cancelled = 0

    def enter(self, members: Iterable[int], results: Iterable[MemberResult]) -> list[str]:
        """Enter how members ended.

        Returns
        -------
        list of str
            Outputs that have become larger.
        """
        grown = []
        latest: tuple[Any, Any] = (None, None)
        for member, result in zip(members, results, strict=True):
            if self.status[member] != PENDING:
                continue
            if result.error is not None:
                self._fail(member, result)
                continue
            self.status[member] = DONE
            self.done += 1
            self.seconds += _seconds(result)
            # Members of a block that say the same say it with the same objects, which tell nothing new.
            said = result.shapes, result.record.get("indexes")
            if said[0] is not latest[0]:
                grown += self._add(result.shapes)
            if said[1] is not latest[1]:
                self._compare(member, said[1] or {})
            latest = said
        return grown

    def _add(self, shapes: Mapping[str, SavedShape]) -> list[str]:
        """Take in what a member saved; give the outputs that have become larger."""
        grown = []
        for name, (own_shape, missing, ambiguous) in shapes.items():
            fact = self.facts.setdefault(name, OutputFacts(own_shape))
            if len(own_shape) != len(fact.own_shape):
                continue  # one of the first members, before it was known; it runs again
            before = fact.own_shape
            fact.add(own_shape, missing, ambiguous)
            if fact.own_shape != before:
                grown.append(name)
        for name in self.facts.keys() - shapes.keys():
            self.facts[name].missing = True  # the run ended before its first label
        return grown

    def _compare(self, member: int, hashes: Mapping[str, str]) -> None:
        for name, digest in hashes.items():
            if self._hashes.setdefault(name, (digest, member))[0] != digest:
                self._unequal.add(name)

    def go_on(self) -> None:
        """Note that what has been entered was done by an earlier run."""
        self.before = self.done

    def take_back(self, members: Iterable[int]) -> None:
        """Have members run again that are done, but whose values have been damaged."""
        for member in members:
            self.status[member] = PENDING
            self.done -= 1

    def add(self, shapes: Mapping[str, OutputShape]) -> None:
        """Note outputs that become known; no member that is done has saved one that becomes known later."""
        for name, shape in shapes.items():
            self.facts[name] = OutputFacts(shape.own_shape, missing=self.done > 0)

    def _fail(self, member: int, result: MemberResult) -> None:
        outcome = result.record.get("outcome")
        self.failed += 1
        if outcome == "cancelled":
            self.status[member] = CANCELLED
            self.cancelled += 1
            return  # somebody wanted it: it is no failure that tells of others
        self.status[member] = TIMED_OUT if outcome == "timed out" else FAILED
        self.timed_out += outcome == "timed out"
        self._lines[str(result.record.get("line"))] += 1
        if member < self._first_failed:
            self._first_failed, self.first_error = member, result.error
            self._first_reason = str(result.record["reason"])

    @property
    def stop_reason(self) -> str:
        """Why nothing new is to start; empty while it is."""
        failed = self.failed - self.cancelled
        if self._max_failures is not None and failed >= self._max_failures:
            return f"max_failures={self._max_failures} is reached"
        if not self.done and failed >= self._alike and len(self._lines) == 1:
            return f"the first {failed} members all failed at the same line"
        return ""

    @property
    def equal_indexes(self) -> dict[str, int]:
        """Index variables that are equal in all members done, and a member that has them."""
        # One that was ended before it had the variable has nothing that could differ.
        return {name: member for name, (_, member) in self._hashes.items() if name not in self._unequal}

    @property
    def complete(self) -> bool:
        """Whether all members are done."""
        return self.done == self.batch.size

    @property
    def outcome(self) -> str:
        """How the batch has ended as a whole, if it has: done, cancelled if members are and none failed, or failed."""
        if self.complete:
            return "done"
        return "cancelled" if self.done + self.cancelled == self.batch.size else "failed"

    @property
    def pending(self) -> int:
        """Number of members that have not ended."""
        return self.batch.size - self.done - self.failed

    def counts(self) -> dict[str, int]:
        """Count all members, those done by earlier runs and by this one, and the others."""
        before = self.before or 0
        return {
            "all": self.batch.size,
            "done before": before,
            "done": self.done - before,
            "failed": self.failed - self.timed_out - self.cancelled,
            "timed out": self.timed_out,
            "cancelled": self.cancelled,
            "pending": self.pending,
        }

    def summary(self) -> str:
        """Say how the members ended."""
        now = "" if self.before is None else f" ({self.done - self.before} in this run)"
        counts = [f"{self.done} of {quantity(self.batch.size, 'member')} done{now}"]
        pending = self.pending
        failed = self.failed - self.timed_out - self.cancelled
        for number, how in ((failed, "failed"), (self.timed_out, "timed out"), (self.cancelled, "cancelled")):
            if number:
                counts.append(f"{number} {how}")
        if pending:
            counts.append(f"{pending} pending")
        lines = [", ".join(counts)]
        if self.first_error is not None:
            lines.append(f"first failure at {self.batch.describe(self._first_failed)}: {self._first_reason}")
        if self.stop_reason and pending:
            lines.append(f"nothing new was started: {self.stop_reason}")
        return "\n".join([*lines, *self.notes])


def _seconds(result: MemberResult) -> float:
    seconds = result.record.get("seconds")
    return seconds if isinstance(seconds, float) else 0.0
