"""Outcomes of members that are done and have nothing more to tell, as columns (DESIGN §B7, §B10)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from xsim.plan.batch import Batch
from xsim.plan.blocks import Block
from xsim.sink.journal import FIELDS, OF_PROGRAMS, Record
from xsim.sink.plain_array import Array

_TOLD = ("outcome", "start", "end", "seconds", "worker")
_MORE = (FIELDS.keys() | OF_PROGRAMS.keys()) - set(_TOLD)
"""Fields of a record that tells more."""

_ZONE = "+00:00"

_PART = 1_000
"""Texts that are made at once: as objects of Python they take several times the room."""


class PlainOutcomes:
    """When and where members ran that are done, and of which there is nothing else to say: of most of them.

    They are known from what the members have just told, at some 28 bytes each: a run that ends in good order need not
    read them back from the journal.

    Parameters
    ----------
    batch : Batch
    """

    def __init__(self, batch: Batch) -> None:
        self._batch = batch
        self._start = np.zeros(batch.size, "datetime64[us]")
        self._end = np.zeros(batch.size, "datetime64[us]")
        self._seconds = np.zeros(batch.size)
        self._worker = np.full(batch.size, -1, np.int32)  # nobody
        self._workers: dict[str, int] = {}

    def add(self, members: Sequence[int], records: Sequence[Record]) -> None:
        """Take what members have told that ran just now; records from elsewhere may say anything."""
        plain = [(member, record) for member, record in zip(members, records, strict=True) if _is_plain(record)]
        where = [member for member, _ in plain]
        self._start[where] = _instants([record["start"] for _, record in plain])
        self._end[where] = _instants([record["end"] for _, record in plain])
        self._seconds[where] = [record["seconds"] for _, record in plain]
        workers = self._workers
        self._worker[where] = [workers.setdefault(record["worker"], len(workers)) for _, record in plain]

    def columns(self, box: Block) -> dict[str, Array] | None:
        """Give the variables of a box of members, as the journal would; None if any of them is not known here."""
        start, end, seconds, worker = (
            column.reshape(self._batch.shape)[box.slices]
            for column in (self._start, self._end, self._seconds, self._worker)
        )
        if (worker < 0).any():
            return None
        found = {
            "outcome": np.full(box.shape, "done", np.dtypes.StringDType()),
            "start": _texts(start),
            "end": _texts(end),
            "seconds": seconds,
            "worker": np.array(list(self._workers), np.dtypes.StringDType())[worker],
        }
        return {FIELDS[field][0]: values for field, values in found.items()}


def _is_plain(record: Record) -> bool:
    return record.get("outcome") == "done" and record.keys().isdisjoint(_MORE)


def _instants(texts: Sequence[str]) -> Array:
    return np.array([text.removesuffix(_ZONE) for text in texts], "datetime64[us]")


def _texts(instants: Array) -> Array:
    packed = np.empty(instants.size, np.dtypes.StringDType())
    flat = instants.ravel()
    for start in range(0, instants.size, _PART):
        part = np.datetime_as_string(flat[start : start + _PART], unit="us").tolist()
        packed[start : start + _PART] = [text + _ZONE for text in part]
    return packed.reshape(instants.shape)
