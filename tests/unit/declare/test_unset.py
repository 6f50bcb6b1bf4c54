"""Values that are not set (DESIGN §V7), and references that only read."""

import textwrap

import pytest

import xsim as xs
from xsim.errors import ReadOnlyError, UnsetVariableError


@xs.process
class Source:
    v = xs.variable(intent="out", global_name="name", groups="g")
    w = xs.variable()
    o = xs.any_object()
    i = xs.index("x")


@xs.process
class Reader:
    f = xs.foreign(Source, "v")
    r = xs.global_ref("name")
    g = xs.group("g")
    d = xs.group_dict("g")


@xs.process
class Chained:
    c = xs.foreign(Reader, "f")


SET_BY_ITSELF = "a value set by this process in an earlier stage (intent='out')"
FROM_OUTSIDE = (
    "a value from the setup or from another process; inputs that vary in time have none before the first step"
)


@pytest.fixture
def model():
    """Give a model without any value."""
    return xs.Model({"chained": Chained, "reader": Reader, "source": Source})


@pytest.mark.parametrize(
    "name, expected", [("v", SET_BY_ITSELF), ("w", FROM_OUTSIDE), ("o", SET_BY_ITSELF), ("i", SET_BY_ITSELF)]
)
def test_own_variable_in_a_model(model, name, expected):
    """An unset value is an AttributeError that names variable, process and class (DESIGN §V7)."""
    with pytest.raises(UnsetVariableError) as error:
        getattr(model.source, name)

    assert str(error.value) == (
        f"variable {name!r} of process 'source' (class Source) has no value yet\n  expected: {expected}"
    )
    assert (error.value.process, error.value.variable) == ("source", name)
    assert not hasattr(model.source, name)


@pytest.mark.parametrize("process, name", [("reader", "f"), ("reader", "r"), ("reader", "g"), ("reader", "d")])
def test_reference_in_a_model(model, process, name):
    """Through a reference, the message is about the variable that has no value."""
    with pytest.raises(UnsetVariableError) as error:
        getattr(model[process], name)

    assert (
        str(error.value)
        == textwrap.dedent(
            f"""
            variable 'v' of process 'source' (class Source) has no value yet
              expected: {SET_BY_ITSELF}
            """
        ).strip()
    )


def test_chain_in_a_model(model):
    """Through several references, too."""
    with pytest.raises(UnsetVariableError) as error:
        _ = model.chained.c

    assert (error.value.process, error.value.variable) == ("source", "v")


def test_bare_object():
    """A bare object names its class."""
    with pytest.raises(UnsetVariableError) as error:
        _ = Source(w=1).v

    assert str(error.value) == (f"variable 'v' of class Source has no value yet\n  expected: {SET_BY_ITSELF}")
    assert error.value.process == ""


@pytest.mark.parametrize("name", ["f", "r"])
def test_reference_of_a_bare_object(name):
    """On a bare object, a reference has no value until one is set."""
    process = Reader.__new__(Reader)

    with pytest.raises(UnsetVariableError) as error:
        getattr(process, name)

    assert (
        str(error.value)
        == textwrap.dedent(
            f"""
            variable '{name}' of class Reader has no value yet
              expected: a value set on the process object, which is in no model
            """
        ).strip()
    )
    setattr(process, name, None)
    assert getattr(process, name) is None


def test_unknown_attribute(model):
    """What is no variable is an ordinary AttributeError."""
    with pytest.raises(AttributeError) as error:
        _ = model.source.zzz

    assert type(error.value) is AttributeError
    assert str(error.value) == "'Source' object has no attribute 'zzz'"
    assert (error.value.name, error.value.obj) == ("zzz", model.source)


def test_deleted_value(model):
    """A deleted value is unset again."""
    model.source.v = 1
    assert (model.reader.f, model.reader.r, model.reader.g, model.chained.c) == (1, 1, (1,), 1)
    del model.source.v

    assert not hasattr(model.source, "v")
    assert not hasattr(model.reader, "f")


@pytest.mark.parametrize("name", ["f", "r", "g", "d"])
def test_read_only_references(model, name):
    """In a model, a reference with intent 'in' cannot be set, and the message says how it could."""
    with pytest.raises(ReadOnlyError) as error:
        setattr(model.reader, name, 3)

    assert (
        str(error.value)
        == textwrap.dedent(
            f"""
            variable '{name}' of process 'reader' (class Reader) is only read by this process and cannot be set
              got: intent='in'
              remedy: declare it with intent='out' (to set it) or intent='inout' (to update it)
            """
        ).strip()
    )
    assert (error.value.process, error.value.variable) == ("reader", name)
    assert not hasattr(model.source, "v")


@pytest.mark.parametrize("name", ["name", "cache", "spec", "runtime_args"])
@pytest.mark.parametrize("kind", ["foreign", "global_ref", "group"])
def test_any_name_of_a_reference(kind, name):
    """References may have any name; xsim's own marks on objects do not get in the way (API.md)."""
    declaration = {
        "foreign": lambda: xs.foreign(Source, "v"),
        "global_ref": lambda: xs.global_ref("name"),
        "group": lambda: xs.group("g"),
    }[kind]()
    cls = xs.process(type("Named", (), {name: declaration}))
    lazy = xs.on_demand()
    lazy.compute(lambda self: getattr(self, name), cache=True)
    computing = xs.process(type("Computing", (cls,), {"lazy": lazy, "run_step": lambda self: None}))
    model = xs.Model({"p": computing, "source": Source})
    model.source.v = 3
    model.execute("run_step", {})
    expected = (3,) if kind == "group" else 3

    assert xs.process_name(model.p) == "p"
    assert (getattr(model.p, name), model.p.lazy) == (expected, expected)


@pytest.mark.parametrize("target", ["cls", "variables", "stages"])
def test_bare_reference_named_spec(target):
    """A bare object's reference has no value, whatever its name and that of its target."""
    source = xs.process(type("Other", (), {target: xs.variable(intent="out")}))
    cls = xs.process(type("Named", (), {"spec": xs.foreign(source, target)}))

    assert not hasattr(cls.__new__(cls), "spec")
