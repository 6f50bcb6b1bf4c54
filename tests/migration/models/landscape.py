"""Landscape evolution in 23 processes, in the style of the large models that were written for xarray-simlab."""

import numpy as np

import xsim as xs

# --- grid and boundaries ---


@xs.process
class RasterGrid2D:
    """A raster; subclasses say how it is given."""

    shape = xs.variable(dims="shape_yx", description="nb. of grid nodes in (y, x)", static=True)
    spacing = xs.variable(dims="shape_yx", intent="out", description="grid node spacing in (y, x)")
    length = xs.variable(dims="shape_yx", intent="out", description="total grid length in (y, x)")
    origin = xs.variable(dims="shape_yx", default=[0.0, 0.0], description="lower left node", static=True)

    size = xs.variable(intent="out", description="total nb. of nodes")
    cell_area = xs.variable(intent="out", description="area of one cell", attrs={"units": "m2"})
    dx = xs.variable(intent="out", description="spacing in x", global_name="dx")
    dy = xs.variable(intent="out", description="spacing in y", global_name="dy")
    x = xs.index(dims="x", description="grid x coordinate", attrs={"units": "m"})
    y = xs.index(dims="y", description="grid y coordinate", attrs={"units": "m"}, global_name="northing")

    def _set_length_or_spacing(self):
        raise NotImplementedError

    def initialize(self):
        self._set_length_or_spacing()
        self.size = np.prod(self.shape)
        self.cell_area = np.prod(self.spacing)
        self.dy, self.dx = self.spacing
        self.y, self.x = (
            np.linspace(o, o + n, s)
            for o, n, s in zip(self.origin, self.length, self.shape)  # noqa: B905
        )


@xs.process
class UniformRectilinearGrid2D(RasterGrid2D):
    """A raster given by its spacing."""

    spacing = xs.variable(dims="shape_yx", description="grid node spacing in (y, x)", static=True)

    def _set_length_or_spacing(self):
        self.length = (np.asarray(self.shape) - 1) * self.spacing


@xs.process
class RasterGridByLength(RasterGrid2D):
    """A raster given by its length."""

    length = xs.variable(dims="shape_yx", intent="in", static=True, description="total length in (y, x)")

    def _set_length_or_spacing(self):
        self.spacing = self.length / (np.asarray(self.shape) - 1)


def valid_status(instance, attribute, value):
    unknown = set(np.ravel(value)) - {"fixed_value", "core", "looped"}
    if unknown:
        raise ValueError(f"invalid border status {sorted(unknown)}")


@xs.process
class BorderBoundary:
    """Status of the borders."""

    status = xs.variable(
        dims=[(), "border"],
        default="fixed_value",
        validator=valid_status,
        static=True,
        description="node status at borders",
    )
    border = xs.index(dims="border", description="4-border boundaries coordinate")
    border_status = xs.variable(dims="border", intent="out", description="node status at the 4 borders")
    shape = xs.foreign(RasterGrid2D, "shape")
    fixed = xs.variable(dims=("y", "x"), intent="out", global_name="fixed", description="nodes that do not move")

    def initialize(self):
        self.border = np.array(["left", "right", "top", "bottom"])
        status = np.broadcast_to(np.asarray(self.status), 4)
        self.border_status = np.array(status)
        self.fixed = np.zeros(tuple(self.shape), dtype=bool)
        sides = [np.s_[:, 0], np.s_[:, -1], np.s_[0, :], np.s_[-1, :]]
        for side, which in zip(sides, status):  # noqa: B905
            if which == "fixed_value":
                self.fixed[side] = True


# --- what is shared ---


class Context(dict):
    """Stands for the state of a compiled library: one object that everybody writes into."""

    def __getattr__(self, name):
        try:
            return self[name]
        except KeyError:
            raise AttributeError(name) from None

    __setattr__ = dict.__setitem__


@xs.process
class LibraryContext:
    """Holds the library's state, and sets it up and down."""

    shape = xs.foreign(RasterGrid2D, "shape")
    length = xs.foreign(RasterGrid2D, "length")
    context = xs.any_object(description="accessor to the library's internal variables", global_name="context")

    def initialize(self):
        self.context = Context(n_steps=0, h=np.zeros(int(np.prod(self.shape))), open=True)

    @xs.runtime(args="step_delta")
    def run_step(self, dt):
        self.context.dt = dt
        self.context.n_steps += 1

    def finalize(self):
        self.context.open = False


# --- topography ---


