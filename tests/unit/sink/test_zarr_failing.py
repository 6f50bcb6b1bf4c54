"""What is left in a store when a run does not end well (DESIGN §S1, §B6, §R4)."""

import json

import numpy as np
import pytest
import xarray as xr
import zarr

import xsim as xs
from xsim.errors import OutputError


class BadWeatherError(RuntimeError):
    pass


def outcome(store):
    return zarr.open_group(store, mode="r").attrs["xsim_outcome"]


@pytest.fixture
def fail(run_values):
    """Give a function that runs values into a store up to a failure, and opens the store with plain xarray."""

    def run(values, dims=(), encoding=None, fail_at=2, error=BadWeatherError, outcome="failed"):
        store = zarr.storage.MemoryStore()
        with pytest.raises(error):
            run_values(values, dims, encoding=encoding, fail_at=fail_at, error=error("no"), store=store)
        opened = xr.open_zarr(store)
        assert opened.attrs["xsim_outcome"] == outcome
        return opened.p__v

    return run


@pytest.mark.parametrize("chunk", [1, 2, 3, 10])
def test_rows_saved_so_far_can_be_read(fail, chunk):
    """After a failure the rows saved so far are in the store, the others are missing."""
    saved = fail([1.5, 2.5, 3.5, 4.5], encoding={"chunks": (chunk,)})

    np.testing.assert_array_equal(saved.to_numpy(), [1.5, 2.5, np.nan, np.nan])


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit])
def test_an_interruption_is_no_failure(fail, error):
    """Ctrl-C ends a run as cancelled; its rows are there (DESIGN §R4)."""
    saved = fail([1.5, 2.5, 3.5, 4.5], error=error, outcome="cancelled")

    np.testing.assert_array_equal(saved.to_numpy(), [1.5, 2.5, np.nan, np.nan])


def test_missing_integers(fail):
    """Integers read as floats, with NaN in the rows that are missing."""
    np.testing.assert_array_equal(fail([0, 1, 2, 3]).to_numpy(), np.array([0.0, 1.0, np.nan, np.nan]), strict=True)


def test_missing_integers_that_cannot_be_masked(fail):
    """Integers among which is the fill value are not masked, and an attribute says so."""
    low = np.iinfo("int64").min
    saved = fail([low, 1, 2, 3])

    np.testing.assert_array_equal(saved.to_numpy(), np.array([low, 1, low, low]), strict=True)
    assert saved.attrs["xsim_missing"] == (
        f"missing values hold {low}; they are not masked, since the data contain that value, or integers that a float "
        f"cannot hold"
    )


def test_missing_bools(fail):
    """Bools read as 1, 0 and NaN."""
    saved = fail([True, False, True, True])

    assert saved.dtype.kind == "f"
    np.testing.assert_array_equal(saved.to_numpy(), [1, 0, np.nan, np.nan])


def test_missing_text_and_dates(fail):
    """Text is '' and dates are NaT where rows are missing."""
    assert fail(list("abcd")).to_numpy().tolist() == ["a", "b", "", ""]
    days = np.array(["2000-01-01", "2000-01-02", "NaT", "NaT"], "datetime64[s]")
    np.testing.assert_array_equal(fail(list(days)).to_numpy(), days, strict=True)


def test_arrays(fail):
    """Rows of arrays are missing whole."""
    saved = fail([np.array([1, 2])] * 4, "x", fail_at=1)

    np.testing.assert_array_equal(saved.to_numpy(), [[1, 2], *[[np.nan] * 2] * 3])


def test_metadata_are_consolidated_also_after_a_failure(run_values, tmp_path):
    """A store of a failed run opens with plain xarray, quickly and without a warning (DESIGN §B8)."""
    with pytest.raises(BadWeatherError):
        run_values([1, 2, 3], fail_at=1, error=BadWeatherError(), store=tmp_path / "out.zarr")
    metadata = json.loads((tmp_path / "out.zarr" / "zarr.json").read_text())

    assert set(metadata["consolidated_metadata"]["metadata"]) == {"t", "p__v"}


