"""Notices: what a run that is going on tells other shells, and what they ask of it, beside the data in its store."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable
from contextlib import suppress
from typing import Any

import zarr
from zarr.core.buffer import cpu, default_buffer_prototype
from zarr.core.sync import sync

from xsim.sink.codecs import quiet
from xsim.sink.journal import JOURNAL
from xsim.sink.location import check_permission, refuses_chunks_beyond

STATUS = "status.json"
REQUEST = "cancel-"


class Notices:
    """Notices in a store, each written and read as a whole.

    They lie in the folder of the journal, in which nobody looks for arrays, and are gone when the run has ended.

    Parameters
    ----------
    group : zarr.Group
        Of the run.
    """

    def __init__(self, group: zarr.Group) -> None:
        self._store = group.store
        self._prefix = f"{group.path}/{JOURNAL}".lstrip("/")
        self.possible = not refuses_chunks_beyond(group.store)

    def writable(self, location: Any) -> Notices:
        """Give these notices where runs are read, so that they can be written to.

        Raises
        ------
        StoreError
            If the place cannot be written to.
        """
        check_permission(location)
        with quiet():
            return Notices(zarr.open_group(location, mode="r+", use_consolidated=False))

    def write_status(self, text: str) -> None:
        """Tell how the run is."""
        if self.possible:
            self._write(STATUS, text)

    def read_status(self) -> str:
        """Give how the run is, as it was told last; empty if nobody has told."""
        return self._read(STATUS) if self.possible else ""

    def ask_to_cancel(self, members: Iterable[int]) -> None:
        """Ask the run to cancel members."""
        self._write(f"{REQUEST}{uuid.uuid4().hex}.json", json.dumps([int(member) for member in members]))

    def asked_to_cancel(self) -> list[int]:
        """Take in what has been asked since."""
        members: list[int] = []
        for name in self._names(REQUEST):
            with suppress(ValueError, TypeError, OverflowError):  # not one of ours, or not written whole
                members += [int(member) for member in json.loads(self._read(name))]
            self._delete(name)
        return members

    def clear(self) -> None:
        """Take all notices away."""
        if self.possible:
            for name in (*self._names(REQUEST), *self._names(STATUS)):
                self._delete(name)

    def _names(self, beginning: str) -> list[str]:
        async def find() -> list[str]:
            return [name async for name in self._store.list_dir(self._prefix)]

        if not self.possible:
            return []
        return sorted(name for name in sync(find()) if name.startswith(beginning))

    def _write(self, name: str, text: str) -> None:
        sync(self._store.set(f"{self._prefix}/{name}", cpu.Buffer.from_bytes(text.encode())))

    def _read(self, name: str) -> str:
        found = sync(self._store.get(f"{self._prefix}/{name}", default_buffer_prototype()))
        return "" if found is None else found.to_bytes().decode("utf-8", "replace")

    def _delete(self, name: str) -> None:
        sync(self._store.delete(f"{self._prefix}/{name}"))
