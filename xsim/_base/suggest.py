"""Names close to a misspelt one."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


def did_you_mean(name: object, known: Iterable[str], limit: int = 3, cutoff: float = 0.6) -> tuple[str, ...]:
    """Give at most `limit` known names that resemble `name`, the closest first."""
    text = str(name)
    known = list(dict.fromkeys(known))
    # A different case is the closest of all typing errors, and difflib does not see it.
    same = [candidate for candidate in known if candidate.lower() == text.lower()]
    close = get_close_matches(text, known, n=limit, cutoff=cutoff)
    return tuple(dict.fromkeys([*same, *close]))[:limit]
