"""A run from end to end: setup → plan → preflight → engine → sink → result. Read this first."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import xarray as xr

from xsim.engine.loop import run_member
from xsim.engine.state import make_state
from xsim.model.graph import ModelGraph
from xsim.plan.options import RunOptions
from xsim.plan.run_plan import make_plan
from xsim.result.dataset import result_from_memory, result_from_store
from xsim.sink.memory import MemorySink
from xsim.sink.protocol import Sink
from xsim.sink.zarr_sink import ZarrSink


def run(
    graph: ModelGraph, setup: xr.Dataset, options: RunOptions, objects: Mapping[str, Any] | None = None
) -> xr.Dataset:
    """Run a setup.

    Parameters
    ----------
    graph : ModelGraph
    setup : xarray.Dataset
    options : RunOptions
    objects : mapping of str to object, optional
        Process objects to run instead of new ones.

    Returns
    -------
    xarray.Dataset
        The setup and all outputs.
    """
    plan = make_plan(graph, setup, options)
    sink = MemorySink() if options.store is None else ZarrSink(options.store, options.mode)
    sink.preflight(plan)
    buffers = sink.open(plan)
    state = make_state(graph, plan.timeline, objects)
    try:
        run_member(plan, state, [buffer.put for buffer in buffers])
    except BaseException as error:
        _close_after(error, sink)
        raise
    sink.close("done")
    return result_from_memory(plan, sink) if isinstance(sink, MemorySink) else result_from_store(plan, sink)


def _close_after(error: BaseException, sink: Sink) -> None:
    """Keep what was saved before a failure, which must not be hidden by another one."""
    try:
        sink.close("failed" if isinstance(error, Exception) else "cancelled")
    except Exception as second:
        error.add_note(f"saving what was computed before failed too: {type(second).__name__}: {second}")
