"""Hints on the order of processes, which no variable tells: ``Model(..., order=[("a", "b")])`` (DESIGN §O2)."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from xsim._base.render import names
from xsim._base.suggest import did_you_mean
from xsim.errors import OrderError, UnknownProcessError

Hint = tuple[str, str]
"""Names of two processes; the first one runs before the second."""


def as_hints(order: Iterable[Iterable[str]], processes: Collection[str]) -> tuple[Hint, ...]:
    """Check hints, and drop those given twice.

    Parameters
    ----------
    order : iterable of pairs of str
    processes : collection of str
        Names of the processes of the model.

    Raises
    ------
    OrderError
        If it is no iterable of pairs of different names.
    UnknownProcessError
        If the model has no process of a name; it names all of them.
    """
    if isinstance(order, str) or not isinstance(order, Iterable):
        raise _malformed(order)
    hints: dict[Hint, None] = {}
    for hint in order:
        pair = tuple(hint) if isinstance(hint, Iterable) and not isinstance(hint, str) else ()
        if len(pair) != 2 or not all(isinstance(name, str) for name in pair) or pair[0] == pair[1]:
            raise _malformed(hint)
        hints[pair] = None
    unknown = list(dict.fromkeys(name for hint in hints for name in hint if name not in processes))
    if unknown:
        raise UnknownProcessError(
            f"order= names {names(unknown)}, which the model does not have",
            expected=f"names among {names(processes)}",
            suggestions=[close for name in unknown for close in did_you_mean(name, processes)],
        )
    return tuple(hints)


def _malformed(got: object) -> OrderError:
    return OrderError(
        "order= holds pairs of names of processes, of which the first runs before the second",
        got=repr(got)[:80],
        expected="e.g. order=[('a', 'b'), ('b', 'c')]",
    )
