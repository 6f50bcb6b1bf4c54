"""The benchmarks work; how fast is not for tests to say."""

from __future__ import annotations

import ast
import json
import math
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from itertools import count
from pathlib import Path

import pytest

from benchmarks import cases, report
from benchmarks.measure import Measure, Times
from benchmarks.peers import SCRIPTS, peer_line
from benchmarks.record import Record
from benchmarks.registry import CASES, Case, Row, matching
from benchmarks.speed import Speed
from benchmarks.table import duration, line, number

ROOT = Path(__file__).parents[2]
PEERS = ROOT / "benchmarks" / "peers"

assert cases  # registered by importing them


def a_row(**changes: object) -> Row:
    """Give a row of a case that is twice as slow as by hand."""
    seconds = {"xsim": 2e-6, "by hand": 1e-6}
    return Row(**{"case": "A1", "phase": "loop", "title": "a loop", "value": 2.0, "unit": "×", "target": 4.0,
                  "per": "step", "seconds": seconds, "fixed": 0.01, **changes})  # fmt: skip


def a_growth_row() -> Row:
    """Give a row of a growth."""
    details = {"sizes": [10, 100, 1000], "seconds": [0.2, 1.1, 10.0], "base": 0.1}
    return a_row(
        case="G1", phase="growth", title="against steps", value=1.0, unit="exponent", seconds={}, details=details
    )


def a_record(*rows: Row, peers: list[dict[str, object]] | None = None, small: bool = False) -> Record:
    """Give a record of some rows."""
    machine = {"python": "3.11.1", "system": "Linux x86_64", "cores": 2, "packages": {"numpy": "2.0"}}
    return Record("python -m benchmarks", small, machine, 120.0, list(rows), peers or [])


PEER = {"case": "A1", "peer": "xarray-simlab", "version": "0.5.0", "what": ""}


