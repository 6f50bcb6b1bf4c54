"""What a result holds (DESIGN §S5; API)."""

import numpy as np
import pytest
import xarray as xr

import xsim as xs


@pytest.fixture(params=["memory", "store"])
def result(request, model, setup):
    """A result, from memory and from a store."""
    return setup.xsim.run(model, store=None if request.param == "memory" else {})


def test_names_and_order(setup, result):
    """Inputs come in the order of the setup, then outputs by clock; an input that is saved is kept apart."""
    inputs = ["field__height.input" if name == "field__height" else name for name in setup.data_vars]
    outputs = ["field__wet", "field__day", "field__height", "field__label", "field__count", "field__total"]

    assert sorted(inputs) == ["field__height.input", "field__mode", "field__rate", "grid__size"]
    assert list(result.data_vars) == inputs + outputs


def test_coordinates(result):
    """Clocks and index variables are coordinates; these have their bare names."""
    assert set(result.coords) == {"t", "out", "x", "area"}
    assert set(result.xindexes) == {"t", "out", "x"}
    assert result.x.values.tolist() == [0, 0.5, 1]
    assert result.area.dims == ("x",)
    assert result.sel(x=0.5, out=2.0).field__height.ndim == 0


def test_values(result):
    """Outputs have the values of the run, with dims of clock and variable."""
    height = np.array([1.0, 2.0, 3.0])

    assert result.field__height.dims == ("out", "x")
    np.testing.assert_array_equal(result.field__height.to_numpy(), [height + 2, height + 6, height + 8])
    np.testing.assert_array_equal(result["field__height.input"].to_numpy(), height)
    assert result.field__total.item() == 30
    np.testing.assert_array_equal(result.field__wet.to_numpy(), np.array([0, 0, 1, 1, 1], bool), strict=True)
    assert result.field__label.values.tolist() == ["", "ab", ""]
    np.testing.assert_array_equal(result.field__count.to_numpy(), np.array([0, 2, 3]), strict=True)


def test_attributes_of_variables(result):
    """Descriptions and attrs are on inputs and outputs; outputs say what they are (API, DESIGN §S5)."""
    assert result.field__rate.attrs == {"description": "rate of growth", "units": "1/day"}
    assert result["field__height.input"].attrs == {"description": "height", "units": "days"}
    assert result.field__height.attrs == {
        "description": "height",
        "units": "days",
        "xsim_role": "output",
        "xsim_dims": "out,x",
    }
    assert result.field__total.attrs == {
        "description": "sum",
        "units": "m",
        "xsim_role": "output",
        "xsim_dims": "",
    }
    assert result.x.attrs == {"description": "position", "units": "m"}
    assert result.area.attrs == {}


def test_attributes_of_the_dataset(result):
    """Outcome, version and provenance are attributes, beside the requests without a clock (DESIGN §S5)."""
    assert result.attrs.pop("xsim_provenance")
    assert result.attrs == {
        "xsim_output_vars": "field__total",
        "xsim_outcome": "done",
        "xsim_version": xs.__version__,
    }
    assert result.t.attrs == {"xsim_role": "main_clock", "xsim_output_vars": "field__wet,field__day"}
    assert result.out.attrs == {
        "xsim_role": "clock",
        "xsim_output_vars": "field__height,field__label,field__count",
    }


def test_none_is_kept(result):
    """None as the value of an input is in the result (API)."""
    assert result.field__mode.item() is None


def test_users_variables_are_kept(model, setup):
    """All that the user put into the setup is in the result, the setup unchanged (API)."""
    mine = setup.assign(mine=("q", [1, 2])).assign_coords(q=["a", "b"], place="here").assign_attrs(title="mine")
    before = mine.copy(deep=True)
    for store in (None, {}):
        result = mine.xsim.run(model, store=store)

        assert result.mine.values.tolist() == [1, 2]
        assert (result.place.item(), result.attrs["title"]) == ("here", "mine")
        assert {"q", "place"} <= set(result.coords)
    xr.testing.assert_identical(mine, before)


def test_the_setup_is_not_changed(model, setup):
    """Running leaves the setup as it was, values, attributes and encodings (API)."""
    before = setup.copy(deep=True)
    encodings = {name: dict(variable.encoding) for name, variable in setup.variables.items()}
    setup.xsim.run(model, store={})

    xr.testing.assert_identical(setup, before)
    assert {name: variable.encoding for name, variable in setup.variables.items()} == encodings


def test_a_value_may_be_a_dataarray(model, setup):
    """A process may set an index or an output to a DataArray, and an index to any sequence (API)."""

    @xs.process
    class P:
        x = xs.index("x")
        names = xs.index("names")
        v = xs.variable(dims="x", intent="out")

        def initialize(self):
            self.x = range(3)
            self.names = ["a", "b"]
            self.v = xr.DataArray([1.0, 2.0, 3.0], dims="x")

    model = xs.Model({"p": P})
    result = xs.create_setup(model, {"t": [0, 1]}, output_vars={"p__v": "t"}).xsim.run(model)

    assert result.p__v.values.tolist() == [[1, 2, 3]] * 2
    assert result.x.values.tolist() == [0, 1, 2]
    assert result.sel(names="b").names.item() == "b"


def test_alternative_dims(model, setup):
    """Of alternative dims those are taken that the value has."""

    @xs.process
    class P:
        n = xs.variable(default=0)
        v = xs.variable(dims=[(), "x", ("y", "x")], intent="out")

        def initialize(self):
            self.v = np.ones((2, 3)[2 - self.n :]) if self.n else 1.0

    model = xs.Model({"p": P})
    for n, dims in enumerate([("t",), ("t", "x"), ("t", "y", "x")]):
        setup = xs.create_setup(model, {"t": [0, 1]}, input_vars={"p__n": n}, output_vars={"p__v": "t"})
        assert setup.xsim.run(model).p__v.dims == dims


@pytest.mark.parametrize(("calendar", "last"), [("standard", "2000-03-01T00:00:00"), ("noleap", "2000-03-02 00:00:00")])
def test_clocks_with_units_come_back_as_dates(model, setup, calendar, last):
    """Clocks of numbers with units and calendar are dates in the result, and numbers in the setup (API)."""
    main_clock = {"dim": "t", "units": "days since 2000-01-01", "calendar": calendar}
    dated = setup.xsim.update_clocks(model, {"t": [0, 59, 60], "out": [0, 60]}, main_clock)
    assert dated.t.values.tolist() == [0, 59, 60]
    for store in (None, {}):
        result = dated.xsim.run(model, store=store)

        assert str(result.t.values[-1]).removesuffix(".000000000") == last
        assert str(result.out.values[-1]).removesuffix(".000000000") == last
        assert result.xsim.main_clock_dim == "t"
        assert result.field__height.values[-1].tolist() == [121, 122, 123]
