"""A place for a Zarr store: what is there already, and whether it can be written to."""

from __future__ import annotations

import os
import re
from contextlib import suppress
from pathlib import Path
from typing import Any

import zarr
from zarr.abc.store import Store
from zarr.storage import FsspecStore, LocalStore, StorePath, WrapperStore, ZipStore

from xsim._base.render import names
from xsim.errors import StoreError, StoreExistsError
from xsim.setup.attributes import OUTCOME, OUTPUT_ROLE, ROLE
from xsim.sink.codecs import quiet
from xsim.sink.journal import JOURNAL


def location_of(store: Any) -> Any:
    """Give what zarr takes as a store for a path, a store or a group.

    Raises
    ------
    StoreError
        If it is none of these.
    """
    if is_session(store):
        store = store.store
    if isinstance(store, zarr.Group):
        store = store.store_path
    if isinstance(store, (str, os.PathLike)):
        path = os.fspath(store).removeprefix("file://")
        # Absolute: worker processes may be in another directory than this one.
        return path if "://" in path or "::" in path else os.path.abspath(path)
    if isinstance(store, StorePath):
        return StorePath(_absolute(store.store), store.path)
    if isinstance(store, Store):
        return _absolute(store)
    if type(store).__module__ == "fsspec.mapping":  # not imported: xsim does not need it
        return _absolute(FsspecStore.from_mapper(store))
    if isinstance(store, dict):
        return zarr.storage.MemoryStore(store)
    raise StoreError(
        "store= is nothing that zarr writes to",
        got=f"{type(store).__name__}: {str(store)[:60]}",
        expected="a path, a URL, a zarr store, a zarr.Group or an icechunk session; None keeps the result in memory",
    )


def is_session(store: Any) -> bool:
    """Whether this is a session of icechunk, which is a store only until it is committed."""
    return type(store).__module__.startswith("icechunk") and hasattr(store, "commit")


def _absolute(store: Store) -> Store:
    """Give a store on files as the one that zarr has for them, which makes and removes directories, and stays put."""
    path = store.root if isinstance(store, LocalStore) else _files_of(store)
    return store if path is None else LocalStore(Path(path).absolute(), read_only=store.read_only)


def _files_of(store: Store) -> Path | None:
    """Give the directory of a store of fsspec or obstore on local files."""
    protocol = getattr(getattr(store, "fs", None), "protocol", ())
    if "file" in ((protocol,) if isinstance(protocol, str) else protocol):
        return Path(getattr(store, "path", ""))
    inner = getattr(store, "store", None)
    if type(inner).__name__ == "LocalStore" and type(inner).__module__.startswith("obstore"):
        prefix = getattr(inner, "prefix", None)
        return None if prefix is None else Path(prefix)
    return None


def check_location(location: Any, mode: str) -> None:
    """Check that a run can write there.

    Raises
    ------
    StoreExistsError
        If something is there, and it is not to be replaced.
    StoreError
        If it is not a Zarr group, or cannot be written to.
    """
    path = local_path(location)
    found = _existing(location)
    if found is None and path is not None:
        _check_path(path)
    if found is None or mode == "w":
        return
    with quiet():
        members = [name for name, _ in found.members()]
    held = sorted(found.attrs) + sorted(members)
    if held:
        outcome = str(found.attrs.get(OUTCOME, ""))
        what = {"": "", "done": "a finished run:"}.get(outcome, f"a run that is {outcome!r}:")
        raise StoreExistsError(
            f"store {_show(location)} already holds something",
            got=f"{what} {names(members)}".strip(),
            expected="a store that does not exist yet, or is empty",
            remedy=("go on with it: resume=True; " if JOURNAL in found else "")
            + "choose another one, or replace it with mode='w'",
        )
    if found.metadata.zarr_format != 3:
        raise StoreError(
            f"store {_show(location)} is an empty group of Zarr format {found.metadata.zarr_format}",
            expected="format 3",
            remedy="replace it with mode='w'",
        )


def check_permission(location: Any) -> None:
    """Check that a place can be written to, as far as that shows.

    Raises
    ------
    StoreError
    """
    store = store_of(location)
    if isinstance(store, ZipStore):
        raise StoreError(
            f"{location} cannot be the store of a run",
            got="a zip file, where nothing can be replaced or removed",
            expected="a store that can be written piece by piece",
            remedy="run into a directory and pack it: shutil.make_archive('out', 'zip', 'out.zarr'); "
            "zarr.storage.ZipStore('out.zip') reads it",
        )
    if isinstance(store, Store) and store.read_only:
        session = "give a new session: repo.writable_session('main')"
        raise StoreError(
            f"{_name(location)} is read-only",
            remedy=session if refuses_chunks_beyond(store) else "open it with read_only=False",
        )
    path = local_path(location)
    if path is not None:
        _check_permission(path)


def begun_in(location: Any) -> zarr.Group | None:
    """Give the group of a batch that was begun in a place; None if nothing is there.

    Raises
    ------
    StoreExistsError
        If something else is there.
    """
    group = group_at(location)
    try:
        with quiet():
            if group is None or not [*group.attrs, *group.keys()]:
                return None
    except ValueError as error:
        raise StoreError(
            f"store {_show(location)} is damaged: metadata of an array cannot be read",
            got=f"{type(error).__name__}: {error}",
            expected="a whole copy of the store of a run",
            remedy="copy it again, or run it into another store",
        ) from error
    if OUTCOME not in group.attrs:
        raise StoreExistsError(
            f"store {_show(location)} holds something that is no run of xsim",
            got=names(sorted(group.keys())),
            expected="a batch that was begun there, or nothing",
            remedy="choose another store",
        )
    return group


