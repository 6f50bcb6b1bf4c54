"""The models that are measured, as modellers write them."""

from __future__ import annotations

import time
from itertools import islice
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

import xsim as xs

FACTOR = 1.0001


def _start(self: Any) -> None:
    self.value = 1.0


def _first(self: Any) -> None:
    self.value = self.value * FACTOR


def _next(self: Any) -> None:
    self.value = self.source * FACTOR


@xs.runtime(args="step_delta")
def _first_timed(self: Any, step_delta: float) -> None:
    self.value = self.value * FACTOR + step_delta


@xs.runtime(args="step_delta")
def _next_timed(self: Any, step_delta: float) -> None:
    self.value = self.source * FACTOR + step_delta


def _first_driven(self: Any) -> None:
    self.value = self.value * self.drive


STAGES = {"plain": (_first, _next), "timed": (_first_timed, _next_timed), "driven": (_first_driven, _next)}

_chains: dict[str, dict[str, type]] = {}


def chain(length: int, kind: str = "plain") -> dict[str, type]:
    """Give process classes of which each reads a number of the one before; made once, and all of one group.

    Parameters
    ----------
    length : int
    kind : {"plain", "timed", "driven"}
        Timed ones are given the length of the step, the first of the driven ones has an input along the clock.
    """
    classes = _chains.setdefault(kind, {})
    first, following = STAGES[kind]
    for i in range(len(classes), length):
        namespace: dict[str, Any] = {"value": xs.variable(intent="out", groups="all"), "initialize": _start}
        if i == 0:
            namespace["run_step"] = first
            if kind == "driven":
                namespace["drive"] = xs.variable()
        else:
            namespace["source"] = xs.foreign(classes[f"p{i - 1}"], "value")
            namespace["run_step"] = following
        classes[f"p{i}"] = xs.process(type(f"P{i}", (), namespace))
    return dict(islice(classes.items(), length))


def steps_setup(model: xs.Model, steps: int, **more: Any) -> xr.Dataset:
    """Give a setup of so many steps."""
    return xs.create_setup(model, {"step": np.arange(steps + 1.0)}, **more)


@xs.process
class Collector:
    """Sums up a group."""

    members = xs.group("all")
    total = xs.variable(intent="out")

    def run_step(self) -> None:
        self.total = sum(self.members)


@xs.process
class Field:
    """Numbers that change a little each step."""

    size = xs.variable(static=True)
    values = xs.variable(dims="x", intent="out")

    def initialize(self) -> None:
        self.values = np.arange(float(self.size))

    def run_step(self) -> None:
        self.values += 1.0


FIELD = xs.Model({"field": Field})


def field_setup(size: int, steps: int) -> xr.Dataset:
    """Give a setup that saves all numbers at each step."""
    return steps_setup(FIELD, steps, input_vars={"field__size": size}, output_vars={"field__values": "step"})


@xs.process
class Tiny:
    """Almost nothing: a number and fifty more that grow towards one."""

    rate = xs.variable()
    level = xs.variable(intent="out")
    profile = xs.variable(dims="x", intent="out")

    def initialize(self) -> None:
        self.level = 0.1
        self.profile = np.full(50, 0.1)

    def run_step(self) -> None:
        self.level += self.rate * self.level * (1.0 - self.level)
        self.profile = self.profile + self.rate * self.profile * (1.0 - self.profile)


TINY = xs.Model({"tiny": Tiny})
TINY_STEPS = 10


def tiny_setup(members: int) -> xr.Dataset:
    """Give a sweep of tiny members, of which the last values are saved."""
    rates = np.linspace(0.1, 1.1, members)
    outputs = dict.fromkeys(("tiny__level", "tiny__profile"))
    return steps_setup(TINY, TINY_STEPS, input_vars={"tiny__rate": ("member", rates)}, output_vars=outputs)


def burn(iterations: int) -> float:
    """Compute something in pure Python."""
    total = 0.0
    for i in range(iterations):
        total += i * 0.5
    return total


@xs.process
class Busy:
    """Pure Python for as long as it is told."""

    iterations = xs.variable()
    total = xs.variable(intent="out")

    def initialize(self) -> None:
        self.total = burn(int(self.iterations))


