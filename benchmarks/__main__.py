"""Measure all cases, and print a table of ratios beside their targets."""

from __future__ import annotations

import argparse
import sys
import time
import traceback
from collections.abc import Sequence
from pathlib import Path

from benchmarks import cases
from benchmarks.measure import Measure
from benchmarks.record import Record
from benchmarks.registry import Row, matching
from benchmarks.table import HEAD, line

assert cases  # registered by importing them


def main(argv: Sequence[str] | None = None) -> None:
    """Measure xsim beside the same work written by hand."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=main.__doc__)
    parser.add_argument("--small", action="store_true", help="a hundredth of the size, once: to see that all works")
    parser.add_argument("--case", action="append", default=[], metavar="PATTERN", help="only these: A1, loop, *disk*")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write what was measured to a file, too")
    parser.add_argument("--peers", action="store_true", help="peers too (make bench-peers makes what they need)")
    parser.add_argument("--cpu", action="store_true", help="count processor time where one thread works")
    parser.add_argument("--profile", action="store_true", help="tell too in what functions xsim spends its time")
    parser.add_argument("--list", action="store_true", help="only list the cases")
    options = parser.parse_args(argv)
    chosen = list(matching(options.case))
    if not chosen:
        parser.error(f"no case fits {' '.join(options.case)}; --list lists them")
    if options.list:
        print(*(each.label for each in chosen), sep="\n")
        return
    if options.small:
        print("Sizes are a hundredth: this shows that all works, and its numbers mean nothing.")
    print(HEAD)
    rows: list[Row] = []
    failed: list[str] = []
    started = time.perf_counter()
    for each in chosen:
        try:
            with Measure(each, options.small, options.cpu, options.profile) as measure:
                found = each.function(measure)
        except Exception:  # the others are worth their time all the same
            failed.append(each.key)
            print(f"{each.key:<4}failed:\n{traceback.format_exc()}", file=sys.stderr, flush=True)
            continue
        for row in [found] if isinstance(found, Row) else found:
            rows.append(row)
            print(line(row, options.small), flush=True)
    record = Record.of(rows, options.small, sys.argv[1:] if argv is None else argv, time.perf_counter() - started)
    if options.peers:
        from benchmarks.peers import measure_peers

        measure_peers(record, {each.key for each in chosen}, options.small)
    if options.json:
        record.write(options.json)
    if failed:
        sys.exit(f"failed: {', '.join(failed)}")


if __name__ == "__main__":
    main()
