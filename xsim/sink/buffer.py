"""Collects the values of one output to whole chunks (DESIGN §S2)."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Hashable, Mapping
from concurrent.futures import Executor, Future
from math import prod
from typing import Any, Protocol

import numpy as np

from xsim.errors import OutputError
from xsim.plan.outputs import PlannedOutput
from xsim.sink.facts import OutputShape
from xsim.sink.plain_array import Array
from xsim.sink.storage_type import StorageType, storage_type


def _corner(shape: tuple[int, ...]) -> tuple[Any, ...]:
    return tuple(slice(n) for n in shape)


_OF_MEMORYVIEW = "bhilqBHILQd"
"""Types whose scalars a memoryview takes bit for bit."""

WORTH_A_THREAD = 2**20
"""Bytes of a chunk from which on it is written while the run goes on; less takes no time."""

_NO_ARRAYS = np.dtype("V1")
"""A type that no array to be saved has; None would not do, since numpy takes it for float64."""

TEXT_BYTES = 32
"""Size reckoned for a string, whose real size is not known beforehand."""


Lane = tuple[type, Callable[[Any], None]]
"""A class of values, and what takes values of just this class."""


class Target(Protocol):
    """An array that rows are written to."""

    def rows_per_chunk(self, row_bytes: int) -> int:
        """Say how many rows are to be written at once."""

    def create(self, storage: StorageType, rows: int, own_shape: tuple[int, ...]) -> None:
        """Make the array, with so many rows in a chunk."""

    def write(self, start: int, rows: Array) -> None:
        """Write rows, which may be larger than those before, from position `start` of the clock on."""


class OutputBuffer:
    """The values of one output, on their way to a target.

    Parameters
    ----------
    output : PlannedOutput
    target : Target
    fixed_sizes : mapping of str to int
        Sizes of dimensions that the setup has.
    known : OutputShape, optional
        Type and number of dimensions, where they are known already; otherwise the first value decides.
    writer : concurrent.futures.Executor, optional
        One thread, which writes large chunks in their order while values for the next ones are collected.

    Attributes
    ----------
    type : StorageType or None
        None until there is a first value.
    own_shape : tuple of int
        Shape of a row: the largest seen in each dimension.
    ragged : bool
        Whether rows had different shapes, so that parts of some are missing.
    ambiguous : bool
        Whether an integer took the fill value, or is too large for a float.
    written : int
        Number of rows that went to the target.
    """

    def __init__(
        self,
        output: PlannedOutput,
        target: Target,
        fixed_sizes: Mapping[Hashable, int],
        known: OutputShape | None = None,
        writer: Executor | None = None,
    ) -> None:
        self.output = output
        self._writer = writer
        self._in_flight: Future[None] | None = None
        self._spare: Array | None = None  # what is in flight, or was
        self._lost = False
        self._known = known
        self.target = target
        self.fixed_sizes = fixed_sizes
        self.type: StorageType | None = None
        self.own_shape: tuple[int, ...] = ()
        self.ragged = False
        self.ambiguous = False
        self.written = 0
        self._rows: Array = np.empty(0)
        self._size = 0  # of _rows
        self._filled = 0
        # What needs no check: a class of scalars, and a type of arrays of the largest shape.
        self._scalar: type | None = None
        self._numbers: Any = None  # _rows for scalars, which a memoryview takes twice as fast
        self._array: np.dtype[Any] = _NO_ARRAYS
        self._staged: array[float] | None = None  # what came by the lane

    def put(self, value: Any) -> None:
        """Take the value for the next label, as a copy (DESIGN §V4).

        Raises
        ------
        OutputError
            If it cannot be saved, or its type or number of dimensions differs from the values before.
        """
        if self._staged:
            self._unstage()
        if type(value) is self._scalar:
            try:
                self._numbers[self._filled] = value
            except (ValueError, OverflowError):  # an int that is too large
                self._put_slowly(value)
        elif type(value) is np.ndarray and value.dtype == self._array and value.shape == self.own_shape:
            self._rows[self._filled] = value
        else:
            self._put_slowly(value)
        self._filled += 1
        if self._filled == self._size:
            self.flush()

    def lane(self) -> Lane | None:
        """Give the class of the usual values and a function that takes these alone, at the cost of a call of C.

        None while it is not known, and for other values than floats that all find room in the buffer. Any other value
        goes to `put`, which keeps the order.
        """
        room = self._size == self.output.nlabels and self._numbers is not self._rows
        if self._scalar not in (float, np.float64) or not room or self.type is None or self.type.stored != "float64":
            return None
        if self._staged is None:
            self._staged = array("d")
        return self._scalar, self._staged.append

    def _unstage(self) -> None:
        """Put what came by the lane into its rows."""
        staged = self._staged
        if staged:
            before, self._filled = self._filled, self._filled + len(staged)
            self._rows[before : self._filled] = staged
            del staged[:]  # the same object: whoever has the lane goes on with it

    def _start(self, first: Any) -> None:
        encoding = self.output.encoding
        if self._known is None:
            chosen = storage_type(self.output.name, first, encoding.get("dtype"), encoding.get("fill_value"))
        else:
            chosen = self._known.storage
        array = chosen.fit(self._ordered(first))
        if self._known is not None:
            self._check_ndim(array, len(self._known.own_shape), "as in the first member")
        self._check_sizes(array.shape)
        self.type = chosen
        self._resize(array.shape, self._best_size(array.shape))
        if not (chosen.is_text or chosen.is_bool):
            self._array = chosen.stored
        # Scalars whose class tells the type need no check; text, bytes and dates of one class differ in length or unit.
        if (isinstance(first, (float, np.number)) and not isinstance(first, np.timedelta64)) or type(first) is int:
            self._scalar = type(first) if np.asarray(first).dtype == self.type.stored else None

    def _best_size(self, own_shape: tuple[int, ...]) -> int:
        assert self.type is not None
        itemsize = TEXT_BYTES if self.type.is_text else self.type.stored.itemsize
        return min(self.target.rows_per_chunk(prod(own_shape) * itemsize), self.output.nlabels)

    def _resize(self, own_shape: tuple[int, ...], size: int) -> None:
        """Make room for larger rows, or another number of them, keeping those collected."""
        assert self.type is not None
        self._check_sizes(own_shape)
        rows = np.full((size, *own_shape), self.type.fill, dtype=self.type.stored)
        if self._filled:
            box = _corner(self.own_shape)
            rows[(slice(self._filled), *box)] = self._rows[: self._filled]
        self.own_shape = own_shape
        self._collect_in(rows)

    def _collect_in(self, rows: Array) -> None:
        self._rows, self._size = rows, len(rows)
        plain = rows.dtype.char in _OF_MEMORYVIEW and rows.data.format in _OF_MEMORYVIEW
        self._numbers = rows.data if plain else rows

    def _check_sizes(self, own_shape: tuple[int, ...]) -> None:
        dims = self.output.own_dims(len(own_shape))
        for dim, n in zip(dims, own_shape, strict=True):
            if self.fixed_sizes.get(dim, n) != n:
                raise OutputError(
                    f"output {self.output.name!r} does not fit the setup along dimension {dim!r}",
                    got=f"a value of shape {own_shape}, dims {dims!r}",
                    expected=f"size {self.fixed_sizes[dim]} along {dim!r}, as in the setup",
                    remedy="give the dimension another name, or input values of the same size",
                    variable=self.output.key,
                )

    def _put_slowly(self, value: Any) -> None:
        if self._in_flight is not None and self._in_flight.done():
            self.wait()
        if self.type is None:
            self._start(value)
        assert self.type is not None
        array = self.type.fit(self._ordered(value))
        if array.shape != self.own_shape:
            self._grow(array)
        box = _corner(array.shape)
        # A 0-d array of text would stand in its place as an object.
        self._rows[(self._filled, *box)] = array if array.ndim else array[()]
        if self.ragged and self.type.is_integer:
            self._look_for_ambiguous(array)

    def _ordered(self, value: Any) -> Any:
        """Give a value that names its dimensions, such as a DataArray, in the order declared."""
        dims = getattr(value, "dims", ())
        if isinstance(dims, tuple) and len(dims) > 1 and dims not in self.output.dims:
            own = next((own for own in self.output.dims if set(own) == set(dims)), None)
            return value if own is None else value.transpose(*own)
        return value

    def _grow(self, array: Array) -> None:
        assert self.type is not None
        self._check_ndim(array, len(self.own_shape), "as in the first value saved")
        if not self.ragged:
            # From here on padding is among the rows; what is there so far is real.
            self._look_for_ambiguous(self._rows[: self._filled])
            self.ragged = True
            self._rows[self._filled :] = self.type.fill
            if self.type.is_integer:
                self._array = _NO_ARRAYS
        shape = tuple(np.maximum(self.own_shape, array.shape).tolist())
        if shape == self.own_shape:
            return
        size = len(self._rows)
        if not self.written:
            # No array yet: fewer rows of the larger size still make a chunk.
            size = min(size, self._best_size(shape))
            if size <= self._filled:
                size = self._filled
                self._collect_in(self._rows[:size])
                self.flush()
        self._resize(shape, min(size, self.output.nlabels - self.written))

    def _check_ndim(self, array: Array, ndim: int, where: str) -> None:
        if array.ndim != ndim:
            raise OutputError(
                f"output {self.output.name!r} changed its number of dimensions",
                got=f"a value of shape {array.shape}",
                expected=f"{ndim} dimension(s), {where}",
                remedy="let the process set the same number of dimensions always",
            )

    def _look_for_ambiguous(self, values: Array) -> None:
        assert self.type is not None
        self.ambiguous = self.ambiguous or self.type.is_ambiguous(values)

    def flush(self) -> None:
        """Send the rows collected so far to the target."""
        self._unstage()
        if not self._filled:
            return
        assert self.type is not None
        self.wait()  # before rows are taken: if this fails, they can still be written
        rows = self._rows[: self._filled]
        if not self.ragged:
            self._look_for_ambiguous(rows)
        filled, self._filled = self._filled, 0  # what cannot be written is not tried twice
        if not self.written:
            self.target.create(self.type, len(self._rows), self.own_shape)
        behind = self._writer is not None and not self.ragged and rows.nbytes >= WORTH_A_THREAD
        if behind:
            self._write_behind(rows)
        else:
            self.target.write(self.written, rows)
        self.written += filled
        if self.written < self.output.nlabels:
            rows = self._rows
            if behind:
                rows, self._spare = np.empty_like(rows) if self._spare is None else self._spare, rows
            rows = rows[: self.output.nlabels - self.written]
            # Another buffer where rows are padded: the target may keep this one.
            self._collect_in(np.full_like(rows, self.type.fill) if self.ragged else rows)

    def _write_behind(self, rows: Array) -> None:
        """Write rows while the run goes on."""
        assert self._writer is not None
        self._in_flight = self._writer.submit(self.target.write, self.written, rows)
        self._in_flight.add_done_callback(self._look_at_end)

    def _look_at_end(self, write: Future[None]) -> None:
        """Let the next value be looked at, which finds the failure of a write: others are not to pay for that."""
        if write.exception() is not None:
            self._scalar, self._array = None, _NO_ARRAYS

    def wait(self) -> None:
        """Wait until what is being written is written.

        Raises
        ------
        Exception
            What stopped it, once.
        """
        if self._in_flight is not None:
            error = self._in_flight.exception()
            self._in_flight = None
            if error is not None:
                self._lost = True
                raise error

    @property
    def missing(self) -> bool:
        """Whether a row, or a part of one, has no value."""
        return self.ragged or self._lost or self.written < self.output.nlabels
