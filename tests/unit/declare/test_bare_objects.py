"""Process objects outside any model, as in unit tests (DESIGN §V1)."""

import attr
import pytest

import xsim as xs


@xs.process
class Source:
    v = xs.variable(intent="out")
    w = xs.variable()


def test_values_by_keyword():
    """The constructor takes the values of inputs, by keyword."""

    @xs.process
    class Plain:
        a = xs.variable()
        b = xs.variable(intent="inout")
        c = xs.variable(default=3)
        d = xs.variable(intent="out")

    process = Plain(a=1, b=2)

    assert (process.a, process.b, process.c) == (1, 2, 3)
    assert not hasattr(process, "d")
    process.d = 4
    assert process.d == 4


@pytest.mark.parametrize("values", [{}, {"a": 1, "d": 2}, {"a": 1, "o": 2}, {"a": 1, "lazy": 2}, {"a": 1, "zzz": 3}])
def test_refused_keywords(values):
    """Inputs without default are needed; outputs and unknown names are no arguments."""

    @xs.process
    class Plain:
        a = xs.variable()
        d = xs.variable(intent="out")
        o = xs.any_object()
        lazy = xs.on_demand()

        @lazy.compute
        def _lazy(self):
            return 1

    with pytest.raises(TypeError):
        Plain(**values)


def test_no_positional_values():
    """Values go by name, since subclasses may add variables."""
    with pytest.raises(TypeError):
        Source(1)


def test_default_method():
    """`@v.default` methods are called with the object."""

    @xs.process
    class Plain:
        a = xs.variable(default=2)
        b = xs.variable()

        @b.default
        def _b(self):
            return 10 * self.a

    assert (Plain().b, Plain(a=3).b, Plain(b=1).b) == (20, 30, 1)


def test_default_factory():
    """An attrs factory makes a new value for each object."""

    @xs.process
    class Plain:
        a = xs.variable(default=attr.Factory(list))

    assert Plain().a == []
    assert Plain().a is not Plain().a


def test_converter():
    """Converters turn values, and defaults, into what the process sees."""

    @xs.process
    class Plain:
        a = xs.variable(converter=float, default="1.5")

    assert (Plain().a, Plain(a="2").a) == (1.5, 2.0)


def test_validators():
    """Validators given as argument, in a list, and by decorator are all asked, with object, field and value."""
    seen = []

    def first(process, attribute, value):
        seen.append(("first", type(process).__name__, attribute.name, value))

    def second(process, attribute, value):
        seen.append(("second", type(process).__name__, attribute.name, value))

    @xs.process
    class Plain:
        a = xs.variable(validator=[first, second])
        b = xs.variable(validator=first)

        @a.validator
        @b.validator
        def _third(self, attribute, value):
            seen.append(("third", type(self).__name__, attribute.name, value))
            if value < 0:
                raise ValueError("negative")

    with pytest.raises(ValueError) as error:  # noqa: PT011 - the validator's own
        Plain(a=1, b=-2)

    assert str(error.value) == "negative"
    assert seen == [(who, "Plain", "a", 1) for who in ("first", "second", "third")] + [
        ("first", "Plain", "b", -2),
        ("third", "Plain", "b", -2),
    ]


def test_references_by_hand():
    """References can be given to the constructor and set later, and stay with the object (DESIGN §V1)."""

    @xs.process
    class Plain:
        f = xs.foreign(Source, "v")
        g = xs.global_ref("name")
        h = xs.foreign(Source, "w", intent="inout")
        i = xs.global_ref("other", intent="inout")

    one, two = Plain(f=1, g=2, h=3, i=4), Plain(f=5, g=6, h=7, i=8)
    two.f, two.g, two.h, two.i = 50, 60, 70, 80

    assert (one.f, one.g, one.h, one.i) == (1, 2, 3, 4)
    assert (two.f, two.g, two.h, two.i) == (50, 60, 70, 80)


def test_output_references_by_hand():
    """References that the process sets are no arguments, and can be set and read."""

    @xs.process
    class Plain:
        f = xs.foreign(Source, "w", intent="out")
        g = xs.global_ref("name", intent="out")

        def initialize(self):
            self.f, self.g = 1, 2

    process = Plain()
    process.initialize()

    assert (process.f, process.g) == (1, 2)
    with pytest.raises(TypeError):
        Plain(f=1)


def test_two_references_to_one_variable():
    """Outside models nothing links two references to the same variable."""

    @xs.process
    class Plain:
        f = xs.foreign(Source, "v")
        g = xs.foreign(Source, "v")

    process = Plain(f=1, g=2)

    assert (process.f, process.g) == (1, 2)


def test_groups_by_hand():
    """Groups are empty outside models, unless values are given or set."""

    @xs.process
    class Plain:
        g = xs.group("g")
        d = xs.group_dict("g")

    assert (Plain().g, Plain().d) == ((), {})
    process = Plain(g=(1, 2), d={("p", "v"): 1})
    assert (process.g, process.d) == ((1, 2), {("p", "v"): 1})
    process.g, process.d = [3], {}
    assert (process.g, process.d) == ([3], {})


def test_process_name_outside_models():
    """A process object in no model has no name."""
    assert xs.process_name(Source(w=1)) == ""


def test_own_constructor_is_kept():
    """A constructor written in the class is kept, and may set any variable."""

    @xs.process
    class Plain:
        a = xs.variable()
        f = xs.foreign(Source, "v")

        def __init__(self, both):
            self.a = self.f = both

    process = Plain(3)

    assert (process.a, process.f) == (3, 3)


def test_models_do_not_call_constructors():
    """A model makes its objects without their constructors."""

    @xs.process
    class Plain:
        a = xs.variable(default=1)

        def __init__(self, needed):
            raise AssertionError("called")

    assert not hasattr(xs.Model({"p": Plain}).p, "a")


def test_without_attrs():
    """`apply_attrs=False` makes no constructor; variables can be set as usual."""

    @xs.process(apply_attrs=False)
    class Plain:
        a = xs.variable(default=1)
        f = xs.foreign(Source, "v")

    with pytest.raises(TypeError):
        Plain(a=1)
    process = Plain()
    assert not attr.has(Plain)
    assert not hasattr(process, "a")
    process.a, process.f = 2, 3
    assert (process.a, process.f) == (2, 3)


def test_without_attrs_in_a_model():
    """A class without constructor runs in models like any other."""

    @xs.process(apply_attrs=False)
    class Plain:
        a = xs.variable(default=1)
        b = xs.variable(intent="out")

        def run_step(self):
            self.b = 2 * self.a

    model = xs.Model({"p": Plain})
    model.update_state({("p", "a"): 4})
    model.execute("run_step", {})

    assert model.p.b == 8


def test_objects_compare_by_identity():
    """Objects with equal values are still two, and can be keys."""
    one, two = Source(w=1), Source(w=1)

    assert one != two
    assert len({one, two}) == 2