@xs.process
class SurfaceTopography:
    elevation = xs.variable(
        dims=("y", "x"), intent="inout", description="surface topography elevation", attrs={"units": "m"}
    )
    upward = xs.global_ref("surface_upward")

    def finalize_step(self):
        self.elevation += self.upward


@xs.process
class InitTopography:
    """Base of everything that starts a topography."""

    elevation = xs.foreign(SurfaceTopography, "elevation", intent="out")
    shape = xs.foreign(RasterGrid2D, "shape")

    def initialize(self):
        self.elevation = self._make(tuple(int(n) for n in self.shape))

    def _make(self, shape):
        raise NotImplementedError


@xs.process
class FlatSurface(InitTopography):
    """A flat surface with noise."""

    seed = xs.variable(default=None, description="random seed", static=True)
    noise = xs.variable(default=1.0, description="amplitude of noise", attrs={"units": "m"})

    def _make(self, shape):
        if self.seed is not None:
            seed = int(self.seed)
        else:
            seed = 42
        return np.random.RandomState(seed).rand(*shape) * self.noise


@xs.process
class Escarpment(InitTopography):
    """Two levels, with a step between them."""

    x_left = xs.variable(description="where the lower part ends", static=True)
    x_right = xs.variable(description="where the upper part starts", static=True)
    levels = xs.variable(dims="level", default=[0, 100], static=True)
    x = xs.foreign(RasterGrid2D, "x")

    def _make(self, shape):
        profile = np.interp(self.x, [self.x_left, self.x_right], self.levels)
        noise = np.random.RandomState(1).rand(*shape)
        return profile + noise


@xs.process
class TectonicForcing:
    """Sum of all that lifts the rock."""

    bedrock_vars = xs.group("bedrock_forcing_upward")
    bedrock_upward = xs.variable(dims=[(), ("y", "x")], intent="out", groups=["bedrock_upward", "any_upward"])

    def run_step(self):
        self.bedrock_upward = sum(self.bedrock_vars)


@xs.process
class BlockUplift:
    rate = xs.variable(
        dims=[(), ("y", "x")],
        default=0.0,
        description="uplift rate",
        attrs={"units": "m/yr"},
        global_name="uplift_rate",
    )
    fixed = xs.global_ref("fixed")
    uplift = xs.variable(dims=[(), ("y", "x")], intent="out", groups=["bedrock_forcing_upward"])

    @xs.runtime(args="step_delta")
    def run_step(self, dt):
        self._mask = np.where(self.fixed, 0.0, 1.0)
        self.uplift = self.rate * dt * self._mask


@xs.process
class TwoBlocksUplift:
    """The alternative: two blocks, with a fault between them."""

    x_position = xs.variable(default=0, static=True, description="position of the fault along x (node)")
    left_rate = xs.variable(default=0.0)
    right_rate = xs.variable(default=0.0)
    fixed = xs.global_ref("fixed")
    uplift = xs.variable(dims=[(), ("y", "x")], intent="out", groups="bedrock_forcing_upward")

    @xs.runtime(args="step_delta")
    def run_step(self, dt):
        rate = np.full(self.fixed.shape, float(self.left_rate))
        rate[:, int(self.x_position) :] = self.right_rate
        self.uplift = np.where(self.fixed, 0.0, rate) * dt


@xs.process
class SurfaceToErode:
    """The surface after tectonics: what erosion has to work on."""

    topo_elevation = xs.foreign(SurfaceTopography, "elevation")
    forcing_upward = xs.foreign(TectonicForcing, "bedrock_upward")
    elevation = xs.variable(dims=("y", "x"), intent="out", description="surface elevation before erosion")

    def run_step(self):
        self.elevation = self.topo_elevation + self.forcing_upward


# --- flow ---


@xs.process
class Runoff:
    rate = xs.variable(dims=[(), ("y", "x")], default=1.0, description="runoff", attrs={"units": "m/yr"})
    of_cell = xs.on_demand(dims=[(), ("y", "x")])
    cell_area = xs.foreign(RasterGrid2D, "cell_area")

    @of_cell.compute
    def _volume(self):
        return self.rate * self.cell_area


