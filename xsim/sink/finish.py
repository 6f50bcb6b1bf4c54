"""Attributes and sizes that are only known when a run has ended (DESIGN §S1)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from xsim.plan.outputs import PlannedOutput
from xsim.sink.buffer import OutputBuffer
from xsim.sink.storage_type import StorageType

MISSING = "xsim_missing"


def masking_attrs(output: PlannedOutput, storage: StorageType, missing: bool, ambiguous: bool) -> dict[str, Any]:
    """Give the attributes that tell xarray what is missing, and what bools are.

    Parameters
    ----------
    output : PlannedOutput
    storage : StorageType
    missing, ambiguous : bool
        As in `OutputBuffer`, over all members.

    Notes
    -----
    A complete result keeps every type. Integers with missing rows get a ``_FillValue``, by which xarray makes floats
    of them, unless the fill value is among the data or a float could not hold them.
    """
    attributes: dict[str, Any] = {}
    if storage.is_bool and not missing:
        attributes["dtype"] = "bool"
    user_fill = output.encoding.get("fill_value")
    if user_fill is not None and storage.dtype.kind in "iufc":
        attributes["_FillValue"] = storage.dtype.type(user_fill)
    elif missing and storage.is_bool:
        attributes["_FillValue"] = storage.stored.type(storage.fill)
    elif missing and storage.is_integer:
        if ambiguous:
            attributes[MISSING] = (
                f"missing values hold {storage.fill}; they are not masked, since the data contain that value, or "
                f"integers that a float cannot hold"
            )
        else:
            attributes["_FillValue"] = storage.dtype.type(storage.fill)
    return attributes


def common_sizes(buffers: Iterable[OutputBuffer]) -> dict[str, int]:
    """Give the largest size of each own dimension over all outputs: arrays that grow are padded to it."""
    sizes: dict[str, int] = {}
    for buffer in buffers:
        if buffer.type is not None and buffer.own_shape:
            own = buffer.output.dims_of(len(buffer.own_shape))[-len(buffer.own_shape) :]
            for dim, n in zip(own, buffer.own_shape, strict=True):
                sizes[dim] = max(n, sizes.get(dim, 0))
    return sizes


def pad(buffers: Iterable[OutputBuffer]) -> None:
    """Give all outputs that share a dimension the same size along it; the smaller ones become ragged."""
    buffers = list(buffers)
    sizes = common_sizes(buffers)
    for buffer in buffers:
        if buffer.type is not None and buffer.own_shape:
            own = buffer.output.dims_of(len(buffer.own_shape))[-len(buffer.own_shape) :]
            shape = tuple(sizes[dim] for dim in own)
            if shape != buffer.own_shape:
                buffer.ragged = True
                buffer.own_shape = shape
