"""Input values of setups: names, forms of values, defaults, attributes."""

import datetime

import numpy as np
import pandas as pd
import pytest
import xarray as xr

import xsim as xs


@xs.process
class Body:
    rate = xs.variable(description="growth rate", attrs={"units": "1/s"})
    field = xs.variable(dims=[(), "x", ("y", "x")], default=0)
    long__name = xs.variable(default=None)
    series = xs.variable(dims=[xs.MAIN_CLOCK, ("x", xs.MAIN_CLOCK)], default=7.0)
    size = xs.variable(intent="out")


@xs.process
class Drawn:
    rows = xs.variable(dims="x")
    scale = xs.variable(default=2.5)
    calls = xs.variable()

    @rows.default
    def _rows(self):
        return np.arange(3)

    @calls.default
    def _calls(self):
        return Drawn.counter()

    @staticmethod
    def counter():
        return 11


MODEL = xs.Model({"body": Body})
PLAIN = {"body__series": ("t", [0.0, 0.0])}


def setup_of(value, name="body__field", **kwargs):
    return xs.create_setup(MODEL, input_vars={name: value}, fill_default=False, **kwargs)


@pytest.mark.parametrize(
    "given",
    [{"body__rate": 3}, {("body", "rate"): 3}, {"body": {"rate": 3}}],
    ids=["joined", "tuple", "nested"],
)
def test_names_of_inputs_have_three_forms(given):
    """An input is named 'p__v', ('p', 'v') or {'p': {'v': ...}} with the same meaning."""
    setup = xs.create_setup(MODEL, input_vars=given, fill_default=False)

    assert list(setup.variables) == ["body__rate"]
    assert setup.body__rate.item() == 3


@pytest.mark.parametrize(
    "given",
    [{"body__long__name": 1}, {("body", "long__name"): 1}, {"body": {"long__name": 1}}],
    ids=["joined", "tuple", "nested"],
)
def test_variable_names_may_hold_the_separator(given):
    """A name splits at its first '__' (DESIGN §V2)."""
    setup = xs.create_setup(MODEL, input_vars=given, fill_default=False)

    assert list(setup.variables) == ["body__long__name"]


def test_forms_of_names_can_be_mixed():
    """Different inputs may be named in different forms in one mapping."""
    setup = xs.create_setup(
        MODEL, input_vars={"body": {"rate": 1}, ("body", "field"): 2, "body__long__name": 3}, fill_default=False
    )

    assert {name: v.item() for name, v in setup.items()} == {"body__rate": 1, "body__field": 2, "body__long__name": 3}


def test_arguments_are_positional_as_in_the_predecessor():
    """The arguments model, clocks, main_clock, input_vars, output_vars, fill_default may be positional (API.md)."""
    setup = xs.create_setup(MODEL, {"t": [0, 1]}, "t", {"body__rate": 1}, {"body__size": "t"}, False)

    assert set(setup.variables) == {"t", "body__rate"}
    assert dict(setup.xsim.output_vars) == {("body", "size"): "t"}


def test_the_model_comes_from_the_context():
    """Within `with model:` the model need not be named."""
    with MODEL:
        setup = xs.create_setup(input_vars={"body__rate": 1}, fill_default=False)

    assert setup.body__rate.item() == 1


@pytest.mark.parametrize(
    ("value", "dims"),
    [
        (1.5, ()),
        (np.float32(1.5), ()),
        (np.array(1.5), ()),
        ([1, 2, 3], ("x",)),
        ((1, 2, 3), ("x",)),
        (range(3), ("x",)),
        (np.arange(3), ("x",)),
        (pd.Series([1, 2, 3]), ("x",)),
        (pd.Index([1, 2, 3]), ("x",)),
        (np.ones((2, 3)), ("y", "x")),
        ([[1, 2], [3, 4]], ("y", "x")),
    ],
)
def test_dimensions_follow_from_their_number(value, dims):
    """A value without dimensions gets those of the declared alternative with as many of them."""
    setup = setup_of(value)

    assert setup.body__field.dims == dims
    np.testing.assert_array_equal(setup.body__field.values, np.asarray(value))


@pytest.mark.parametrize(
    ("value", "dtype"),
    [
        (1, "int64"),
        (True, "bool"),
        (0.0, "float64"),
        (1j, "complex128"),
        (np.int8(4), "int8"),
        (np.datetime64("2000-01-01", "s"), "datetime64[s]"),
        (np.timedelta64(3, "ms"), "timedelta64[ms]"),
    ],
)
def test_types_of_values_are_kept(value, dtype):
    """What goes in keeps its type (DESIGN §S1)."""
    assert setup_of(value).body__field.dtype == np.dtype(dtype)
    assert setup_of(value).body__field.values[()] == value


