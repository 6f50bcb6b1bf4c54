"""What is known of an output of a batch, beside its values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs

from xsim.sink.storage_type import StorageType

SavedShape = tuple[tuple[int, ...], bool, bool]
"""Own shape of an output of a member, and whether values are missing or ambiguous."""


def said_of(shapes: Mapping[str, SavedShape]) -> dict[str, Any]:
    """Give what the record of a member says of its outputs, for a run that goes on from here."""
    return {
        "sizes": {name: list(own_shape) for name, (own_shape, _, _) in shapes.items()},
        "missing": [name for name, (_, missing, _) in shapes.items() if missing],
        "ambiguous": [name for name, (_, _, ambiguous) in shapes.items() if ambiguous],
    }


@attrs.frozen(eq=False)
class OutputShape:
    """What is known of an output once a member has saved it.

    Attributes
    ----------
    storage : StorageType
    own_shape : tuple of int
        What its array begins with: the largest row of a member that is done. Arrays grow.
    measured : tuple of int
        The largest row so far of any member, by which chunks are chosen.
    """

    storage: StorageType
    own_shape: tuple[int, ...]
    measured: tuple[int, ...]


@attrs.define(eq=False)
class OutputFacts:
    """What is known of an output over all members so far.

    Attributes
    ----------
    own_shape : tuple of int
        The largest.
    missing, ambiguous : bool
        Whether any member's are.
    saved : bool
        Whether a member that is done has saved it; until then the shape is a guess.
    """

    own_shape: tuple[int, ...]
    missing: bool = False
    ambiguous: bool = False
    saved: bool = False

    def add(self, own_shape: tuple[int, ...], missing: bool, ambiguous: bool) -> None:
        """Take in what one more member saved."""
        if self.saved and own_shape != self.own_shape:
            self.missing = True
        self.saved = True
        if own_shape != self.own_shape:
            self.own_shape = tuple(max(a, b) for a, b in zip(own_shape, self.own_shape, strict=True))
        self.missing |= missing
        self.ambiguous |= ambiguous
