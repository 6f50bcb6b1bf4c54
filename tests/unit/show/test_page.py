"""Models as HTML; as text they are tested with `xs.Model`."""

import xsim as xs
from xsim.show.page import model_page


@xs.process
class Grid:
    n = xs.variable(description="<number> of nodes")


@xs.process
class Empty:
    pass


def test_html():
    """In notebooks, a model is a list of processes to unfold, with a table of inputs each."""
    html = xs.Model({"grid": Grid, "empty": Empty})._repr_html_()

    assert html.endswith(
        "<strong>&lt;xsim.Model (2 processes, 1 input)&gt;</strong>"
        "<details open><summary>grid</summary><table><tr><td>n</td><td>[in]</td><td></td>"
        "<td>&lt;number&gt; of nodes</td></tr></table></details><p>empty</p></div>"
    )


def test_a_graph_will_do():
    """Models and model graphs are described alike (DESIGN, section 4)."""
    model = xs.Model({"grid": Grid})

    assert model_page(model.graph).text() == repr(model)


def test_large_models():
    """A model of many processes prints the first ones, and says how many more there are."""
    lines = repr(xs.Model({f"grid{i}": Grid for i in range(1000)})).splitlines()

    assert lines[0] == "<xsim.Model (1000 processes, 1000 inputs)>"
    assert lines[-3:] == ["grid59", "    n  [in]    <number> of nodes", "... and 940 more"]
