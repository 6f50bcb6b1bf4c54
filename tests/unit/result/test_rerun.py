"""A result is a setup (DESIGN §S5)."""

import numpy as np
import pytest
import xarray as xr

import xsim as xs


def loaded(dataset):
    return dataset.drop_vars("field__mode").load()


@pytest.fixture(params=["memory", "store", "plain xarray"])
def finish(request, model, tmp_path):
    """Give a function that runs a setup and gives the result, in three ways."""
    path = tmp_path / "out.zarr"

    def run(setup):
        if request.param == "memory":
            return setup.xsim.run(model)
        result = setup.xsim.run(model, store=path)
        return result if request.param == "store" else xr.open_zarr(path)

    return run


def test_a_result_runs_again(finish, model, setup):
    """Running a result gives that result (DESIGN §S5)."""
    result = finish(setup)

    for store in (None, {}):
        again = result.xsim.run(model, store=store)

        xs.testing.assert_identical_runs(loaded(again), loaded(result))


def test_a_result_that_runs_again_keeps_its_order(model, setup):
    """Variables keep their order when a result is run."""
    result = setup.xsim.run(model)

    assert list(result.xsim.run(model).data_vars) == list(result.data_vars)


def test_the_setup_can_be_read_from_a_result(finish, setup):
    """Clocks and output requests of a result are those of the setup."""
    result = finish(setup)

    assert result.xsim.output_vars == setup.xsim.output_vars
    assert result.xsim.clock_sizes == setup.xsim.clock_sizes
    assert result.xsim.main_clock_dim == "t"


def test_the_kept_input_is_what_runs_again(finish, model, setup):
    """Where an output has the name of an input, the input is kept and read from there (DESIGN §S5)."""
    result = finish(setup)
    changed = result.assign({"field__height.input": result["field__height.input"] + 100})
    again = changed.xsim.run(model)

    np.testing.assert_array_equal(again.field__height.to_numpy(), result.field__height.to_numpy() + 100)


def test_inputs_of_a_result_can_be_changed(finish, model, setup):
    """A result is updated like a setup; a new value replaces the kept input (DESIGN §S5)."""
    result = finish(setup)
    other = result.xsim.update_vars(model, input_vars={"field__height": ("x", [0.0, 0.0, 0.0])})
    again = other.xsim.run(model)

    assert again.field__height.values[0].tolist() == [2, 2, 2]
    assert again["field__height.input"].values.tolist() == [0, 0, 0]


def test_a_restart_from_the_last_value(finish, model, setup):
    """The usual restart: the last value of an output becomes the input (DESIGN §S5)."""
    result = finish(setup)
    last = result.isel(out=-1)
    restart = result.xsim.update_vars(model, input_vars={"field__height": last.field__height})
    again = restart.xsim.run(model)

    np.testing.assert_array_equal(again["field__height.input"].to_numpy(), [9.0, 10.0, 11.0])
    np.testing.assert_array_equal(again.field__height.to_numpy()[-1], [17.0, 18.0, 19.0])


def test_a_run_without_saving_the_input(finish, model, setup):
    """Once the output is no longer requested, the input has its own name again."""
    result = finish(setup)
    fewer = result.copy()
    fewer.out.attrs["xsim_output_vars"] = "field__label"
    again = fewer.xsim.run(model)

    assert again.field__height.values.tolist() == [1, 2, 3]
    assert "field__height.input" not in again


@pytest.mark.parametrize("calendar", ["standard", "noleap"])
@pytest.mark.parametrize("store", [lambda: None, dict], ids=["memory", "store"])
def test_a_result_with_dates_runs_again(model, setup, calendar, store):
    """Clocks with units are dates in the result; run again, processes see the same numbers (DESIGN §S5)."""
    main_clock = {"dim": "t", "units": "days since 2000-01-01", "calendar": calendar}
    dated = setup.xsim.update_clocks(model, {"t": [0, 2, 3], "out": [0, 3]}, main_clock)
    result = dated.xsim.run(model)

    assert result.field__height.values[-1].tolist() == [7, 8, 9]
    xs.testing.assert_identical_runs(loaded(result.xsim.run(model, store=store())), loaded(result))


def test_growing_outputs_run_again():
    """A result with padded arrays, masked integers and bools runs again (DESIGN §S5)."""

    @xs.process
    class Grow:
        v = xs.variable(dims="x", intent="inout", default=(1, 2))
        x = xs.index("x")
        flags = xs.variable(dims="x", intent="out")

        @xs.runtime(args="step")
        def run_step(self, step):
            self.v = np.append(self.v, step)
            self.flags = self.v > 0
            self.x = np.arange(self.v.size)

    model = xs.Model({"grow": Grow})
    outputs = {"grow__v": "t", "grow__flags": "t"}
    setup = xs.create_setup(model, {"t": [0, 1, 2]}, input_vars={"grow__v": (("x0",), [1, 2])}, output_vars=outputs)
    for store in (None, {}):
        result = setup.xsim.run(model, store=store, check_dims=None)

        assert result.grow__v.shape == (3, 4)
        xs.testing.assert_identical_runs(result.xsim.run(model, check_dims=None).load(), result.load())


def test_a_time_varying_input_runs_again(model, setup):
    """Inputs along the clock are kept as they were."""
    rates = ("t", [1.0, 2.0, 3.0, 4.0, 5.0])
    result = setup.xsim.update_vars(model, input_vars={"field__rate": rates}).xsim.run(model)

    assert result.field__rate.values.tolist() == rates[1]
    xs.testing.assert_identical_runs(loaded(result.xsim.run(model)), loaded(result))
