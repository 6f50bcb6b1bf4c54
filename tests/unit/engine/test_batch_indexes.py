"""Index variables of a batch: one coordinate where all members agree, else one with the batch dims (DESIGN §B13)."""

import numpy as np
import pytest
import xarray as xr

import xsim as xs

SCHEDULERS = {
    "sequential": {},
    "threads": {"parallel": True, "workers": 3},
    "processes": {"parallel": True, "scheduler": "processes", "workers": 2},
}
cases = pytest.mark.parametrize(
    ("where", "how", "block"),
    [
        ("memory", "sequential", None),
        ("memory", "threads", 1),
        ("memory", "processes", 2),
        ("zarr", "sequential", 1),
        ("zarr", "threads", 2),
        ("zarr", "processes", 1),
        ("zarr", "sequential", None),
    ],
)


@xs.process
class Grid:
    n = xs.variable(static=True)
    step = xs.variable(default=1)
    kind = xs.variable(default="int")
    fails = xs.variable(default=False)
    x = xs.index(dims="x", description="place", attrs={"units": "m"})
    field = xs.variable(dims="x", intent="out")

    def initialize(self):
        places = np.arange(self.n) * self.step
        self.x = {
            "int": places,
            "float": places / 3,
            "text": [f"p{i}" for i in places],
            "date": np.datetime64("2001-01-01", "ns") + places.astype("timedelta64[D]"),
        }[self.kind]
        self.field = np.ones(self.n)
        if self.fails:
            raise ValueError("no grid")


MODEL = xs.Model({"grid": Grid})


@pytest.fixture
def run(tmp_path):
    """Run a batch of grids."""

    def run(where, how, block, batch_dim="b", **inputs):
        setup = xs.create_setup(
            model=MODEL,
            clocks={"time": [0, 1]},
            input_vars={f"grid__{name}": value for name, value in inputs.items()},
            output_vars={"grid__field": "time"},
        )
        store = tmp_path / "out.zarr" if where == "zarr" else None
        options = {"block": block, "store": store, "on_error": "continue", **SCHEDULERS[how]}
        return setup.xsim.run(MODEL, batch_dim=batch_dim, **options)

    return run


@cases
@pytest.mark.parametrize("kind", ["int", "float", "text", "date"])
def test_equal_in_all_members(run, where, how, block, kind):
    """An index that is equal in all members is a 1-d coordinate with its index, of its own type."""
    if how == "processes" and kind != "text":
        how = "threads"
    result = run(where, how, block, n=("b", [3, 3, 3, 3]), kind=kind)
    alone = run("memory", "sequential", None, n=("b", [3]), kind=kind)
    assert result.x.dims == ("x",)
    assert "x" in result.indexes
    xr.testing.assert_identical(result.x.load().variable, alone.x.variable)
    assert result.x.attrs == {"description": "place", "units": "m"}
    assert result.grid__field.sel(x=result.x[1]).shape == (4, 2)


@cases
def test_different_values(run, where, how, block):
    """An index that differs keeps each member's values, with the batch dims in front."""
    result = run(where, how, block, n=2, step=("b", [1, 10, 1, 100])).load()
    assert result.x.dims == ("b", "x")
    assert "x" in result.coords
    assert "x" not in result.indexes
    assert result.x.values.tolist() == [[0, 1], [0, 10], [0, 1], [0, 100]]
    assert result.x.dtype == np.int64
    assert result.x.attrs["units"] == "m"


@cases
def test_different_sizes(run, where, how, block):
    """Where sizes differ the smaller ones are padded as missing, like the outputs along them."""
    result = run(where, how, block, n=("b", [2, 3, 0, 1])).load()
    nan = np.nan
    expected = [[0, 1, nan], [0, 1, 2], [nan] * 3, [0, nan, nan]]
    assert result.x.dims == ("b", "x")
    np.testing.assert_array_equal(result.x, expected)
    np.testing.assert_array_equal(np.isfinite(result.grid__field[:, 1]), np.isfinite(expected))


@pytest.mark.parametrize("where", ["memory", "zarr"])
def test_padding_of_text(run, where):
    """Text is padded with '' (DESIGN §S1)."""
    result = run(where, "sequential", 2, n=("b", [1, 2]), kind="text").load()
    assert result.x.values.tolist() == [["p0", ""], ["p0", "p1"]]


@pytest.mark.parametrize("where", ["memory", "zarr"])
def test_several_batch_dims(run, where):
    """All batch dims are in front, in their order."""
    result = run(where, "sequential", 2, ["a", "b"], n=2, step=("b", [1, 2, 3]), kind=("a", ["int", "int"])).load()
    assert result.x.dims == ("a", "b", "x")
    assert result.x.values.tolist() == [[[0, 1], [0, 2], [0, 3]]] * 2


@cases
def test_failed_members_have_no_say(run, where, how, block):
    """Members that failed have no index: those that are done decide whether it is equal."""
    with pytest.warns(xs.BatchWarning):
        result = run(where, how, block, n=2, step=("b", [5, 1, 1, 7]), fails=("b", [True, False, False, True])).load()
    assert result.x.dims == ("x",)
    assert result.x.values.tolist() == [0, 1]
    assert result.x.dtype == np.int64


@pytest.mark.parametrize("where", ["memory", "zarr"])
def test_failed_members_among_different_ones(run, where):
    """Where the others differ, the row of a failed member is missing."""
    with pytest.warns(xs.BatchWarning):
        result = run(where, "sequential", 2, n=2, step=("b", [1, 2, 3]), fails=("b", [False, True, False])).load()
    np.testing.assert_array_equal(result.x, [[0, 1], [np.nan] * 2, [0, 3]])


@pytest.mark.parametrize("where", ["memory", "zarr"])
@pytest.mark.parametrize("place", [0, 1])
def test_a_member_that_fails_at_its_end(run, where, place):
    """A member that fails in finalize has saved its index already; it counts no more for that (DESIGN §B6)."""

    @xs.process
    class Late(Grid):
        def finalize(self):
            if self.n == 5:
                raise ValueError("too late")

    model = xs.Model({"grid": Late})
    n = [2, 2, 2]
    n[place] = 5
    setup = xs.create_setup(
        model=model,
        clocks={"time": [0, 1]},
        input_vars={"grid__n": ("b", n)},
        output_vars={"grid__field": "time"},
    )
    with pytest.warns(xs.BatchWarning):
        result = setup.xsim.run(
            model, batch_dim="b", store={} if where == "zarr" else None, on_error="continue", block=1
        )
    assert result.x.values.tolist() == [0, 1]
    assert result.grid__field.shape == (3, 2, 2)


def test_the_index_of_a_result_is_left_out():
    """A batch's result is a setup again; its index coordinates are made anew (DESIGN §S5)."""
    setup = xs.create_setup(
        model=MODEL,
        clocks={"time": [0, 1]},
        input_vars={"grid__n": ("b", [1, 2])},
        output_vars={"grid__field": "time"},
    )
    result = setup.xsim.run(MODEL, batch_dim="b", seed=1)
    changed = result.xsim.update_vars(MODEL, input_vars={"grid__n": ("b", [3, 3])})
    assert changed.xsim.run(MODEL, batch_dim="b").x.values.tolist() == [0, 1, 2]
