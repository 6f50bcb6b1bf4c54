"""Subclasses, mixins, and variables declared again (API.md)."""

import pytest

import xsim as xs
from xsim.declare.process import process_spec


@xs.process
class Source:
    v = xs.variable(intent="out")

    def initialize(self):
        self.v = 1


@xs.process
class Base:
    a = xs.variable(default=1)
    b = xs.variable(intent="out")

    def run_step(self):
        self.b = 10 * self.a


def intents(cls):
    """Give the intent of each variable of a process class."""
    return {name: spec.intent.value for name, spec in process_spec(cls).variables.items()}


def test_variables_of_bases_come_first():
    """A subclass has the variables of its bases, then its own."""

    @xs.process
    class Sub(Base):
        c = xs.variable(default=3)

    process = Sub(a=2)
    process.run_step()

    assert list(process_spec(Sub).variables) == ["a", "b", "c"]
    assert list(process_spec(Base).variables) == ["a", "b"]
    assert (process.a, process.b, process.c) == (2, 20, 3)


def test_another_intent():
    """A subclass may set what its base reads; the base stays as it is (API.md)."""

    @xs.process
    class Sub(Base):
        a = xs.variable(intent="out")

        def initialize(self):
            self.a = 7

    with pytest.raises(TypeError):
        Sub(a=1)
    assert (intents(Sub)["a"], intents(Base)["a"]) == ("out", "in")
    assert xs.Model({"p": Sub}).input_vars == []
    assert xs.Model({"p": Base}).input_vars == [("p", "a")]


def test_redeclared_default():
    """What a subclass declares again is its own declaration as a whole."""

    @xs.process
    class Sub(Base):
        a = xs.variable(default=5, converter=float)

    assert (Sub().a, Base().a) == (5.0, 1)


def test_variable_to_foreign():
    """A variable becomes a reference in a subclass (API.md)."""

    @xs.process
    class Sub(Base):
        a = xs.foreign(Source, "v")

    model = xs.Model({"p": Sub, "s": Source})
    model.execute("initialize", {})
    model.execute("run_step", {})

    assert list(model) == ["s", "p"]
    assert (model.input_vars, model.p.b) == ([], 10)
    assert Sub(a=4).a == 4
    assert Base(a=5).a == 5


def test_foreign_to_variable():
    """A reference becomes a variable in a subclass (API.md)."""

    @xs.process
    class Reader:
        a = xs.foreign(Source, "v")
        b = xs.variable(intent="out")

        def run_step(self):
            self.b = 10 * self.a

    @xs.process
    class Sub(Reader):
        a = xs.variable(default=2)

    model = xs.Model({"p": Sub})
    model.update_state({("p", "a"): 6})
    model.execute("run_step", {})

    assert (model.input_vars, model.p.b, model.state[("p", "a")]) == ([("p", "a")], 60, 6)
    assert Sub().a == 2
    assert not hasattr(Sub.__new__(Sub), "a")
    assert Reader(a=3).a == 3


def computed():
    """Declare an on-demand variable with its compute method."""
    declaration = xs.on_demand()
    declaration.compute(lambda self: -1)
    return declaration


@pytest.mark.parametrize(
    "old", [lambda: xs.group("g"), lambda: xs.group_dict("g"), lambda: xs.global_ref("name"), computed]
)
def test_any_kind_to_variable(old):
    """Every kind with a property gives way to a plain variable of a subclass."""
    base = xs.process(type("Old", (), {"a": old()}))
    sub = xs.process(type("New", (base,), {"a": xs.variable(default=2)}))

    process = sub()
    process.a += 1

    assert process.a == 3
    assert not hasattr(sub.__new__(sub), "a")


def test_variable_to_on_demand():
    """A variable that a base sets is computed in a subclass."""

    @xs.process
    class Sub(Base):
        b = xs.on_demand()

        @b.compute
        def _b(self):
            return 3 * self.a

        def run_step(self):
            """Do nothing."""

    assert Sub(a=2).b == 6


def test_back_and_forth():
    """Kinds may change at each level."""

    @xs.process
    class Second(Base):
        a = xs.foreign(Source, "v")

    @xs.process
    class Third(Second):
        a = xs.variable(intent="inout", default=4)

    @xs.process
    class Fourth(Third):
        a = xs.foreign(Source, "v")

    assert [cls(a=3).a for cls in (Base, Second, Third, Fourth)] == [3, 3, 3, 3]
    assert list(xs.Model({"p": Fourth, "s": Source})) == ["s", "p"]


