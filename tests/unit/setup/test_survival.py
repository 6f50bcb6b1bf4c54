"""Setups are plain datasets: they survive files, copies, selections, stacking and merging (API.md)."""

import cftime
import numpy as np
import pytest
import xarray as xr

import xsim as xs


@xs.process
class Tank:
    rate = xs.variable(dims=[(), "x"], default=1, description="inflow", attrs={"units": "m"})
    label = xs.variable(default="pump")
    names = xs.variable(dims="x", default=["a", "bc"])
    flag = xs.variable(default=True)
    nothing = xs.variable(default=None)
    forcing = xs.variable(default=0.0)
    start = xs.variable(default=np.datetime64("2000-01-01", "ns"))
    level = xs.variable(intent="inout", default=0)
    seen = xs.variable(intent="out")

    def initialize(self):
        self.seen = repr((self.label, self.flag, [str(name) for name in self.names]))

    def run_step(self):
        self.level = self.level + self.forcing


MODEL = xs.Model({"tank": Tank})

CLOCKS = {
    "ints": np.array([0, 1, 3]),
    "floats": np.array([3.0, 0.5, -1.0]),
    "unsigned": np.array([1, 2, 3], dtype="uint16"),
    "dates": np.array(["2000-01-01", "2000-01-02", "2000-01-05"], dtype="datetime64[ns]"),
    "seconds": np.array(["2000-01-01", "2000-01-02", "2000-01-05"], dtype="datetime64[s]"),
    "cftime": cftime.num2date([0, 1, 5], "days since 2000-02-28", calendar="noleap"),
}


def setup_of(labels=CLOCKS["ints"], **kwargs):
    return xs.create_setup(
        MODEL,
        {"t": labels, "out": labels[::2]},
        "t",
        {"tank__forcing": ("t", [1.0, 2.0, 3.0]), **kwargs},
        {"tank__level": "t", "tank__rate": "out", "tank__seen": None},
    )


def planned(setup):
    inputs = {p.name: p.values for p in setup.xsim.plan(MODEL).inputs if p.name != "tank__nothing"}
    inputs["tank__start"] = inputs["tank__start"].astype("datetime64[s]")
    return {name: values.tolist() for name, values in inputs.items()}


def check_same(before, after):
    """Compare what a run sees and gives; types of text and units of dates may change in a file."""
    assert dict(after.xsim.output_vars) == dict(before.xsim.output_vars)
    assert after.xsim.main_clock_dim == before.xsim.main_clock_dim
    assert planned(after) == planned(before)
    one, two = before.xsim.run(MODEL), after.xsim.run(MODEL)
    assert one.tank__level.values.tolist() == two.tank__level.values.tolist() == [1, 3, 3]
    assert one.tank__seen.item() == two.tank__seen.item() == "('pump', True, ['a', 'bc'])"
    assert (one.t.values == two.t.values).all()
    assert (one.out.values == two.out.values).all()


@pytest.mark.parametrize("labels", CLOCKS.values(), ids=CLOCKS)
def test_netcdf(tmp_path, labels):
    """A setup with every kind of input and clock survives to_netcdf and back."""
    setup = setup_of(labels)
    setup.to_netcdf(tmp_path / "setup.nc")

    with xr.open_dataset(tmp_path / "setup.nc") as back:
        check_same(setup, back)
        assert back.tank__rate.attrs == {"description": "inflow", "units": "m"}


@pytest.mark.parametrize("labels", CLOCKS.values(), ids=CLOCKS)
def test_zarr(tmp_path, labels):
    """A setup with every kind of input and clock survives to_zarr and back."""
    # Text of a fixed length is what zarr warns of; that is not xsim's.
    text = {"tank__label": np.array("pump", dtype=object), "tank__names": np.array(["a", "bc"], dtype=object)}
    setup = setup_of(labels, **text)
    setup.to_zarr(tmp_path / "setup.zarr", consolidated=False)

    check_same(setup, xr.open_zarr(tmp_path / "setup.zarr", consolidated=False))


def test_none_survives_files(tmp_path):
    """None as the default of an input survives the setup's files (API.md)."""
    setup = setup_of()
    setup.to_netcdf(tmp_path / "setup.nc")

    with xr.open_dataset(tmp_path / "setup.nc") as back:
        planned = {p.name: p.at(0) for p in back.xsim.plan(MODEL).inputs}
        assert planned["tank__nothing"] is None


