"""One output as a Zarr array: its chunks, codecs and growth."""

from __future__ import annotations

import base64
import struct
from math import prod
from typing import Any

import numpy as np
import zarr

from xsim.errors import OptionError
from xsim.plan.chunks import own_chunks, rows_per_chunk, whole_chunks
from xsim.plan.encoding import CODEC_KEYS, WHOLE
from xsim.plan.outputs import PlannedOutput
from xsim.sink.codecs import (
    DEFAULT_CODEC,
    check_written,
    codec_options,
    has_codecs,
    needs_check,
    own_copy,
    quiet,
    try_codecs,
)
from xsim.sink.plain_array import Array
from xsim.sink.storage_type import StorageType, check_type, stored_type


class ZarrTarget:
    """An output as a Zarr array, made with the first rows."""

    def __init__(self, output: PlannedOutput, group: zarr.Group) -> None:
        self.output = output
        self.group = group
        self.array: zarr.Array[Any] | None = None
        self._checks = False

    def rows_per_chunk(self, row_bytes: int) -> int:
        """Give the number of rows that are written at once: a chunk, or a shard."""
        return rows_of_chunk(self.output, row_bytes)

    def create(self, storage: StorageType, rows: int, own_shape: tuple[int, ...]) -> None:
        """Make the array."""
        self.array = create_array(self.group, self.output, storage, (), rows, own_shape)
        self._checks = needs_check(self.array)

    def write(self, start: int, rows: Array) -> None:
        """Write rows at a position along the clock."""
        assert self.array is not None
        self.resize(rows.shape[1:])
        box: tuple[Any, ...] = tuple(slice(n) for n in rows.shape[1:])
        if self.output.clock is None:
            region, values = box or (...,), rows[0]
        else:
            region, values = (slice(start, start + len(rows)), *box), rows
        self.array[region] = own_copy(self.array, values)
        if self._checks:
            check_written(self.output.name, self.array, region, values)

    def resize(self, own_shape: tuple[int, ...]) -> None:
        """Make the array at least as large as a row, in each dimension."""
        assert self.array is not None
        grow_array(self.array, own_shape)


def grow_array(array: zarr.Array[Any], own_shape: tuple[int, ...]) -> None:
    """Resize an array to be at least as large as the value of one label, in each of its last dimensions."""
    leading = array.ndim - len(own_shape)
    shape = tuple(max(a, b) for a, b in zip(array.shape[leading:], own_shape, strict=True))
    if shape != array.shape[leading:]:
        with quiet():
            array.resize(array.shape[:leading] + shape)


def create_array(
    group: zarr.Group,
    output: PlannedOutput,
    storage: StorageType,
    block: tuple[int, ...],
    rows: int,
    own_shape: tuple[int, ...],
) -> zarr.Array[Any]:
    """Make the array of an output.

    Parameters
    ----------
    group : zarr.Group
    output : PlannedOutput
    storage : StorageType
    block : tuple of int
        Members in a chunk, in each batch dimension.
    rows : int
        Labels in a chunk.
    own_shape : tuple of int
        Shape of the value of one label.
    """
    dims = output.dims_of(len(own_shape))
    labels = () if output.clock is None else (output.nlabels,)
    shape = output.batch.shape + labels + own_shape
    block = tuple(map(min, block, output.batch.shape))
    whole = block + (rows,)[: len(labels)] + own_chunks(own_shape, storage.stored.itemsize * max(1, prod(block)))
    chunks = _complete(output.encoding.get("chunks", ()), whole, shape)
    dtype: Any = str if storage.is_text else storage.stored
    options = _codecs(output, dtype, len(shape))
    if not storage.is_text:
        options.setdefault("compressors", DEFAULT_CODEC)
    if shards := output.encoding.get("shards"):
        # A shard holds whole chunks only.
        wanted = _complete(shards, whole, shape)
        options["shards"] = tuple(whole_chunks(n, c) for n, c in zip(wanted, chunks, strict=True))
    try:
        with quiet():
            return group.create_array(
                output.name,
                shape=shape,
                dtype=dtype,
                chunks=chunks,
                fill_value=storage.fill,
                dimension_names=dims,
                attributes=jsonable(output.attrs_of(dims) | ({"dtype": "bool"} if storage.is_bool else {})),
                **options,
            )
    except (ValueError, TypeError) as error:
        raise OptionError(
            f"zarr cannot make the array of output {output.name!r}",
            got=f"type {'text' if storage.is_text else storage.stored}, encoding {dict(output.encoding)}: {error}",
            remedy=f"give a type that Zarr has, e.g. encoding={{{output.name!r}: {{'dtype': 'float64'}}}}",
        ) from error


