"""Results of members that could not tell their own: their worker was ended, or has died."""

from __future__ import annotations

from xsim._base.instants import iso_text
from xsim.engine.block import CANCELLED, TIMED_OUT, MemberResult, Work, over_time, with_shapes
from xsim.engine.failure import failure_record
from xsim.engine.slot import cancelled_member
from xsim.errors import WorkerError


def timed_out(work: Work, since: float, until: float) -> MemberResult:
    """Give the result of a member whose worker was ended, since it was over its time within one step."""
    limit = work.plan.options.time_limit
    assert limit is not None
    return _ended(over_time(limit, until - since), TIMED_OUT, since, until)


def cancelled(since: float, until: float) -> MemberResult:
    """Give the result of a member whose worker was ended, since somebody has cancelled the member."""
    return _ended(cancelled_member(), CANCELLED, since, until)


def worker_died(why: str, since: float, until: float) -> MemberResult:
    """Give the result of a member that ends its worker process."""
    error = WorkerError(
        "the worker process that ran this member ended",
        got=why,
        expected="a worker that lives on, whatever its member does",
        remedy="look for what ends a process: memory that runs out, os._exit, a crash in compiled code",
    )
    return _ended(error, "failed", since, until)


def _ended(error: Exception, outcome: str, since: float, until: float) -> MemberResult:
    record = {
        **failure_record(error),
        "outcome": outcome,
        "start": iso_text(since),
        "end": iso_text(until),
        "seconds": round(until - since, 6),
    }
    return MemberResult(with_shapes(record, {}, {}), {}, None, error)
