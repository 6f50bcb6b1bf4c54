"""Plain text from tables and trees; every repr of xsim builds on it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence


def columns(rows: Iterable[Sequence[str]], indent: str = "    ", gap: str = "  ") -> list[str]:
    """Align the cells of rows in columns, one line a row, without trailing blanks."""
    table = [list(row) for row in rows]
    if not table:
        return []
    width = max(len(row) for row in table)
    padded = [row + [""] * (width - len(row)) for row in table]
    sizes = [max(len(row[i]) for row in padded) for i in range(width)]
    return [
        (indent + gap.join(cell.ljust(size) for cell, size in zip(row, sizes, strict=True))).rstrip() for row in padded
    ]


def section(title: str, lines: Iterable[str]) -> list[str]:
    """Put a title above lines, or say that there are none."""
    body = list(lines)
    return [title, *(body or ["    *empty*"])]


def quantity(count: int, singular: str, plural: str | None = None) -> str:
    """Print a count with its noun: ``1 process``, ``2 processes``."""
    return f"{count} {singular if count == 1 else plural or singular + 's'}"


def size(nbytes: float) -> str:
    """Print a number of bytes: ``512 B``, ``1.5 MiB``."""
    for unit in ("B", "KiB", "MiB", "GiB"):
        if nbytes < 1024:
            return f"{nbytes:.0f} B" if unit == "B" else f"{nbytes:.1f} {unit}"
        nbytes /= 1024
    return f"{nbytes:.1f} TiB"


def names(items: Iterable[str], limit: int = 10) -> str:
    """Print quoted names separated by commas, at most `limit` of them."""
    quoted = [repr(item) for item in items]
    if len(quoted) > limit:
        return ", ".join(quoted[:limit]) + f" ... and {len(quoted) - limit} more"
    return ", ".join(quoted) if quoted else "none"