def check_nothing_saved(group: zarr.Group, location: Any) -> None:
    """Check that a run without a journal has saved nothing, since it is to be begun anew.

    Raises
    ------
    StoreExistsError
        If it has: it is a single run, or the journal of a batch has been lost.
    """
    with quiet():
        outputs = [(name, array) for name, array in group.arrays() if array.attrs.get(ROLE) == OUTPUT_ROLE]
        saved = sorted(name for name, array in outputs if array.nchunks_initialized)
    if saved:
        raise StoreExistsError(
            f"store {_show(location)} holds outputs, but no journal of a batch that could go on",
            got=names(saved),
            expected="a batch that was begun there, or nothing",
            remedy="choose another store, or replace this one: mode='w' without resume=True",
        )


def group_at(location: Any) -> zarr.Group | None:
    """Give the group at a place as it is now, whatever consolidated metadata say; None if nothing is there."""
    return _existing(location, use_consolidated=False)


def writable_group(location: Any) -> zarr.Group:
    """Give the group at a place where there is one, to write beside its data.

    Raises
    ------
    StoreError
        If that is not possible.
    """
    check_permission(location)
    with quiet():
        return zarr.open_group(location, mode="r+", use_consolidated=False)


def _existing(location: Any, use_consolidated: bool | None = None) -> zarr.Group | None:
    try:
        with quiet():  # consolidated metadata name the codecs of all arrays
            return zarr.open_group(location, mode="r", use_consolidated=use_consolidated)
    except (FileNotFoundError, NotADirectoryError, KeyError):
        return None
    except ValueError as error:  # an array where a group should be
        raise StoreError(f"store {_show(location)} is no Zarr group", got=str(error)) from error


def sweep(location: Any) -> None:
    """Delete what writes that were killed have left: files that were to replace others, and folders without files."""
    path = local_path(location)
    if path is None or not path.is_dir():
        return
    for left in path.rglob("*.partial"):
        if _is_left_over(left.name):
            left.unlink(missing_ok=True)
    for folder in path.iterdir():
        with suppress(OSError):  # it is a file, or not empty
            folder.rmdir()


def _is_left_over(name: str) -> bool:
    """Whether a file is one that zarr writes before it takes the place of another."""
    return re.search(r"\.[0-9a-f]{32}\.partial$", name) is not None


def _check_path(path: Path) -> None:
    if path.is_dir():
        inside = sorted(entry.name for entry in path.iterdir() if not _is_left_over(entry.name))
        if inside:
            # Also with mode="w": replacing would delete whatever this is.
            raise StoreExistsError(
                f"{_show(str(path))} is a directory, but no Zarr group",
                got=f"files {names(inside, limit=5)}",
                expected="a path that does not exist yet, an empty directory, or a Zarr group",
                remedy="choose another path, e.g. 'out.zarr'",
            )
    elif path.exists():
        raise StoreExistsError(
            f"{_show(str(path))} is a file", expected="a path that does not exist yet, or a directory"
        )


def _check_permission(path: Path) -> None:
    there = path
    while not _exists(there) and there != there.parent:
        there = there.parent
    if there != path and not there.is_dir():
        raise StoreError(f"{_show(str(path))} cannot be made: {_show(str(there))} is no directory")
    if there.is_dir() and not os.access(there, os.W_OK | os.X_OK):
        raise StoreError(f"{_show(str(path))} cannot be written: no permission to write to {_show(str(there))}")


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except PermissionError:  # below a folder that cannot be entered
        return False


def local_path(location: Any) -> Path | None:
    """Give the path of a place on a file system."""
    if isinstance(location, str):
        return None if "://" in location or "::" in location else Path(location)
    store = store_of(location)
    inside = location.path if isinstance(location, StorePath) else ""
    return Path(store.root) / inside if isinstance(store, LocalStore) else None


def store_of(location: Any) -> Any:
    """Give the store of a place, or the URL of one."""
    return location.store if isinstance(location, StorePath) else location


def _name(location: Any) -> str:
    # Stores of icechunk print much more than a name.
    return "the icechunk session" if refuses_chunks_beyond(store_of(location)) else str(location)


def _show(location: Any) -> str:
    return repr(_name(location))


def refuses_chunks_beyond(store: Any) -> bool:
    """Whether a store takes no chunk outside of the shape of its array, and only from one session (DESIGN §B5)."""
    return type(store).__module__.startswith("icechunk")


def shared_by_processes(store: Store) -> bool:
    """Whether what one process writes to a store is there for others; where that is not known, it is not relied on."""
    while isinstance(store, WrapperStore):
        store = store._store
    if isinstance(store, LocalStore):
        return True
    protocol = getattr(getattr(store, "fs", None), "protocol", None)
    if protocol is None:  # object stores such as those of obstore say where they are
        return str(store).startswith(("object_store://S3", "object_store://GCS", "object_store://Azure"))
    return "memory" not in str(getattr(getattr(store, "fs", None), "sync_fs", store)).lower() + str(protocol).lower()
