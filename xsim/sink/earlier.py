"""What an earlier run has left in a store, for going on from there (DESIGN §B7)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from math import lcm
from typing import Any, Self

import attrs
import zarr

from xsim._base.render import quantity
from xsim.errors import ResumeError, StoreError
from xsim.plan.batch import Batch
from xsim.plan.fingerprint import Fingerprint, differences, fingerprint
from xsim.plan.run_plan import RunPlan
from xsim.sink.in_group import dims_of, find_array
from xsim.sink.journal import JOURNAL, RUN


@attrs.frozen(eq=False)
class EarlierRun:
    """A batch that was begun in a store.

    Attributes
    ----------
    batch : Batch
        Its members; more may be appended.
    block : tuple of int
        Shape of its blocks.
    types : mapping of str to mapping
        Types of the outputs that have arrays.
    made_of : Fingerprint
    """

    batch: Batch
    block: tuple[int, ...]
    types: Mapping[str, Mapping[str, Any]]
    made_of: Fingerprint

    @classmethod
    def find(cls, group: zarr.Group) -> Self | None:
        """Find the run in a store; None if none of its members has ended."""
        try:
            if JOURNAL not in group:
                return None
            text = str(group[JOURNAL].attrs[RUN])
            if not text:
                return None
            facts = json.loads(text)
            shape = facts["made_of"]["batch"]
        except (ValueError, KeyError) as error:
            raise StoreError(
                "the journal of the run in the store is damaged",
                got=f"{type(error).__name__}: {error}",
                expected=f"the array {JOURNAL!r} as xsim has written it",
                remedy="copy the store again, or run it into another one",
            ) from error
        return cls(Batch(tuple(shape), tuple(shape.values())), tuple(facts["block"]), facts["types"], facts["made_of"])

    def grown_to(self, plan: RunPlan, group: zarr.Group) -> Self:
        """Give this run with blocks of whole chunks: of a batch smaller than a chunk, blocks were so, too.

        Without this, members that are appended would come into a block beside the chunk that holds some of them
        (DESIGN §B3).
        """
        block = self.block
        for output in plan.outputs:
            array = find_array(group, output.name)
            if output.encoding.get("synchronizer") is None and array is not None:
                sizes = dict(zip(dims_of(array), array.shards or array.chunks, strict=False))
                block = tuple(lcm(n, sizes.get(dim, 1)) for n, dim in zip(block, self.batch.dims, strict=True))
        pairs = zip(plan.batch.shape, self.batch.shape, block, self.block, strict=True)
        return attrs.evolve(self, block=tuple(new if a > b else old for a, b, new, old in pairs))

    def with_seed(self, plan: RunPlan) -> RunPlan:
        """Give a plan the seed of this run, unless it has been given one."""
        seed = self.made_of["seed"]
        if plan.seed is None or plan.options.seed is not None or seed is None:
            return plan
        return attrs.evolve(plan, seed=int(seed))

    def check(self, plan: RunPlan, accept_code_change: bool) -> Fingerprint:
        """Check that a plan goes on with this run, or has members appended to it.

        Returns
        -------
        Fingerprint
            Of the plan, with all its members.

        Raises
        ------
        ResumeError
            Naming all that differs.
        """
        old, new = self.batch, plan.batch
        if old.dims != new.dims:
            raise _differ([f"batch dimensions {old.dims} are now {new.dims}"], "run it with the same batch_dim=")
        fewer = [
            f"batch dimension {dim!r}: {quantity(a, 'member')} in the store, {b} now"
            for dim, a, b in zip(old.dims, old.shape, new.shape, strict=True)
            if b < a
        ]
        if fewer:
            raise _differ(fewer, "give all members of the store, and those to append after them")
        made_of = fingerprint(plan)
        known = made_of if old.shape == new.shape else fingerprint(plan, old.shape)
        code, data = differences(self.made_of, known)
        if data:
            raise _differ(data + code, "give the setup of that run, or run this one into another store")
        if code and not accept_code_change:
            raise _differ(
                code,
                "if the results of both versions are to stand side by side: accept_code_change=True; "
                "else run it into another store",
            )
        return made_of


def _differ(found: list[str], remedy: str) -> ResumeError:
    return ResumeError(
        "the store holds another run than the one that is to be resumed",
        got="\n       ".join(found),
        expected="the same processes, setup, outputs and seed",
        remedy=remedy,
        differences=tuple(found),
    )
