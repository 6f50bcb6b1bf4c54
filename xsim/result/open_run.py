"""Reads a run in a store, while it is running or after (DESIGN §B8)."""

from __future__ import annotations

from typing import Any

import xarray as xr

from xsim.result.dataset import TIMEDELTAS, plain_text
from xsim.setup.attributes import OUTPUT_ROLE, ROLE
from xsim.sink.codecs import quiet
from xsim.sink.location import location_of
from xsim.sink.reading import StoredRun


def open_run(store: Any, **decoding: Any) -> xr.Dataset:
    """Open a run in a store, also while it is running, in another process, or after it was killed.

    Parameters
    ----------
    store : path-like, str, zarr store or zarr.Group
        What was given to ``run(store=...)``.
    **decoding
        Arguments for `xarray.open_zarr`.

    Returns
    -------
    xarray.Dataset
        The setup and the outputs as they are now, lazily. Rows of members of a batch that are not done are missing,
        whatever parts of them have been written; ``xsim_outcome`` and others say how each member stands. Integers and
        bools become floats while rows are missing. Open it again to see more.

    Raises
    ------
    StoreError
        If there is no run.

    Examples
    --------
    >>> import xsim as xs
    >>> xs.open_run("sweep.zarr").xsim.outcome  # doctest: +SKIP
    """
    with quiet():
        return _opened(StoredRun.at(location_of(store)), decoding)


def _opened(run: StoredRun, decoding: dict[str, Any]) -> xr.Dataset:
    options: dict[str, Any] = {
        "consolidated": False,
        "concat_characters": False,
        "decode_timedelta": TIMEDELTAS,
        "chunks": {},
        **decoding,
    }
    dataset = xr.open_zarr(run.group.store_path, **options)
    dataset = plain_text(dataset.drop_vars([name for name in run.hidden if name in dataset.variables]))
    if not run.dims:
        return dataset
    if run.outcome != "running":
        return dataset.assign({name: dataset.variables.get(name, new) for name, new in _outcomes(run).items()})
    batched = {
        str(name): variable.shape
        for name, variable in dataset.variables.items()
        if variable.dims[: len(run.dims)] == run.dims and variable.attrs.get(ROLE) == OUTPUT_ROLE
    }
    run = run.readable(batched)
    done = xr.DataArray(run.done, dims=run.dims)
    masked = {name: dataset[name].where(done) for name in batched}
    for name, fill in run.missing_parts(batched).items():
        # xarray makes a bool of any number, however it is opened.
        variable = dataset.variables[name]
        stored = run.stored_values(name) if variable.dtype == bool else variable
        masked[name] = masked[name].where(xr.Variable(variable.dims, stored != fill))
    return dataset.assign(masked).assign(_outcomes(run))


def _outcomes(run: StoredRun) -> dict[str, xr.Variable]:
    return {name: xr.Variable(run.dims, values, attrs) for name, (values, attrs) in run.outcomes().items()}
