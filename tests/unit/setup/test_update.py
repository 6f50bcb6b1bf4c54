"""Changing setups: update_clocks, update_vars, filter_vars, reset_vars."""

import textwrap

import numpy as np
import pytest
import xarray as xr

import xsim as xs


@xs.process
class Tank:
    rate = xs.variable(default=1, description="inflow")
    pipes = xs.variable(dims="pipe", default=[1.0, 2.0])
    needed = xs.variable()
    level = xs.variable(intent="out")
    stock = xs.variable(intent="inout", default=5)

    def initialize(self):
        self.level = 0

    def run_step(self):
        self.level += 1
        self.stock += 1


@xs.process
class Other:
    level = xs.foreign(Tank, "level")
    size = xs.variable(intent="out")
    speed = xs.variable(default=3)


MODEL = xs.Model({"tank": Tank})
LARGE = xs.Model({"tank": Tank, "other": Other})


def message(text):
    return textwrap.dedent(text).strip()


@pytest.fixture
def setup():
    return xs.create_setup(
        MODEL,
        {"t": [0, 1, 2, 3], "out": [0, 2], "rare": [3]},
        "t",
        {"tank__rate": 4, "tank__needed": ("t", [1, 2, 3, 4])},
        {"tank__level": "out", "tank__stock": "t", "tank__needed": None},
    )


REQUESTS = {("tank", "stock"): "t", ("tank", "level"): "out", ("tank", "needed"): None}


# -- clocks -------------------------------------------------------------------------------------------------------


def test_replaced_clocks_keep_their_requests(setup):
    """A clock is replaced; the others, all requests and the main clock stay (API.md)."""
    new = setup.xsim.update_clocks(MODEL, {"out": [1, 3]})

    assert new.out.values.tolist() == [1, 3]
    assert {name: new[name].values.tolist() for name in ("t", "rare")} == {"t": [0, 1, 2, 3], "rare": [3]}
    assert dict(new.xsim.output_vars) == REQUESTS
    assert new.xsim.main_clock_dim == "t"


def test_added_clocks_leave_the_others(setup):
    """A clock is added without a change of the others."""
    new = setup.xsim.update_clocks(MODEL, {"late": [2, 3]})

    assert dict(new.xsim.clock_sizes) == {"t": 4, "out": 2, "rare": 1, "late": 2}
    assert dict(new.xsim.output_vars) == REQUESTS


def test_a_replaced_main_clock_stays_the_main_clock(setup):
    """The main clock stays unless another one is named; its requests, too."""
    new = setup.xsim.update_clocks(MODEL, {"t": [0, 2, 2.5, 3]})

    assert new.xsim.main_clock_dim == "t"
    assert new.t.values.tolist() == [0, 2, 2.5, 3]
    assert dict(new.xsim.output_vars) == REQUESTS
    assert new.tank__needed.values.tolist() == [1, 2, 3, 4]


def test_another_main_clock(setup):
    """Another clock can become the main one."""
    new = setup.xsim.update_clocks(MODEL, {"fine": np.arange(0, 3.5, 0.5)}, main_clock="fine")

    assert new.xsim.main_clock_dim == "fine"
    assert new.t.attrs["xsim_role"] == "clock"
    assert new.xsim.nsteps == 6
    assert dict(new.xsim.output_vars) == REQUESTS


def test_the_main_clock_can_change_without_new_clocks(setup):
    """An existing clock can be named as main clock alone."""
    new = setup.drop_vars(["out", "rare"]).xsim.update_clocks(MODEL, {"u": [0, 1, 2, 3]}, "u")

    assert new.xsim.update_clocks(MODEL, main_clock="t").xsim.main_clock_dim == "t"


def test_the_first_clock_of_a_setup_is_the_main_clock():
    """With one clock and no main clock yet, that one is it (API.md)."""
    new = xs.create_setup(MODEL).xsim.update_clocks(MODEL, {"t": [0, 1]})

    assert new.xsim.main_clock_dim == "t"


def test_an_old_clock_out_of_step_with_a_new_main_clock(setup):
    """Labels that a new main clock does not have are refused (API.md)."""
    with pytest.raises(xs.errors.ClockError) as error:
        setup.xsim.update_clocks(MODEL, {"t": [0, 1, 5, 7]})

    assert str(error.value) == message(
        """
        Clock coordinate 'out' is not synchronized with main clock coordinate 't'
          got: The following coordinate labels are absent in main clock: [2]
          expected: labels of 't': [0, 1, 5, 7]
          remedy: take the labels from the main clock, e.g. t[::10]
        """
    )


def test_an_old_main_clock_out_of_step_with_the_new_one(setup):
    """The old main clock must be a subset of the new one, too."""
    with pytest.raises(xs.errors.ClockError) as error:
        setup.xsim.update_clocks(MODEL, {"out": [0, 3]}, "out")

    assert str(error.value) == message(
        """
        Clock coordinate 't' is not synchronized with main clock coordinate 'out'
          got: The following coordinate labels are absent in main clock: [1, 2]
          expected: labels of 'out': [0, 3]
          remedy: take the labels from the main clock, e.g. out[::10]
        """
    )


