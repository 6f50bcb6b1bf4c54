"""Ready-made validators."""

import pickle
import textwrap
from datetime import date
from types import SimpleNamespace

import attrs
import numpy as np
import pandas as pd
import pytest
import xarray as xr

import xsim as xs
from xsim.errors import DeclarationError, InputError, InputTypeError
from xsim.validators import in_bounds, is_subdtype

DAY = np.datetime64("2000-01-01")
SIZE = SimpleNamespace(name="size")


def text(doc):
    """Give a text as it is meant to be."""
    return textwrap.dedent(doc).strip()


@pytest.mark.parametrize(
    "validator, value",
    [
        (in_bounds((0, 1)), 0),
        (in_bounds((0, 1)), 1.0),
        (in_bounds([0, 1]), np.float32(0.5)),
        (in_bounds((0, 1)), np.array(0.5)),
        (in_bounds((0, 1)), np.array([[0, 0.5], [1, 1]])),
        (in_bounds((0, 1)), [0, [1][0]]),
        (in_bounds((0, 1)), xr.DataArray([0.0, 1.0], dims="x")),
        (in_bounds((0, 1)), np.nan),
        (in_bounds((0, 1)), np.array([np.nan, 0.5])),
        (in_bounds((0, 1)), np.array([])),
        (in_bounds((0, 1)), np.ma.masked_array([0.5, 7], [False, True])),
        (in_bounds((0, 1)), pd.Series([0.5, 1])),
        (in_bounds((None, 1)), -np.inf),
        (in_bounds((0, None)), np.inf),
        (in_bounds((None, None)), "anything"),
        (in_bounds((1, 1)), 1),
        (in_bounds((0, 1), (False, False)), 0.5),
        (in_bounds((0, 1), [True, False]), 0),
        (in_bounds((DAY, None)), np.array(["2000-01-01", "NaT", "2020-01-01"], dtype="datetime64[s]")),
        (in_bounds(("a", "c")), "b"),
        (in_bounds((date(2000, 1, 1), None)), date(2000, 1, 2)),
        (is_subdtype(np.number), 1),
        (is_subdtype(np.number), [1.5, 2]),
        (is_subdtype(np.number), xr.DataArray([1])),
        (is_subdtype(np.floating), np.float32(1)),
        (is_subdtype(np.float64), np.zeros(3)),
        (is_subdtype(np.datetime64), np.array([DAY])),
        (is_subdtype("datetime64"), DAY),
        (is_subdtype(bool), True),
        (is_subdtype(str), "text"),
    ],
)
def test_accepted(validator, value):
    """Scalars, sequences and arrays of any kind pass where they are inside, or of the type."""
    assert validator(None, SIZE, value) is None


@pytest.mark.parametrize(
    "validator, value, message",
    [
        (in_bounds((0, 1)), 2, "Value 2 of variable 'size' is out of bounds [0, 1]"),
        (in_bounds((0, 1)), np.float32(-1), "Value -1.0 of variable 'size' is out of bounds [0, 1]"),
        (in_bounds((0, 1), (False, True)), 0, "Value 0 of variable 'size' is out of bounds (0, 1]"),
        (in_bounds((0, 1), (True, False)), 1, "Value 1 of variable 'size' is out of bounds [0, 1)"),
        (in_bounds((None, 1)), np.array(3), "Value 3 of variable 'size' is out of bounds [None, 1]"),
        (
            in_bounds((DAY, None)),
            np.datetime64("1999"),
            "Value 1999 of variable 'size' is out of bounds [2000-01-01, None]",
        ),
        (
            in_bounds((0, 1)),
            np.array([[0, 1], [2, 3.0]]),
            """
            Found value(s) in array 'size' out of bounds [0, 1]
              got: 2 of 4 values, the first is 2.0 at position (1, 0)
              expected: values in [0, 1]
            """,
        ),
        (
            in_bounds((0, 1)),
            np.ma.masked_array([3, 7], [True, False]),
            """
            Found value(s) in array 'size' out of bounds [0, 1]
              got: 1 of 2 values, the first is 7 at position (1,)
              expected: values in [0, 1]
            """,
        ),
        (
            in_bounds((0, None), (False, False)),
            xr.DataArray([1, 0], dims="x"),
            """
            Found value(s) in array 'size' out of bounds (0, None)
              got: 1 of 2 values, the first is 0 at position (1,)
              expected: values in (0, None)
            """,
        ),
    ],
)
def test_out_of_bounds(validator, value, message):
    """A value outside is refused with the variable, the value and the bounds (DESIGN §E2)."""
    with pytest.raises(InputError) as error:
        validator(None, SIZE, value)

    assert str(error.value) == text(message)
    assert error.value.variable == "size"


