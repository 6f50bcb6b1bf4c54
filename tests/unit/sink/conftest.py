"""What the tests of sinks share: a model that plays values, a target that counts writes."""

import numpy as np
import pytest

import xsim as xs
from xsim.plan.outputs import PlannedOutput


def play(values, dims=(), encoding=None, attrs=None, fail_at=None, error=None):
    """Make a model and a setup in which `p__v` has `values[i]` at label i, and fails in a step if asked to."""

    @xs.process
    class Player:
        v = xs.variable(dims=dims, intent="out", encoding=encoding, attrs=attrs)

        def initialize(self):
            self.v = values[0]

        @xs.runtime(args="step")
        def run_step(self, step):
            if step == fail_at:
                raise error
            self.v = values[step]

        @xs.runtime(args="step")
        def finalize_step(self, step):
            self.v = values[step + 1]

    model = xs.Model({"p": Player})
    return model, xs.create_setup(model, {"t": np.arange(len(values))}, "t", output_vars={"p__v": "t"})


@pytest.fixture
def run_values():
    """Give a function that runs a model whose output `p__v` has the given value at each label."""

    def run(values, dims=(), *, declared=None, attrs=None, fail_at=None, error=None, encoding=None, **options):
        model, setup = play(values, dims, declared, attrs, fail_at, error)
        if encoding is not None:
            options["encoding"] = {"p__v": encoding}
        return setup.xsim.run(model, **options)

    return run


@pytest.fixture
def planned_output():
    """Give a function that makes the plan of an output `p__v`."""

    def make(nlabels, dims=((),), clock="t", encoding=None):
        positions = np.arange(0 if clock is None else nlabels)
        return PlannedOutput(("p", "v"), "p__v", clock, positions, tuple(dims), {}, encoding or {})

    return make


class FakeTarget:
    """A target that remembers how it was made and each write."""

    def __init__(self, chunk_rows):
        self.chunk_rows = chunk_rows
        self.created = []
        self.writes = []

    def rows_per_chunk(self, row_bytes):
        return self.chunk_rows(row_bytes) if callable(self.chunk_rows) else self.chunk_rows

    def create(self, storage, rows, own_shape):
        self.created.append((storage.stored, rows, own_shape))

    def write(self, start, rows):
        self.writes.append((start, rows.copy()))

    @property
    def spans(self):
        """Position and number of rows of each write."""
        return [(start, len(rows)) for start, rows in self.writes]


@pytest.fixture
def fake_target():
    """Give the class of targets that remember what was written."""
    return FakeTarget
