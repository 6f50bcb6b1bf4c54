"""Random ways of running a setup."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import xarray as xr
from hypothesis import strategies as st

from xsim.model.graph import HasGraph, as_graph
from xsim.plan.options import RunOptions
from xsim.plan.run_plan import make_plan


@st.composite
def run_options(
    draw: st.DrawFn,
    model: HasGraph,
    setup: xr.Dataset,
    batch_dim: str | Sequence[str] | None = None,
    *,
    schedulers: Sequence[str | None] = (None, "threads"),
    max_chunk: int = 4,
) -> dict[str, Any]:
    """Make arguments of `Dataset.xsim.run` that must not change any value: schedulers, workers, blocks, chunks.

    Some make little sense, of which a `PlanWarning` tells.

    Parameters
    ----------
    model : xsim.Model
    setup : xarray.Dataset
    batch_dim : str or sequence of str, optional
        As it is given to the run; it is not among the arguments made.
    schedulers : sequence of str or None
        Those that may be used; None runs one after the other.
    max_chunk : int, default: 4
        Largest size of a chunk.

    Returns
    -------
    strategy of dict
        ``setup.xsim.run(model, batch_dim=..., **options)``.
    """
    scheduler = draw(st.sampled_from(list(schedulers)))
    options: dict[str, Any] = {}
    if scheduler is not None:
        options = {"parallel": True, "scheduler": scheduler, "workers": draw(st.sampled_from([2, 3]))}
    if batch_dim is not None and draw(st.booleans()):
        return options | {"block": draw(st.integers(1, 10))}
    if draw(st.booleans()):
        encoding = {}
        for output in make_plan(as_graph(model), setup, RunOptions(batch_dim=batch_dim)).outputs:
            ndim = len(output.batch.dims) + (output.clock is not None) + min(len(dims) for dims in output.dims)
            if not output.is_index and ndim and draw(st.booleans()):
                sizes = st.lists(st.integers(1, max_chunk), min_size=1, max_size=ndim)
                encoding[output.name] = {"chunks": tuple(draw(sizes))}
        options["encoding"] = encoding
    return options
