"""Models as graphs in the DOT language."""

import re
import textwrap

import pytest

import xsim as xs
from xsim.errors import UnknownVariableError
from xsim.show.graph import graph_text


@xs.process
class Grid:
    spacing = xs.variable(description='distance of "nodes"')
    x = xs.index("x")


@xs.process
class Heat:
    x = xs.foreign(Grid, "x")
    heat = xs.variable(["x", ("y", "x")], intent="inout", global_name="heat")
    flow = xs.variable("x", intent="out", groups="flows")
    most = xs.on_demand(groups="flows")

    @most.compute
    def _most(self):
        return self.heat.max()


@xs.process
class Sun:
    heat = xs.global_ref("heat", intent="inout")


@xs.process
class Start:
    heat = xs.foreign(Heat, "heat", intent="out")


@xs.process
class Total:
    flows = xs.group("flows")
    by_name = xs.group_dict("nothing")


MODEL = xs.Model({"total": Total, "sun": Sun, "heat": Heat, "start": Start, "grid": Grid})


def edges(text):
    """Give the edges of a graph, with their style and tooltip."""
    found = {}
    for start, end, attributes in re.findall(r'^    "(.*?)" -> "(.*?)" \[(.*)\];$', text, re.MULTILINE):
        pairs = dict(re.findall(r'(\w+)="((?:[^"\\]|\\.)*)"', attributes))
        found[start, end] = pairs
    return found


def nodes(text):
    """Give the nodes of a graph, with their attributes."""
    found = {}
    for name, attributes in re.findall(r'^    "([^"]*)" \[(.*)\];$', text, re.MULTILINE):
        found[name] = dict(re.findall(r'(\w+)="((?:[^"\\]|\\.)*)"', attributes))
    return found


def test_processes():
    """Processes come in the order of execution; bold edges say who waits for whom and for what, dashed for groups."""
    text = graph_text(MODEL)

    assert list(nodes(text)) == ["start", "grid", "heat", "total", "sun"]
    assert nodes(text)["heat"]["tooltip"] == "process 'heat' of class Heat"
    assert {ends: (found["style"], found["tooltip"]) for ends, found in edges(text).items()} == {
        ("start", "heat"): ("bold", "heat__heat"),
        ("grid", "heat"): ("bold", "grid__x"),
        ("heat", "total"): ("dashed", "heat__flow, heat__most"),
        ("start", "sun"): ("bold", "heat__heat"),
    }


def test_no_processes():
    """An empty model is an empty graph."""
    assert graph_text(xs.Model({})) == 'digraph {\n    graph [rankdir="LR"];\n}\n'


def test_whole_text():
    """The graph is plain DOT, whose names are quoted."""
    assert graph_text(xs.Model({"grid": Grid}), show_inputs=True) == textwrap.dedent(
        r"""
        digraph {
            graph [rankdir="LR"];
            "grid" [shape="oval", style="filled", color="#2f5d8c", fillcolor="#d3e3f3", fontcolor="#16324f", tooltip="process 'grid' of class Grid"];
            "grid__spacing" [shape="box", style="filled", color="#b07d1a", fillcolor="#f8e7c1", fontcolor="#4a340a", label="spacing", tooltip="grid__spacing; distance of \"nodes\"; ()"];
            "grid__spacing" -> "grid" [color="#b07d1a", weight="200", arrowhead="none"];
        }
        """  # noqa: E501
    ).lstrip("\n")


def test_inputs():
    """Inputs are filled boxes; nothing else is shown with them. A variable that another process sets is no input."""
    text = graph_text(MODEL, show_inputs=True)

    assert [name for name in nodes(text) if "__" in name] == ["grid__spacing"]
    assert ("grid__spacing", "grid") in edges(text)


def test_variables():
    """Each kind of variable has its look, and arrows say who sets, reads or updates it."""
    text = graph_text(MODEL, show_variables=True)

    assert {name: (v["shape"], v.get("style", "")) for name, v in nodes(text).items() if "__" in name} == {
        "start__heat": ("box", "dashed"),
        "grid__spacing": ("box", "filled"),
        "grid__x": ("box", ""),
        "heat__x": ("box", "dashed"),
        "heat__heat": ("box", ""),
        "heat__flow": ("box", ""),
        "heat__most": ("box", "diagonals"),
        "total__flows": ("box3d", ""),
        "total__by_name": ("box3d", ""),
        "sun__heat": ("box", "dashed"),
    }
    arrows = {ends: found for ends, found in edges(text).items() if "__" in "".join(ends)}
    assert {ends: found.get("dir", found.get("arrowhead", "set")) for ends, found in arrows.items()} == {
        ("start", "start__heat"): "set",
        ("grid__spacing", "grid"): "none",
        ("grid", "grid__x"): "set",
        ("heat__x", "heat"): "none",
        ("heat__heat", "heat"): "both",
        ("heat", "heat__flow"): "set",
        ("heat", "heat__most"): "set",
        ("total__flows", "total"): "none",
        ("total__by_name", "total"): "none",
        ("sun__heat", "sun"): "both",
    }
    assert {name: nodes(text)[name]["tooltip"] for name in ("sun__heat", "total__flows", "total__by_name")} == {
        "sun__heat": "sun__heat; heat; ('x',) or ('y', 'x')",
        "total__flows": "total__flows; group 'flows': heat__flow, heat__most",
        "total__by_name": "total__by_name; group 'nothing': empty",
    }


