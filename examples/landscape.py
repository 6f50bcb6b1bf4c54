"""Mountains rise, rivers cut, hillslopes creep: a landscape evolution model on a real elevation model.

Surface elevation z (m) changes by uplift, river incision and soil creep [1]_:

    dz/dt = U - K A^m S + D laplacian(z)

with uplift rate U (m/yr), drainage area A (m2), slope S along the flow, erodibility K (m^(1-2m)/yr) and
hillslope diffusivity D (m2/yr). Each term is a process of its own: it reads the surface and publishes a rate of
vertical motion in the group ``vertical_motion``; ``Surface`` adds them up without knowing who they are. Leave
one out (``build_model().drop_processes(...)``) or write another one, and the rest stays as it is.

The start is the elevation model of the Jacksboro fault, Tennessee, that ships with matplotlib. Run the file to
sweep D and K in parallel, into one Zarr store with dimensions and coordinates ``diffusivity`` and ``erodibility``;
it prints a table and draws two figures::

    python examples/landscape.py --out build/landscape

One of the nine diffusivities has a minus sign by mistake. Its validator refuses it; the other members go on.

References
----------
.. [1] Whipple & Tucker (1999), Dynamics of the stream-power river incision model, J. Geophys. Res. 104(B8),
   doi:10.1029/1999JB900120.
.. [2] Braun & Willett (2013), A very efficient O(n), implicit and parallel method to solve the stream power
   equation, Geomorphology 180-181, doi:10.1016/j.geomorph.2012.10.008.
.. [3] Cordonnier, Bovy & Braun (2019), A versatile, linear complexity algorithm for flow routing in topographies
   with depressions, Earth Surf. Dynam. 7, doi:10.5194/esurf-7-549-2019.
.. [4] O'Callaghan & Mark (1984), The extraction of drainage networks from digital elevation data, Comput. Vision
   Graph. 28, doi:10.1016/S0734-189X(84)80011-0.
.. [5] Hillis & Steele (1986), Data parallel algorithms, Commun. ACM 29(12), doi:10.1145/7902.7903.
.. [6] Yanenko (1971), The Method of Fractional Steps, Springer.
"""

from __future__ import annotations

import argparse
import textwrap
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from scipy.linalg import solve_banded
from scipy.sparse import coo_array
from scipy.sparse.csgraph import breadth_first_order, minimum_spanning_tree

import xsim as xs

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

UPLIFT = 2e-4  # m/yr
DIFFUSIVITIES = (0.01, 0.05, 0.25)  # m2/yr
ERODIBILITIES = (3e-6, 6e-6, 12e-6)  # 1/yr, for m = 0.5
SWEPT = ("diffusivity", "erodibility")  # the dimensions of the batch
LAND_COLORS = ("#3d7a68", "#7fae6c", "#d3d48f", "#c79a5e", "#94613f", "#f6f2ee")  # from low to high
NEIGHBOURS = ((0, 1), (1, -1), (1, 0), (1, 1), (0, -1), (-1, 1), (-1, 0), (-1, -1))  # (rows, columns)


# --- Processes ---


@xs.process
class Grid:
    """A raster of rectangular cells under an elevation model, with its base level along some edges."""

    dem = xs.variable(dims=("y", "x"), static=True, description="elevation at the start", attrs={"units": "m"})
    dx = xs.variable(static=True, description="spacing from west to east", attrs={"units": "m"})
    dy = xs.variable(static=True, description="spacing from south to north", attrs={"units": "m"})
    edges = xs.variable(
        default="west east south north",
        static=True,
        description="edges at base level: elevation is fixed there; nothing crosses the other ones",
    )
    x = xs.index(dims="x", description="distance from the western edge", attrs={"units": "m"})
    y = xs.index(dims="y", description="distance from the southern edge", attrs={"units": "m"})
    base_level = xs.variable(
        dims=("y", "x"), intent="out", description="where elevation is fixed", attrs={"units": "1"}
    )

    def initialize(self) -> None:
        rows, columns = np.shape(self.dem)
        self.x = np.arange(columns) * self.dx
        self.y = np.arange(rows) * self.dy
        self.base_level = np.zeros((rows, columns), dtype=bool)
        sides = {"west": np.s_[:, 0], "east": np.s_[:, -1], "south": np.s_[0], "north": np.s_[-1]}
        for edge in self.edges.split():
            self.base_level[sides[edge]] = True


