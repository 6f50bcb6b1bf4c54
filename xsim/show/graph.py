"""A model as a graph in the DOT language: processes, what they wait for, and their variables."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from xsim._base.keys import Key, join_key, split_name
from xsim._base.render import digraph, names
from xsim._base.suggest import did_you_mean
from xsim.declare.variable_spec import VariableSpec, VarIntent, VarType
from xsim.errors import UnknownVariableError
from xsim.model.graph import HasGraph, ModelGraph, as_graph, variable_names

Attributes = Mapping[str, str]
Edge = tuple[str, str, Attributes]

_PROCESS = {"shape": "oval", "style": "filled", "color": "#2f5d8c", "fillcolor": "#d3e3f3", "fontcolor": "#16324f"}
_INPUT = {"shape": "box", "style": "filled", "color": "#b07d1a", "fillcolor": "#f8e7c1", "fontcolor": "#4a340a"}
_VARIABLE = {"shape": "box", "color": "#5a5a5a", "fontcolor": "#3a3a3a"}
_REFERENCE = {**_VARIABLE, "style": "dashed"}
_GROUP = {**_VARIABLE, "shape": "box3d"}
_ON_DEMAND = {**_VARIABLE, "style": "diagonals"}

_WAITS = {"color": "#2f5d8c", "style": "bold"}
_WAITS_FOR_GROUP = {"color": "#2f5d8c", "style": "dashed"}
_LAGGED = {"color": "#2f5d8c", "style": "dotted", "constraint": "false"}

_HINT = {"color": "#9a9a9a", "arrowhead": "open", "tooltip": "order given to the model"}

# Which end of the line between a variable and its process has an arrow: who sets it, who reads it.
_DIRECTION = {VarIntent.IN: {"arrowhead": "none"}, VarIntent.OUT: {}, VarIntent.INOUT: {"dir": "both"}}


def graph_text(
    model: HasGraph,
    show_only_variable: Key | str | None = None,
    show_inputs: bool = False,
    show_variables: bool = False,
    *,
    rankdir: str = "LR",
    graph_attr: Attributes | None = None,
    node_attr: Attributes | None = None,
    edge_attr: Attributes | None = None,
) -> str:
    """Write the graph of a model in the DOT language, which Graphviz draws.

    Processes are ovals. Bold edges lead from a process that sets a variable to those that use it; they are dashed
    where only a group links the two, and dotted where the value is that of the step before; thin grey ones are hints
    on the order. Boxes are variables: filled for inputs, dashed for references to variables of other processes,
    threefold for groups, with cut corners where computed on demand; an arrow at both ends of their line says that the
    process updates them.

    Parameters
    ----------
    model : Model or ModelGraph
    show_only_variable : tuple of str or str, optional
        Show this variable, ``(process, variable)``, and all variables that share its value, but no others.
    show_inputs : bool, default: False
        Show the inputs.
    show_variables : bool, default: False
        Show all variables.
    rankdir : {"LR", "TB", "RL", "BT"}, default: "LR"
        Direction in which the graph grows.
    graph_attr, node_attr, edge_attr : mapping of str to str, optional
        Attributes of Graphviz for the graph, and for all nodes and edges that do not say otherwise.

    Raises
    ------
    UnknownVariableError
        If the model has no such variable.
    """
    graph = as_graph(model)
    shown = _shown(graph, show_only_variable, show_inputs, show_variables)
    inputs = set(graph.inputs)
    nodes: dict[str, Attributes] = {
        name: {**_PROCESS, "tooltip": f"process {name!r} of class {graph.classes[name].__name__}"}
        for name in graph.order
    }
    nodes |= {join_key(key): _variable_node(graph, key, key in inputs) for key in shown}
    edges = [*_process_edges(graph), *(_variable_edge(graph, key, key in inputs) for key in shown)]
    defaults = {"graph": {"rankdir": rankdir, **(graph_attr or {})}, "node": node_attr or {}, "edge": edge_attr or {}}
    return digraph(nodes, edges, defaults)


def _shown(graph: ModelGraph, only: Any, inputs: bool, variables: bool) -> list[Key]:
    if only is None:
        inputs_too = set(graph.inputs) if inputs else set()
        return [key for key in graph.keys if variables or key in inputs_too]
    key = split_name(only) if isinstance(only, str) else only
    if not isinstance(key, tuple) or key not in graph.keys:
        known = variable_names(graph.keys)
        name = only if isinstance(only, str) else "__".join(map(str, only)) if isinstance(only, tuple) else only
        raise UnknownVariableError(
            f"{only!r} is no variable of the model",
            expected=f"('process', 'variable'), one of {names(known)}",
            suggestions=did_you_mean(name, known),
        )
    ends = set(_ends(graph, key))
    return [other for other in graph.keys if other == key or not ends.isdisjoint(_ends(graph, other))]


def _ends(graph: ModelGraph, key: Key) -> tuple[Key, ...]:
    """Give the variables whose values one stands for, also where it stands for those of the step before."""
    if graph.variable(key).group is not None:
        return graph.linking.refers_to(key)
    while key in graph.linking.targets:
        key = graph.linking.targets[key]
    return (key,)


def _process_edges(graph: ModelGraph) -> Iterator[Edge]:
    """Give an edge for each pair of processes of which one waits for the other, each lagged link, and each hint."""
    for name in graph.order:
        direct: dict[str, list[str]] = {before: [] for before in graph.dependencies[name]}
        grouped: dict[str, list[str]] = {before: [] for before in graph.dependencies[name]}
        for variable, spec in graph.specs[name].variables.items():
            for end in _ends(graph, (name, variable)):
                setter = graph.linking.setters.get(end, end[0])
                if spec.lag:
                    yield setter, name, {**_LAGGED, "tooltip": f"{join_key(end)}, of the step before"}
                elif setter in direct and (spec.group is not None or spec.intent is not VarIntent.OUT):
                    (direct if spec.group is None else grouped)[setter].append(join_key(end))
        for before in graph.dependencies[name]:
            shared = dict.fromkeys([*direct[before], *grouped[before]])
            style = _WAITS if direct[before] or not grouped[before] else _WAITS_FOR_GROUP
            yield before, name, {**style, "tooltip": ", ".join(shared)}
    for first, second in graph.hints:
        yield first, second, _HINT


def _variable_node(graph: ModelGraph, key: Key, is_input: bool) -> Attributes:
    spec = graph.variable(key)
    full = graph.resolved(key)
    facts = [full.description or key[1], " or ".join(map(str, full.dims))]
    if spec.group is not None:
        facts = [f"group {spec.group!r}: {', '.join(variable_names(graph.linking.refers_to(key))) or 'empty'}"]
    tooltip = "; ".join([join_key(key), *filter(None, facts)])
    look = _INPUT if is_input else _look(spec)
    return {**look, "label": key[1], "tooltip": tooltip}


def _look(spec: VariableSpec) -> Attributes:
    if spec.group is not None:
        return _GROUP
    if spec.var_type in (VarType.FOREIGN, VarType.GLOBAL):
        return _REFERENCE
    return _ON_DEMAND if spec.var_type is VarType.ON_DEMAND else _VARIABLE


def _variable_edge(graph: ModelGraph, key: Key, is_input: bool) -> Edge:
    spec = graph.variable(key)
    line = _INPUT if is_input else _VARIABLE
    look = {"color": line["color"], "weight": "200", **_DIRECTION[spec.intent]}
    if spec.lag:
        look["style"] = "dotted"
    elif spec.var_type in (VarType.FOREIGN, VarType.GLOBAL):
        look["style"] = "dashed"
    ends = (key[0], join_key(key)) if spec.intent is VarIntent.OUT else (join_key(key), key[0])
    return (*ends, look)
