"""Input values that a setup refuses, with the whole message."""

import textwrap

import numpy as np
import pytest
import xarray as xr

import xsim as xs


@xs.process
class Heat:
    source = xs.variable(dims="x")
    rate = xs.variable()
    whole = xs.variable(dims=xs.MAIN_CLOCK)
    flux = xs.variable(intent="out")
    temperature = xs.variable(dims=[(), "x"], intent="inout")
    shape = xs.any_object()
    grouped = xs.group("parts")


@xs.process
class Sink:
    flux = xs.foreign(Heat, "flux")


MODEL = xs.Model({"heat": Heat, "sink": Sink})


def message(text):
    return textwrap.dedent(text).strip()


def test_unknown_processes_and_variables_are_listed_with_reasons():
    """All names that are no inputs are in one error, each with the reason."""
    values = {
        "heet__rate": 1,
        "heat__rates": 1,
        "heat__flux": 1,
        "sink__flux": 1,
        "heat__shape": 1,
        "heat__grouped": 1,
    }

    with pytest.raises(xs.errors.UnknownInputError) as error:
        xs.create_setup(MODEL, input_vars=values)

    assert str(error.value) == message(
        """
        'heet__rate', 'heat__rates', 'heat__flux', 'sink__flux', 'heat__shape', 'heat__grouped' is/are not valid key(s) for input variables in model
          - 'heet__rate': the model has no process 'heet'
          - 'heat__rates': process 'heat' (Heat) has no variable 'rates'
          - 'heat__flux': process 'heat' sets it (intent='out')
          - 'sink__flux': it refers to 'heat__flux'
          - 'heat__shape': process 'heat' sets it (intent='out')
          - 'heat__grouped': it gathers the group 'parts'
          expected: one of 'heat__source', 'heat__rate', 'heat__whole', 'heat__temperature'
          did you mean: 'heat__rate'?
        """  # noqa: E501
    )
    assert error.value.variables == tuple(tuple(name.split("__")) for name in values)
    assert isinstance(error.value, KeyError)


@pytest.mark.parametrize("name", ["rate", 3, ("heat",), ("heat", "rate", "x"), ("heat", 1), "__rate", "heat__"])
def test_a_name_of_no_known_form_is_refused(name):
    """A key that names no variable is refused with the accepted forms."""
    with pytest.raises(xs.errors.InputError) as error:
        xs.create_setup(MODEL, input_vars={name: 1})

    assert str(error.value) == message(
        f"""
        {name!r} is not a valid input variable key
          expected: 'process__variable': ..., ('process', 'variable'): ..., or 'process': {{'variable': ...}}
        """
    )
    assert isinstance(error.value, ValueError)


def test_a_number_of_dimensions_that_is_not_declared_is_refused():
    """A value whose dimensions cannot be told is refused (TypeError, as in xarray-simlab)."""
    with pytest.raises(xs.errors.InputTypeError) as error:
        xs.create_setup(MODEL, input_vars={"heat__temperature": np.zeros((2, 3))})

    assert str(error.value) == message(
        """
        Could not get dimension labels from model for variable 'heat__temperature' with value array([[0., 0., 0.], [0., 0., 0.]])
          got: 2 dimension(s), shape (2, 3)
          expected: dims () or 'x'
          remedy: name the dimensions: (dims, values), e.g. ('batch', values)
        """  # noqa: E501
    )
    assert isinstance(error.value, TypeError)


def test_long_values_are_cut_in_messages():
    """A value is shown with 60 characters at most."""
    with pytest.raises(xs.errors.InputTypeError) as error:
        xs.create_setup(MODEL, input_vars={"heat__rate": list(range(100))})

    assert str(error.value) == message(
        """
        Could not get dimension labels from model for variable 'heat__rate' with value [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16...
          got: 1 dimension(s), shape (100,)
          expected: dims ()
          remedy: name the dimensions: (dims, values), e.g. ('batch', values)
        """  # noqa: E501
    )