@xs.process
class Surface:
    """The topographic surface, moved by whatever takes part in the group ``vertical_motion``."""

    dx = xs.foreign(Grid, "dx")
    dy = xs.foreign(Grid, "dy")
    motions = xs.group("vertical_motion")
    elevation = xs.variable(dims=("y", "x"), intent="inout", description="elevation", attrs={"units": "m"})
    mean = xs.on_demand(description="mean elevation", attrs={"units": "m"})
    slope = xs.on_demand(dims=("y", "x"), description="steepness of the surface", attrs={"units": "1"})

    @xs.runtime(args="step_delta")
    def finalize_step(self, dt: float) -> None:
        self.elevation = self.elevation + dt * sum(self.motions)

    @mean.compute
    def _mean(self) -> float:
        return float(np.mean(self.elevation))

    @slope.compute
    def _slope(self) -> Floats:
        return np.hypot(*np.gradient(self.elevation, self.dy, self.dx))


@xs.process
class ElevationModel:
    """Starts the surface from the elevation model of the grid."""

    dem = xs.foreign(Grid, "dem")
    elevation = xs.foreign(Surface, "elevation", intent="out")

    def initialize(self) -> None:
        self.elevation = np.array(self.dem, dtype=np.float64)


@xs.process
class Uplift:
    """Rock uplift relative to base level."""

    rate = xs.variable(dims=[(), ("y", "x")], description="uplift rate", attrs={"units": "m/yr"})
    base_level = xs.foreign(Grid, "base_level")
    motion = xs.variable(
        dims=("y", "x"),
        intent="out",
        groups=["tectonic_motion", "vertical_motion"],
        description="vertical motion by uplift",
        attrs={"units": "m/yr"},
    )

    def run_step(self) -> None:
        self.motion = np.where(self.base_level, 0.0, self.rate)


@xs.process
class UpliftedSurface:
    """The surface at the end of the step if nothing wore it down: what erosion has to work on.

    Implicit erosion of this surface, not of the one before uplift, keeps the steady state exact for any step.
    """

    before = xs.foreign(Surface, "elevation")
    tectonic_motions = xs.group("tectonic_motion")
    elevation = xs.variable(dims=("y", "x"), intent="out", description="elevation after uplift", attrs={"units": "m"})

    @xs.runtime(args="step_delta")
    def run_step(self, dt: float) -> None:
        self.elevation = self.before + dt * sum(self.tectonic_motions)


@xs.process
class FlowRouting:
    """Where water goes: down the steepest of eight directions, and out of closed depressions over their pass."""

    dx = xs.foreign(Grid, "dx")
    dy = xs.foreign(Grid, "dy")
    base_level = xs.foreign(Grid, "base_level")
    elevation = xs.foreign(UpliftedSurface, "elevation")
    receiver = xs.variable(dims="node", intent="out", description="index of the node downstream", attrs={"units": "1"})
    length = xs.variable(dims="node", intent="out", description="distance to the node downstream", attrs={"units": "m"})
    drainage_area = xs.variable(
        dims=("y", "x"), intent="out", description="area upstream, own cell included", attrs={"units": "m2"}
    )

    def run_step(self) -> None:
        shape, outlet = self.elevation.shape, self.base_level.ravel()
        receiver = steepest_descent(self.elevation, self.dx, self.dy)
        receiver[outlet] = np.flatnonzero(outlet)
        self.receiver = drain_pits(self.elevation, receiver, outlet)
        here, there = np.indices(shape).reshape(2, -1), np.array(np.unravel_index(self.receiver, shape))
        self.length = np.hypot(*((there - here) * [[self.dy], [self.dx]]))
        cells = np.full(outlet.size, float(self.dx * self.dy))
        self.drainage_area = accumulate(self.receiver, cells).reshape(shape)