def test_values_along_a_replaced_clock_fit(setup):
    """A clock of another size is refused while there are values along it."""
    with pytest.raises(xs.errors.ClockError) as error:
        setup.xsim.update_clocks(MODEL, {"t": [0, 1, 2, 2.5, 3]})

    assert str(error.value) == message(
        """
        clock 't' cannot be replaced: other variables have values along it
          got: 5 labels; 'tank__needed' with 4
          expected: as many labels as before
          remedy: give these variables new values too, or drop them first
        """
    )


def test_requests_survive_a_selection_of_their_clock(setup):
    """A clock lost by a selection and given again has its requests, as in xarray-simlab (API.md)."""
    selected = setup.isel(out=-1)

    assert dict(selected.xsim.update_clocks(MODEL, {"out": [0, 1]}).xsim.output_vars) == REQUESTS


def test_requests_survive_a_selection_of_the_main_clock(setup):
    """The remedy for a lost main clock brings its requests back."""
    selected = setup.isel(t=-1)

    new = selected.xsim.update_clocks(MODEL, {"t": [0, 1, 2, 3]}, "t")

    assert dict(new.xsim.output_vars) == REQUESTS
    assert new.xsim.main_clock_dim == "t"


def test_a_clock_added_to_clocks_with_units_has_them():
    """A clock added as numbers is in the units of the others, so that the result is a setup again (DESIGN §S5)."""
    setup = xs.create_setup(
        MODEL, {"t": [0, 1, 2]}, {"dim": "t", "units": "days since 2000-01-01"}, {"tank__needed": 1}
    )

    result = setup.xsim.update_clocks(MODEL, {"out": [0, 2]}).xsim.run(MODEL)

    assert result.out.dtype.kind == "M"
    assert result.xsim.run(MODEL).equals(result)


def test_master_clock_is_deprecated_in_update_clocks(setup):
    """master_clock= warns, pointing at the caller, and works."""
    with pytest.warns(FutureWarning) as warned:
        new = setup.xsim.update_clocks(MODEL, {"t": [0, 1, 2, 3]}, master_clock="t")

    assert [(str(w.message), w.filename) for w in warned] == [
        ("master_clock= is deprecated; use main_clock=", __file__)
    ]
    assert new.identical(setup)


# -- inputs and outputs -------------------------------------------------------------------------------------------


def test_inputs_are_replaced_and_the_others_stay(setup):
    """update_vars changes what is named."""
    new = setup.xsim.update_vars(MODEL, {"tank__rate": ("batch", [1, 2])})

    assert new.tank__rate.dims == ("batch",)
    assert new.tank__rate.attrs == {"description": "inflow"}
    assert new.drop_vars("tank__rate").identical(setup.drop_vars("tank__rate"))


def test_an_input_can_get_another_size(setup):
    """The only value along a dimension can be replaced by one of another size."""
    assert setup.xsim.update_vars(MODEL, {"tank__pipes": [1, 2, 3]}).sizes["pipe"] == 3


def test_outputs_move_from_none_to_a_clock(setup):
    """Moving an output from None to a clock takes effect (API.md)."""
    new = setup.xsim.update_vars(MODEL, output_vars={"tank__needed": "t"})

    assert dict(new.xsim.output_vars) == REQUESTS | {("tank", "needed"): "t"}
    assert new.attrs == {}


def test_outputs_move_from_a_clock_to_none_and_to_another(setup):
    """Each output has one clock, the last one given."""
    new = setup.xsim.update_vars(MODEL, output_vars={"tank__level": None, "tank__stock": "rare"})

    assert dict(new.xsim.output_vars) == {
        ("tank", "stock"): "rare",
        ("tank", "level"): None,
        ("tank", "needed"): None,
    }
    assert "xsim_output_vars" not in new.out.attrs


def test_an_output_moved_to_a_clock_is_saved_on_it(setup):
    """The result has what was asked for last."""
    new = setup.xsim.update_vars(MODEL, output_vars={"tank__level": "t", "tank__needed": "rare"})

    result = new.xsim.run(MODEL)

    assert result.tank__level.values.tolist() == [1, 2, 3, 3]
    assert result.tank__needed.dims == ("rare",)


def test_update_vars_checks_inputs_and_outputs(setup):
    """Unknown names are refused as in create_setup."""
    with pytest.raises(xs.errors.UnknownInputError) as unknown_input:
        setup.xsim.update_vars(MODEL, {"tank__rte": 1})
    with pytest.raises(xs.errors.UnknownOutputError) as unknown_output:
        setup.xsim.update_vars(MODEL, output_vars={"tank__lvel": "t"})

    assert str(unknown_input.value) == message(
        """
        'tank__rte' is/are not valid key(s) for input variables in model
          - 'tank__rte': process 'tank' (Tank) has no variable 'rte'
          expected: one of 'tank__rate', 'tank__pipes', 'tank__needed', 'tank__stock'
          did you mean: 'tank__rate'?
        """
    )
    assert str(unknown_output.value) == message(
        """
        'tank__lvel' is/are not valid key(s) for variables in model
          - 'tank__lvel': process 'tank' (Tank) has no variable 'lvel'
          expected: one of 'tank__rate', 'tank__pipes', 'tank__needed', 'tank__level', 'tank__stock'
          did you mean: 'tank__level'?
        """
    )


