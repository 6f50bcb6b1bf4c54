"""Ten small models in the styles of ten authors, as written for xarray-simlab."""

import functools

import numpy as np
import pandas as pd
import xarray as xr

import xsim as xs

# --- 1: an abstract base, and a family of integrators made with type() ---


@xs.process
class Integrator:
    """Base of what moves a state y forward; subclasses say how."""

    y = xs.variable(dims=[(), "i"], intent="inout", default=1.0, description="state")
    rhs = xs.any_object(description="right-hand side", groups="rhs")

    def initialize(self):
        self.rhs = self.f
        self.y = np.asarray(self.y, dtype=float)

    def f(self, t, y):
        raise NotImplementedError

    def advance(self, t, dt):
        raise NotImplementedError

    @xs.runtime(args=["step_start", "step_delta"])
    def run_step(self, t, dt):
        self._y_next = self.advance(float(t), float(dt))

    def finalize_step(self):
        self.y = self._y_next


def _euler(self, t, dt):
    return self.y + dt * self.f(t, self.y)


def _heun(self, t, dt):
    first = self.f(t, self.y)
    return self.y + dt / 2 * (first + self.f(t + dt, self.y + dt * first))


def make_integrator(name, advance, rate):
    """Make a process class by hand."""

    def f(self, t, y):
        return -self.rate * y

    namespace = {"advance": advance, "f": f, "rate": xs.variable(default=rate), "__doc__": "Made by hand."}
    return xs.process(type(name, (Integrator,), namespace))


Euler, Heun = make_integrator("Euler", _euler, 0.5), make_integrator("Heun", _heun, 0.25)


@xs.process
class Slopes:
    """Calls the bound methods of all others."""

    functions = xs.group("rhs")
    slopes = xs.on_demand(dims="method")

    @slopes.compute
    def _slopes(self):
        return np.array([float(np.sum(f(0.0, 1.0))) for f in self.functions])


def run_integrators(**how):
    model = xs.Model({"euler": Euler, "heun": Heun, "slopes": Slopes})
    setup = xs.create_setup(
        model=model,
        clocks={"t": np.linspace(0, 2, 9)},
        input_vars={"heun": {"y": ("i", [1.0, 2.0])}, "euler__rate": 0.75},
        output_vars={"euler__y": "t", "heun__y": "t", "slopes__slopes": None},
    )
    return setup.xsim.run(model=model, **how)


# --- 2: mixins, super() and redefined intents ---


class Describes:
    """A mixin that knows nothing of the framework."""

    label = "plain"

    def describe(self):
        return f"{self.label}: {self.n}"


@xs.process
class Counter(Describes):
    start = xs.variable(default=0, static=True, description="first number")
    n = xs.variable(intent="out", description="number")
    text = xs.on_demand(description="in words")

    def initialize(self):
        self.n = int(self.start)

    def run_step(self):
        self.n += 1

    @text.compute
    def _text(self):
        return self.describe()


@xs.process
class DoubleCounter(Counter):
    label = "double"

    def run_step(self):
        super().run_step()
        super().run_step()


@xs.process
class StartsItself(DoubleCounter):
    start = xs.variable(intent="out")
    step = 5  # not the framework's

    def initialize(self):
        self.start = 100
        super().initialize()

    def run_step(self):
        super().run_step()
        self.n += self.step


def run_counters(**how):
    model = xs.Model({"a": Counter, "b": DoubleCounter, "c": StartsItself})
    outputs = {name: {"n": "t", "text": None} for name in "abc"}
    setup = xs.create_setup(model=model, clocks={"t": [0, 1, 2, 3]}, input_vars={"b__start": 7}, output_vars=outputs)
    return setup.xsim.run(model=model, **how)


# --- 3: a library of models as subclasses of Model ---


