"""What references and groups lead to (API.md)."""

import pytest

import xsim as xs
from xsim.model.graph import ModelGraph


@xs.process
class Source:
    v = xs.variable(intent="out", global_name="v", groups="g")
    o = xs.any_object(global_name="o", groups="g")
    lazy = xs.on_demand(groups=["g", "lazy"])
    x = xs.index("x", global_name="x")

    @lazy.compute
    def _lazy(self):
        return 10 * self.v


@xs.process
class Derived(Source):
    pass


@xs.process
class Parameter:
    w = xs.variable(global_name="w")


@xs.process
class First:
    f = xs.foreign(Source, "v")
    w = xs.foreign(Parameter, "w", intent="out")
    lazy = xs.foreign(Source, "lazy")


@xs.process
class Second:
    f = xs.foreign(First, "f")
    w = xs.foreign(First, "w", intent="inout")
    lazy = xs.foreign(First, "lazy")


@xs.process
class Third:
    f = xs.foreign(Second, "f", intent="inout")
    by_name = xs.global_ref("v")
    w = xs.global_ref("w")


@pytest.fixture(params=[Source, Derived])
def model(request):
    """Give a model of a chain of references, to a class and to a subclass of it."""
    return xs.Model({"third": Third, "second": Second, "first": First, "source": request.param, "parameter": Parameter})


def test_roots(model):
    """Chains of references end at the variable that holds the value, also in a subclass."""
    assert {key: root for key, root in model.graph.linking.roots.items() if key[0] != "first"} == {
        ("second", "f"): ("source", "v"),
        ("second", "w"): ("parameter", "w"),
        ("second", "lazy"): ("source", "lazy"),
        ("third", "f"): ("source", "v"),
        ("third", "by_name"): ("source", "v"),
        ("third", "w"): ("parameter", "w"),
    }
    assert model.graph.linking.targets["third", "f"] == ("second", "f")


def test_setters(model):
    """A variable is set by its process or by the one that refers to it with intent 'out'."""
    assert dict(model.graph.linking.setters) == {
        ("source", "v"): "source",
        ("source", "o"): "source",
        ("source", "lazy"): "source",
        ("source", "x"): "source",
        ("parameter", "w"): "first",
    }
    assert model.input_vars == []


def test_reading_through_chains(model):
    """All references read what the owner has."""
    model.source.v, model.parameter.w = 1, 2

    assert (model.first.f, model.second.f, model.third.f, model.third.by_name) == (1, 1, 1, 1)
    assert (model.first.w, model.second.w, model.third.w) == (2, 2, 2)
    assert (model.first.lazy, model.second.lazy) == (10, 10)


def test_setting_through_chains():
    """A value set through references reaches the owner, and all who read it."""

    @xs.process
    class Owner:
        v = xs.variable(intent="inout", global_name="v")

    @xs.process
    class One:
        f = xs.foreign(Owner, "v", intent="inout")

    @xs.process
    class Two:
        f = xs.foreign(One, "f", intent="inout")
        g = xs.global_ref("v", intent="inout")

    model = xs.Model({"two": Two, "one": One, "owner": Owner})
    for process, name in (("owner", "v"), ("one", "f"), ("two", "f"), ("two", "g")):
        setattr(model[process], name, (process, name))
        assert (model.owner.v, model.one.f, model.two.f, model.two.g) == ((process, name),) * 4


def test_values_are_shared_not_copied(model):
    """State holds values by reference (API.md)."""
    model.source.o = shared = []
    model.source.v = 1
    model.source.o.append(3)

    assert model.source.o is shared
    assert model.state[("source", "o")] is shared


def test_class_several_times():
    """A class may be in a model several times, each with values of its own (API.md)."""
    model = xs.Model({"a": Source, "b": Derived, "c": Source} | {"user": xs.process(type("User", (), {"v": 1}))})
    model.a.v, model.c.v = 1, 2

    assert (model.a.v, model.c.v, hasattr(model.b, "v")) == (1, 2, False)


class Member:
    """Names its own position in a group."""

    def initialize(self):
        self.v, self.i = f"{xs.process_name(self)}.v", f"{xs.process_name(self)}.i"


@xs.process
class Both(Member):
    v = xs.variable(intent="out", groups="g")
    i = xs.index("x", groups=("h", "g"))


@xs.process
class Gatherer:
    g = xs.group("g")
    d = xs.group_dict("g")
    h = xs.group("h")
    nothing = xs.group("nobody")
    nothing_dict = xs.group_dict("nobody")

    def initialize(self):
        self.seen = self.g, dict(self.d), self.h, self.nothing, dict(self.nothing_dict)


