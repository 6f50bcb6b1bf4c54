"""The `@process` decorator (DESIGN §V1)."""

import pickle
import textwrap
from types import FunctionType

import pytest

import xsim as xs
from xsim.declare.process import process_spec
from xsim.errors import DeclarationError, MissingComputeError, NotAProcessClassError


@xs.process
class Source:
    """Sets a value."""

    v = xs.variable(intent="out")


@xs.process
class Growth:
    """Grows."""

    rate = xs.variable(default=0.5, description="rate of growth")
    size = xs.variable("x", intent="inout")
    grid = xs.index("x")
    source = xs.foreign(Source, "v")
    other = xs.global_ref("name")
    members = xs.group("g")
    double = xs.on_demand()

    @double.compute
    def _double(self):
        return 2 * self.size

    def initialize(self):
        self.grid = [1, 2]

    def run_step(self):
        self.size = self.size * (1 + self.rate)


def test_in_place():
    """The decorator gives back the class that it was given, not a second one (DESIGN §V1)."""

    class Plain:
        v = xs.variable()

    assert xs.process(Plain) is Plain
    assert xs.process()(type("Other", (), {})).__name__ == "Other"


def test_forms():
    """The decorator works bare and with arguments, by position too."""

    class Plain:
        v = xs.variable(default=1)

    class Other:
        v = xs.variable(default=1)

    assert xs.process(autodoc=False, apply_attrs=True)(Plain)().v == 1
    assert xs.process(Other, False, False)().__dict__ == {}


def test_class_pickles():
    """A decorated class is found under its own name (DESIGN §V1)."""
    assert pickle.loads(pickle.dumps(Growth)) is Growth


def test_object_pickles():
    """Objects travel with values of all kinds, also those set through references (DESIGN §V1)."""
    process = Growth(rate=1.0, size=3.0, source=4, other=5, members=(6, 7))
    process.grid = [0, 1]
    process.undeclared = "u"

    other = pickle.loads(pickle.dumps(process))

    assert type(other) is Growth
    assert (other.rate, other.size, other.grid, other.source, other.other) == (1.0, 3.0, [0, 1], 4, 5)
    assert (other.members, other.double, other.undeclared) == ((6, 7), 6.0, "u")


def test_object_without_values_pickles():
    """An object made without its constructor travels too."""
    other = pickle.loads(pickle.dumps(Growth.__new__(Growth)))

    assert type(other) is Growth
    assert not hasattr(other, "size")


def test_made_by_type():
    """Classes made with `type()` can be decorated (API.md)."""
    made = xs.process(type("Made", (Growth,), {"extra": xs.variable(default=1)}))

    assert list(process_spec(made).variables)[-1] == "extra"
    assert made(size=1, source=2, other=3).extra == 1


def test_attributes_set_afterwards():
    """Attributes set on a class after decoration are seen on its objects (API.md)."""

    class Plain:
        v = xs.variable(default=1)

    cls = xs.process(Plain)
    early = cls()
    cls.constant = 3
    cls.twice = lambda self: 2 * self.v

    assert (early.constant, early.twice(), cls().twice()) == (3, 2, 2)


def test_spec():
    """The record of a class has its variables in order, and its stages."""
    spec = process_spec(Growth)

    assert spec.cls is Growth
    assert list(spec.variables) == ["rate", "size", "grid", "source", "other", "members", "double"]
    assert list(spec.stages) == ["initialize", "run_step"]
    with pytest.raises(TypeError):
        spec.variables["new"] = spec.variables["rate"]


def test_only_marked_names_are_added():
    """No public name is added to a class, so undeclared attributes may have any (API.md)."""

    class Plain:
        v = xs.variable(default=1)
        f = xs.foreign(Source, "v")

        def run_step(self):
            """Do nothing."""

    before = set(vars(Plain))
    added = set(vars(xs.process(Plain))) - before

    assert {name for name in added if not (name.startswith("__") and name.endswith("__"))} == set()


def test_undeclared_attributes_have_ordinary_names():
    """Names that xsim uses elsewhere are free on process objects (API.md)."""
    process = Source()
    process.step, process.step_end, process.name, process.state, process.spec = range(5)

    assert (process.step, process.step_end, process.name, process.state, process.spec) == tuple(range(5))


