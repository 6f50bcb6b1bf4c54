"""Nothing that was computed is lost or written elsewhere: each test is a bug that once was."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

import xsim as xs
from xsim.errors import OutputError


@xs.process
class Scale:
    k = xs.variable()
    x = xs.index(dims="x")
    value = xs.variable(intent="out")

    def initialize(self):
        self.x = np.arange(3) * self.k
        self.value = 10.0 * self.k

    def finalize(self):
        self.x[:] = 0


MODEL = xs.Model({"scale": Scale})


def setup_of(*k):
    """Set up one member for each k."""
    return xs.create_setup(
        MODEL, {"t": [0, 1]}, input_vars={"scale__k": ("b", list(k))}, output_vars={"scale__value": "t"}
    )


def test_relative_places_are_those_of_the_caller(tmp_path, monkeypatch):
    """Worker processes that started in another directory write where the caller is (DESIGN §S4)."""
    for name, k in (("one", 1), ("two", 2)):
        (tmp_path / name).mkdir()
        monkeypatch.chdir(tmp_path / name)
        setup_of(k, k).xsim.run(MODEL, "b", store="out.zarr", parallel=True, scheduler="processes", workers=2)
    for name, k in (("one", 1), ("two", 2)):
        with xr.open_zarr(tmp_path / name / "out.zarr") as stored:
            assert stored.scale__value.values.tolist() == [[10.0 * k] * 2] * 2


def test_a_store_is_replaced_by_a_run_of_its_own_contents(tmp_path):
    """A lazy setup is read before the store that it comes from is replaced (DESIGN §S5)."""
    setup_of(1, 2).xsim.run(MODEL, "b", store=tmp_path / "out.zarr")
    opened = xr.open_zarr(tmp_path / "out.zarr")
    opened.xsim.run(MODEL, "b", store=tmp_path / "out.zarr", mode="w")
    with xr.open_zarr(tmp_path / "out.zarr") as stored:
        assert stored.scale__k.values.tolist() == [1, 2]
        assert stored.scale__value.values.tolist() == [[10.0] * 2, [20.0] * 2]


@pytest.mark.parametrize("block", [1, 3])
def test_an_index_changed_at_the_end_keeps_what_was_saved(tmp_path, block):
    """Index variables that differ between members keep each member's values (DESIGN §B13)."""
    result = setup_of(1, 2, 3).xsim.run(MODEL, "b", store=tmp_path / "out.zarr", block=block)
    assert result.x.dims == ("b", "x")
    assert result.x.values.tolist() == [[0, 1, 2], [0, 2, 4], [0, 3, 6]]


@xs.process
class Masked:
    kind = xs.variable()
    value = xs.variable(dims="x", intent="out")

    def initialize(self):
        self.value = np.ma.masked_less(np.array([-9999, 1, 2], dtype=self.kind), 0)


@pytest.mark.parametrize("kind", ["float64", "int64"])
def test_masked_values_are_missing_or_refused(kind):
    """What is masked is not saved as a value (DESIGN §S1)."""
    model = xs.Model({"m": Masked})
    setup = xs.create_setup(model, input_vars={"m__kind": kind}, output_vars={"m__value": None})
    if kind == "float64":
        np.testing.assert_array_equal(setup.xsim.run(model).m__value, [np.nan, 1, 2])
        return
    with pytest.raises(OutputError) as error:
        setup.xsim.run(model)
    assert str(error.value) == (
        "output 'm__value' has masked values, for which its type has no missing value\n"
        "  got: a masked array of int64\n"
        "  expected: floats or dates, where masked values become NaN or NaT\n"
        "  remedy: fill them: value.filled(...)"
    )
