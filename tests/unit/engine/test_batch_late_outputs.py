"""Outputs that members save for the first time when the arrays of others have long been made (DESIGN §S6, §B5)."""

import numpy as np
import pytest
import xarray as xr

import xsim as xs

NEVER = 10**6
WAYS = {
    "sequential": {},
    "threads": {"parallel": True, "workers": 2},
    "threads, single": {"parallel": True, "workers": 2, "block": 1},
    "processes": {"parallel": True, "workers": 2, "scheduler": "processes"},
}


@xs.process
class Late:
    """Ends before the label of its outputs, unless `stops` says otherwise."""

    stops = xs.variable()
    number = xs.variable()
    fails = xs.variable(default=NEVER)
    early = xs.variable(intent="out")
    value = xs.variable(intent="out")
    field = xs.variable(dims="x", intent="out")

    def initialize(self):
        self.early = float(self.number)

    @xs.runtime(args="step")
    def run_step(self, step):
        if self.fails == step:
            raise ValueError("as told")
        # An int in some members, a float in others.
        self.value = int(self.number) if self.number % 2 == 0 else self.number + 0.5
        self.field = np.arange(self.number % 3 + 1.0)


@xs.runtime_hook("run_step", level="model", trigger="post")
def stop(model, context, state):
    return xs.RuntimeSignal.BREAK if state["late", "stops"] == context["step"] else None


MODEL = xs.Model({"late": Late})
CLOCKS = {"time": range(5), "second": [2], "last": [4]}


def setup_of(stops, outputs=("value",), clock="last", dims="m", **inputs):
    stops = np.asarray(stops)
    values = {"stops": (dims, stops), "number": (dims, np.arange(stops.size).reshape(stops.shape)), **inputs}
    return xs.create_setup(
        model=MODEL,
        clocks=CLOCKS,
        main_clock="time",
        input_vars={"late": values},
        output_vars={"late": {"early": "time"} | dict.fromkeys(outputs, clock)},
    )


def run(setup, way, store=None, batch_dim="m", **options):
    with pytest.warns(xs.BatchWarning) if options.pop("fails", False) else _nothing():
        options = {"on_error": "continue", **WAYS[way], **options}
        return setup.xsim.run(MODEL, batch_dim=batch_dim, hooks=[stop], store=store, **options)


class _nothing:
    def __enter__(self):
        return None

    def __exit__(self, *exception):
        return None


@pytest.mark.parametrize("stored", [False, True])
@pytest.mark.parametrize("way", WAYS)
def test_an_output_that_a_late_member_saves_first(way, stored, tmp_path):
    """Whenever a member saves an output first, its values and those of all others are there (DESIGN §O3)."""
    stops = np.zeros(150, dtype=int)
    stops[[130, 140]] = NEVER
    result = run(setup_of(stops, ("value", "field")), way, tmp_path / "out.zarr" if stored else None)
    assert (result.xsim_outcome == "done").all()
    np.testing.assert_array_equal(np.flatnonzero(result.late__value.notnull().any("last")), [130, 140])
    np.testing.assert_array_equal(result.late__value[[130, 140], 0], [130, 140])
    np.testing.assert_array_equal(result.late__field[130, 0], [0.0, 1.0, np.nan])
    np.testing.assert_array_equal(result.late__field[140, 0], [0.0, 1.0, 2.0])
    np.testing.assert_array_equal(result.late__early[:, 0], np.arange(150.0))
    if stored:
        opened = xr.open_zarr(tmp_path / "out.zarr", consolidated=True)
        np.testing.assert_array_equal(opened.late__value, result.late__value)


@pytest.mark.parametrize("way", WAYS)
def test_the_lowest_member_decides_the_type(way):
    """The type is that of the lowest position that saves the output, whatever ends first (DESIGN §S6)."""
    stops = np.zeros(60, dtype=int)
    stops[[40, 41, 42]] = NEVER  # an int, a float that is no int, an int
    result = run(setup_of(stops), way, fails=True)
    np.testing.assert_array_equal(np.flatnonzero(result.xsim_outcome == "failed"), [41])
    assert "a value cannot be held exactly" in result.xsim_reason.values[41]
    stops[40] = 0
    result = run(setup_of(stops), way)
    np.testing.assert_array_equal(result.late__value[[41, 42], 0], [41.5, 42.0])


