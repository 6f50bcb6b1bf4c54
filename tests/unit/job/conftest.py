"""Jobs without a run."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import attrs
import psutil
import pytest

from xsim.job import job as job_module
from xsim.job.job import Job, Site


@pytest.fixture
def site(tmp_path: Path) -> Site:
    """Where programs run in a test; nobody watches."""
    return Site(tmp_path, 2, {"OMP_NUM_THREADS": "2"}, math.inf, lambda phase, fraction: None, lambda: False, "failed")


@pytest.fixture
def job(site: Site) -> Job:
    """A job of process 'solver'."""
    return Job("solver", site)


@pytest.fixture
def make(site: Site) -> Callable[..., Job]:
    """Make a job with other facts of its site."""

    def made(**facts: Any) -> Job:
        return Job("solver", attrs.evolve(site, **facts))

    return made


@pytest.fixture(autouse=True)
def _simple_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OMP_NUM_THREADS", "XSIM_TEST"):
        monkeypatch.delenv(name, raising=False)
    assert os.environ.get("XSIM_TEST") is None


@pytest.fixture
def over_when_begun(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> float:
    """Give a time limit that is over as soon as a program has made a file `begun`, however long it takes to start."""

    def monotonic() -> float:
        return time.monotonic() + (1e6 if any(tmp_path.rglob("begun")) else 0)

    monkeypatch.setattr(job_module, "time", SimpleNamespace(monotonic=monotonic))
    return 1000.0


def _alive(marker: str) -> list[int]:
    found = []
    for process in psutil.process_iter(["cmdline", "status"]):
        words = process.info["cmdline"] or ()
        if process.info["status"] != psutil.STATUS_ZOMBIE and any(marker in word for word in words):
            found.append(process.pid)
    return found


@pytest.fixture
def alive() -> Callable[[str], list[int]]:
    """Give the processes whose command has a word."""
    return _alive


@pytest.fixture
def gone() -> Callable[[str], bool]:
    """Say whether such processes end soon: long before they would by themselves, however busy the machine is."""

    def gone(marker: str) -> bool:
        end = time.monotonic() + 60
        while _alive(marker):
            if time.monotonic() > end:
                return False
            time.sleep(0.05)
        return True

    return gone