def test_text_and_dates_of_python_are_values():
    """Strings and `datetime` objects are scalars."""
    assert setup_of("text").body__field.item() == "text"
    assert setup_of(datetime.datetime(2000, 1, 2)).body__field.values == np.datetime64("2000-01-02")


@pytest.mark.parametrize(
    "value",
    [("batch", [1, 2]), (["batch"], [1, 2]), (("batch",), np.array([1, 2]))],
    ids=["string", "list", "tuple"],
)
def test_tuples_name_dimensions_themselves(value):
    """A tuple (dims, data) may have dimensions that the declaration does not know, such as a batch."""
    assert setup_of(value).body__field.dims == ("batch",)


def test_tuples_may_hold_attributes():
    """A tuple (dims, data, attrs) gives attributes."""
    setup = setup_of(("x", [1, 2], {"origin": "survey"}))

    assert setup.body__field.attrs == {"origin": "survey"}


def test_a_tuple_without_dimensions_is_a_scalar():
    """A tuple ((), value) is a scalar with attributes."""
    setup = setup_of(((), 5, {"origin": "guess"}))

    assert setup.body__field.dims == ()
    assert setup.body__field.attrs == {"origin": "guess"}


def test_variables_of_xarray_are_values():
    """An xarray.Variable keeps its dimensions and attributes."""
    setup = setup_of(xr.Variable(("y", "x"), np.ones((2, 3)), {"origin": "map"}))

    assert setup.body__field.dims == ("y", "x")
    assert setup.body__field.attrs == {"origin": "map"}


def test_dataarrays_keep_their_coordinates():
    """A DataArray brings the coordinates along its dimensions, also those that are no index."""
    array = xr.DataArray(
        [1, 2], dims="x", coords={"x": [10.0, 20.0], "place": ("x", ["a", "b"])}, attrs={"origin": "map"}
    )

    setup = setup_of(array)

    assert set(setup.coords) == {"x", "place"}
    assert setup.place.dims == ("x",)
    assert setup.body__field.attrs == {"origin": "map"}


def test_scalar_coordinates_of_dataarrays_are_left_out():
    """What a selection leaves behind on a DataArray does not clash with the clocks."""
    array = xr.DataArray([[1, 2], [3, 4]], dims=("t", "x"), coords={"t": [0, 1]}).isel(t=-1)

    setup = setup_of(array, clocks={"t": [5, 6]})

    assert setup.t.values.tolist() == [5, 6]
    assert setup.body__field.values.tolist() == [3, 4]


def test_dataarrays_with_several_levels_of_labels_are_values():
    """A stacked DataArray keeps its multi-index (DESIGN §B1)."""
    array = xr.DataArray([[1, 2], [3, 4]], dims=("a", "b"), coords={"a": ["u", "v"], "b": [0, 1]})

    setup = setup_of(array.stack(batch=("a", "b")))

    assert list(setup.indexes["batch"]) == [("u", 0), ("u", 1), ("v", 0), ("v", 1)]
    assert setup.body__field.values.tolist() == [1, 2, 3, 4]


def test_dataarrays_with_the_same_labels_fit_together():
    """Two DataArrays with equal labels share the coordinate."""
    one = xr.DataArray([1, 2], dims="x", coords={"x": [10, 20]})

    setup = xs.create_setup(MODEL, input_vars={"body__rate": one, "body__field": one * 2}, fill_default=False)

    assert setup.x.values.tolist() == [10, 20]
    assert setup.body__field.values.tolist() == [2, 4]


def test_labels_in_another_unit_of_time_are_the_same_labels():
    """A DataArray whose dates have another unit than the clock fits, and the clock stays."""
    days = np.array(["2000-01-01", "2000-01-02"], dtype="datetime64[s]")
    array = xr.DataArray([1, 2], dims="t", coords={"t": days.astype("datetime64[ns]")})

    setup = setup_of(array, clocks={"t": days})

    assert setup.t.dtype == np.dtype("datetime64[s]")
    assert setup.body__field.dims == ("t",)


def test_marks_of_clocks_do_not_come_with_a_dataarray():
    """A value taken from another setup brings neither its clocks' roles nor its output requests."""
    other = xs.create_setup(
        MODEL, {"t": [0, 1]}, input_vars={**PLAIN, "body__rate": ("t", [1, 2])}, output_vars={"body__size": "t"}
    )

    setup = setup_of(other.body__rate)

    assert setup.xsim.main_clock_dim is None
    assert dict(setup.xsim.output_vars) == {}


