"""Large models: work that grows with their size, and no faster."""

import gc

import pytest

import xsim as xs
from xsim.model.graph import ModelGraph
from xsim.model.objects import make_objects


@xs.process
class Member:
    value = xs.variable(intent="out", groups="all")


@xs.process
class Reader:
    every = xs.group("all")


def chain(length):
    """Make classes of which each reads a value of the one before."""
    classes = {"p0": Member}
    for i in range(1, length):
        namespace = {"value": xs.variable(intent="out", groups="all"), "source": xs.foreign(f"p{i - 1}", "value")}
        classes[f"p{i}"] = xs.process(type(f"P{i}", (), namespace))
    return classes


def references(length):
    """Make classes of which each refers to the reference of the one before."""
    cls = xs.process(type("P0", (), {"v": xs.variable(dims="x", intent="out", description="height")}))
    classes = {"p0": cls}
    for i in range(1, length):
        cls = classes[f"p{i}"] = xs.process(type(f"P{i}", (), {"v": xs.foreign(cls, "v")}))
    return classes


def readers(count):
    """Make as many members of a group as readers of it."""
    members = {f"m{i}": Member for i in range(count)}
    return members | {f"r{i}": Reader for i in range(count)}


@pytest.mark.parametrize("classes", [chain, references, readers])
@pytest.mark.parametrize("work", [lambda g: g, lambda g: g.dependencies, make_objects], ids=["link", "before", "make"])
def test_work_is_linear(classes, work, steps_of):
    """Linking, telling what comes before what, and making objects takes ten times as long for ten times as many."""
    few, many = classes(30), classes(300)
    work(ModelGraph(few))  # what is made once, is made

    assert steps_of(lambda: work(ModelGraph(many))) < 12 * steps_of(lambda: work(ModelGraph(few)))


def test_users_of_a_group_share_it():
    """The members of a group, and the processes before its users, are kept once, however many users there are."""
    graph = ModelGraph(readers(5))
    objects = make_objects(graph)

    assert len({id(graph.dependencies[f"r{i}"]) for i in range(5)}) == 1
    assert len({id(vars(objects[f"r{i}"])["__xsim_link_every__"]) for i in range(5)}) == 1


def test_long_chain_of_references():
    """A reference of a reference, hundreds deep, links to the variable at its end, and is described by it."""
    classes = references(600)
    last = ("p599", "v")
    graph = ModelGraph(classes)

    assert graph.linking.ends[last] == ("p0", "v")
    assert graph.metadata(last)["description"] == "height"
    assert "dims 'x', of P598.v\n    height" in classes["p599"].__doc__


def test_description_is_looked_up_once(steps_of):
    """What describes a reference of references is looked up along one path, not along one for each of its facts."""
    spec = references(9)["p8"].__xsim_spec__.variables["v"]

    assert steps_of(lambda: spec.metadata, most=10_000) < 500


@xs.process
class Source:
    price = xs.variable(intent="out")


@xs.process
class Adder:
    parts = xs.group("parts")
    both = xs.group_dict("parts")


@xs.process
class Buyer:
    need = xs.variable()
    state = xs.any_object()
    price = xs.foreign(Source, "price")
    paid = xs.global_ref("paid")
    before = xs.foreign(Source, "price", lag=1, initial=1.0)
    part = xs.variable(intent="out", groups="parts")
    twice = xs.on_demand()

    @twice.compute
    def _twice(self):
        return 2 * self.need

    def initialize(self):
        self.state, self.part = object(), self.price


@xs.process
class Payer:
    paid = xs.variable(intent="out", global_name="paid")


def test_attributes_of_many_objects_need_no_dict():
    """Thousands of objects of a class that are made first, and filled later, keep their attributes without a dict."""
    buyers = {f"buyer{i}": Buyer for i in range(200)}
    objects = make_objects(ModelGraph({"source": Source, "payer": Payer, "adder": Adder, **buyers}))
    objects["source"].price = 2.0
    for name, made in objects.items():
        if name.startswith("buyer"):
            made.need = 1.0
            made.initialize()

    assert objects["buyer7"].twice == 2.0
    assert objects["adder"].parts == (2.0,) * 200
    assert not any(type(held) is dict for made in objects.values() for held in gc.get_referents(made))