def test_repr():
    """A process object prints its variables and stages."""
    assert (
        repr(Growth(size=1, source=2, other=3))
        == textwrap.dedent(
            """
            <Growth (xsim process)>
            Variables:
                rate     [in]                         rate of growth
                size     [inout]  ('x',)
                grid     [out]    ('x',)
                source   [in]     <--- Source.v
                other    [in]     <--- global 'name'
                members  [in]     <--- group 'g'
                double   [out]
            Simulation stages:
                initialize
                run_step
            """
        ).strip()
    )


def test_repr_of_nothing():
    """A process without variables or stages says so."""
    assert (
        repr(xs.process(type("Nothing", (), {}))())
        == textwrap.dedent(
            """
            <Nothing (xsim process)>
            Variables:
                *empty*
            Simulation stages:
                *no stage implemented*
            """
        ).strip()
    )


def test_own_repr_is_kept():
    """A class's own `__repr__` is kept, also an inherited one."""
    base = type("Base", (), {"__repr__": lambda self: "mine"})

    assert repr(xs.process(type("Sub", (base,), {}))()) == "mine"


def test_repr_of_undecorated_subclass():
    """Printing never fails: an object of a subclass that is not decorated prints too."""

    class Sub(Source):
        pass

    assert isinstance(repr(Sub()), str)


def test_own_getattr_is_kept():
    """A class's own `__getattr__` is kept."""

    class Plain:
        v = xs.variable(intent="out")

        def __getattr__(self, name):
            if name.startswith("__"):
                raise AttributeError(name)
            return f"own {name}"

    assert xs.process(Plain)().w == "own w"


@pytest.mark.parametrize(
    "make, message",
    [
        (
            lambda: type("Sub", (Growth,), {"__module__": "m"}),
            """
            <class 'm.Sub'> inherits from a process-decorated class but is not itself process-decorated
              remedy: decorate class Sub with @xs.process too
            """,
        ),
        (
            lambda: int,
            """
            <class 'int'> is not a process-decorated class
              remedy: decorate class int with @xs.process
            """,
        ),
        (
            lambda: 3,
            """
            3 is not a process-decorated class
              expected: the class itself, not an object
              remedy: give classes to a model; it makes the objects
            """,
        ),
    ],
)
def test_not_a_process_class(make, message):
    """What is no process class is refused, and undecorated subclasses are called that (API.md)."""
    with pytest.raises(NotAProcessClassError) as error:
        process_spec(make())

    assert str(error.value) == textwrap.dedent(message).strip()


def test_missing_compute():
    """An on-demand variable without compute method is refused with the name of its decorator."""
    with pytest.raises(MissingComputeError) as error:
        xs.process(type("Lazy", (), {"area": xs.on_demand()}))

    assert (
        str(error.value)
        == textwrap.dedent(
            """
            No compute method found for on_demand variable 'area' of class Lazy
              remedy: A method decorated with '@area.compute' is required in the class definition
            """
        ).strip()
    )
    assert error.value.variable == "area"


@pytest.mark.parametrize("name", ["initialize", "run_step", "finalize_step", "finalize"])
def test_variable_with_name_of_a_stage(name):
    """A variable cannot hide a stage method."""
    with pytest.raises(DeclarationError) as error:
        xs.process(type("Clash", (), {name: xs.variable()}))

    assert (
        str(error.value)
        == textwrap.dedent(
            f"""
            variable '{name}' of class Clash has the name of a stage method
              remedy: give the variable another name
            """
        ).strip()
    )


def test_reserved_name():
    """Names that xsim keeps for itself are refused."""
    with pytest.raises(DeclarationError) as error:
        xs.process(type("Clash", (), {"__xsim_v__": xs.variable()}))

    assert (
        str(error.value)
        == textwrap.dedent(
            """
            variable '__xsim_v__' of class Clash uses a reserved name
              remedy: names that start with '__xsim' belong to xsim
            """
        ).strip()
    )


def test_stage_methods_stay_functions():
    """Stage methods can be called by hand, as in unit tests of a process (DESIGN §V1)."""
    process = Growth(size=2.0, source=1, other=1)
    process.run_step()

    assert process.size == 3.0
    assert type(vars(Growth)["run_step"]) is FunctionType
