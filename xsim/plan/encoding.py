"""How an output is to be stored: the keys of an encoding, brought to one form (DESIGN §S3, §S6)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numcodecs
import numpy as np

from xsim._base.render import names
from xsim._base.suggest import did_you_mean
from xsim.errors import OptionError

ENCODING_KEYS = (
    "dtype",
    "chunks",
    "shards",
    "fill_value",
    "order",
    "compressors",
    "compressor",
    "filters",
    "serializer",
    "codecs",
    "synchronizer",
)

CODEC_KEYS = ("compressors", "filters", "serializer", "codecs")

WHOLE = -1
"""As a size of chunks: the whole dimension."""

MOST_DIMENSIONS = 64
"""That numpy's arrays have."""

# What xarray notes of a file that a variable was read from; it says nothing about one that is to be written.
_OF_A_FILE = ("preferred_chunks", "source", "original_shape")

_PACKED = (
    "pack values with filters=[numcodecs.FixedScaleOffset(offset=..., scale=..., dtype=..., astype=...)], "
    "or save another variable"
)
_DATES = "leave it out: dates are stored as they are; the units of numbers are attributes of the variable"
_NETCDF = "Zarr has compressors=, e.g. compressors=[numcodecs.Zlib(level=4)]"
_REMEDIES = {
    "scale_factor": _PACKED,
    "add_offset": _PACKED,
    "units": _DATES,
    "calendar": _DATES,
    "object_codec": "leave it out: text is stored with variable length",
    "chunksizes": "chunks=",
    **dict.fromkeys(("zlib", "complevel", "shuffle", "fletcher32", "blosc", "szip", "zstd", "bzip2"), _NETCDF),
}
"""What to do about keys that other libraries have."""


def merged_encoding(declared: Mapping[str, Any], name: str, given: Mapping[str, Any], output: str) -> dict[str, Any]:
    """Give the encoding of an output: what the run says takes precedence over what is declared.

    Parameters
    ----------
    declared : mapping
        Of the variable.
    name : str
        Of the variable, for messages.
    given : mapping
        To the run.
    output : str
        Name of the output, for messages.

    Raises
    ------
    OptionError
        If there are unknown keys, or keys that exclude each other.
    """
    old = plain_encoding(declared, f"the encoding declared for variable {name!r}")
    new = plain_encoding(given, f"encoding={{{output!r}: ...}}")
    # A whole list of codecs and its parts exclude each other.
    if "codecs" in new:
        old = {key: value for key, value in old.items() if key not in CODEC_KEYS}
    elif any(key in new for key in CODEC_KEYS):
        old.pop("codecs", None)
    # None undoes what is declared. For compressors and filters it means none of them, otherwise the usual.
    merged = {k: value for k, value in (old | new).items() if value is not None or k in ("compressors", "filters")}
    packed = _packed_fill(merged.get("filters") or merged.get("codecs"))
    return merged if packed is None else {"fill_value": packed, **merged}


def plain_encoding(keys: Mapping[str, Any], where: str) -> dict[str, Any]:
    """Give an encoding with one name for each thing, and None for what is as usual.

    Raises
    ------
    OptionError
    """
    found = {key: value for key, value in keys.items() if key not in _OF_A_FILE}
    _check_keys([key for key in found if key not in (*ENCODING_KEYS, "_FillValue")], where)
    for old, new in (("compressor", "compressors"), ("_FillValue", "fill_value")):
        if old in found:
            value = found.pop(old)
            # xarray has both of a Zarr array, and masks by the attribute.
            if old == "compressor" and found.get(new) is not None:
                raise OptionError(f"{where} has both {old!r} and {new!r}", remedy=f"leave out {old!r}")
            found[new] = value
    if found.get("codecs") is not None and (others := [key for key in CODEC_KEYS[:3] if found.get(key) is not None]):
        raise OptionError(
            f"{where} has both 'codecs' and {names(others)}",
            expected="all codecs in their order as 'codecs', or 'filters', 'serializer' and 'compressors'",
        )
    if found.get("order") not in (None, "C", "F"):
        raise OptionError(f"{where} has an unknown order", got=repr(found["order"]), expected="'C' or 'F'")
    usual = {"chunks": (None, True, "auto"), "shards": (None, False)}
    for key in usual:
        if key in found:
            as_usual = any(found[key] is value for value in usual[key])
            found[key] = None if as_usual else _sizes(found[key], key, where)
    return found


def _packed_fill(filters: Any) -> Any:
    """Give a fill value for floats that a filter packs into integers, which have no NaN; None if none is needed."""
    codec = filters[0] if isinstance(filters, (list, tuple)) and filters else filters
    config = getattr(codec, "codec_config", codec)  # zarr wraps codecs of numcodecs
    if isinstance(config, Mapping) and config.get("id") == "fixedscaleoffset":
        codec = numcodecs.get_codec(dict(config))
    if not isinstance(codec, numcodecs.FixedScaleOffset) or np.dtype(codec.dtype).kind != "f":
        return None
    kind: np.dtype[Any] = np.dtype(codec.astype)
    if kind.kind not in "iu":
        return None
    lowest, step = (np.iinfo(kind).min, 1) if kind.kind == "i" else (np.iinfo(kind).max, -1)
    with np.errstate(all="ignore"):
        # The outermost integer that comes back as it was: floats do not hold all large ones.
        for distance in (0, 1, 2**7, 2**8, 2**10, 2**12):
            candidate = np.array([lowest + step * distance], kind)
            value = codec.decode(candidate.copy())
            if (codec.encode(value.copy()) == candidate).all():
                return value[0]
    return None


def _sizes(given: Any, key: str, where: str) -> tuple[int, ...]:
    """Give chunk sizes, from the front; None and -1 are whole dimensions, as in zarr.

    Raises
    ------
    OptionError
    """
    if given is False and key == "chunks":
        return (WHOLE,) * MOST_DIMENSIONS
    try:
        sizes = (given,) if isinstance(given, (int, np.integer)) else tuple(given)
    except TypeError:
        sizes = (given,)
    sizes = tuple(WHOLE if size is None else size for size in sizes)
    if not all(isinstance(n, (int, np.integer)) and n is not True and (n > 0 or n == WHOLE) for n in sizes):
        raise OptionError(
            f"{key} in {where} are no chunk sizes",
            got=repr(given),
            expected="positive integers, one for each dimension from the front (batch, clock, own dimensions); "
            "-1 for a whole dimension",
        )
    return tuple(int(n) for n in sizes)


def _check_keys(unknown: list[str], where: str) -> None:
    if unknown:
        remedies = [f"{key!r}: {_REMEDIES[key]}" for key in unknown if key in _REMEDIES]
        others = [key for key in unknown if key not in _REMEDIES]
        raise OptionError(
            f"{where} has unknown keys {names(unknown)}",
            expected=f"keys among {names(ENCODING_KEYS, limit=len(ENCODING_KEYS))}",
            suggestions=[close for key in others for close in did_you_mean(key, ENCODING_KEYS)],
            remedy="; ".join(remedies) or None,
        )