@pytest.mark.parametrize("way", ["sequential", "threads"])
def test_the_lowest_member_decides_in_boxes_too(way):
    """A box of members may hold some above those of the next box; these are asked before the type is decided."""
    stops = np.zeros((8, 6), dtype=int)
    stops[1, 2] = NEVER  # number 8 (an int) in the third box
    stops[1, 1] = NEVER  # number 7 (a float) in the second
    stops[2, 0] = NEVER  # number 12 in a box of its own
    setup = setup_of(stops, dims=("a", "b"))
    result = run(setup, way, batch_dim=["a", "b"], encoding={"late__early": {"chunks": (2, 1)}})
    assert (result.xsim_outcome == "done").all()
    assert [float(result.late__value[i, j, 0]) for i, j in ((1, 1), (1, 2), (2, 0))] == [7.5, 8.0, 12.0]
    stops[1, 1] = 0
    stops[0, 2] = stops[2, 3] = NEVER  # numbers 2 and 15: an int decides
    setup = setup_of(stops, dims=("a", "b"))
    result = run(setup, way, batch_dim=["a", "b"], encoding={"late__early": {"chunks": (2, 1)}}, fails=True)
    np.testing.assert_array_equal(np.argwhere(result.xsim_outcome.values == "failed"), [[2, 3]])


@pytest.mark.parametrize("stored", [False, True])
@pytest.mark.parametrize("way", WAYS)
def test_the_first_to_save_may_fail(way, stored, tmp_path):
    """A member that saves an output first and then fails leaves nothing but the type."""
    stops = np.zeros(30, dtype=int)
    stops[[20, 26]] = NEVER
    fails = np.full(30, NEVER)
    fails[20] = 3
    setup = setup_of(stops, ("value", "field"), clock="second", fails=("m", fails))
    result = run(setup, way, tmp_path / "out.zarr" if stored else None, fails=True)
    np.testing.assert_array_equal(np.flatnonzero(result.xsim_outcome == "failed"), [20])
    assert result.xsim_reason.values[20] == "ValueError: as told"
    np.testing.assert_array_equal(np.flatnonzero(result.late__value.notnull().any("second")), [26])
    np.testing.assert_array_equal(np.flatnonzero(result.late__field.notnull().any(["second", "x"])), [26])


@pytest.mark.parametrize("way", WAYS)
def test_nothing_new_starts_after_too_many_failures(way):
    """A member that is to run again stays pending when nothing new is to start."""
    stops = np.zeros(30, dtype=int)
    stops[20] = NEVER
    fails = np.full(30, NEVER)
    fails[19] = 0
    setup = setup_of(stops, fails=("m", fails))
    result = run(setup, way, fails=True, block=5, max_failures=1)
    assert result.xsim_outcome.values[18:22].tolist() == ["done", "failed", "pending", "pending"] or (
        WAYS[way] and result.xsim_outcome.values[19] == "failed"
    )
    assert result.late__early[:, 0].notnull().values.tolist() == (result.xsim_outcome == "done").values.tolist()


@pytest.mark.parametrize("stored", [False, True])
@pytest.mark.parametrize("way", WAYS)
def test_an_index_that_some_members_lack(way, stored, tmp_path):
    """An index that a member has not set, since it ended before, is that of all who have it (DESIGN §B13, §O8)."""

    @xs.process
    class Grid:
        ends = xs.variable()
        x = xs.index(dims="x")

        def initialize(self):
            if self.ends:
                return xs.stop("early")
            self.x = np.arange(3)

    model = xs.Model({"grid": Grid})
    ends = np.array([True, False, True, False])
    setup = xs.create_setup(model=model, clocks={"time": [0, 1]}, input_vars={"grid__ends": ("m", ends)})
    store = tmp_path / "out.zarr" if stored else None
    result = setup.xsim.run(model, batch_dim="m", store=store, **WAYS[way])
    assert result.x.dims == ("x",)
    assert result.x.values.tolist() == [0, 1, 2]
