"""What is odd about a run, though it can be done."""

from __future__ import annotations

from collections.abc import Iterator
from math import ceil, prod

from xsim._base.render import quantity, size
from xsim.plan.batch import Batch
from xsim.plan.budget import Budget
from xsim.plan.options import RunOptions

OF_BATCHES = ("time_limit", "max_walltime", "retries", "max_failures")
"""Options that concern members."""


def remarks_on(
    options: RunOptions, batch: Batch, block: tuple[int, ...] | None, budget: Budget, threads: int | None
) -> Iterator[str]:
    """Say what a user may not have meant.

    Parameters
    ----------
    options : RunOptions
    batch : Batch
    block : tuple of int, optional
        Shape of the blocks, where it is fixed.
    budget : Budget
    threads : int, optional
        Threads of numerical libraries in each worker, where they are limited.
    """
    workers, usable = budget.workers, budget.cpus
    if not batch.dims:
        idle = [name for name in OF_BATCHES if getattr(options, name)]
        if idle:
            yield (
                f"{' and '.join(f'{name}={getattr(options, name)!r}' for name in idle)} "
                f"{'has' if len(idle) == 1 else 'have'} no effect in a single run: there are no members to end or to "
                f"run again"
            )
    if not options.parallel:
        given = {"scheduler": options.scheduler, "workers": options.workers}
        idle = [f"{name}={value!r}" for name, value in given.items() if value not in (None, 1, "synchronous")]
        if idle:
            have = "has" if len(idle) == 1 else "have"
            yield (f"{' and '.join(idle)} {have} no effect without parallel=True: everything runs one after the other")
        return
    if options.scheduler == "synchronous":
        return
    if options.scheduler == "processes" and not batch.dims:
        yield (
            "scheduler='processes' has no effect in a single run: worker processes cannot share the state of one model;"
            " its processes run one after the other, with scheduler='threads' at the same time"
        )
        return
    if budget.memory_per_member is not None and budget.memory_per_member > budget.memory:
        yield (
            f"a member needs {size(budget.memory_per_member)}, and there are {size(budget.memory)} of memory: members "
            f"run one at a time, and may fail; more memory, or memory= where xsim sees less than there is"
        )
    elif budget.memory_binds and options.workers is not None and options.workers > 0:
        yield (
            f"workers={options.workers} is cut to {workers}: {size(budget.memory)} of memory, and "
            f"{size(budget.memory_per_member or 0)} a member"
        )
    if threads is not None and workers * threads > usable:
        yield (
            f"{quantity(workers, 'worker')} × {quantity(threads, 'thread')} each are {workers * threads} threads for "
            f"{quantity(usable, 'usable CPU')}: they wait for each other; workers=None takes as many as "
            f"there are CPUs"
        )
    if block is not None:
        blocks = prod(ceil(n / size) for n, size in zip(batch.shape, block, strict=True))
        if blocks < min(workers, batch.size):
            yield (
                f"{quantity(blocks, 'block')} of {quantity(prod(block), 'member')} for {quantity(workers, 'worker')}: "
                f"the others have nothing to do; smaller blocks (block=, chunks along the batch dimensions) share out "
                f"the work"
            )
