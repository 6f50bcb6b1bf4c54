"""Codecs of earlier Zarr formats become those of format 3, and the result opens with plain xarray (DESIGN §S3, §S4)."""

import warnings
from textwrap import dedent

import numcodecs
import numpy as np
import pytest
import xarray as xr
import zarr
from zarr.codecs import BytesCodec, GzipCodec, TransposeCodec, ZstdCodec
from zarr.storage import MemoryStore

import xsim as xs
from xsim.errors import OptionError, OutputError

VALUES = [float(i) for i in range(10)]
BLOSC = {"name": "blosc", "configuration": {"cname": "zstd", "clevel": 3, "blocksize": 0, "typesize": 8}}
LITTLE = {"name": "bytes", "configuration": {"endian": "little"}}
USUAL = {"cname": "lz4", "clevel": 5, "shuffle": "shuffle", "blocksize": 0}


def named(name, **configuration):
    return {"name": name, "configuration": configuration}


def blosc(shuffle, typesize=8):
    return named("blosc", cname="zstd", clevel=3, blocksize=0, typesize=typesize, shuffle=shuffle)


def open_plainly(store):
    with warnings.catch_warnings():
        # zarr says so to everybody who opens such an array.
        warnings.filterwarnings("ignore", message="Numcodecs codecs are not in the Zarr version 3")
        return xr.open_zarr(store)


def codecs_of(store):
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Numcodecs codecs are not in the Zarr version 3")
        return list(zarr.open_array(store, path="p__v", mode="r").metadata.to_dict()["codecs"])


@pytest.mark.parametrize(
    ("encoding", "codecs"),
    [
        ({"compressor": numcodecs.Blosc("zstd", 3, 1)}, [LITTLE, blosc("shuffle")]),
        ({"compressor": numcodecs.Blosc("zstd", 3, 2)}, [LITTLE, blosc("bitshuffle")]),
        ({"compressor": numcodecs.Blosc("zstd", 3, 0)}, [LITTLE, blosc("noshuffle")]),
        ({"compressor": numcodecs.Blosc("zstd", 3, -1)}, [LITTLE, blosc("shuffle")]),
        ({"compressor": numcodecs.Zstd(level=7)}, [LITTLE, named("zstd", level=7, checksum=False)]),
        ({"compressor": numcodecs.GZip(level=7)}, [LITTLE, named("gzip", level=7)]),
        ({"compressor": numcodecs.Zlib(level=7)}, [LITTLE, named("numcodecs.zlib", level=7)]),
        ({"compressor": numcodecs.BZ2(level=7)}, [LITTLE, named("numcodecs.bz2", level=7)]),
        ({"compressor": numcodecs.LZ4(3)}, [LITTLE, named("numcodecs.lz4", acceleration=3)]),
        ({"compressor": {"id": "zlib", "level": 2}}, [LITTLE, named("numcodecs.zlib", level=2)]),
        ({"compressor": named("gzip", level=2)}, [LITTLE, named("gzip", level=2)]),
        ({"compressor": None}, [LITTLE]),
        ({"compressor": "default"}, [LITTLE, named("blosc", typesize=8, **USUAL)]),
        ({"compressors": [numcodecs.Shuffle(8), GzipCodec(level=1)]}, None),
        ({"filters": [numcodecs.Delta(dtype="f8")]}, None),
        ({"filters": [numcodecs.Delta(dtype="f8", astype="f4")], "order": "F"}, None),
        (
            {"filters": [numcodecs.FixedScaleOffset(np.int64(0), 10, "f8", "i4")], "compressor": None},
            [named("numcodecs.fixedscaleoffset", offset=0, scale=10, dtype="<f8", astype="<i4"), LITTLE],
        ),
        ({"filters": [numcodecs.Quantize(3, "f8"), numcodecs.BitRound(20)]}, None),
        ({"filters": numcodecs.AsType("f4", "f8")}, None),
        (
            {"filters": [numcodecs.Shuffle(8)]},
            [LITTLE, named("numcodecs.shuffle", elementsize=8), named("blosc", typesize=8, **USUAL)],
        ),
        ({"filters": [numcodecs.Shuffle(8)], "compressor": None}, [LITTLE, named("numcodecs.shuffle", elementsize=8)]),
        ({"codecs": [BytesCodec(endian="big"), ZstdCodec(level=1)]}, None),
        ({"codecs": []}, [LITTLE]),
        ({"serializer": BytesCodec(endian="big")}, None),
        ({"compressors": [numcodecs.CRC32(), numcodecs.Adler32()]}, None),
    ],
)
def test_codecs_become_those_of_format_3(run_values, encoding, codecs):
    """Each codec becomes the one of format 3 that does the same, without a warning (API.md)."""
    store = MemoryStore()
    result = run_values(VALUES, encoding={"chunks": 4, **encoding}, store=store)

    if codecs is not None:
        assert [{"name": c["name"], "configuration": c["configuration"]} for c in codecs_of(store)] == codecs
    assert result.p__v.values.tolist() == VALUES
    assert open_plainly(store).p__v.values.tolist() == VALUES


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("dims", [(), "x", ("y", "x")])
@pytest.mark.parametrize("dtype", ["float64", "int8", "text"])
def test_order(run_values, order, dims, dtype):
    """order="F" lays chunks out the other way round; values are the same."""
    store = MemoryStore()
    shape = {(): (3,), "x": (3, 4), ("y", "x"): (3, 4, 2)}[dims]
    values = np.arange(np.prod(shape)).reshape(shape)
    values = values.astype(str).astype(object) if dtype == "text" else values.astype(dtype)
    result = run_values(list(values), dims, encoding={"order": order, "compressor": None}, store=store)

    transposed = [codec for codec in codecs_of(store) if codec["name"] == "transpose"]
    assert len(transposed) == (order == "F" and len(shape) > 1 and dtype != "text")
    assert result.p__v.values.tolist() == open_plainly(store).p__v.values.tolist() == values.tolist()
    if dtype != "text" and shape == (3, 4):
        data = np.frombuffer(store._store_dict["p__v/c/0/0"].to_bytes(), dtype)
        assert data.tolist() == values.ravel(order).tolist()


