"""Drawing with Graphviz: an optional package, and a program that may be missing."""

import builtins
import shutil
import textwrap

import pytest

import xsim as xs
from xsim.dot import dot_graph, graph_text
from xsim.errors import DrawingError

needs_dot = pytest.mark.skipif(shutil.which("dot") is None, reason="the program dot of Graphviz is not installed")


@xs.process
class Grid:
    n = xs.variable()


MODEL = xs.Model({"grid": Grid})


def text(doc):
    """Give a text as it is meant to be."""
    return textwrap.dedent(doc).strip()


@pytest.fixture
def with_dot(monkeypatch):
    """Pretend that the program is there, for what needs no picture."""
    monkeypatch.setattr(shutil, "which", lambda name: f"/usr/bin/{name}")


@pytest.mark.usefixtures("with_dot")
def test_source():
    """The picture knows the text that it is drawn from, with the variables asked for."""
    assert MODEL.visualize().source == graph_text(MODEL)
    assert MODEL.visualize(show_inputs=True).source == graph_text(MODEL, show_inputs=True)
    assert MODEL.visualize(("grid", "n")).source == graph_text(MODEL, ("grid", "n"))
    assert MODEL.visualize(None, False, True).source == graph_text(MODEL, show_variables=True)
    assert dot_graph(MODEL, show_inputs=True, rankdir="TB").source == graph_text(MODEL, show_inputs=True, rankdir="TB")


def test_missing_package(monkeypatch):
    """Without the Python package, the error says how to install it (DESIGN §E2)."""
    real = builtins.__import__

    def without(name, *args, **kwargs):
        if name == "graphviz":
            raise ImportError(name)
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(DrawingError) as error:
        MODEL.visualize()

    assert str(error.value) == text(
        """
        drawing a model needs the Python package 'graphviz', which is not installed
          remedy: pip install 'xarray-xsim[draw]'; without it, xsim.dot.graph_text(model) gives the graph as text
        """
    )


def test_missing_program(monkeypatch, tmp_path):
    """Without the program, the error says so before anything is written, not when a notebook displays it."""
    monkeypatch.setattr(shutil, "which", lambda name: None)
    for draw in (MODEL.visualize, lambda: dot_graph(MODEL, tmp_path / "model.png")):
        with pytest.raises(DrawingError) as error:
            draw()

        assert str(error.value) == text(
            """
            drawing a model needs the program 'dot' of Graphviz, which is not on the path
              remedy: install Graphviz: conda install graphviz, apt install graphviz, or see graphviz.org/download; """
            """without it, xsim.dot.graph_text(model) gives the graph as text
            """
        )
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("with_dot")
def test_unknown_format():
    """A format that Graphviz does not know is refused (DESIGN §E2)."""
    with pytest.raises(DrawingError) as error:
        dot_graph(MODEL, "model", "pgn")

    assert str(error.value) == text(
        """
        Graphviz knows no format 'pgn'
          expected: e.g. 'png', 'svg' or 'pdf'
          did you mean: 'png', 'jpg'?
        """
    )


@needs_dot
@pytest.mark.parametrize(
    "name, format, written, start",
    [
        ("model.svg", None, "model.svg", b"<?xml"),
        ("model.png", None, "model.png", b"\x89PNG"),
        ("model", None, "model.png", b"\x89PNG"),
        ("model", "pdf", "model.pdf", b"%PDF"),
        ("model.png", "svg", "model.png.svg", b"<?xml"),
        ("model.v1", None, "model.v1.png", b"\x89PNG"),
    ],
)
def test_files(tmp_path, name, format, written, start):
    """The format follows from the name unless it is given, and names get an extension."""
    dot_graph(MODEL, tmp_path / name, format)

    assert [path.name for path in tmp_path.iterdir()] == [written]
    assert (tmp_path / written).read_bytes().startswith(start)


@needs_dot
def test_display():
    """Notebooks display the picture, with what its shapes say as tooltips."""
    shown = MODEL.visualize(show_inputs=True)._repr_mimebundle_()

    assert list(shown) == ["image/svg+xml"]
    assert "process &#39;grid&#39; of class Grid" in shown["image/svg+xml"]
    assert ">n</text>" in shown["image/svg+xml"]
