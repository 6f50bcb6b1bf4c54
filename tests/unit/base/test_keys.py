"""Names of variables (DESIGN §V2)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xsim._base.keys import join_key, split_name


@pytest.mark.parametrize(
    "name, key",
    [
        ("a__b", ("a", "b")),
        ("a__b__c", ("a", "b__c")),
        ("a___b", ("a", "_b")),
        ("a__b_", ("a", "b_")),
        ("a_b__c", ("a_b", "c")),
        ("_a__b", ("_a", "b")),
    ],
)
def test_split_at_first_separator(name, key):
    """A dataset name is split at its first '__', whatever follows (DESIGN §V2)."""
    assert split_name(name) == key


@pytest.mark.parametrize("name", ["", "a", "a_b", "__", "__b", "a__"])
def test_split_names_without_a_key(name):
    """What lacks a process, a separator or a variable is no name of a variable."""
    assert split_name(name) is None


def test_join():
    """The dataset name of a key has the separator between process and variable."""
    assert join_key(("surface", "topographic__elevation")) == "surface__topographic__elevation"


@given(
    process=st.from_regex(r"[a-z](_?[a-z0-9]){0,5}", fullmatch=True),
    variable=st.from_regex(r"[a-z_][a-z0-9_]{0,8}", fullmatch=True),
)
def test_split_undoes_join(process, variable):
    """Every variable name of an allowed process name comes back (DESIGN §V2)."""
    assert split_name(join_key((process, variable))) == (process, variable)
