"""xarray-simlab 0.5.0, in an environment of its time."""

from __future__ import annotations

import attr
import common
import numpy as np
import xsimlab as xs
from common import FACTOR, number, seconds

PROCESSES = 5


def _start(self):
    self.value = 1.0


def _first(self):
    self.value = self.value * FACTOR


def _next(self):
    self.value = self.source * FACTOR


@xs.runtime(args="step_delta")
def _first_timed(self, step_delta):
    self.value = self.value * FACTOR + step_delta


@xs.runtime(args="step_delta")
def _next_timed(self, step_delta):
    self.value = self.source * FACTOR + step_delta


def chain(length, first=_first, following=_next):
    classes = {}
    for i in range(length):
        namespace = {"value": xs.variable(intent="out", groups="all"), "initialize": _start}
        namespace["run_step"] = first if i == 0 else following
        if i > 0:
            namespace["source"] = xs.foreign(classes[f"p{i - 1}"], "value")
        classes[f"p{i}"] = xs.process(type(f"P{i}", (), namespace))
    return classes


def steps_setup(model, steps, **more):
    return xs.create_setup(model, {"step": np.arange(steps + 1.0)}, **more)


def run_chain(*stages):
    model = xs.Model(chain(PROCESSES, *stages))

    def ready(steps):
        setup = steps_setup(model, steps)
        return lambda: setup.xsimlab.run(model)

    return ready


class _Plain:
    def __init__(self, source=None):
        self.source = source or self
        self.value = 1.0

    def run_step(self):
        self.value = self.source.value * FACTOR


def bare(steps):
    objects = [_Plain()]
    while len(objects) < PROCESSES:
        objects.append(_Plain(objects[-1]))
    calls = [each.run_step for each in objects]

    def loop():
        for _ in range(steps):
            for call in calls:
                call()

    return loop


def loop(m):
    return {
        "": seconds(m.slope(run_chain(), (200, 2_000)) / PROCESSES),
        "by hand in its Python": seconds(m.slope(bare, (2_000, 20_000)) / PROCESSES),
    }


def timed_loop(m):
    return {"": seconds(m.slope(run_chain(_first_timed, _next_timed), (200, 2_000)) / PROCESSES)}


def scalars(m):
    model = xs.Model(chain(PROCESSES))

    def ready(steps):
        setup = steps_setup(model, steps, output_vars={f"p{i}__value": "step" for i in range(3)})
        return lambda: setup.xsimlab.run(model)

    return {"": seconds(m.slope(ready, (100, 1_000)))}


@xs.process
class Field:
    size = xs.variable(static=True)
    values = xs.variable(dims="x", intent="out")

    def initialize(self):
        self.values = np.arange(float(self.size))

    def run_step(self):
        self.values += 1.0


FIELD = xs.Model({"field": Field})


def save(m, size, **options):
    def ready(steps):
        setup = steps_setup(FIELD, steps, input_vars={"field__size": size}, output_vars={"field__values": "step"})
        store = m.path()
        return lambda: setup.xsimlab.run(FIELD, store=store, **options)

    return ready


def arrays(m):
    return {"": seconds(m.slope(save(m, 1_000), (100, 1_000)))}


def big(m):
    by_step = {"encoding": {"field__values": {"chunks": (1, 250_000)}}}
    return {
        "": seconds(m.slope(save(m, 250_000), (20, 200))),
        "chunks of one step": seconds(m.slope(save(m, 250_000, **by_step), (20, 200))),
    }


@xs.process
class Collector:
    members = xs.group("all")
    total = xs.variable(intent="out")

    def run_step(self):
        self.total = sum(self.members)


def build(last):
    classes = chain(1_000)

    def ready(length):
        chosen = {**dict(list(classes.items())[: length - len(last)]), **last}
        return lambda: xs.Model(chosen)

    return ready


def declare(length):
    def ready(classes):
        def work():
            for _ in range(classes):
                variables = {f"v{i}": xs.variable(default=1.0, description="A number.") for i in range(length)}
                xs.process(type("Declared", (), variables))

        return work

    return ready


def attributes(length):
    def ready(classes):
        def work():
            for _ in range(classes):
                namespace = {f"v{i}": attr.ib(default=1.0) for i in range(length)}
                attr.s(kw_only=True, eq=False)(type("Declared", (), namespace))

        return work

    return ready


def decorating(m):
    found = {}
    for length in (3, 10):
        found[f"{length} variables"] = seconds(m.slope(declare(length), (10, 100)))
        found[f"{length} variables, attrs of its time"] = seconds(m.slope(attributes(length), (10, 100)))
    return found