@pytest.mark.parametrize(
    "variable, shown",
    [
        (("heat", "heat"), ["start__heat", "heat__heat", "sun__heat"]),
        ("sun__heat", ["start__heat", "heat__heat", "sun__heat"]),
        (("heat", "flow"), ["heat__flow", "total__flows"]),
        (("total", "flows"), ["heat__flow", "heat__most", "total__flows"]),
        (("total", "by_name"), ["total__by_name"]),
        (("grid", "spacing"), ["grid__spacing"]),
    ],
)
def test_one_variable(variable, shown):
    """One variable is shown with all that share its value, whatever else is asked for."""
    text = graph_text(MODEL, show_only_variable=variable, show_inputs=True, show_variables=True)

    assert [name for name in nodes(text) if "__" in name] == shown


def test_attributes():
    """Direction and attributes of Graphviz can be chosen, for the graph, and for all nodes and edges."""
    text = graph_text(
        MODEL, rankdir="TB", graph_attr={"label": "Heat"}, node_attr={"fontname": "Arial"}, edge_attr={"len": "2"}
    )

    assert text.splitlines()[1:4] == [
        '    graph [rankdir="TB", label="Heat"];',
        '    node [fontname="Arial"];',
        '    edge [len="2"];',
    ]


def test_a_graph_will_do():
    """Models and model graphs are drawn alike (DESIGN, section 4)."""
    assert graph_text(MODEL.graph) == graph_text(MODEL)


@pytest.mark.parametrize("variable", [("heat", "heats"), "heat__heats", "heat", 3])
def test_unknown_variable(variable):
    """A variable that the model does not have is refused, with a suggestion (DESIGN §E2)."""
    with pytest.raises(UnknownVariableError) as error:
        graph_text(MODEL, show_only_variable=variable)

    lines = str(error.value).splitlines()
    assert lines[:2] == [
        f"{variable!r} is no variable of the model",
        "  expected: ('process', 'variable'), one of 'start__heat', 'grid__spacing', 'grid__x', 'heat__x', "
        "'heat__heat', 'heat__flow', 'heat__most', 'total__flows', 'total__by_name', 'sun__heat'",
    ]
    if "heats" in str(variable):
        assert lines[2:] == ["  did you mean: 'heat__heat', 'start__heat', 'heat__x'?"]


@xs.process
class Climate:
    carbon = xs.foreign("Economy", "carbon", lag=1)
    warmth = xs.variable(intent="out", global_name="warmth")


@xs.process
class Economy:
    warmth = xs.foreign(Climate, "warmth")
    before = xs.global_ref("warmth", lag=1, initial=0.0)
    carbon = xs.variable(intent="out")


def test_lagged_references():
    """A reference to the step before is a dotted edge, which does not order the drawing (DESIGN §O6)."""
    model = xs.Model({"climate": Climate, "economy": Economy})
    dotted = [line for line in graph_text(model).splitlines() if "dotted" in line]

    assert dotted == [
        '    "economy" -> "climate" [color="#2f5d8c", style="dotted", constraint="false", '
        'tooltip="economy__carbon, of the step before"];',
        '    "climate" -> "economy" [color="#2f5d8c", style="dotted", constraint="false", '
        'tooltip="climate__warmth, of the step before"];',
    ]
    text = graph_text(model, show_only_variable="climate__warmth")
    assert [name for name in nodes(text) if "__" in name] == ["climate__warmth", "economy__warmth", "economy__before"]
    assert edges(text)["economy__before", "economy"]["style"] == "dotted"
    assert nodes(graph_text(model, show_inputs=True))["climate__carbon"]["style"] == "filled"


def test_order_hints():
    """A hint on the order is a thin edge of its own."""
    text = graph_text(xs.Model({"heat": Heat, "grid": Grid, "sun": Sun}, order=[("sun", "heat")]))

    assert edges(text)["sun", "heat"] == {
        "color": "#9a9a9a",
        "arrowhead": "open",
        "tooltip": "order given to the model",
    }
