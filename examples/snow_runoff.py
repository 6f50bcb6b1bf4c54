"""Snow falls, melts and runs off: a mountain basin under the real weather of Seattle, 2012 to 2015.

Daily precipitation P (mm/day) falls as snow below 0 degC. Snow melts by degree-days [1]_, and a linear reservoir drains
rain and melt W to the river:

    dN/dt = P_snow - min(N/dt, M max(T, 0))        snow N (mm of water), melt factor M (mm/degC/day)
    dS/dt = W - k S                                storage S (mm), recession constant k (1/day), runoff k S

The reservoir is solved exactly over a day in which W is constant. The weather is the daily record of Seattle that
ships with vega_datasets, moved uphill: the basin lies 1200 m above the gauge and is 6.5 degC per 1000 m colder. It
covers three water years, from October to September; the last of them was too warm for much snow. Run the file to sweep
melt factor and recession constant, in one batch with both as dimensions; it prints a table and draws a figure::

    python examples/snow_runoff.py --out build/snow_runoff

Water is neither made nor lost: what fell is stored as snow or in the reservoir, or has run off, to 1e-12 of what fell.

References
----------
.. [1] Hock (2003), Temperature index melt modelling in mountain areas, J. Hydrol. 282(1-4),
   doi:10.1016/S0022-1694(03)00257-9.
"""

from __future__ import annotations

import argparse
import importlib.util
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr
from vega_datasets import local_data

import xsim as xs

MELT_FACTORS = (1.0, 2.0, 4.0)  # mm/degC/day
RECESSIONS = (0.02, 0.05, 0.2)  # 1/day
SWEPT = ("melt_factor", "recession")  # the dimensions of the batch
DAY = np.timedelta64(1, "D")


@xs.process
class Weather:
    """The weather of a basin, from that of a gauge below it."""

    precipitation = xs.variable(description="rain and snow", attrs={"units": "mm/day"})
    gauge_temperature = xs.variable(description="air temperature at the gauge", attrs={"units": "degC"})
    height = xs.variable(default=1200.0, static=True, description="height above the gauge", attrs={"units": "m"})
    lapse_rate = xs.variable(default=6.5e-3, static=True, description="cooling with height", attrs={"units": "degC/m"})
    temperature = xs.variable(intent="out", description="air temperature in the basin", attrs={"units": "degC"})
    rain = xs.variable(intent="out", description="rain", attrs={"units": "mm/day"})
    snowfall = xs.variable(intent="out", description="snowfall, as water", attrs={"units": "mm/day"})

    def run_step(self) -> None:
        self.temperature = self.gauge_temperature - self.lapse_rate * self.height
        frozen = self.temperature < 0
        self.snowfall = self.precipitation if frozen else 0.0
        self.rain = 0.0 if frozen else self.precipitation


@xs.process
class Snowpack:
    """Snow on the ground, which melts by degree-days."""

    temperature = xs.foreign(Weather, "temperature")
    snowfall = xs.foreign(Weather, "snowfall")
    melt_factor = xs.variable(default=2.0, static=True, description="melt factor", attrs={"units": "mm/degC/day"})
    storage = xs.variable(intent="inout", default=0.0, description="snow, as water", attrs={"units": "mm"})
    melt = xs.variable(intent="out", description="snow melt", attrs={"units": "mm/day"})

    @xs.runtime(args="step_delta")
    def run_step(self, step: np.timedelta64) -> None:
        days = step / DAY
        self.melt = min(self.melt_factor * max(self.temperature, 0.0), self.storage / days)
        self.storage += (self.snowfall - self.melt) * days


@xs.process
class Reservoir:
    """Water in the ground, which runs off in proportion to its amount."""

    rain = xs.foreign(Weather, "rain")
    melt = xs.foreign(Snowpack, "melt")
    recession = xs.variable(default=0.05, static=True, description="recession constant", attrs={"units": "1/day"})
    storage = xs.variable(intent="inout", default=0.0, description="water in the ground", attrs={"units": "mm"})
    runoff = xs.variable(intent="out", description="runoff", attrs={"units": "mm/day"})

    @recession.validator
    def _drains(self, attribute: object, value: float) -> None:
        if not value > 0:
            raise ValueError(f"a recession constant of {value} per day drains nothing")

    @xs.runtime(args="step_delta")
    def run_step(self, step: np.timedelta64) -> None:
        days = step / DAY
        inflow = self.rain + self.melt
        kept = np.exp(-self.recession * days)
        after = self.storage * kept + inflow / self.recession * (1 - kept)
        self.runoff = inflow + (self.storage - after) / days
        self.storage = after


def build_model() -> xs.Model:
    """Return the model of the basin."""
    return xs.Model({"weather": Weather, "snow": Snowpack, "ground": Reservoir})


