"""Dimension labels of variables: one tuple of labels, or several alternatives."""

from __future__ import annotations

from collections.abc import Sequence

Dims = tuple[str, ...]


def as_dims(labels: str | Sequence[str]) -> Dims:
    """Normalise one alternative: ``"x"`` and ``("x",)`` are ``("x",)``; ``()`` is a scalar.

    Raises
    ------
    TypeError
        If a label is not a string, or a label occurs twice.
    """
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
        If it is neither a string nor a sequence of such, or an alternative occurs twice.
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
    return alternatives


def with_ndim(alternatives: Sequence[Dims], ndim: int) -> Dims | None:
    """Give the first alternative with that number of dimensions, if any."""
    return next((dims for dims in alternatives if len(dims) == ndim), None)


def show_dims(dims: Sequence[str]) -> str:
    """Print dims as one would write them: ``'x'``, ``('y', 'x')``, ``()``."""
    return repr(dims[0]) if len(dims) == 1 else repr(tuple(dims))
