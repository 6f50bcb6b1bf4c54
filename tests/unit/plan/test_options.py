"""The arguments of a run, frozen (DESIGN §V3)."""

import textwrap

import attrs
import pytest

import xsim as xs
from xsim.plan.options import RunOptions

KEYS = (
    "'dtype', 'chunks', 'shards', 'fill_value', 'order', 'compressors', 'compressor', 'filters', "
    "'serializer', 'codecs', 'synchronizer'"
)


def message(text):
    return textwrap.dedent(text).strip().replace("{KEYS}", KEYS)


@xs.process
class Tank:
    level = xs.variable(intent="out")
    x = xs.index(dims="x")


@xs.process
class Misdeclared:
    level = xs.variable(intent="out", encoding={"dtpe": "int8", "chunks": 5})


MODEL = xs.Model({"tank": Tank})


@pytest.fixture
def setup():
    return xs.create_setup(MODEL, {"t": [0, 1]}, output_vars={"tank__level": "t"})


def test_defaults():
    """The defaults are those of xarray-simlab (API.md)."""
    options = RunOptions()

    assert attrs.asdict(options) == {
        "check_dims": "strict",
        "validate": "inputs",
        "store": None,
        "mode": "w-",
        "resume": False,
        "accept_code_change": False,
        "encoding": {},
        "decoding": {},
        "batch_dim": None,
        "parallel": False,
        "scheduler": None,
        "workers": None,
        "threads_per_worker": None,
        "block": None,
        "seed": None,
        "on_error": "raise",
        "max_failures": None,
        "retries": 0,
        "time_limit": None,
        "progress": None,
        "scratch": None,
        "keep_scratch": "failed",
        "memory": None,
        "memory_per_member": None,
        "priority": None,
        "max_walltime": None,
    }


def test_options_are_frozen():
    """Options cannot be changed once made."""
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        RunOptions().mode = "w"


def test_options_are_keywords_only():
    """Options have no order."""
    with pytest.raises(TypeError):
        RunOptions("strict")


def test_options_do_not_follow_the_mappings_given():
    """A mapping changed after the options were made does not change them."""
    encoding = {"tank__level": {"dtype": "int8"}}
    options = RunOptions(encoding=encoding)

    encoding["other"] = {}

    assert options.encoding == {"tank__level": {"dtype": "int8"}}


@pytest.mark.parametrize(
    ("option", "text"),
    [
        (
            {"check_dims": "Strict"},
            """
            'Strict' is not a valid value of check_dims=
              expected: one of 'strict', 'transpose', None
              did you mean: 'strict'?
            """,
        ),
        (
            {"check_dims": False},
            """
            False is not a valid value of check_dims=
              expected: one of 'strict', 'transpose', None
            """,
        ),
        (
            {"validate": "input"},
            """
            'input' is not a valid value of validate=
              expected: one of 'inputs', 'all', None
              did you mean: 'inputs'?
            """,
        ),
        (
            {"mode": "a"},
            """
            'a' is not a valid value of mode=
              expected: one of 'w-', 'w'
            """,
        ),
        (
            {"encoding": {"tank__level": {"dtyp": "int8", "chunk": 3, "chunks": 3}}},
            """
            encoding={'tank__level': ...} has unknown keys 'dtyp', 'chunk'
              expected: keys among {KEYS}
              did you mean: 'dtype', 'chunks'?
            """,
        ),
        (
            {"encoding": {"tank__level": "int8"}},
            """
            encoding={'tank__level': ...} is no mapping
              got: 'int8'
            """,
        ),
    ],
)
def test_options_that_make_no_sense(setup, option, text):
    """An option is checked with the whole message, by run and plan alike."""
    with pytest.raises(xs.errors.OptionError) as planning:
        setup.xsim.plan(MODEL, **option)
    with pytest.raises(xs.errors.OptionError) as running:
        setup.xsim.run(MODEL, **option)

    assert str(planning.value) == str(running.value) == message(text)
    assert isinstance(planning.value, ValueError)


@pytest.mark.parametrize("option", ["encoding", "decoding"])
def test_mappings_are_mappings(option):
    """Something else than a mapping is no bare error of Python's (DESIGN §E2)."""
    with pytest.raises(xs.errors.OptionError):
        RunOptions(**{option: 3})


def test_encodings_are_of_outputs(setup):
    """An encoding is given for something that the run saves."""
    with pytest.raises(xs.errors.OptionError) as error:
        setup.xsim.plan(MODEL, encoding={"tank__lvel": {}, "x": {"dtype": "int8"}, "t": {}})

    assert str(error.value) == message(
        """
        encoding= is given for 'tank__lvel', 't', which the run does not save
          expected: names among 'x', 'tank__level'
          did you mean: 'tank__level'?
        """
    )


def test_encodings_when_nothing_is_saved():
    """Without outputs no encoding has a meaning."""
    model = xs.Model({"bad": Misdeclared})
    with pytest.raises(xs.errors.OptionError) as error:
        xs.create_setup(model).xsim.plan(model, encoding={"bad__level": {}})

    assert str(error.value) == message(
        """
        encoding= is given for 'bad__level', which the run does not save
          expected: names among none
        """
    )


def test_declared_encodings_are_checked():
    """An encoding declared with a variable is checked like one given to a run."""
    model = xs.Model({"bad": Misdeclared})
    setup = xs.create_setup(model, output_vars={"bad__level": None})

    with pytest.raises(xs.errors.OptionError) as error:
        setup.xsim.plan(model)

    assert str(error.value) == message(
        """
        the encoding declared for variable 'bad__level' has unknown keys 'dtpe'
          expected: keys among {KEYS}
          did you mean: 'dtype'?
        """
    )


def test_misspelt_options_of_plan(setup):
    """An argument that does not exist is an ordinary TypeError, with a suggestion."""
    with pytest.raises(TypeError) as error:
        setup.xsim.plan(MODEL, check_dim="strict")

    assert (
        str(error.value)
        == "plan() got an unexpected keyword argument 'check_dim'; did you mean 'check_dims', 'batch_dim'?"
    )


def test_unknown_options_of_plan(setup):
    """Without a name that is close there is no suggestion."""
    with pytest.raises(TypeError) as error:
        setup.xsim.plan(MODEL, zzz=1)

    assert str(error.value) == "plan() got an unexpected keyword argument 'zzz'"


def test_a_given_encoding_wins_and_does_not_leak(setup):
    """Encodings given to one run are joined with those declared, for that run only (DESIGN §V3)."""

    @xs.process
    class Encoded:
        level = xs.variable(intent="out", encoding={"dtype": "int8", "chunks": 5})

    model = xs.Model({"tank": Encoded})

    first = setup.xsim.plan(model, encoding={"tank__level": {"dtype": "int16"}})
    second = setup.xsim.plan(model)

    assert [dict(output.encoding) for plan in (first, second) for output in plan.outputs] == [
        {"dtype": "int16", "chunks": (5,)},
        {"dtype": "int8", "chunks": (5,)},
    ]