def test_mismatching_coordinates_are_refused():
    """A DataArray with other labels than those in the setup is refused, never aligned."""
    with pytest.raises(xs.errors.InputError) as error:
        xs.create_setup(
            MODEL,
            input_vars={
                "heat__source": xr.DataArray([1, 2], dims="x", coords={"x": [10, 20]}),
                "heat__temperature": xr.DataArray([1, 2], dims="x", coords={"x": [20, 10]}),
            },
        )

    assert str(error.value) == message(
        """
        the value given for input 'heat__temperature' does not fit the setup
          got: dimensions {'x': 2}, coordinates ['x']; label 0 of 'x' is 20, in the setup 10
          expected: sizes {'x': 2} and equal coordinate labels
          remedy: use the same labels in the same order, or give the values without coordinates
        """
    )
    assert error.value.variable == ("heat", "temperature")


def test_conflicting_coordinates_without_index_are_refused():
    """A non-index coordinate of the same name with other values is refused, too."""
    with pytest.raises(xs.errors.InputError) as error:
        xs.create_setup(
            MODEL,
            input_vars={
                "heat__source": xr.DataArray([1, 2], dims="x", coords={"place": ("x", ["a", "b"])}),
                "heat__temperature": xr.DataArray([1, 2], dims="x", coords={"place": ("x", ["a", "c"])}),
            },
        )

    assert str(error.value) == message(
        """
        the value given for input 'heat__temperature' does not fit the setup
          got: dimensions {'x': 2}, coordinates ['place']; label 1 of 'place' is c, in the setup b
          expected: sizes {'x': 2} and equal coordinate labels
          remedy: use the same labels in the same order, or give the values without coordinates
        """
    )


def test_mismatching_sizes_are_refused():
    """Values along one dimension have one size."""
    with pytest.raises(xs.errors.InputError) as error:
        xs.create_setup(MODEL, input_vars={"heat__source": [1, 2], "heat__temperature": [1, 2, 3]})

    assert str(error.value) == message(
        """
        the value given for input 'heat__temperature' does not fit the setup
          got: dimensions {'x': 3}, coordinates []
          expected: sizes {'x': 2} and equal coordinate labels
          remedy: use the same labels in the same order, or give the values without coordinates
        """
    )


def test_values_along_a_clock_have_its_size():
    """A value along the main clock has as many values as the clock has labels."""
    with pytest.raises(xs.errors.InputError) as error:
        xs.create_setup(MODEL, {"t": [0, 1, 2]}, input_vars={"heat__whole": [1, 2]})

    assert str(error.value) == message(
        """
        the value given for input 'heat__whole' does not fit the setup
          got: dimensions {'t': 2}, coordinates []
          expected: sizes {'t': 3} and equal coordinate labels
          remedy: use the same labels in the same order, or give the values without coordinates
        """
    )


@pytest.mark.parametrize(
    "value",
    [[[1], [2, 3]], ("x", 1), ("x", [[1, 2]]), (("x", "x"), [[1, 2], [3, 4]])],
    ids=["ragged", "0-d", "2-d", "twice"],
)
def test_values_that_make_no_array_are_refused_by_name(value):
    """A mistake in a value is no bare numpy or xarray error, but one that names the input (DESIGN §E2)."""
    with pytest.raises(xs.errors.XsimError) as error:
        xs.create_setup(MODEL, input_vars={"heat__source": value})

    assert error.value.variable == ("heat", "source")


@pytest.mark.parametrize("argument", ["clocks", "input_vars", "output_vars"])
def test_a_list_is_no_mapping_of_names(argument):
    """A list where names are needed is no bare AttributeError of Python's (DESIGN §E2)."""
    with pytest.raises((xs.errors.XsimError, TypeError)):
        xs.create_setup(MODEL, **{argument: ["heat__rate"]})


def test_no_model_is_an_error():
    """Without a model and outside `with model:` the remedy is said."""
    with pytest.raises(xs.errors.ModelContextError) as error:
        xs.create_setup(clocks={"t": [0, 1]})

    assert str(error.value) == message(
        """
        No model found in context
          remedy: give model=..., or call this in a 'with model:' block
        """
    )


def test_something_else_than_a_model_is_an_error():
    """The model is an xs.Model or a model graph."""
    with pytest.raises(TypeError) as error:
        xs.create_setup("heat")

    assert str(error.value) == "'heat' is not an instance of xsim.Model, but of 'str'"
