"""Advection in one dimension, with variants of nearly everything, as written for xarray-simlab."""

import numpy as np

import xsim as xs


@xs.process
class UniformGrid1D:
    """A 1-dimensional, equally spaced, periodic grid."""

    spacing = xs.variable(description="grid node spacing", attrs={"units": "m"}, static=True)
    length = xs.variable(description="grid total length", attrs={"units": "m"}, static=True)
    x = xs.index(dims="x", description="node position", attrs={"units": "m"})

    def initialize(self):
        self.x = np.arange(0, self.length, self.spacing)


@xs.process
class FixedGrid(UniformGrid1D):
    """A grid that needs no input."""

    spacing = xs.variable(description="uniform spacing", intent="out")
    length = xs.variable(description="total length", intent="out")

    def initialize(self):
        self.spacing = 0.05
        self.length = 1.0
        super().initialize()


@xs.process
class ProfileU:
    """A profile of a quantity u, which all processes in group `u_vars` change."""

    u_vars = xs.group("u_vars")
    u = xs.variable(dims="x", intent="inout", description="quantity u", attrs={"units": "m"})

    def run_step(self):
        self._delta_u = sum(v for v in self.u_vars)

    def finalize_step(self):
        self.u += self._delta_u


@xs.process
class Advection:
    """Base of all schemes: where they get what they need from."""

    v = xs.variable(dims=[(), "x"], default=1.0, description="velocity", attrs={"units": "m/s"})
    grid_spacing = xs.foreign(UniformGrid1D, "spacing")
    u = xs.foreign(ProfileU, "u")
    u_advected = xs.variable(dims="x", intent="out", groups="u_vars")

    @v.validator
    def _courant(self, attribute, value):
        if np.any(np.asarray(value) < 0):
            raise ValueError(f"{attribute.name} must not be negative")


@xs.process
class AdvectionLax(Advection):
    """Lax scheme."""

    @xs.runtime(args="step_delta")
    def run_step(self, dt):
        factor = self.v / (2 * self.grid_spacing)
        left, right = np.roll(self.u, 1), np.roll(self.u, -1)
        self.u_advected = 0.5 * (right + left) - dt * factor * (right - left) - self.u


@xs.process
class AdvectionUpwind(Advection):
    """First order upwind scheme; remembers the largest Courant number."""

    cfl = xs.variable(intent="out", description="largest Courant number so far")

    def initialize(self):
        self.cfl = 0.0

    @xs.runtime(args=("step_delta", "step"))
    def run_step(self, dt, step):
        courant = self.v * dt / self.grid_spacing
        self.u_advected = -courant * (self.u - np.roll(self.u, 1))
        self.cfl = max(self.cfl, float(np.max(courant)))
        self.last_step = step


@xs.process
class InitUGauss:
    """Gaussian pulse."""

    loc = xs.variable(description="location of initial pulse", default=0.3, static=True)
    scale = xs.variable(description="scale of initial pulse", default=0.1, static=True)
    x = xs.foreign(UniformGrid1D, "x")
    u = xs.foreign(ProfileU, "u", intent="out")

    def initialize(self):
        self.u = np.exp(-1 / self.scale**2 * (self.x - self.loc) ** 2)


@xs.process
class InitUFlat:
    """Nothing there."""

    x = xs.foreign(UniformGrid1D, "x")
    u = xs.foreign(ProfileU, "u", intent="out")

    def initialize(self):
        self.u = np.zeros_like(self.x)


@xs.process
class InitUSquare(InitUFlat):
    """A box; takes a text for its kind."""

    edges = xs.variable(dims="edge", default=[0.2, 0.4], static=True)
    kind = xs.variable(default="closed", static=True, description="whether edges belong to the box")

    def initialize(self):
        lower, upper = self.edges
        if self.kind == "closed":
            inside = (self.x >= lower) & (self.x <= upper)
        else:
            inside = (self.x > lower) & (self.x < upper)
        self.u = np.where(inside, 1.0, 0.0)


