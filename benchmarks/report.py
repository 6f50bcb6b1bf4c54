"""Put what a run of the benchmarks found into the documentation: tables and figures."""

from __future__ import annotations

import argparse
import math
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.figures import draw_growth, draw_ratios
from benchmarks.record import Record
from benchmarks.registry import Row
from benchmarks.table import duration, number, quantity, target

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "doc" / "explanation" / "speed.md"
IMAGES = ROOT / "doc" / "images"

GROUPS = {
    "A": "The step loop",
    "B": "Saving at every step",
    "C": "Declaring, building, importing",
    "D": "One model in parallel, and many agents",
    "E": "Sweeps of tiny members, 10 steps each",
    "F": "Sweeps in worker processes",
    "X": "Fixed costs",
    "G": "Growth over two decades",
}
MARKS = {True: "met", False: "**missed**", None: ""}


def main(argv: Sequence[str] | None = None) -> None:
    """Write the measured part of the page on speed, and its figures, from a file of ``python -m benchmarks --json``."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.report", description=main.__doc__)
    parser.add_argument("file", type=Path, nargs="?", default=Path("build/benchmarks.json"))
    parser.add_argument("--page", type=Path, default=PAGE)
    parser.add_argument("--images", type=Path, default=IMAGES)
    options = parser.parse_args(argv)
    if not options.file.exists():
        parser.error(f"there is no {options.file}; `make bench` or `make bench-peers` makes it")
    record = Record.read(options.file)
    if record.small:
        parser.error(f"{options.file} is of a run with --small, whose numbers mean nothing")
    page = options.page.read_text("utf-8")
    parts = {"machine": machine_text(record), "measured": measured_table(record), "peers": peers_table(record)}
    for name, text in parts.items():
        page = replaced(page, name, text)
    options.page.write_text(page, "utf-8")
    options.images.mkdir(parents=True, exist_ok=True)
    draw_ratios(record, options.images / "speed.png")
    draw_growth(record, options.images / "growth.png")


def replaced(page: str, name: str, text: str) -> str:
    """Replace what stands between two marks of a page."""
    begin, end = f"<!-- begin: {name} -->", f"<!-- end: {name} -->"
    pattern = re.compile(f"{re.escape(begin)}.*?{re.escape(end)}", re.S)
    if not pattern.search(page):
        raise ValueError(f"the page has no marks {begin!r} and {end!r} to write between")
    return pattern.sub(lambda _: f"{begin}\n{text}\n{end}", page)


def machine_text(record: Record) -> str:
    """Say where the numbers come from."""
    machine = record.machine
    packages = ", ".join(f"{name} {version}" for name, version in machine["packages"].items())
    judged = [row for row in record.rows if row.met is not None]
    met = sum(bool(row.met) for row in judged)
    return (
        f"Measured with `{record.command}` on {machine['cores']} cores, {machine['system']}, Python "
        f"{machine['python']}, {packages}, in {record.seconds / 60:.0f} minutes. "
        f"{met} of {len(judged)} targets are met."
    )


def measured_table(record: Record) -> str:
    """Give all rows, group by group."""
    lines = ["| case | what | xsim | by hand | value | target | |", "|---|---|---|---|---|---|---|"]
    for letter, title in GROUPS.items():
        rows = [row for row in record.rows if row.case.startswith(letter)]
        if rows:
            lines.append(f"| **{letter}** | **{title}** | | | | | |")
            lines += [_table_line(row) for row in rows]
    return "\n".join(lines)


def _table_line(row: Row) -> str:
    times = [duration(row.seconds.get(who)) for who in ("xsim", "by hand")]
    what = f"{row.title}, each {row.per}" if row.per and row.phase not in ("fixed", "growth") else row.title
    value = quantity(row.value, row.unit)
    return f"| {row.case} | {what} | {times[0]} | {times[1]} | {value} | {target(row)} | {MARKS[row.met]} |"


def peers_table(record: Record) -> str:
    """Give what other frameworks need for the same."""
    if not record.peers:
        return "Peers were not measured in this run; `make bench-peers` does."
    lines = ["| case | framework | takes | xsim takes | times as much as xsim |", "|---|---|---|---|---|"]
    for found in sorted(record.peers, key=lambda each: each["case"]):
        lines.append(_peer_table_line(record, found))
    versions = sorted({f"{found['peer']} {found['version']}" for found in record.peers})
    return "\n".join([*lines, "", f"Versions: {', '.join(versions)}."])


def _peer_table_line(record: Record, found: dict[str, Any]) -> str:
    row = record.row_of(found)
    what = ", ".join(filter(None, [found["peer"], found["what"]]))
    if "error" in found:
        return f"| {found['case']} | {what} | failed: {found['error'].partition(':')[0]} | | |"
    if "value" in found:
        own = "" if row is None else f"{number(row.value)} {row.unit}"
        return f"| {found['case']} | {what} | {number(found['value'])} {found['unit']} | {own} | |"
    own_seconds = None if row is None else row.seconds.get("xsim")
    times = math.nan if not own_seconds else found["seconds"] / own_seconds
    return f"| {found['case']} | {what} | {duration(found['seconds'])} | {duration(own_seconds)} | {number(times)} |"


if __name__ == "__main__":
    main()
