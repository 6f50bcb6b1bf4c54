"""A model as text or HTML: its processes in the order of execution, with their inputs."""

from __future__ import annotations

from xsim._base.dims import show_alternatives
from xsim._base.render import Page, Section, quantity
from xsim.model.graph import HasGraph, as_graph


def model_page(model: HasGraph) -> Page:
    """Describe a model, a large one in part.

    Parameters
    ----------
    model : ModelGraph or Model
    """
    graph = as_graph(model)
    rows: dict[str, list[tuple[str, str, str, str]]] = {name: [] for name in graph.order}
    for process, variable in graph.inputs:
        spec = graph.input_spec((process, variable))
        rows[process].append((variable, f"[{spec.intent.value}]", show_alternatives(spec.dims), spec.description))
    head = f"<xsim.Model ({quantity(len(rows), 'process', 'processes')}, {quantity(len(graph.inputs), 'input')})>"
    return Page(head, [Section(name, inputs) for name, inputs in rows.items()]).cut()