@xs.process
class SourcePoint:
    """Adds u at the node that is nearest to a location."""

    loc = xs.variable(description="location of source point", default=0.2)
    flux = xs.variable(description="influx at source point", attrs={"units": "m/s"}, default=1.0)
    x = xs.foreign(UniformGrid1D, "x")
    u_source = xs.variable(dims="x", intent="out", groups="u_vars")

    @property
    def nearest_node(self):
        return np.abs(self.x - self.loc).argmin()

    @property
    def source_rate(self):
        rates = np.zeros_like(self.x)
        rates[self.nearest_node] = self.flux
        return rates

    @xs.runtime(args="step_delta")
    def run_step(self, dt):
        self.u_source = self.source_rate * dt


@xs.process
class SourceDecay(object):  # noqa: UP004 - the old style
    """Takes a share of u away, which may vary in time and space."""

    rate = xs.variable(dims=[(), "x"], default=0.1)
    u = xs.foreign(ProfileU, "u")
    u_lost = xs.variable(dims="x", intent="out", groups=["u_vars", "losses"])

    @xs.runtime(args=["step_delta"])
    def run_step(self, dt):
        self.u_lost = -self.rate * dt * self.u


@xs.process
class Diagnostics:
    """Looks on, and is only computed when saved."""

    x = xs.foreign(UniformGrid1D, "x")
    u = xs.foreign(ProfileU, "u")
    terms = xs.group_dict("u_vars")
    mass = xs.on_demand(description="total of u")
    peak = xs.on_demand(description="where u is largest", attrs={"units": "m"})
    smooth = xs.on_demand(dims="x")
    n_terms = xs.variable(intent="out", description="how many processes change u")

    def run_step(self):
        self.n_terms = len(self.terms)

    @mass.compute
    def _mass(self):
        return self.u.sum()

    @peak.compute
    def _peak(self):
        return self.x[np.argmax(self.u)]

    @smooth.compute
    def _smooth(self):
        return (np.roll(self.u, 1) + self.u + np.roll(self.u, -1)) / 3


lax = xs.Model({"grid": UniformGrid1D, "profile": ProfileU, "init": InitUGauss, "advect": AdvectionLax})
upwind = lax.update_processes({"advect": AdvectionUpwind, "diag": Diagnostics})
fixed = lax.update_processes({"grid": FixedGrid})
with_source = upwind.update_processes(
    {"init": InitUFlat, "source": SourcePoint, "source2": SourcePoint, "decay": SourceDecay}
)
no_decay = with_source.drop_processes(["decay", "source2"]).update_processes({"init": InitUSquare})

time = np.linspace(0, 1, 101)
grid_inputs = {"grid": {"length": 1.5, "spacing": 0.01}}


def setup_lax():
    return xs.create_setup(
        model=lax,
        clocks={"time": time, "otime": np.array([0, 0.5, 1])},
        main_clock="time",
        input_vars={"grid": {"length": 1.5, "spacing": 0.01}, "init": {"loc": 0.3, "scale": 0.1}, "advect__v": 1.0},
        output_vars={"profile__u": "otime"},
    )


def run_lax(**how):
    return setup_lax().xsim.run(model=lax, **how)


def run_upwind(**how):
    setup = xs.create_setup(
        model=upwind,
        clocks={"time": np.linspace(0, 1, 201), "otime": np.linspace(0, 1, 201)[::50]},
        main_clock="time",
        input_vars={("grid", "length"): 1.0, ("grid", "spacing"): 0.02, "advect": {"v": ("x", np.full(50, 0.8))}},
        output_vars={
            "profile": {"u": "otime"},
            "advect": {"cfl": None, "u_advected": "otime"},
            "diag": {"mass": "time", "peak": "otime", "smooth": None, "n_terms": None},
        },
    )
    return setup.xsim.run(model=upwind, **how)


