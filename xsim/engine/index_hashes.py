"""Hashes of index variables, by which the coordinator sees whether all members have the same (DESIGN §B13)."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import numpy as np

from xsim.plan.run_plan import RunPlan
from xsim.sink.block_rows import BlockRows

Values = np.ndarray[Any, Any]

NO_HASHES: dict[str, str] = {}
"""Of members without index variables: one object, so that it is written once for many."""


class IndexHashes:
    """Gives the hashes of the index variables of members, most of which have the same ones.

    Parameters
    ----------
    plan : RunPlan

    Attributes
    ----------
    names : tuple of str
        Index variables.
    """

    def __init__(self, plan: RunPlan) -> None:
        self.names = tuple(output.name for output in plan.outputs if output.is_index)
        self._latest: dict[str, tuple[bytes, str]] = {}
        self._found: dict[str, str] = {}

    def of_member(self, rows: BlockRows, place: int) -> dict[str, str]:
        """Give those of a member of a block that is being run."""
        found = {name: saved.rows for name in self.names if (saved := rows.saved(name, place)) is not None}
        return self.of(found)

    def of(self, rows: Mapping[str, Values]) -> dict[str, str]:
        """Give a hash of each index variable that is there, in one object as long as they are the same."""
        found = {name: self._hash(name, rows[name]) for name in self.names if name in rows}
        if found != self._found:
            self._found = found
        return self._found

    def _hash(self, name: str, values: Values) -> str:
        data = "\0".join(map(str, values.flat)).encode() if values.dtype == object else values.tobytes()
        data = f"{values.dtype}{values.shape}".encode() + data
        latest = self._latest.get(name)
        if latest is None or latest[0] != data:
            latest = self._latest[name] = data, hashlib.sha256(data).hexdigest()[:32]
        return latest[1]