@xs.process
class FlowRouter:
    """Base of flow routers, which share what they find as arrays, as an object, and as a function."""

    shape = xs.foreign(RasterGrid2D, "shape")
    dx = xs.global_ref("dx")
    dy = xs.global_ref("dy")
    fixed = xs.foreign(BorderBoundary, "fixed")
    elevation = xs.foreign(SurfaceToErode, "elevation")
    fs_context = xs.foreign(LibraryContext, "context")

    stack = xs.variable(dims="node", intent="out", description="nodes from downstream to upstream")
    receivers = xs.variable(dims="node", intent="out", description="node that each one flows to")
    lengths = xs.variable(dims="node", intent="out", attrs={"units": "m"})
    basin = xs.on_demand(dims=("y", "x"), description="river catchments", encoding={"dtype": "int64"})
    accumulate = xs.any_object(description="sums a quantity downstream", groups="tools")

    def initialize(self):
        self.accumulate = self._accumulate

    def _accumulate(self, values):
        total = np.array(values, dtype=float).ravel()
        for node in self.stack[::-1]:
            if self.receivers[node] != node:
                total[self.receivers[node]] += total[node]
        return total.reshape(tuple(self.shape))

    @basin.compute
    def _basin(self):
        basin = np.arange(self.stack.size)
        for node in self.stack:
            basin[node] = basin[self.receivers[node]]
        return basin.reshape(tuple(self.shape))

    def run_step(self):
        self.fs_context.h = self.elevation.ravel()
        self.route_flow()


@xs.process
class SingleFlowRouter(FlowRouter):
    """Flow goes to the lowest neighbour."""

    slope_exp = 0.0

    def route_flow(self):
        ny, nx = (int(n) for n in self.shape)
        h = self.elevation
        receivers = np.arange(ny * nx).reshape(ny, nx)
        lengths = np.zeros((ny, nx))
        steepest = np.zeros((ny, nx))
        for i in (-1, 0, 1):
            for j in (-1, 0, 1):
                if i == j == 0:
                    continue
                here = np.s_[max(0, -i) : ny - max(0, i), max(0, -j) : nx - max(0, j)]
                there = np.s_[max(0, i) : ny + min(0, i), max(0, j) : nx + min(0, j)]
                length = np.sqrt((i * self.dy) ** 2 + (j * self.dx) ** 2)
                slope = (h[here] - h[there]) / length
                better = (slope > steepest[here]) & ~self.fixed[here]
                steepest[here] = np.where(better, slope, steepest[here])
                lengths[here] = np.where(better, length, lengths[here])
                nodes = np.arange(ny * nx).reshape(ny, nx)
                receivers[here] = np.where(better, nodes[there], receivers[here])
        self.receivers = receivers.ravel()
        self.lengths = lengths.ravel()
        self.stack = np.argsort(h.ravel(), kind="stable")
        self.fs_context.n_receivers = int(np.sum(self.receivers != np.arange(ny * nx)))


@xs.process
class FlowAccumulator:
    runoff = xs.foreign(Runoff, "of_cell")
    tools = xs.group("tools")
    shape = xs.foreign(RasterGrid2D, "shape")
    receivers = xs.foreign(FlowRouter, "receivers")
    flowacc = xs.variable(dims=("y", "x"), intent="out", description="flow accumulation (e.g., discharge)")

    def run_step(self):
        (accumulate,) = self.tools
        self.flowacc = accumulate(np.broadcast_to(self.runoff, tuple(self.shape)))


@xs.process
class DrainageArea(FlowAccumulator):
    """Flow accumulation of area alone."""

    runoff = xs.foreign(RasterGrid2D, "cell_area")
    flowacc = xs.variable(dims=("y", "x"), intent="out", description="drainage area", attrs={"units": "m2"})
    area = xs.on_demand(dims=("y", "x"), description="drainage area")

    @area.compute
    def _area(self):
        return self.flowacc


# --- erosion ---


