"""A model with every kind of output, and setups of it."""

import numpy as np
import pytest

import xsim as xs


@xs.process
class Grid:
    size = xs.variable(default=3, description="number of nodes", static=True)
    x = xs.index("x", description="position", attrs={"units": "m"})
    area = xs.index("x")

    def initialize(self):
        self.x = np.arange(self.size) * 0.5
        self.area = np.full(self.size, 0.5)


@xs.process
class Field:
    x = xs.foreign(Grid, "x")
    rate = xs.variable(dims=[(), "x"], default=2.0, description="rate of growth", attrs={"units": "1/day"})
    height = xs.variable(dims="x", intent="inout", description="height", attrs={"units": "days"})
    mode = xs.variable(default=None)
    total = xs.on_demand(description="sum", attrs={"units": "m"})
    wet = xs.variable(intent="out")
    label = xs.variable(intent="out")
    day = xs.variable(intent="out")
    count = xs.variable(intent="out")

    @total.compute
    def _total(self):
        return self.height.sum()

    def initialize(self):
        assert self.mode is None

    @xs.runtime(args="step, step_delta")
    def run_step(self, step, delta):
        self.height += self.rate * delta
        self.wet = step > 1
        self.label = "abc"[: step % 3]
        self.day = np.datetime64("2000-01-01", "s") + np.timedelta64(step, "D")
        self.count = step


@pytest.fixture
def model():
    return xs.Model({"grid": Grid, "field": Field})


@pytest.fixture
def setup(model):
    outputs = {
        "field__wet": "t",
        "field__height": "out",
        "field__total": None,
        "field__label": "out",
        "field__day": "t",
        "field__count": "out",
    }
    return xs.create_setup(
        model,
        {"t": np.arange(5.0), "out": np.arange(0.0, 5, 2)},
        "t",
        input_vars={"field__height": ("x", [1.0, 2.0, 3.0])},
        output_vars=outputs,
    )
