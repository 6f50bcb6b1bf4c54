"""Where and how a member failed."""

from __future__ import annotations

import traceback
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

_WHERE = "_xsim_where"
LONGEST_TRACEBACK = 20_000
LONGEST_MESSAGE = 1000


def mark(error: BaseException, **facts: Any) -> None:
    """Keep facts on where an exception was raised (process, stage, step) with it; the first ones stay."""
    with suppress(Exception):  # classes that refuse attributes: frozen ones, or with slots
        setattr(error, _WHERE, {**facts, **getattr(error, _WHERE, {})})


def note(error: BaseException, text: str) -> None:
    """Add a note to an exception, unless its class refuses that."""
    with suppress(Exception):
        error.add_note(text)


def where(error: BaseException) -> dict[str, Any]:
    """Give the facts kept with an exception."""
    return dict(getattr(error, _WHERE, {}))


_ENDED = "_xsim_ended"


def keep(error: BaseException, results: Sequence[Any]) -> None:
    """Keep the results of members that ended before an exception interrupted their block."""
    with suppress(Exception):
        setattr(error, _ENDED, list(results))


def kept(error: BaseException | None) -> list[Any]:
    """Give the results kept with an exception."""
    return list(getattr(error, _ENDED, ()))


def printable(text: str) -> str:
    """Give text that can be stored: lone surrogates become escapes."""
    return text.encode("utf-8", "backslashreplace").decode()


def line_of(error: BaseException) -> str:
    """Name the source line that raised an exception, to recognise the same failure again."""
    frames = traceback.extract_tb(error.__traceback__)
    return f"{frames[-1].filename}:{frames[-1].lineno}" if frames else type(error).__name__


def _bounded(message: str) -> str:
    left_out = len(message) - LONGEST_MESSAGE
    return message if left_out <= 0 else f"{message[:LONGEST_MESSAGE]} ... ({left_out} characters left out)"


def failure_record(error: BaseException) -> dict[str, Any]:
    """Give what the journal keeps of an exception."""
    text = "".join(traceback.format_exception(error))
    if len(text) > LONGEST_TRACEBACK:
        half = LONGEST_TRACEBACK // 2
        text = f"{text[:half]}\n... {len(text) - 2 * half} characters left out ...\n{text[-half:]}"
    try:
        message = str(error)
    except (Exception, SystemExit):
        message = "(its message cannot be printed)"
    text, message = printable(text), printable(message)
    return {
        "outcome": "failed",
        "reason": f"{type(error).__name__}: {_bounded(message)}",
        "exception": type(error).__qualname__,
        "traceback": text,
        "line": line_of(error),
        **where(error),
    }
