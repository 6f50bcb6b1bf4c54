"""The setup in a store: inputs of every type, and batches along stacked dimensions (DESIGN §S4, §S5, §B1)."""

import datetime
from textwrap import dedent

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from zarr.storage import MemoryStore

import xsim as xs
from xsim.errors import StoreError

SEEN = []


@xs.process
class Reader:
    value = xs.variable(dims=[(), "x"])

    def initialize(self):
        SEEN.append(self.value)


READER = xs.Model({"r": Reader})

INPUTS = {
    **{t: np.ones(2, t) for t in ["bool", "int8", "uint64", "float16", "complex64", "M8[ms]", "m8[s]", "S3"]},
    "longlong": np.array([1, 2], np.ulonglong),
    "very large int": 2**63,
    "text": np.array(["a", "bcd"]),
    "str": "a",
    "empty str": "",
    "bytes": b"ab",
    "None": None,
    "datetime": datetime.datetime(2000, 1, 1),
    "Timestamp": pd.Timestamp(2000, 1, 1, nanosecond=1),
    "NaT": np.datetime64("NaT", "s"),
    "big-endian": np.array([1.0, 2.0], ">f8"),
    "empty": [],
}


@pytest.mark.parametrize("value", INPUTS.values(), ids=INPUTS)
def test_inputs_of_every_type(value):
    """A process sees the same value whether the setup comes from memory or from the store of a run (§S5)."""
    setup, store = xs.create_setup(READER, input_vars={"r__value": value}), MemoryStore()
    SEEN.clear()
    setup.xsim.run(READER, store=store)
    xr.open_zarr(store).xsim.run(READER)

    first, second = SEEN
    assert np.ndim(first) == np.ndim(second)
    assert isinstance(first, np.ndarray) == isinstance(second, np.ndarray)
    np.testing.assert_array_equal(np.asarray(first), np.asarray(second))
    # The order of bytes is that of the machine when it comes from a file.
    assert np.asarray(first).dtype.newbyteorder("=") == np.asarray(second).dtype


@pytest.mark.parametrize("values", [[1.0, 2.0], [1, 2]], ids=["floats", "integers"])
def test_masked_inputs_are_missing(values):
    """What is masked in an input is missing, as xarray has it, not what stands behind the mask."""
    setup = xs.create_setup(READER, input_vars={"r__value": np.ma.masked_array(values, [False, True])})

    np.testing.assert_array_equal(setup.r__value, [1, np.nan])


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (
            np.longdouble(1),
            """
            variable 'r__value' of the setup cannot be stored
              got: type float128
              expected: numbers of at most 64 bits, complex ones of 128
              remedy: setup['r__value'] = setup['r__value'].astype(float)
            """,
        ),
        (
            datetime.date(2000, 1, 1),
            """
            variable 'r__value' of the setup cannot be stored
              got: an element of type 'date': 2000-01-01
              expected: numbers, bools, text, or dates of numpy or cftime
              remedy: run in memory (store=None), or pass what describes the object, and make it in a process
            """,
        ),
    ],
    ids=["long double", "date"],
)
def test_inputs_that_cannot_be_stored(value, text):
    """What no store takes is refused before anything is written; memory takes it (§E1)."""
    setup, store = xs.create_setup(READER, input_vars={"r__value": value}), {}
    with pytest.raises(StoreError) as error:
        setup.xsim.run(READER, store=store)

    assert str(error.value) == dedent(text).strip()
    assert not store
    setup.xsim.run(READER)


@xs.process
class Tank:
    rate = xs.variable()
    depth = xs.variable()
    x = xs.index(dims="x")
    level = xs.variable(dims="x", intent="out")
    total = xs.variable(intent="out")

    def initialize(self):
        self.x = np.arange(2.0)
        self.level = np.zeros(2)

    def run_step(self):
        self.level = self.level + self.rate * self.depth
        self.total = self.level.sum()


TANK = xs.Model({"tank": Tank})
GRID = xs.create_setup(
    TANK,
    {"t": [0, 1, 2]},
    input_vars={"tank__rate": ("a", [1.0, 2.0, 3.0]), "tank__depth": ("b", [10.0, 20.0])},
    output_vars={"tank__level": "t", "tank__total": None},
).assign_coords(a=["x", "y", "z"], b=[5.0, 6.0])
OUTPUTS = ["tank__level", "tank__total"]

WAYS = {
    "in memory": {},
    "threads": {"parallel": True, "workers": 2},
    "store": {"store": MemoryStore},
    "processes": {"store": MemoryStore, "parallel": True, "scheduler": "processes", "workers": 2},
}


@pytest.mark.parametrize("way", WAYS)
def test_a_batch_of_stacked_dimensions(way):
    """Two dimensions stacked to a multi-index run as one batch, and unstack to their product (API.md, §B1)."""
    options = dict(WAYS[way])
    store = options["store"] = options["store"]() if "store" in options else None
    expected = GRID.xsim.run(TANK, ["a", "b"])
    stacked = GRID.stack(batch=("a", "b"))
    result = stacked.xsim.run(TANK, "batch", **options)
    results = [result, result.xsim.run(TANK, "batch"), result.unstack().stack(batch=("a", "b")).xsim.run(TANK, "batch")]
    if store is not None:
        opened = xr.open_zarr(store)
        assert opened.tank__level.dims == ("batch", "t", "x")
        results += [opened.set_index(batch=["a", "b"]), opened.xsim.run(TANK, "batch").set_index(batch=["a", "b"])]

    for found in results:
        unstacked = found.unstack("batch")
        assert unstacked.xsim.main_clock_dim == "t"
        assert unstacked.xsim.output_vars == GRID.xsim.output_vars
        for name in OUTPUTS:
            xr.testing.assert_equal(unstacked[name].transpose("a", "b", ...).load(), expected[name])


def test_a_part_of_stacked_dimensions():
    """Members of a multi-index may be chosen in any order; those left out are missing when it is unstacked (§B1)."""
    result = GRID.stack(batch=("a", "b")).isel(batch=[4, 0, 3]).xsim.run(TANK, "batch")

    assert result.tank__total.values.tolist() == [120, 40, 160]
    unstacked = result.unstack("batch").tank__total.transpose("a", "b")
    assert unstacked.sel(a="x", b=5).item() == 40
    assert unstacked.sel(a="y", b=6).item() == 160
    assert np.isnan(unstacked.sel(a="x", b=6).item())
