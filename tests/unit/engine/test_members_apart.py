"""What a member leaves behind never reaches another one (DESIGN §V6, §V7, §B6)."""

import functools
import gc
import weakref

import numpy as np
import pytest

import xsim as xs

DONE = []


@xs.process
class Source:
    rate = xs.variable()
    cells = xs.variable(dims="x")
    box = xs.any_object()
    level = xs.variable(intent="out")

    def initialize(self):
        assert "seen" not in vars(self)
        assert not hasattr(self, "level")
        assert not hasattr(self, "box")
        self.box = {}
        self.seen = [self.rate]
        self.level = 0.0

    def run_step(self):
        self.seen.append(self.rate)
        self.cells *= 0.0
        self.level += self.table()

    @functools.cache  # noqa: B019 - keyed by the object, which no two members may share
    def table(self):
        return self.rate * 10


@xs.process
class Reader:
    box = xs.foreign(Source, "box")
    level = xs.foreign(Source, "level")
    total = xs.variable(intent="out")

    def initialize(self):
        assert self.box == {}
        self.box["mine"] = self

    def run_step(self):
        self.total = self.level
        self.later = self.total

    def finalize(self):
        assert self.box["mine"] is self
        DONE.append(weakref.ref(self))


@pytest.fixture
def model():
    DONE.clear()
    return xs.Model({"source": Source, "reader": Reader})


def sweep(model, n, **inputs):
    return xs.create_setup(
        model,
        {"t": [0, 1, 2]},
        input_vars={"source__rate": ("batch", np.arange(1.0, n + 1)), "source__cells": ("x", np.ones(3)), **inputs},
        output_vars={"reader__total": None, "source__cells": None},
    )


@pytest.mark.parametrize("on_disk", [False, True])
def test_objects_are_new(model, on_disk, tmp_path):
    """Undeclared attributes, objects, values and what is kept by object belong to one member, in one block too."""
    setup = sweep(model, 7)

    store = tmp_path / "out.zarr" if on_disk else None
    out = setup.xsim.run(model, batch_dim="batch", block=3, store=store)

    np.testing.assert_array_equal(out.reader__total, np.arange(1.0, 8) * 20)
    assert (out.source__cells == 0).all()
    assert (setup.source__cells == 1).all()


def test_objects_go_with_their_member(model):
    """No process object of a member is the one of another, and a sweep keeps none of them."""
    sweep(model, 6).xsim.run(model, batch_dim="batch", block=3)

    objects = [ref() for ref in DONE]
    assert None not in objects  # the cache of `table` has them still
    assert len(set(map(id, objects))) == 6
    del objects
    Source.table.cache_clear()
    gc.collect()
    assert [ref() for ref in DONE] == [None] * 6


@xs.process
class Writer:
    @xs.runtime(args="main_clock_dataarray, batch")
    def initialize(self, clock, batch):
        assert "mine" not in clock.attrs
        assert clock.name == "t"
        clock.attrs["mine"] = batch

    noted = xs.variable(intent="out")

    def run_step(self):
        self.noted = 1


def test_the_labelled_clock_is_a_copy():
    """What a member writes into the DataArray of the clock stays with it."""
    model = xs.Model({"writer": Writer})
    setup = xs.create_setup(model, {"t": [0, 1]}, output_vars={"writer__noted": None})

    out = setup.assign_coords(batch=np.arange(4)).xsim.run(model, batch_dim="batch")

    assert (out.writer__noted == 1).all()
    assert "mine" not in out.t.attrs


def test_hooks_see_the_labelled_clock():
    """Hooks see all values of the context, also those that no stage method asks for (DESIGN §C3)."""
    model = xs.Model({"source": Source, "reader": Reader})
    seen = []

    @xs.runtime_hook("initialize", "model", "pre")
    def look(model, context, state):
        seen.append(context["main_clock_dataarray"].to_numpy().tolist())

    sweep(model, 2).xsim.run(model, batch_dim="batch", hooks=[look])

    assert seen == [[0, 1, 2]] * 2
