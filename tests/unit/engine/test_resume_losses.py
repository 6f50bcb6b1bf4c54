"""Nothing that is done is lost by going on, however the run before ended (DESIGN §B7)."""

import linecache
import shutil
import sys
import types
import warnings

import numpy as np
import pytest
import xarray as xr
import zarr

import xsim as xs
from xsim.engine.book import Book

INTERRUPT = set()
FAIL = set()


@xs.process
class Plant:
    k = xs.variable()
    height = xs.variable(intent="out")

    def initialize(self):
        if int(self.k) in INTERRUPT:
            raise KeyboardInterrupt
        if int(self.k) in FAIL:
            raise ValueError("as told")
        self.height = 0.0

    def run_step(self):
        self.height += float(self.k)


MODEL = xs.Model({"plant": Plant})


@pytest.fixture(autouse=True)
def _nothing_fails():
    FAIL.clear()
    INTERRUPT.clear()


def setup_of(k, dims="m"):
    return xs.create_setup(
        model=MODEL,
        clocks={"time": [0, 1, 2]},
        main_clock="time",
        input_vars={"plant__k": (dims, k) if np.ndim(k) else k},
        output_vars={"plant__height": "time"},
    )


def run(members, store, batch_dim="m", **options):
    k = np.arange(members) if isinstance(members, int) else members
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", xs.BatchWarning)
        setup = setup_of(k, batch_dim)
        return setup.xsim.run(MODEL, batch_dim=batch_dim, store=store, on_error="continue", **options)


def last_heights(store):
    return xr.open_zarr(store).plant__height.isel(time=-1).values.tolist()


@pytest.mark.parametrize("options", [{}, {"parallel": True, "workers": 2}])
def test_members_done_after_an_interrupted_one_stay(tmp_path, options):
    """Interrupting a member leaves those of its block that an earlier run has done."""
    FAIL.add(0)
    run(4, tmp_path / "out.zarr", block=4)
    FAIL.clear()
    INTERRUPT.add(0)
    with pytest.raises(KeyboardInterrupt):
        run(4, tmp_path / "out.zarr", resume=True, **options)
    found = xr.open_zarr(tmp_path / "out.zarr")
    assert found.xsim_outcome.values.tolist() == ["pending", "done", "done", "done"]
    np.testing.assert_array_equal(last_heights(tmp_path / "out.zarr"), [np.nan, 2, 4, 6])


@pytest.mark.parametrize(("chunk", "block"), [(10, None), (2, 5), (3, 5), (4, None)])
def test_members_appended_to_a_chunk_leave_the_others(tmp_path, chunk, block):
    """Members that are appended to a chunk which was larger than the batch are in one block with it (DESIGN §B3)."""
    encoding = {"plant__height": {"chunks": (chunk,)}}
    run(5, tmp_path / "out.zarr", encoding=encoding, block=block)
    for members in (7, 12, 31):
        run(members, tmp_path / "out.zarr", encoding=encoding, resume=True, parallel=True, workers=2)
        assert last_heights(tmp_path / "out.zarr") == [2.0 * k for k in range(members)]


def test_members_appended_to_chunks_of_a_grid_leave_the_others(tmp_path):
    """The same along each of two batch dimensions."""
    k = np.arange(42).reshape(6, 7)
    encoding = {"plant__height": {"chunks": (4, 5)}}
    for rows, columns in ((3, 2), (3, 6), (5, 6), (6, 7)):
        run(k[:rows, :columns], tmp_path / "out.zarr", ["a", "b"], encoding=encoding, resume=True)
        assert last_heights(tmp_path / "out.zarr") == (2.0 * k[:rows, :columns]).tolist()


def test_a_single_run_is_never_replaced(tmp_path):
    """resume=True in the store of a single run is refused, and the store stays."""
    setup_of(3).xsim.run(MODEL, store=tmp_path / "out.zarr")
    with pytest.raises(xs.errors.StoreExistsError) as caught:
        run(4, tmp_path / "out.zarr", resume=True)
    assert str(caught.value) == (
        f"store {str(tmp_path / 'out.zarr')!r} holds outputs, but no journal of a batch that could go on\n"
        "  got: 'plant__height'\n"
        "  expected: a batch that was begun there, or nothing\n"
        "  remedy: choose another store, or replace this one: mode='w' without resume=True"
    )
    assert last_heights(tmp_path / "out.zarr") == 6


def test_a_batch_without_its_journal_is_never_replaced(tmp_path):
    """A copy of a store that lacks the journal is refused, and stays."""
    run(4, tmp_path / "out.zarr")
    shutil.rmtree(tmp_path / "out.zarr" / "xsim_journal")
    with pytest.raises(xs.errors.StoreExistsError, match="no journal"):
        run(4, tmp_path / "out.zarr", resume=True)
    assert last_heights(tmp_path / "out.zarr") == [0, 2, 4, 6]


