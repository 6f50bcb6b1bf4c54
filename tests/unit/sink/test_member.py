"""What one member saves, on its way to the arrays of a batch (DESIGN §B12, §S1)."""

import numpy as np
import pytest

import xsim as xs
from xsim.errors import OutputError
from xsim.sink.facts import OutputShape
from xsim.sink.member import MemberRecorder, SavedOutput, join_members, nbytes_of
from xsim.sink.storage_type import storage_type


@xs.process
class Cells:
    n = xs.variable(default=2, static=True)
    x = xs.index(dims="x")
    size = xs.variable(dims="cell", intent="out")
    count = xs.variable(intent="out")


@pytest.fixture
def plan():
    model = xs.Model({"cells": Cells})
    setup = xs.create_setup(
        model=model,
        clocks={"time": [0, 1, 2]},
        input_vars={"cells__n": ("b", [1, 2])},
        output_vars={"cells__size": "time", "cells__count": None},
    )
    return setup.xsim.plan(model, batch_dim="b")


def saved(rows, **facts):
    rows = np.asarray(rows)
    return SavedOutput(storage_type("v", rows[0]), rows, facts.get("missing", False), facts.get("ambiguous", False))


def test_recorder(plan):
    """A recorder holds copies of all rows of each output, and their type."""
    recorder = MemberRecorder(plan, None)
    x, size, count = recorder.puts
    value = np.array([1.0, 2.0])
    for _ in range(3):
        size(value)
        value += 1
    count(7)
    x(["a", "b"])
    data = recorder.data()
    assert list(data) == ["x", "cells__size", "cells__count"]
    np.testing.assert_array_equal(data["cells__size"].rows, [[1, 2], [2, 3], [3, 4]])
    assert data["cells__size"].own_shape == (2,)
    assert not data["cells__size"].missing
    assert data["cells__count"].rows.tolist() == [7]
    assert data["cells__count"].storage.dtype == np.int64
    assert data["x"].rows.tolist() == [["a", "b"]]


def test_recorder_of_growing_rows(plan):
    """Rows that grow are padded to the largest, and parts of them are missing."""
    recorder = MemberRecorder(plan, None)
    for n in (1, 3, 2):
        recorder.puts[1](np.full(n, float(n)))
    found = recorder.data()["cells__size"]
    np.testing.assert_array_equal(found.rows, [[1, np.nan, np.nan], [3, 3, 3], [2, 2, np.nan]])
    assert found.own_shape == (3,)
    assert found.missing


def test_recorder_of_a_short_run(plan):
    """What was not reached is missing, and an output that was never saved is not there."""
    recorder = MemberRecorder(plan, None)
    recorder.puts[1](np.zeros(2))
    data = recorder.data()
    assert list(data) == ["cells__size"]
    assert data["cells__size"].missing


def test_recorder_of_a_short_run_with_growing_rows(plan):
    """Rows that grew are there although the run ended before its last label."""
    recorder = MemberRecorder(plan, None)
    recorder.puts[1](np.full(1, 1.0))
    recorder.puts[1](np.full(2, 2.0))
    found = recorder.data()["cells__size"]
    np.testing.assert_array_equal(found.rows, [[1, np.nan], [2, 2]])
    assert found.missing


@pytest.mark.parametrize("store", [None, {}], ids=["memory", "zarr"])
def test_single_run_that_ends_early_with_growing_rows(store):
    """So they are in the result of a single run, in memory as in a store."""

    @xs.runtime_hook("run_step", level="model", trigger="post")
    def stop(model, context, state):
        return xs.RuntimeSignal.BREAK if context["step"] == 1 else None

    @xs.process
    class Growing:
        size = xs.variable(dims="cell", intent="out")

        def initialize(self):
            self.size = np.ones(0)

        def run_step(self):
            self.size = np.ones(self.size.size + 1)

    model = xs.Model({"growing": Growing})
    setup = xs.create_setup(model=model, clocks={"time": range(4)}, output_vars={"growing__size": "time"})
    result = setup.xsim.run(model, hooks=[stop], store=store)
    nan = np.nan
    np.testing.assert_array_equal(result.growing__size, [[1, nan], [1, 1], [nan, nan], [nan, nan]])


def test_recorder_with_known_types(plan):
    """Where the type of an output is known, values are held to it (DESIGN §S6)."""
    recorder = MemberRecorder(plan, {"cells__count": OutputShape(storage_type("cells__count", 1), (), ())})
    recorder.puts[2](3.0)
    assert recorder.data()["cells__count"].rows.dtype == np.int64
    recorder = MemberRecorder(plan, {"cells__count": OutputShape(storage_type("cells__count", 1), (), ())})
    with pytest.raises(OutputError) as error:
        recorder.puts[2](3.5)
    assert error.value.problem == "output 'cells__count' is stored as int64, and a value cannot be held exactly"


def test_size_of_a_member():
    """The size of a member is that of its largest output."""
    assert nbytes_of({}) == 0
    assert nbytes_of({"a": saved(np.zeros((3, 2))), "b": saved(np.zeros(3))}) == 48


def test_join():
    """Members lie side by side in the box, those without values are missing."""
    storage = storage_type("v", 1.0)
    members = [saved([[1.0, 2.0], [3.0, 4.0]]), None, saved([[5.0, 6.0], [7.0, 8.0]]), None]
    joined = join_members(members, (2, 2), 2, storage)
    nan = [[np.nan] * 2] * 2
    np.testing.assert_array_equal(joined, [[[[1, 2], [3, 4]], nan], [[[5, 6], [7, 8]], nan]])
    assert joined.dtype == np.float64


def test_join_of_different_sizes():
    """Smaller members and shorter runs are padded."""
    storage = storage_type("v", 1)
    low = np.iinfo(np.int64).min
    joined = join_members([saved([[1]]), saved([[2, 3], [4, 5]])], (2,), 2, storage)
    np.testing.assert_array_equal(joined, [[[1, low], [low, low]], [[2, 3], [4, 5]]])
    assert joined.dtype == np.int64


@pytest.mark.parametrize(
    ("value", "fill"),
    [(True, -1), ("a", ""), (1.0, np.nan), (np.uint8(3), 255), (np.datetime64("2000", "s"), np.datetime64("NaT", "s"))],
)
def test_join_of_nobody(value, fill):
    """Where no member has values all is missing, by the fill value of the type (DESIGN §S1)."""
    joined = join_members([None, None], (2,), 3, storage_type("v", value))
    assert joined.shape == (2, 3)
    np.testing.assert_array_equal(joined, np.full((2, 3), fill, dtype=joined.dtype))
