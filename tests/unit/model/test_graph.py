"""The model graph: immutable, stateless, picklable (DESIGN §V7)."""

import copy
import pickle

import pytest

import xsim as xs
from xsim.model.graph import ModelGraph, as_graph, variable_names


@xs.process
class Source:
    i = xs.variable(dims=[(), "x"], default=1)
    v = xs.variable(intent="out", groups="g")
    lazy = xs.on_demand()
    o = xs.any_object()
    x = xs.index("x")

    @lazy.compute
    def _lazy(self):
        return self.v

    def initialize(self):
        self.v, self.o, self.x = self.i, [], [0]


@xs.process
class Reader:
    f = xs.foreign(Source, "v")
    fo = xs.foreign(Source, "o")
    g = xs.group("g")
    u = xs.variable(intent="inout", global_name="u")
    r = xs.global_ref("u")

    def run_step(self):
        self.u = self.f


@pytest.fixture
def graph():
    """Give a graph of two processes, declared against their order."""
    return ModelGraph({"reader": Reader, "source": Source})


def content(graph):
    """Give all that a graph says."""
    return (
        dict(graph.classes),
        graph.order,
        dict(graph.linking.targets),
        dict(graph.linking.roots),
        dict(graph.linking.groups),
        dict(graph.linking.setters),
        graph.keys,
        graph.inputs,
        graph.indexes,
        graph.stateful,
        graph.savable,
        dict(graph.dependencies),
        {name: graph.uses(name) for name in graph.order},
    )


def test_views(graph):
    """Keys come in the order of execution, then of declaration."""
    assert graph.order == ("source", "reader")
    assert list(graph.specs) == ["reader", "source"]
    assert graph.keys == (
        *(("source", name) for name in ("i", "v", "lazy", "o", "x")),
        *(("reader", name) for name in ("f", "fo", "g", "u", "r")),
    )
    assert graph.inputs == (("source", "i"), ("reader", "u"))
    assert graph.indexes == (("source", "x"),)
    assert graph.stateful == (*(("source", name) for name in ("i", "v", "o", "x")), ("reader", "u"))
    assert graph.savable == (
        *(("source", name) for name in ("i", "v", "lazy", "x")),
        ("reader", "f"),
        ("reader", "u"),
        ("reader", "r"),
    )
    assert dict(graph.dependencies) == {"source": (), "reader": ("source",)}


def test_declarations(graph):
    """`variable` gives the declaration as written, `resolved` that at the end of the chain."""
    assert graph.variable(("reader", "f")).var_type is xs.VarType.FOREIGN
    assert graph.resolved(("reader", "f")) is graph.variable(("source", "v"))
    assert graph.resolved(("reader", "g")) is graph.variable(("reader", "g"))
    assert graph.resolved(("reader", "r")) is graph.variable(("reader", "u"))


def test_uses(graph):
    """Uses name what holds the value, and say which are updates (DESIGN §O3)."""
    assert dict(graph.uses("reader")) == {("source", "v"): False, ("source", "o"): True, ("reader", "u"): True}
    assert dict(graph.uses("source")) == {
        ("source", "i"): False,
        ("source", "v"): True,
        ("source", "lazy"): True,
        ("source", "o"): True,
        ("source", "x"): True,
    }


def test_pickle(graph):
    """A graph travels by its classes, and says the same afterwards."""
    other = pickle.loads(pickle.dumps(graph))

    assert content(other) == content(graph)
    assert other.classes["source"] is Source


def test_pickle_is_small(graph):
    """Looking at a graph adds nothing to its pickle."""
    before = pickle.dumps(graph)
    content(graph)

    assert pickle.dumps(graph) == before


def test_deep_copy(graph):
    """A deep copy says the same."""
    assert content(copy.deepcopy(graph)) == content(graph)


def test_stateless(graph):
    """Executing a model leaves nothing in its graph, which its clones share (DESIGN §V7)."""
    model = xs.Model({"reader": Reader, "source": Source})
    before = content(model.graph)
    assert model.graph.blueprint is not None  # found when first needed, as is what follows
    assert model.graph.calls is not None
    attributes = set(vars(model.graph))
    other = model.clone()

    model.update_state({("source", "i"): 5})
    model.execute("initialize", {})
    model.execute("run_step", {})
    model.update_cache(("reader", "u"))

    assert content(model.graph) == before == content(graph)
    assert set(vars(model.graph)) == attributes
    assert other.graph is model.graph
    assert len(other.state) == 0


def test_given_mapping_is_copied():
    """Changing the mapping that a graph was made from changes nothing."""
    classes = {"source": Source}
    graph = ModelGraph(classes)
    classes["reader"] = Reader

    assert graph.order == tuple(graph.classes) == tuple(graph.specs) == ("source",)


@pytest.mark.parametrize(
    "mapping",
    [
        lambda graph: graph.classes,
        lambda graph: graph.specs,
        lambda graph: graph.linking.targets,
        lambda graph: graph.linking.roots,
        lambda graph: graph.linking.groups,
        lambda graph: graph.linking.setters,
        lambda graph: graph.dependencies,
        lambda graph: graph.specs["source"].variables,
        lambda graph: graph.specs["source"].stages,
        lambda graph: graph.variable(("source", "i")).attrs,
    ],
    ids=["classes", "specs", "targets", "roots", "groups", "setters", "dependencies", "variables", "stages", "attrs"],
)
def test_mappings_cannot_be_changed(graph, mapping):
    """Nothing in a graph can be changed: all members of a run share it (DESIGN §V7)."""
    before = dict(mapping(graph))

    with pytest.raises(TypeError):
        mapping(graph)["new"] = None

    assert dict(mapping(graph)) == before


@pytest.mark.parametrize("name", ["classes", "linking", "order", "keys", "new"])
def test_attributes_cannot_be_set(graph, name):
    """A graph is immutable (DESIGN §2)."""
    with pytest.raises(AttributeError):
        setattr(graph, name, None)


def test_as_graph(graph):
    """Graphs and models are taken alike (DESIGN §4)."""

    class Wrapped:
        def __init__(self, graph):
            self.graph = graph

    assert as_graph(graph) is graph
    assert as_graph(Wrapped(graph)) is graph
    model = xs.Model({"source": Source})
    assert as_graph(model) is model.graph


def test_as_graph_of_something_else():
    """What is no model is named in the message."""
    with pytest.raises(TypeError) as error:
        as_graph({"source": 1})

    assert str(error.value) == "{'source': 1} is not an instance of xsim.Model, but of 'dict'"


def test_empty():
    """A graph may have no processes."""
    graph = ModelGraph({})

    assert (graph.order, graph.keys, graph.inputs) == ((), (), ())


def test_variable_names():
    """Keys become dataset names."""
    assert variable_names([("a", "b"), ("a", "b__c")]) == ["a__b", "a__b__c"]


def test_repr(graph):
    """A graph prints its size."""
    assert repr(graph) == "<xsim ModelGraph (2 processes, 2 inputs)>"
