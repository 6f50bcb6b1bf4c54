"""Rows as text."""

from __future__ import annotations

import math

from benchmarks.registry import Row

HEAD = f"{'':<4}{'':<72}{'xsim':>11}{'by hand':>11}{'value':>20}{'target':>9}"


def number(value: float) -> str:
    """Give a number with three digits, or as many as it has before the point."""
    if math.isnan(value):
        return "–"
    digits = 2 - math.floor(math.log10(abs(value))) if value else 0
    return f"{value:,.{max(0, digits)}f}" if digits < 6 else f"{value:.2g}"


def duration(seconds: float | None) -> str:
    """Give a time in the unit that suits it."""
    if seconds is None or math.isnan(seconds):
        return "–"
    for unit, size in (("s", 1.0), ("ms", 1e-3), ("µs", 1e-6), ("ns", 1e-9)):
        if abs(seconds) >= size:
            return f"{number(seconds / size)} {unit}"
    return "0"


def quantity(value: float, unit: str) -> str:
    """Give a value with its unit."""
    return f"{unit} {number(value)}" if unit == "exponent" else f"{number(value)} {unit}"


def target(row: Row) -> str:
    """Give the target of a row."""
    if row.target is None:
        return "–"
    return f"{'≥' if row.at_least else '≤'} {number(row.target)}"


def verdict(row: Row) -> str:
    """Say whether the target is reached."""
    return {True: "met", False: "MISSED", None: ""}[row.met]


def line(row: Row, small: bool = False) -> str:
    """Give a row as a line of the table that is printed."""
    judged = "" if small else verdict(row)
    times = [duration(row.seconds.get(who)) for who in ("xsim", "by hand")]
    fixed = f"  fixed {duration(row.fixed)}" if row.fixed is not None else ""
    per = f"  per {row.per}" if row.per else ""
    return (
        f"{row.case:<4}{row.title:<72}{times[0]:>11}{times[1]:>11}{quantity(row.value, row.unit):>20}"
        f"{target(row):>9} {judged:<6}{per}{fixed}"
    )
