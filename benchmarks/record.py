"""What a run of the benchmarks found, as a file."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Self

from benchmarks.machine import description
from benchmarks.registry import Row


@dataclass
class Record:
    """All rows of a run, and where they come from.

    Attributes
    ----------
    command : str
    small : bool
        Whether sizes were a hundredth, so that numbers mean nothing.
    machine : dict
    seconds : float
        How long it took.
    rows : list of Row
    peers : list of dict
        What peers need for the same cases: case, peer, version, and seconds a unit, or a value, or an error.
    """

    command: str
    small: bool
    machine: dict[str, Any]
    seconds: float
    rows: list[Row]
    peers: list[dict[str, Any]] = field(default_factory=list)

    @classmethod
    def of(cls, rows: Sequence[Row], small: bool, arguments: Sequence[str], seconds: float) -> Self:
        """Make the record of a run of this command on this machine."""
        command = " ".join(["python -m benchmarks", *map(str, arguments)])
        return cls(command, small, description(), seconds, list(rows))

    def row_of(self, found: dict[str, Any]) -> Row | None:
        """Give the row of xsim that something found of a peer belongs to."""
        rows = [row for row in self.rows if row.case == found["case"]]
        return next((row for row in rows if found["what"] and found["what"] in row.title), rows[0] if rows else None)

    def write(self, path: Path) -> None:
        """Write a file."""
        path.parent.mkdir(parents=True, exist_ok=True)
        rows = [{**asdict(row), "met": row.met} for row in self.rows]
        path.write_text(json.dumps(_plain({**vars(self), "rows": rows}), indent=1, ensure_ascii=False) + "\n", "utf-8")

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read a file."""
        content = json.loads(path.read_text("utf-8"))
        rows = []
        for each in content.pop("rows"):
            each.pop("met")
            rows.append(Row(**{**each, "value": math.nan if each["value"] is None else each["value"]}))
        return cls(rows=rows, **content)


def _plain(thing: Any) -> Any:
    """Give what JSON can hold: it has no number that is none."""
    if isinstance(thing, dict):
        return {key: _plain(value) for key, value in thing.items()}
    if isinstance(thing, (list, tuple)):
        return [_plain(value) for value in thing]
    return None if isinstance(thing, float) and math.isnan(thing) else thing