class LibraryModel(xs.Model):
    """A model that comes with its own defaults for a setup."""

    version = "1.2"

    def __init__(self, processes, title="untitled"):
        super().__init__(processes)
        self.title = title

    def setup(self, nsteps, **inputs):
        return xs.create_setup(
            model=self, clocks={"t": np.arange(nsteps + 1.0)}, input_vars=inputs, output_vars={"pond__level": "t"}
        )


@xs.process
class Pond:
    level = xs.variable(intent="inout", default=2.0, attrs={"units": "m"})
    inflow = xs.variable(default=0.1)
    k = xs.variable(default=0.05)

    @xs.runtime(args="step_delta")
    def run_step(self, dt):
        self.change = (self.inflow - self.k * self.level) * dt

    def finalize_step(self):
        self.level = self.level + self.change


@xs.process
class Evaporation:
    _pan = xs.variable(default=0.02, description="a name with an underscore")
    level = xs.foreign(Pond, "level")
    loss = xs.variable(intent="out", groups="losses")

    def run_step(self):
        self.loss = self._pan * self.level


def run_library(**how):
    model = LibraryModel({"pond": Pond}, title="pond")
    larger = model.update_processes({"evaporation": Evaporation})
    assert type(larger) is LibraryModel
    assert larger.version == "1.2"
    out = LibraryModel({"pond": Pond, "evaporation": Evaporation}).setup(5, pond__inflow=0.2).xsim.run(larger, **how)
    return out.assign(bare=model.setup(3).xsim.run(model).pond__level.rename(t="t3"))


# --- 4: hooks that watch, with state.get and the model's objects ---


class Watch(xs.RuntimeHook):
    def __init__(self):
        super().__init__()
        self.seen = []

    @xs.runtime_hook("initialize", level="model", trigger="post")
    def begin(self, model, context, state):
        self.seen.append(float(state.get(("pond", "level"), -1)))

    @xs.runtime_hook("run_step", level="process", trigger="post")
    def each(self, model, context, state):
        self.seen.append(float(model.pond.level) + float(state.get(("nobody", "x"), 0)))

    @xs.runtime_hook("finalize_step", trigger="pre")
    def steer(self, model, context, state):
        self.seen.append(float(context["step"]))
        if state[("pond", "level")] > 3.5:
            return xs.RuntimeSignal.SKIP


def run_watched(**how):
    model = xs.Model({"pond": Pond, "evaporation": Evaporation})
    setup = xs.create_setup(
        model=model,
        clocks={"t": np.arange(6.0)},
        input_vars={"pond__inflow": 1.0},
        output_vars={"pond__level": "t", "evaporation__loss": "t"},
    )
    watch = Watch()
    with watch:
        out = setup.xsim.run(model=model, **how)
    return out.assign(seen=("call", watch.seen))


# --- 5: a framework that looks into models ---


def table_of(model):
    """List all variables of a model, as a report would."""
    rows = []
    for _, entry in sorted(model.cache.items()):
        metadata = entry["metadata"]
        dims = " or ".join("(" + ", ".join(d) + ")" for d in metadata.get("dims", ()))
        if metadata["var_type"].value in ("object", "group", "group_dict"):
            dims = ""
        rows.append(
            ", ".join(
                [
                    entry["name"],
                    metadata["var_type"].value,
                    metadata["intent"].value,
                    dims,
                    metadata["description"],
                    metadata.get("attrs", {}).get("units", ""),
                    metadata.get("group", ""),
                ]
            )
        )
    return rows


@xs.process
class Looks:
    level = xs.foreign(Pond, "level")
    change = xs.foreign(Evaporation, "loss")
    again = xs.global_ref("area")
    losses = xs.group("losses")
    by_name = xs.group_dict("losses")
    tool = xs.any_object(description="a tool")


@xs.process
class Area:
    area = xs.variable(dims=[(), ("y", "x")], default=3.0, global_name="area", attrs={"units": "m2"})
    x = xs.index(dims="x", description="where")


