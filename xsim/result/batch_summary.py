"""A long summary of a batch: how its members ended, what failed where, how long they took, and who ran them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

import attrs
import numpy as np
import xarray as xr

from xsim._base.render import Page, Row, Section, quantity
from xsim.plan.batch import Batch
from xsim.plan.provenance import Session
from xsim.result.provenance import Provenance, session_line
from xsim.result.records import records_of
from xsim.setup.attributes import SEED

DONE, PENDING = "done", "pending"
FIELDS = ("outcome", "reason", "exception", "line", "process", "stage", "start", "seconds", "retries", "worker")
SLOWEST = 5
"""Members named as the slowest."""

SHOWN = 10
"""Members and groups of failures that are printed; the summary has all."""

Fields = Mapping[str, np.ndarray[Any, Any]]


@attrs.frozen
class FailureGroup:
    """Members that failed in the same way: with one class of exception, at one line.

    Attributes
    ----------
    outcome, exception, line, process, stage : str
        What they have in common; empty where it is not known.
    message : str
        Why the first of them failed.
    members : tuple of str
        Their labels.
    """

    outcome: str
    exception: str
    line: str
    process: str
    stage: str
    message: str
    members: tuple[str, ...]


@attrs.frozen
class Times:
    """Seconds that the members took that have ended.

    Attributes
    ----------
    least, median, most, total : float
    slowest : tuple of tuples
        Labels and seconds of the members that took longest.
    """

    least: float
    median: float
    most: float
    total: float
    slowest: tuple[tuple[str, float], ...]


@attrs.frozen
class HostShare:
    """What one host has done.

    Attributes
    ----------
    members, workers : int
        Members that it ran, and processes or threads that ran them.
    seconds : float
        What they took in all.
    """

    members: int
    workers: int
    seconds: float


@attrs.frozen(repr=False)
class BatchSummary:
    """How a batch went, in all detail that helps to go on; prints itself.

    Attributes
    ----------
    outcomes : dict of str to int
        How many members ended how.
    failures : tuple of FailureGroup
        The largest first.
    times : Times or None
        None if no member has ended.
    retries : dict of str to int
        How often members ran again after a failure, by label.
    hosts : dict of str to HostShare
    seed : str or None
    sessions : tuple of mappings
        As in `Dataset.xsim.provenance`.
    done_in : tuple of int
        Members done in each session, of those in the dataset.
    """

    outcomes: Mapping[str, int]
    failures: tuple[FailureGroup, ...]
    times: Times | None
    retries: Mapping[str, int]
    hosts: Mapping[str, HostShare]
    seed: str | None
    sessions: tuple[Session, ...]
    done_in: tuple[int, ...]

    def __repr__(self) -> str:
        return self._page().text()

    def _repr_html_(self) -> str:
        return self._page().html()

    def _page(self) -> Page:
        counts = [(what, str(count)) for what, count in self.outcomes.items()]
        sections = [Section("Members:", counts, "*empty*"), *self._failure_sections()]
        if self.times is not None:
            sections.append(_section_of_times(self.times))
        if self.retries:
            rows = [(label, quantity(count, "retry", "retries")) for label, count in self.retries.items()]
            sections.append(Section(f"Retries: {sum(self.retries.values())}", _most(rows)))
        if self.hosts:
            sections.append(Section("Hosts:", [_host_row(name, share) for name, share in self.hosts.items()]))
        if self.sessions:
            pairs = zip(self.sessions, self.done_in, strict=True)
            sections.append(Section("Sessions:", [(session_line(s), f"{count} done") for s, count in pairs]))
        if self.seed is not None:
            sections.append(Section(f"Seed: {self.seed}"))
        return Page(f"<xsim summary of {quantity(sum(self.outcomes.values()), 'member')}>", sections)

    def _failure_sections(self) -> Iterator[Section]:
        for group in self.failures[:SHOWN]:
            what = group.exception or group.outcome
            where = f" at {group.line}" if group.line else ""
            inside = f" (process {group.process!r}, stage {group.stage!r})" if group.process else ""
            members = "; ".join(group.members[:SHOWN])
            more = len(group.members) - SHOWN
            yield Section(
                f"{quantity(len(group.members), 'member')} {group.outcome}: {what}{where}{inside}",
                [
                    ("first:", group.message.partition("\n")[0]),
                    ("members:", members + (f" ... and {more} more" if more > 0 else "")),
                ],
            )
        if len(self.failures) > SHOWN:
            yield Section(f"... and {len(self.failures) - SHOWN} more kinds of failures")


def summarize(dataset: xr.Dataset) -> BatchSummary:
    """Summarize a batch, from its result or from a store that is being written.

    Raises
    ------
    AttributeError
        If the dataset is not the result of a batch.
    """
    arrays = records_of(dataset, FIELDS)
    first = arrays["outcome"]
    dims = tuple(map(str, first.dims))
    batch = Batch(dims, first.shape, {dim: dataset[dim].to_numpy() for dim in dims if dim in dataset.coords})
    fields = {name: array.to_numpy().ravel() for name, array in arrays.items()}
    provenance = Provenance.of(dataset)
    sessions = () if provenance is None else provenance.sessions
    counts = Counter(fields["outcome"].tolist())
    return BatchSummary(
        outcomes={what: counts[what] for what in sorted(counts, key=lambda what: (what != DONE, what))},
        failures=_failures(batch, fields),
        times=_times(batch, fields),
        retries={batch.describe(int(i)): int(fields["retries"][i]) for i in np.flatnonzero(fields["retries"] > 0)},
        hosts=_hosts(fields),
        seed=dataset.attrs.get(SEED),
        sessions=sessions,
        done_in=_done_in(sessions, fields),
    )


def _failures(batch: Batch, fields: Fields) -> tuple[FailureGroup, ...]:
    groups: dict[tuple[str, ...], list[int]] = {}
    common = ("outcome", "exception", "line", "process", "stage")
    for member, outcome in enumerate(fields["outcome"].tolist()):
        if outcome not in (DONE, PENDING):
            groups.setdefault(tuple(str(fields[name][member]) for name in common), []).append(member)
    return tuple(
        FailureGroup(
            **dict(zip(common, key, strict=True)),
            message=str(fields["reason"][members[0]]),
            members=tuple(map(batch.describe, members)),
        )
        for key, members in sorted(groups.items(), key=lambda item: -len(item[1]))
    )


def _times(batch: Batch, fields: Fields) -> Times | None:
    seconds = fields["seconds"].astype(float)
    ended = np.flatnonzero(~np.isnan(seconds))
    if not ended.size:
        return None
    known = seconds[ended]
    slowest = ended[np.argsort(-known, kind="stable")[:SLOWEST]]
    return Times(
        float(known.min()),
        float(np.median(known)),
        float(known.max()),
        float(known.sum()),
        tuple((batch.describe(int(i)), float(seconds[i])) for i in slowest) if batch.dims else (),
    )


def _hosts(fields: Fields) -> dict[str, HostShare]:
    workers: dict[str, set[str]] = {}
    members: Counter[str] = Counter()
    seconds: Counter[str] = Counter()
    for worker, took in zip(fields["worker"].tolist(), fields["seconds"].tolist(), strict=True):
        if worker:
            host = worker.partition(":")[0]
            workers.setdefault(host, set()).add(worker)
            members[host] += 1
            seconds[host] += took
    return {host: HostShare(members[host], len(found), seconds[host]) for host, found in workers.items()}


def _done_in(sessions: Sequence[Session], fields: Fields) -> tuple[int, ...]:
    """Count the members done in each session, by when they started: one that was killed has not counted itself."""
    began = np.array([str(session.get("started", "")) for session in sessions])
    starts = fields["start"][fields["outcome"] == DONE].astype(str)
    counts = Counter((np.searchsorted(began, starts, side="right") - 1).tolist()) if began.size else Counter()
    return tuple(counts[number] for number in range(len(sessions)))


def _section_of_times(times: Times) -> Section:
    rows: list[Row] = [
        ("least", _seconds(times.least)),
        ("median", _seconds(times.median)),
        ("most", _seconds(times.most)),
        ("in all", _seconds(times.total)),
    ]
    slowest = [("slowest", _seconds(seconds), member) for member, seconds in times.slowest]
    return Section("Seconds a member:", [*rows, *slowest])


def _host_row(name: str, share: HostShare) -> Row:
    return name, quantity(share.members, "member"), quantity(share.workers, "worker"), f"{_seconds(share.seconds)} s"


def _seconds(value: float) -> str:
    return f"{value:.3g}"


def _most(rows: Sequence[Row]) -> list[Row]:
    more = len(rows) - SHOWN
    return [*islice(rows, SHOWN), *([(f"... and {more} more",)] if more > 0 else [])]
