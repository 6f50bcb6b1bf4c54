"""Large lazy input values, read where needed: a member's, and a window of the clock at a time (DESIGN §B10)."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr

LARGEST_IN_MEMORY = 64 * 2**20
"""Bytes of an input up to which it is read while planning, and travels with the plan."""


class Window:
    """Values of an input that stay where they are (in dask chunks) until they are read.

    Parameters
    ----------
    variable : xarray.Variable
        Batch dimensions first, then the main clock if it varies in time, then its own.
    limit : int, optional
        Bytes read at a time.
    """

    def __init__(self, variable: xr.Variable, limit: int = LARGEST_IN_MEMORY) -> None:
        self._variable = variable
        self._limit = limit
        # Replaced as a whole, so that threads may share a window.
        self._read: tuple[int, np.ndarray[Any, Any]] | None = None

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_read": None}

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the values."""
        dtype: np.dtype[Any] = self._variable.dtype
        return dtype

    @property
    def ndim(self) -> int:
        """Number of dimensions."""
        return self._variable.ndim

    @property
    def shape(self) -> tuple[int, ...]:
        """Sizes of the dimensions."""
        return self._variable.shape

    @property
    def nbytes(self) -> int:
        """Size of all values, read or not."""
        return self._variable.nbytes

    def of_member(self, position: tuple[int, ...]) -> Window | np.ndarray[Any, Any]:
        """Give the values at a position of the leading dimensions: read, or a window of their own if they are large."""
        variable = self._variable[position]
        if variable.nbytes <= self._limit:
            return np.asarray(variable.to_numpy())
        return Window(variable, self._limit)

    def __getitem__(self, step: Any) -> Any:
        """Give the values at a position of the first dimension, reading those that follow too; or all for ``()``."""
        if not isinstance(step, int):
            return self._variable[step].to_numpy()
        read = self._read
        if read is None or not read[0] <= step < read[0] + len(read[1]):
            rows = max(1, self._limit // max(1, self.nbytes // max(1, self.shape[0])))
            read = self._read = (step, self._variable[step : step + rows].to_numpy())
        return read[1][step - read[0]]

    def item(self, step: int) -> Any:
        """Give a scalar at a position of the first dimension, as Python's own."""
        return self[step].item()

    def copy(self) -> np.ndarray[Any, Any]:
        """Read all values."""
        return np.array(self._variable.to_numpy())
