"""Writes setups and results with xarray-simlab 0.5.0, for tests that read them (run in an environment that has it)."""

import sys
import zipfile
from pathlib import Path

import numpy as np
import xsimlab as xs


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
        self.level = self.level + self.rate * self.forcing
        self.total = float(np.sum(self.level))


model = xs.Model({"grid": Grid, "pond": Pond})
days = np.array(["2000-01-01", "2000-01-02", "2000-01-03", "2000-01-05"], "M8[ns]")
clocks = {
    "plain": (np.array([0.0, 0.5, 1.0, 2.0]), "t"),
    "dates": (days, "t"),
    "units": (np.array([0, 1, 2, 4]), {"dim": "t", "units": "days since 2000-02-28", "calendar": "noleap"}),
}
folder = Path(sys.argv[1])


def pack(dataset, name):
    with zipfile.ZipFile(folder / f"{name}.zarr.zip", "w") as archive:
        store = {}
        dataset.to_zarr(store)
        for key, value in store.items():
            archive.writestr(key, bytes(value))


for name, (labels, main) in clocks.items():
    setup = xs.create_setup(
        model,
        clocks={"t": labels, "out": labels[[0, 3]]},
        master_clock=main,
        input_vars={
            "pond__rate": 2.0,
            "pond__forcing": ("t", [1.0, 2.0, 3.0, 4.0]),
            "pond__level": ("x", [0.0, 1.0]),
        },
        output_vars={"pond__level": "out", "pond__total": None, "pond__rate": "t"},
    )
    setup.to_netcdf(folder / f"{name}.nc", format="NETCDF3_CLASSIC")
    pack(setup, name)
    if name == "plain":
        batch = setup.assign(pond__rate=("batch", [1.0, 2.0, 3.0]))
        batch.to_netcdf(folder / "batch.nc", format="NETCDF3_CLASSIC")
        batch.xsimlab.run(model=model, batch_dim="batch").to_netcdf(
            folder / "batch_result.nc", format="NETCDF3_CLASSIC"
        )
        setup.xsimlab.run(model=model).to_netcdf(folder / "result.nc", format="NETCDF3_CLASSIC")
xs.create_setup(model, output_vars={"pond__level": None}).to_netcdf(folder / "no_clock.nc", format="NETCDF3_CLASSIC")
