"""What the members of a block save, side by side (DESIGN §B12, §S1, §S6)."""

import numpy as np
import pytest

import xsim as xs
from xsim.errors import OutputError
from xsim.plan.outputs import PlannedOutput
from xsim.sink.block_rows import BlockRows, joined
from xsim.sink.column import Column
from xsim.sink.facts import OutputShape
from xsim.sink.member import LateOutputError, MemberRecorder
from xsim.sink.storage_type import storage_type


@xs.process
class Maker:
    n = xs.variable(default=2, static=True)
    v = xs.variable(dims=[(), "x", ("y", "x")], intent="out")
    late = xs.variable(intent="out")


@pytest.fixture(scope="module")
def plan():
    model = xs.Model({"maker": Maker})
    setup = xs.create_setup(
        model,
        {"t": [0, 1, 2]},
        input_vars={"maker__n": ("b", [1, 2, 3])},
        output_vars={"maker__v": "t", "maker__late": None},
    )
    return setup.xsim.plan(model, batch_dim="b")


def known(first, dtype=None):
    storage = storage_type("maker__v", first, dtype)
    return {"maker__v": OutputShape(storage, np.shape(first), np.shape(first))}


def put_all(put, values):
    try:
        for value in values:
            put(value)
    except OutputError as error:
        return str(error)
    return None


VALUES = {
    "floats": [1.5, 2.5, np.float64(3.5)],
    "some floats": [1.5],
    "float32": [np.float32(1), np.float32(2), 3.5],
    "no floats": [],
    "ints": [1, 2, np.int64(3)],
    "int is the fill value": [1, np.iinfo("int64").min, 2],
    "int beyond floats": [2**60, 1, 2],
    "huge int": [1, 2**63, 2],
    "negative huge int": [1, -(2**63) - 1, 2],
    "floats among ints": [1, 2.0, 3],
    "a fraction among ints": [1, 2.5, 3],
    "ints among floats": [1.0, 2, 3],
    "bool among ints": [1, True, 3],
    "bools": [True, np.False_, np.array(True)],
    "float among bools": [True, 0.5, True],
    "array of floats among bools": [np.array([True, False]), np.array([0.5, 0.5]), np.array([True, False])],
    "complex": [1j, 1, np.complex128(2)],
    "text": ["a", "long text", ""],
    "text with zeros": ["a\0", "b", "c"],
    "bytes": [b"a", b"abc", b""],
    "dates": [np.datetime64("2000-01-01", "ns"), np.datetime64("2000-01-02"), np.datetime64("NaT", "s")],
    "differences": [np.timedelta64(1, "s"), np.timedelta64(1, "ms"), np.timedelta64(2, "s")],
    "0-d arrays": [np.array(1.5), 2.5, np.array(3.5)],
    "arrays": [np.arange(3.0)] * 3,
    "lists": [[1.0, 2.0, 3.0], np.arange(3.0), np.arange(3)],
    "arrays of ints": [np.arange(3), np.arange(3), np.array([np.iinfo("int64").min, 1, 2])],
    "other byte order": [np.arange(3.0), np.arange(3.0).astype(">f8"), np.arange(3.0)],
    "strided": [np.arange(6.0)[::2]] * 3,
    "growing": [np.arange(3.0), np.arange(4.0), np.arange(2.0)],
    "growing ints": [np.arange(3), np.arange(4), np.arange(2)],
    "shrinking": [np.arange(3.0), np.arange(2.0)],
    "dimensions change": [np.arange(3.0), 1.0, np.arange(3.0)],
    "two dimensions": [np.ones((2, 3))] * 2,
    "empty": [np.empty(0)] * 3,
    "uint8": [np.uint8(255), np.uint8(1), 3],
    "objects": [object()],
}


@pytest.mark.parametrize("values", VALUES.values(), ids=VALUES)
@pytest.mark.parametrize("first", [1.5, 1, True, "a", np.arange(3.0), np.arange(3), np.ones((2, 3)), np.float32(1)])
def test_as_a_recorder(plan, first, values):
    """A member's values beside those of others are what a recorder of its own has, errors and all."""
    shapes = known(first)
    recorder, rows = MemberRecorder(plan, shapes), BlockRows(plan, shapes, 3)
    rows.begin(1)
    error = put_all(recorder.puts[0], values)
    assert put_all(rows.puts[0], values) == error
    if error is not None:
        return
    expected, found = recorder.data(), rows.end()

    assert found == {name: (s.own_shape, s.missing, s.ambiguous) for name, s in expected.items()}
    assert rows.said["sizes"] == {name: list(s.own_shape) for name, s in expected.items()}
    assert (rows[0], rows[2]) == (None, None)
    assert list(rows[1]) == list(expected)
    for name, saved in expected.items():
        np.testing.assert_array_equal(rows[1][name].rows, saved.rows, strict=True)
        assert (rows[1][name].missing, rows[1][name].ambiguous) == (saved.missing, saved.ambiguous)
    side_by_side = joined(rows, plan.outputs[0], (3,), shapes["maker__v"].storage)
    apart = joined([None, expected, None], plan.outputs[0], (3,), shapes["maker__v"].storage)
    if apart is None:
        assert side_by_side is None
    else:
        np.testing.assert_array_equal(side_by_side, apart, strict=True)


