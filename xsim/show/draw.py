"""Drawing graphs with Graphviz, which is an optional package and an external program."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from xsim._base.suggest import did_you_mean
from xsim.errors import DrawingError

DEFAULT_FORMAT = "png"


def drawing(text: str, filename: Any = None, format: str | None = None) -> Any:
    """Draw a graph written in the DOT language.

    Parameters
    ----------
    text : str
        The graph.
    filename : path-like, optional
        Where to write the picture too.
    format : str, optional
        Format of the picture; by default that of the extension of the filename, else PNG.

    Returns
    -------
    graphviz.Source
        Notebooks display it.

    Raises
    ------
    DrawingError
        If Graphviz, or its Python package, is not installed, or it does not know the format.
    """
    try:
        import graphviz  # an optional package
    except ImportError as error:
        raise DrawingError(
            "drawing a model needs the Python package 'graphviz', which is not installed",
            remedy="pip install 'xarray-xsim[draw]'; without it, xsim.dot.graph_text(model) gives the graph as text",
        ) from error
    if shutil.which("dot") is None:
        raise DrawingError(
            "drawing a model needs the program 'dot' of Graphviz, which is not on the path",
            remedy="install Graphviz: conda install graphviz, apt install graphviz, or see graphviz.org/download; "
            "without it, xsim.dot.graph_text(model) gives the graph as text",
        )
    if format is not None and format not in graphviz.FORMATS:
        raise DrawingError(
            f"Graphviz knows no format {format!r}",
            expected="e.g. 'png', 'svg' or 'pdf'",
            suggestions=did_you_mean(format, sorted(graphviz.FORMATS)),
        )
    picture = graphviz.Source(text)
    if filename is not None:
        path = Path(filename)
        if format is None:
            format = path.suffix[1:] if path.suffix[1:] in graphviz.FORMATS else DEFAULT_FORMAT
        if path.suffix != f".{format}":
            path = path.with_name(f"{path.name}.{format}")
        path.write_bytes(picture.pipe(format=format))
    return picture
