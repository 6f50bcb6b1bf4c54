"""What the suites say when a promise is broken."""

import pytest

from xsim.errors import CheckError
from xsim.testing.plays import promise


def test_kept():
    """A promise that is kept passes, whatever was found."""
    promise(True, "it works", got=1)


def test_broken():
    """One that is not names itself, what was found and what was to be."""
    with pytest.raises(CheckError) as error:
        promise([], "there are rows", got=[], expected=None)
    assert str(error.value) == "a promise is broken: there are rows\n  got: []\n  expected: None"
    with pytest.raises(CheckError) as error:
        promise(False, "it works")
    assert str(error.value) == "a promise is broken: it works"