def run_fixed(**how):
    with fixed:
        setup = xs.create_setup(
            clocks={"time": np.arange(5) * 0.04}, output_vars={"profile__u": "time", "grid__spacing": None}
        )
        return setup.xsim.run(**how)


def run_sources(**how):
    steps = np.arange(101)
    setup = xs.create_setup(
        model=with_source,
        clocks={"time": time, "otime": time[::20], "late": time[60::40]},
        main_clock="time",
        input_vars=dict(
            grid_inputs,
            source={"loc": 0.35, "flux": ("time", np.sin(steps / 10.0))},
            source2={"loc": 1.0},
            decay__rate=(("time", "x"), np.outer(1 + steps % 3, np.linspace(0, 1, 150))),
        ),
        output_vars={"profile__u": "otime", "source__u_source": "late", "decay__rate": "late", "diag__mass": "otime"},
    )
    return setup.xsim.run(model=with_source, **how)


def run_changed_setup(**how):
    """Go through all that a setup can go through before it is run."""
    setup = setup_lax()
    setup = setup.xsim.update_clocks(model=lax, clocks={"otime": time[::25]}, main_clock="time")
    setup = setup.xsim.filter_vars(model=no_decay)
    setup = setup.xsim.update_vars(
        model=no_decay,
        input_vars={"source": {"flux": 2}, "init__kind": "open"},
        output_vars={"diag__mass": "time", "profile__u": None},
    )
    with no_decay:
        setup = setup.xsim.update_vars(input_vars={"init": {"edges": [0.1, 0.7]}, "source__loc": 0.2})
        setup["mine"] = ("x_mine", [1, 2, 3])
        return setup.xsim.run(**how)


def run_batch(**how):
    setup = setup_lax().xsim.update_vars(
        model=lax,
        input_vars={"init": {"loc": ("case", [0.2, 0.3, 0.5, 0.6, 1.1])}, "advect__v": ("case", [1.0, 0.5, 0, 0.1, 1])},
    )
    setup = setup.assign_coords(case=[10, 20, 30, 40, 50])
    return setup.xsim.run(model=lax, batch_dim="case", **how)


def run_stacked(**how):
    """Two parameters combined with xarray's stack."""
    setup = setup_lax().xsim.update_vars(
        model=lax, input_vars={"init__scale": ("scale", [0.05, 0.1]), "advect__v": ("v", [0.2, 0.4, 0.6])}
    )
    setup = setup.assign_coords(scale=[0.05, 0.1], v=[0.2, 0.4, 0.6]).stack(run=["scale", "v"])
    out = setup.xsim.run(model=lax, batch_dim="run", **how)
    return out.unstack("run")


def run_hooks(**how):
    """Hooks that look, and hooks that steer."""
    log = []

    @xs.runtime_hook("run_step", level="model", trigger="pre")
    def note_step(model, context, state):
        log.append(float(context["step"]))

    @xs.runtime_hook(stage="run_step", trigger="post")
    def skip_moving(model, context, state):
        if context["step"] % 2:
            return xs.RuntimeSignal.CONTINUE

    @xs.runtime_hook("finalize", "model", "pre")
    def note_end(model, context, state):
        log.append(float(state[("profile", "u")].sum()))

    class Watch(xs.RuntimeHook):
        @xs.runtime_hook("initialize", level="model", trigger="post")
        def count(self, model, context, state):
            log.append(float(len([k for k in state if state.get(k) is not None])))

    with xs.RuntimeHook(note_step), Watch():
        out = setup_lax().xsim.run(model=lax, hooks=[skip_moving, note_end], **how)
    return out.assign(log=("call", log))


SINGLE = {
    "lax": run_lax,
    "upwind": run_upwind,
    "fixed": run_fixed,
    "sources": run_sources,
    "changed_setup": run_changed_setup,
    "hooks": run_hooks,
}
BATCH = {"batch": run_batch, "stacked": run_stacked}
