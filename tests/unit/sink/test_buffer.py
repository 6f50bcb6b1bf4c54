"""Values on their way to whole chunks, each written once (DESIGN §S2, §V4)."""

from textwrap import dedent

import numpy as np
import pytest

from xsim.errors import OutputError
from xsim.sink.buffer import OutputBuffer


def filled(output, target, values, sizes=None):
    buffer = OutputBuffer(output, target, sizes or {})
    for value in values:
        buffer.put(value)
    return buffer


def test_each_whole_chunk_is_written_once(planned_output, fake_target):
    """Ten rows in chunks of four are three writes, the last one as soon as there is nothing to wait for."""
    target = fake_target(4)
    buffer = filled(planned_output(10), target, range(9))

    assert target.spans == [(0, 4), (4, 4)]

    buffer.put(9)
    buffer.flush()

    assert target.spans == [(0, 4), (4, 4), (8, 2)]
    np.testing.assert_array_equal(np.concatenate([rows for _, rows in target.writes]), np.arange(10), strict=True)
    assert target.created == [(np.dtype("int64"), 4, ())]


def test_a_last_whole_chunk_needs_no_flush(planned_output, fake_target):
    """Where labels are whole chunks, all is written when the last value comes, and flushing writes nothing more."""
    target = fake_target(3)
    buffer = filled(planned_output(6), target, np.arange(6.0))
    buffer.flush()

    assert target.spans == [(0, 3), (3, 3)]
    assert not buffer.missing


def test_a_chunk_has_no_more_rows_than_labels(planned_output, fake_target):
    """A chunk larger than the clock is one of the clock's size."""
    target = fake_target(1000)
    filled(planned_output(3), target, [1, 2, 3])

    assert target.created == [(np.dtype("int64"), 3, ())]
    assert target.spans == [(0, 3)]


def test_a_flush_in_between_sends_what_there_is(planned_output, fake_target):
    """When a run ends early, the rows collected so far are written and the others are missing (DESIGN §S1)."""
    target = fake_target(4)
    buffer = filled(planned_output(10), target, range(6))
    buffer.flush()

    assert target.spans == [(0, 4), (4, 2)]
    assert buffer.missing


def test_nothing_is_made_before_the_first_value(planned_output, fake_target):
    """Without a value there is no type, no array and nothing to flush (DESIGN §S6)."""
    target = fake_target(2)
    buffer = OutputBuffer(planned_output(4), target, {})
    buffer.flush()

    assert (target.created, target.writes, buffer.type) == ([], [], None)
    assert buffer.missing


def test_an_output_without_clock_is_one_row(planned_output, fake_target):
    """With clock None there is one value, of the shape of the row."""
    target = fake_target(5)
    filled(planned_output(1, dims=(("x",),), clock=None), target, [np.array([1, 2])])

    assert target.spans == [(0, 1)]
    np.testing.assert_array_equal(target.writes[0][1], [[1, 2]])


@pytest.mark.parametrize("value", [np.array([1.0, 2.0]), np.array([True, False]), np.array(["a", "b"], dtype=object)])
def test_a_saved_value_is_a_copy(planned_output, fake_target, value):
    """Changing a value in place after it was saved does not alter the past (DESIGN §V4)."""
    target = fake_target(2)
    before = value.copy()
    buffer = OutputBuffer(planned_output(2, dims=(("x",),)), target, {})
    buffer.put(value)
    value[:] = value[::-1].copy()
    buffer.put(value)

    np.testing.assert_array_equal(target.writes[0][1][0], before)
    np.testing.assert_array_equal(target.writes[0][1][1], before[::-1])


