"""The step loop knows neither xarray nor zarr nor dask (DESIGN §4, §5)."""

import sys

import numpy as np
import pytest

import xsim as xs


class Recorder:
    """Notes the packages of all Python functions called while it is on."""

    def __init__(self):
        self.packages = set()

    def __call__(self, frame, event, argument):
        if event == "call":
            self.packages.add(str(frame.f_globals.get("__name__", "")).partition(".")[0])

    def start(self):
        self.before = sys.getprofile()
        sys.setprofile(self)

    def stop(self):
        sys.setprofile(self.before)


def make_model(recorder, last):
    """A model of many kinds of variables that records from its first run_step to its last finalize_step."""

    @xs.process
    class Grid:
        x = xs.index("x")
        thing = xs.any_object()

        def initialize(self):
            self.x = np.arange(3.0)
            self.thing = {}

    @xs.process
    class Field:
        x = xs.foreign(Grid, "x")
        rate = xs.variable(global_name="rate")
        forcing = xs.variable(dims="x")
        height = xs.variable(dims="x", intent="inout", groups="heights")
        total = xs.on_demand()

        @total.compute(cache=True)
        def _total(self):
            return self.height.sum()

        @xs.runtime(args="step, step_start, step_delta")
        def run_step(self, step, start, delta):
            if step == 0:
                recorder.start()
            self.height += self.rate * delta * self.forcing

    @xs.process
    class Reader:
        rate = xs.global_ref("rate")
        heights = xs.group("heights")
        by_key = xs.group_dict("heights")
        total = xs.foreign(Field, "total")
        thing = xs.foreign(Grid, "thing")
        mean = xs.variable(intent="out")

        def run_step(self):
            self.mean = float(self.total / 3 + len(self.heights) + len(self.by_key)) * self.rate

        @xs.runtime(args=("step", "main_clock_values", "nsteps"))
        def finalize_step(self, step, labels, nsteps):
            if step == last:
                recorder.stop()

    return xs.Model({"grid": Grid, "field": Field, "reader": Reader})


@pytest.mark.parametrize("store", [None, {}], ids=["memory", "store"])
def test_no_heavy_library_is_called_in_the_loop(store):
    """From the first run_step to the last finalize_step no function of xarray, zarr, dask or pandas is called."""
    recorder = Recorder()
    model = make_model(recorder, last=9)
    setup = xs.create_setup(
        model,
        {"t": np.arange(11.0), "out": np.arange(0, 11.0, 2)},
        "t",
        input_vars={
            "field__rate": ("t", np.arange(11.0)),
            "field__forcing": (("t", "x"), np.ones((11, 3))),
            "field__height": np.zeros(3),
        },
        output_vars={"field__height": "t", "field__total": "out", "reader__mean": "out"},
    )
    result = setup.xsim.run(model, store=store)

    assert result.field__height.values[:, 0].tolist() == [*np.cumsum(np.arange(10.0)), 45]
    assert {"xsim", __name__.partition(".")[0]} <= recorder.packages
    assert not recorder.packages & {"xarray", "zarr", "dask", "pandas", "distributed", "numcodecs", "asyncio"}
