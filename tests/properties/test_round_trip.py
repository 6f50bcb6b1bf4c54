"""Random values saved by a run: memory ≡ store ≡ plain xarray ≡ what was saved (DESIGN §S1, §S2, §S6)."""

from typing import Any, NamedTuple

import hypothesis.strategies as st
import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from zarr.storage import MemoryStore

import xsim as xs
from xsim.testing.strategies import arrays, dtypes

QUICK = settings(deadline=None, max_examples=25)
SLOW = settings(deadline=None, max_examples=300)


class Case(NamedTuple):
    """A value for each label of the main clock, and how it is saved."""

    values: list[Any]
    dims: tuple[str, ...]
    saved: list[int] | None
    encoding: dict[str, Any]


class CountingStore(MemoryStore):
    """Counts how often each chunk is written."""

    def __init__(self, *args, **options):
        super().__init__(*args, **options)
        self.counts = {}

    async def set(self, key, value, byte_range=None):
        self.counts[key] = self.counts.get(key, 0) + 1
        await super().set(key, value, byte_range)


@st.composite
def cases(draw, grows=None):
    nlabels = draw(st.integers(1, 8))
    ndim = draw(st.integers(0, 2))
    dtype = draw(dtypes())
    shapes = st.tuples(*[st.integers(0, 4)] * ndim)
    grows = draw(st.booleans()) if grows is None else grows
    shape = draw(shapes)
    values = [draw(arrays(dtype, draw(shapes) if grows else shape)) for _ in range(nlabels)]
    if ndim == 0 and dtype not in ("S1", "S3"):  # scalars of bytes have lengths of their own
        values = [value[()] for value in values]
    saved = draw(st.none() | st.sets(st.integers(0, nlabels - 1), min_size=1).map(sorted))
    encoding = {}
    sizes = st.lists(st.integers(1, 5), max_size=ndim + (saved is not None), min_size=1).map(tuple)
    if saved is not None or ndim:
        for key in draw(st.sampled_from([(), ("chunks",), ("chunks", "shards"), ("shards",)])):
            encoding[key] = draw(sizes)
    return Case(values, ("y", "x")[2 - ndim :], saved, encoding)


def run(case, store=None):
    last = len(case.values) - 1

    @xs.process
    class Player:
        v = xs.variable(dims=case.dims, intent="out")

        def initialize(self):
            self.v = case.values[0]

        @xs.runtime(args="step")
        def run_step(self, step):
            self.v = case.values[step]

        @xs.runtime(args="step")
        def finalize_step(self, step):
            self.v = case.values[step + 1] if step + 1 == last else None

    model = xs.Model({"p": Player})
    clocks = {"t": np.arange(last + 1.0)}
    if case.saved is not None:
        clocks["out"] = clocks["t"][case.saved]
    setup = xs.create_setup(model, clocks, "t", output_vars={"p__v": None if case.saved is None else "out"})
    return setup.xsim.run(model, store=store, encoding={"p__v": case.encoding})


def by_hand(case):
    """What the result should be, and whether a part is missing."""
    rows = [np.asarray(case.values[i]) for i in ([-1] if case.saved is None else case.saved)]
    if rows[0].dtype.kind in "UO":
        rows = [row.astype(object) for row in rows]
    shape = tuple(np.max([row.shape for row in rows], axis=0).astype(int)) if rows[0].ndim else ()
    dtype = rows[0].dtype
    if all(row.shape == shape for row in rows):
        expected = np.stack(rows)
        return expected[0, ...] if case.saved is None else expected
    kind = dtype.kind
    fill = {"O": "", "S": b"", "M": "NaT", "m": "NaT"}.get(kind, np.nan)
    if kind in "iu":
        lowest = np.iinfo(dtype).min if kind == "i" else np.iinfo(dtype).max
        if any((row == lowest).any() or (np.abs(row.astype(object)) > 2**53).any() for row in rows):
            fill = lowest  # ambiguous: not masked
    if kind == "b" or (kind in "iu" and fill is np.nan):
        dtype = np.dtype("float64")
    expected = np.full((len(rows), *shape), fill, dtype)
    for i, row in enumerate(rows):
        expected[(i, *map(slice, row.shape))] = row
    return expected


def check(case):
    expected = by_hand(case)
    store = CountingStore()
    results = [run(case), run(case, store), xr.open_zarr(store)]

    for result in results:
        found = result.p__v.to_numpy()
        assert result.p__v.dims == (() if case.saved is None else ("out",)) + case.dims
        assert found.shape == expected.shape
        if expected.dtype.kind == "O":
            assert found.tolist() == expected.tolist()
            assert all(type(element) is str for element in found.flat)
        else:
            np.testing.assert_array_equal(found, expected)
            # Bytes may be stored longer; what masking makes of narrow integers is xarray's choice.
            masked = case.values[0].dtype.kind in "iub" and expected.dtype.kind == "f"
            assert found.dtype.kind == expected.dtype.kind
            assert found.dtype == expected.dtype or masked or found.dtype.kind == "S"
    for result in results[:2]:
        del result.attrs["xsim_provenance"]
    xr.testing.assert_identical(results[0], results[1].load())
    chunks = {key: n for key, n in store.counts.items() if key.startswith("p__v/c")}
    assert set(chunks.values()) <= {1}


@QUICK
@given(cases(grows=False))
def test_values_come_back(case):
    """Values of one shape come back as they were saved, and each chunk is written once."""
    check(case)


@QUICK
@given(cases(grows=True))
def test_growing_values_come_back(case):
    """Values of several shapes come back as they were saved, padded as missing, and each chunk is written once."""
    check(case)


@pytest.mark.slow
@SLOW
@given(cases())
def test_many_values_come_back(case):
    """The same, a thousand times."""
    check(case)
