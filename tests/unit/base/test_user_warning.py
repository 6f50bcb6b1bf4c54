"""Warnings that point at the line of a user."""

from pathlib import Path

import pytest

import xsim
from xsim._base.user_warning import warn_user

DEEP = """
import contextlib
from xsim._base.user_warning import warn_user

@contextlib.contextmanager
def leaving():
    yield
    warn_user("on the way out", UserWarning)

def run(call):
    with leaving():
        call()
"""


def test_a_warning_points_at_whoever_called_xsim():
    """Without a line of xsim between, it is the line itself."""
    with pytest.warns(UserWarning, match="look here") as caught:
        warn_user("look here", UserWarning)
    assert [each.filename for each in caught] == [__file__]


def test_a_warning_points_into_a_library_whose_name_begins_like_that_of_xsim():
    """Models are shipped as libraries, such as xsim_rivers, beside xsim itself: their lines are a user's."""
    library = str(Path(xsim.__file__).parents[1] / "xsim_rivers" / "sweeps.py")
    found = {}
    exec(compile(DEEP, library, "exec"), found)
    with pytest.warns(UserWarning, match="on the way out") as caught:
        found["run"](lambda: None)
    assert [each.filename for each in caught] == [library]


def test_a_warning_from_deep_in_xsim():
    """Lines of xsim are passed over, and those of the standard library by which its contexts are left."""
    found = {}
    exec(compile(DEEP, str(Path(xsim.__file__).parent / "deep.py"), "exec"), found)
    with pytest.warns(UserWarning, match="on the way out") as caught:
        found["run"](lambda: None)
    assert [each.filename for each in caught] == [__file__]
