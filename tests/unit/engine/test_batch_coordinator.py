"""The coordinator's memory does not grow with members, but for their outcomes (DESIGN §B10)."""

import gc
import tracemalloc

import numpy as np
import pytest

import xsim as xs
from xsim.plan.chunks import CHUNK_BYTES

CELLS = 2000
OUTCOME_BYTES = 600
"""What the outcome of a member may take at most in the coordinator, where up to 5,000 of them make a chunk."""


@xs.process
class Field:
    k = xs.variable()
    field = xs.variable(dims="x", intent="out")

    def initialize(self):
        self.field = np.full(CELLS, self.k)


MODEL = xs.Model({"field": Field})


def peak(members, store, **options):
    """Give the peak of memory allocated in this process while a batch runs."""
    setup = xs.create_setup(
        model=MODEL,
        clocks={},
        input_vars={"field__k": ("b", np.random.default_rng(0).random(members))},
        output_vars={"field__field": None},
    )
    gc.collect()
    tracemalloc.start()
    try:
        result = setup.xsim.run(MODEL, batch_dim="b", store=store, **options)
        return tracemalloc.get_traced_memory()[1], result
    finally:
        tracemalloc.stop()


@pytest.mark.slow
@pytest.mark.parametrize(
    "options", [{}, {"parallel": True, "scheduler": "processes", "workers": 2}], ids=["sequential", "processes"]
)
def test_memory_of_the_coordinator(tmp_path, options):
    """3,000 members take no more than 100 do, but for outcomes and a block, which is larger (§S2); values: 48 MB."""
    peak(100, tmp_path / "warm.zarr", **options)
    small, _ = peak(100, tmp_path / "small.zarr", **options)
    large, result = peak(3_000, tmp_path / "large.zarr", **options)
    assert result.field__field.nbytes == 3_000 * CELLS * 8
    assert result.field__field.variable._in_memory is False
    assert large - small < 3_000 * OUTCOME_BYTES + CHUNK_BYTES
    assert (result.xsim_outcome == "done").all()


@xs.process
class Tiny:
    k = xs.variable()
    out = xs.variable(intent="out")

    def initialize(self):
        self.out = float(self.k)


@pytest.mark.slow
def test_memory_of_many_tiny_members(tmp_path):
    """Ten times as many members, in many blocks, take room for the texts of one chunk of outcomes, and no more."""
    model = xs.Model({"tiny": Tiny})

    def highest(members):
        setup = xs.create_setup(
            model=model,
            clocks={},
            input_vars={"tiny__k": ("b", np.arange(members))},
            output_vars={"tiny__out": None},
        )
        gc.collect()
        tracemalloc.start()
        try:
            result = setup.xsim.run(model, batch_dim="b", store=tmp_path / f"{members}.zarr", block=50)
            return tracemalloc.get_traced_memory()[1], result
        finally:
            tracemalloc.stop()

    highest(100)
    few, _ = highest(1_000)
    many, result = highest(10_000)
    assert result.xsim_outcome.variable._in_memory is False
    assert many - few < 5_000 * OUTCOME_BYTES
    assert (result.tiny__out == np.arange(10_000)).all()


@xs.process
class Movie:
    k = xs.variable()
    frame = xs.variable(dims="x", intent="out")

    def run_step(self):
        self.frame = np.random.default_rng(0).random(MEBI // 8)


MEBI = 2**20


def test_memory_of_large_members(tmp_path):
    """A member whose outputs are large is streamed, the first one too: it is not held back as a whole (§B3, §S2)."""
    model = xs.Model({"movie": Movie})
    setup = xs.create_setup(
        model=model,
        clocks={"time": np.arange(65)},
        input_vars={"movie__k": ("b", [1.0, 2.0])},
        output_vars={"movie__frame": "time"},
    )
    tracemalloc.start()
    try:
        result = setup.xsim.run(model, batch_dim="b", store=tmp_path / "out.zarr")
        highest = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert result.movie__frame.nbytes == 2 * 65 * MEBI
    assert highest < 40 * MEBI