def test_all_cases_run_small(tmp_path: Path) -> None:
    """Each case does its work with xsim and by hand, and is reported, as text and as a file."""
    file = tmp_path / "found.json"
    command = [sys.executable, "-m", "benchmarks", "--small", "--json", str(file)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    record = Record.read(file)
    assert {row.case for row in record.rows} == {each.key for each in CASES}
    printed = done.stdout.splitlines()
    assert [text[:4].strip() for text in printed[2:]] == [row.case for row in record.rows]
    assert record.small
    of_peers = record.row_of({"case": "F1", "what": ""})
    assert of_peers is not None
    assert of_peers.title.endswith("beside half of one loop")
    assert "MISSED" not in done.stdout


def test_cases_have_keys_of_their_own() -> None:
    """No two cases have one key, each group of the documented table has a case, and each has its docstring."""
    keys = [each.key for each in CASES]
    assert len(keys) == len(set(keys))
    assert {key[0] for key in keys} == set(report.GROUPS)
    assert all(each.function.__doc__ for each in CASES)


def test_cases_are_chosen_by_patterns() -> None:
    """A pattern is a group, a key, a part of a label or a glob, whatever its case, and several patterns add up."""
    assert {each.key[0] for each in matching(["x"])} == {"X"}
    assert [each.key for each in matching(["a1", "B3 *"])] == ["A1", "B3"]
    assert {each.phase for each in matching(["growth"])} == {"growth"}
    assert len(list(matching([]))) == len(CASES)


def test_slopes_are_what_one_more_unit_costs() -> None:
    """One disturbed round changes no value, whichever work it has hit: pairs of a round are neighbours in time."""
    seconds = {
        (10, "xsim"): [1.0, 5.0, 1.0],
        (110, "xsim"): [3.0, 7.0, 9.0],
        (10, "by hand"): [0.5, 0.5, 0.5],
        (110, "by hand"): [1.5, 0.6, 1.5],
    }
    times = Times((10, 110), seconds)
    assert times.slope("xsim") == pytest.approx(0.02)
    assert times.slope("by hand") == pytest.approx(0.01)
    assert times.least_slope("by hand") == pytest.approx(0.001)
    assert times.fixed("xsim") == pytest.approx(1.0 - 0.2)
    assert times.best(110, "by hand") == 0.6
    assert times.usual(110, "xsim") == 7.0


def test_work_is_timed_in_turns_and_its_files_are_deleted() -> None:
    """Each round goes around all sizes and works; a store is gone before the next work begins."""
    calls: list[tuple[str, int, bool]] = []
    case = Case("Z1", "loop", "nothing", lambda m: a_row())
    with Measure(case) as measure:

        def work(who: str) -> Callable[[int], Callable[[], object]]:
            def ready(size: int) -> Callable[[], object]:
                store = measure.path()
                alone = not any(store.parent.iterdir())
                return lambda: (store.mkdir(), calls.append((who, size, alone)))

            return ready

        row = measure.slopes("step", (1, 10), {"xsim": work("xsim"), "by hand": work("by hand")}, 4.0)
    turn = [("xsim", 1, True), ("by hand", 1, True), ("xsim", 10, True), ("by hand", 10, True)]
    assert calls[2:6] == turn  # the first two are what is only done the first time
    assert calls[2:] == turn * row.details["rounds"]
    assert (row.case, row.title, row.target, set(row.seconds)) == ("Z1", "nothing", 4.0, {"xsim", "by hand"})


@pytest.mark.parametrize(
    ("value", "target", "at_least", "met"),
    [(2.0, 4.0, False, True), (5.0, 4.0, False, False), (98.0, 97.0, True, True), (50.0, 97.0, True, False),
     (2.0, None, False, None), (math.nan, 4.0, False, None)],
)  # fmt: skip
def test_targets_are_met_or_missed(value: float, target: float | None, at_least: bool, met: bool | None) -> None:
    """A target is an upper or a lower bound; without one, or without a value, nothing is met or missed."""
    assert a_row(value=value, target=target, at_least=at_least).met is met


def test_numbers_are_printed_with_three_digits() -> None:
    """Numbers and times are rounded to what can be trusted, in units that suit them."""
    assert [number(n) for n in (0.0123, 1.234, 12.34, 1234.5, math.nan, 0.0)] == [
        "0.0123", "1.23", "12.3", "1,234", "–", "0"
    ]  # fmt: skip
    assert [duration(s) for s in (2.5, 0.0123, 4.56e-6, 7.8e-8, None)] == [
        "2.50 s",
        "12.3 ms",
        "4.56 µs",
        "78.0 ns",
        "–",
    ]


def test_a_line_has_value_target_and_verdict() -> None:
    """A row is printed with both times, the ratio, its target and whether that is reached."""
    text = " ".join(line(a_row()).split())
    assert text == "A1 a loop 2.00 µs 1.00 µs 2.00 × ≤ 4.00 met per step fixed 10.0 ms"


def test_records_come_back_from_their_files(tmp_path: Path) -> None:
    """What is written can be read, also a value that is no number, which JSON does not have."""
    record = a_record(a_row(), a_row(case="A2", value=math.nan))
    record.write(tmp_path / "sub" / "found.json")
    again = Record.read(tmp_path / "sub" / "found.json")
    assert again.rows[0] == record.rows[0]
    assert math.isnan(again.rows[1].value)
    assert json.loads((tmp_path / "sub" / "found.json").read_text("utf-8"))["rows"][0]["met"] is True


def test_the_page_on_speed_is_written_between_its_marks(tmp_path: Path) -> None:
    """Tables go between the marks of the real page, the text around them stays, and figures are drawn."""
    peers = [{**PEER, "seconds": 2e-4}, {**PEER, "peer": "epyc", "error": "ValueError: no"}]
    a_record(a_row(), a_row(case="A2", value=9.0), a_growth_row(), peers=peers).write(tmp_path / "found.json")
    page = tmp_path / "speed.md"
    before = (ROOT / "doc" / "explanation" / "speed.md").read_text("utf-8")
    page.write_text(before, "utf-8")
    report.main([str(tmp_path / "found.json"), "--page", str(page), "--images", str(tmp_path)])
    after = page.read_text("utf-8")
    assert "| A1 | a loop, each step | 2.00 µs | 1.00 µs | 2.00 × | ≤ 4.00 | met |" in after
    assert "| 9.00 × | ≤ 4.00 | **missed** |" in after
    assert "2 of 3 targets are met." in after
    assert "| A1 | xarray-simlab | 200 µs | 2.00 µs | 100 |" in after
    assert "| A1 | epyc | failed: ValueError | | |" in after
    assert after.partition("<!-- begin: machine")[0] == before.partition("<!-- begin: machine")[0]
    assert after.partition("## Where targets")[2] == before.partition("## Where targets")[2]
    assert all((tmp_path / name).read_bytes()[:4] == b"\x89PNG" for name in ("speed.png", "growth.png"))


def test_small_runs_do_not_get_into_the_documentation(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Numbers of a smoke run are refused, and so is a file that is not there."""
    file = tmp_path / "found.json"
    with pytest.raises(SystemExit):
        report.main([str(file)])
    a_record(a_row(), small=True).write(file)
    with pytest.raises(SystemExit):
        report.main([str(file)])
    errors = [text for text in capsys.readouterr().err.splitlines() if "error" in text]
    assert errors == [
        f"python -m benchmarks.report: error: there is no {file}; `make bench` or `make bench-peers` makes it",
        f"python -m benchmarks.report: error: {file} is of a run with --small, whose numbers mean nothing",
    ]


def test_peers_are_put_beside_xsim() -> None:
    """Times of peers are compared with those of xsim and by hand; other numbers with xsim's value."""
    record = a_record(a_row())
    texts = [peer_line(record, {**PEER, **found}) for found in ({"seconds": 2e-4}, {"value": 50.0, "unit": "%"})]
    assert [" ".join(text.split()) for text in texts] == [
        "A1 xarray-simlab 200 µs 100 × xsim 200 × by hand",
        "A1 xarray-simlab 50.0 % (xsim 2.00)",
    ]


@pytest.mark.parametrize("script", sorted(script for scripts in SCRIPTS.values() for script in scripts))
def test_peers_know_the_keys_of_cases(script: str) -> None:
    """Each script of a peer names cases that there are, and no module of xsim."""
    tree = ast.parse((PEERS / script).read_text("utf-8"), feature_version=(3, 9))
    (table,) = [n.value for n in tree.body if isinstance(n, ast.Assign) and n.targets[0].id == "CASES"]
    keys = {key.value for key in table.keys if key is not None}
    assert keys
    assert keys <= {each.key for each in CASES}
    imported = {alias.name for n in ast.walk(tree) if isinstance(n, ast.Import) for alias in n.names}
    assert not {name for name in imported if name.split(".")[0] in ("xsim", "benchmarks")}


def test_every_script_of_a_peer_is_run() -> None:
    """Each script in the folder has an environment."""
    assert {path.name for path in PEERS.glob("with_*.py")} == {s for scripts in SCRIPTS.values() for s in scripts}


def test_the_speed_of_the_machine_is_looked_at_meanwhile() -> None:
    """Looks go on while something is timed, are not part of its time, and leave the signal as it was."""
    clock = count(0.0, 1.0)  # a second passes at each question
    speed = Speed(clock.__next__)
    before = signal.getsignal(signal.SIGALRM)

    def work() -> None:
        speed.look()
        speed.look()

    with pytest.MonkeyPatch.context() as patched:
        loops = iter([0.0, 0.2, 1.0, 1.2, 2.0, 2.4, 3.0, 3.4])
        patched.setattr("benchmarks.speed.time.thread_time", loops.__next__)
        patched.setattr("benchmarks.speed.EVERY", 1e6)
        patched.setattr(Speed, "best", 0.25)
        seconds, loop = speed.time(work)
        assert Speed.best == pytest.approx(0.2)

    assert seconds == 5 - 2  # two looks of a second each, in five
    assert loop == pytest.approx(0.3)
    assert signal.getsignal(signal.SIGALRM) == before


def test_looks_come_by_themselves() -> None:
    """A work in pure Python is looked at several times a second."""
    speed = Speed(time.perf_counter)
    seconds, loop = speed.time(lambda: [None for _ in range(3_000_000)])
    assert len(speed._looks) > 2
    assert 0 < Speed.best <= loop < seconds


def test_times_are_those_at_full_speed(monkeypatch: pytest.MonkeyPatch) -> None:
    """What took twice as long while the machine was half as fast took no longer."""
    found = iter([(1.0, 0.1), (1.0, 0.1), (2.0, 0.2), *[(1.0, 0.1)] * 8])
    monkeypatch.setattr(Speed, "best", 0.05)
    monkeypatch.setattr(Speed, "time", lambda self, do: next(found))
    monkeypatch.setattr("benchmarks.measure.PATIENCE", 0.0)
    with Measure(CASES[0]) as measure:
        times = measure.times((1, 2), {"xsim": lambda size: lambda: None})
    assert list(times.seconds[1, "xsim"]) == list(times.seconds[2, "xsim"]) == [0.5] * 5