@xs.process
class StreamPower:
    """River incision K A^m S (linear in slope S), implicit in time [2]_: stable for any time step.

    All that is worn off leaves by the rivers. The floor of a lake is not eroded before its outlet is lower.
    """

    erodibility = xs.variable(dims=[(), ("y", "x")], description="erodibility K", attrs={"units": "m^(1-2m)/yr"})
    area_exponent = xs.variable(default=0.5, description="exponent m of drainage area", attrs={"units": "1"})
    dx = xs.foreign(Grid, "dx")
    dy = xs.foreign(Grid, "dy")
    base_level = xs.foreign(Grid, "base_level")
    elevation = xs.foreign(UpliftedSurface, "elevation")
    receiver = xs.foreign(FlowRouting, "receiver")
    length = xs.foreign(FlowRouting, "length")
    drainage_area = xs.foreign(FlowRouting, "drainage_area")
    motion = xs.variable(
        dims=("y", "x"),
        intent="out",
        groups="vertical_motion",
        description="vertical motion by rivers",
        attrs={"units": "m/yr"},
    )
    mean_rate = xs.on_demand(description="mean rate of incision", attrs={"units": "m/yr"})
    sediment = xs.on_demand(dims=("y", "x"), description="sediment in the river", attrs={"units": "m3/yr"})
    export = xs.on_demand(description="sediment that leaves at base level", attrs={"units": "m3/yr"})

    @xs.runtime(args="step_delta")
    def run_step(self, dt: float) -> None:
        z = self.elevation.ravel()
        celerity = (self.erodibility * self.drainage_area**self.area_exponent).ravel()
        length = np.where(self.length > 0, self.length, np.inf)
        self.motion = ((incise(z, dt * celerity / length, self.receiver) - z) / dt).reshape(self.elevation.shape)

    @mean_rate.compute
    def _mean_rate(self) -> float:
        return float(-np.mean(self.motion))

    @sediment.compute
    def _sediment(self) -> Floats:
        worn = -self.motion.ravel() * self.dx * self.dy
        return accumulate(self.receiver, worn).reshape(self.motion.shape)

    @export.compute
    def _export(self) -> float:
        return float(self._sediment()[self.base_level].sum())


@xs.process
class HillslopeDiffusion:
    """Soil creep D laplacian(z), one implicit step along each axis in turn [6]_: stable for any time step."""

    diffusivity = xs.variable(description="hillslope diffusivity D", attrs={"units": "m2/yr"})
    dx = xs.foreign(Grid, "dx")
    dy = xs.foreign(Grid, "dy")
    base_level = xs.foreign(Grid, "base_level")
    elevation = xs.foreign(UpliftedSurface, "elevation")
    motion = xs.variable(
        dims=("y", "x"),
        intent="out",
        groups="vertical_motion",
        description="vertical motion by creep",
        attrs={"units": "m/yr"},
    )
    export = xs.variable(intent="out", description="soil that leaves at base level", attrs={"units": "m3/yr"})

    @diffusivity.validator
    def _not_negative(self, attribute: Any, value: float) -> None:
        if value < 0:
            raise ValueError(f"diffusivity is {value:g} m2/yr: soil would creep uphill")

    @xs.runtime(args="step_delta")
    def run_step(self, dt: float) -> None:
        z = self.elevation.copy()
        total = 0.0
        for lines, held, spacing in ((z, self.base_level, self.dy), (z.T, self.base_level.T, self.dx)):
            free = ~held.all(axis=0)
            ends = bool(held[0, free].all()), bool(held[-1, free].all())
            lines[:, free], loss = diffuse(lines[:, free], float(self.diffusivity * dt / spacing**2), ends)
            total += loss
        self.motion = (z - self.elevation) / dt
        self.export = total * self.dx * self.dy / dt


# --- Models and setups ---


def build_model() -> xs.Model:
    """Return the landscape evolution model."""
    return xs.Model(
        {
            "grid": Grid,
            "start": ElevationModel,
            "uplift": Uplift,
            "uplifted": UpliftedSurface,
            "flow": FlowRouting,
            "rivers": StreamPower,
            "hillslopes": HillslopeDiffusion,
            "surface": Surface,
        }
    )


def profile_model() -> xs.Model:
    """Return the same model without water: uplift and hillslope diffusion only."""
    return build_model().drop_processes(["flow", "rivers"])


def load_dem() -> xr.DataArray:
    """Read the Jacksboro fault elevation model, 344 x 403, m; rows from south to north, spacing in attrs (m)."""
    from matplotlib.cbook import get_sample_data

    with get_sample_data("jacksboro_fault_dem.npz") as data:
        latitude = np.deg2rad((data["ymin"] + data["ymax"]) / 2)
        metres = np.deg2rad(1.0) * 6_371_000.0  # in a degree of latitude
        spacing = {"dx": float(data["dx"] * metres * np.cos(latitude)), "dy": float(data["dy"] * metres)}
        return xr.DataArray(data["elevation"][::-1].astype(float), dims=("y", "x"), attrs=spacing)