@xs.process
class StreamPowerChannel:
    """Implicit stream power law."""

    k_coef = xs.variable(dims=[(), ("y", "x")], description="bedrock channel incision coefficient")
    area_exp = xs.variable(default=0.4, description="drainage area exponent")
    slope_exp = xs.variable(default=1, description="slope exponent", converter=float)

    flowacc = xs.foreign(FlowAccumulator, "flowacc")
    receivers = xs.foreign(FlowRouter, "receivers")
    stack = xs.foreign(FlowRouter, "stack")
    lengths = xs.foreign(FlowRouter, "lengths")
    fs_context = xs.global_ref("context")
    surface = xs.foreign(SurfaceToErode, "elevation")

    erosion = xs.variable(dims=("y", "x"), intent="out", groups="erosion", attrs={"units": "m"})
    chi = xs.on_demand(dims=("y", "x"), description="integral of drainage area")

    @area_exp.validator
    def _positive(self, attribute, value):
        if np.any(np.asarray(value) < 0):
            raise ValueError(f"{attribute.name} must be positive")

    def run_step(self):
        assert self.slope_exp == 1.0
        h = self.fs_context.h.copy()
        k = np.broadcast_to(self.k_coef, self.surface.shape).ravel()
        area = self.flowacc.ravel()
        for node in self.stack:
            receiver = self.receivers[node]
            if receiver != node:
                factor = k[node] * self.fs_context.dt * area[node] ** self.area_exp / self.lengths[node]
                h[node] = (h[node] + factor * h[receiver]) / (1 + factor)
        self.erosion = self.surface - h.reshape(self.surface.shape)

    @chi.compute
    def _chi(self):
        chi = np.zeros(self.stack.size)
        area = self.flowacc.ravel()
        for node in self.stack:
            receiver = self.receivers[node]
            if receiver != node:
                chi[node] = chi[receiver] + self.lengths[node] * (1.0 / area[node]) ** self.area_exp
        return chi.reshape(self.surface.shape)


@xs.process
class LinearDiffusion:
    """Hillslope erosion by explicit diffusion."""

    diffusivity = xs.variable(dims=[(), ("y", "x")], description="diffusivity (transport coefficient)")
    dx = xs.global_ref("dx")
    dy = xs.global_ref("dy")
    fixed = xs.global_ref("fixed")
    elevation = xs.foreign(SurfaceToErode, "elevation")
    erosion = xs.variable(dims=("y", "x"), intent="out", groups="erosion")

    @xs.runtime(args="step_delta")
    def run_step(self, dt):
        z = np.pad(self.elevation, 1, mode="edge")
        laplacian = (z[1:-1, 2:] + z[1:-1, :-2] - 2 * self.elevation) / self.dx**2
        laplacian += (z[2:, 1:-1] + z[:-2, 1:-1] - 2 * self.elevation) / self.dy**2
        self.erosion = -np.where(self.fixed, 0.0, self.diffusivity * dt * laplacian)


@xs.process
class TotalErosion:
    """Sum of all erosion, and what each one did, by name."""

    erosion_vars = xs.group("erosion")
    by_process = xs.group_dict("erosion")
    cumulative_height = xs.variable(dims=[(), ("y", "x")], intent="inout", default=0.0, description="erosion so far")
    height = xs.variable(dims=[(), ("y", "x")], intent="out", description="erosion in this step", groups="any_downward")
    rate = xs.on_demand(dims=("y", "x"), description="erosion rate", attrs={"units": "m/yr"})
    share = xs.on_demand(dims="cause", description="share of each process")

    @xs.runtime(args="step_delta")
    def run_step(self, dt):
        self._dt = dt
        self.height = sum(self.erosion_vars)
        self.cumulative_height = self.cumulative_height + self.height

    @rate.compute
    def _rate(self):
        return self.height / self._dt

    @share.compute
    def _share(self):
        amounts = [np.sum(np.abs(self.by_process[key])) for key in sorted(self.by_process)]
        return np.array(amounts) / np.sum(amounts)


@xs.process
class TotalVerticalMotion:
    """All that moves the surface."""

    bedrock_upward_vars = xs.group("bedrock_upward")
    surface_downward_vars = xs.group("any_downward")
    bedrock_upward = xs.variable(dims=("y", "x"), intent="out", description="vertical motion of bedrock")
    surface_upward = xs.variable(dims=("y", "x"), intent="out", global_name="surface_upward")

    def run_step(self):
        self.bedrock_upward = sum(self.bedrock_upward_vars)
        self.surface_upward = self.bedrock_upward - sum(self.surface_downward_vars)


@xs.process
class Bedrock:
    """Bedrock, which starts at the surface where no elevation is given."""

    elevation = xs.variable(dims=("y", "x"), intent="inout", description="bedrock elevation")
    depth = xs.on_demand(dims=("y", "x"), description="bedrock depth below topographic surface")
    bedrock_motion_up = xs.foreign(TotalVerticalMotion, "bedrock_upward")
    surface_motion_up = xs.foreign(TotalVerticalMotion, "surface_upward")
    surface_elevation = xs.foreign(SurfaceTopography, "elevation")

    @depth.compute
    def _depth(self):
        return self.surface_elevation - self.elevation

    def initialize(self):
        if np.any(self.elevation > self.surface_elevation):
            raise ValueError("Encountered bedrock elevation higher than topographic surface elevation.")

    def run_step(self):
        self._elevation_next = np.minimum(
            self.elevation + self.bedrock_motion_up, self.surface_elevation + self.surface_motion_up
        )

    def finalize_step(self):
        self.elevation = self._elevation_next