def test_a_failure_before_the_first_save(fail, run_values):
    """Nothing was saved: there is no array, and the store says that the run failed."""
    store = zarr.storage.MemoryStore()
    with pytest.raises(BadWeatherError):
        run_values([1, 2, 3], fail_at=0, error=BadWeatherError(), store=store)

    assert outcome(store) == "failed"
    assert set(xr.open_zarr(store).variables) == {"t"}


def test_a_value_that_cannot_be_saved(run_values):
    """A refused value fails the run like any other failure, and what was saved before stays."""
    store = zarr.storage.MemoryStore()
    with pytest.raises(OutputError) as error:
        run_values([0, 1, 1.5, 3], store=store)

    assert error.value.__notes__ == ["while saving output 'p__v'", "at step 2 ('t' 2 to 3)"]
    assert outcome(store) == "failed"
    np.testing.assert_array_equal(xr.open_zarr(store).p__v.to_numpy(), [0, 1, np.nan, np.nan])


def test_a_first_value_that_cannot_be_saved():
    """A refusal of an output's very first value leaves a failed run like any other, without a second failure."""

    @xs.process
    class Grid:
        x = xs.index("x")
        size = xs.variable(dims="x")
        v = xs.variable(intent="out")

        def initialize(self):
            self.x = np.arange(3)

        def run_step(self):
            self.v = 1

    model = xs.Model({"grid": Grid})
    setup = xs.create_setup(model, {"t": [0, 1, 2]}, input_vars={"grid__size": [1, 2]}, output_vars={"grid__v": "t"})
    store = zarr.storage.MemoryStore()
    with pytest.raises(OutputError) as error:
        setup.xsim.run(model, store=store)

    assert error.value.__notes__ == ["while saving output 'x'"]
    assert outcome(store) == "failed"
    assert xr.open_zarr(store).grid__v.values.tolist() == [1, 1, 1]


class FullStore(zarr.storage.MemoryStore):
    """A store that takes no chunks any more."""

    async def set(self, key, value, byte_range=None):
        if "/c/" in key and key.startswith("p__"):
            raise OSError("disk full")
        await super().set(key, value, byte_range)


def test_a_store_that_fails_does_not_hide_the_first_failure(run_values):
    """The process's own exception is raised; that saving failed too is a note of it."""
    with pytest.raises(BadWeatherError) as error:
        run_values([1, 2, 3], fail_at=1, error=BadWeatherError("first"), store=FullStore())

    assert error.value.__notes__ == [
        "in process 'p' (class Player), stage 'run_step'",
        "at step 1 ('t' 1 to 2)",
        "saving what was computed before failed too: OSError: disk full",
    ]


def test_a_store_that_fails_while_running(run_values):
    """A store that fails ends the run with its error, which names the output and the step."""
    with pytest.raises(OSError) as error:  # noqa: PT011 - compared below
        run_values([1, 2, 3], encoding={"chunks": (1,)}, store=FullStore())

    assert str(error.value) == "disk full"
    assert error.value.__notes__[:2] == ["while saving output 'p__v'", "at step 0 ('t' 0 to 1)"]


def test_one_output_that_fails_does_not_cost_the_others(run_values):
    """Outputs whose own chunks can be written are saved, and the outcome is noted, though another output fails."""

    @xs.process
    class Pair:
        v = xs.variable(intent="out")
        w = xs.variable(intent="out")

        @xs.runtime(args="step")
        def run_step(self, step):
            if step == 2:
                raise BadWeatherError
            self.v = self.w = step

    class HalfFull(FullStore):
        async def set(self, key, value, byte_range=None):
            if key.startswith("p__v/c"):
                raise OSError("disk full")
            await zarr.storage.MemoryStore.set(self, key, value, byte_range)

    model = xs.Model({"p": Pair})
    setup = xs.create_setup(model, {"t": range(5)}, output_vars={"p__v": "t", "p__w": "t"})
    store = HalfFull()
    with pytest.raises(BadWeatherError):
        setup.xsim.run(model, store=store)

    assert outcome(store) == "failed"
    np.testing.assert_array_equal(xr.open_zarr(store).p__w.to_numpy(), [0, 1, np.nan, np.nan, np.nan])