def run_report(**how):
    model = xs.Model({"looks": Looks, "pond": Pond, "evaporation": Evaporation, "area": Area})
    with model:
        setup = xs.create_setup(clocks={"t": [0, 1]})
    rows = table_of(model)
    rows += [f"{p} after {sorted(before)}" for p, before in sorted(model.dependent_processes.items())]
    rows += [f"inputs {sorted(model.input_vars)}", f"indexes {model.index_vars_dict}"]
    rows += [f"{p}: {names}" for p, names in sorted(model.all_vars_dict.items())]
    return setup.assign(report=("row", np.array(rows)))


# --- 6: driving a model by hand ---


def run_by_hand(**how):
    model = xs.Model({"pond": Pond, "evaporation": Evaporation})
    model.update_state(
        {("pond", "level"): 1.0, ("pond", "inflow"): 0.5, ("pond", "k"): 0.1, ("evaporation", "_pan"): 1}
    )
    levels, losses = [], []
    model.execute("initialize", {})
    for step in range(4):
        context = {"step": step, "step_delta": 0.5}
        model.execute("run_step", context)
        model.execute("finalize_step", context)
        if step == 2:
            model.update_state({("pond", "inflow"): 2.0, ("nobody", "x"): 1})
        levels.append(model.state[("pond", "level")])
        model.update_cache(("evaporation", "loss"))
        losses.append(model.cache[("evaporation", "loss")]["value"])
    model.execute("finalize", {})
    copy = model.clone()
    assert dict(copy.state) == {}
    setup = xs.create_setup(model=model, clocks={"t": [0, 1]})
    return setup.assign(levels=("step", levels), losses=("step", losses))


# --- 7: alternatives of dims, None, and texts ---


def one_of(*choices):
    def check(instance, attribute, value):
        if value not in choices:
            raise ValueError(f"{attribute.name}: {value!r} is none of {choices}")

    return check


@xs.process
class Forcing:
    """Takes nearly everything."""

    mode = xs.variable(default="off", validator=one_of("off", "constant", "field"), static=True)
    value = xs.variable(dims=[(), "x", ("y", "x")], default=None, description="amount, or nothing")
    names = xs.variable(dims=("name"), default=["a", "b"], static=True)
    scale = xs.variable(default=2, converter=float)
    used = xs.variable(dims=[(), "x", ("y", "x")], intent="out")
    note = xs.variable(intent="out")

    def run_step(self):
        if self.value is None or self.mode == "off":
            self.used = 0.0
        else:
            self.used = np.asarray(self.value) * self.scale
        self.note = "+".join(str(n) for n in self.names) + "=" + str(self.mode)


def run_forcing(**how):
    model = xs.Model({"f": Forcing, "g": Forcing, "h": Forcing})
    setup = xs.create_setup(
        model=model,
        clocks={"t": [0, 2, 4]},
        input_vars={
            "g": {"mode": "constant", "value": 3, "names": ["c", "d"]},
            "h": {"mode": "field", "value": (("y", "x"), np.arange(6.0).reshape(2, 3)), "scale": ("t", [1, 2, 3])},
        },
        output_vars={p: {"used": "t", "note": None} for p in "fgh"},
    )
    # A dimension that the model does not know.
    setup["g__names"] = ("word", ["c", "d", "e"])
    return setup.xsim.run(model=model, check_dims=None, **how)


# --- 8: agents, generated, that meet through groups ---


def make_agent(at_first):
    @xs.process
    class Agent:
        start = xs.variable(default=at_first, static=True)
        wealth = xs.variable(intent="inout", default=0.0, groups="wealth")
        offer = xs.variable(intent="out", groups=["offers", "public"])
        pot = xs.global_ref("pot")

        def initialize(self):
            self.wealth = self.start
            self.offer = 0.0

        def run_step(self):
            self.taken = self.pot / 4 if self.wealth < 10 else 0.0

        def finalize_step(self):
            self.offer = 0.1 * self.wealth
            self.wealth = self.wealth + self.taken - self.offer

    return Agent