def test_a_clock_with_units_becomes_dates_in_a_file(tmp_path):
    """A clock given with units is decoded by xarray when it is opened, and stays a clock."""
    setup = xs.create_setup(
        MODEL, {"t": [0, 1, 5], "out": [5]}, {"dim": "t", "units": "days since 2000-02-28", "calendar": "noleap"}
    )
    setup.drop_vars("tank__nothing").to_netcdf(tmp_path / "setup.nc")

    with xr.open_dataset(tmp_path / "setup.nc") as back:
        assert back.t.values.tolist() == CLOCKS["cftime"].tolist()
        assert back.xsim.main_clock_dim == "t"
        assert back.xsim.get_output_save_steps().out.values.tolist() == [False, False, True]


@pytest.mark.parametrize(
    "change",
    [
        lambda ds: ds.copy(),
        lambda ds: ds.copy(deep=True),
        lambda ds: ds.assign(mine=("x", [1, 2])).assign_coords(x=[5, 6], place=("x", ["a", "b"])),
        lambda ds: ds.assign_attrs(title="mine"),
        lambda ds: xr.merge([ds, xr.Dataset({"mine": ("x", [1, 2])})], combine_attrs="override"),
        lambda ds: ds.expand_dims(other=[1, 2]).isel(other=0, drop=True),
        lambda ds: ds.isel(t=slice(None)),
        lambda ds: ds.reset_coords(),
        lambda ds: ds.transpose(...),
        lambda ds: xr.Dataset.from_dict(ds.to_dict()),
        lambda ds: ds.chunk({"x": 1}),
    ],
    ids=["copy", "deep copy", "assign", "attrs", "merge", "isel", "slice", "reset", "transpose", "dict", "dask"],
)
def test_a_setup_survives(change):
    """Copies, additions and selections leave clocks, requests and inputs."""
    check_same(setup_of(), change(setup_of()))


def test_a_value_is_replaced_by_assign():
    """xarray's own assign replaces an input."""
    setup = setup_of().assign(tank__forcing=5.0)

    assert setup.xsim.run(MODEL).tank__level.values.tolist() == [5, 10, 10]


def test_a_part_of_the_main_clock_is_a_clock():
    """A slice of the clocks is a shorter run; its values along the clock go with it."""
    setup = setup_of().isel(t=slice(1, None), out=slice(1, None))

    assert setup.xsim.nsteps == 1
    assert setup.xsim.run(MODEL).tank__level.values.tolist() == [2, 2]


def test_a_selection_of_an_input_is_an_input():
    """isel along another dimension leaves the rest as it is."""
    setup = setup_of(tank__level=("batch", [0.0, 10.0]))

    assert setup.isel(batch=1).xsim.run(MODEL).tank__level.values.tolist() == [11, 13, 13]


def test_a_stacked_batch_keeps_clocks_and_requests():
    """stack makes one batch of two dimensions; the clocks are as before."""
    setup = setup_of(tank__level=("a", [0.0, 10.0]), tank__rate=("b", [1, 2, 3]))

    stacked = setup.assign_coords(a=[0, 1], b=[0, 1, 2]).stack(batch=("a", "b"))

    assert stacked.sizes["batch"] == 6
    assert dict(stacked.xsim.output_vars) == dict(setup.xsim.output_vars)
    assert stacked.xsim.main_clock_dim == "t"
    chosen = stacked.isel(batch=-1).drop_vars(["a", "b", "batch"])
    assert chosen.xsim.run(MODEL).tank__level.values.tolist() == [11, 13, 13]


def test_merged_setups():
    """Two setups with the same clocks are merged to one."""
    one = xs.create_setup(MODEL, {"t": [0, 1, 2]}, input_vars={"tank__rate": 5}, fill_default=False)
    two = xs.create_setup(MODEL, {"t": [0, 1, 2]}, input_vars={"tank__level": 7}, fill_default=False)

    merged = xr.merge([one, two])

    assert merged.xsim.main_clock_dim == "t"
    assert {name: merged[name].item() for name in merged.data_vars} == {"tank__rate": 5, "tank__level": 7}


def test_users_own_variables_are_in_the_result():
    """Variables, coordinates and attributes of the user's are in the result, unchanged (API.md)."""
    setup = setup_of().assign(mine=("x", [1, 2], {"note": "n"}), object__like=5)
    setup = setup.assign_coords(x=[5.0, 6.0], place=("x", ["a", "b"])).assign_attrs(title="run 1")

    result = setup.xsim.run(MODEL)

    for name in ("mine", "object__like", "x", "place", "t", "out", "tank__label", "tank__names", "tank__flag"):
        assert result[name].identical(setup[name]), name
    assert result.attrs["title"] == "run 1"
    assert set(result.coords) == set(setup.coords)