def test_rows_that_grow_keep_what_was_collected(planned_output, fake_target):
    """Rows that grow are padded to the largest, with the fill value (DESIGN §S1)."""
    target = fake_target(3)
    buffer = filled(planned_output(3, dims=(("x",),)), target, [np.arange(n) for n in (1, 3, 2)])
    low = np.iinfo("int64").min

    assert buffer.own_shape == (3,)
    assert buffer.missing
    assert target.created == [(np.dtype("int64"), 3, (3,))]
    np.testing.assert_array_equal(target.writes[0][1], [[0, low, low], [0, 1, 2], [0, 1, low]])


def test_rows_that_shrink_leave_no_old_values(planned_output, fake_target):
    """A smaller row in a later chunk holds the fill value where an earlier row had values."""
    target = fake_target(2)
    values = [np.array([1.0, 2.0]), np.array([3.0, 4.0]), np.array([5.0]), np.empty(0)]
    filled(planned_output(4, dims=(("x",),)), target, values)

    assert target.spans == [(0, 2), (2, 2)]
    np.testing.assert_array_equal(target.writes[1][1], [[5.0, np.nan], [np.nan, np.nan]])


def test_rows_that_shrink_and_grow_back_leave_no_old_values(planned_output, fake_target):
    """The fill value also stands where rows of both sizes alternate over several chunks."""
    target = fake_target(2)
    values = [np.full(n, float(n)) for n in (3, 1, 3, 1, 2, 3)]
    filled(planned_output(6, dims=(("x",),)), target, values)
    rows = np.concatenate([rows for _, rows in target.writes])

    expected = np.full((6, 3), np.nan)
    for i, value in enumerate(values):
        expected[i, : value.size] = value
    np.testing.assert_array_equal(rows, expected)


def test_rows_may_begin_empty(planned_output, fake_target):
    """A row without elements is a row, and later ones may grow."""
    target = fake_target(3)
    filled(planned_output(3, dims=(("x",),)), target, [np.empty(0), np.array([1.0]), np.empty(0)])

    np.testing.assert_array_equal(target.writes[0][1], [[np.nan], [1.0], [np.nan]])


def test_rows_grow_in_all_dimensions(planned_output, fake_target):
    """Each dimension grows on its own."""
    target = fake_target(2)
    buffer = filled(planned_output(2, dims=(("y", "x"),)), target, [np.ones((1, 3)), np.ones((2, 1))])

    assert buffer.own_shape == (2, 3)
    nan = np.nan
    np.testing.assert_array_equal(target.writes[0][1], [[[1, 1, 1], [nan, nan, nan]], [[1, nan, nan], [1, nan, nan]]])