def seattle_weather() -> pd.DataFrame:
    """Return precipitation (mm/day) and mean temperature (degC) of three water years, by day."""
    days = local_data.seattle_weather().set_index("date")["2012-10-01":"2015-10-01"]
    return pd.DataFrame({"precipitation": days.precipitation, "temperature": (days.temp_min + days.temp_max) / 2})


def sweep_setup(melt_factors: Sequence[float] = MELT_FACTORS, recessions: Sequence[float] = RECESSIONS) -> xr.Dataset:
    """Set up a member for each pair of a melt factor (mm/degC/day) and a recession constant (1/day)."""
    weather = seattle_weather()
    setup = xs.create_setup(
        model=build_model(),
        clocks={"time": weather.index},
        input_vars={
            "weather__precipitation": ("time", weather.precipitation),
            "weather__gauge_temperature": ("time", weather.temperature),
            "snow__melt_factor": ("melt_factor", list(melt_factors)),
            "ground__recession": ("recession", list(recessions)),
        },
        output_vars={
            "weather__temperature": "time",
            "snow__storage": "time",
            "ground__storage": "time",
            "ground__runoff": "time",
        },
    )
    return setup.assign_coords(melt_factor=list(melt_factors), recession=list(recessions))


def balance(result: xr.Dataset) -> xr.DataArray:
    """Return, for each member, the water that was made or lost, relative to all that fell."""
    # Rates at the last label belong to no step: a step goes from its label to the next one.
    fell = result["weather__precipitation"][:-1].sum("time")
    ran_off = result["ground__runoff"].isel(time=slice(-1)).sum("time")
    stored = result["snow__storage"] + result["ground__storage"]
    return (fell - ran_off - stored.isel(time=-1)) / fell


def check(result: xr.Dataset) -> None:
    """Check that no member makes or loses water, and that snow melts no later with a larger melt factor."""
    gap = abs(balance(result))
    assert gap.dims == SWEPT
    assert float(gap.max()) < 1e-12, f"water balance is off by {float(gap.max()):.1e}"
    snow = result["snow__storage"].isel(recession=0)
    assert float(snow.min()) >= 0, f"snow of {float(snow.min())} mm"
    assert bool((snow.diff("melt_factor") <= 0).all()), "more snow with a larger melt factor"


def draw(result: xr.Dataset, path: Path) -> None:
    """Draw snow for each melt factor, and runoff for each recession constant."""
    import matplotlib.pyplot as plt

    figure, (top, bottom) = plt.subplots(2, figsize=(12, 6), sharex=True, layout="constrained")
    colors = plt.get_cmap("viridis")(np.linspace(0.1, 0.85, 3))
    for melt_factor, color in zip(result["melt_factor"], colors, strict=False):
        snow = result["snow__storage"].isel(recession=0).sel(melt_factor=melt_factor)
        top.plot(snow["time"], snow, color=color, label=f"{float(melt_factor):g} mm/degC/day")
    for recession, color in zip(result["recession"], colors, strict=False):
        runoff = result["ground__runoff"].isel(melt_factor=1, time=slice(-1)).sel(recession=recession)
        bottom.plot(runoff["time"], runoff, color=color, label=f"{float(recession):g} 1/day")
    top.set(ylabel="snow (mm)", title="melt factor")
    bottom.set(ylabel="runoff (mm/day)", title="recession constant")
    for axes in (top, bottom):
        axes.legend(frameon=False)
        axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=130)
    plt.close(figure)


def main(argv: Sequence[str] | None = None) -> None:
    """Sweep both parameters, check, print a table, and draw a figure if matplotlib is there."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--out", type=Path, default=Path("build/snow_runoff"), help="output folder")
    out: Path = parser.parse_args(argv).out

    result = sweep_setup().xsim.run(model=build_model(), batch_dim=SWEPT)
    snow = result["snow__storage"].isel(recession=0).resample(time="YS-OCT").max()
    print("largest snowpack (mm) of the water year from")
    print("melt factor" + "".join(f"{year:>12}" for year in snow["time"].dt.strftime("%Y-%m-%d").values[:3]))
    for melt_factor in result["melt_factor"]:
        row = snow.sel(melt_factor=melt_factor).values[:3]
        print(f"{float(melt_factor):11g}" + "".join(f"{value:12.0f}" for value in row))
    check(result)
    print(f"water balance closes to {float(abs(balance(result)).max()):.1e} in all {balance(result).size} members")
    print("all checks passed")
    if importlib.util.find_spec("matplotlib"):
        out.mkdir(parents=True, exist_ok=True)
        draw(result, out / "snow_runoff.png")


if __name__ == "__main__":
    main()