@xs.process
class Market:
    pot = xs.variable(intent="inout", default=4.0, global_name="pot")
    offers = xs.group_dict("public")

    def finalize_step(self):
        self.pot = 0.5 * self.pot + len(self.offers)


@xs.process
class Statistics:
    wealth = xs.group("wealth")
    total = xs.on_demand()
    spread = xs.on_demand(dims="quantile")

    @total.compute
    def _total(self):
        return functools.reduce(lambda a, b: a + b, self.wealth)

    @spread.compute
    def _spread(self):
        return np.quantile(np.array(list(self.wealth)), [0, 0.5, 1])


def run_agents(**how):
    classes = {f"agent{i}": make_agent(float(i * i)) for i in range(5)}
    model = xs.Model(dict(classes, market=Market, stats=Statistics))
    setup = xs.create_setup(
        model=model,
        clocks={"t": range(7)},
        input_vars={("agent2", "start"): 50.0},
        output_vars={"stats": {"total": "t", "spread": "t"}, "market__pot": "t", "agent4": {"wealth": "t"}},
    )
    return setup.xsim.run(model=model, **how)


# --- 9: particles: arrays that grow, a calendar, and an object that all write into ---


@xs.process
class Particles:
    pool = xs.any_object()
    position = xs.variable(dims="particle", intent="out", encoding={"fill_value": np.nan})
    count = xs.variable(intent="out")
    month = xs.variable(intent="out", description="month of the year")
    particle = xs.index(dims="particle")

    def initialize(self):
        self.pool = {"x": []}
        self.position = np.array([])
        self.count = 0
        self.month = 0
        self.particle = np.array([])

    @xs.runtime(args=("step_start", "step_delta"))
    def run_step(self, now, dt):
        days = dt / np.timedelta64(1, "D")
        self.pool["x"] = [x + days for x in self.pool["x"]] + [0.0]
        self.month = pd.Timestamp(now).month

    def finalize_step(self):
        self.position = np.array(self.pool["x"])
        self.count = len(self.pool["x"])
        self.particle = np.arange(self.count)


@xs.process
class Kicks:
    """Writes into what it only reads."""

    pool = xs.foreign(Particles, "pool")
    strength = xs.variable(default=0.5)

    def run_step(self):
        self.pool["x"] = [x + self.strength if i % 2 else x for i, x in enumerate(self.pool["x"])]


def run_particles(**how):
    model = xs.Model({"kicks": Kicks, "particles": Particles})
    days = pd.date_range("2001-01-29", periods=7, freq="D")
    setup = xs.create_setup(
        model=model,
        clocks={"day": days, "out": days[::2]},
        main_clock="day",
        input_vars={"kicks__strength": ("day", np.arange(7.0))},
        output_vars={"particles": {"position": "out", "count": "out", "month": "out"}},
    )
    return setup.xsim.run(model=model, **how)


# --- 10: a sweep, with inputs in all forms ---


def run_sweep(**how):
    model = LibraryModel({"pond": Pond, "evaporation": Evaporation})
    setup = model.setup(4)
    setup = setup.xsim.update_vars(
        model=model,
        input_vars={
            ("pond", "k"): xr.DataArray([0.1, 0.2, 0.4], dims="run", attrs={"origin": "table"}),
            "pond": {"level": ("run", [1.0, 2.0, 3.0], {"origin": "guess"})},
            "evaporation": {"_pan": (("run", "t"), np.outer([1.0, 2.0, 3.0], np.arange(5.0)) / 100)},
        },
        output_vars={"evaporation__loss": None},
    )
    setup = setup.assign_coords(run=["low", "mid", "top"])
    return setup.xsim.run(model=model, batch_dim="run", **how)


SINGLE = {
    "integrators": run_integrators,
    "counters": run_counters,
    "library": run_library,
    "watched": run_watched,
    "report": run_report,
    "by_hand": run_by_hand,
    "forcing": run_forcing,
    "agents": run_agents,
    "particles": run_particles,
}
BATCH = {"sweep": run_sweep}
