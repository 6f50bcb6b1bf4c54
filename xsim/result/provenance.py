"""Where a result comes from, for people to read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import groupby
from typing import Any

import attrs
import xarray as xr

from xsim._base.render import Page, Row, Section, quantity
from xsim.plan.provenance import Session, sessions_of
from xsim.setup.attributes import PROVENANCE


@attrs.frozen(repr=False)
class Provenance:
    """The sessions that made a result, the first one first: one, unless the run was resumed.

    Attributes
    ----------
    sessions : tuple of mappings
        What is known of each, as the attribute ``xsim_provenance`` has it: ``outcome``, ``started``, ``ended``,
        ``seconds``, ``host``, ``system``, ``versions``, ``seed``, ``options``, ``resolved``, ``model`` and, of a batch,
        ``members``. One that was killed has no end.
    """

    sessions: tuple[Session, ...]

    @classmethod
    def of(cls, dataset: xr.Dataset) -> Provenance | None:
        """Read the provenance of a result; None if it has none, or somebody has made it unreadable."""
        try:
            return cls(tuple(sessions_of(str(dataset.attrs[PROVENANCE]))))
        except (KeyError, ValueError):
            return None

    def __repr__(self) -> str:
        return self._page().text()

    def _repr_html_(self) -> str:
        return self._page().html()

    def _page(self) -> Page:
        parts = [Section(session_line(session), list(_rows(session))) for session in self.sessions]
        last: Mapping[str, Any] | None = None
        sections: list[Section] = []
        for session, part in zip(self.sessions, parts, strict=True):
            sections.append(part)
            model = session.get("model")
            if model is not None and model != last:
                sections.append(Section("Model:", list(_classes(model)), "*empty*"))
            last = model
        return Page(f"<xsim provenance: {quantity(len(self.sessions), 'session')}>", sections).cut()


def session_line(session: Session) -> str:
    """Print when, where and how a session went, in a line."""
    if "started" not in session:
        return "Unreadable session"
    started = str(session["started"]).partition(".")[0].replace("T", " ")
    took = f" after {session['seconds']:.6g} s" if "seconds" in session else ""
    return f"{started} UTC on {session['host']}: {session['outcome']}{took}"


def _rows(session: Session) -> Iterator[Row]:
    if "members" in session:
        yield "members", ", ".join(f"{count} {what}" for what, count in session["members"].items() if count)
    if session.get("seed") is not None:
        yield "seed", str(session["seed"])
    for name in ("versions", "options", "resolved"):
        if known := {key: value for key, value in session.get(name, {}).items() if value is not None}:
            yield name, ", ".join(f"{key} {value}" for key, value in known.items())
    if "system" in session:
        yield "system", str(session["system"])


def _classes(model: Mapping[str, Any]) -> Iterator[Row]:
    """Print the processes in their order, those of one class that follow each other in one row."""
    for key, found in groupby(model["processes"].items(), key=lambda item: str(item[1])):
        processes = [name for name, _ in found]
        shown = processes[0] if len(processes) == 1 else f"{processes[0]} ... {processes[-1]} ({len(processes)})"
        yield shown, key, *_origin(model["classes"].get(key, {}))


def _origin(origin: Mapping[str, Any]) -> Iterator[str]:
    if "distribution" in origin:
        yield f"{origin['distribution']} {origin.get('version', '')}".strip()
    if "commit" in origin:
        yield f"commit {origin['commit'][:10]}" + (" with changes" if origin.get("dirty") else "")
    if "source" in origin:
        yield f"source {origin['source'][:10]}"
