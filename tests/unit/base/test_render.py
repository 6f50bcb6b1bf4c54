"""Text, HTML and graph text from tables."""

import pytest

from xsim._base.render import Page, Section, columns, digraph, duration, names, quantity, size


def test_columns():
    """Cells are aligned, short rows are filled, and no line ends in blanks."""
    rows = [("a", "[in]", ""), ("long", "[inout]", "x"), ("b",)]

    assert columns(rows) == ["    a     [in]", "    long  [inout]  x", "    b"]


def test_columns_of_nothing():
    """No rows make no lines."""
    assert columns([]) == []


def test_columns_indent_and_gap():
    """Indent and gap can be chosen, and rows may come from an iterator."""
    assert columns(iter([("a", "b"), ("cc", "d")]), indent="", gap="|") == ["a |b", "cc|d"]


PAGE = Page(
    "<a & b>",
    (
        Section("First:", [("a", "<1>"), ("long", "2", "x")], "*empty*"),
        Section("Second:", (), "*empty*"),
        Section("Third", ()),
    ),
)


def test_page_as_text():
    """A page has its heading above its sections, and says of a section that it is empty where it has to."""
    assert PAGE.text() == "<a & b>\nFirst:\n    a     <1>\n    long  2    x\nSecond:\n    *empty*\nThird"
    assert Page("alone").text() == "alone"


def test_page_as_html():
    """Sections with rows fold and hold a table; all text is escaped."""
    html = PAGE.html()
    style = html[html.index("<style>") : html.index("</style>") + len("</style>")]

    assert html.replace(style, "") == (
        '<div class="xsim"><strong>&lt;a &amp; b&gt;</strong>'
        "<details open><summary>First:</summary><table><tr><td>a</td><td>&lt;1&gt;</td></tr>"
        "<tr><td>long</td><td>2</td><td>x</td></tr></table></details>"
        "<p>Second: <em>*empty*</em></p><p>Third</p></div>"
    )


def test_cut():
    """A long page is cut, section by section, and says how much is missing; a short one is not."""
    page = Page("head", [Section(str(i), [(str(row),) for row in range(i)]) for i in range(5)])

    assert page.cut(2).text() == "head\n0\n1\n    0\n... and 3 more"
    assert page.cut(3).text() == "head\n0\n1\n    0\n2\n    0\n    1\n... and 2 more"
    assert Page("head", page.sections[4:]).cut(3).text() == "head\n4\n    0\n    1\n    2\n    ... and 1 more"
    assert page.cut() == page


def test_digraph():
    """A graph lists its defaults, nodes and edges, with their attributes; defaults without attributes are left out."""
    text = digraph(
        {"a": {"shape": "box", "label": "A"}, "b": {}}, [("a", "b", {"style": "dotted"}), ("b", "a", {})], {}
    )

    assert text == (
        'digraph {\n    "a" [shape="box", label="A"];\n    "b";\n    "a" -> "b" [style="dotted"];\n    "b" -> "a";\n}\n'
    )
    assert digraph({}, [], {"graph": {"rankdir": "LR"}, "node": {}}) == 'digraph {\n    graph [rankdir="LR"];\n}\n'


def test_digraph_escapes():
    """Quotes, backslashes and line breaks in names and attributes cannot end them."""
    text = digraph({'a"b': {"label": "c\\d\ne"}}, [], {})

    assert text.splitlines()[1] == r"""    "a\"b" [label="c\\d\ne"];"""


def test_quantity():
    """A count agrees with its noun."""
    assert [quantity(n, "input") for n in (0, 1, 2)] == ["0 inputs", "1 input", "2 inputs"]
    assert [quantity(n, "process", "processes") for n in (1, 2)] == ["1 process", "2 processes"]


@pytest.mark.parametrize(
    "nbytes, text",
    [
        (0, "0 B"),
        (1023, "1023 B"),
        (1024, "1.0 KiB"),
        (1536, "1.5 KiB"),
        (4 * 1024**2, "4.0 MiB"),
        (3.25 * 1024**3, "3.2 GiB"),
        (2 * 1024**4, "2.0 TiB"),
        (5000 * 1024**4, "5000.0 TiB"),
    ],
)
def test_size(nbytes, text):
    """Bytes are printed in the largest unit that fits."""
    assert size(nbytes) == text


def test_names():
    """Names are quoted and separated by commas."""
    assert names(iter(["a", "b"])) == "'a', 'b'"


def test_no_names():
    """No names are called none."""
    assert names([]) == "none"


def test_many_names():
    """Names past the limit are counted."""
    assert names("abcdef", limit=4) == "'a', 'b', 'c', 'd' ... and 2 more"
    assert names("abcd", limit=4) == "'a', 'b', 'c', 'd'"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 ns"),
        (1.4e-9, "1 ns"),
        (999e-9, "999 ns"),
        (1e-6, "1.00 µs"),
        (12.34e-6, "12.3 µs"),
        (0.9994, "999 ms"),
        (0.9996, "1.00 s"),
        (59.99, "60.0 s"),
        (599, "599 s"),
        (4000, "1 h 6 min"),
    ],
)
def test_duration(seconds, text):
    """Times are printed to three digits, in the unit that fits."""
    assert duration(seconds) == text
