"""Drawing models: ``from xsim.dot import dot_graph``."""

from __future__ import annotations

from typing import Any

from xsim._base.keys import Key
from xsim.model.graph import HasGraph
from xsim.show.draw import drawing
from xsim.show.graph import graph_text

__all__ = ["dot_graph", "graph_text"]


def dot_graph(
    model: HasGraph,
    filename: Any = None,
    format: str | None = None,
    show_only_variable: Key | str | None = None,
    show_inputs: bool = False,
    show_variables: bool = False,
    **kwargs: Any,
) -> Any:
    """Draw a model as a graph.

    Parameters
    ----------
    model : Model
    filename : path-like, optional
        Where to write the picture; by default it is only returned.
    format : str, optional
        Format of the picture, e.g. "png", "svg" or "pdf"; by default that of the extension of the filename, else PNG.
    show_only_variable, show_inputs, show_variables, **kwargs
        As in `xsim.dot.graph_text`, which also says what the shapes mean.

    Returns
    -------
    graphviz.Source
        Notebooks display it; its ``source`` is the text.

    Raises
    ------
    DrawingError
        If Graphviz, or its Python package, is not installed (``pip install 'xarray-xsim[draw]'``).
    UnknownVariableError
        If the model has no such variable.
    """
    text = graph_text(model, show_only_variable, show_inputs, show_variables, **kwargs)
    return drawing(text, filename, format)
