"""One output of the members of a block, side by side as in its array (DESIGN §B12)."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

import numpy as np

from xsim.plan.outputs import PlannedOutput
from xsim.sink.buffer import OutputBuffer
from xsim.sink.facts import OutputShape, SavedShape
from xsim.sink.member import HeldRows, NoArray, SavedOutput
from xsim.sink.plain_array import Array
from xsim.sink.storage_type import StorageType

_NO_ARRAYS = np.dtype("V1")
"""A type that no array to be saved has; None would not do, since numpy takes it for float64."""


class Column:
    """One output of the members of a block.

    Values of the usual class and shape go to their place at once. A member with others has a buffer of its own.

    Parameters
    ----------
    output : PlannedOutput
    known : OutputShape, optional
        None if no member before has saved it.
    members : int
        Of the block.
    fixed_sizes : mapping of str to int
        Sizes of dimensions that the setup has.

    Attributes
    ----------
    rows : numpy.ndarray or None
        Shape: members, labels, own dimensions; what has no value is filled. None without a known shape.
    odd : dict of int to SavedOutput
        What members saved whose values have another shape, by their place in the block.
    """

    def __init__(
        self, output: PlannedOutput, known: OutputShape | None, members: int, fixed_sizes: Mapping[Hashable, int]
    ) -> None:
        self.output = output
        self.rows: Array | None = None
        self.odd: dict[int, SavedOutput] = {}
        self._known = known
        self._fixed = fixed_sizes
        self._scalars: frozenset[type] = frozenset()
        self._array: np.dtype[Any] = _NO_ARRAYS
        self._own_shape: tuple[int, ...] = ()
        if known is not None:
            self._own_shape = known.own_shape
            self.rows = np.full((members, output.nlabels, *known.own_shape), known.storage.fill, known.storage.stored)
            self._find_usual(known.storage)
        self._looks = known is not None and known.storage.is_integer
        self._ends: list[tuple[int, bool, bool]] = [(0, False, False)] * members
        # What is said of a member that has a value for each label; one object, which is soon compared with itself.
        self._usual: SavedShape = self._own_shape, False, False
        self._labels = output.nlabels
        self._place = 0
        self._here: Array = np.empty(0)
        self._filled = 0
        self._buffer: OutputBuffer | None = None

    def _find_usual(self, storage: StorageType) -> None:
        """Find the values that need no look at them: text may change when it is stored, and sizes may not fit."""
        own_dims = self.output.own_dims(len(self._own_shape))
        fits = all(self._fixed.get(dim, n) == n for dim, n in zip(own_dims, self._own_shape, strict=True))
        if storage.is_text or storage.stored.kind == "S" or not fits:
            return
        if not storage.is_bool:
            self._array = storage.stored
        if not self._own_shape:
            self._scalars = storage.exact_scalars

    def begin(self, place: int) -> None:
        """Begin with a member, nothing of which is here."""
        self._place = place
        self._filled = 0
        self._buffer = None
        if self.rows is not None:
            self._here = self.rows[place]

    def put(self, value: Any) -> None:
        """Take the value for the next label, as a copy (DESIGN §V4).

        Raises
        ------
        OutputError
            If it cannot be saved.
        """
        if self._buffer is None:
            kind = type(value)
            if kind in self._scalars or (
                kind is np.ndarray and value.dtype == self._array and value.shape == self._own_shape
            ):
                try:
                    self._here[self._filled] = value
                except OverflowError:  # an int of Python's: the buffer says what is wrong with it
                    pass
                else:
                    self._filled += 1
                    return
            self._buffer = self._own_buffer()
        self._buffer.put(value)

    def _own_buffer(self) -> OutputBuffer:
        """Make a buffer for a member, with the values that are here already."""
        if self._known is None:
            return OutputBuffer(self.output, NoArray(self.output), self._fixed)
        buffer = OutputBuffer(self.output, HeldRows(self.output, None), self._fixed, self._known)
        kept = self._here[: self._filled].copy()
        self._here[...] = self._known.storage.fill
        for value in kept.astype(bool) if self._known.storage.is_bool else kept:
            buffer.put(value)
        return buffer

    def end(self) -> SavedShape | None:
        """End a member; give what the coordinator has to know of what it saved, if it saved anything."""
        if self._buffer is not None:
            return self._end_own(self._buffer)
        if not self._filled:
            return None
        if self._filled == self._labels and not self._looks:
            self._ends[self._place] = (self._filled, False, False)
            return self._usual
        missing = self._filled < self._labels
        ambiguous = self._looks and self._is_ambiguous()
        self._ends[self._place] = (self._filled, missing, ambiguous)
        return self._own_shape, missing, ambiguous

    def _is_ambiguous(self) -> bool:
        return self._known is not None and self._known.storage.is_ambiguous(self._here[: self._filled])

    def _end_own(self, buffer: OutputBuffer) -> SavedShape | None:
        buffer.flush()
        if buffer.type is None or not isinstance(buffer.target, HeldRows):
            return None
        self.take(self._place, SavedOutput(buffer.type, buffer.target.rows, buffer.missing, buffer.ambiguous))
        return buffer.own_shape, buffer.missing, buffer.ambiguous

    def take(self, place: int, saved: SavedOutput) -> None:
        """Take what a member has saved elsewhere."""
        self._ends[place] = (len(saved.rows), saved.missing, saved.ambiguous)
        if self.rows is not None and saved.own_shape == self._own_shape:
            self.rows[place, : len(saved.rows)] = saved.rows
        else:
            self.odd[place] = saved

    def drop(self, place: int) -> None:
        """Forget what a member has saved."""
        self._ends[place] = (0, False, False)
        self.odd.pop(place, None)
        if self.rows is not None and self._known is not None:
            self.rows[place] = self._known.storage.fill

    def saved(self, place: int) -> SavedOutput | None:
        """Give what a member has saved, without a copy."""
        if place in self.odd:
            return self.odd[place]
        filled, missing, ambiguous = self._ends[place]
        if not filled or self.rows is None or self._known is None:
            return None
        return SavedOutput(self._known.storage, self.rows[place, :filled], missing, ambiguous)

    @property
    def is_empty(self) -> bool:
        """Whether no member has saved anything."""
        return not any(filled for filled, _, _ in self._ends)
