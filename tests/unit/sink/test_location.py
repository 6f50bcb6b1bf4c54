"""Where a store may be, and what is never overwritten (DESIGN §S4, §B7, §E1)."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from textwrap import dedent

import numpy as np
import pytest
import xarray as xr
import zarr

from xsim.errors import StoreError, StoreExistsError


def message(error):
    return str(error.value)


def text(lines):
    return dedent(lines).strip()


@pytest.mark.parametrize(
    "make",
    [
        str,
        Path,
        zarr.storage.LocalStore,
        lambda path: zarr.storage.MemoryStore(),
        lambda path: {},
        lambda path: zarr.open_group(path, mode="w"),
        lambda path: zarr.create_group(zarr.storage.MemoryStore()),
        lambda path: f"file://{path}",
        lambda path: zarr.storage.StorePath(zarr.storage.MemoryStore(), "inside"),
    ],
    ids=["str", "Path", "LocalStore", "MemoryStore", "dict", "Group", "Group in memory", "URL", "StorePath"],
)
def test_all_that_zarr_writes_to(run_values, tmp_path, make):
    """A path, a URL, a zarr store, a group and a dict are stores (DESIGN §S4)."""
    store = make(tmp_path / "out.zarr")
    result = run_values([1, 2, 3], store=store)

    assert result.p__v.values.tolist() == [1, 2, 3]
    place = store.store_path if isinstance(store, zarr.Group) else store
    assert xr.open_zarr(place).p__v.values.tolist() == [1, 2, 3]


def test_folders_above_are_made(run_values, tmp_path):
    """Folders that do not exist yet are made."""
    run_values([1, 2], store=tmp_path / "a" / "b" / "out.zarr")

    assert xr.open_zarr(tmp_path / "a" / "b" / "out.zarr").p__v.values.tolist() == [1, 2]


@pytest.mark.parametrize("mode", ["w-", "w"])
def test_a_group_in_a_larger_store(run_values, mode):
    """A run writes into its group, and leaves the groups beside it alone, also when it replaces (DESIGN §S4)."""
    store = zarr.storage.MemoryStore()
    root = zarr.create_group(store)
    root.create_array("beside", data=np.arange(3))
    group = root.create_group("runs/first")
    if mode == "w":
        group.create_array("old", data=np.arange(3))
    result = run_values([1, 2], store=group, mode=mode)

    assert result.p__v.values.tolist() == [1, 2]
    assert root["beside"][:].tolist() == [0, 1, 2]
    assert sorted(name for name, _ in zarr.open_group(group.store_path, mode="r").members()) == ["p__v", "t"]


def test_an_empty_directory_is_a_place(run_values, tmp_path):
    """A directory that is empty is taken."""
    assert run_values([1, 2], store=tmp_path).p__v.values.tolist() == [1, 2]


def test_a_store_with_results_is_refused(run_values, tmp_path):
    """With mode "w-" a store that holds something is refused, and stays as it is (DESIGN §B7)."""
    path = tmp_path / "out.zarr"
    run_values([1, 2], store=path)
    with pytest.raises(StoreExistsError) as error:
        run_values([3, 4], store=path)

    assert message(error) == text(f"""
        store '{path}' already holds something
          got: a finished run: 'p__v', 't'
          expected: a store that does not exist yet, or is empty
          remedy: choose another one, or replace it with mode='w'
        """)
    assert isinstance(error.value, FileExistsError)
    assert xr.open_zarr(path).p__v.values.tolist() == [1, 2]


def test_a_store_with_a_failed_run_is_refused(run_values):
    """A store with a run that failed is refused too; the message says what it is."""
    store = zarr.storage.MemoryStore()
    with pytest.raises(ZeroDivisionError):
        run_values([1, 2, 3], store=store, fail_at=1, error=ZeroDivisionError())
    with pytest.raises(StoreExistsError) as error:
        run_values([1, 2, 3], store=store)

    assert message(error) == text(f"""
        store '{store}' already holds something
          got: a run that is 'failed': 'p__v', 't'
          expected: a store that does not exist yet, or is empty
          remedy: choose another one, or replace it with mode='w'
        """)


def test_a_store_of_somebody_else_is_refused(run_values):
    """A store that holds an array of another origin is refused."""
    store = zarr.storage.MemoryStore()
    zarr.create_group(store).create_array("theirs", data=np.arange(3))
    with pytest.raises(StoreExistsError) as error:
        run_values([1, 2, 3], store=store)

    assert message(error) == text(f"""
        store '{store}' already holds something
          got: 'theirs'
          expected: a store that does not exist yet, or is empty
          remedy: choose another one, or replace it with mode='w'
        """)


def test_mode_w_replaces(run_values, tmp_path):
    """With mode "w" nothing of the earlier run remains."""
    path = tmp_path / "out.zarr"
    run_values([np.zeros(3)] * 2, "x", store=path)
    zarr.open_group(path).create_array("more", data=np.arange(3))
    run_values([4], store=path, mode="w")

    assert xr.open_zarr(path).p__v.values.tolist() == [4]
    assert sorted(entry.name for entry in path.iterdir()) == ["p__v", "t", "zarr.json"]


@pytest.mark.parametrize("mode", ["w-", "w"])
@pytest.mark.parametrize(
    "make", [str, Path, zarr.storage.LocalStore, "file://{}".format], ids=["str", "Path", "LocalStore", "URL"]
)
def test_a_directory_with_other_files_is_never_deleted(run_values, tmp_path, mode, make):
    """A directory that is no store is refused, also with mode "w", whatever way it is named; its files stay."""
    path = tmp_path / "work"
    path.mkdir()
    (path / "notes.txt").write_text("precious")
    with pytest.raises(StoreExistsError) as error:
        run_values([1, 2], store=make(path), mode=mode)

    assert message(error) == text(f"""
        '{path}' is a directory, but no Zarr group
          got: files 'notes.txt'
          expected: a path that does not exist yet, an empty directory, or a Zarr group
          remedy: choose another path, e.g. 'out.zarr'
        """)
    assert [entry.name for entry in path.iterdir()] == ["notes.txt"]


@pytest.mark.parametrize("mode", ["w-", "w"])
def test_a_file_is_refused(run_values, tmp_path, mode):
    """A file is no place for a store, and stays."""
    path = tmp_path / "out.zarr"
    path.write_text("precious")
    with pytest.raises(StoreExistsError) as error:
        run_values([1, 2], store=path, mode=mode)

    assert message(error) == text(f"""
        '{path}' is a file
          expected: a path that does not exist yet, or a directory
        """)
    assert path.read_text() == "precious"


def test_a_path_below_a_file_is_refused(run_values, tmp_path):
    """Nothing can be made below a file."""
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError) as error:
        run_values([1, 2], store=tmp_path / "file" / "out.zarr")

    assert message(error) == f"'{tmp_path}/file/out.zarr' cannot be made: '{tmp_path}/file' is no directory"


@pytest.mark.parametrize("mode", ["w-", "w"])
def test_an_array_is_refused(run_values, mode):
    """A Zarr array is no group, and is not replaced."""
    store = zarr.storage.MemoryStore()
    zarr.create_array(store, data=np.arange(3))
    with pytest.raises(StoreError) as error:
        run_values([1, 2], store=store, mode=mode)

    assert error.value.problem == f"store '{store}' is no Zarr group"
    assert zarr.open_array(store)[:].tolist() == [0, 1, 2]


def test_a_group_of_format_2_is_refused(run_values, tmp_path):
    """Stores are of format 3; an empty group of format 2 has to be replaced on purpose (DESIGN §S4)."""
    path = tmp_path / "old.zarr"
    zarr.open_group(path, mode="w", zarr_format=2)
    with pytest.raises(StoreError) as error:
        run_values([1, 2], store=path)

    assert message(error) == text(f"""
        store '{path}' is an empty group of Zarr format 2
          expected: format 3
          remedy: replace it with mode='w'
        """)

    run_values([1, 2], store=path, mode="w")

    assert zarr.open_group(path, mode="r").metadata.zarr_format == 3


@pytest.mark.parametrize("mode", ["w-", "w"])
def test_a_read_only_store_is_refused(run_values, mode):
    """A store opened for reading is refused before the run (DESIGN §E1)."""
    store = zarr.storage.MemoryStore(read_only=True)
    with pytest.raises(StoreError) as error:
        run_values([1, 2], store=store, mode=mode, fail_at=0, error=AssertionError("the run began"))

    assert message(error) == text(f"""
        {store} is read-only
          remedy: open it with read_only=False
        """)


def test_a_read_only_group_is_refused(run_values, tmp_path):
    """A group opened for reading is refused, and stays as it is."""
    run_values([1, 2], store=tmp_path / "out.zarr")
    group = zarr.open_group(tmp_path / "out.zarr", mode="r")
    with pytest.raises(StoreError) as error:
        run_values([3, 4], store=group, mode="w")

    assert message(error) == text(f"""
        {group.store_path} is read-only
          remedy: open it with read_only=False
        """)
    assert xr.open_zarr(tmp_path / "out.zarr").p__v.values.tolist() == [1, 2]


def test_something_that_is_no_store(run_values):
    """What zarr cannot write to is refused."""
    with pytest.raises(StoreError) as error:
        run_values([1, 2], store=3)

    assert message(error) == text("""
        store= is nothing that zarr writes to
          got: int: 3
          expected: a path, a URL, a zarr store, a zarr.Group or an icechunk session; None keeps the result in memory
        """)


PROGRAM = """
import os
import sys
import xsim as xs

