"""The board: puts the status of a batch together, from the book and from what the workers are doing."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

import numpy as np

from xsim.engine import book as states
from xsim.engine.block import MemberResult
from xsim.engine.book import Book
from xsim.engine.slot import Working
from xsim.engine.status import CANCELLED, CODES, DONE, FAILED, RUNNING, STARTING, TIMED_OUT, WAITING, Status
from xsim.plan.batch import Batch

_CODES = np.zeros(5, dtype=np.int8)
_CODES[[states.PENDING, states.DONE, states.FAILED, states.TIMED_OUT, states.CANCELLED]] = (
    *(WAITING, DONE, FAILED, TIMED_OUT, CANCELLED),
)


class Board:
    """Looks at a batch from beside it, in any thread.

    Parameters
    ----------
    batch : Batch
    book : Book
    working : callable
        Gives what the workers are doing.
    """

    def __init__(self, batch: Batch, book: Book, working: Callable[[], Sequence[Working]]) -> None:
        self._batch = batch
        self._book = book
        self._working = working
        self._started = time.time()

    @property
    def outcome(self) -> str:
        """How the batch has ended as a whole, if it has."""
        return self._book.outcome

    def look(self, ending: str = "") -> Status:
        """Give the status now."""
        working = () if ending else tuple(self._working())
        first = {} if ending else dict(tuple(self._book.first.items()))  # before the book, which takes them in
        codes = _CODES[self._book.status]  # a copy; states only become final, so that none goes back
        unsaved = {
            member: state for member, result in first.items() if codes[member] == WAITING and (state := _state(result))
        }
        for member, state in unsaved.items():
            codes[member] = CODES[state]
        working = tuple(each for each in working if 0 <= each.member < codes.size and codes[each.member] == WAITING)
        for each in working:
            codes[each.member] = STARTING if each.starting else RUNNING
        computed = max(0, self._book.done + self._book.failed - (self._book.before or 0)) + len(unsaved)
        return Status(self._batch, codes, working, self._started, time.time(), computed, ending, unsaved)


def _state(result: MemberResult) -> str:
    """Give the state of one of the first members, which is done only once it is saved; empty if it has to run again."""
    outcome = str(result.record.get("outcome", ""))
    return "running" if outcome == "done" else outcome
