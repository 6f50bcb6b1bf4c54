"""The keys of an encoding, brought to one form (DESIGN §S3, §S6, §V3)."""

from textwrap import dedent

import numpy as np
import pytest

import xsim as xs
from xsim.errors import OptionError
from xsim.plan.encoding import merged_encoding, plain_encoding

KEYS = (
    "'dtype', 'chunks', 'shards', 'fill_value', 'order', 'compressors', 'compressor', 'filters', "
    "'serializer', 'codecs', 'synchronizer'"
)


@pytest.mark.parametrize(
    ("given", "plain"),
    [
        ({}, {}),
        ({"compressor": "c"}, {"compressors": "c"}),
        ({"compressor": None}, {"compressors": None}),
        ({"compressor": "c", "compressors": None}, {"compressors": "c"}),
        ({"_FillValue": -1}, {"fill_value": -1}),
        ({"_FillValue": -1, "fill_value": 0}, {"fill_value": -1}),
        ({"chunks": np.int64(3)}, {"chunks": (3,)}),
        ({"chunks": [3, None, -1]}, {"chunks": (3, -1, -1)}),
        ({"chunks": "auto"}, {"chunks": None}),
        ({"shards": None}, {"shards": None}),
        ({"chunks": 3, "preferred_chunks": {"x": 3}, "source": "file.nc", "original_shape": (3,)}, {"chunks": (3,)}),
    ],
)
def test_one_form(given, plain):
    """Each thing has one name; what xarray notes of a file that a variable came from says nothing (API.md)."""
    before = dict(given)

    assert plain_encoding(given, "here") == plain
    assert given == before


@pytest.mark.parametrize(
    ("declared", "given", "merged"),
    [
        ({"dtype": "int8", "chunks": 3}, {"dtype": "int16"}, {"dtype": "int16", "chunks": (3,)}),
        ({"compressor": "a"}, {"compressors": "b"}, {"compressors": "b"}),
        ({"compressor": "a"}, {"compressor": None}, {"compressors": None}),
        ({"fill_value": -1, "chunks": 3, "shards": 6}, {"fill_value": None, "chunks": True, "shards": None}, {}),
        ({"codecs": ["a"], "chunks": 3}, {"compressors": "b"}, {"compressors": "b", "chunks": (3,)}),
        ({"filters": ["a"], "compressors": "b", "serializer": "c"}, {"codecs": ["d"]}, {"codecs": ["d"]}),
    ],
)
def test_the_run_takes_precedence(declared, given, merged):
    """What is given to a run replaces what is declared, also under another name; None undoes it (API.md)."""
    assert merged_encoding(declared, "p__v", given, "p__v") == merged


@pytest.mark.parametrize(
    ("given", "text"),
    [
        (
            {"scale_factor": 0.1, "add_ofset": 5},
            """
            here has unknown keys 'scale_factor', 'add_ofset'
              expected: keys among KEYS
              remedy: 'scale_factor': pack values with filters=[numcodecs.FixedScaleOffset(offset=..., scale=..., \
dtype=..., astype=...)], or save another variable
            """,
        ),
        (
            {"units": "days since 2000-01-01"},
            """
            here has unknown keys 'units'
              expected: keys among KEYS
              remedy: 'units': leave it out: dates are stored as they are; the units of numbers are attributes of the \
variable
            """,
        ),
        (
            {"zlib": True, "filter": []},
            """
            here has unknown keys 'zlib', 'filter'
              expected: keys among KEYS
              did you mean: 'filters'?
              remedy: 'zlib': Zarr has compressors=, e.g. compressors=[numcodecs.Zlib(level=4)]
            """,
        ),
        (
            {"compressor": "a", "compressors": "b"},
            """
            here has both 'compressor' and 'compressors'
              remedy: leave out 'compressor'
            """,
        ),
        (
            {"codecs": ["a"], "filters": ["b"], "compressors": None},
            """
            here has both 'codecs' and 'filters'
              expected: all codecs in their order as 'codecs', or 'filters', 'serializer' and 'compressors'
            """,
        ),
        (
            {"order": "A"},
            """
            here has an unknown order
              got: 'A'
              expected: 'C' or 'F'
            """,
        ),
    ],
)
def test_keys_that_make_no_sense(given, text):
    """Unknown keys, also those that other libraries have, and keys that exclude each other (DESIGN §E2)."""
    with pytest.raises(OptionError) as error:
        plain_encoding(given, "here")

    assert str(error.value) == dedent(text).strip().replace("KEYS", KEYS)


