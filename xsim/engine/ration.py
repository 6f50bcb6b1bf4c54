"""What the first members needed decides how many run at a time after them (DESIGN §R3)."""

from __future__ import annotations

from collections.abc import Iterable
from math import prod

from xsim._base.render import quantity, size
from xsim.engine.block import MemberResult
from xsim.engine.executors.protocol import Executor
from xsim.errors import OptionError
from xsim.plan.budget import Budget
from xsim.plan.run_plan import RunPlan


def memory_of(result: MemberResult) -> int:
    """Give the bytes that a member needed, as far as they were measured: in its worker process, and in its programs."""
    programs = result.record.get("programs", ())
    return int(result.record.get("memory", 0)) + max((each.get("memory", 0) for each in programs), default=0)


def ration(plan: RunPlan, first: Iterable[MemberResult], executor: Executor) -> Budget:
    """Let no more members run at a time than there is memory for.

    Parameters
    ----------
    plan : RunPlan
    first : iterable of MemberResult
        Those that have been measured.
    executor : Executor

    Returns
    -------
    Budget
        What holds from now on.
    """
    budget = plan.budget.with_measured(max(map(memory_of, first), default=0))
    if budget.workers < plan.budget.workers:
        executor.limit(budget.workers)
    return budget


def check_block(plan: RunPlan, budget: Budget, block: tuple[int, ...], member_bytes: int) -> None:
    """Refuse blocks whose outputs, which are held until a block is done, do not fit into the memory.

    Raises
    ------
    OptionError
    """
    members = prod(block)
    needed = members * member_bytes * budget.workers
    if members == 1 or needed <= budget.memory:
        return
    most = max(1, budget.memory // max(1, member_bytes * budget.workers))
    raise OptionError(
        "the blocks of this batch do not fit into the memory",
        got=f"{quantity(members, 'member')} a block, {size(member_bytes)} of outputs each, held by "
        f"{quantity(budget.workers, 'worker')}: {size(needed)}",
        expected=f"at most {size(budget.memory)}",
        remedy=f"smaller blocks, of at most {quantity(most, 'member')} (block=, chunks along the batch dimensions), or "
        f"fewer workers",
    )