def test_groups():
    """Members come in the order of processes in the model, then of their declaration (xs.group)."""
    model = xs.Model({"user": Gatherer, "b": Both, "a": Both})
    model.execute("initialize", {})
    members = ("b.v", "b.i", "a.v", "a.i")

    assert model.user.seen == (
        members,
        {("b", "v"): "b.v", ("b", "i"): "b.i", ("a", "v"): "a.v", ("a", "i"): "a.i"},
        ("b.i", "a.i"),
        (),
        {},
    )
    assert list(model.user.d) == [("b", "v"), ("b", "i"), ("a", "v"), ("a", "i")]


def test_groups_are_read_anew():
    """A group shows the values of the moment, and its mapping cannot be written to."""
    model = xs.Model({"user": Gatherer, "a": Both})
    model.execute("initialize", {})
    model.a.v = "new"

    assert model.user.g == ("new", "a.i")
    with pytest.raises(TypeError):
        model.user.d["a", "v"] = "other"


def test_group_of_all_kinds():
    """Variables, objects and on-demand variables travel through groups."""
    user = xs.process(type("User", (), {"g": xs.group_dict("g"), "lazy": xs.group("lazy")}))
    model = xs.Model({"user": user, "source": Source})
    model.source.v, model.source.o = 3, "object"

    assert dict(model.user.g) == {("source", "v"): 3, ("source", "o"): "object", ("source", "lazy"): 30}
    assert model.user.lazy == (30,)


def test_bound_methods_travel_through_groups():
    """Bound methods of other processes can be called through a group of objects (API.md)."""

    @xs.process
    class Callback:
        hook = xs.any_object(groups="hooks")

        def initialize(self):
            self.count = 0
            self.hook = self.increment

        def increment(self):
            self.count += 1

    @xs.process
    class Caller:
        hooks = xs.group("hooks")

        def run_step(self):
            for hook in self.hooks:
                hook()

    model = xs.Model({"caller": Caller, "one": Callback, "two": Callback})
    model.execute("initialize", {})
    model.execute("run_step", {})
    model.execute("run_step", {})

    assert (model.one.count, model.two.count) == (2, 2)


def test_group_member_set_by_another():
    """A member that another process sets through a reference makes the group wait for that one (DESIGN §O2)."""

    @xs.process
    class Owner:
        v = xs.variable(groups="g")

    @xs.process
    class Setter:
        f = xs.foreign(Owner, "v", intent="out")

    user = xs.process(type("User", (), {"g": xs.group("g")}))

    assert xs.Model({"user": user, "owner": Owner, "setter": Setter}).dependent_processes == {
        "setter": [],
        "user": ["setter"],
        "owner": ["setter"],
    }


def test_mixins_can_be_targets():
    """A reference to a plain base class finds the process derived from it."""

    class Mixin:
        v = xs.variable(intent="out")

    derived = xs.process(type("Derived", (Mixin,), {}))
    reader = xs.process(type("Reader", (), {"f": xs.foreign(Mixin, "v")}))

    assert ModelGraph({"r": reader, "d": derived}).linking.roots == {("r", "f"): ("d", "v")}


def test_a_class_and_its_own_subclass():
    """Two classes related by inheritance may both be in a model while nobody refers to them."""
    assert list(xs.Model({"a": Derived, "b": Both})) == ["a", "b"]
    assert list(xs.Model({"a": Derived, "b": Source})) == ["a", "b"]


def _member(number, reads=None, on_demand=False):
    declaration = xs.on_demand(groups="g") if on_demand else xs.variable(intent="out", groups="g")
    namespace = {"b": declaration, "a": xs.variable(intent="out", groups=["g", "h"])}
    if on_demand:
        namespace["_compute"] = declaration.compute(lambda self: number)
    if reads is not None:
        namespace["f"] = xs.foreign(reads, "a")

    def initialize(self):
        if not on_demand:
            self.b = number
        self.a = number + 0.5

    return xs.process(type(f"Member{number}", (), {**namespace, "initialize": initialize}))


def test_groups_are_in_the_order_of_execution():
    """Members of a group come as their processes run, those computed on demand last, as in xarray-simlab (API.md)."""

    @xs.process
    class Gathers:
        g = xs.group("g")
        h = xs.group("h")
        by_key = xs.group_dict("g")

    one, two = _member(1), _member(2, on_demand=True)
    three = _member(3, reads=one)
    classes = {"gathers": Gathers, "zero": _member(0, reads=three), "one": one, "two": two, "three": three}
    model = xs.Model(classes)
    model.execute("initialize", {})

    assert list(model) == ["one", "three", "zero", "two", "gathers"]
    assert model.gathers.g == (1, 1.5, 3, 3.5, 0, 0.5, 2.5, 2)
    assert model.gathers.h == (1.5, 3.5, 0.5, 2.5)
    assert list(model.gathers.by_key)[-2:] == [("two", "a"), ("two", "b")]