def test_values_are_copies(plan):
    """What a process does to a value later does not reach what is saved (DESIGN §V4)."""
    rows = BlockRows(plan, known(np.zeros(2)), 1)
    value = np.zeros(2)
    rows.begin(0)
    for _ in range(3):
        rows.puts[0](value)
        value += 1
    rows.end()

    assert rows[0]["maker__v"].rows.tolist() == [[0, 0], [1, 1], [2, 2]]


def test_members_side_by_side(plan):
    """Members have rows of their own; what one has not saved is missing."""
    rows = BlockRows(plan, known(1.5), 3)
    for place, values in enumerate([[1.0, 2.0, 3.0], [], [4.0]]):
        rows.begin(place)
        put_all(rows.puts[0], values)
        rows.end()

    values = joined(rows, plan.outputs[0], (3,), known(1.5)["maker__v"].storage)
    np.testing.assert_array_equal(values, [[1, 2, 3], [np.nan] * 3, [4, np.nan, np.nan]])


def test_dropped_members_leave_nothing(plan):
    """A member that fails, is interrupted or runs again leaves nothing of its values."""
    rows = BlockRows(plan, known(1.5), 2)
    rows.begin(0)
    put_all(rows.puts[0], [1.0, 2.0, 3.0])
    rows.drop(0)
    rows.begin(0)
    put_all(rows.puts[0], [7.0])
    rows.end()
    rows.begin(1)
    put_all(rows.puts[0], [1.0, [2.0], 3.0])
    rows.drop(1)

    assert rows[1] is None
    values = joined(rows, plan.outputs[0], (2,), known(1.5)["maker__v"].storage)
    np.testing.assert_array_equal(values, [[7, np.nan, np.nan], [np.nan] * 3])


def test_members_of_other_shapes(plan):
    """Members with larger or smaller values take their place too."""
    rows = BlockRows(plan, known(np.zeros(2)), 3)
    for place, n in enumerate([2, 3, 1]):
        rows.begin(place)
        put_all(rows.puts[0], [np.full(n, place + 1.0)])
        rows.end()

    values = joined(rows, plan.outputs[0], (3,), known(np.zeros(2))["maker__v"].storage)
    nan = np.nan
    np.testing.assert_array_equal(values[:, 0], [[1, 1, nan], [2, 2, 2], [3, nan, nan]])
    assert np.isnan(values[:, 1:]).all()


def test_members_that_have_run_elsewhere(plan):
    """Values of members that have run already are taken to their place."""
    recorder = MemberRecorder(plan, None)
    put_all(recorder.puts[0], [1.0, 2.0])
    rows = BlockRows(plan, known(1.5), 2)
    rows.take(1, recorder.data())

    assert rows[0] is None
    assert rows[1]["maker__v"].rows.tolist() == [1, 2]
    assert rows[1]["maker__v"].missing
    assert [data is None for data in rows[0:2]] == [True, False]


def test_nothing_saved(plan):
    """An output that no member has saved has no values to write."""
    rows = BlockRows(plan, known(1.5), 2)
    rows.begin(0)
    rows.end()

    assert rows[0] == {}
    assert joined(rows, plan.outputs[0], (2,), known(1.5)["maker__v"].storage) is None


def test_an_output_without_an_array(plan):
    """The first value of an output that nobody has saved before ends the member (DESIGN §S6)."""
    rows = BlockRows(plan, known(1.5), 2)
    rows.begin(0)

    with pytest.raises(LateOutputError) as caught:
        rows.puts[1](7)
    assert caught.value.name == "maker__late"
    assert caught.value.shape.storage.dtype == np.dtype("int64")


def test_sizes_of_the_setup_hold():
    """Values that do not fit the setup are refused, also where the first member had the same size."""
    output = PlannedOutput(("p", "v"), "p__v", None, (), (("x",),), {}, {})
    column = Column(output, OutputShape(storage_type("p__v", np.zeros(2)), (2,), (2,)), 1, {"x": 3})
    column.begin(0)

    with pytest.raises(OutputError, match="does not fit the setup along dimension 'x'"):
        column.put(np.zeros(2))
