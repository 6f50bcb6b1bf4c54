"""A run from end to end: setup → plan → execution. Read this first."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import xarray as xr

from xsim._base.streams import have_streams
from xsim._base.user_warning import warn_user
from xsim.declare.hook import collect_hooks
from xsim.engine.profile import Part, Profile
from xsim.engine.timed import piece
from xsim.errors import OptionError, PlanWarning
from xsim.model.graph import ModelGraph
from xsim.plan.options import RunOptions
from xsim.plan.provenance import Provenance
from xsim.plan.run_plan import RunPlan, make_plan

EXECUTION = "xsim._execution"
"""What executes plans, and brings zarr with it. It is imported when there is a plan."""


def run(
    graph: ModelGraph,
    setup: xr.Dataset,
    options: RunOptions,
    hooks: Sequence[Any],
    view: Callable[[Mapping[str, Any]], Any],
    objects: Mapping[str, Any] | None = None,
    profile: Profile | None = None,
) -> xr.Dataset:
    """Run a setup.

    Parameters
    ----------
    graph : ModelGraph
    setup : xarray.Dataset
    options : RunOptions
    hooks : sequence
        Functions and `RuntimeHook` objects.
    view : callable
        Makes, from process objects, the model that hooks see.
    objects : mapping of str to object, optional
        Process objects to run instead of new ones.
    profile : Profile, optional
        Measures the run.

    Returns
    -------
    xarray.Dataset
        The setup and all outputs.
    """
    have_streams()
    hooks = tuple(hooks)  # looked at twice
    functions = collect_hooks(hooks)
    provenance = Provenance(functions, safe_mode=objects is None)
    with piece(profile, Part.PLANNING):
        plan = make_plan(graph, setup, options)
    for remark in plan.remarks:
        warn_user(remark, PlanWarning)
    with _early_workers(plan):
        from xsim._execution import execute
        from xsim.result.dataset import replaced_labels

        result = execute(plan, provenance, hooks, functions, view, objects, profile)
    for remark in replaced_labels(plan, setup, result):
        warn_user(remark, PlanWarning)
    return result


def _early_workers(plan: RunPlan) -> AbstractContextManager[None]:
    """Have workers import what runs models while this process does so too, which takes both of them a while."""
    if plan.scheduler != "processes" or EXECUTION in sys.modules:
        return nullcontext()
    from xsim.engine.executors.pool import early_workers

    assert plan.threads is not None
    return early_workers(plan.workers, plan.threads)


def measured(plan: RunPlan, hooks: Sequence[Any], view: Callable[[Mapping[str, Any]], Any]) -> RunPlan:
    """Run the first member of a batch and give the plan with an estimate of what the batch will cost.

    Raises
    ------
    OptionError
        If it is no batch.
    Exception
        What the member raises.
    """
    if not plan.is_batch:
        raise OptionError(
            "measure=True is for batches, of which it runs the first member",
            got="batch_dim=None",
            remedy="a single run is measured by running it",
        )
    from xsim.engine.hooks import Hooks
    from xsim.engine.measure import measure

    return measure(plan, Hooks(collect_hooks(tuple(hooks)), view))


def plan(graph: ModelGraph, setup: xr.Dataset, options: RunOptions) -> RunPlan:
    """Plan a run, as `run` does; one that goes on, with what is left to do."""
    planned = make_plan(graph, setup, options)
    if not options.resume:
        return planned
    from xsim.sink.outlook import with_outlook

    return with_outlook(planned)