def test_an_interrupted_setup_is_written_again(tmp_path):
    """A kill while the setup of appended members is written leaves arrays without values, which count for nothing."""
    run(4, tmp_path / "out.zarr")
    stored = zarr.open_group(tmp_path / "out.zarr", use_consolidated=False)["plant__k"]
    stored.resize((6,))
    shutil.rmtree(tmp_path / "out.zarr" / "plant__k" / "c")
    run(6, tmp_path / "out.zarr", resume=True)
    assert xr.open_zarr(tmp_path / "out.zarr").plant__k.values.tolist() == [0, 1, 2, 3, 4, 5]


def test_other_locks_go_on(tmp_path):
    """Where locks are, and of which kind, may change between runs; whether there are any may not (DESIGN §B4)."""

    def encoding(synchronizer):
        return {"plant__height": {"chunks": (3,), "synchronizer": synchronizer}}

    store = tmp_path / "out.zarr"
    run(5, store, encoding=encoding(xs.ThreadSynchronizer()), block=2)
    run(9, store, encoding=encoding(xs.ProcessSynchronizer(tmp_path / "locks")), resume=True)
    assert last_heights(store) == [2.0 * k for k in range(9)]
    with pytest.raises(xs.errors.ResumeError, match="synchronizer"):
        run(9, store, encoding={"plant__height": {"chunks": (3,)}}, resume=True)


def test_what_was_streamed_is_cleared_when_nothing_new_starts(tmp_path):
    """Rows of a member that was killed while streaming are missing, also if the run ends before its turn (§B6)."""
    FAIL.update([1, 2])
    run(4, tmp_path / "out.zarr", block=1, max_failures=2)
    zarr.open_group(tmp_path / "out.zarr", use_consolidated=False)["plant__height"][3] = 7.0
    run(4, tmp_path / "out.zarr", resume=True, max_failures=1)
    found = xr.open_zarr(tmp_path / "out.zarr")
    assert found.xsim_outcome.values.tolist() == ["done", "failed", "pending", "pending"]
    assert np.isnan(found.plant__height).all("time").values.tolist() == [False, True, True, True]


def test_a_half_deleted_copy_of_an_index_counts_for_nothing(tmp_path, monkeypatch):
    """A kill while the copy that stood aside is deleted, file by file, leaves no copy without values (DESIGN §B13)."""

    @xs.process
    class Grid:
        k = xs.variable()
        x = xs.index(dims="x")

        def initialize(self):
            self.x = np.array([3.0, 4.0])

    model = xs.Model({"grid": Grid})
    store = tmp_path / "out.zarr"

    def go(members, **options):
        setup = xs.create_setup(model=model, clocks={"time": [0, 1]}, input_vars={"grid__k": ("m", np.arange(members))})
        setup.xsim.run(model, batch_dim="m", store=store, **options)

    delete = zarr.Group.__delitem__

    def killed_within(self, key):
        if key.startswith("xsim_aside_"):
            shutil.rmtree(tmp_path / "out.zarr" / key / "c")
            raise KeyboardInterrupt
        delete(self, key)

    with monkeypatch.context() as patch:
        patch.setattr(zarr.Group, "__delitem__", killed_within)
        with pytest.raises(KeyboardInterrupt):
            go(2)
    go(3, resume=True)
    assert xr.open_zarr(store).x.values.tolist() == [3.0, 4.0]


@pytest.mark.parametrize("begun", [False, True])
def test_an_interruption_of_the_book_loses_nothing(tmp_path, monkeypatch, begun):
    """What the coordinator has not taken notice of yet counts when it is interrupted: index variables that differ,
    sizes, and integers that are as a missing value would be (DESIGN §B13, §S1)."""

    @xs.process
    class Grid:
        k = xs.variable()
        x = xs.index(dims="x")
        low = xs.variable(dims="y", intent="out")

        def initialize(self):
            self.x = np.arange(int(self.k)) * 1.5
            self.low = np.full(int(self.k), np.iinfo(int).min)

    model = xs.Model({"grid": Grid})
    setup = xs.create_setup(
        model=model,
        clocks={"time": [0, 1]},
        input_vars={"grid__k": ("m", [2, 1, 3, 4])},
        output_vars={"grid__low": None},
    )
    expected = setup.xsim.run(model, batch_dim="m")
    if begun:
        setup.xsim.run(model, batch_dim="m", store=tmp_path / "out.zarr", block=1)
    enter, once = Book.enter, [KeyboardInterrupt]

    def interrupted(book, members, results):
        if book.done == 2 and once:
            raise once.pop()
        return enter(book, members, results)

    monkeypatch.setattr(Book, "enter", interrupted)
    with pytest.raises(KeyboardInterrupt):
        setup.xsim.run(model, batch_dim="m", store=tmp_path / "out.zarr", block=1, resume=begun)
    done = 4 if begun else 3
    found = xr.open_zarr(tmp_path / "out.zarr")
    assert found.xsim_outcome.values.tolist() == ["done"] * done + ["pending"] * (4 - done)
    np.testing.assert_array_equal(found.x[:done], expected.x[:done, : found.sizes["x"]])
    assert found.sizes["x"] == found.sizes["y"] == (4 if begun else 3)
    assert (found.grid__low[2, :3] == np.iinfo(int).min).all()
    result = setup.xsim.run(model, batch_dim="m", store=tmp_path / "out.zarr", resume=True)
    xs.testing.assert_identical_runs(result, expected)