BUSY = xs.Model({"busy": Busy})


def busy_setup(members: int, iterations: int) -> xr.Dataset:
    """Give a sweep of members that take a while."""
    inputs = {"busy__iterations": ("member", np.full(members, iterations))}
    return xs.create_setup(BUSY, input_vars=inputs, output_vars={"busy__total": None})


def nap(seconds: float) -> float:
    """Wait."""
    time.sleep(seconds)
    return seconds


@xs.process
class Napping:
    """Waits for as long as it is told: what members cost beside their work, with processors to spare."""

    seconds = xs.variable()
    total = xs.variable(intent="out")

    def initialize(self) -> None:
        self.total = nap(float(self.seconds))


NAPPING = xs.Model({"napping": Napping})


def napping_setup(members: int, seconds: float) -> xr.Dataset:
    """Give a sweep of members that wait."""
    inputs = {"napping__seconds": ("member", np.full(members, seconds))}
    return xs.create_setup(NAPPING, input_vars=inputs, output_vars={"napping__total": None})


@xs.process
class Market:
    """Says a price."""

    price = xs.variable(intent="out")

    def initialize(self) -> None:
        self.price = 0.1

    def run_step(self) -> None:
        self.price = self.price * FACTOR


@xs.process
class Agent:
    """Bids what it needs at a price."""

    need = xs.variable()
    ramp = xs.variable()
    mean = xs.variable()
    price = xs.foreign(Market, "price")
    bid = xs.variable(intent="out", groups="bids")

    def run_step(self) -> None:
        self.bid = self.need - self.ramp * (self.price - self.mean)


@xs.process
class Auction:
    """Adds up all bids."""

    bids = xs.group("bids")
    demand = xs.variable(intent="out")

    def run_step(self) -> None:
        self.demand = sum(self.bids)


def agents(number: int) -> tuple[xs.Model, dict[str, float]]:
    """Give a market of so many agents, and their inputs."""
    names = [f"agent{i}" for i in range(number)]
    model = xs.Model({"market": Market, **dict.fromkeys(names, Agent), "auction": Auction})
    inputs: dict[str, float] = {}
    for i, name in enumerate(names):
        inputs |= {f"{name}__need": 3.0 + i % 7, f"{name}__ramp": 2.0, f"{name}__mean": 0.1}
    return model, inputs


# --- the works of one model in parallel: each process does one of these, alone, at every step ---

Floats = NDArray[np.float64]


class Matmul:
    """A product of matrices: BLAS, 3 ms."""

    def __init__(self) -> None:
        self.a = np.random.default_rng(1).random((400, 400))

    def __call__(self) -> Floats:
        return self.a @ self.a


class Arctan:
    """Compiled code that allocates nothing, 12 ms."""

    def __init__(self) -> None:
        self.a = np.linspace(0.1, 1.0, 600_000)
        self.out = np.empty_like(self.a)

    def __call__(self) -> Floats:
        return np.arctan2(self.a, 0.5, out=self.out)


class Sine:
    """Bound by allocating memory, a few ms."""

    def __init__(self) -> None:
        self.a = np.linspace(0.0, 0.5, 600_000)

    def __call__(self) -> Floats:
        return np.sin(self.a)


class Nothing:
    """Too little to be worth a thread."""

    def __call__(self) -> float:
        return 1.0


WORKS: dict[str, type] = {"matmul": Matmul, "arctan2 in place": Arctan, "sine": Sine, "trivial": Nothing}


def _prepare(self: Any) -> None:
    self.work = WORKS[self.kind]()


def _work(self: Any) -> None:
    self.value = self.work()


def workers(kind: str, number: int = 8) -> xs.Model:
    """Give a model of independent processes that do the same work."""
    classes = {}
    for i in range(number):
        namespace = {
            "kind": kind,
            "value": xs.variable(dims=[(), "x", ("y", "x")], intent="out"),
            "initialize": _prepare,
            "run_step": _work,
        }
        classes[f"w{i}"] = xs.process(type(f"W{i}", (), namespace))
    return xs.Model(classes)
