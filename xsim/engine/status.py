"""Status: how a batch and its members are at a moment, for people, other shells and programs."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Self

import attrs
import numpy as np
import pandas as pd

from xsim._base.render import Page, Section, duration
from xsim.engine.slot import Working
from xsim.plan.batch import Batch

STATES = ("waiting", "starting", "running", "done", "failed", "timed out", "cancelled")
"""States of members, by their codes; all but the first three are final."""
WAITING, STARTING, RUNNING, DONE, FAILED, TIMED_OUT, CANCELLED = range(len(STATES))
CODES = {state: code for code, state in enumerate(STATES)} | {"pending": WAITING}
SHOWN = 12
"""Running members that a page lists."""


@attrs.frozen(eq=False)
class Status:
    """How a batch is at a moment.

    Attributes
    ----------
    batch : Batch
    codes : numpy.ndarray
        State of each member, as a position in `STATES`.
    working : tuple of Working
        What the workers are doing.
    started, updated : float
        When the run started, and the moment of this status, in seconds since the epoch.
    computed : int
        Members that ended in this run, not in an earlier one that it goes on with.
    ending : str
        How the run has ended ("done", "failed", "cancelled"); empty while it is going on.
    unsaved : mapping of int to str
        States of the first members that have ended while there are no arrays yet; those that are done are running
        until they are saved.
    """

    batch: Batch
    codes: np.ndarray[Any, Any]
    working: tuple[Working, ...]
    started: float
    updated: float
    computed: int
    ending: str = ""
    unsaved: Mapping[int, str] = attrs.field(factory=dict)

    @property
    def counts(self) -> dict[str, int]:
        """Number of members in each state."""
        found = np.bincount(self.codes.ravel(), minlength=len(STATES))
        return {state: int(n) for state, n in zip(STATES, found, strict=True)}

    @property
    def ended(self) -> int:
        """Members in a final state."""
        return int((self.codes > RUNNING).sum())

    @property
    def seconds(self) -> float:
        """Since the start."""
        return max(0.0, self.updated - self.started)

    @property
    def seconds_left(self) -> float | None:
        """Until the end, if members go on to take as long as so far; None before the first one has ended."""
        if self.ending:
            return 0.0
        if not self.computed:
            return None
        begun = sum(each.fraction or 0.0 for each in self.working)
        return self.seconds / (self.computed + begun) * max(0.0, self.batch.size - self.ended - begun)

    def __str__(self) -> str:
        counts = self.counts
        parts = [f"{counts['done']}/{self.batch.size} done"]
        parts += [
            f"{counts[state]} {state}"
            for state in (*STATES[FAILED:], STATES[RUNNING], STATES[STARTING])
            if counts[state]
        ]
        if self.ending:
            parts.append(f"ended ({self.ending})" + (f" after {duration(self.seconds)}" if self.started else ""))
        elif (left := self.seconds_left) is not None and left >= 1:
            parts.append(f"about {duration(left)} left")
        return ", ".join(parts)

    def rows(self, limit: int = SHOWN) -> list[tuple[str, ...]]:
        """Print the running members, the longest running first."""
        return [self._row(each) for each in sorted(self.working, key=lambda each: each.since)[:limit]]

    def _row(self, each: Working) -> tuple[str, ...]:
        step = f"step {each.step + 1}/{each.nsteps}" if each.nsteps > 1 else ""
        fraction = "" if each.fraction is None else f"{each.fraction:.0%}"
        seconds = duration(max(0.0, self.updated - each.since))
        return (
            self.batch.describe(each.member),
            each.phase or (STATES[STARTING] if each.starting else STATES[RUNNING]),
            fraction,
            step,
            seconds,
        )

    def _page(self) -> Page:
        head = f"<xsim Status: {self}>"
        return Page(head, (Section("Running:", self.rows()),) if self.working else ())

    def __repr__(self) -> str:
        return self._page().text()

    def _repr_html_(self) -> str:
        return self._page().html()

    @property
    def table(self) -> pd.DataFrame:
        """A row for each member: its labels, state, phase, fraction, step and seconds, the latter while it runs."""
        positions = np.unravel_index(np.arange(self.batch.size), self.batch.shape)
        labels = {
            dim: self.batch.labels[dim][i] if dim in self.batch.labels else i
            for dim, i in zip(self.batch.dims, positions, strict=True)
        }
        found = pd.DataFrame({**labels, "state": np.array(STATES, dtype=object)[self.codes.ravel()]})
        for name, default in (("phase", ""), ("fraction", np.nan), ("step", -1), ("seconds", np.nan)):
            found[name] = default
        for each in self.working:
            found.loc[each.member, "phase"] = each.phase
            found.loc[each.member, "fraction"] = np.nan if each.fraction is None else each.fraction
            found.loc[each.member, "step"] = each.step
            found.loc[each.member, "seconds"] = self.updated - each.since
        return found

    def json(self) -> str:
        """Give all but the state of each single member, which the journal has, as JSON."""
        return json.dumps(
            {
                "started": self.started,
                "updated": self.updated,
                "ending": self.ending,
                "members": self.batch.size,
                "counts": self.counts,
                "computed": self.computed,
                "seconds_left": self.seconds_left,
                "unsaved": self.unsaved,
                "running": [
                    {**attrs.asdict(each), "labels": self.batch.describe(each.member)} for each in self.working
                ],
            }
        )

    def at_the_end(self, ending: str) -> Status:
        """Give the status of a run that has ended: nothing is running."""
        codes = self.codes.copy()
        codes[codes <= RUNNING] = WAITING
        return attrs.evolve(self, codes=codes, working=(), ending=ending, unsaved={})

    @classmethod
    def read(cls, text: str, batch: Batch, outcomes: np.ndarray[Any, Any]) -> Self:
        """Put a status together from its JSON and the outcomes of the members; a damaged one tells outcomes alone."""
        try:
            told: Mapping[str, Any] = json.loads(text)
            fields = [field.name for field in attrs.fields(Working)]
            working = tuple(Working(**{name: each[name] for name in fields}) for each in told["running"])
            working = tuple(each for each in working if isinstance(each.member, int) and each.member >= 0)
            facts = [float(told["started"]), float(told["updated"]), int(told["computed"])]
            unsaved = {int(member): str(state) for member, state in told["unsaved"].items()}
            ending = str(told["ending"])
        except (ValueError, KeyError, TypeError, AttributeError):
            working, facts, unsaved, ending = (), [0.0, 0.0, 0], {}, ""
        codes = np.array([CODES.get(str(outcome), WAITING) for outcome in outcomes.ravel()], dtype=np.int8)
        # A member that the journal says has ended has ended, whatever was told before.
        for member in [each for each in unsaved if not (0 <= each < codes.size and codes[each] == WAITING)]:
            del unsaved[member]
        for member, state in unsaved.items():
            codes[member] = CODES.get(state, WAITING)
        working = tuple(each for each in working if each.member < codes.size and codes[each.member] == WAITING)
        for each in working:
            codes[each.member] = STARTING if each.starting else RUNNING
        return cls(batch, codes, working, facts[0], facts[1], int(facts[2]), ending, unsaved)
