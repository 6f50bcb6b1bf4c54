"""The docstring section on the variables of a class."""

import pydoc
import textwrap

import xsim as xs


@xs.process
class Source:
    v = xs.variable(intent="out", description="mass\nof water", attrs={"units": "kg"})


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
        source : foreign, intent 'in', dims (), of Source.v, units kg
            mass of water
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
        v : variable, intent 'out', dims (), units kg
            mass of water
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


def test_long_descriptions_are_wrapped():
    """A long description goes over several indented lines, whatever its own line breaks are."""

    @xs.process
    class Plain:
        v = xs.variable(description="word " * 30)

    lines = Plain.__doc__.splitlines()
    assert lines[3:] == ["    " + "word " * 14 + "word", "    " + "word " * 14 + "word"]


def test_properties():
    """What `help` prints of references and on-demand variables says what they are."""

    @xs.process
    class Reader:
        v = xs.foreign(Source, "v", intent="inout")
        g = xs.global_ref("name")
        all_of_it = xs.group("g")
        twice = xs.on_demand(description="two times v")

        @twice.compute
        def _twice(self):
            """Compute it."""
            return 2 * self.v

    assert {name: vars(Reader)[name].__doc__ for name in ("v", "g", "all_of_it", "twice")} == {
        "v": "mass of water (foreign, intent 'inout', of Source.v)",
        "g": "global, intent 'in', of global 'name'",
        "all_of_it": "Iterable of all variables that belong to group 'g' (group, intent 'in')",
        "twice": "two times v (on_demand, intent 'out')",
    }
    text = pydoc.plain(pydoc.render_doc(Reader))
    assert "\n |  twice\n |      two times v (on_demand, intent 'out')\n" in text
    assert "\n |  v : foreign, intent 'inout', dims (), of Source.v, units kg\n |      mass of water\n" in text