def test_marks_of_an_output_do_not_come_with_a_value():
    """create_setup drops the marks that outputs carry (DESIGN §S5)."""
    setup = setup_of(("x", [1, 2], {"xsim_role": "output", "xsim_dims": "t,x", "origin": "run"}))

    assert setup.body__field.attrs == {"origin": "run"}


def test_values_along_the_main_clock_vary_in_time():
    """A tuple may put the main clock before the declared dimensions."""
    setup = setup_of((("t", "x"), np.ones((2, 3))), clocks={"t": [0, 1]})

    assert setup.body__field.dims == ("t", "x")


@pytest.mark.parametrize(
    ("value", "dims"), [([1, 2, 3], ("time",)), (np.ones((2, 3)), ("x", "time"))], ids=["series", "field of series"]
)
def test_main_clock_stands_for_the_clock_of_the_setup(value, dims):
    """MAIN_CLOCK in the dims of a variable becomes the name of the main clock."""
    setup = setup_of(value, "body__series", clocks={"time": [0, 1, 2]})

    assert setup.body__series.dims == dims


def test_defaults_fill_what_is_not_given():
    """Inputs with a default and no value get it; others are left out, given values stay."""
    setup = xs.create_setup(xs.Model({"drawn": Drawn}), input_vars={"drawn__scale": 1.0})

    assert setup.drawn__scale.item() == 1.0
    assert setup.drawn__rows.dims == ("x",)
    assert setup.drawn__rows.values.tolist() == [0, 1, 2]


def test_default_functions_are_called():
    """A function decorated with @variable.default is called for the setup's value (API.md)."""
    setup = xs.create_setup(xs.Model({"drawn": Drawn}))

    assert setup.drawn__calls.item() == 11


def test_defaults_can_be_left_out():
    """With fill_default=False only the values given are in the setup."""
    setup = xs.create_setup(xs.Model({"drawn": Drawn}), fill_default=False)

    assert list(setup.variables) == []


def test_none_is_a_default():
    """None as a default stays None in the setup (API.md)."""
    setup = xs.create_setup(MODEL, {"t": [0, 1]}, input_vars=PLAIN)

    assert setup.body__long__name.dims == ()
    assert setup.body__long__name.item() is None


def test_descriptions_and_attributes_are_on_inputs():
    """The description and attrs of a variable are on its value; attributes given with the value win."""
    assert setup_of(1, "body__rate").body__rate.attrs == {"description": "growth rate", "units": "1/s"}

    given = setup_of(((), 1, {"units": "1/h", "origin": "paper"}), "body__rate")

    assert given.body__rate.attrs == {"description": "growth rate", "units": "1/h", "origin": "paper"}


def test_values_given_are_copied_from_arrays():
    """Changing an array after it was given does not change the setup."""
    array = np.zeros(3)
    dataarray = xr.DataArray(np.zeros(3), dims="x")
    setups = setup_of(array), setup_of(dataarray)

    array[:] = 9
    dataarray[:] = 9

    assert [setup.body__field.values.tolist() for setup in setups] == [[0, 0, 0], [0, 0, 0]]


def test_attributes_of_a_dataarray_given_stay():
    """The object given as a value is not changed."""
    array = xr.DataArray([1.0], dims="x", attrs={"origin": "map"}, name="mine")

    setup_of(array, "body__rate")

    assert array.attrs == {"origin": "map"}
    assert array.name == "mine"


def test_a_scalar_may_stand_for_an_array_until_the_run():
    """A scalar, also as a default, is taken for an input of one dimension; the run checks it (API.md)."""

    @xs.process
    class Tank:
        level = xs.variable(dims="x", default=0.0)
        area = xs.variable(dims="x")
        total = xs.variable(intent="out")

        def initialize(self):
            self.total = np.sum(self.level) + np.sum(self.area)

    model = xs.Model({"tank": Tank})
    setup = xs.create_setup(model, input_vars={"tank__area": 2.0}, output_vars={"tank__total": None})

    assert setup.tank__level.dims == setup.tank__area.dims == ()
    with pytest.raises(xs.errors.InputError) as error:
        setup.xsim.run(model)
    assert error.value.problem == ("Invalid dimension(s) for variable 'tank__level': found (), must be one of ('x',)")
    assert setup.xsim.run(model, check_dims=None).tank__total.item() == 2
    both = {"tank__level": [1.0, 2.0], "tank__area": [3.0, 4.0]}
    assert setup.xsim.update_vars(model, input_vars=both).xsim.run(model).tank__total.item() == 10
