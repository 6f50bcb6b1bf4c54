"""The journal: one record a member, its outcome and how it went (DESIGN §B7)."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from json.encoder import encode_basestring_ascii
from math import inf, prod
from typing import Any

import numpy as np
import zarr
from zarr.core.buffer import default_buffer_prototype
from zarr.core.sync import sync
from zarr.storage import MemoryStore

from xsim.plan.batch import Batch
from xsim.setup.attributes import OUTCOME_ROLE, PROGRAMS, ROLE
from xsim.sink.plain_array import Array

JOURNAL = "xsim_journal"
PENDING = "pending"

Record = Mapping[str, Any]

FIELDS: dict[str, tuple[str, Any, str]] = {
    "outcome": ("xsim_outcome", PENDING, "how the member ended"),
    "reason": ("xsim_reason", "", "why"),
    "exception": ("xsim_exception", "", "class of the exception"),
    "process": ("xsim_process", "", "process that failed, or ended the simulation"),
    "stage": ("xsim_stage", "", "stage in which it did"),
    "step": ("xsim_step", -1, "step in which it did; -1 outside of all steps"),
    "line": ("xsim_line", "", "source line that raised the exception"),
    "traceback": ("xsim_traceback", "", "traceback of the exception"),
    "start": ("xsim_start", "", "when the member started (UTC)"),
    "end": ("xsim_end", "", "when it ended (UTC)"),
    "seconds": ("xsim_seconds", float("nan"), "how long it took"),
    "retries": ("xsim_retries", 0, "how often it ran again after a failure"),
    "worker": ("xsim_worker", "", "what ran it"),
}
"""For each field of a record that becomes a variable: its name, its value where there is none, its description."""


OF_PROGRAMS = {"programs": (PROGRAMS, "", "external programs that it ran, as JSON")}
"""The same, of batches whose processes ask for `job`."""


def all_fields(programs: bool) -> dict[str, tuple[str, Any, str]]:
    """Give the fields that become variables."""
    return FIELDS | OF_PROGRAMS if programs else FIELDS


OF_OUTPUTS = ("sizes", "missing", "ambiguous", "indexes")
"""What a record of a member that is done says of its outputs."""


RUN = "xsim_run"
"""Attribute of the journal: what the run is made of, its blocks and the types of its outputs, as JSON.