@xs.process
class InitBedrock:
    """Bedrock some way below the surface."""

    below = xs.variable(default=0.0, static=True, description="how far below")
    surface = xs.foreign(SurfaceTopography, "elevation")
    bedrock = xs.foreign(Bedrock, "elevation", intent="out")

    def initialize(self):
        self.bedrock = np.array(self.surface) - self.below


# --- what looks on ---


@xs.process
class TerrainDerivatives:
    shape = xs.foreign(RasterGrid2D, "shape")
    spacing = xs.foreign(RasterGrid2D, "spacing")
    elevation = xs.foreign(SurfaceTopography, "elevation")
    slope = xs.on_demand(dims=("y", "x"), description="terrain local slope")
    curvature = xs.on_demand(dims=("y", "x"), description="terrain local curvature")

    @slope.compute
    def _slope(self):
        return np.hypot(*np.gradient(self.elevation, *self.spacing))

    @curvature.compute
    def _curvature(self):
        return sum(np.gradient(np.gradient(self.elevation, d, axis=i), d, axis=i) for i, d in enumerate(self.spacing))


@xs.process
class StratigraphicHorizons:
    """Horizons that are active, and follow the surface, until they are frozen."""

    freezing_time = xs.variable(dims="horizon", description="horizon freezing (deactivation) time", static=True)
    horizon = xs.index(dims="horizon", description="horizon number")
    active = xs.variable(dims="horizon", intent="out", description="whether the horizon is active or not")
    surf_elevation = xs.foreign(SurfaceTopography, "elevation")
    elevation_motion = xs.foreign(TotalVerticalMotion, "surface_upward")
    bedrock_motion = xs.foreign(TotalVerticalMotion, "bedrock_upward")
    elevation = xs.variable(dims=("horizon", "y", "x"), intent="out", description="elevation of horizon surfaces")

    @xs.runtime(args="sim_start")
    def initialize(self, start_time):
        if np.any(self.freezing_time < start_time):
            raise ValueError("'freezing_time' value must be greater than the time of the beginning of the simulation")
        self.elevation = np.repeat(self.surf_elevation[None, :, :], self.freezing_time.size, axis=0)
        self.horizon = np.arange(0, len(self.freezing_time))
        self.active = np.full_like(self.freezing_time, True, dtype=bool)

    @xs.runtime(args="step_start")
    def run_step(self, current_time):
        self.active = current_time < self.freezing_time

    def finalize_step(self):
        elevation_next = self.surf_elevation + self.elevation_motion
        self.elevation[self.active] = elevation_next
        self.elevation[~self.active] = np.minimum(self.elevation[~self.active] + self.bedrock_motion, elevation_next)


@xs.process
class Sea:
    """Sea level; counts what is below it."""

    level = xs.variable(default=0.0, description="sea level", attrs={"units": "m"}, encoding={"dtype": "float32"})
    elevation = xs.foreign(SurfaceToErode, "elevation")
    submerged = xs.variable(intent="out", description="nodes below sea level")
    shelf = xs.variable(dims=("y", "x"), intent="out", encoding={"dtype": "float32", "chunks": (2, 8, 8)})

    def run_step(self):
        self.shelf = np.maximum(self.level - self.elevation, 0.0)
        self.submerged = int(np.sum(self.elevation < self.level))


@xs.process
class LibraryFacts:
    """What the library says in the end."""

    context = xs.global_ref("context")
    n_steps = xs.on_demand(description="steps done")
    n_receivers = xs.on_demand()

    @n_steps.compute
    def _n_steps(self):
        return self.context.n_steps

    @n_receivers.compute
    def _n_receivers(self):
        return self.context["n_receivers"]


