"""What a case is, and what it finds out."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from benchmarks.measure import Measure


@dataclass(frozen=True)
class Row:
    """One number that counts, beside the target that it has to reach.

    Attributes
    ----------
    case, phase, title : str
        Key of the case, what it is about (loop, write, build ...), and what it does.
    value : float
        What counts, mostly how many times as much xsim costs as the same work by hand.
    unit : str
        Of the value.
    target : float, optional
        What the value has to reach.
    at_least : bool
        Whether the target is a lower bound.
    per : str
        What `seconds` are for: a step, a member ...; empty for a whole call.
    seconds : mapping of str to float
        Time by who did the work: "xsim", "by hand", or a peer.
    fixed : float, optional
        Seconds that a call of xsim costs at size zero.
    details : mapping
        More for those who want to know: sizes, rounds, the same value by the least times.
    """

    case: str
    phase: str
    title: str
    value: float
    unit: str
    target: float | None = None
    at_least: bool = False
    per: str = ""
    seconds: Mapping[str, float] = field(default_factory=dict)
    fixed: float | None = None
    details: Mapping[str, Any] = field(default_factory=dict)

    @property
    def met(self) -> bool | None:
        """Whether the target is reached; None without one."""
        if self.target is None or math.isnan(self.value):
            return None
        return self.value >= self.target if self.at_least else self.value <= self.target


Measured = Row | Sequence[Row]


@dataclass(frozen=True)
class Case:
    """Something to measure; its function is called once and gives one row or several."""

    key: str
    phase: str
    title: str
    function: Callable[[Measure], Measured]

    @property
    def label(self) -> str:
        """What patterns are matched with."""
        return f"{self.key} {self.phase}: {self.title}"


CASES: list[Case] = []


def case(key: str, phase: str, title: str) -> Callable[[Callable[[Measure], Measured]], Callable[[Measure], Measured]]:
    """Register a function as a case."""

    def register(function: Callable[[Measure], Measured]) -> Callable[[Measure], Measured]:
        CASES.append(Case(key, phase, title, function))
        return function

    return register


def matching(patterns: Sequence[str]) -> Iterator[Case]:
    """Give the cases that fit any of some patterns, all of them without one, in the order of their keys.

    A pattern is a group (``A``), a key (``A1``), a part of a label or a glob.
    """
    for each in sorted(CASES, key=lambda each: each.key):
        if not patterns or any(_fits(each, pattern.lower()) for pattern in patterns):
            yield each


def _fits(each: Case, pattern: str) -> bool:
    key, label = each.key.lower(), each.label.lower()
    if len(pattern) == 1 or pattern in {other.key.lower() for other in CASES}:
        return pattern in (key, key[0])
    return pattern in label or fnmatchcase(label, pattern)