def landscape_setup(
    dem: xr.DataArray,
    erodibility: float | xr.DataArray,
    diffusivity: float | xr.DataArray = 0.05,
    duration: float = 1e6,
    steps: int = 50,
    snapshots: int = 5,
) -> xr.Dataset:
    """Set up a run of `duration` years from an elevation model with spacing in its attrs, saved in snapshots."""
    years = np.linspace(0, duration, steps + 1)
    return xs.create_setup(
        model=build_model(),
        clocks={"time": years, "snapshot": years[:: steps // snapshots]},
        main_clock="time",
        input_vars={
            "grid": {"dem": (("y", "x"), dem.values), "dx": dem.attrs["dx"], "dy": dem.attrs["dy"]},
            "uplift__rate": UPLIFT,
            "rivers__erodibility": erodibility,
            "hillslopes__diffusivity": diffusivity,
        },
        output_vars={
            "surface__elevation": "snapshot",
            "surface__mean": "time",
            "rivers__mean_rate": "time",
            "rivers__export": "time",
            "hillslopes__export": "time",
            "rivers__sediment": None,
            "surface__slope": None,
            "grid__base_level": None,
        },
    )


def sweep_setup(
    dem: xr.DataArray,
    diffusivities: Sequence[float] = DIFFUSIVITIES,
    erodibilities: Sequence[float] = ERODIBILITIES,
    **options: Any,
) -> xr.Dataset:
    """Set up a member for each pair of parameters; the last one gets its diffusivity with the wrong sign."""
    d = np.array(diffusivities)
    k = np.array(erodibilities)
    given = np.repeat(d[:, np.newaxis], k.size, axis=1)
    given[-1, -1] *= -1
    labels = {
        "diffusivity": ("diffusivity", d, {"long_name": "hillslope diffusivity D", "units": "m2/yr"}),
        "erodibility": ("erodibility", k, {"long_name": "erodibility K", "units": "m^(1-2m)/yr"}),
    }
    setup = landscape_setup(dem, xr.DataArray(k, dims="erodibility"), xr.DataArray(given, dims=SWEPT), **options)
    return setup.assign_coords(labels)


def profile_setup(step: float = 1e5, duration: float = 15e6) -> xr.Dataset:
    """Set up a ridge between two rivers: 1000 m, 101 nodes, uplift 1e-3 m/yr, diffusivity 0.1 m2/yr."""
    return xs.create_setup(
        model=profile_model(),
        clocks={"time": np.arange(0, duration + step, step)},
        main_clock="time",
        input_vars={
            "grid": {"dem": (("y", "x"), np.zeros((1, 101))), "dx": 10.0, "dy": 10.0, "edges": "west east"},
            "uplift__rate": 1e-3,
            "hillslopes__diffusivity": 0.1,
        },
        output_vars={"surface__elevation": None, "hillslopes__export": None, "uplift__motion": None},
    )


def hillslope_profile(step: float = 1e5, duration: float = 15e6) -> xr.Dataset:
    """Run that ridge to its steady state: a parabola U x (L - x) / (2 D), 1250 m high."""
    return profile_setup(step, duration).xsim.run(model=profile_model())


def balance(result: xr.Dataset) -> float:
    """Return the relative gap between what was uplifted and what was stored or left the domain.

    Nothing in it follows from the way that rates are added up: what left is counted at the edges, by sediment
    routed down the rivers and by soil flux across the boundary.
    """
    years = np.diff(result["time"])
    cell = float(result["grid__dx"] * result["grid__dy"])
    elevation = result["surface__elevation"]
    stored = float((elevation[-1] - elevation[0]).sum()) * cell
    uplifted = float((result["uplift__rate"] * (1 - result["grid__base_level"])).sum()) * cell * years.sum()
    left = (result["rivers__export"] + result["hillslopes__export"])[:-1].values @ years
    return float((uplifted - stored - left) / uplifted)


def members(result: xr.Dataset) -> Iterator[xr.Dataset]:
    """Give the members of a sweep one by one: results like those of single runs."""
    for d in result["diffusivity"].values:
        for k in result["erodibility"].values:
            yield result.sel(diffusivity=d, erodibility=k)


def check(result: xr.Dataset, ridge: xr.Dataset) -> None:
    """Compare with known answers: the steady ridge in closed form, the balance of mass, fixed edges, trends."""
    z, x = ridge["surface__elevation"][0], ridge["x"]
    exact = 1e-3 / (2 * 0.1) * x * (1000 - x)  # of D z'' = -U; its maximum is U L^2 / (8 D) = 1250 m
    assert abs(float(z.max()) - 1250) < 0.01, f"steady ridge: {float(z.max()):.4f} m, not 1250 m"
    assert float(abs(z - exact).max()) < 0.01, "steady ridge: not the parabola U x (L - x) / (2 D)"
    uplifted, left = float(ridge["uplift__motion"].sum()) * 100, float(ridge["hillslopes__export"])
    assert abs(left / uplifted - 1) < 1e-5, f"steady ridge: {left} m3/yr leave, {uplifted} m3/yr are uplifted"
    possible = result["hillslopes__diffusivity"] >= 0
    assert (result.xsim.outcome == xr.where(possible, "done", "failed")).all(), "a member did not end as it should"
    for member in members(result):
        name, elevation = label(member), member["surface__elevation"].values
        if member.xsim.outcome == "failed":
            assert np.isnan(elevation).all(), f"{name}: it failed and has a result"
            continue
        gap = balance(member)
        assert abs(gap) < 1e-9, f"{name}: mass balance is open by {gap:.1e}"
        edge = member["grid__base_level"].values.astype(bool)
        assert abs(elevation[-1] - elevation[0])[edge].max() < 1e-9, f"{name}: an edge has moved"
        assert elevation.min() > elevation[0].min() - 1e-9, f"{name}: lower than ever before"
    # A difference with the failed member is NaN, which is not above 0.
    assert not (result["surface__mean"][..., -1].diff("erodibility") > 0).any(), "softer rock should end up lower"
    steepness = result["surface__slope"].mean(("y", "x"))
    assert not (steepness.diff("diffusivity") > 0).any(), "faster creep should end up smoother"


def main(argv: Sequence[str] | None = None) -> None:
    """Run the model for pairs of diffusivity and erodibility, print a table, check, and draw two figures."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--out", type=Path, default=Path("build/landscape"), help="output folder")
    out: Path = parser.parse_args(argv).out
    out.mkdir(parents=True, exist_ok=True)

    print("nine members, of which the last has a negative diffusivity on purpose: it fails and leaves the others whole")
    begin = time.perf_counter()
    stored = sweep_setup(load_dem()).xsim.run(
        model=build_model(),
        batch_dim=SWEPT,
        parallel=True,
        scheduler="processes",
        on_error="continue",
        store=out / "sweep.zarr",
        mode="w",
    )
    seconds = time.perf_counter() - begin
    result = stored.load()
    print(summarize(result))
    print(f"{result.xsim.outcome.size} members in {seconds:.1f} s")
    ridge = hillslope_profile()
    check(result, ridge)
    draw_sweep(result, out / "sweep.png")
    middle = DIFFUSIVITIES[len(DIFFUSIVITIES) // 2]
    draw_row(result.sel(diffusivity=middle), out / "landscape.png")
    print(f"steady ridge: {float(ridge['surface__elevation'].max()):.2f} m (exact: 1250 m); all checks passed")
    print(f"figures: {out / 'sweep.png'}, {out / 'landscape.png'}; store: {out / 'sweep.zarr'}")


# --- Numerics: arrays in, arrays out. The receiver of a node is where its water goes, itself at the end ---


def steepest_descent(z: Floats, dx: float, dy: float) -> Ints:
    """Find the steepest way down from each node to one of its eight neighbours (D8, [4]_).

    Parameters
    ----------
    z : (y, x) elevation, m
    dx, dy : spacing, m

    Returns
    -------
    (y * x,) index of the receiver; a node without a lower neighbour is its own
    """
    rows, columns = z.shape
    padded = np.pad(z, 1, constant_values=np.inf)
    steepest = np.zeros(z.shape)
    offset = np.zeros(z.shape, dtype=np.int64)
    for j, i in NEIGHBOURS:
        slope = (z - padded[1 + j : 1 + j + rows, 1 + i : 1 + i + columns]) / np.hypot(j * dy, i * dx)
        steeper = slope > steepest
        np.copyto(steepest, slope, where=steeper)
        np.copyto(offset, j * columns + i, where=steeper)
    return np.arange(z.size) + offset.ravel()


def drain_pits(z: Floats, receiver: Ints, base_level: NDArray[np.bool_]) -> Ints:
    """Let closed depressions spill over their lowest pass.

    The passes between neighbouring basins form a graph; its minimum spanning tree, rooted in the basins that
    reach base level, is the way that rising water would take. The flow from each pass to the bottom of its pit
    is turned round ("carving", [3]_). Elevation is not touched: lakes are neither filled nor lost.

    Parameters
    ----------
    z : (y, x) elevation, m
    receiver : (y * x,) receivers, pits and base level being their own
    base_level : (y * x,) where water leaves the domain

    Returns
    -------
    (y * x,) receivers that lead from everywhere to base level
    """
    node = np.arange(z.size)
    pits = np.flatnonzero((receiver == node) & ~base_level)
    if not pits.size:
        return receiver
    outlet = receiver
    while not np.array_equal(outlet, outlet[outlet]):
        outlet = outlet[outlet]
    number = np.zeros(z.size, dtype=np.int64)  # basin 0 is all that drains to base level
    number[pits] = np.arange(1, pits.size + 1)
    basin = number[outlet]

    rows, columns = z.shape
    grid = node.reshape(z.shape)
    pairs = []
    for j, i in NEIGHBOURS[:4]:
        here = grid[: rows - j, max(0, -i) : columns - max(0, i)].ravel()
        there = here + j * columns + i
        apart = basin[here] != basin[there]
        pairs.append(np.stack([here[apart], there[apart]]))
    a, b = np.concatenate(pairs, axis=1)
    low, high = np.minimum(basin[a], basin[b]), np.maximum(basin[a], basin[b])
    key = low * (pits.size + 1) + high
    height = np.maximum(z.flat[a], z.flat[b])
    order = np.lexsort((height, key))
    keys, first = np.unique(key[order], return_index=True)
    lowest = order[first]  # one pass for each pair of basins
    rank = np.empty(keys.size)
    rank[np.argsort(height[lowest], kind="stable")] = np.arange(1.0, keys.size + 1)  # unequal weights above 0

    size = pits.size + 1
    ends = low[lowest].astype(np.int32), high[lowest].astype(np.int32)
    tree = minimum_spanning_tree(coo_array((rank, ends), shape=(size, size)).tocsr())
    parent = breadth_first_order(tree, 0, directed=False)[1][1:].astype(np.int64)
    child = np.arange(1, size)
    used = lowest[np.searchsorted(keys, np.minimum(child, parent) * size + np.maximum(child, parent))]
    inside = basin[a[used]] == child
    path, towards = np.where(inside, a[used], b[used]), np.where(inside, b[used], a[used])
    drained = receiver.copy()
    while path.size:  # from all passes at once, one node further down each time
        drained[path] = towards
        path, towards = receiver[path], path
        further = path != towards
        path, towards = path[further], towards[further]
    return drained


def accumulate(receiver: Ints, amount: Floats) -> Floats:
    """Sum an amount over each node and everything upstream of it.

    Jumps of 1, 2, 4, ... links ("pointer doubling", [5]_) take log2(longest path) array operations, where going
    down node by node would take a slow Python loop.

    Parameters
    ----------
    receiver : (n,) receivers
    amount : (n,) any unit

    Returns
    -------
    (n,) same unit
    """
    end = receiver.size
    jump = np.append(np.where(receiver == np.arange(end), end, receiver), end)
    total = np.append(amount, 0.0)
    moving = np.flatnonzero(jump < end)
    while moving.size:
        total += np.bincount(jump[moving], weights=total[moving], minlength=end + 1)
        jump[moving] = jump[jump[moving]]
        moving = moving[jump[moving] < end]
    return total[:-1]


def incise(z: Floats, weight: Floats, receiver: Ints) -> Floats:
    """Solve z' = min(z, (z + weight z'[receiver]) / (1 + weight)) for all nodes, by pointer doubling as above.

    Two steps down the flow combine to one of the same form: z' = min(cap, base + pull z'[further down]).

    Parameters
    ----------
    z : (n,) elevation, m
    weight : (n,) how strongly a node is drawn to the elevation of its receiver, 1
    receiver : (n,) receivers

    Returns
    -------
    (n,) elevation after the step, m; the ends of all paths stay
    """
    weight = np.where(receiver == np.arange(receiver.size), 0.0, weight)
    cap, base, pull, jump = z.copy(), z / (1 + weight), weight / (1 + weight), receiver.copy()
    moving = np.flatnonzero(pull)
    while moving.size:
        target, p = jump[moving], pull[moving]
        cap[moving] = np.minimum(cap[moving], base[moving] + p * cap[target])
        base[moving] += p * base[target]
        pull[moving] = p * pull[target]
        jump[moving] = jump[target]
        moving = moving[pull[moving] > 1e-30]
    return np.minimum(cap, base)


def diffuse(lines: Floats, number: float, fixed: tuple[bool, bool]) -> tuple[Floats, float]:
    """Take one implicit (backward Euler) step of diffusion along the first axis: stable for any time step.

    Parameters
    ----------
    lines : (node, line) elevation, m
    number : diffusion number D dt / spacing^2, 1
    fixed : whether elevation is held at the first and at the last node; otherwise there is no flux

    Returns
    -------
    lines : (node, line) elevation after the step, m
    loss : what left over the fixed ends, as the sum over nodes of elevation, m
    """
    if len(lines) < 2:
        return lines, 0.0
    matrix = np.empty((3, len(lines)))
    matrix[0], matrix[1], matrix[2] = -number, 1 + 2 * number, -number
    matrix[1, 0], matrix[0, 1] = (1, 0) if fixed[0] else (1 + number, -number)
    matrix[1, -1], matrix[2, -2] = (1, 0) if fixed[1] else (1 + number, -number)
    after: Floats = solve_banded((1, 1), matrix, lines)
    loss = fixed[0] * (after[1] - after[0]).sum() + fixed[1] * (after[-2] - after[-1]).sum()
    return after, float(number * loss)


# --- Table and figures ---


def label(member: xr.Dataset) -> str:
    """Name a member by its parameters."""
    return f"D = {float(member['diffusivity']):g}, K = {float(member['erodibility']):g}"


def summarize(result: xr.Dataset) -> str:
    """Return a table of the members."""
    lines = [
        "        D         K  outcome    time   mean z    slope   erosion  sediment  balance",
        "  (m2/yr)    (1/yr)              (s)      (m)      (1)  (mm/kyr)   (m3/yr)",
    ]
    for member in members(result):
        line = f"{float(member['diffusivity']):9g}{float(member['erodibility']):10g}  {member.xsim.outcome.item():7s}"
        if member.xsim.outcome == "done":
            slope, erosion = float(member["surface__slope"].mean()), float(member["rivers__mean_rate"][-1]) * 1e6
            line += f"{float(member['xsim_seconds']):8.1f}{float(member['surface__mean'][-1]):9.0f}{slope:9.3f}"
            line += f"{erosion:10.1f}{float(member['rivers__export'][-1]):10.0f}{balance(member):9.0e}"
        else:
            line += f"  {member['xsim_reason'].item()}"
        lines.append(line)
    return "\n".join(lines)


class Relief:
    """How elevation is drawn: hill-shaded, on one scale of colours for all maps of a result; x and y in km."""

    def __init__(self, result: xr.Dataset) -> None:
        from matplotlib.cm import ScalarMappable
        from matplotlib.colors import LightSource, LinearSegmentedColormap, Normalize

        elevation = result["surface__elevation"].isel(snapshot=[0, -1])
        low, high = float(elevation.min()), float(elevation.max())
        self.heights = Normalize(np.floor(low / 100) * 100, np.ceil(high / 100) * 100)
        self.land = LinearSegmentedColormap.from_list("land", LAND_COLORS)
        self.scale = ScalarMappable(self.heights, self.land)
        self.x, self.y = result["x"].values / 1000, result["y"].values / 1000
        self.frame = {"extent": (self.x[0], self.x[-1], self.y[0], self.y[-1]), "origin": "lower"}
        # Rows run northwards here, and LightSource takes them to run southwards: light from 225 is light from 315.
        self._light = LightSource(azdeg=225, altdeg=45)
        self._spacing = {"vert_exag": 3, "dx": float(result["grid__dx"]), "dy": float(result["grid__dy"])}

    def show(self, axes: Any, z: Floats) -> None:
        """Draw elevation (y, x), m."""
        shaded = self._light.shade(z, self.land, blend_mode="soft", norm=self.heights, **self._spacing)
        axes.imshow(shaded, **self.frame)


def science(number: float) -> str:
    """Write a number for a figure."""
    mantissa, exponent = f"{number:e}".split("e")
    return rf"{float(mantissa):g}$\times$10$^{{{int(exponent)}}}$"


def draw_sweep(result: xr.Dataset, path: Path) -> None:
    """Draw the land at the end of each member, and why there is none where a member failed."""
    import matplotlib.pyplot as plt

    relief, span = Relief(result), float(result["time"][-1]) / 1e6
    rows, columns = result.sizes["diffusivity"], result.sizes["erodibility"]
    box = {"facecolor": "white", "alpha": 0.8, "edgecolor": "none", "pad": 3}
    middle = {"ha": "center", "va": "center"}
    with plt.rc_context({"font.size": 10, "axes.titlesize": 11, "axes.labelsize": 11}):
        figure = plt.figure(figsize=(1.8 + 3.3 * columns, 1.1 + 3.4 * rows), layout="constrained")
        maps = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False)
        for axes, member in zip(maps.flat, members(result), strict=True):
            axes.set(aspect="equal", facecolor="0.95", xlim=relief.x[[0, -1]], ylim=relief.y[[0, -1]])
            outcome = member.xsim.outcome.item()
            if outcome == "done":
                relief.show(axes, member["surface__elevation"].values[-1])
                text = f"mean elevation {float(member['surface__mean'][-1]):.0f} m"
                axes.text(0.03, 0.03, text, transform=axes.transAxes, fontsize=9, bbox=box)
            else:
                reason = textwrap.fill(member["xsim_reason"].item(), 28)
                axes.text(0.5, 0.62, outcome, transform=axes.transAxes, fontsize=13, color="#a03020", **middle)
                axes.text(0.5, 0.47, reason, transform=axes.transAxes, color="0.25", **middle)
        for axes, k in zip(maps[0], result["erodibility"].values, strict=True):
            axes.set_title(f"K = {science(k)} yr$^{{-1}}$")
        for axes, d in zip(maps[:, 0], result["diffusivity"].values, strict=True):
            axes.set_ylabel(f"D = {d:g} m$^2$/yr", labelpad=8)
        figure.supxlabel("distance east (km)", fontsize=10)
        figure.supylabel("distance north (km)", fontsize=10)
        figure.suptitle(f"The Jacksboro fault after {span:g} Myr: softer rock to the right, faster creep downwards")
        figure.colorbar(relief.scale, ax=maps, label="elevation (m)", aspect=50, pad=0.02)
        figure.savefig(path, dpi=130)
        plt.close(figure)


def draw_row(result: xr.Dataset, path: Path) -> None:
    """Draw, for one diffusivity, elevation before and after, their difference, and profiles through the summit."""
    import matplotlib.pyplot as plt

    relief, span = Relief(result), float(result["time"][-1]) / 1e6
    x, y, heights = relief.x, relief.y, relief.heights
    ks = result["erodibility"].values
    shown = ks[len(ks) // 2]
    before, after = result["surface__elevation"].sel(erodibility=shown).isel(snapshot=[0, -1]).values
    row = int(np.argmax(before.max(axis=1)))
    bound = float(np.quantile(abs(after - before), 0.995))

    style = {"font.size": 10, "axes.titlesize": 11, "axes.spines.top": False, "axes.spines.right": False}
    with plt.rc_context(style):
        figure = plt.figure(figsize=(13, 8.8), layout="constrained")
        upper, lower = figure.subfigures(2, 1, height_ratios=(2.05, 1))
        maps = upper.subplots(1, 3, sharex=True, sharey=True)
        titles = "Before: Jacksboro fault, Tennessee", f"After {span:g} Myr, K = {science(shown)} yr$^{{-1}}$"
        for axes, z, title in zip(maps, (before, after), titles, strict=False):
            relief.show(axes, z)
            axes.set_title(title)
        change = maps[2].imshow(after - before, cmap="RdBu_r", vmin=-bound, vmax=bound, **relief.frame)
        maps[2].set_title(f"Change after {span:g} Myr")
        for axes in maps:
            axes.axhline(y[row], color="black", linewidth=0.8, linestyle=(0, (6, 4)))
            axes.set_xlabel("distance east (km)")
        maps[0].set_ylabel("distance north (km)")
        bar = {"location": "bottom", "shrink": 0.8, "aspect": 40}
        upper.colorbar(relief.scale, ax=maps[:2], label="elevation (m)", **bar)
        upper.colorbar(change, ax=maps[2], label="change of elevation (m)", extend="both", **bar | {"aspect": 20})

        axes = lower.subplots()
        axes.fill_between(x, before[row], color="0.85", label="before")
        axes.plot(x, before[row], color="0.4", linewidth=1)
        for k, color in zip(ks, plt.get_cmap("viridis")(np.linspace(0.05, 0.8, len(ks))), strict=True):
            z = result["surface__elevation"].sel(erodibility=k).values[-1, row]
            axes.plot(x, z, color=color, linewidth=1.6, label=f"K = {science(k)} yr$^{{-1}}$")
        axes.set(xlim=(x[0], x[-1]), ylim=(heights.vmin, None), xlabel="distance east (km)", ylabel="elevation (m)")
        axes.set_title(
            f"Profile {y[row]:.1f} km north, before and after {span:g} Myr "
            f"(U = {UPLIFT * 1e3:g} mm/yr, D = {float(result['diffusivity']):g} m$^2$/yr, m = 0.5)"
        )
        axes.legend(frameon=False, ncols=2)
        figure.get_layout_engine().set(w_pad=0.1, h_pad=0.1)
        figure.savefig(path, dpi=130)
        plt.close(figure)


if __name__ == "__main__":
    main()
