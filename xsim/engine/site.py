"""Where the external programs of a member run, and what they may use."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial

from xsim._base.cpus import usable_cpus
from xsim.engine.thread_limits import thread_environment
from xsim.job.job import Jobs, Site
from xsim.plan.run_plan import RunPlan
from xsim.plan.scratch import member_folder

Report = Callable[[str | None, float | None], None]


def make_jobs(
    plan: RunPlan,
    member: int | None,
    deadline: float = math.inf,
    report: Report | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> Jobs:
    """Make the jobs of a member, which cost nothing until a process asks for its own.

    Parameters
    ----------
    plan : RunPlan
    member : int, optional
        None is the only one of a single run.
    deadline : float
        Moment of the monotonic clock at which its time is over.
    report : callable, optional
        Is told phase and fraction of a running program.
    cancelled : callable, optional
        Whether the member is to end.
    """
    return Jobs(partial(_site, plan, member, deadline, report, cancelled))


def _site(
    plan: RunPlan,
    member: int | None,
    deadline: float,
    report: Report | None,
    cancelled: Callable[[], bool] | None,
) -> Site:
    threads = plan.threads or plan.options.threads_per_worker
    return Site(
        member_folder(plan.scratch, member),
        threads or usable_cpus(),
        {} if threads is None else thread_environment(threads),
        deadline,
        report or _nobody_watches,
        cancelled or _nobody_cancels,
        plan.options.keep_scratch,
    )


def _nobody_watches(phase: str | None, fraction: float | None) -> None:
    """Nobody watches."""


def _nobody_cancels() -> bool:
    return False