@pytest.mark.parametrize("scheduler", ["synchronous", "threads", pytest.param("processes", marks=pytest.mark.slow)])
def test_codecs_in_a_batch(tmp_path, scheduler):
    """Declared codecs, shards and order hold in batches too, whoever writes (DESIGN §B3)."""

    @xs.process
    class Tank:
        k = xs.variable()
        level = xs.variable(
            dims="x",
            intent="out",
            encoding={"compressor": numcodecs.Zlib(1), "filters": [numcodecs.Delta("f8")], "order": "F"},
        )

        def run_step(self):
            self.level = self.k * np.arange(3.0)

    model = xs.Model({"tank": Tank})
    setup = xs.create_setup(model, {"t": [0, 1, 2]}, None, {"tank__k": ("batch", np.arange(5.0))}, {"tank__level": "t"})
    result = setup.xsim.run(
        model,
        "batch",
        store=tmp_path / "out.zarr",
        encoding={"tank__level": {"chunks": (1, 2), "shards": (2, 2)}},
        parallel=True,
        scheduler=scheduler,
        workers=2,
    )

    expected = np.broadcast_to(np.outer(np.arange(5.0), np.arange(3.0))[:, None], (5, 3, 3))
    np.testing.assert_array_equal(result.tank__level, expected)
    np.testing.assert_array_equal(open_plainly(tmp_path / "out.zarr").tank__level, expected)


def test_an_encoding_from_a_file_is_one(run_values, tmp_path):
    """The encoding that xarray notes of a variable of a store can be given to another run, in either format."""
    first = run_values(VALUES, encoding={"compressor": numcodecs.Zlib(1), "chunks": 4}, store={})
    old = xr.Dataset({"a": ("x", VALUES)})
    old.to_zarr(tmp_path / "old.zarr", zarr_format=2, encoding={"a": {"compressors": [numcodecs.Blosc("zstd", 3, 1)]}})
    with xr.open_zarr(tmp_path / "old.zarr") as back:
        encodings = {"first": first.p__v.encoding, "old": back.a.encoding}

    for name, codec in {"first": named("numcodecs.zlib", level=1), "old": blosc("shuffle")}.items():
        store = MemoryStore()
        result = run_values(VALUES, encoding=encodings[name], store=store)
        assert result.p__v.values.tolist() == VALUES
        assert codecs_of(store)[-1] == codec


