"""The table of LiveStatus in a terminal."""

from __future__ import annotations

import io

import numpy as np
import pytest

from xsim.engine.slot import Working
from xsim.engine.status import DONE, FAILED, RUNNING, WAITING, Status
from xsim.monitor.live import Terminal
from xsim.plan.batch import Batch


@pytest.mark.usefixtures("_narrow")
def test_each_part_has_its_lines() -> None:
    """The bar, the counts, the times and the table stand below each other, none cut off."""
    codes = np.array([DONE, FAILED, RUNNING, WAITING], dtype=np.int8)
    working = (Working("host:1", 2, 90.0, phase="crossover", fraction=0.25),)
    file = io.StringIO()
    terminal = Terminal(file)
    terminal.show(Status(Batch(("k",), (4,), {}), codes, working, started=40.0, updated=100.0, computed=2))
    terminal.close()

    bar, *lines = (line.rstrip() for line in file.getvalue().splitlines()[:5])
    assert set(bar) == {"━"}
    assert lines == [
        "1 waiting  1 running  1 done  1 failed",
        "60.0 s elapsed, about 46.7 s left",
        "member  phase           step  elapsed",
        "k 2     crossover  25%        10.0 s",
    ]


@pytest.fixture
def _narrow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "64")
    monkeypatch.delenv("FORCE_COLOR", raising=False)
