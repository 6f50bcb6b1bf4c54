"""Codecs of outputs: those of numcodecs become those of Zarr format 3 (DESIGN §S3)."""

from __future__ import annotations

import threading
import warnings
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numcodecs
import numpy as np
import zarr
from numcodecs.abc import Codec as Numcodec
from zarr.abc.codec import ArrayArrayCodec, ArrayBytesCodec, BytesBytesCodec
from zarr.codecs import BloscCodec, GzipCodec, TransposeCodec, VLenBytesCodec, VLenUTF8Codec, ZstdCodec
from zarr.registry import get_codec_class

from xsim.errors import OptionError, OutputError
from xsim.plan.encoding import CODEC_KEYS

AnyCodec = ArrayArrayCodec | ArrayBytesCodec | BytesBytesCodec

DEFAULT_CODEC = BloscCodec(cname="lz4", clevel=5, shuffle="shuffle")

_OF_OBJECTS = ("pickle", "json2", "msgpack2", "categorize", "vlen-array")


def has_codecs(encoding: Mapping[str, Any]) -> bool:
    """Whether an encoding says anything about codecs."""
    return any(key in encoding for key in CODEC_KEYS) or encoding.get("order") == "F"


def codec_options(name: str, encoding: Mapping[str, Any], ndim: int, is_text: bool = False) -> dict[str, Any]:
    """Give the codecs of an encoding as arguments of `zarr.create_array`.

    Parameters
    ----------
    name : str
        Of the output, for messages.
    encoding : mapping
    ndim : int
        Number of dimensions of the array.
    is_text : bool, optional
        Whether it holds text, whose elements have no common size and thus no order in memory.

    Returns
    -------
    dict
        With ``filters``, ``serializer`` and ``compressors``, as far as they are not to be the usual ones.

    Raises
    ------
    OptionError
        If there is no such codec, or codecs are in an order that cannot be.

    Notes
    -----
    In format 3 codecs are of three kinds, which can only come in this order. Earlier ones went anywhere: a filter
    that works on bytes becomes the first compressor, a compressor that works on arrays becomes the serializer.
    """
    given = [*_listed(name, encoding, "codecs"), *_listed(name, encoding, "filters")]
    given += [*_listed(name, encoding, "serializer"), *_listed(name, encoding, "compressors")]
    filters = [codec for codec in given if isinstance(codec, ArrayArrayCodec)]
    serializers = [codec for codec in given if isinstance(codec, ArrayBytesCodec)]
    compressors = [codec for codec in given if isinstance(codec, BytesBytesCodec)]
    if given != [*filters, *serializers, *compressors] or len(serializers) > 1:
        raise OptionError(
            f"codecs of output {name!r} are in an order that cannot be",
            got=", ".join(type(codec).__name__ for codec in given),
            expected="filters (array to array), then at most one serializer (array to bytes), then compressors "
            "(bytes to bytes)",
        )
    # Filters of numcodecs make values flat, in an order of their own.
    if encoding.get("order") == "F" and ndim > 1 and not (is_text or any(map(_of_numcodecs, filters))):
        filters.append(TransposeCodec(order=tuple(reversed(range(ndim)))))
    if "codecs" not in encoding and _is_usual(encoding.get("compressors", "auto")):
        # Filters on bytes come before the usual compressor.
        more = {"compressors": (*compressors, DEFAULT_CODEC)} if compressors else {}
    else:
        more = {"compressors": tuple(compressors)}
    return {"filters": tuple(filters), **({"serializer": serializers[0]} if serializers else {}), **more}


def _is_usual(given: Any) -> bool:
    return isinstance(given, str) and given in ("auto", "default")


def _listed(name: str, encoding: Mapping[str, Any], key: str) -> list[AnyCodec]:
    given = encoding.get(key)
    if given is None or _is_usual(given):
        return []
    one = isinstance(given, (str, Mapping)) or not isinstance(given, Iterable)
    return [_as_codec(name, codec) for codec in ([given] if one else given)]


def _as_codec(name: str, codec: Any) -> AnyCodec:
    if isinstance(codec, (ArrayArrayCodec, ArrayBytesCodec, BytesBytesCodec)):
        return codec
    if isinstance(codec, Numcodec):
        return _translate(name, codec)
    try:
        if isinstance(codec, Mapping) and "id" in codec:
            return _translate(name, numcodecs.get_codec(dict(codec)))
        if isinstance(codec, Mapping) and "name" in codec:
            with quiet():
                made: AnyCodec = get_codec_class(codec["name"]).from_dict(dict(codec))
            return made
    except Exception as error:
        raise OptionError(
            f"a codec of output {name!r} cannot be made", got=f"{codec!r}: {type(error).__name__}: {error}"
        ) from error
    raise OptionError(
        f"something given as a codec of output {name!r} is none",
        got=repr(codec),
        expected="an object of zarr.codecs or numcodecs, e.g. numcodecs.Blosc(cname='zstd'), or a list of these; "
        "None for none",
    )


