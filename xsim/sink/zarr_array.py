"""One output as a Zarr array: its chunks, codecs and growth."""

from __future__ import annotations

import base64
import struct
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from math import prod
from typing import Any

import numpy as np
import zarr
from zarr.codecs import BloscCodec

from xsim.errors import OptionError
from xsim.plan.chunks import own_chunks, rows_per_chunk, whole_chunks
from xsim.plan.outputs import PlannedOutput
from xsim.sink.storage_type import Array, StorageType, check_type

CODEC_KEYS = ("compressors", "filters", "serializer")


class ZarrTarget:
    """An output as a Zarr array, made with the first rows."""

    def __init__(self, output: PlannedOutput, group: zarr.Group) -> None:
        self.output = output
        self.group = group
        self.array: zarr.Array[Any] | None = None

    def rows_per_chunk(self, row_bytes: int) -> int:
        """Give the number of rows that are written at once: a chunk, or a shard."""
        return rows_of_chunk(self.output, row_bytes)

    def create(self, storage: StorageType, rows: int, own_shape: tuple[int, ...]) -> None:
        """Make the array."""
        self.array = create_array(self.group, self.output, storage, (), rows, own_shape)

    def write(self, start: int, rows: Array) -> None:
        """Write rows at a position along the clock."""
        assert self.array is not None
        self.resize(rows.shape[1:])
        box = tuple(slice(n) for n in rows.shape[1:])
        if self.output.clock is None:
            self.array[box if box else ...] = rows[0]
        else:
            self.array[(slice(start, start + len(rows)), *box)] = rows

    def resize(self, own_shape: tuple[int, ...]) -> None:
        """Make the array at least as large as a row, in each dimension."""
        assert self.array is not None
        leading = len(self.array.shape) - len(own_shape)
        shape = tuple(max(a, b) for a, b in zip(self.array.shape[leading:], own_shape, strict=True))
        if shape != self.array.shape[leading:]:
            with quiet():
                self.array.resize(self.array.shape[:leading] + shape)


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
    whole = block + (rows,)[: len(labels)] + own_chunks(own_shape, storage.stored.itemsize * max(1, prod(block)))
    chunks = _complete(_as_tuple(output.encoding.get("chunks")), whole)
    options: dict[str, Any] = {key: output.encoding[key] for key in CODEC_KEYS if key in output.encoding}
    if not storage.is_text:
        options.setdefault("compressors", DEFAULT_CODEC)
    if shards := _as_tuple(output.encoding.get("shards")):
        # A shard holds whole chunks only.
        wanted = _complete(shards, whole)
        options["shards"] = tuple(whole_chunks(n, c) for n, c in zip(wanted, chunks, strict=True))
    try:
        with quiet():
            return group.create_array(
                output.name,
                shape=shape,
                dtype=str if storage.is_text else storage.stored,
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
            remedy="see zarr.create_array for what fits this type",
        ) from error


@contextmanager
def quiet() -> Iterator[None]:
    """Silence two notices of zarr that users can do nothing about.

    Some of its types, bytes among them, and consolidated metadata are in no specification of Zarr format 3 yet;
    xarray reads both all the same (DESIGN §B8).
    """
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*does not have a Zarr V3 specification")
        warnings.filterwarnings("ignore", message="Consolidated metadata is currently not part")
        yield


def rows_of_chunk(output: PlannedOutput, row_bytes: int) -> int:
    """Give how many labels are written at once: those of the user's chunks or shards, or as many as fit."""
    clock = len(output.batch.dims)
    for key in ("shards", "chunks"):
        chosen = _as_tuple(output.encoding.get(key))
        if output.clock is not None and len(chosen) > clock:
            inner = _as_tuple(output.encoding.get("chunks"))[clock:] or (1,)
            return min(whole_chunks(chosen[clock], inner[0]), output.nlabels)
    return rows_per_chunk(row_bytes, output.nlabels)


DEFAULT_CODEC = BloscCodec(cname="lz4", clevel=5, shuffle="shuffle")


def _as_tuple(chunks: Any) -> tuple[int, ...]:
    if chunks is None:
        return ()
    return (int(chunks),) if isinstance(chunks, (int, np.integer)) else tuple(chunks)


def _complete(chosen: tuple[int, ...], whole: tuple[int, ...]) -> tuple[int, ...]:
    """Chunk sizes count from the front; dimensions not named are whole."""
    return tuple(int(n) for n in chosen[: len(whole)]) + whole[len(chosen) :]


def check_encoding(output: PlannedOutput) -> None:
    """Check that Zarr can make an array of an encoding, by making a tiny one in memory.

    Raises
    ------
    OptionError
    """
    encoding = output.encoding
    for key in ("chunks", "shards"):
        try:
            sizes = _as_tuple(encoding.get(key))
            good = all(isinstance(n, (int, np.integer)) and n > 0 for n in sizes)
        except TypeError:
            good = False
        if not good:
            raise OptionError(
                f"{key} of output {output.name!r} are no chunk sizes",
                got=repr(encoding[key]),
                expected="positive integers, one for each dimension from the front (clock, own dimensions)",
            )
    options = {key: encoding[key] for key in CODEC_KEYS if key in encoding}
    dtype = encoding.get("dtype") or "float64"
    check_type(output.name, encoding.get("dtype"), encoding.get("fill_value"))
    leading = len(output.batch.dims) + (output.clock is not None)
    try:
        _try_codecs(sorted({leading + len(own) for own in output.dims}), dtype, options)
    except Exception as error:
        raise OptionError(
            f"zarr cannot store output {output.name!r} with the encoding given",
            got=f"{ {key: encoding[key] for key in ('dtype', *options) if key in encoding} }: {error}",
            remedy="see zarr.create_array for what compressors, filters, serializer and dtype may be",
        ) from error


def _try_codecs(ndims: list[int], dtype: Any, options: dict[str, Any]) -> None:
    """Make tiny arrays in memory; a codec need not fit all numbers of dimensions that an output may have."""
    failed: list[Exception] = []
    for ndim in ndims:
        try:
            with quiet():
                zarr.create_array({}, shape=(1,) * ndim, dtype=dtype, **options)
        except Exception as error:
            failed.append(error)
    if len(failed) == len(ndims):
        raise failed[0]


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