def create_plain(
    group: zarr.Group, name: str, dims: tuple[Any, ...], values: Array, attributes: dict[Any, Any]
) -> None:
    """Make an array of dates, which Zarr has itself, and fill it."""
    array = group.create_array(
        name,
        shape=values.shape,
        dtype=values.dtype,
        chunks=own_chunks(values.shape, values.dtype.itemsize),
        fill_value=np.array("NaT", values.dtype)[()],
        dimension_names=[str(dim) for dim in dims],
        attributes=jsonable({str(key): value for key, value in attributes.items()}),
    )
    array[...] = values


def _codecs(output: PlannedOutput, dtype: Any, ndim: int) -> dict[str, Any]:
    """Give the codecs of an output, which have to fit the type that its values turned out to have."""
    if not has_codecs(output.encoding):
        return {}
    options = codec_options(output.name, output.encoding, ndim, dtype is str)
    try:
        try_codecs(dtype, ndim, options)
    except Exception as error:
        raise _refused(output, "text" if dtype is str else f"type {dtype}", error) from error
    return options


def rows_of_chunk(output: PlannedOutput, row_bytes: int) -> int:
    """Give how many labels are written at once: those of the user's chunks or shards, or as many as fit."""
    clock = len(output.batch.dims)
    for key in ("shards", "chunks"):
        chosen = output.encoding.get(key, ())
        if output.clock is not None and len(chosen) > clock:
            inner = output.encoding.get("chunks", ())[clock:] or (1,)
            whole = chosen[clock] == WHOLE or inner[0] == WHOLE
            return output.nlabels if whole else min(whole_chunks(chosen[clock], inner[0]), output.nlabels)
    return rows_per_chunk(row_bytes, output.nlabels)


def _complete(chosen: tuple[int, ...], whole: tuple[int, ...], shape: tuple[int, ...]) -> tuple[int, ...]:
    """Chunk sizes count from the front; dimensions not named are whole."""
    named = tuple(max(1, size) if n == WHOLE else n for n, size in zip(chosen, shape, strict=False))
    return named + whole[len(named) :]


def check_encoding(output: PlannedOutput) -> None:
    """Check that Zarr can make an array of an encoding, by making a tiny one in memory.

    Raises
    ------
    OptionError
    """
    encoding = output.encoding
    dtype = encoding.get("dtype")
    check_type(output.name, dtype, encoding.get("fill_value"))
    if not has_codecs(encoding):
        return
    leading = len(output.batch.dims) + (output.clock is not None)
    errors = []
    # A codec need not fit all numbers of dimensions that an output may have, nor all types as long as none is given.
    for ndim in sorted({leading + len(own) for own in output.dims}):
        for candidate in ANY_TYPE if dtype is None else [stored_type(output.name, dtype)]:
            options = codec_options(output.name, encoding, ndim, candidate is str)
            try:
                return try_codecs(candidate, ndim, options)
            except Exception as error:
                errors.append(error)
    raise _refused(output, "any type" if dtype is None else f"type {dtype}", errors[0]) from errors[0]


ANY_TYPE = ("float64", "int64", "float32", "int32", "int16", "int8", "uint8", "complex128", "datetime64[ns]", str)
"""Types that are tried where none is given."""


def _refused(output: PlannedOutput, dtype: str, error: Exception) -> OptionError:
    codecs = {key: output.encoding[key] for key in ("order", *CODEC_KEYS) if key in output.encoding}
    return OptionError(
        f"output {output.name!r} cannot be stored with the codecs given",
        got=f"{dtype}, {codecs}: {error}",
        expected="codecs that fit the type",
        remedy="give other codecs, or the type that they are made for: encoding={..., 'dtype': ...}; bools are int8",
    )


def jsonable(attributes: dict[str, Any]) -> dict[str, Any]:
    """Give attributes with numpy values as plain Python ones."""
    return {
        name: value.tolist() if isinstance(value, (np.generic, np.ndarray)) else value
        for name, value in attributes.items()
    }


def encoded_fill(value: Any) -> Any:
    """Give a ``_FillValue`` as xarray reads it from Zarr format 3: floats as base64 of 8 bytes, integers plain."""
    if np.asarray(value).dtype.kind == "c":
        return [encoded_fill(value.real), encoded_fill(value.imag)]
    if np.asarray(value).dtype.kind == "f":
        return base64.standard_b64encode(struct.pack("<d", float(value))).decode()
    return value.item() if isinstance(value, np.generic) else value
