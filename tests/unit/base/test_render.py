"""Plain text from tables."""

import pytest

from xsim._base.render import columns, names, quantity, section, size


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


def test_section():
    """A section has its title above its lines."""
    assert section("Title:", iter(["    x"])) == ["Title:", "    x"]


def test_empty_section():
    """A section without lines says so."""
    assert section("Title:", []) == ["Title:", "    *empty*"]


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
