"""Random setups through files, copies and reshaping: they run as before (API.md, DESIGN §S5)."""

import tempfile
from pathlib import Path

import cftime
import hypothesis.strategies as st
import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from zarr.storage import MemoryStore

import xsim as xs


@xs.process
class Tank:
    scalar = xs.variable()
    series = xs.variable(dims=[(), "x"])
    start = xs.variable(dims="x", intent="inout")
    nothing = xs.variable(default=None)
    label = xs.variable(default="a")
    seen = xs.variable(intent="out")
    size = xs.variable(dims="x", intent="out")
    now = xs.variable(intent="out")

    def initialize(self):
        self.seen = f"{self.label}{self.nothing}{self.scalar}{np.asarray(self.scalar).dtype}{self.start.dtype}"
        self.size = np.zeros(2)
        self.now = ""

    @xs.runtime(args="step_start, step_delta")
    def run_step(self, start, delta):
        self.size = self.size + self.series
        self.start = self.start[::-1].copy()
        self.now = f"{start} {type(start).__name__} {delta}"


MODEL = xs.Model({"tank": Tank})
OUTPUTS = ["tank__seen", "tank__size", "tank__start", "tank__now"]
TYPES = ["bool", "int8", "int64", "uint16", "float32", "float64", "datetime64[ns]"]


@st.composite
def clocks(draw):
    steps = np.cumsum(draw(st.lists(st.integers(1, 9), min_size=1, max_size=4)))
    labels = {
        "int": steps,
        "float": steps / 4,
        "uint8": steps.astype("uint8"),
        "datetime64[s]": np.datetime64("2000-01-01", "s") + steps.astype("m8[s]"),
        "datetime64[ns]": np.datetime64("2000-01-01", "ns") + steps.astype("m8[ns]"),
        "noleap": cftime.num2date(steps, "days since 2000-02-25", calendar="noleap"),
    }[draw(st.sampled_from(["int", "float", "uint8", "datetime64[s]", "datetime64[ns]", "noleap"]))]
    return labels[:: draw(st.sampled_from([1, -1]))]


def values(draw, shape, dtype=None):
    dtype = dtype or draw(st.sampled_from(TYPES))
    count = int(np.prod(shape))
    numbers = draw(st.lists(st.integers(0, 100), min_size=count, max_size=count))
    return np.array(numbers).reshape(shape).astype(dtype)


@st.composite
def setups(draw):
    t = draw(clocks())
    in_time, many = draw(st.booleans()), draw(st.booleans())
    dims = (("batch",) if many else ()) + (("t",) if in_time else ()) + draw(st.sampled_from([(), ("x",)]))
    sizes = {"batch": 3, "t": len(t), "x": 2}
    inputs = {
        "tank__scalar": values(draw, ()),
        "tank__series": (dims, values(draw, [sizes[dim] for dim in dims], "float64")),
        "tank__start": ("x", values(draw, [2])),
        "tank__label": draw(st.text(st.characters(min_codepoint=48, max_codepoint=1000, exclude_categories=["Cs"]))),
    }
    saved = draw(st.lists(st.sampled_from(range(len(t))), unique=True, min_size=1).map(sorted))
    requests = {name: draw(st.sampled_from(["t", "out", None])) for name in OUTPUTS}
    setup = xs.create_setup(MODEL, {"t": t, "out": t[saved]}, "t", inputs, requests)
    labels = draw(st.sampled_from([None, [3, 1, 2], ["c", "a", "b"]]))
    return setup.assign_coords(batch=labels) if many and labels is not None else setup


def netcdf(setup):
    with tempfile.TemporaryDirectory() as folder:
        setup.to_netcdf(Path(folder) / "setup.nc")
        with xr.open_dataset(Path(folder) / "setup.nc") as opened:
            return opened.load()


def zarr(setup):
    # Text of a fixed length is what zarr warns of; that is not xsim's.
    text = {name: v.astype(object) for name, v in setup.variables.items() if v.dtype.kind == "U"}
    store = MemoryStore()
    setup.assign(text).to_zarr(store, consolidated=False)
    return xr.open_zarr(store, consolidated=False)


def own_store(setup):
    store = MemoryStore()
    setup.xsim.run(MODEL, batch_dim(setup), store=store)
    return xr.open_zarr(store)


def batch_dim(setup):
    return "batch" if "batch" in setup.dims else None


CHANGES = {
    "copy": lambda ds: ds.copy(deep=True),
    "netCDF": netcdf,
    "Zarr": zarr,
    "own store": own_store,
    "result": lambda ds: ds.xsim.run(MODEL, batch_dim(ds)),
    "dask": lambda ds: ds.chunk({"x": 1}),
    "merge": lambda ds: ds[["tank__scalar"]].merge(ds.drop_vars("tank__scalar"), join="exact"),
    "select": lambda ds: ds.isel(t=slice(None), x=[0, 1]),
    "assign": lambda ds: ds.assign(mine=5, tank__scalar=ds.tank__scalar),
}


def check(setup, names):
    changed = setup
    for name in names:
        changed = CHANGES[name](changed)
    before = setup.xsim.run(MODEL, batch_dim(setup))
    after = changed.xsim.run(MODEL, batch_dim(changed))

    for name in (*OUTPUTS, "t", "out"):
        assert after[name].dims == before[name].dims
        np.testing.assert_array_equal(after[name].values, before[name].values, strict=True)
    assert changed.xsim.output_vars == setup.xsim.output_vars


@settings(deadline=None, max_examples=15)
@given(setups(), st.lists(st.sampled_from(sorted(CHANGES)), min_size=1, max_size=2))
def test_setups_run_as_before(setup, names):
    """A setup that went through files, copies, stores and results runs to the same bits."""
    check(setup, names)


@pytest.mark.slow
@settings(deadline=None, max_examples=400)
@given(setups(), st.lists(st.sampled_from(sorted(CHANGES)), min_size=1, max_size=4))
def test_many_setups_run_as_before(setup, names):
    """The same, for longer."""
    check(setup, names)