def test_a_lazy_setup_that_is_appended_to(tmp_path):
    """Members are appended to the lazy setup of the store that they go into, which is written anew meanwhile."""
    run(4, tmp_path / "out.zarr")
    more = setup_of(np.arange(7))
    stored = xr.open_zarr(tmp_path / "out.zarr").plant__k
    more["plant__k"] = xr.concat([stored, more.plant__k.isel(m=slice(4, 7)).chunk()], "m")
    more.xsim.run(MODEL, batch_dim="m", store=tmp_path / "out.zarr", resume=True)
    assert last_heights(tmp_path / "out.zarr") == [2.0 * k for k in range(7)]
    assert xr.open_zarr(tmp_path / "out.zarr").plant__k.values.tolist() == [0, 1, 2, 3, 4, 5, 6]


def contents(store):
    return {path.relative_to(store): path.read_bytes() for path in store.rglob("*") if path.is_file()}


@pytest.mark.parametrize("name", ["xsim_journal", "plant__height", "plant__k"])
def test_damaged_metadata_are_refused(tmp_path, name):
    """An array whose metadata are cut off is told of, and nothing is touched."""
    store = tmp_path / "out.zarr"
    run(4, store)
    (store / name / "zarr.json").write_text('{"zarr_format": 3, "nod')
    before = contents(store)
    with pytest.raises(xs.errors.StoreError, match="is damaged: metadata of an array cannot be read"):
        run(6, store, resume=True)
    assert contents(store) == before


def test_lost_arrays_are_refused(tmp_path):
    """An array that members have saved to is never made anew: what they have saved would read as missing."""
    run(4, tmp_path / "out.zarr")
    shutil.rmtree(tmp_path / "out.zarr" / "plant__height")
    with pytest.raises(xs.errors.StoreError) as caught:
        run(6, tmp_path / "out.zarr", resume=True)
    assert str(caught.value) == (
        "the store is damaged: arrays are missing\n"
        "  got: a journal of members that have saved 'plant__height'\n"
        "  expected: a whole copy of the store of a run\n"
        "  remedy: copy it again, or run it into another store"
    )


def test_a_journal_that_does_not_say_of_what_is_refused(tmp_path):
    """Without the facts of the run nothing can go on."""
    run(4, tmp_path / "out.zarr")
    zarr.open_group(tmp_path / "out.zarr", use_consolidated=False)["xsim_journal"].attrs.put({})
    with pytest.raises(xs.errors.StoreError, match="the journal of the run in the store is damaged"):
        run(4, tmp_path / "out.zarr", resume=True)


def test_a_record_that_lacks_a_part_runs_again(tmp_path):
    """A record of a member that is done, but not of what it saved, counts as none."""
    run(4, tmp_path / "out.zarr")
    zarr.open_group(tmp_path / "out.zarr", use_consolidated=False)["xsim_journal"][1] = '{"outcome": "done"}'
    run(4, tmp_path / "out.zarr", resume=True)
    assert last_heights(tmp_path / "out.zarr") == [0, 2, 4, 6]


CELL = """
@xs.process
class Grows:
    k = xs.variable()
    size = xs.variable(intent="out")

    def initialize(self):
        self.size = {}
"""


def test_code_of_notebooks_is_compared(tmp_path, monkeypatch):
    """Of a class in a cell no source text can be had, but of its methods; a changed one is refused (DESIGN §B7)."""

    def go(cell, value, members, **options):
        text, name, names = CELL.format(value), f"<ipython-input-{cell}>", {"xs": xs, "__name__": "a_notebook"}
        linecache.cache[name] = (len(text), None, text.splitlines(True), name)
        exec(compile(text, name, "exec"), names)
        model = xs.Model({"grows": names["Grows"]})
        setup = xs.create_setup(
            model=model,
            clocks={"time": [0, 1]},
            input_vars={"grows__k": ("m", np.arange(members))},
            output_vars={"grows__size": None},
        )
        return setup.xsim.run(model, batch_dim="m", store=tmp_path / "out.zarr", **options)

    monkeypatch.setitem(sys.modules, "a_notebook", types.ModuleType("a_notebook"))
    go(1, 1.5, 2)
    go(2, 1.5, 3, resume=True)
    with pytest.raises(xs.errors.ResumeError, match="process 'grows': other source text"):
        go(3, 2.5, 4, resume=True)
    result = go(4, 2.5, 4, resume=True, accept_code_change=True)
    assert result.grows__size.values.tolist() == [1.5, 1.5, 1.5, 2.5]
