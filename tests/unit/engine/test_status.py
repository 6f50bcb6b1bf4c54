"""How a batch is at a moment, in words, as a table and as JSON."""

from __future__ import annotations

import json
from typing import Any

import attrs
import numpy as np
import pytest

from xsim.engine.slot import Working
from xsim.engine.status import CANCELLED, DONE, FAILED, RUNNING, STARTING, TIMED_OUT, WAITING, Status
from xsim.plan.batch import Batch

BATCH = Batch(("k", "run"), (2, 3), {"k": np.array([0.5, 1.5])})
WORK = Working("host:1", 4, 90.0, step=24, nsteps=100, phase="", fraction=0.24)
SOLVE = Working("host:2", 5, 60.0, phase="crossover")


def status(**facts: Any) -> Status:
    """Make a status of six members."""
    codes = np.array([DONE, DONE, FAILED, WAITING, RUNNING, RUNNING], dtype=np.int8)
    made = Status(BATCH, codes, (WORK, SOLVE), started=40.0, updated=100.0, computed=3)
    return attrs.evolve(made, **facts)


def test_in_words() -> None:
    """One line counts; what runs is listed, the longest running first."""
    lines = repr(status()).splitlines()
    assert lines[:2] == ["<xsim Status: 2/6 done, 1 failed, 2 running, about 51.1 s left>", "Running:"]
    assert [line.split() for line in lines[2:]] == [
        ["k", "1.5,", "run", "2", "crossover", "40.0", "s"],
        ["k", "1.5,", "run", "1", "running", "24%", "step", "25/100", "10.0", "s"],
    ]


def test_members_that_start() -> None:
    """A member whose first stage has not begun is starting, in words, in the table, and when it is read again."""
    codes = np.array([DONE, DONE, FAILED, WAITING, RUNNING, STARTING], dtype=np.int8)
    shown = status(codes=codes, working=(WORK, Working("host:2", 5, 60.0, starting=True)))
    assert str(shown) == "2/6 done, 1 failed, 1 running, 1 starting, about 51.1 s left"
    assert shown.rows()[0] == ("k 1.5, run 2", "starting", "", "", "40.0 s")
    assert shown.table.state.tolist() == ["done", "done", "failed", "waiting", "running", "starting"]
    assert shown.ended == 3
    outcomes = np.array(["done", "done", "failed"] + ["pending"] * 3, dtype=object)
    read = Status.read(shown.json(), BATCH, outcomes)
    assert repr(read) == repr(shown)
    assert read.at_the_end("cancelled").counts["waiting"] == 3


def test_first_members_that_have_ended() -> None:
    """What the journal does not tell yet is read from the status; what it tells holds (no state goes back)."""
    codes = np.array([WAITING, FAILED, RUNNING, TIMED_OUT, WAITING, WAITING], dtype=np.int8)
    shown = status(codes=codes, working=(), unsaved={1: "failed", 2: "running", 3: "timed out"})
    read = Status.read(shown.json(), BATCH, np.array(["pending"] * 6, dtype=object))
    assert read.codes.tolist() == codes.tolist()
    later = np.array(["done", "pending", "done", "failed", "pending", "pending"], dtype=object)
    assert Status.read(shown.json(), BATCH, later).codes.tolist() == [DONE, FAILED, DONE, FAILED, WAITING, WAITING]
    odd = shown.json().replace('"1": "failed"', '"9": "failed", "-1": "failed", "4": "mad"')
    assert Status.read(odd, BATCH, later).codes.tolist() == [DONE, WAITING, DONE, FAILED, WAITING, WAITING]


def test_before_the_first_has_ended() -> None:
    """Nobody knows how long it takes before a member has ended, nor counts those of an earlier run."""
    assert status(computed=0).seconds_left is None
    assert str(status(computed=0)) == "2/6 done, 1 failed, 2 running"


def test_at_the_end() -> None:
    """The end is said, with the time that it took."""
    codes = np.array([DONE, DONE, FAILED, TIMED_OUT, CANCELLED, WAITING], dtype=np.int8)
    ended = status(codes=codes, working=(), ending="failed")
    assert str(ended) == "2/6 done, 1 failed, 1 timed out, 1 cancelled, ended (failed) after 60.0 s"
    assert ended.seconds_left == 0.0
    assert ended.ended == 5


def test_a_clock_that_jumps() -> None:
    """A clock that is set back gives no negative times."""
    back = status(updated=10.0)
    assert back.seconds == 0.0
    assert back.seconds_left == 0.0
    assert all("-" not in cell for row in back.rows() for cell in row)


def test_the_table() -> None:
    """Each member has a row, with its labels."""
    table = status().table
    assert list(table.columns) == ["k", "run", "state", "phase", "fraction", "step", "seconds"]
    assert table.k.tolist() == [0.5, 0.5, 0.5, 1.5, 1.5, 1.5]
    assert table.run.tolist() == [0, 1, 2, 0, 1, 2]
    assert table.state.tolist() == ["done", "done", "failed", "waiting", "running", "running"]
    assert table.loc[4, ["fraction", "step", "seconds"]].tolist() == [0.24, 24, 10.0]
    assert table.loc[5, "phase"] == "crossover"


def test_there_and_back() -> None:
    """What is written for others is read again, with the outcomes of the journal."""
    outcomes = np.array([["done", "done", "failed"], ["pending", "pending", "pending"]], dtype=object)
    read = Status.read(status().json(), BATCH, outcomes)
    assert repr(read) == repr(status())
    assert json.loads(status().json())["running"][0]["labels"] == "k 1.5, run 1"


def test_final_states_stay() -> None:
    """A member that has ended since it was told to run is no more running (no state goes back)."""
    outcomes = np.array(["done", "done", "failed", "pending", "done", "timed out"], dtype=object)
    read = Status.read(status().json(), BATCH, outcomes)
    assert read.codes.tolist() == [DONE, DONE, FAILED, WAITING, DONE, TIMED_OUT]
    assert read.working == ()


@pytest.mark.parametrize("text", ["", "{", "[]", '{"running": 3}', status().json()[:50], "null"])
def test_damaged_notices(text: str) -> None:
    """A notice that is not there, or not whole, leaves the outcomes."""
    read = Status.read(text, BATCH, np.array(["done"] + ["pending"] * 5, dtype=object))
    assert read.counts == {
        "waiting": 5,
        "starting": 0,
        "running": 0,
        "done": 1,
        "failed": 0,
        "timed out": 0,
        "cancelled": 0,
    }
