"""What is missing, and how a result says so (DESIGN §S1)."""

import numpy as np
import pytest
import xarray as xr

NOTE = (
    "missing values hold {}; they are not masked, since the data contain that value, or integers that a float cannot "
    "hold"
)
LOW = np.iinfo("int64").min


@pytest.fixture(params=["memory", "store", "plain xarray"])
def grown(request, run_values):
    """Give a function that saves rows of several sizes and reads them back, in three ways."""

    def save_and_read(values, encoding=None):
        if request.param == "memory":
            return run_values(values, "x", encoding=encoding).p__v
        store = {}
        result = run_values(values, "x", encoding=encoding, store=store).p__v
        return result if request.param == "store" else xr.open_zarr(store).p__v

    return save_and_read


def test_integers_with_missing_parts_are_masked(grown):
    """Integers of which a part is missing read as floats with NaN there."""
    result = grown([np.array([0, 1]), np.array([2])])

    np.testing.assert_array_equal(result.to_numpy(), np.array([[0.0, 1.0], [2.0, np.nan]]), strict=True)
    assert "xsim_missing" not in result.attrs


def test_bools_with_missing_parts_are_masked(grown):
    """Bools of which a part is missing read as 1, 0 and NaN."""
    result = grown([np.array([True, False]), np.array([True])])

    assert result.dtype.kind == "f"
    np.testing.assert_array_equal(result.to_numpy(), [[1, 0], [1, np.nan]])


def test_floats_with_missing_parts(grown):
    """Floats keep their type, with NaN where a part is missing."""
    result = grown([np.array([0, 1], "float32"), np.array([2], "float32")])

    np.testing.assert_array_equal(result.to_numpy(), np.array([[0, 1], [2, np.nan]], "float32"), strict=True)


def test_dates_with_missing_parts(grown):
    """Dates and time differences have NaT where a part is missing."""
    for kind in ("datetime64[s]", "timedelta64[ms]"):
        result = grown([np.array([0, 1], kind), np.array([2], kind)])

        np.testing.assert_array_equal(result.to_numpy(), np.array([[0, 1], [2, "NaT"]], kind), strict=True)


def test_text_with_missing_parts(grown):
    """Text keeps '' where a part is missing."""
    result = grown([np.array(["a", "b"]), np.array(["c"])])

    assert result.to_numpy().tolist() == [["a", "b"], ["c", ""]]


@pytest.mark.parametrize("value", [LOW, 2**53 + 1, -(2**53) - 1])
@pytest.mark.parametrize("position", [0, 1, 2])
def test_ambiguous_integers_stay_integers(grown, value, position):
    """Integers among which is the fill value, or one beyond 2⁵³, are not masked, and an attribute says so."""
    values = [np.array([1, 2]), np.array([3]), np.array([4, 5])]
    values[position][0] = value
    result = grown(values)
    expected = np.array([[1, 2], [3, LOW], [4, 5]])
    expected[position, 0] = value

    np.testing.assert_array_equal(result.to_numpy(), expected, strict=True)
    assert result.attrs["xsim_missing"] == NOTE.format(LOW)


def test_ambiguous_unsigned_integers(grown):
    """The fill value of unsigned integers is their maximum."""
    result = grown([np.array([255, 2], "uint8"), np.array([3], "uint8")])

    np.testing.assert_array_equal(result.to_numpy(), np.array([[255, 2], [3, 255]], "uint8"), strict=True)
    assert result.attrs["xsim_missing"] == NOTE.format(255)


@pytest.mark.parametrize("values", [[LOW, 1], [2**63 - 1, 0], [np.uint8(255), np.uint8(0)]])
def test_a_complete_result_keeps_every_type(run_values, values):
    """Where nothing is missing, no integer is masked, whatever its value."""
    for store in (None, {}):
        result = run_values(values, store=store).p__v

        np.testing.assert_array_equal(result.to_numpy(), np.array(values), strict=True)
        assert "xsim_missing" not in result.attrs


@pytest.mark.parametrize(
    ("values", "fill", "expected"),
    [
        ([1, -9, 3], -9, [1.0, np.nan, 3.0]),
        ([1.0, 0.0, 3.0], 0, [1.0, np.nan, 3.0]),
        ([np.float32(1), np.float32(-1)], -1, np.array([1, np.nan], "float32")),
        ([1j, -1 + 0j], -1, np.array([1j, complex("nan")])),
    ],
)
def test_a_fill_value_given_masks(run_values, values, fill, expected):
    """A fill value of the user is masked wherever it occurs, as xarray does."""
    for store in (None, {}):
        result = run_values(values, encoding={"fill_value": fill}, store=store).p__v.to_numpy()

        np.testing.assert_array_equal(np.isnan(result), np.isnan(expected))
        np.testing.assert_array_equal(result[~np.isnan(result)], np.asarray(expected)[~np.isnan(expected)])


def test_a_fill_value_given_stands_where_rows_are_missing(grown):
    """Missing parts hold the fill value of the user, and are masked."""
    result = grown([np.array([0, 1]), np.array([2])], encoding={"fill_value": -9})

    np.testing.assert_array_equal(result.to_numpy(), np.array([[0.0, 1.0], [2.0, np.nan]]), strict=True)
    assert "xsim_missing" not in result.attrs


def test_nat_as_text_is_a_fill_value_of_dates(grown):
    """Dates take `fill_value="NaT"`, as published models write it."""
    result = grown([np.array([0, 1], "datetime64[s]"), np.array([2], "datetime64[s]")], encoding={"fill_value": "NaT"})

    np.testing.assert_array_equal(result.to_numpy(), np.array([[0, 1], [2, "NaT"]], "datetime64[s]"), strict=True)


def test_outputs_along_one_dimension_are_padded_to_one_size(run_values):
    """Outputs that share a dimension share its size; see also the dataset as a whole."""
    import xsim as xs

    @xs.process
    class Grow:
        x = xs.index("x")
        a = xs.variable(dims="x", intent="out")
        b = xs.variable(dims="x", intent="out")

        @xs.runtime(args="step")
        def run_step(self, step):
            self.x = np.arange(step + 1)
            self.a = np.arange(step + 1)
            self.b = np.zeros(1)

    model = xs.Model({"p": Grow})
    setup = xs.create_setup(model, {"t": [0, 1, 2, 3]}, "t", output_vars={"p__a": "t", "p__b": "t"})
    for store in (None, {}):
        result = setup.xsim.run(model, store=store)

        assert dict(result.sizes) == {"t": 4, "x": 3}
        assert result.x.values.tolist() == [0, 1, 2]
        assert result.p__b.values[:, 0].tolist() == [0, 0, 0, 0]
        assert np.isnan(result.p__b.values[:, 1:]).all()