@xs.process
class P:
    v = xs.variable(intent="out")
    def initialize(self):
        self.v = 1

model = xs.Model({"p": P})
setup = xs.create_setup(model, {"t": [0]}, output_vars={"p__v": "t"})
setup.xsim.run(model, store={})  # imports all that is needed
if os.getuid() == 0:  # root may write everywhere
    os.setuid(65534)
try:
    setup.xsim.run(model, store=sys.argv[1])
except xs.errors.StoreError as error:
    print(error)
"""


def run_without_permission(path):
    """Run a program that tries to write to a path as a user without special rights."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, "-c", PROGRAM, path], env=environment, capture_output=True, text=True)
    assert done.stderr == ""
    return done.stdout


def test_a_place_without_permission_is_refused():
    """Where the user may not write, the run is refused before it begins (DESIGN §E1)."""
    with tempfile.TemporaryDirectory() as folder:  # pytest's own folders cannot be entered by another user
        Path(folder).chmod(0o555)
        shown = run_without_permission(f"{folder}/a/out.zarr")

    assert shown == f"'{folder}/a/out.zarr' cannot be written: no permission to write to '{folder}'\n"


@pytest.mark.slow
def test_a_place_that_cannot_be_entered_is_refused():
    """A folder that the user may not even look into is refused in the same way (DESIGN §E2)."""
    with tempfile.TemporaryDirectory() as folder:
        closed = Path(folder, "closed")
        closed.mkdir(0o000)
        Path(folder).chmod(0o755)
        shown = run_without_permission(f"{closed}/out.zarr")

    assert shown == f"'{closed}/out.zarr' cannot be written: no permission to write to '{closed}'\n"


@pytest.mark.slow
def test_a_store_without_permission_is_refused():
    """A store that the user may only read cannot be replaced (DESIGN §E1)."""
    program = PROGRAM.replace("store=sys.argv[1]", "store=sys.argv[1], mode='w'")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "out.zarr")
        zarr.open_group(path, mode="w")
        for place in (Path(folder), path, path / "zarr.json"):
            place.chmod(0o555)
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
        done = subprocess.run([sys.executable, "-c", program, path], env=environment, capture_output=True, text=True)

    assert done.stderr == ""
    assert done.stdout == f"'{path}' cannot be written: no permission to write to '{path}'\n"
