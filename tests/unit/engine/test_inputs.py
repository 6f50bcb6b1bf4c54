"""How inputs reach processes (API; DESIGN §C2, §V3, §V4)."""

import numpy as np
import pytest
import xarray as xr

import xsim as xs


@pytest.fixture
def run():
    """Give a function that runs one input, and gives its value at each stage and the setup before and after."""

    def run_input(value, dims=(), clocks=True, **variable):
        seen = []

        @xs.process
        class P:
            v = xs.variable(dims=dims, **variable)

            def initialize(self):
                seen.append(("initialize", getattr(self, "v", "none")))

            def run_step(self):
                seen.append(("run_step", self.v))

            def finalize_step(self):
                seen.append(("finalize_step", self.v))

            def finalize(self):
                seen.append(("finalize", self.v))

        model = xs.Model({"p": P})
        xs.create_setup(model, {"t": [0, 1, 2]}, input_vars={"p__v": value}).xsim.run(model)
        return seen

    return run_input


def test_inputs_along_the_clock(run):
    """Step i has the value at label i; there is none at initialize; the last one is unused (API, DESIGN §C2)."""
    assert run(("t", [10, 20, 30])) == [
        ("initialize", "none"),
        *(("run_step", 10), ("finalize_step", 10)),
        *(("run_step", 20), ("finalize_step", 20)),
        ("finalize", 20),
    ]


def test_arrays_along_the_clock(run):
    """Arrays along the clock give each step its own array."""
    seen = run((("t", "x"), np.arange(6).reshape(3, 2)), dims="x")

    assert [value.tolist() for stage, value in seen if stage == "run_step"] == [[0, 1], [2, 3]]


def test_a_whole_series(run):
    """A variable declared along MAIN_CLOCK has all its values at once, also at initialize (API)."""
    seen = run([10, 20, 30], dims=xs.MAIN_CLOCK)

    assert [stage for stage, _ in seen][0::5] == ["initialize", "finalize"]
    assert [value.tolist() for _, value in seen] == [[10, 20, 30]] * 6


@pytest.mark.parametrize("value", [3, 2.5, True, 1j, "text", b"bytes", None, np.datetime64("2000", "s")])
def test_scalars_keep_their_type(run, value):
    """A scalar arrives as what it was."""
    for _, arrived in run(value):
        assert type(arrived) is type(value)
        assert arrived == value


@pytest.mark.parametrize("value", [np.int8(100), np.uint16(3), np.float32(2.5), np.complex64(1j), np.bool_(True)])
def test_small_numbers_arrive_as_pythons_own(run, value):
    """Models compute with Python's numbers, which neither overflow nor round, whatever a file holds (API.md)."""
    for _, arrived in run(value):
        assert type(arrived) is type(value.item())
        assert arrived == value


@pytest.mark.parametrize(
    "value", [[1, 2], [1.5], ["a", "bc"], np.array([1], "int8"), np.array(["2000"], "datetime64[s]")]
)
def test_arrays_keep_their_type(run, value):
    """An array arrives as a numpy array of its type."""
    for _, arrived in run(value, dims="x"):
        np.testing.assert_array_equal(arrived, np.asarray(value), strict=True)


def test_converters_see_each_value(run):
    """A converter turns each value, of each step, into what the process sees."""
    seen = run(("t", [1, 2, 3]), converter=lambda value: f"<{value}>")

    assert [value for stage, value in seen if stage == "run_step"] == ["<1>", "<2>"]


@xs.process
class Writer:
    fixed = xs.variable(dims="x")
    updated = xs.variable(dims="x", intent="inout")
    varying = xs.variable(dims="x")
    series = xs.variable(dims=xs.MAIN_CLOCK)

    def initialize(self):
        self.fixed[:] = -1
        self.series[:] = -1

    def run_step(self):
        self.updated += 1
        self.fixed += 1
        self.varying[:] = -1


WRITER = xs.Model({"writer": Writer})


@pytest.fixture
def setup():
    inputs = {
        "writer__fixed": [1, 2],
        "writer__updated": [1, 2],
        "writer__varying": (("t", "x"), np.arange(6).reshape(3, 2)),
        "writer__series": [1.5, 2.5, 3.5],
    }
    outputs = {"writer__updated": "t", "writer__fixed": "t"}
    return xs.create_setup(WRITER, {"t": [0, 1, 2]}, input_vars=inputs, output_vars=outputs)


@pytest.mark.parametrize("safe_mode", [True, False])
def test_inputs_are_writable_copies(setup, safe_mode):
    """Processes may write into inputs; the setup stays as it is, and a second run gives the same (API)."""
    before = setup.copy(deep=True)
    first = setup.xsim.run(WRITER, safe_mode=safe_mode)
    second = setup.xsim.run(WRITER, safe_mode=safe_mode)

    xr.testing.assert_identical(setup, before)
    xs.testing.assert_identical_runs(first, second)
    assert first.writer__updated.values.tolist() == [[2, 3], [3, 4], [3, 4]]
    assert first.writer__fixed.values.tolist() == [[0, 0], [1, 1], [1, 1]]
    assert first["writer__updated.input"].values.tolist() == [1, 2]
    assert first.writer__varying.values.tolist() == [[0, 1], [2, 3], [4, 5]]


def test_read_only_arrays_are_writable_for_processes(setup):
    """Whether an array of the setup can be written into makes no difference."""
    frozen = setup.copy(deep=True)
    for name in ("writer__fixed", "writer__updated", "writer__varying", "writer__series"):
        frozen[name].values.setflags(write=False)

    xs.testing.assert_identical_runs(frozen.xsim.run(WRITER), setup.xsim.run(WRITER))


def test_inputs_backed_by_dask(setup):
    """Lazy inputs are read, and stay lazy in the setup."""
    lazy = setup.chunk()
    result = lazy.xsim.run(WRITER)

    assert lazy.writer__varying.chunks is not None
    xr.testing.assert_equal(result.writer__updated, setup.xsim.run(WRITER).writer__updated)
