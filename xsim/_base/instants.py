"""Instants as texts: for records, of which a sweep of tiny members writes very many."""

from __future__ import annotations

from datetime import UTC, datetime

_second: tuple[int, str] = (0, "1970-01-01T00:00:00")


def iso_text(seconds: float) -> str:
    """Give an instant in UTC as ISO 8601 with microseconds.

    Parameters
    ----------
    seconds : float
        Since the epoch.
    """
    global _second
    whole, fraction = divmod(round(seconds * 1e6), 1_000_000)
    known = _second  # taken at once: threads share it
    if known[0] != whole:
        # Most of what makes a text is the same for all members that start in the same second.
        known = _second = whole, datetime.fromtimestamp(whole, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    return f"{known[1]}.{fraction:06d}+00:00"