It is empty until the first members have told blocks and types.
"""


def create_journal(group: zarr.Group, batch: Batch, block: tuple[int, ...], run: str) -> None:
    """Make the array of records, one chunk a block."""
    group.create_array(
        JOURNAL,
        shape=batch.shape,
        dtype=str,
        chunks=block,
        fill_value="",
        dimension_names=batch.dims,
        attributes={
            ROLE: OUTCOME_ROLE,
            "description": "record of each member, as JSON; empty while it is pending",
            RUN: run,
        },
    )


def begin_journal(group: zarr.Group, batch: Batch) -> None:
    """Make a journal of members none of which has ended: others see them, and can ask for something."""
    if JOURNAL not in group:  # of one that was lost, or half deleted, no record is to come back
        sync(group.store.delete_dir(f"{group.path}/{JOURNAL}".lstrip("/")))
    put_journal(group, batch, tuple(max(1, n) for n in batch.shape), "")  # there may be no members


def put_journal(group: zarr.Group, batch: Batch, block: tuple[int, ...], run: str) -> None:
    """Put the array of records in the place of one that has none, in one write: there is one at any moment."""
    beside = zarr.create_group(MemoryStore())
    create_journal(beside, batch, block, run)
    metadata = sync(beside.store.get(f"{JOURNAL}/zarr.json", default_buffer_prototype()))
    assert metadata is not None
    sync(group.store.set(f"{group.path}/{JOURNAL}/zarr.json".lstrip("/"), metadata))


def encode(records: Iterable[Record], box: tuple[int, ...]) -> Array:
    """Give the records of a block as they stand in the journal."""
    texts = np.empty(prod(box), dtype=object)
    records = list(records)  # all at once, so that identities are their own
    shared: dict[tuple[int, ...], str] = {}
    texts[:] = [_text(record, shared) for record in records]
    return texts.reshape(box)


_OF_DONE = ("outcome", "start", "end", "seconds", "worker", *OF_OUTPUTS)
"""The fields of a member that is done, and has nothing more to say."""


def _text(record: Record, shared: dict[tuple[int, ...], str]) -> str:
    """Give a record as JSON; what several records share is written once, by the identity of its objects."""
    if tuple(record) != _OF_DONE:
        return json.dumps(dict(record)) if record else ""
    outcome, start, end, seconds, worker, *parts = record.values()
    if type(seconds) is not float or not 0 <= seconds < inf:
        return json.dumps(dict(record))
    key = tuple(map(id, parts))
    rest = shared.get(key)
    if rest is None:
        rest = shared[key] = json.dumps(dict(zip(OF_OUTPUTS, parts, strict=True)))[1:]
    outcome, start, end, worker = map(encode_basestring_ascii, (outcome, start, end, worker))
    return f'{{"outcome": {outcome}, "start": {start}, "end": {end}, "seconds": {seconds!r}, "worker": {worker}, {rest}'


def decode(text: Any) -> Record:
    """Give the record that stands in the journal; a damaged one is as none, so that the member runs again."""
    try:
        record = json.loads(str(text)) if text else {}
    except (ValueError, RecursionError):
        return {}
    return record if isinstance(record, dict) else {}


def is_done(record: Record) -> bool:
    """Whether a record is that of a member that is done, and says all that is needed to read what it saved."""
    if record.get("outcome") != "done":
        return False
    sizes, missing, ambiguous, indexes = (record.get(part) for part in OF_OUTPUTS)
    return (
        isinstance(sizes, dict)
        and all(type(size) is list and all(type(n) is int for n in size) for size in sizes.values())
        and isinstance(missing, list)
        and isinstance(ambiguous, list)
        and isinstance(indexes, dict)
    )


def unfold(texts: Array, programs: bool = False, only_said: bool = False) -> dict[str, Array]:
    """Turn records into one array for each field; see `fields_of`."""
    return fields_of(_decode_all(texts.ravel().tolist()), texts.shape, programs, only_said)


_REST = f', "{OF_OUTPUTS[0]}": '
"""What comes before that which a record says of its outputs; in a text that is part of one, quotes have a backslash."""


def _without_outputs(text: str, checked: dict[str, bool]) -> str:
    """Give a record without what it says of outputs, which is mostly the same for all and is decoded once."""
    head, found, rest = text.partition(_REST)
    if found and rest not in checked:
        checked[rest] = tuple(decode(f"{{{_REST[2:]}{rest}")) == OF_OUTPUTS
    return f"{head}}}" if found and checked[rest] else text or "{}"


def _decode_all(texts: list[Any]) -> list[Record]:
    """Decode what many records say of their members, at once, or one by one where any is damaged."""
    checked: dict[str, bool] = {}
    try:
        found = json.loads(f"[{',0,'.join([_without_outputs(str(text), checked) for text in texts])}]")
    except (ValueError, RecursionError):
        found = []
    # Damage may be JSON too: another value, two of them, or a part of one. Then the zeros are elsewhere.
    records, zeros = found[::2], found[1::2]
    sound = len(records) == len(texts) and all(zero == 0 for zero in zeros)
    sound = sound and all(type(record) is dict for record in records)
    return records if sound else list(map(decode, texts))


def fields_of(
    records: Iterable[Record], shape: tuple[int, ...], programs: bool = False, only_said: bool = False
) -> dict[str, Array]:
    """Give one array for each field, by the name of its variable.

    Parameters
    ----------
    records : iterable of mapping
    shape : tuple of int
        Of the arrays.
    programs : bool
        Whether that of programs is wanted too.
    only_said : bool
        Leave out what no record says anything of.
    """
    records = list(records)
    said = frozenset().union(*records)  # most members are done, and say little
    found = {}
    for field, (name, default, _) in all_fields(programs).items():
        dtype: Any = object if isinstance(default, str) else type(default)
        if field not in said:
            if not only_said:
                found[name] = np.full(shape, default, dtype)
            continue
        known = (int, float) if isinstance(default, float) else type(default)
        values = [record.get(field, default) for record in records]
        if field in OF_PROGRAMS:
            values = [json.dumps(value) if value else "" for value in values]
        array = np.empty(len(records), dtype=dtype)
        array[:] = [value if isinstance(value, known) else default for value in values]
        found[name] = array.reshape(shape)
    return found


def outcome_attrs(name: str) -> dict[str, Any]:
    """Give the attributes of an outcome variable."""
    description = next(text for variable, _, text in all_fields(True).values() if variable == name)
    return {ROLE: OUTCOME_ROLE, "description": description}
