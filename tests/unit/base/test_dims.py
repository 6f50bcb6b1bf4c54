"""Dimension labels, and the label of the main clock."""

import copy
import pickle

import pytest

from xsim._base.dims import MAIN_CLOCK, as_alternatives, as_dims, on_clock, show_dims, with_ndim


@pytest.mark.parametrize(
    "given, alternatives",
    [
        ((), ((),)),
        ("x", (("x",),)),
        (("x",), (("x",),)),
        (("y", "x"), (("y", "x"),)),
        (["x"], (("x",),)),
        ([()], ((),)),
        ([(), "x", ("y", "x")], ((), ("x",), ("y", "x"))),
        ([["y", "x"], "x"], (("y", "x"), ("x",))),
        ((("field", "y", "x"), ("y", "x")), (("field", "y", "x"), ("y", "x"))),
        (("x", ("y", "x")), (("x",), ("y", "x"))),
        (((), "x"), ((), ("x",))),
        ((MAIN_CLOCK, "x"), ((MAIN_CLOCK, "x"),)),
    ],
)
def test_alternatives(given, alternatives):
    """All forms of dims that xarray-simlab takes become a tuple of tuples (API.md)."""
    assert as_alternatives(given) == alternatives


@pytest.mark.parametrize(
    "given, message",
    [
        (3, "dims must be a string, a tuple of strings, or a list of these, not 3"),
        (None, "dims must be a string, a tuple of strings, or a list of these, not None"),
        ({"x": 1}, "dims must be a string, a tuple of strings, or a list of these, not {'x': 1}"),
        (["x", 3], "dims must be a string, a tuple of strings, or a list of these, not 3"),
        ([], "an empty list of alternatives; a scalar is ()"),
        ("", "dimension labels are non-empty strings, not ''"),
        (("x", 3), "dimension labels are non-empty strings, not 3"),
        (("x", "x"), "a dimension label occurs twice in ('x', 'x')"),
        (["x", ("x",)], "an alternative occurs twice in ['x', ('x',)]"),
        (
            [(), ("y", "x"), ("x", "y")],
            "the following combinations of dimension labels are ambiguous for a variable, since they are told apart by "
            "their number: ('y', 'x'), ('x', 'y')",
        ),
    ],
)
def test_refused_alternatives(given, message):
    """What is no label, or occurs twice, is named in the message."""
    with pytest.raises(TypeError) as error:
        as_alternatives(given)

    assert str(error.value) == message


def test_as_dims_takes_lists():
    """One alternative may be written as a list."""
    assert as_dims(["y", "x"]) == ("y", "x")


def test_main_clock_prints_as_what_it_is():
    """The label shows up in dims under its public name."""
    assert repr((MAIN_CLOCK, "x")) == "(MAIN_CLOCK, 'x')"


@pytest.mark.parametrize("again", [copy.copy, copy.deepcopy, lambda label: pickle.loads(pickle.dumps(label))])
def test_main_clock_is_one_object(again):
    """Copies and pickles of the label are the label itself, as worker processes need."""
    assert again(MAIN_CLOCK) is MAIN_CLOCK
    assert again({"dims": (MAIN_CLOCK, "x")})["dims"][0] is MAIN_CLOCK


def test_on_clock():
    """The clock's name takes the place of MAIN_CLOCK, and only there."""
    assert on_clock([(), (MAIN_CLOCK,), ("x", MAIN_CLOCK)], "time") == ((), ("time",), ("x", "time"))


def test_without_clock():
    """Without a clock, alternatives along the main clock cannot be met."""
    assert on_clock([(), (MAIN_CLOCK,), ("x", MAIN_CLOCK), ("x",)], None) == ((), ("x",))


def test_with_ndim_takes_the_first():
    """Alternatives are told apart by their number of dimensions; the first of equals is taken."""
    alternatives = ((), ("x",), ("y",), ("y", "x"))

    assert [with_ndim(alternatives, n) for n in range(4)] == [(), ("x",), ("y", "x"), None]


def test_show_dims():
    """Dims are printed as one would write them."""
    assert [show_dims(d) for d in [(), ("x",), ["y", "x"]]] == ["()", "'x'", "('y', 'x')"]
