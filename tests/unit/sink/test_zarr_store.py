"""A finished store: what others find in it (DESIGN §S4, §B8)."""

import json
import os

import numpy as np
import pytest
import xarray as xr
import zarr

import xsim as xs
from xsim.errors import StoreError


@xs.process
class Grid:
    spacing = xs.variable(default=0.5, description="distance", attrs={"units": "m"})
    x = xs.index("x", description="position", attrs={"units": "m"})
    area = xs.index("x", description="of a cell")
    names = xs.index("x")
    origin = xs.index(())

    def initialize(self):
        self.x = np.arange(3) * self.spacing
        self.area = np.full(3, self.spacing)
        self.names = np.array(["left", "middle", "right"])
        self.origin = 7


@xs.process
class Field:
    x = xs.foreign(Grid, "x")
    height = xs.variable(dims="x", intent="out", description="height", attrs={"units": "m", "range": np.arange(2)})
    total = xs.on_demand(description="sum")
    wet = xs.variable(intent="out")
    label = xs.variable(intent="out")
    day = xs.variable(intent="out")

    @total.compute
    def _total(self):
        return self.height.sum()

    @xs.runtime(args="step")
    def run_step(self, step):
        self.height = self.x + step
        self.wet = step > 1
        self.label = f"step {step}"
        self.day = np.datetime64("2000-01-01") + np.timedelta64(step, "D")


MODEL = xs.Model({"grid": Grid, "field": Field})


def make_setup(**more):
    outputs = {
        "field__height": "out",
        "field__total": None,
        "field__wet": "t",
        "field__label": "out",
        "field__day": "t",
    }
    setup = xs.create_setup(MODEL, {"t": np.arange(5.0), "out": np.arange(0.0, 5, 2)}, "t", output_vars=outputs, **more)
    return (
        setup.assign(mine=("q", [1, 2, 3]))
        .assign_coords(q=[10, 20, 30], place=("q", list("abc")))
        .assign_attrs(who="me")
    )


@pytest.fixture
def finished(tmp_path):
    """Path of a finished store, and the result of its run."""
    path = tmp_path / "out.zarr"
    return path, make_setup().xsim.run(MODEL, store=path)


def test_plain_xarray_reads_the_same(finished):
    """Plain `xr.open_zarr`, without a warning and without xsim, gives what the run gave (DESIGN §S4)."""
    path, result = finished
    opened = xr.open_zarr(path)

    xr.testing.assert_identical(opened.load(), result.load())
    assert set(opened.coords) == set(result.coords)


def test_the_store_is_as_good_as_memory(finished):
    """A run into a store gives what the same run in memory gives."""
    _, result = finished
    in_memory = make_setup().xsim.run(MODEL)

    assert list(in_memory.variables) == list(result.variables)
    for name in ("field__height", "x"):  # JSON has lists only
        in_memory[name].attrs = {k: list(v) if k == "range" else v for k, v in in_memory[name].attrs.items()}
    for each in (result, in_memory):
        del each.attrs["xsim_provenance"]
    xr.testing.assert_identical(result.load(), in_memory)


def test_coordinates_come_back_as_coordinates(finished):
    """Index variables and the setup's own coordinates are coordinates for plain xarray, dimensions or not."""
    path, _ = finished
    coords = {"t", "out", "x", "area", "names", "origin", "q", "place"}

    assert set(xr.open_zarr(path).coords) == coords
    assert set(xr.open_zarr(path).data_vars) == {
        *("grid__spacing", "mine"),
        *("field__height", "field__total", "field__wet", "field__label", "field__day"),
    }


def test_metadata_are_consolidated(finished):
    """A finished store has consolidated metadata of everything in it (DESIGN §B8)."""
    path, result = finished
    metadata = json.loads((path / "zarr.json").read_text())

    assert set(metadata["consolidated_metadata"]["metadata"]) == set(result.variables)
    assert xr.open_zarr(path, consolidated=True).field__wet.dtype == bool


def test_everything_is_format_3(finished):
    """Group and arrays are of Zarr format 3 (DESIGN §S4)."""
    path, _ = finished
    group = zarr.open_group(path, mode="r")

    assert group.metadata.zarr_format == 3
    assert {array.metadata.zarr_format for _, array in group.arrays()} == {3}
    assert not [name for _, _, names in os.walk(path) for name in names if name in (".zarray", ".zgroup", ".zattrs")]
    assert group["field__height"].metadata.dimension_names == ("out", "x")


