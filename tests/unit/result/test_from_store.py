"""Results that stay on disk (DESIGN §B10; API: decoding)."""

import numpy as np
import pytest
import xarray as xr

import xsim as xs


@pytest.fixture
def result(model, setup, tmp_path):
    return setup.xsim.run(model, store=tmp_path / "out.zarr")


def test_arrays_stay_on_disk_and_scalars_are_loaded(result):
    """Arrays are read when needed; scalars are in memory (DESIGN §B10)."""
    for name in ("field__wet", "field__height", "field__label", "field__day", "field__count", "area"):
        assert not result[name].variable._in_memory, name
    assert result.field__total.variable._in_memory
    assert result.field__height.chunks is not None


def test_a_result_outlives_being_read(result, model, setup):
    """Loading gives what a run in memory gives."""
    xs.testing.assert_identical_runs(result.load(), setup.xsim.run(model))


def test_decoding_is_handed_to_xarray(model, setup, tmp_path):
    """`decoding=` holds arguments of xr.open_zarr (API)."""
    options = {"encoding": {"field__total": {"fill_value": 30.0}}}
    plain = setup.xsim.run(model, store=tmp_path / "a.zarr", **options, decoding={"chunks": None})
    raw = setup.xsim.run(model, store=tmp_path / "b.zarr", **options, decoding={"mask_and_scale": False})

    assert plain.field__height.chunks is None
    assert raw.field__height.chunks is not None
    assert np.isnan(plain.field__total.item())
    assert raw.field__total.item() == 30


def test_a_result_can_be_saved_again(result, tmp_path):
    """A result goes to Zarr and NetCDF like any dataset, and comes back as it was."""
    expected = result.load().copy(deep=True)
    expected["field__mode"] = expected.field__mode.astype(str)  # None is nothing for files
    expected.to_netcdf(tmp_path / "out.nc")
    again = xr.open_dataset(tmp_path / "out.nc", decode_timedelta=False)

    xr.testing.assert_equal(again.drop_vars("field__day"), expected.drop_vars("field__day"))
    np.testing.assert_array_equal(again.field__day.to_numpy(), expected.field__day.to_numpy())
    again.close()


def test_none_is_marked_in_the_store(result, model, tmp_path):
    """None is stored as NaN with a mark, and is None again when the opened store is run (API)."""
    opened = xr.open_zarr(tmp_path / "out.zarr")

    assert np.isnan(opened.field__mode.item())
    assert opened.field__mode.attrs["xsim_none"] == 1
    xs.testing.assert_identical_runs(
        opened.xsim.run(model).drop_vars("field__mode").load(), result.drop_vars("field__mode").load()
    )


def test_an_output_without_elements():
    """Outputs of size zero are in the result, with their dims."""

    @xs.process
    class P:
        v = xs.variable(dims="x", intent="out")

        def initialize(self):
            self.v = np.empty(0)

    model = xs.Model({"p": P})
    setup = xs.create_setup(model, {"t": [0, 1]}, output_vars={"p__v": "t"})
    for store in (None, {}):
        result = setup.xsim.run(model, store=store)

        assert (result.p__v.dims, result.p__v.shape) == (("t", "x"), (2, 0))
