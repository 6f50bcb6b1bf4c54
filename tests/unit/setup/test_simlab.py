"""Setups and results saved by xarray-simlab 0.5.0 are read (tests/data/simlab/make.py wrote them)."""

from pathlib import Path

import cftime
import numpy as np
import pytest
import xarray as xr
from zarr.storage import ZipStore

import xsim as xs

FILES = Path(__file__).parents[2] / "data" / "simlab"
DAYS = np.array(["2000-01-01", "2000-01-02", "2000-01-03", "2000-01-05"], "M8[ns]")
LABELS = {
    "plain": [0.0, 0.5, 1.0, 2.0],
    "dates": DAYS.tolist(),
    "units": cftime.num2date([0, 1, 2, 4], "days since 2000-02-28", calendar="noleap").tolist(),
}


@xs.process
class Grid:
    x = xs.index(dims="x")

    def initialize(self):
        self.x = np.arange(2.0)


@xs.process
class Pond:
    rate = xs.variable(dims=[(), "x"], default=1.0, description="inflow", attrs={"units": "m"})
    forcing = xs.variable(default=0.5)
    level = xs.variable(dims="x", intent="inout", default=0.0)
    total = xs.variable(intent="out", description="sum")
    name = xs.variable(default="a")

    def run_step(self):
        assert self.name == "a"
        self.level = self.level + self.rate * self.forcing
        self.total = float(np.sum(self.level))


MODEL = xs.Model({"grid": Grid, "pond": Pond})


def open_file(name):
    if name.endswith(".nc"):
        with xr.open_dataset(FILES / name) as opened:
            return opened.load()
    with ZipStore(FILES / f"{name}.zip") as store:
        return xr.open_zarr(store).load()


@pytest.mark.parametrize("file", ["nc", "zarr"])
@pytest.mark.parametrize("kind", LABELS)
def test_a_setup(kind, file):
    """Clocks, main clock, requests and inputs of a setup are those that were saved, and it runs as it did there."""
    setup = open_file(f"{kind}.{file}")

    assert setup.xsim.main_clock_dim == "t"
    assert dict(setup.xsim.clock_sizes) == {"t": 4, "out": 2}
    assert setup.xsim.main_clock_coord.values.tolist() == LABELS[kind]
    assert setup.xsim.output_vars == {("pond", "level"): "out", ("pond", "total"): None, ("pond", "rate"): "t"}

    result = setup.xsim.run(MODEL)
    there = open_file("result.nc")
    for name in ("pond__level", "pond__total", "pond__rate", "x"):
        np.testing.assert_array_equal(result[name], there[name])
    assert result.t.values.tolist() == LABELS[kind]
    assert not [key for v in (result, *result.variables.values()) for key in v.attrs if "xsimlab" in key]


def test_a_batch():
    """A setup with a batch dimension gives the batch that it gave there."""
    result = open_file("batch.nc").xsim.run(MODEL, "batch")
    there = open_file("batch_result.nc")

    for name in ("pond__level", "pond__total", "pond__rate"):
        np.testing.assert_array_equal(result[name], there[name])


def test_a_setup_without_clocks():
    """A setup without clocks keeps its requests."""
    setup = open_file("no_clock.nc")

    assert setup.xsim.main_clock_dim is None
    assert setup.xsim.output_vars == {("pond", "level"): None}


@pytest.mark.parametrize("name", ["result.nc", "batch_result.nc"])
def test_a_result(name):
    """A result has its clocks; given what is missing it is a setup again."""
    result = open_file(name)

    assert result.xsim.main_clock_dim == "t"
    assert dict(result.xsim.clock_sizes) == {"t": 4, "out": 2}
    again = result.xsim.update_vars(
        MODEL, {"pond__level": ("x", [0.0, 1.0]), "pond__rate": 2.0}, {"pond__level": "out"}
    )
    np.testing.assert_array_equal(again.xsim.run(MODEL).pond__level, open_file("result.nc").pond__level)


def test_the_dataset_is_not_changed():
    """Looking at, changing and running a setup leaves the dataset as it was opened (API.md)."""
    setup = open_file("plain.nc")
    before = setup.copy(deep=True)
    setup.xsim.update_clocks(MODEL, {"out": [0.0]}).xsim.run(MODEL)
    setup.xsim.update_vars(MODEL, {"pond__rate": 3.0}, {"pond__total": "t"})

    xr.testing.assert_identical(setup, before)


def test_changes_replace_the_old_marks():
    """Requests that are moved, and clocks that are replaced, leave nothing of the old marks behind."""
    setup = open_file("plain.nc")
    moved = setup.xsim.update_vars(MODEL, output_vars={"pond__level": None, "pond__total": "out"})
    assert moved.xsim.output_vars == {("pond", "level"): None, ("pond", "total"): "out", ("pond", "rate"): "t"}

    other = moved.xsim.update_clocks(MODEL, {"out": [0.5]}, main_clock="t")
    assert other.xsim.run(MODEL).pond__total.values.tolist() == [1 + 2 * 2 + 2 * 4]


def test_the_name_of_the_main_clock_after_the_release():
    """The mark that the main clock has in what came after 0.5.0 is known too."""
    setup = open_file("plain.nc")
    setup.t.attrs["__xsimlab_main_clock__"] = setup.t.attrs.pop("__xsimlab_master_clock__")

    assert setup.xsim.main_clock_dim == "t"
    assert setup.xsim.nsteps == 3


def test_values_taken_from_a_result_bring_no_marks():
    """A value taken from an old dataset leaves its marks there."""
    old = open_file("plain.nc")
    setup = xs.create_setup(MODEL, {"t": old.t, "out": [0.0]}, "t", {"pond__rate": old.pond__rate})

    assert not [key for key in setup.t.attrs if "xsimlab" in key]
    assert setup.xsim.output_vars == {}
    assert setup.pond__rate.attrs == {"description": "inflow", "units": "m"}
