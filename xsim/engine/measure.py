"""Runs the first member of a batch to learn what the batch will cost."""

from __future__ import annotations

from math import ceil, prod

import attrs

from xsim.engine.block import Work, run_one
from xsim.engine.hooks import Hooks
from xsim.engine.ration import check_block, memory_of
from xsim.plan.blocks import best_size, block_shape
from xsim.plan.chunks import CHUNK_BYTES
from xsim.plan.estimate import Estimate
from xsim.plan.run_plan import RunPlan
from xsim.plan.scratch import scratch_root
from xsim.sink.facts import OutputShape
from xsim.sink.member import all_bytes_of, nbytes_of
from xsim.sink.stored_size import stored_size


def measure(plan: RunPlan, hooks: Hooks) -> RunPlan:
    """Run the first member, save nothing, and give the plan with an estimate.

    Parameters
    ----------
    plan : RunPlan
        Of a batch.
    hooks : Hooks

    Raises
    ------
    Exception
        What the member raises.
    """
    # Not in the folders of a run into this store, which may be going on.
    apart = attrs.evolve(plan, scratch=scratch_root(attrs.evolve(plan.options, store=None)))
    result = run_one(Work(apart, hooks, limit=CHUNK_BYTES), 0)
    if result.error is not None:
        raise result.error
    data = result.data or {}
    budget = plan.budget.with_measured(memory_of(result)) if memory_of(result) else plan.budget
    seconds = float(result.record["seconds"])
    chosen = best_size(nbytes_of(data), seconds, plan.batch.size, budget.workers)
    block = plan.block or block_shape(plan.batch, chosen)
    shapes = {name: OutputShape(saved.storage, saved.own_shape, saved.own_shape) for name, saved in data.items()}
    nbytes, files = stored_size(plan, shapes, block)
    stored = plan.options.store is not None
    if stored:
        check_block(plan, budget, block, all_bytes_of(data))
    estimate = Estimate(
        member_seconds=seconds,
        member_bytes=all_bytes_of(data),
        members=plan.batch.size,
        tasks=prod(ceil(n / size) for n, size in zip(plan.batch.shape, block, strict=True)),
        nbytes=nbytes,
        files=files if stored else None,
        seconds=seconds * ceil(plan.batch.size / budget.workers),
    )
    return attrs.evolve(plan, budget=budget, estimate=estimate)
