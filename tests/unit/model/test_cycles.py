"""Processes that wait for each other (DESIGN §O1)."""

import textwrap

import pytest

import xsim as xs
from xsim.errors import CycleError


def process(base=(), **namespace):
    """Make a process class."""
    return xs.process(type("P", base, namespace))


def raised(classes):
    """Give the error that a model of these classes raises."""
    with pytest.raises(CycleError) as error:
        xs.Model(classes)
    return error.value


A = process(v=xs.variable(intent="out"))
B = process(v=xs.variable(intent="out"), f=xs.foreign(A, "v"))
C = process(v=xs.variable(intent="out"), unused=xs.variable(), f=xs.foreign(B, "v"))


def test_whole_text():
    """The message prints the whole path, variable by variable, and what leads to it is left out (DESIGN §O1)."""
    waiting = process((A,), other=xs.variable(), late=xs.foreign(C, "v"))
    outside = process(f=xs.foreign(B, "v"))

    error = raised({"outside": outside, "c": C, "b": B, "a": waiting})

    assert (
        str(error)
        == textwrap.dedent(
            """
            Cycle detected in process graph: b->a->c->b
              - 'b' uses 'a__v' as 'f', which 'a' sets
              - 'a' uses 'c__v' as 'late', which 'c' sets
              - 'c' uses 'b__v' as 'f', which 'b' sets
              expected: each process to run after those that set what it uses
              remedy: read the value of the step before (lag=1 in xs.foreign or xs.global_ref), let one of them update \
its variable (intent='inout') instead of setting it, or join two of them
            """
        ).strip()
    )
    assert error.path == ("b", "a", "c", "b")


def test_setting_through_references():
    """A variable that another process sets is printed under its own name, with who sets it."""
    owner = process(i=xs.variable(), v=xs.variable(intent="out"))
    setter = process(r=xs.foreign(owner, "v"), s=xs.foreign(owner, "i", intent="out"))

    assert str(raised({"owner": owner, "setter": setter})).splitlines()[:3] == [
        "Cycle detected in process graph: owner->setter->owner",
        "  - 'owner' uses 'owner__i' as 'i', which 'setter' sets",
        "  - 'setter' uses 'owner__v' as 'r', which 'owner' sets",
    ]


def test_through_a_group():
    """A cycle through a group names the member that closes it."""
    user = process(g=xs.group("g"), v=xs.variable(intent="out"))
    member = process(m=xs.variable(intent="out", groups="g"), f=xs.foreign(user, "v"))
    innocent = process(m=xs.variable(intent="out", groups="g"))

    assert str(raised({"innocent": innocent, "user": user, "member": member})).splitlines()[:3] == [
        "Cycle detected in process graph: user->member->user",
        "  - 'user' uses 'member__m' as 'g', which 'member' sets",
        "  - 'member' uses 'user__v' as 'f', which 'user' sets",
    ]


def test_users_and_members_of_one_group():
    """Two processes that are both in a group and use it wait for each other."""
    both = process(m=xs.variable(intent="out", groups="g"), g=xs.group_dict("g"))

    assert raised({"one": both, "two": both}).path == ("one", "two", "one")


@pytest.mark.parametrize("kind", [xs.group, xs.group_dict])
def test_members_that_are_updated_close_no_cycle(kind):
    """Groups whose members are only updated make no cycle (API.md)."""
    both = process(m=xs.variable(intent="inout", groups="g"), g=kind("g"))

    assert list(xs.Model({"one": both, "two": both})) == ["one", "two"]


def test_remedy_works():
    """With intent 'inout' in place of 'out', as the message says, there is no cycle."""
    updating = process((A,), v=xs.variable(intent="inout"), late=xs.foreign(C, "v"))

    assert list(xs.Model({"a": updating, "b": B, "c": C})) == ["b", "c", "a"]


def test_long_cycle():
    """A cycle of a thousand processes is found whole."""
    classes = {"p0": process(v=xs.variable(intent="out"), i=xs.variable())}
    for i in range(1, 1000):
        classes[f"p{i}"] = process(v=xs.variable(intent="out"), f=xs.foreign(classes[f"p{i - 1}"], "v"))
    classes["last"] = process(f=xs.foreign(classes["p999"], "v"), s=xs.foreign(classes["p0"], "i", intent="out"))

    assert raised(classes).path == ("p0", "last", *(f"p{i}" for i in reversed(range(1000))))
