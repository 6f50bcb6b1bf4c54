"""Messages about values that an output cannot take (DESIGN §S6, §E2)."""

from textwrap import dedent

import numpy as np
import pytest

from xsim.errors import OutputError
from xsim.sink.storage_type import plain_array, storage_type


def refusal(first, value, dtype=None):
    with pytest.raises(OutputError) as error:
        storage_type("p__v", first, dtype).fit(value)
    return str(error.value)


def test_int_then_fraction():
    """An output that began as int refuses 1.5, naming both types and the remedy."""
    assert (
        refusal(0, 1.5)
        == dedent("""
        output 'p__v' is stored as int64, and a value cannot be held exactly
          got: 1.5 (float64)
          expected: values that int64 can hold; the type is that of the first value saved
          remedy: encoding={'p__v': {'dtype': 'float64'}}, or let the process set this type always
        """).strip()
    )


def test_the_culprit_among_many_is_shown():
    """Of an array the element is shown that does not fit."""
    assert (
        refusal(np.array([1, 2]), np.array([3.0, 1.5, 4.0]))
        == dedent("""
        output 'p__v' is stored as int64, and a value cannot be held exactly
          got: 1.5 (float64)
          expected: values that int64 can hold; the type is that of the first value saved
          remedy: encoding={'p__v': {'dtype': 'float64'}}, or let the process set this type always
        """).strip()
    )


def test_overflow_of_a_float_type_given():
    """A finite value that overflows the float type given is an error."""
    assert (
        refusal(1.0, 1e300, "float32")
        == dedent("""
        output 'p__v' is stored as float32, and a value is too large
          got: 1e+300 (float64)
          expected: values that float32 can hold; the type was given in encoding
          remedy: encoding={'p__v': {'dtype': 'float64'}}, or let the process set this type always
        """).strip()
    )


def test_the_culprit_of_an_overflow_is_shown():
    """Of an array the element is shown that overflows, not the first one."""
    assert (
        refusal(1.0, np.array([1.0, 1e300]), "float32")
        == dedent("""
        output 'p__v' is stored as float32, and a value is too large
          got: 1e+300 (float64)
          expected: values that float32 can hold; the type was given in encoding
          remedy: encoding={'p__v': {'dtype': 'float64'}}, or let the process set this type always
        """).strip()
    )


def test_overflow_of_an_integer_type_given():
    """An int64 beyond the int32 given is an error."""
    assert (
        refusal(1, 2**31, "int32")
        == dedent("""
        output 'p__v' is stored as int32, and a value cannot be held exactly
          got: 2147483648 (int64)
          expected: values that int32 can hold; the type was given in encoding
          remedy: encoding={'p__v': {'dtype': 'int64'}}, or let the process set this type always
        """).strip()
    )


def test_longer_bytes():
    """Bytes have the length of the first ones; longer ones are refused, not cut."""
    assert (
        refusal(b"ab", b"abc")
        == dedent("""
        output 'p__v' is stored as |S2, and a value cannot be held exactly
          got: b'abc' (|S3)
          expected: values that |S2 can hold; the type is that of the first value saved
          remedy: encoding={'p__v': {'dtype': '|S3'}}, or let the process set this type always
        """).strip()
    )


def test_finer_dates():
    """Dates that are no whole units are refused, not rounded."""
    assert (
        refusal(np.datetime64("2000-01-01T00:00:00"), np.datetime64("2000-01-01T00:00:00.500"))
        == dedent("""
        output 'p__v' is stored as datetime64[s], and a value cannot be held exactly
          got: 2000-01-01T00:00:00.500 (datetime64[ms])
          expected: values that datetime64[s] can hold; the type is that of the first value saved
          remedy: encoding={'p__v': {'dtype': 'datetime64[ms]'}}, or let the process set this type always
        """).strip()
    )


class Thing:
    def __repr__(self):
        return "a thing"


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (Thing(), "'Thing': a thing"),
        (None, "'NoneType': None"),
        (np.array(["a", None], dtype=object), "'NoneType': None"),
        (np.array(["a", 1.5], dtype=object), "'float': 1.5"),
    ],
)
def test_objects(value, shown):
    """Objects are refused with the type of the element, also among text."""
    with pytest.raises(OutputError) as error:
        plain_array("p__v", value)

    assert (
        str(error.value)
        == dedent(f"""
        output 'p__v' has a value that cannot be saved
          got: an element of type {shown}
          expected: numbers, bools, dates, or text throughout
          remedy: save a numeric summary of it through an on-demand variable (xs.on_demand)
        """).strip()
    )


def test_nested_lists_of_different_lengths():
    """A list of lists of different lengths is refused by xsim, not by numpy (DESIGN §E2)."""
    with pytest.raises(OutputError) as error:
        plain_array("p__v", [[1], [1, 2]])

    assert str(error.value).splitlines()[0] == "output 'p__v' has a value that cannot be saved"


def test_unknown_type_given():
    """A type that numpy does not know is refused."""
    with pytest.raises(OutputError) as error:
        storage_type("p__v", 1, "flaot")

    assert (
        str(error.value)
        == dedent("""
        output 'p__v' has an unknown dtype in encoding
          got: 'flaot'
        """).strip()
    )