def test_arrays_have_no_fill_value_attribute(finished):
    """A complete result has no `_FillValue`; the fill values of Zarr are those of DESIGN §S1."""
    path, _ = finished
    arrays = dict(zarr.open_group(path, mode="r").arrays())
    outputs = [array for name, array in arrays.items() if name.startswith("field__")]

    assert not [array for array in outputs if "_FillValue" in array.attrs]
    assert arrays["field__wet"].dtype == "int8"
    assert arrays["field__wet"].fill_value == -1
    assert arrays["field__wet"].attrs["dtype"] == "bool"
    assert np.isnan(arrays["field__height"].fill_value)
    assert np.isnat(arrays["field__day"].fill_value)
    assert arrays["field__label"].fill_value == ""
    assert arrays["origin"].fill_value == np.iinfo("int64").min


def test_outcome_and_version_are_attributes(finished):
    """How the run ended, and the version of xsim, are attributes beside those of the setup (DESIGN §S5)."""
    path, result = finished

    expected = {"who": "me", "xsim_output_vars": "field__total", "xsim_outcome": "done", "xsim_version": xs.__version__}
    assert xr.open_zarr(path).attrs == result.attrs
    assert {name: value for name, value in result.attrs.items() if name != "xsim_provenance"} == expected


def test_while_running_the_outcome_is_running():
    """Before a run has ended, its store says so, and metadata are not consolidated yet (DESIGN §B8)."""
    store = zarr.storage.MemoryStore()
    seen = {}

    @xs.process
    class Spy:
        v = xs.variable(intent="out")

        def run_step(self):
            self.v = 1
            group = zarr.open_group(store, mode="r")
            seen.update(outcome=group.attrs["xsim_outcome"], consolidated=group.metadata.consolidated_metadata)

    model = xs.Model({"spy": Spy})
    xs.create_setup(model, {"t": [0, 1]}, output_vars={"spy__v": "t"}).xsim.run(model, store=store)

    assert seen == {"outcome": "running", "consolidated": None}
    assert zarr.open_group(store, mode="r").attrs["xsim_outcome"] == "done"


def test_nothing_is_written_before_the_checks(tmp_path):
    """A run that is refused leaves no trace (DESIGN §E1)."""
    setup = make_setup().drop_vars("grid__spacing")
    with pytest.raises(xs.errors.MissingInputError):
        setup.xsim.run(MODEL, store=tmp_path / "out.zarr")
    with pytest.raises(xs.errors.OptionError):
        make_setup().xsim.run(MODEL, store=tmp_path / "out.zarr", encoding={"field__wet": {"compressors": "best"}})

    assert list(tmp_path.iterdir()) == []


def test_an_attribute_that_cannot_be_stored(tmp_path):
    """An attribute that is no JSON is refused before the run (DESIGN §E1)."""

    @xs.process
    class P:
        v = xs.variable(intent="out", attrs={"what": {1, 2}})

    model = xs.Model({"p": P})
    setup = xs.create_setup(model, {"t": [0, 1]}, output_vars={"p__v": "t"})
    with pytest.raises(StoreError) as error:
        setup.xsim.run(model, store=tmp_path / "out.zarr")

    assert str(error.value) == "\n".join(
        [
            "attribute 'what' of output 'p__v' cannot be stored",
            "  got: set: {1, 2}",
            "  expected: text, numbers, bools, None, or lists and mappings of these",
            "  remedy: change it in the declaration of the variable: attrs={'what': ...}",
        ]
    )
    assert list(tmp_path.iterdir()) == []


def test_an_input_that_cannot_be_stored(tmp_path):
    """An object among the inputs is refused before the run (DESIGN §E1)."""

    @xs.process
    class P:
        v = xs.variable(default={"a": 1})

    model = xs.Model({"p": P})
    with pytest.raises(StoreError) as error:
        xs.create_setup(model, {"t": [0, 1]}).xsim.run(model, store=tmp_path / "out.zarr")

    assert str(error.value) == "\n".join(
        [
            "variable 'p__v' of the setup cannot be stored",
            "  got: an element of type 'dict': {'a': 1}",
            "  expected: numbers, bools, text, or dates of numpy or cftime",
            "  remedy: run in memory (store=None), or pass what describes the object, and make it in a process",
        ]
    )
    assert list(tmp_path.iterdir()) == []