def test_encodings_do_not_leak():
    """What is given to a run changes neither class, model, setup, what was given, nor a later run (DESIGN §V3)."""
    declared = {"dtype": "float32", "chunks": (2,), "filters": []}

    @xs.process
    class Tank:
        level = xs.variable(intent="out", encoding=declared)

        def initialize(self):
            self.level = 1.5

    model = xs.Model({"tank": Tank})
    setup = xs.create_setup(model, {"t": [0, 1, 2]}, output_vars={"tank__level": "t"})
    before = setup.copy(deep=True)
    given = {"tank__level": {"dtype": "float64", "chunks": 1, "fill_value": -1.0, "compressor": None}}
    copy = {name: dict(keys) for name, keys in given.items()}

    first = setup.xsim.run(model, encoding=given, store={})
    second = setup.xsim.run(model, store={})

    assert (first.tank__level.dtype, second.tank__level.dtype) == ("float64", "float32")
    assert (first.tank__level.encoding["chunks"], second.tank__level.encoding["chunks"]) == ((1,), (2,))
    assert "_FillValue" not in second.tank__level.encoding
    assert given == copy
    assert declared == {"dtype": "float32", "chunks": (2,), "filters": []}
    assert dict(model.graph.variable(("tank", "level")).encoding) == declared
    assert setup.identical(before)


@pytest.mark.parametrize("name", ["x", "tank__x"])
def test_encodings_of_indexes(name):
    """The encoding of an index goes by its name in the result, or by the one with its process, as in xarray-simlab."""

    @xs.process
    class Tank:
        x = xs.index(dims="x", encoding={"chunks": 2})

        def initialize(self):
            self.x = np.arange(4.0)

    model = xs.Model({"tank": Tank})
    result = xs.create_setup(model).xsim.run(model, encoding={name: {"dtype": "float32"}}, store={})

    assert result.x.dtype == "float32"
    assert result.x.encoding["chunks"] == (2,)


def test_more_chunks_than_dimensions():
    """Sizes for dimensions that an output does not have are refused; those declared go with any clock."""

    @xs.process
    class Row:
        k = xs.variable()
        level = xs.variable(dims=[(), "y"], intent="out", encoding={"chunks": (1, 2, 3)})

        def initialize(self):
            self.level = np.arange(4) + self.k

    model = xs.Model({"row": Row})
    setup = xs.create_setup(
        model=model, clocks={"time": [0, 1]}, input_vars={"row__k": ("m", [1, 2])}, output_vars={"row__level": None}
    )
    setup.xsim.run(model, batch_dim="m", encoding={"row__level": {"chunks": (1, 2)}})
    setup.xsim.run(model, batch_dim="m", encoding={"row__level": {"chunks": False, "dtype": "float64"}})
    setup.isel(m=0).xsim.run(model)
    with pytest.raises(xs.errors.OptionError) as error:
        setup.xsim.plan(model, batch_dim="m", encoding={"row__level": {"chunks": (1, 2, 3)}})
    assert str(error.value) == (
        "chunks in encoding={'row__level': ...} are too many\n"
        "  got: (1, 2, 3), 3 sizes\n"
        "  expected: at most 2 sizes, for the dimensions ('m', 'y')\n"
        "  remedy: leave out the last ones: sizes count from the front (batch, clock, own dimensions)"
    )
