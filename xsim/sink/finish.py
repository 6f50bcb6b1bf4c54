"""Attributes and sizes that are only known when a run has ended (DESIGN §S1)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from xsim.plan.outputs import PlannedOutput
from xsim.sink.buffer import OutputBuffer
from xsim.sink.facts import OutputFacts
from xsim.sink.storage_type import StorageType

MISSING = "xsim_missing"

Shape = tuple[int, ...]


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
    given = user_fill is not None and not storage.has_usual_fill
    if given and storage.dtype.kind in "iufc":
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


def common_shapes(outputs: Sequence[PlannedOutput], own_shapes: Mapping[str, Shape]) -> dict[str, Shape]:
    """Give outputs that share a dimension the same size along it, the largest: arrays that grow are padded to it.

    Parameters
    ----------
    outputs : sequence of PlannedOutput
    own_shapes : mapping of str to tuple of int
        Largest shape of a value, by the name of the output.
    """
    sizes: dict[str, int] = {}
    own_dims = {}
    for output in outputs:
        own_shape = own_shapes.get(output.name)
        if own_shape is not None:
            own = own_dims[output.name] = output.own_dims(len(own_shape))
            for dim, n in zip(own, own_shape, strict=True):
                sizes[dim] = max(n, sizes.get(dim, 0))
    return {name: tuple(sizes[dim] for dim in own) for name, own in own_dims.items()}


def pad(buffers: Iterable[OutputBuffer]) -> None:
    """Give buffers of outputs that share a dimension the same size along it; the smaller ones become ragged."""
    saved = [buffer for buffer in buffers if buffer.type is not None]
    shapes = common_shapes([b.output for b in saved], {b.output.name: b.own_shape for b in saved})
    for buffer in saved:
        if shapes[buffer.output.name] != buffer.own_shape:
            buffer.ragged = True
            buffer.own_shape = shapes[buffer.output.name]


def pad_facts(outputs: Sequence[PlannedOutput], facts: Mapping[str, OutputFacts]) -> None:
    """Do the same for the outputs of a batch."""
    for name, shape in common_shapes(outputs, {name: fact.own_shape for name, fact in facts.items()}).items():
        facts[name].missing |= shape != facts[name].own_shape
        facts[name].own_shape = shape