def test_plain_mixin():
    """Declarations in an undecorated base are taken over, and shared with nobody."""

    class Mixin:
        m = xs.variable(default=5)
        lazy = xs.on_demand()

        @lazy.compute
        def _lazy(self):
            return 2 * self.m

        def finalize(self):
            """Do nothing."""

    @xs.process
    class One(Mixin):
        a = xs.variable(default=1)

    @xs.process
    class Two(Mixin, Base):
        m = xs.variable(default=6)

    assert list(process_spec(One).variables) == ["m", "lazy", "a"]
    assert [stage.value for stage in process_spec(One).stages] == ["finalize"]
    assert (One().m, One().lazy, Two().m, Two().lazy, Two().a) == (5, 10, 6, 12, 1)
    assert not hasattr(One.__new__(One), "m")


def test_mixin_before_process():
    """A mixin named before a process class overrides its variables, as Python's order has it."""

    class Mixin:
        a = xs.variable(intent="out")

    @xs.process
    class Sub(Mixin, Base):
        pass

    assert intents(Sub) == {"a": "out", "b": "out"}


def test_mixin_after_process():
    """A mixin named after a process class leaves its variables alone, as Python's order has it."""

    class Mixin:
        a = xs.variable(intent="out")
        c = xs.variable()

    @xs.process
    class Sub(Base, Mixin):
        pass

    assert intents(Sub) == {"c": "in", "a": "in", "b": "out"}
    assert Sub(c=1).a == 1


def test_mixin_below_process():
    """What a process class declares again over its mixin holds in its subclasses too."""

    class Mixin:
        m = xs.variable(default=5)

    @xs.process
    class Changed(Mixin):
        m = xs.variable(intent="out")

    @xs.process
    class Sub(Changed):
        c = xs.variable(default=1)

    assert intents(Changed) == {"m": "out"}
    assert intents(Sub) == {"m": "out", "c": "in"}
    assert xs.Model({"p": Sub}).input_vars == [("p", "c")]


def test_redeclared_variable_keeps_its_place():
    """A variable that is declared again stays where its base has it."""

    @xs.process
    class Sub(Base):
        c = xs.variable()
        a = xs.variable(intent="out")

    assert list(process_spec(Sub).variables) == ["a", "b", "c"]


def test_diamond():
    """Of two bases with one base in common, the one that declares a variable again wins, in either order."""

    @xs.process
    class Changed(Base):
        a = xs.variable(intent="out")

    @xs.process
    class Unchanged(Base):
        pass

    first = xs.process(type("First", (Changed, Unchanged), {}))
    second = xs.process(type("Second", (Unchanged, Changed), {}))

    assert intents(first)["a"] == "out"
    assert intents(second)["a"] == "out"


def test_diamond_of_kinds():
    """In a diamond, the record of a variable and its access agree."""

    @xs.process
    class Changed(Base):
        a = xs.foreign(Source, "v")

    @xs.process
    class Unchanged(Base):
        pass

    both = xs.process(type("Both", (Unchanged, Changed), {}))
    model = xs.Model({"p": both, "s": Source})
    model.execute("initialize", {})
    model.execute("run_step", {})

    assert (model.input_vars, model.p.b) == ([], 10)


def test_subclass_stands_in():
    """A subclass finds what refers to its base, and its stages are its own (API.md)."""

    @xs.process
    class Other(Source):
        def initialize(self):
            self.v = 2

    @xs.process
    class Reader:
        f = xs.foreign(Source, "v")

    model = xs.Model({"r": Reader, "s": Other})
    model.execute("initialize", {})

    assert model.r.f == 2


def test_inherited_runtime_arguments():
    """A stage method of a base keeps the arguments that it asks for, unless it is written anew."""

    @xs.process
    class Timed:
        @xs.runtime(args="step")
        def run_step(self, step):
            self.seen = step

    @xs.process
    class Same(Timed):
        pass

    @xs.process
    class Anew(Timed):
        def run_step(self):
            self.seen = "none"

    model = xs.Model({"same": Same, "anew": Anew})
    model.execute("run_step", {"step": 3})

    assert (model.same.seen, model.anew.seen) == (3, "none")


def test_constant_in_place_of_a_variable():
    """A class attribute set over a variable is seen until the object has a value."""

    class Sub(Base):
        pass

    Sub.a = 3
    cls = xs.process(Sub)

    assert cls.__new__(cls).a == 3
    assert cls(a=4).a == 4


@pytest.mark.parametrize("options", [{}, {"validate": "all"}])
def test_process_that_is_a_dict(options):
    """A process class may derive from a builtin type; constructors that somebody wrote are not called."""

    @xs.process
    class Pool(dict):
        v = xs.variable(default=1)
        size = xs.variable(intent="out")

        def __new__(cls, must):
            raise AssertionError

        def run_step(self):
            self[len(self)] = self.v
            self.size = len(self)

    model = xs.Model({"pool": Pool})
    result = xs.create_setup(model, {"t": [0, 1, 2]}, output_vars={"pool__size": "t"}).xsim.run(model, **options)
    assert result.pool__size.values.tolist() == [1, 2, 2]