def test_an_encoding_copied_from_integers_masks_nothing(run_values):
    """The fill value that integers have by default, when it is given, is as if it were not: nothing is masked."""
    first = run_values([1, 2, 3], store={})
    result = run_values([1, 2, 3], encoding=first.p__v.encoding, store={})

    assert result.p__v.dtype == "int64"


def text_of(error):
    return str(error.value)


FITTING = (
    "compressors such as numcodecs.Blosc, Zstd, GZip, Zlib, LZ4, BZ2, LZMA; filters such as numcodecs.Delta, "
    "FixedScaleOffset, Quantize, BitRound, AsType, Shuffle; or any of zarr.codecs"
)


@pytest.mark.parametrize(
    ("encoding", "text"),
    [
        (
            {"filters": [numcodecs.Pickle()]},
            f"""
            codec Pickle(protocol=5) of output 'p__v' has no equivalent in Zarr format 3
              expected: {FITTING}
              remedy: leave it out: text is stored with variable length, objects are not stored
            """,
        ),
        (
            {"filters": [numcodecs.Base64()]},
            f"""
            codec Base64() of output 'p__v' has no equivalent in Zarr format 3
              expected: {FITTING}
              remedy: take one of these, or leave it out
            """,
        ),
        (
            {"compressor": "best"},
            """
            something given as a codec of output 'p__v' is none
              got: 'best'
              expected: an object of zarr.codecs or numcodecs, e.g. numcodecs.Blosc(cname='zstd'), or a list of \
these; None for none
            """,
        ),
        (
            {"compressor": {"id": "best"}},
            None,
        ),
        (
            {"codecs": [GzipCodec(level=1), TransposeCodec(order=(0,))]},
            """
            codecs of output 'p__v' are in an order that cannot be
              got: GzipCodec, TransposeCodec
              expected: filters (array to array), then at most one serializer (array to bytes), then compressors \
(bytes to bytes)
            """,
        ),
    ],
)
def test_codecs_that_are_none(run_values, encoding, text):
    """What is no codec of format 3 is refused before anything is written, naming the alternatives (API.md, §E1)."""
    store = {}
    with pytest.raises(OptionError) as error:
        run_values(VALUES, encoding=encoding, store=store, fail_at=0, error=AssertionError("the run began"))

    assert not store
    if text is not None:
        assert text_of(error) == dedent(text).strip()


@pytest.mark.parametrize(
    "encoding",
    [
        {"dtype": "float64", "filters": [numcodecs.PackBits()]},
        {"dtype": "float64", "filters": [numcodecs.Delta("i4")]},
        {"dtype": "datetime64[s]", "filters": [numcodecs.Delta("M8[s]")]},
        {"filters": [TransposeCodec(order=(1, 0))]},
    ],
    ids=["PackBits", "Delta of integers", "Delta of dates", "transpose"],
)
def test_codecs_that_do_not_fit_the_type_given(run_values, encoding):
    """A codec that fits not the type given, or no type at all, is refused before anything is written (§E1)."""
    store = {}
    with pytest.raises(OptionError) as error:
        run_values(VALUES, encoding=encoding, store=store, fail_at=0, error=AssertionError("the run began"))

    assert error.value.problem == "output 'p__v' cannot be stored with the codecs given"
    assert error.value.expected == "codecs that fit the type"
    assert not store


def test_codecs_that_do_not_fit_the_values(run_values):
    """Where the type follows from the values, a codec that does not fit is a clear error too (§E2)."""
    with pytest.raises(OptionError) as error:
        run_values(VALUES, encoding={"filters": [numcodecs.Delta("i4")]}, store={})

    assert error.value.problem == "output 'p__v' cannot be stored with the codecs given"
    assert error.value.got.startswith("type float64, {'filters': [Delta(dtype='<i4')]}: ")
    assert error.value.remedy == (
        "give other codecs, or the type that they are made for: encoding={..., 'dtype': ...}; bools are int8"
    )


def test_codecs_for_the_type_that_values_have(run_values):
    """A codec for another type than the usual one is no error as long as the type of values is not known."""
    values = [np.int32(i) for i in range(10)]
    store = MemoryStore()
    result = run_values(values, encoding={"filters": [numcodecs.Delta("i4")], "chunks": 4}, store=store)

    assert result.p__v.values.tolist() == open_plainly(store).p__v.values.tolist() == values
    assert result.p__v.dtype == "int32"


