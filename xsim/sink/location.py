"""A place for a Zarr store: what is there already, and whether it can be written to."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import zarr
from zarr.abc.store import Store
from zarr.storage import LocalStore, StorePath, WrapperStore

from xsim._base.render import names
from xsim.errors import StoreError, StoreExistsError
from xsim.setup.attributes import OUTCOME
from xsim.sink.codecs import quiet


def location_of(store: Any) -> Any:
    """Give what zarr takes as a store for a path, a store or a group.

    Raises
    ------
    StoreError
        If it is none of these.
    """
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
    if isinstance(store, dict):
        return zarr.storage.MemoryStore(store)
    raise StoreError(
        "store= is nothing that zarr writes to",
        got=f"{type(store).__name__}: {str(store)[:60]}",
        expected="a path, a URL, a zarr store or a zarr.Group; None keeps the result in memory",
    )


def _absolute(store: Store) -> Store:
    if isinstance(store, LocalStore) and not store.root.is_absolute():
        return LocalStore(store.root.absolute(), read_only=store.read_only)
    return store


def check_location(location: Any, mode: str) -> None:
    """Check that a run can write there.

    Raises
    ------
    StoreExistsError
        If something is there, and it is not to be replaced.
    StoreError
        If it is not a Zarr group, or cannot be written to.
    """
    if isinstance(location, (Store, StorePath)) and _store_of(location).read_only:
        raise StoreError(f"{location} is read-only", remedy="open it with read_only=False")
    path = _local_path(location)
    if path is not None:
        _check_permission(path)
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
            remedy="choose another one, or replace it with mode='w'",
        )
    if found.metadata.zarr_format != 3:
        raise StoreError(
            f"store {_show(location)} is an empty group of Zarr format {found.metadata.zarr_format}",
            expected="format 3",
            remedy="replace it with mode='w'",
        )


def _existing(location: Any) -> zarr.Group | None:
    try:
        with quiet():  # consolidated metadata name the codecs of all arrays
            return zarr.open_group(location, mode="r")
    except (FileNotFoundError, NotADirectoryError, KeyError):
        return None
    except ValueError as error:  # an array where a group should be
        raise StoreError(f"store {_show(location)} is no Zarr group", got=str(error)) from error


def _check_path(path: Path) -> None:
    if path.is_dir():
        inside = sorted(entry.name for entry in path.iterdir())
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


def _local_path(location: Any) -> Path | None:
    if isinstance(location, str):
        return None if "://" in location or "::" in location else Path(location)
    store = _store_of(location)
    inside = location.path if isinstance(location, StorePath) else ""
    if isinstance(store, LocalStore):
        return Path(store.root) / inside
    protocol = getattr(getattr(store, "fs", None), "protocol", ())
    if "file" in ((protocol,) if isinstance(protocol, str) else protocol):  # fsspec on local files
        return Path(getattr(store, "path", "")) / inside
    return None


def _store_of(location: Any) -> Store:
    return location.store if isinstance(location, StorePath) else location


def _show(location: Any) -> str:
    return repr(str(location))


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
