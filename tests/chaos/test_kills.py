"""A sweep that is killed, at whatever instant, goes on to the same bits (DESIGN §B7)."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="kills are dealt out to forked processes")
MEMBERS = 11
WAYS = {
    "sequential": {},
    "block of 4": {"block": 4},
    "streamed": {"block": 1},
    "threads": {"parallel": True, "workers": 2, "block": 3},
    "processes": {"parallel": True, "workers": 2, "scheduler": "processes", "block": 3},
}


class Server:
    """Asks the process that deals out kills."""

    def __init__(self, folder):
        self.log = folder / "log.txt"
        self._process = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("server.py"))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        )

    def ask(self, do, **how):
        self.log.unlink(missing_ok=True)
        self._process.stdin.write(json.dumps({"do": do, "log": str(self.log), "members": MEMBERS, **how}) + "\n")
        self._process.stdin.flush()
        code = int(self._process.stdout.readline())
        assert code in (0, -signal.SIGKILL), self.log.read_text() if self.log.exists() else code
        return code

    def close(self):
        self._process.stdin.close()
        self._process.stdout.close()
        self._process.wait(60)


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    started = Server(tmp_path_factory.mktemp("server"))
    yield started
    started.close()


def kill_at_each_write(server, folder, way, when, first, step, appended=0):
    """Kill the coordinator at its writes one after the other, each time in a new store, until it has no more."""
    for kills, write in enumerate(range(first, 1000, step)):
        store = str(folder / f"{write}.zarr")
        options = WAYS[way]
        if appended:
            server.ask("sweep", store=store, options=options, members=MEMBERS - appended)
        kill = {"where": "coordinator", "write": write, "when": when}
        code = server.ask("sweep", store=store, options={**options, "resume": True}, kill=kill)
        if code == 0:
            return kills
        if appended:
            server.ask("look", store=store, members=MEMBERS - appended)
        server.ask("sweep", store=store, options={**options, "resume": True})
        server.ask("check", store=store)
    raise AssertionError("the run does not end")


@pytest.mark.parametrize(("way", "first"), [("block of 4", 3), pytest.param("threads", 20, marks=pytest.mark.slow)])
def test_some_kills(server, tmp_path, way, first):
    """After a kill at some writes, resuming gives the bits of an uninterrupted run."""
    assert kill_at_each_write(server, tmp_path, way, "after", first, 53) > 1


@pytest.mark.slow
def test_some_kills_while_members_are_appended(server, tmp_path):
    """After a kill at some writes of a run that appends members, those of before and their inputs can be read."""
    assert kill_at_each_write(server, tmp_path, "block of 4", "after", 9, 31, appended=3) > 1


@pytest.mark.slow
@pytest.mark.parametrize("write", [9])
def test_a_worker_that_dies_is_no_loss(server, tmp_path, write):
    """A worker killed while it writes costs nothing: its members run again, and the sweep ends by itself."""
    store = str(tmp_path / "out.zarr")
    kill = {"where": "worker", "write": write, "when": "after", "once": str(tmp_path / "killed")}
    assert server.ask("sweep", store=store, options=WAYS["processes"], kill=kill) == 0
    assert (tmp_path / "killed").exists()
    server.ask("check", store=store)


@pytest.mark.chaos
@pytest.mark.parametrize(
    ("way", "when", "step"),
    [
        ("block of 4", "after", 3),
        ("sequential", "before", 5),
        ("streamed", "half", 5),
        ("threads", "half", 6),
        ("processes", "after", 7),
    ],
)
def test_many_kills(server, tmp_path, way, when, step):
    """So it is after a kill at any write, with half of it on disk too, in every way of running."""
    # Not at each write every time, but at each write some time; the name of the store tells which it was.
    first = int(np.random.default_rng().integers(1, step + 1))
    assert kill_at_each_write(server, tmp_path, way, when, first, step) > 12


@pytest.mark.chaos
@pytest.mark.parametrize(("when", "step"), [("after", 5), ("half", 9)])
def test_kills_while_members_are_appended(server, tmp_path, when, step):
    """A run that appends members can be killed at any write, and nothing done is lost, nor out of reach."""
    first = int(np.random.default_rng().integers(1, step + 1))
    assert kill_at_each_write(server, tmp_path, "block of 4", when, first, step, appended=3) > 5


@pytest.mark.chaos
@pytest.mark.parametrize("write", range(1, 30, 2))
@pytest.mark.parametrize("when", ["before", "half"])
def test_workers_that_die(server, tmp_path, write, when):
    """A worker may die at any of its writes."""
    store = str(tmp_path / "out.zarr")
    kill = {"where": "worker", "write": write, "when": when, "once": str(tmp_path / "killed")}
    assert server.ask("sweep", store=store, options=WAYS["processes"], kill=kill) == 0
    server.ask("sweep", store=store, options={"resume": True})  # sweeps what the dead left behind
    server.ask("check", store=store)


@pytest.mark.chaos
@pytest.mark.parametrize("seed", range(3))
def test_kill_after_kill(server, tmp_path, seed):
    """A sweep that is killed again and again gets to its end all the same."""
    random = np.random.default_rng(seed)
    store = str(tmp_path / "out.zarr")
    way = list(WAYS)[seed]
    for _ in range(12):
        kill = {"where": "coordinator", "write": int(random.integers(1, 60)), "when": "after"}
        if server.ask("sweep", store=store, options={**WAYS[way], "resume": True}, kill=kill) == 0:
            break
    server.ask("sweep", store=store, options={**WAYS[way], "resume": True})
    server.ask("check", store=store)