def test_growing_rows_keep_to_the_bytes_of_a_chunk(planned_output, fake_target):
    """When rows grow before the array exists, fewer of them make a chunk; each chunk is still written once."""
    target = fake_target(lambda row_bytes: max(1, 64 // max(1, row_bytes)))
    sizes = (1, 1, 1, 4, 4, 4, 4, 4, 4)
    buffer = filled(planned_output(9, dims=(("x",),)), target, [np.zeros(n) for n in sizes])
    buffer.flush()
    [(_, chunk, _)] = target.created

    assert all(start % chunk == 0 for start, _ in target.spans)
    assert all(rows == chunk for _, rows in target.spans[:-1])
    assert sum(rows for _, rows in target.spans) == 9


@pytest.mark.parametrize("chunk", [1, 3, 7])
def test_memory_is_bounded_by_a_chunk(planned_output, fake_target, chunk):
    """Never more than a chunk of rows is collected, however many there are."""
    target = fake_target(chunk)
    buffer = OutputBuffer(planned_output(20), target, {})
    for i in range(20):
        buffer.put(float(i))
        assert i + 1 - buffer.written < chunk

    assert max(rows.size for _, rows in target.writes) == chunk


def test_another_number_of_dimensions(planned_output, fake_target):
    """A value with another number of dimensions than the first one is refused."""
    buffer = OutputBuffer(planned_output(3, dims=((), ("x",))), fake_target(3), {})
    buffer.put(1.0)
    with pytest.raises(OutputError) as error:
        buffer.put(np.array([1.0, 2.0]))

    assert (
        str(error.value)
        == dedent("""
        output 'p__v' changed its number of dimensions
          got: a value of shape (2,)
          expected: 0 dimension(s), as in the first value saved
          remedy: let the process set the same number of dimensions always
        """).strip()
    )


def test_a_number_of_dimensions_that_is_not_declared(planned_output, fake_target):
    """A value must have one of the declared numbers of dimensions."""
    with pytest.raises(OutputError) as error:
        OutputBuffer(planned_output(3, dims=("x", ("y", "x"))), fake_target(3), {}).put(1.0)

    assert (
        str(error.value)
        == dedent("""
        Output array of 0 dimension(s) for variable 'p__v' doesn't match any of its accepted dimension(s)
          got: 0 dimension(s)
          expected: dims 'x' or ('y', 'x')
          remedy: declare these dims too (a list holds alternatives), or reshape the value
        """).strip()
    )


def test_a_size_other_than_that_of_the_setup(planned_output, fake_target):
    """A dimension that the setup has keeps its size."""
    with pytest.raises(OutputError) as error:
        OutputBuffer(planned_output(3, dims=(("y", "x"),)), fake_target(3), {"x": 4}).put(np.zeros((2, 3)))

    assert (
        str(error.value)
        == dedent("""
        output 'p__v' does not fit the setup along dimension 'x'
          got: a value of shape (2, 3), dims ('y', 'x')
          expected: size 4 along 'x', as in the setup
          remedy: give the dimension another name, or input values of the same size
        """).strip()
    )


@pytest.mark.parametrize("by_lane", [[], [1], [1, 2], [2], [1, 3], [1, 2, 3, 4], [4], [2, 3, 4]])
def test_values_by_the_lane_keep_their_places(planned_output, fake_target, by_lane):
    """Whichever values go by the lane, rows come in the order in which they were given (DESIGN §V4, §S6)."""
    target = fake_target(1000)
    buffer = OutputBuffer(planned_output(5), target, {})
    values = [0.5, -0.0, 1e300, float("inf"), 4.25]
    buffer.put(values[0])
    kind, lane = buffer.lane()
    assert kind is float
    for i, value in enumerate(values[1:], 1):
        (lane if i in by_lane else buffer.put)(value)
    buffer.flush()

    assert target.spans == [(0, 5)]
    assert target.writes[0][1].tobytes() == np.array(values).tobytes()
    assert not buffer.missing


def test_a_run_that_ends_early_keeps_what_came_by_the_lane(planned_output, fake_target):
    """What is in the lane when a run ends is written (DESIGN §B6)."""
    target = fake_target(1000)
    buffer = OutputBuffer(planned_output(9), target, {})
    buffer.put(np.float64(1.0))
    kind, lane = buffer.lane()
    lane(np.float64(2.0))
    buffer.flush()
    lane(np.float64(3.0))
    buffer.flush()

    assert kind is np.float64
    assert [(start, rows.tolist()) for start, rows in target.writes] == [(0, [1.0, 2.0]), (2, [3.0])]
    assert buffer.missing


@pytest.mark.parametrize(
    ("first", "chunk", "encoding"),
    [
        (1, 1000, {}),
        (np.float32(1), 1000, {}),
        (True, 1000, {}),
        (np.zeros(2), 1000, {}),
        ("a", 1000, {}),
        (1.0, 2, {}),
        (1.0, 1000, {"dtype": "float32"}),
    ],
)
def test_what_has_no_lane(planned_output, fake_target, first, chunk, encoding):
    """Values that may need a look, and buffers that are written before the last label, have none."""
    buffer = OutputBuffer(planned_output(5, dims=((), ("x",)), encoding=encoding), fake_target(chunk), {})
    assert buffer.lane() is None
    buffer.put(first)
    assert buffer.lane() is None