@pytest.mark.parametrize(
    "validator, value, message",
    [
        (
            in_bounds((0, 1)),
            "x",
            """
            variable 'size' has a value that does not compare with its bounds [0, 1]
              got: str: 'x'
              expected: values in [0, 1]
            """,
        ),
        (
            in_bounds((0, 1)),
            None,
            """
            variable 'size' has a value that does not compare with its bounds [0, 1]
              got: NoneType: None
              expected: values in [0, 1]
              remedy: for a value that may be None: attrs.validators.optional(in_bounds(...))
            """,
        ),
        (
            is_subdtype(np.number),
            np.array(["a"]),
            """
            'size' array has dtype('<U1'), which is not a sub-dtype of <class 'numpy.number'>
              got: ndarray: array(['a'], dtype='<U1')
              remedy: convert the value, or let converter= of the variable do so
            """,
        ),
        (
            is_subdtype(np.integer),
            [0.5] * 100,
            f"""
            'size' array has dtype('float64'), which is not a sub-dtype of <class 'numpy.integer'>
              got: list: [{"0.5, " * 11}0.5, ...
              remedy: convert the value, or let converter= of the variable do so
            """,
        ),
    ],
)
def test_wrong_type(validator, value, message):
    """A value of another type is a TypeError that shows it (DESIGN §E2)."""
    with pytest.raises(InputTypeError) as error:
        validator(None, SIZE, value)

    assert str(error.value) == text(message)


@pytest.mark.parametrize(
    "make, message",
    [
        (
            lambda: in_bounds((2, 1)),
            """
            Invalid bounds [2, 1]: upper limit should be higher than lower limit
              remedy: exchange them, or give None for no bound
            """,
        ),
        (
            lambda: in_bounds(("a", 1)),
            """
            Invalid bounds ['a', 1]: upper limit should be higher than lower limit
              remedy: exchange them, or give None for no bound
            """,
        ),
        (
            lambda: in_bounds(3),
            """
            in_bounds takes a lower and an upper bound, and for each of them whether it is inside
              got: bounds=3, closed=(True, True)
              expected: e.g. bounds=(0, 1) or bounds=(0, None), closed=(True, False)
            """,
        ),
        (
            lambda: in_bounds((0, 1), False),
            """
            in_bounds takes a lower and an upper bound, and for each of them whether it is inside
              got: bounds=(0, 1), closed=False
              expected: e.g. bounds=(0, 1) or bounds=(0, None), closed=(True, False)
            """,
        ),
        (
            lambda: is_subdtype("flaot"),
            """
            is_subdtype('flaot'): not a data type
              expected: a data type or a kind of data types of numpy, e.g. np.float64 or np.number
            """,
        ),
    ],
)
def test_wrong_arguments(make, message):
    """What makes no sense is refused where the class is written, not where it runs (DESIGN §E1)."""
    with pytest.raises(DeclarationError) as error:
        make()

    assert str(error.value) == text(message)


@pytest.mark.parametrize("validator", [in_bounds((0, None), (False, True)), is_subdtype(np.number)])
def test_pickles(validator):
    """Validators travel to worker processes, and compare equal there."""
    assert pickle.loads(pickle.dumps(validator)) == validator


def test_repr():
    """Validators print what they check."""
    assert repr(in_bounds((0, 1), (True, False))) == "<in_bounds validator with bounds [0, 1)>"
    assert repr(is_subdtype(np.number)) == "<is_subdtype validator with type: <class 'numpy.number'>>"


@xs.process
class Checked:
    share = xs.variable([(), "x"], validator=[in_bounds((0, 1)), is_subdtype(np.floating)], default=0.5)
    maybe = xs.variable(validator=attrs.validators.optional(in_bounds((0, None))), default=None)
    out = xs.variable(intent="out")

    @share.validator
    def _not_a_half(self, attribute, value):
        if np.any(value == 0.25):
            raise ValueError("a quarter")

    def run_step(self):
        self.out = self.share


@pytest.mark.parametrize(
    "share, message",
    [
        (2.0, "Value 2.0 of variable 'share' is out of bounds [0, 1] (process 'checked')"),
        (
            [0.5, 1.5],
            "Found value(s) in array 'share' out of bounds [0, 1] (process 'checked')\n"
            "  got: 1 of 2 values, the first is 1.5 at position (1,)\n  expected: values in [0, 1]",
        ),
        (
            1,
            "'share' array has dtype('int64'), which is not a sub-dtype of <class 'numpy.floating'> (process "
            "'checked')\n  got: int: 1\n  remedy: convert the value, or let converter= of the variable do so",
        ),
        (0.25, "a quarter"),
    ],
)
def test_in_a_run(share, message):
    """All validators of a list see the inputs of a run before it starts (DESIGN §E1)."""
    model = xs.Model({"checked": Checked})
    setup = xs.create_setup(model, input_vars={"checked__share": share})
    with pytest.raises((ValueError, TypeError)) as error:
        setup.xsim.run(model)

    assert str(error.value) == message
    assert error.value.__notes__ == ["refused by the validator of input 'checked__share'"]


def test_accepted_in_worker_processes():
    """Classes with validators travel to worker processes, where each member's values are checked."""
    model = xs.Model({"checked": Checked})
    setup = xs.create_setup(
        model, input_vars={"checked__share": ("b", [0.0, 1.0, 7.0])}, output_vars={"checked__out": None}
    )
    with pytest.warns(xs.BatchWarning):
        result = setup.xsim.run(
            model, batch_dim="b", parallel=True, scheduler="processes", workers=2, on_error="continue"
        )

    assert result.checked__out.values.tolist()[:2] == [0.0, 1.0]
    assert result.xsim_reason.values.tolist()[2].startswith("InputError: Value 7.0 of variable 'share'")


def test_on_a_bare_object():
    """Validators see what objects are made with outside models."""
    with pytest.raises(InputError) as error:
        Checked(share=3.0)

    assert str(error.value) == "Value 3.0 of variable 'share' is out of bounds [0, 1]"
