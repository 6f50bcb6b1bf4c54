"""No value passes a buffer unchecked, whatever short cut it takes (DESIGN §S1, §S6)."""

import numpy as np
import pytest

from xsim.errors import OutputError
from xsim.sink.buffer import OutputBuffer

LOW = np.iinfo("int64").min


def put_all(output, target, values):
    buffer = OutputBuffer(output, target, {})
    for value in values:
        buffer.put(value)
    buffer.flush()
    return buffer


@pytest.mark.parametrize("element", [None, 3, 1.5, b"a"])
def test_objects_among_later_text_are_refused(planned_output, fake_target, element):
    """An object array that is not all text is refused also after one that is (DESIGN §S6)."""
    values = [np.array(["a", "b"], dtype=object), np.array(["a", element], dtype=object)]
    with pytest.raises(OutputError):
        put_all(planned_output(2, dims=(("x",),)), fake_target(2), values)


@pytest.mark.parametrize("later", [np.array([5], "int8"), np.array([1], "int8"), np.array([-1], "int8")])
def test_int8_is_no_bool(planned_output, fake_target, later):
    """Bools are stored as int8, yet an output of bools takes no int8 (DESIGN §S6)."""
    with pytest.raises(OutputError):
        put_all(planned_output(2, dims=(("x",),)), fake_target(2), [np.array([True]), later])


@pytest.mark.parametrize(
    ("first", "later"),
    [
        (1.5, 2),
        (np.float32(1.5), np.float64(2.5)),
        (np.int16(1), 7),
        (1, np.int16(7)),
        (1, 7.0),
        (np.float64(1.5), 2.5),
        (True, np.True_),
        ("a", np.str_("b")),
    ],
)
def test_scalars_of_several_classes_mix(planned_output, fake_target, first, later):
    """Python's and numpy's scalars mix where the type of the first one holds the others."""
    target = fake_target(3)
    buffer = put_all(planned_output(3), target, [first, later, first])
    rows = target.writes[0][1]

    assert rows.dtype == buffer.type.stored
    assert rows.tolist() == [first, later, first]


@pytest.mark.parametrize(
    "values",
    [
        [1, 2**70],
        [np.float32(1), 0.1],
        [1, 2, 1.5],
        ["a", 1],
        [b"a", b"abc"],
        [np.datetime64(1, "s"), np.datetime64(1, "ms")],
        [np.timedelta64(1, "s"), np.timedelta64(1, "ms")],
        [np.int8(1), np.int16(300)],
        [True, 2],
        [1.5, "a"],
    ],
)
def test_scalars_that_do_not_fit_are_refused(planned_output, fake_target, values):
    """A later scalar that the type of the first one cannot hold is refused, not cast."""
    with pytest.raises(OutputError):
        put_all(planned_output(len(values)), fake_target(len(values)), values)


def test_a_type_given_holds_for_every_value(planned_output, fake_target):
    """With float32 given, Python floats, float64 and ints are all cast to it."""
    target = fake_target(4)
    put_all(planned_output(4, encoding={"dtype": "float32"}), target, [0.1, np.float64(0.1), 1, np.float32(0.1)])

    np.testing.assert_array_equal(target.writes[0][1], np.array([0.1, 0.1, 1, 0.1], "float32"), strict=True)


def test_overflow_of_a_type_given_is_refused_for_later_values(planned_output, fake_target):
    """With int32 given, a later int64 beyond it is refused."""
    with pytest.raises(OutputError):
        put_all(planned_output(2, encoding={"dtype": "int32"}), fake_target(2), [1, 2**40])


