"""Dimension labels of variables: one tuple of labels, or several alternatives."""

from __future__ import annotations

from collections.abc import Sequence

Dims = tuple[str, ...]


class _MainClock(str):
    """A label of its own type, so that it prints as what it is."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "MAIN_CLOCK"

    def __reduce__(self) -> str:
        return "MAIN_CLOCK"


MAIN_CLOCK = _MainClock("<main clock>")
"""Stands for the dimension of the main clock in the ``dims`` of a variable, whatever its name in the setup is.

A variable declared with it holds its values at all labels at once, instead of one value a step.
"""


def as_dims(labels: str | Sequence[str]) -> Dims:
    """Normalise one alternative: ``"x"`` and ``("x",)`` are ``("x",)``; ``()`` is a scalar.

    Raises
    ------
    TypeError
        If a label is not a string, or a label occurs twice.
    """
    if not isinstance(labels, (str, tuple, list)):
        raise TypeError(f"dims must be a string, a tuple of strings, or a list of these, not {labels!r}")
    dims = (labels,) if isinstance(labels, str) else tuple(labels)
    for label in dims:
        if not isinstance(label, str) or not label:
            raise TypeError(f"dimension labels are non-empty strings, not {label!r}")
    if len(set(dims)) != len(dims):
        raise TypeError(f"a dimension label occurs twice in {dims!r}")
    return dims


def as_alternatives(dims: str | Sequence[str | Sequence[str]]) -> tuple[Dims, ...]:
    """Normalise the ``dims`` of a declaration to a tuple of alternatives.

    A list holds alternatives; so does a tuple with a tuple or list inside. Everything else is one alternative.

    Raises
    ------
    TypeError
        If it is neither a string nor a sequence of such, or two alternatives have as many labels.
    """
    if isinstance(dims, list) or (isinstance(dims, tuple) and any(isinstance(item, (tuple, list)) for item in dims)):
        alternatives = tuple(as_dims(item) for item in dims)
    elif isinstance(dims, (str, tuple)):
        alternatives = (as_dims(dims),)
    else:
        raise TypeError(f"dims must be a string, a tuple of strings, or a list of these, not {dims!r}")
    if not alternatives:
        raise TypeError("an empty list of alternatives; a scalar is ()")
    if len(set(alternatives)) != len(alternatives):
        raise TypeError(f"an alternative occurs twice in {dims!r}")
    by_number: dict[int, Dims] = {}
    for own in alternatives:
        if by_number.setdefault(len(own), own) != own:
            raise TypeError(
                "the following combinations of dimension labels are ambiguous for a variable, since they are told "
                f"apart by their number: {by_number[len(own)]!r}, {own!r}"
            )
    return alternatives


def on_clock(alternatives: Sequence[Dims], clock: str | None) -> tuple[Dims, ...]:
    """Put the name of the main clock where `MAIN_CLOCK` stands; without a clock those alternatives are left out."""
    return tuple(
        tuple(clock if label is MAIN_CLOCK and clock is not None else label for label in dims)
        for dims in alternatives
        if clock is not None or MAIN_CLOCK not in dims
    )


def with_ndim(alternatives: Sequence[Dims], ndim: int) -> Dims | None:
    """Give the alternative with that number of dimensions, if any."""
    return next((dims for dims in alternatives if len(dims) == ndim), None)


def show_dims(dims: Sequence[str]) -> str:
    """Print dims as one would write them: ``'x'``, ``('y', 'x')``, ``()``."""
    return repr(dims[0]) if len(dims) == 1 else repr(tuple(dims))


def show_alternatives(alternatives: Sequence[Dims]) -> str:
    """Print all alternatives, for tables; nothing for what is always a scalar."""
    return " or ".join(map(str, alternatives)) if any(alternatives) else ""
