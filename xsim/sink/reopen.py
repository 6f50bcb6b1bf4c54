"""Puts the arrays of an earlier run back into the form that they have while members run (DESIGN §B7, §S1)."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import attrs
import numpy as np
import zarr

from xsim._base.render import names
from xsim._base.user_warning import warn_user
from xsim.errors import BatchWarning, StoreError
from xsim.plan.blocks import Block, blocks, single
from xsim.plan.fingerprint import Fingerprint
from xsim.plan.outputs import PlannedOutput
from xsim.plan.run_plan import RunPlan
from xsim.sink.aside import aside
from xsim.sink.codecs import quiet
from xsim.sink.earlier import EarlierRun
from xsim.sink.facts import OutputShape
from xsim.sink.in_group import array_in
from xsim.sink.index_arrays import expand
from xsim.sink.journal import JOURNAL, RUN, all_fields
from xsim.sink.records import damage, done_records, read_records
from xsim.sink.storage_type import StorageType, storage_type
from xsim.sink.zarr_array import create_array, jsonable

TypeFacts = Mapping[str, Any]


def facts_of_type(storage: StorageType, own_shape: tuple[int, ...]) -> TypeFacts:
    """Give what is stored of the type of an output."""
    return {
        "dtype": "text" if storage.is_text else storage.dtype.str,
        "given": storage.given,
        "ndim": len(own_shape),
    }


def run_facts(made_of: Fingerprint, block: tuple[int, ...], types: Mapping[str, TypeFacts]) -> str:
    """Give what the journal says of the run as a whole."""
    return json.dumps({"made_of": made_of, "block": list(block), "types": dict(types)})


def reopen(group: zarr.Group, plan: RunPlan, earlier: EarlierRun, made_of: Fingerprint) -> dict[str, OutputShape]:
    """Reopen the arrays of an earlier run, with room for members that are appended.

    Parameters
    ----------
    group : zarr.Group
    plan : RunPlan
    earlier : EarlierRun
    made_of : Fingerprint
        Of the plan.

    Returns
    -------
    dict of str to OutputShape
        What is known of the outputs.
    """
    for name, _, _ in all_fields(True).values():
        if name in group:
            del group[name]
    journal = array_in(group, JOURNAL)
    if journal.shape != plan.batch.shape:
        journal.resize(plan.batch.shape)
    largest = _largest(journal, plan, earlier)
    _check_arrays(group, plan, largest)
    shapes = {}
    for output in plan.outputs:
        facts = earlier.types.get(output.name)
        if facts is None:
            if output.name in group:
                del group[output.name]  # it was made, and nobody got as far as writing to it
            continue
        own_shape = largest.get(output.name, (0,) * facts["ndim"])
        storage = _storage_of(output, facts)
        shapes[output.name] = OutputShape(storage, own_shape, own_shape)
        _reopen_array(group, plan, earlier, output, shapes[output.name])
    journal.attrs[RUN] = run_facts(made_of, earlier.block, earlier.types)
    return shapes


def _check_arrays(group: zarr.Group, plan: RunPlan, saved: Mapping[str, tuple[int, ...]]) -> None:
    """Check that what members have saved is there: arrays made anew would read as if they had saved nothing."""
    there = {output.name for output in plan.outputs if output.is_index and aside(output.name) in group}
    lost = sorted(name for name in saved if name not in group and name not in there)
    if lost:
        raise StoreError(
            "the store is damaged: arrays are missing",
            got=f"a journal of members that have saved {names(lost)}",
            expected="a whole copy of the store of a run",
            remedy="copy it again, or run it into another store",
        )


def _largest(journal: zarr.Array[Any], plan: RunPlan, earlier: EarlierRun) -> dict[str, tuple[int, ...]]:
    """Give the largest shape of a row of each output: arrays may not have been resized to it yet."""
    found: dict[str, tuple[int, ...]] = {}
    damaged = []
    for block in blocks(plan.batch, earlier.block):
        done, unreadable = read_records(journal, plan.batch, block)
        damaged += unreadable
        for record in done.values():
            for name, size in record["sizes"].items():
                found[name] = tuple(np.maximum(found.get(name, size), size).tolist())
    if damaged:
        warn_user(damage("records", plan.batch, damaged), BatchWarning)
    return found


def _reopen_array(
    group: zarr.Group, plan: RunPlan, earlier: EarlierRun, output: PlannedOutput, shape: OutputShape
) -> None:
    if output.is_index:
        expand(group, output, shape.storage, earlier.block, _members_done(group, plan, earlier))
    if output.name not in group:
        create_array(group, output, shape.storage, earlier.block, 1, shape.own_shape)
    array = array_in(group, output.name)
    labels = () if output.clock is None else (output.nlabels,)
    wanted = (*plan.batch.shape, *labels, *shape.own_shape)
    dims = output.dims_of(len(shape.own_shape))
    attributes = jsonable(output.attrs_of(dims) | ({"dtype": "bool"} if shape.storage.is_bool else {}))
    with quiet():
        if array.shape != wanted:
            array.resize(wanted)
        if dict(array.attrs) != attributes:
            array.attrs.put(attributes)


def _members_done(group: zarr.Group, plan: RunPlan, earlier: EarlierRun) -> Iterator[Block]:
    journal = array_in(group, JOURNAL)
    for block in blocks(plan.batch, earlier.block):
        for member in done_records(journal, plan.batch, block):
            yield single(plan.batch.position(member))


def _storage_of(output: PlannedOutput, facts: TypeFacts) -> StorageType:
    dtype = str if facts["dtype"] == "text" else facts["dtype"]
    storage = storage_type(output.name, None, dtype, output.encoding.get("fill_value"))
    return attrs.evolve(storage, given=facts["given"])
