"""The batch: all members of a run, on a grid of batch dimensions (DESIGN §B1, §B2)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import prod
from typing import Any

import attrs
import numpy as np
import xarray as xr

from xsim._base.dims import Dims
from xsim._base.render import names
from xsim._base.suggest import did_you_mean
from xsim.errors import BatchDimensionError
from xsim.setup.clocks import Clocks

Position = tuple[int, ...]


@attrs.frozen
class Batch:
    """The grid of members.

    Members are numbered along the last dimension first. A run of a single model is one member on a grid without
    dimensions.

    Attributes
    ----------
    dims : tuple of str
    shape : tuple of int
    labels : mapping of str to numpy.ndarray
        Coordinate labels of dimensions that have them.
    """

    dims: Dims = ()
    shape: tuple[int, ...] = ()
    labels: Mapping[str, np.ndarray[Any, Any]] = attrs.field(factory=dict, eq=False)

    @property
    def size(self) -> int:
        """Number of members."""
        return prod(self.shape)

    def position(self, member: int) -> Position:
        """Give the position of a member on the grid."""
        if len(self.shape) == 1:
            return (member,)
        found = []
        for size in reversed(self.shape):
            member, i = divmod(member, size)
            found.append(i)
        return tuple(reversed(found))

    def describe(self, member: int) -> str:
        """Name a member in a message, by its labels where there are any: ``k 0.5, run 3``."""
        parts = []
        for dim, i in zip(self.dims, self.position(member), strict=True):
            parts.append(f"{dim} {self.labels[dim][i] if dim in self.labels else i}")
        return ", ".join(parts)


def plan_batch(setup: xr.Dataset, batch_dim: str | Sequence[str] | None, clocks: Clocks) -> Batch:
    """Find the members.

    Parameters
    ----------
    setup : xarray.Dataset
    batch_dim : str or sequence of str, optional
    clocks : Clocks

    Raises
    ------
    BatchDimensionError
        If the setup has no such dimension, or it is a clock, or named twice.

    Notes
    -----
    No input needs to vary along it: members may differ in their random streams alone.
    """
    if batch_dim is None:
        return Batch()
    dims = (batch_dim,) if isinstance(batch_dim, str) else tuple(batch_dim)
    known = [str(dim) for dim in setup.sizes if dim not in clocks.labels]
    if len(set(dims)) < len(dims):
        raise BatchDimensionError(f"batch_dim={list(dims)!r} names a dimension twice")
    for dim in dims:
        if dim in clocks.labels:
            raise BatchDimensionError(f"Batch dimension {dim!r} is a clock", expected="a dimension that is no clock")
        if dim not in known:
            raise BatchDimensionError(
                f"Batch dimension {dim!r} missing in input dataset",
                got=f"a setup with dimensions {names(known)}",
                expected="a dimension of inputs, or of a coordinate",
                suggestions=did_you_mean(dim, known),
                remedy=f"input_vars={{'process__variable': ({dim!r}, values)}}, or setup.assign_coords({dim}=...)",
            )
    labels = {dim: setup[dim].to_numpy() for dim in dims if dim in setup.coords}
    return Batch(dims, tuple(setup.sizes[dim] for dim in dims), labels)