PACKED = numcodecs.FixedScaleOffset(offset=0, scale=10, dtype="f8", astype="i4")


@pytest.mark.parametrize("store", [None, MemoryStore], ids=["memory", "store"])
@pytest.mark.parametrize("packed", [PACKED, PACKED.get_config()], ids=["object", "configuration"])
def test_packed_values_and_what_is_missing(run_values, packed, store):
    """Where floats are packed into integers, which have no NaN, what is missing is missing all the same (§S1)."""
    values = [np.array([0.1, 0.2]), np.array([0.3]), np.array([0.4, 0.5, 0.6])]
    result = run_values(values, "x", encoding={"filters": [packed], "chunks": 2}, store=store and store())

    np.testing.assert_array_equal(result.p__v, [[0.1, 0.2, np.nan], [0.3, np.nan, np.nan], [0.4, 0.5, 0.6]])


@pytest.mark.filterwarnings("ignore:invalid value encountered in cast")  # numpy's, about the user's NaN
@pytest.mark.parametrize("batch", [False, True], ids=["single", "batch"])
@pytest.mark.parametrize(
    ("codec", "got"),
    [
        (numcodecs.Delta("f8"), "3.0 comes back as nan, with filters {}"),
        (
            numcodecs.FixedScaleOffset(0, 10, "f8", "i4"),
            "nan comes back as -214748364.8, with filters fixedscaleoffset",
        ),
    ],
    ids=["Delta", "FixedScaleOffset"],
)
def test_filters_that_spoil_values(codec, got, batch):
    """Filters that cannot hold what is missing, or lose what is next to it, are an error (DESIGN §S6)."""

    @xs.process
    class Tank:
        k = xs.variable(default=1.0)
        level = xs.variable(dims="x", intent="out", encoding={"filters": [codec]})

        def run_step(self):
            self.level = np.array([2.0, np.nan, 3.0])

    model = xs.Model({"tank": Tank})
    inputs = {"tank__k": ("batch", [1.0, 2.0])} if batch else {}
    setup = xs.create_setup(model, {"t": [0, 1]}, None, inputs, {"tank__level": None})
    with pytest.raises(OutputError) as error:
        setup.xsim.run(model, "batch" if batch else None, store={})

    assert (
        str(error.value)
        == dedent(f"""
        filters of output 'tank__level' spoil values that are next to missing ones, or that they cannot hold
          got: {got.format(codec.codec_id)}
          expected: filters that keep all values and what is missing
          remedy: leave out the filter, or give a fill_value that it can hold, or chunks that fit the dimensions
        """).strip()
    )


def test_differences_that_are_too_large(run_values):
    """Integers whose differences do not fit the type of the filter are an error, not other integers."""
    values = [np.int32(0), np.int32(1000), np.int32(5)]
    with pytest.raises(OutputError) as error:
        run_values(values, encoding={"filters": [numcodecs.Delta("i4", astype="i1")]}, store={})

    assert error.value.got == "1000 comes back as -24, with filters delta"


def test_packed_integers_stay_integers(run_values):
    """Integers need no other fill value when they are packed into smaller ones, and stay integers (§S1)."""
    packed = numcodecs.FixedScaleOffset(offset=100, scale=1, dtype="i8", astype="u1")
    result = run_values([100, 101, 300], encoding={"filters": [packed]}, store={})

    assert result.p__v.dtype == "int64"
    assert result.p__v.values.tolist() == [100, 101, 300]


def test_text_with_a_codec_for_text(run_values):
    """The filter that text needed in earlier formats is the serializer that it has in format 3 anyway."""
    store = MemoryStore()
    values = ["a", "", "žluť"]
    encoding = {"filters": [numcodecs.VLenUTF8()], "compressor": numcodecs.Zstd(), "dtype": str}
    result = run_values(values, encoding=encoding, store=store)

    assert [codec["name"] for codec in codecs_of(store)] == ["vlen-utf8", "zstd"]
    assert result.p__v.values.tolist() == open_plainly(store).p__v.values.tolist() == values
