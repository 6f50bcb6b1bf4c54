"""The examples in the docstrings of `xs.testing` run."""

import doctest
import importlib
import pkgutil

import pytest

from xsim import testing

MODULES = [info.name for info in pkgutil.walk_packages(testing.__path__, "xsim.testing.")]


@pytest.mark.parametrize("name", MODULES)
def test_examples(name):
    """What the examples print is what they say."""
    assert doctest.testmod(importlib.import_module(name), optionflags=doctest.ELLIPSIS).failed == 0


def test_there_are_examples():
    """The functions that people call have one."""
    for function in (testing.run_process, testing.check_process, testing.assert_identical_runs):
        assert doctest.DocTestFinder().find(function)[0].examples
