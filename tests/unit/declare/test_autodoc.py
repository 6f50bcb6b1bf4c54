"""The docstring section on the variables of a class."""

import textwrap

import xsim as xs


@xs.process
class Source:
    v = xs.variable(intent="out")


def text(doc):
    """Give a docstring as it is meant to be."""
    return textwrap.dedent(doc).lstrip()


def test_section():
    """All that is declared is listed below the docstring, in NumPy's format."""

    @xs.process
    class Growth:
        """Grows.

        A lot.
        """

        rate = xs.variable(default=0.5, static=True, description="rate of growth", attrs={"units": "1/s"})
        size = xs.variable([(), "x", ("y", "x")], intent="inout", global_name="size", groups=["a", "b"])
        start = xs.variable(description="first value")
        x = xs.index("x", description="positions")
        source = xs.foreign(Source, "v")
        other = xs.global_ref("size", intent="inout")
        members = xs.group("g")

        @start.default
        def _start(self):
            return 1

    assert Growth.__doc__ == text(
        """
        Grows.

        A lot.

        Attributes
        ----------
        rate : variable, intent 'in', dims (), default 0.5, units 1/s, static
            rate of growth
        size : variable, intent 'inout', dims () or 'x' or ('y', 'x'), global name 'size', groups 'a', 'b'
            No description given.
        start : variable, intent 'in', dims (), default computed
            first value
        x : index, intent 'out', dims 'x'
            positions
        source : foreign, intent 'in', of Source.v
            No description given.
        other : global, intent 'inout', global name 'size'
            No description given.
        members : group, intent 'in'
            Iterable of all variables that belong to group 'g'
        """
    )


def test_class_without_docstring():
    """Without a docstring, the section is all; those of bases are not repeated, but their variables are."""

    @xs.process
    class Sub(Source):
        w = xs.variable()

    assert Sub.__doc__ == text(
        """
        Attributes
        ----------
        v : variable, intent 'out', dims ()
            No description given.
        w : variable, intent 'in', dims ()
            No description given.
        """
    )


def test_own_section_is_kept():
    """A docstring with such a section is left as it is."""

    class Plain:
        """Do it.

        Attributes
        ----------
        v : mine
        """

        v = xs.variable()

    before = Plain.__doc__

    assert xs.process(Plain).__doc__ == before


def test_nothing_to_list():
    """A class without variables keeps its docstring."""

    @xs.process
    class Plain:
        """Do it."""

    assert Plain.__doc__ == "Do it."


def test_switched_off():
    """`autodoc=False` leaves the docstring alone."""

    @xs.process(autodoc=False)
    class Plain:
        """Do it."""

        v = xs.variable()

    assert Plain.__doc__ == "Do it."
