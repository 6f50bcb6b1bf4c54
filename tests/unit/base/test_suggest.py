"""Did you mean."""

from xsim._base.suggest import did_you_mean


def test_closest_first():
    """Names that resemble the one given come closest first, the others not at all."""
    assert did_you_mean("difusion", ["erosion", "diffusion", "diffusions", "grid"]) == (
        "diffusion",
        "diffusions",
    )


def test_nothing_close():
    """A name like no other has no suggestion."""
    assert did_you_mean("zzz", ["diffusion", "grid"]) == ()


def test_limit():
    """At most `limit` names are given."""
    assert did_you_mean("aaa1", ["aaa2", "aaa3", "aaa4", "aaa5"], limit=2) == ("aaa5", "aaa4")


def test_case_is_the_closest_error():
    """A name that differs by case alone comes first, also where difflib sees no resemblance."""
    assert did_you_mean("GRID", ["grin", "grid"]) == ("grid",)


def test_names_once():
    """A name known twice is suggested once, and known names may come from an iterator."""
    assert did_you_mean("grid_", iter(["grid", "grid"])) == ("grid",)


def test_any_object():
    """What is no string is compared by its text."""
    assert did_you_mean(10, ["100", "abc"]) == ("100",)
