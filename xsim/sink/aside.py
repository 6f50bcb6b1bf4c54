"""Copies that stand aside while an array is replaced, so that nothing is lost wherever the process is killed.

Replacing an array takes several writes. Its copy counts in its place, from the moment that it is called complete until
it is not any more; before and after that the array itself is whole.
"""

from __future__ import annotations

import json
from typing import Any

import zarr
from zarr.core.buffer import default_buffer_prototype
from zarr.core.sync import sync

from xsim.sink.codecs import quiet
from xsim.sink.in_group import array_in, find_array

COMPLETE = "xsim_complete"
ASIDE = "xsim_aside_"
"""What the name of a copy begins with."""


def aside(name: str) -> str:
    """Name the copy of an array."""
    return f"{ASIDE}{name}"


def find_copy(group: zarr.Group, name: str) -> zarr.Array[Any] | None:
    """Give the copy of an array that counts in its place; None if the array itself does."""
    array = find_array(group, aside(name))
    return array if array is not None and array.attrs.get(COMPLETE) else None


def call_complete(group: zarr.Group, name: str) -> None:
    """Let the copy of an array count in its place from now on."""
    with quiet():
        array_in(group, aside(name)).attrs[COMPLETE] = True


def drop_copy(group: zarr.Group, name: str) -> None:
    """Delete a copy: it counts for nothing from one moment on, since its files go one after the other."""
    if find_copy(group, name) is not None:
        with quiet():
            array_in(group, aside(name)).attrs[COMPLETE] = False
    if aside(name) in group:
        del group[aside(name)]


def put_in_place(group: zarr.Group, name: str) -> None:
    """Put the copy of an array, which counts, in its place."""
    if name in group:
        del group[name]
    within = f"{group.path}/" if group.path else ""
    sync(_copy(group.store, f"{within}{aside(name)}", f"{within}{name}"))
    drop_copy(group, name)


async def _copy(store: Any, source: str, target: str) -> None:
    # As it stands, whatever its codecs, and one chunk at a time. Metadata first: not all stores take chunks without.
    prototype = default_buffer_prototype()
    metadata = json.loads((await store.get(f"{source}/zarr.json", prototype)).to_bytes())
    del metadata["attributes"][COMPLETE]
    await store.set(f"{target}/zarr.json", prototype.buffer.from_bytes(json.dumps(metadata, indent=2).encode()))
    async for key in store.list_prefix(f"{source}/c"):
        await store.set(f"{target}{key.removeprefix(source)}", await store.get(key, prototype))
