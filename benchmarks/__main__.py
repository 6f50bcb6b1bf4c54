"""Measure all cases and print a table of ratios."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import asdict

from benchmarks.cases import CASES
from benchmarks.measure import measure


def main(argv: Sequence[str] | None = None) -> None:
    """Measure all cases."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=main.__doc__)
    parser.add_argument("--small", action="store_true", help="a hundredth of the size, to see that all works")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    options = parser.parse_args(argv)
    measured = [measure(case, options.small) for case in CASES]
    if options.json:
        print(json.dumps([{**asdict(m), "ratio": m.ratio} for m in measured], indent=2))
        return
    print(f"{'case':<28}{'xsim':>12}{'by hand':>12}{'ratio':>8}{'fixed':>10}")
    for m in measured:
        print(
            f"{m.name:<28}{m.slope * 1e6:>9.2f} µs{m.limit * 1e6:>9.2f} µs{m.ratio:>8.1f}{m.fixed * 1e3:>7.1f} ms"
            f"  per {m.unit}"
        )


if __name__ == "__main__":
    main()
