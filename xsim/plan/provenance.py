"""Where a result comes from: the sessions that made it, each with its code, versions, options, place and time (§S5)."""

from __future__ import annotations

import json
import os
import platform
import socket
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

import attrs

from xsim._base.version import __version__
from xsim.plan.code import origin_of
from xsim.plan.fingerprint import of_option
from xsim.plan.options import RunOptions
from xsim.plan.run_plan import RunPlan

Session = Mapping[str, Any]
"""What JSON can say of a session."""

LIBRARIES = ("xarray", "zarr", "numpy", "dask")

_PLAIN = (str, int, float, tuple, type(None))


class Provenance:
    """The sessions of a run: earlier ones, and the one under way, which begins when this is made.

    Parameters
    ----------
    hooks : iterable, optional
        Hook functions of the run.
    safe_mode : bool, optional
        Whether it runs on process objects of its own.

    Attributes
    ----------
    members : callable, optional
        Counts the members of a batch when it ends: all, done before, done now, and others.
    """

    def __init__(self, hooks: Iterable[Any] = (), safe_mode: bool = True) -> None:
        self.members: Callable[[], Mapping[str, int]] | None = None
        self._started, self._clock = datetime.now(UTC), time.perf_counter()
        called = [_name(hook) for hook in hooks]
        self._given: dict[str, Any] = {"hooks": called} if called else {}
        if not safe_mode:
            self._given["safe_mode"] = False
        self._earlier: Sequence[Session] = ()
        self._session: dict[str, Any] = {}

    def begin(self, plan: RunPlan, earlier: str | None = None) -> str:
        """Take down what is known before anything runs.

        Parameters
        ----------
        plan : RunPlan
        earlier : str, optional
            The text of the run that goes on.

        Returns
        -------
        str
            As in `text`.
        """
        self._earlier = () if earlier is None else _read(earlier)
        self._session = {
            "outcome": "running",
            "started": self._started.isoformat(timespec="microseconds"),
            "host": socket.gethostname(),
            "system": platform.platform(),
            "versions": _versions(),
            "seed": None if plan.seed is None else str(plan.seed),
            "options": _given(plan.options) | self._given,
            "resolved": {
                "scheduler": plan.scheduler,
                "workers": plan.workers,
                "threads_per_worker": plan.threads,
                "block": None if plan.block is None else list(plan.block),
            },
            "model": _model(plan),
        }
        return self.text

    def end(self, outcome: str) -> str:
        """Take down how the session ended, unless that is known.

        Returns
        -------
        str
            As in `text`.
        """
        if self._session["outcome"] == "running":
            now = datetime.now(UTC).isoformat(timespec="microseconds")
            seconds = round(time.perf_counter() - self._clock, 6)
            self._session |= {"outcome": outcome, "ended": now, "seconds": seconds}
            if self.members is not None:
                self._session["members"] = dict(self.members())
        return self.text

    @property
    def text(self) -> str:
        """All sessions as JSON; one that ran the model of the one before does not repeat it."""
        sessions: list[Session] = []
        model = None
        for session in (*self._earlier, self._session):
            same = session.get("model") == model
            sessions.append({name: value for name, value in session.items() if name != "model"} if same else session)
            model = session.get("model")
        return json.dumps({"sessions": sessions})


def sessions_of(text: str) -> Sequence[Session]:
    """Give the sessions in a text, each with its model.

    Raises
    ------
    ValueError
        If it is not one that `Provenance` has written.
    """
    try:
        sessions = [dict(session) for session in json.loads(text)["sessions"]]
    except (KeyError, TypeError) as error:
        raise ValueError(f"no sessions: {error}") from error
    for before, session in pairwise(sessions):
        session.setdefault("model", before.get("model"))
    return sessions


def _read(text: str) -> Sequence[Session]:
    """Give the sessions of the run that goes on; what somebody has made unreadable is kept as it is."""
    try:
        return sessions_of(text)
    except ValueError:
        return [{"unreadable": text}]


def _versions() -> dict[str, str]:
    loaded = {name: getattr(sys.modules.get(name), "__version__", None) for name in LIBRARIES}
    found = {"python": platform.python_version(), "xsim": __version__}
    return found | {name: str(version) for name, version in loaded.items() if version is not None}


def _given(options: RunOptions) -> dict[str, Any]:
    """Give the options that differ from their defaults; nothing that says where files are, or how to get at them."""
    given: dict[str, Any] = {}
    for field in attrs.fields(RunOptions):
        value = getattr(options, field.name)
        if field.name in ("store", "scratch"):
            if value is not None:
                given[field.name] = "path" if isinstance(value, (str, os.PathLike)) else type(value).__name__
        elif field.name == "encoding":
            shown = {name: {key: of_option(key, each) for key, each in keys.items()} for name, keys in value.items()}
            given |= {"encoding": shown} if shown else {}
        elif field.name == "decoding":
            given |= {"decoding": list(value)} if value else {}
        elif not isinstance(value, _PLAIN):  # an array, say, which cannot simply be compared
            given |= {} if value is field.default else {field.name: type(value).__name__}
        elif value != field.default:
            given[field.name] = value
    return given


def _model(plan: RunPlan) -> dict[str, Any]:
    """Give the class of each process, in the order in which they run, and where the code of each class comes from."""
    keys: dict[type, str] = {}
    classes: dict[str, dict[str, Any]] = {}
    for cls in plan.graph.classes.values():
        if cls not in keys:
            origin = attrs.asdict(origin_of(cls), filter=lambda _, value: value is not None)
            keys[cls] = _free_key(_name(cls), origin, classes)
            classes[keys[cls]] = origin
    return {"processes": {name: keys[plan.graph.classes[name]] for name in plan.graph.order}, "classes": classes}


def _free_key(name: str, origin: Mapping[str, Any], taken: Mapping[str, Any]) -> str:
    """Tell classes of one name apart: functions, or cells of a notebook, make several."""
    key, number = name, 1
    while key in taken and taken[key] != origin:
        number += 1
        key = f"{name} ({number})"
    return key


def _name(what: Any) -> str:
    what = what if hasattr(what, "__qualname__") else type(what)
    return f"{what.__module__}.{what.__qualname__}"