WORKS = {
    "D1": lambda: _Matmul(),
    "D2": lambda: _Arctan(),
    "D3": lambda: _Sine(),
    "D4": lambda: _nothing,
}


class _Matmul:
    def __init__(self):
        self.a = np.random.default_rng(1).random((400, 400))

    def __call__(self):
        return self.a @ self.a


class _Arctan:
    def __init__(self):
        self.a = np.linspace(0.1, 1.0, 600_000)
        self.out = np.empty_like(self.a)

    def __call__(self):
        return np.arctan2(self.a, 0.5, out=self.out)


class _Sine:
    def __init__(self):
        self.a = np.linspace(0.0, 0.5, 600_000)

    def __call__(self):
        return np.sin(self.a)


def _nothing():
    return 1.0


def _prepare(self):
    self.work = WORKS[self.kind]()


def _work(self):
    self.value = self.work()


def gain(key):
    def case(m):
        classes = {}
        for i in range(8):
            value = xs.variable(dims=[(), "x", ("y", "x")], intent="out")
            namespace = {"kind": key, "value": value, "initialize": _prepare, "run_step": _work}
            classes[f"w{i}"] = xs.process(type(f"W{i}", (), namespace))
        model = xs.Model(classes)

        def run(**options):
            def ready(steps):
                setup = steps_setup(model, steps)
                return lambda: setup.xsimlab.run(model, **options)

            return ready

        one_by_one = m.slope(run(), (5, 50))
        parallel = m.slope(run(parallel=True, scheduler="threads"), (5, 50))
        return {"": number(one_by_one / parallel, "× as fast")}

    return case


@xs.process
class Tiny:
    rate = xs.variable()
    level = xs.variable(intent="out")
    profile = xs.variable(dims="x", intent="out")

    def initialize(self):
        self.level = 0.1
        self.profile = np.full(50, 0.1)

    def run_step(self):
        self.level += self.rate * self.level * (1.0 - self.level)
        self.profile = self.profile + self.rate * self.profile * (1.0 - self.profile)


TINY = xs.Model({"tiny": Tiny})


def tiny(m, **options):
    def ready(members):
        outputs = {"tiny__level": None, "tiny__profile": None}
        inputs = {"tiny__rate": ("member", common.rates(members))}
        setup = steps_setup(TINY, common.TINY_STEPS, input_vars=inputs, output_vars=outputs)
        store = m.path()
        return lambda: setup.xsimlab.run(TINY, batch_dim="member", store=store, **options)

    return ready


def members(m):
    threads = {"parallel": True, "scheduler": "threads"}
    return {
        "": seconds(m.slope(tiny(m), (50, 500))),
        "threads": seconds(m.slope(tiny(m, **threads), (50, 500))),
    }


def members_in_processes(m):
    return {"": seconds(m.slope(tiny(m, parallel=True, scheduler="processes"), (50, 500)))}


@xs.process
class Busy:
    iterations = xs.variable()
    total = xs.variable(intent="out")

    def initialize(self):
        self.total = common.burn(int(self.iterations))


BUSY = xs.Model({"busy": Busy})


def efficiency(m):
    def sweep(members, iterations):
        inputs = {"busy__iterations": ("member", np.full(members, iterations))}
        clock = {"step": [0, 1]}
        setup = xs.create_setup(BUSY, clock, input_vars=inputs, output_vars={"busy__total": None})
        setup.xsimlab.run(BUSY, batch_dim="member", store=m.path(), parallel=True, scheduler="processes")

    return {"": number(m.efficiency(sweep), "%")}


def small_run(m, **options):
    model = xs.Model(chain(PROCESSES))

    def ready(steps):
        setup = steps_setup(model, steps, output_vars={f"p{i}__value": "step" for i in range(3)})
        made = {name: make() for name, make in options.items()}
        return lambda: setup.xsimlab.run(model, **made)

    return {"": seconds(m.usual(ready, 10))}


CASES = {
    "A1": loop,
    "A2": timed_loop,
    "B1": scalars,
    "B2": arrays,
    "B3": big,
    "C1": lambda m: {"100 to 1,000 processes": seconds(m.slope(build({}), (100, 1_000)))},
    "C2": lambda m: {"100 to 1,000 processes": seconds(m.slope(build({"collector": Collector}), (100, 1_000)))},
    "C4": decorating,
    **{key: gain(key) for key in WORKS},
    "E1": members,
    "E2": members_in_processes,
    "F1": efficiency,
    "X1": small_run,
    "X2": lambda m: small_run(m, store=m.path),
    "X3": lambda m: {"": seconds(m.usual(tiny(m), 10))},
}

if __name__ == "__main__":
    common.main("xarray-simlab", xs.__version__.split("+")[0], CASES)