def _translate(name: str, codec: Numcodec) -> AnyCodec:
    """Give the codec of Zarr format 3 that does what one of numcodecs does.

    Raises
    ------
    OptionError
        If there is none.
    """
    config = {k: v.item() if isinstance(v, np.generic) else v for k, v in codec.get_config().items()}
    kind = str(config.pop("id"))
    match kind:
        case "blosc":
            # -1: by bits where elements are bytes, else by bytes; zarr chooses so when it is not told.
            shuffle = {-1: None, 0: "noshuffle", 1: "shuffle", 2: "bitshuffle"}[config.pop("shuffle")]
            return BloscCodec(shuffle=shuffle, **config)  # type: ignore[arg-type]
        case "zstd":
            return ZstdCodec(**config)
        case "gzip":
            return GzipCodec(**config)
        case "vlen-utf8":
            return VLenUTF8Codec()
        case "vlen-bytes":
            return VLenBytesCodec()
    try:
        with quiet():
            made: AnyCodec = get_codec_class(f"numcodecs.{kind}")(**config)
        return made
    except Exception as error:
        text = "leave it out: text is stored with variable length, objects are not stored"
        raise OptionError(
            f"codec {codec!r} of output {name!r} has no equivalent in Zarr format 3",
            expected="compressors such as numcodecs.Blosc, Zstd, GZip, Zlib, LZ4, BZ2, LZMA; filters such as "
            "numcodecs.Delta, FixedScaleOffset, Quantize, BitRound, AsType, Shuffle; or any of zarr.codecs",
            remedy=text if kind in _OF_OBJECTS else "take one of these, or leave it out",
        ) from error


def try_codecs(dtype: Any, ndim: int, options: Mapping[str, Any]) -> None:
    """Write and read a tiny array in memory.

    Raises
    ------
    Exception
        What zarr or the codec raises; also if codecs that should keep values do not.
    """
    count = np.arange(2**ndim).reshape((2,) * ndim) % 100
    with quiet(), np.errstate(all="ignore"):
        array = zarr.create_array({}, shape=count.shape, dtype=dtype, **options)
        kind = np.dtype(object) if dtype is str else array.dtype
        array[...] = values = (count.astype("U2") if kind.kind in "OS" else count).astype(kind)
        found = np.asarray(array[...])
    lossless = not any(_name_of(codec) in _LOSSY for codec in (*array.filters, array.serializer))
    if found.shape != array.shape or (lossless and found.tolist() != values.tolist()):
        raise ValueError(f"{values.tolist()} comes back as {found.tolist()}")


_LOSSY = ("fixedscaleoffset", "quantize", "bitround", "astype", "zfpy")


def _of_numcodecs(codec: Any) -> bool:
    return str(codec.to_dict()["name"]).startswith("numcodecs.")


def _name_of(codec: Any) -> str:
    return str(codec.to_dict()["name"]).removeprefix("numcodecs.") if hasattr(codec, "to_dict") else ""


def needs_check(array: zarr.Array[Any]) -> bool:
    """Whether filters may change more than they should: those that reckon with values cannot hold all of them."""
    return any(map(_of_numcodecs, array.filters))


def own_copy(array: zarr.Array[Any], values: Any) -> Any:
    """Give values that a store in memory may keep: without a compressor it keeps what it is given."""
    return values if array.compressors else np.array(values)


def check_written(name: str, array: zarr.Array[Any], region: Any, values: Any) -> None:
    """Read back what has just been written, and compare.

    Differences of a missing value to the next one are missing too, and integers have no place for it.

    Raises
    ------
    OutputError
        If values went missing, or missing values became others.
    """
    with np.errstate(all="ignore"):
        found = np.asarray(array[region])
    values = np.asarray(values)
    if values.dtype.kind in "fc":
        wrong = np.isnan(found) != np.isnan(values)
    else:
        lossy = any(_name_of(codec) in _LOSSY for codec in array.filters)
        wrong = np.zeros(values.shape, bool) if lossy else found != values
    if np.any(wrong):
        at = tuple(np.argwhere(wrong)[0])
        raise OutputError(
            f"filters of output {name!r} spoil values that are next to missing ones, or that they cannot hold",
            got=f"{values[at]} comes back as {found[at]}, with filters {', '.join(map(_name_of, array.filters))}",
            expected="filters that keep all values and what is missing",
            remedy="leave out the filter, or give a fill_value that it can hold, or chunks that fit the dimensions",
        )


_quiet = threading.RLock()


@contextmanager
def quiet() -> Iterator[None]:
    """Silence notices of zarr that users can do nothing about.

    Some of its types, bytes among them, codecs of numcodecs and consolidated metadata are in no specification of
    Zarr format 3 yet; xarray reads all of them all the same (DESIGN §B8). A full disk leaves folders without metadata.
    """
    # Filters of warnings belong to the whole process.
    with _quiet, warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*does not have a Zarr V3 specification")
        warnings.filterwarnings("ignore", message="Consolidated metadata is currently not part")
        warnings.filterwarnings("ignore", message="Numcodecs codecs are not in the Zarr version 3")
        warnings.filterwarnings("ignore", message="Object at .* is not recognized as a component of a Zarr hierarchy")
        yield