@pytest.mark.parametrize(
    ("values", "ambiguous"),
    [
        # Rows of one size: nothing is padded inside of them.
        ([np.array([1, 2]), np.array([3, 4])], False),
        ([np.array([1, LOW]), np.array([3, 4])], True),
        ([np.array([1, 2**53 + 1]), np.array([3, 4])], True),
        ([np.array([1, 2**53]), np.array([-(2**53), 4])], False),
        # Rows that grow: the padding is not a value, but a later row of full size may hold the fill value.
        ([np.array([1]), np.array([1, 2]), np.array([3, 4])], False),
        ([np.array([LOW]), np.array([1, 2]), np.array([3, 4])], True),
        ([np.array([1]), np.array([LOW, 2]), np.array([3, 4])], True),
        ([np.array([1]), np.array([1, 2]), np.array([LOW, 4])], True),
        ([np.array([1]), np.array([1, 2]), np.array([2**60 + 1, 4])], True),
        ([np.array([1]), np.array([1, 2]), np.array([LOW])], True),
        ([np.array([1, 2]), np.array([1]), np.array([LOW, 2])], True),
        ([np.array([1, 2]), np.empty(0, int), np.array([3, 2])], False),
    ],
)
@pytest.mark.parametrize("chunk", [1, 2, 4])
def test_integers_that_took_the_fill_value_are_noticed(planned_output, fake_target, values, ambiguous, chunk):
    """Whether an integer took the fill value, or exceeds 2⁵³, is noticed in every row (DESIGN §S1)."""
    buffer = put_all(planned_output(len(values), dims=(("x",),)), fake_target(chunk), values)

    assert buffer.ambiguous is ambiguous


@pytest.mark.parametrize(
    ("values", "ambiguous"),
    [
        ([np.array([0], "uint8"), np.array([0, 3], "uint8")], False),
        ([np.array([255], "uint8"), np.array([0, 3], "uint8")], True),
        ([np.array([-128], "int8"), np.array([0, 3], "int8")], True),
        ([np.array([2**64 - 2], "uint64"), np.array([0, 3], "uint64")], True),
    ],
)
def test_each_integer_type_has_its_own_fill_value(planned_output, fake_target, values, ambiguous):
    """The fill value is the minimum of signed and the maximum of unsigned types (DESIGN §S1)."""
    buffer = put_all(planned_output(2, dims=(("x",),)), fake_target(2), values)

    assert buffer.ambiguous is ambiguous


@pytest.mark.parametrize(
    "first, later",
    [
        (np.array([True, False]), np.array([0.5, 0.0])),
        (np.array(["a", "b"]), np.array([0.5, 0.0])),
        (np.array(True), np.array(0.5)),
    ],
    ids=["bools", "text", "one bool"],
)
def test_floats_after_what_is_no_number_are_refused(planned_output, fake_target, first, later):
    """An array of float64 gets the same look as any other where the output has another type (DESIGN §S6)."""
    buffer = OutputBuffer(planned_output(3, dims=(("x",), ())), fake_target(3), {})
    buffer.put(first)

    with pytest.raises(OutputError, match="a value is of another kind"):
        buffer.put(later)


def test_floats_after_integers_of_other_sizes_are_refused(planned_output, fake_target):
    """So it does where integers have had several shapes, and are looked at for the fill value (DESIGN §S1)."""
    buffer = OutputBuffer(planned_output(3, dims=(("x",),)), fake_target(3), {})
    buffer.put(np.arange(2))
    buffer.put(np.arange(1))

    with pytest.raises(OutputError, match="a value cannot be held exactly"):
        buffer.put(np.array([0.5, 0.0]))


def test_a_first_number_in_an_array_without_dimensions(planned_output, fake_target):
    """A 0-d array may come first, and numbers after it."""
    target = fake_target(3)
    buffer = OutputBuffer(planned_output(3), target, {})
    for value in [np.array(0.5), 1.5, np.array(2.5)]:
        buffer.put(value)

    np.testing.assert_array_equal(target.writes[0][1], [0.5, 1.5, 2.5], strict=True)


def test_python_integers_that_do_not_fit_are_refused(planned_output, fake_target):
    """Python's integers are as large as they like; those of the output are not."""
    buffer = OutputBuffer(planned_output(3), fake_target(3), {})
    buffer.put(1)

    with pytest.raises(OutputError, match="a value cannot be held exactly"):
        buffer.put(2**63)


@pytest.mark.parametrize("dtype", ["<f8", ">f8", "<i8", ">i8"])
def test_numbers_in_any_byte_order(planned_output, fake_target, dtype):
    """Types may come from a file, with their byte order spelled out."""
    target = fake_target(2)
    given = np.dtype(dtype).newbyteorder(dtype[0])
    put_all(planned_output(2, encoding={"dtype": given}), target, [1.0, 2.0] if given.kind == "f" else [1, 2])

    assert target.writes[0][1].tolist() == [1, 2]