def test_update_vars_drops_marks_and_the_kept_input(setup):
    """A new value of an input that was an output is a plain input again (DESIGN §S5)."""
    result = setup.xsim.run(MODEL)

    new = result.xsim.update_vars(MODEL, {"tank__stock": result.tank__stock.isel(t=-1)})

    assert new.tank__stock.attrs == {}
    assert "tank__stock.input" not in new
    assert new.tank__stock.item() == 8


def test_a_new_value_is_never_none_by_an_old_mark():
    """The mark that a store puts on None does not turn another value into None."""
    setup = xs.create_setup(MODEL, input_vars={"tank__needed": ((), 1, {"xsim_none": 1})})

    planned = {p.name: p.values.tolist() for p in setup.xsim.plan(MODEL).inputs}

    assert planned["tank__needed"] == 1


def test_filter_vars_keeps_what_the_model_knows(setup):
    """Variables and requests that the model does not know are dropped; clocks and labels stay."""
    large = xs.create_setup(
        LARGE, {"t": [0, 1], "out": [1]}, "t", {"tank__needed": 1}, {"other__size": "out", "tank__level": "t"}
    )
    mine = large.assign(notes=("pipe", [1, 2]), free=5).assign_coords(pipe=[10, 20], z=[1, 2, 3])

    new = mine.xsim.filter_vars(MODEL)

    assert set(new.variables) == {
        "t", "out", "pipe", "tank__rate", "tank__pipes", "tank__needed", "tank__stock",
    }  # fmt: skip
    assert dict(new.xsim.output_vars) == {("tank", "level"): "t"}
    assert new.xsim.main_clock_dim == "t"


def test_filter_vars_knows_kept_inputs(setup):
    """The inputs kept beside outputs stay (DESIGN §S5)."""
    result = setup.xsim.run(MODEL)

    new = result.xsim.filter_vars(MODEL)

    assert new["tank__stock.input"].item() == 5
    assert "tank__level" not in new
    assert new.xsim.run(MODEL).drop_attrs().equals(result.drop_attrs())


def test_reset_vars_gives_defaults(setup):
    """Inputs with a default get it back; the others stay."""
    changed = setup.xsim.update_vars(MODEL, {"tank__rate": 9, "tank__pipes": [7.0]}).drop_vars("tank__stock")

    new = changed.xsim.reset_vars(MODEL)

    assert new.tank__rate.item() == 1
    assert new.tank__pipes.values.tolist() == [1.0, 2.0]
    assert new.tank__stock.item() == 5
    assert new.tank__needed.values.tolist() == [1, 2, 3, 4]
    assert dict(new.xsim.output_vars) == REQUESTS


def test_reset_vars_resets_kept_inputs(setup):
    """An input kept beside an output is reset as well, and the output goes (DESIGN §S5)."""
    result = setup.xsim.update_vars(MODEL, {"tank__stock": 50}).xsim.run(MODEL)

    new = result.xsim.reset_vars(MODEL)

    assert "tank__stock.input" not in new
    assert new.tank__stock.item() == 5
    assert new.xsim.run(MODEL).tank__stock.values.tolist() == [6, 7, 8, 8]


CHANGES = {
    "update_clocks": lambda ds: ds.xsim.update_clocks(MODEL, {"t": [0, 2, 2.5, 3], "out": [2]}),
    "main clock": lambda ds: ds.xsim.update_clocks(MODEL, {"fine": [0, 1, 2, 3]}, {"dim": "fine", "units": "days"}),
    "inputs": lambda ds: ds.xsim.update_vars(MODEL, {"tank__rate": 9, "tank__pipes": [5, 6]}),
    "outputs": lambda ds: ds.xsim.update_vars(MODEL, output_vars={"tank__level": None, "tank__needed": "t"}),
    "filter": lambda ds: ds.xsim.filter_vars(LARGE),
    "reset": lambda ds: ds.xsim.reset_vars(MODEL),
    "plan": lambda ds: ds.xsim.plan(MODEL),
    "run": lambda ds: ds.xsim.run(MODEL),
    "transposed": lambda ds: ds.xsim.run(MODEL, check_dims="transpose"),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_the_setup_is_never_changed(setup, change):
    """No method changes the dataset that it is called on: values, attributes, encodings, order (API.md)."""
    setup = setup.assign(mine=xr.Variable("pipe", [1, 2], {"note": "mine"}))
    before = setup.copy(deep=True)

    change(setup)

    assert setup.identical(before)
    assert list(setup.variables) == list(before.variables)
    assert [v.attrs for v in setup.variables.values()] == [v.attrs for v in before.variables.values()]
    assert [v.encoding for v in setup.variables.values()] == [v.encoding for v in before.variables.values()]
