"""Runs into every kind of store that zarr writes to, in every way (DESIGN §S4, §B5)."""

import itertools
from textwrap import dedent

import fsspec
import icechunk
import numpy as np
import obstore
import pytest
import xarray as xr
import zarr
from zarr.storage import FsspecStore, LocalStore, MemoryStore, ObjectStore, StorePath, ZipStore

import xsim as xs
from xsim.errors import StoreError, StoreExistsError

numbers = itertools.count()


@xs.process
class Pond:
    rate = xs.variable(default=1.0)
    x = xs.index(dims="x")
    level = xs.variable(dims="x", intent="out")
    grown = xs.variable(dims="y", intent="out")
    name = xs.variable(intent="out")

    def initialize(self):
        self.x = np.arange(3.0)
        self.level = self.rate * self.x
        self.grown = np.arange(1.0)
        self.name = "pond"

    @xs.runtime(args="step")
    def run_step(self, step):
        self.level = self.level + 1
        self.grown = np.arange(step + self.rate)


MODEL = xs.Model({"pond": Pond})
SETUP = xs.create_setup(
    MODEL, {"t": np.arange(4)}, output_vars={"pond__level": "t", "pond__grown": "t", "pond__name": None}
)
BATCH = SETUP.xsim.update_vars(MODEL, input_vars={"pond__rate": ("batch", np.arange(1.0, 6))})
OUTPUTS = ["pond__level", "pond__grown", "pond__name", "x"]


def session():
    return icechunk.Repository.create(icechunk.in_memory_storage()).writable_session("main")


STORES = {
    "local": lambda path: LocalStore(path),
    "memory": lambda path: MemoryStore(),
    "dict": lambda path: {},
    "group": lambda path: zarr.open_group(path, mode="w"),
    "group inside": lambda path: zarr.open_group(path, mode="w").create_group("a/b"),
    "path inside": lambda path: StorePath(LocalStore(path), "a/b"),
    "URL of memory": lambda path: f"memory://{next(numbers)}",
    "fsspec in memory": lambda path: FsspecStore.from_url(f"memory://{next(numbers)}"),
    "fsspec on files": lambda path: FsspecStore.from_url(f"file://{path}"),
    "mapping of fsspec in memory": lambda path: fsspec.get_mapper(f"memory://{next(numbers)}"),
    "mapping of fsspec on files": lambda path: fsspec.get_mapper(f"file://{path}"),
    "obstore in memory": lambda path: ObjectStore(obstore.store.MemoryStore()),
    "obstore on files": lambda path: ObjectStore(obstore.store.LocalStore(path, mkdir=True)),
    "store of icechunk": lambda path: session().store,
    "icechunk": lambda path: session(),
}


@pytest.fixture(params=STORES)
def store(request, tmp_path):
    return STORES[request.param](tmp_path / "out.zarr")


def place(store):
    """Give what xarray opens."""
    if isinstance(store, icechunk.Session):
        return store.store
    return store.store_path if isinstance(store, zarr.Group) else store


def plainly(store):
    consolidated = {} if getattr(place(store), "supports_consolidated_metadata", True) else {"consolidated": False}
    return xr.open_zarr(place(store), **consolidated)


def check(result, store, expected):
    for found in (result, plainly(store)):
        for name in OUTPUTS:
            np.testing.assert_array_equal(found[name], expected[name], strict=found is result)


def test_a_single_run(store):
    """A run into any store gives what it gives in memory, also for plain xarray."""
    check(SETUP.xsim.run(MODEL, store=store), store, SETUP.xsim.run(MODEL))


@pytest.mark.parametrize("scheduler", ["synchronous", "threads", "processes"])
def test_a_batch(store, scheduler):
    """A batch into any store gives what it gives in memory, also with worker processes that cannot reach the store."""
    result = BATCH.xsim.run(MODEL, "batch", store=store, parallel=True, scheduler=scheduler, workers=2)

    check(result, store, BATCH.xsim.run(MODEL, "batch"))
    assert (result.xsim.outcome == "done").all()


@pytest.mark.parametrize("kind", [kind for kind in STORES if kind != "icechunk"])
def test_replacing(kind, tmp_path):
    """A store with results is refused, and replaced where that is asked for (DESIGN §B7)."""
    store = STORES[kind](tmp_path / "out.zarr")
    SETUP.xsim.run(MODEL, store=store)
    with pytest.raises(StoreExistsError):
        SETUP.xsim.run(MODEL, store=store)
    other = SETUP.xsim.update_vars(MODEL, input_vars={"pond__rate": 5.0})

    check(other.xsim.run(MODEL, store=store, mode="w"), store, other.xsim.run(MODEL))