basic_model = xs.Model(
    {
        "grid": UniformRectilinearGrid2D,
        "fs_context": LibraryContext,
        "boundary": BorderBoundary,
        "tectonics": TectonicForcing,
        "surf2erode": SurfaceToErode,
        "runoff": Runoff,
        "flow": SingleFlowRouter,
        "drainage": DrainageArea,
        "spl": StreamPowerChannel,
        "diffusion": LinearDiffusion,
        "erosion": TotalErosion,
        "vmotion": TotalVerticalMotion,
        "topography": SurfaceTopography,
        "init_topography": FlatSurface,
        "uplift": BlockUplift,
        "bedrock": Bedrock,
        "init_bedrock": InitBedrock,
        "terrain": TerrainDerivatives,
        "facts": LibraryFacts,
    }
)
full_model = basic_model.update_processes(
    {
        "grid": RasterGridByLength,
        "init_topography": Escarpment,
        "drainage": FlowAccumulator,
        "uplift": TwoBlocksUplift,
        "strati": StratigraphicHorizons,
        "sea": Sea,
    }
)

years = np.linspace(0.0, 1e5, 21)


def run_basic(**how):
    setup = xs.create_setup(
        model=basic_model,
        clocks={"time": years, "out": years[::10]},
        main_clock="time",
        input_vars={
            "grid__shape": [9, 11],
            "grid__spacing": [400.0, 500.0],
            "boundary__status": ["looped", "fixed_value", "core", "fixed_value"],
            "uplift__rate": 1e-3,
            "spl": {"k_coef": 1e-4, "area_exp": 0.43},
            "diffusion__diffusivity": 1e-1,
        },
        output_vars={
            "topography__elevation": "out",
            "drainage__area": "out",
            "flow__basin": None,
            "flow__receivers": "out",
            "spl__chi": None,
            "terrain__slope": "out",
            "terrain__curvature": None,
            "erosion__rate": "out",
            "erosion__cumulative_height": None,
            "erosion__share": "time",
            "boundary__fixed": None,
            "boundary__border_status": None,
            "bedrock__depth": "out",
            "facts__n_steps": "time",
            "facts__n_receivers": None,
            "grid__size": None,
            "grid__cell_area": None,
        },
    )
    return setup.xsim.run(model=basic_model, **how)


def full_setup():
    rate = np.zeros((8, 10))
    rate[2:6, 3:7] = 2.0
    return xs.create_setup(
        model=full_model,
        clocks={"time": years, "out": years[::5], "rare": years[[0, 20]]},
        main_clock="time",
        input_vars={
            "grid": {"shape": [8, 10], "length": [7e3, 9e3], "origin": [100, -100]},
            "init_topography": {"x_left": 3e3, "x_right": 5e3},
            "uplift": {"x_position": 4, "right_rate": ("time", 1e-3 * (1 + np.sin(np.arange(21.0))))},
            "runoff__rate": (("y", "x"), rate),
            "spl__k_coef": (("time", "y", "x"), np.full((21, 8, 10), 5e-5) * np.arange(21)[:, None, None] / 10),
            "diffusion__diffusivity": (("y", "x"), rate / 20),
            "strati__freezing_time": ("horizon", [2e4, 5e4, 2e5]),
            "init_bedrock__below": 3,
            "sea__level": ("time", np.linspace(20, -20, 21), {"source": "made up"}),
        },
        output_vars={
            "topography": {"elevation": "out"},
            "strati": {"elevation": "rare", "active": "rare"},
            "sea": {"submerged": "time", "shelf": "out"},
            "bedrock": {"elevation": "rare", "depth": None},
            "drainage__flowacc": "rare",
            "spl__erosion": None,
            "erosion": {"share": "out", "height": "rare"},
            "vmotion__surface_upward": None,
            "uplift__uplift": None,
        },
    )


def run_full(**how):
    encoding = {"topography__elevation": {"chunks": (2, 8, 10)}, "strati__elevation": {"fill_value": -9999.0}}
    return full_setup().xsim.run(model=full_model, check_dims="strict", encoding=encoding, **how)


def run_reduced(**how):
    """Without rivers; inputs in another order of dimensions."""
    model = full_model.drop_processes(["spl", "strati", "sea"])
    setup = full_setup().xsim.filter_vars(model=model)
    setup["diffusion__diffusivity"] = setup["diffusion__diffusivity"].transpose()
    return setup.xsim.run(model=model, check_dims="transpose", **how)


def run_sweep(**how):
    setup = full_setup().xsim.update_vars(
        model=full_model,
        input_vars={
            "spl__area_exp": ("member", [0.4, 0.45, 0.5]),
            "init_topography__levels": (("member", "level"), [[0, 50], [0.0, 80], [10, 10]]),
        },
    )
    return setup.xsim.run(model=full_model, batch_dim="member", **how)


SINGLE = {"basic": run_basic, "full": run_full, "reduced": run_reduced}
BATCH = {"sweep": run_sweep}