@pytest.mark.parametrize("fails", [False, True])
def test_an_icechunk_session_is_committed_when_the_run_ends(fails):
    """A session is committed when a run ends, whatever the outcome; what a run writes to its store is not."""

    @xs.process
    class Failing(Pond):
        @xs.runtime(args="step")
        def run_step(self, step):
            if step == 2:
                raise ZeroDivisionError

    model = xs.Model({"pond": Failing if fails else Pond})
    repo = icechunk.Repository.create(icechunk.in_memory_storage())
    for given in ("session", "store"):
        session = repo.writable_session("main")
        setup = SETUP
        try:
            setup.xsim.run(model, store=session if given == "session" else session.store, mode="w")
        except ZeroDivisionError:
            assert fails
        assert session.read_only == (given == "session")

    found = xr.open_zarr(repo.readonly_session("main").store, consolidated=False)
    assert found.attrs["xsim_outcome"] == ("failed" if fails else "done")
    assert next(repo.ancestry(branch="main")).message == f"xsim run: {found.attrs['xsim_outcome']}"


def test_a_session_that_somebody_else_overtook():
    """A branch that moved on while the run went is a clear error, and the results are still in the session."""
    repo = icechunk.Repository.create(icechunk.in_memory_storage())
    session, other = repo.writable_session("main"), repo.writable_session("main")
    zarr.create_group(other.store)
    other.commit("overtaken")
    with pytest.raises(StoreError) as error:
        SETUP.xsim.run(MODEL, store=session)

    assert error.value.problem == "the session of icechunk cannot be committed"
    assert error.value.remedy == "the results are in the session: session.rebase(...), then session.commit(...)"
    assert xr.open_zarr(session.store, consolidated=False).sizes["t"] == 4


def test_a_committed_session_is_refused():
    """A session that is committed already cannot be written to; the message says what to do."""
    store = session()
    SETUP.xsim.run(MODEL, store=store)
    with pytest.raises(StoreError) as error:
        SETUP.xsim.run(MODEL, store=store)

    assert (
        str(error.value)
        == dedent("""
        the icechunk session is read-only
          remedy: give a new session: repo.writable_session('main')
        """).strip()
    )


@pytest.mark.parametrize("mode", ["w", "a", "x"])
def test_a_zip_file_is_refused(tmp_path, mode):
    """In a zip file nothing can be replaced, as a run does with metadata: it is refused while planning (DESIGN §E1)."""
    store = ZipStore(tmp_path / "out.zip", mode=mode)
    with pytest.raises(StoreError) as error:
        SETUP.xsim.run(MODEL, store=store)

    assert (
        str(error.value)
        == dedent(f"""
        {store} cannot be the store of a run
          got: a zip file, where nothing can be replaced or removed
          expected: a store that can be written piece by piece
          remedy: run into a directory and pack it: shutil.make_archive('out', 'zip', 'out.zarr'); \
zarr.storage.ZipStore('out.zip') reads it
        """).strip()
    )
    assert not (tmp_path / "out.zip").exists()


def test_the_remedy_for_zip_files(tmp_path):
    """A directory that is packed opens as a store."""
    import shutil

    SETUP.xsim.run(MODEL, store=tmp_path / "out.zarr")
    shutil.make_archive(str(tmp_path / "out"), "zip", tmp_path / "out.zarr")

    with ZipStore(tmp_path / "out.zip") as store:
        np.testing.assert_array_equal(xr.open_zarr(store).pond__level, SETUP.xsim.run(MODEL).pond__level)


def test_directories_of_a_file_system_are_made(tmp_path):
    """A store of fsspec on files makes no directories; runs into it do all the same."""
    filesystem = fsspec.filesystem("file", auto_mkdir=False)
    store = FsspecStore(
        fsspec.implementations.asyn_wrapper.AsyncFileSystemWrapper(filesystem, asynchronous=True),
        path=str(tmp_path / "new" / "out.zarr"),
    )
    SETUP.xsim.run(MODEL, store=store)

    assert xr.open_zarr(tmp_path / "new" / "out.zarr").sizes["t"] == 4
