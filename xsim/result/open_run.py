"""Reads a run in a store, while it is running or after (DESIGN §B8)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr

from xsim.result.dataset import TIMEDELTAS, decoding_in_memory, plain_text
from xsim.setup.attributes import OUTCOME, OUTPUT_ROLE, ROLE, STATUS
from xsim.sink.codecs import quiet
from xsim.sink.in_group import array_names
from xsim.sink.location import location_of
from xsim.sink.notices import Notices
from xsim.sink.reading import StoredRun

KILLED = "killed"
"""Outcome of a run that says it is running, while nobody runs it."""


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
        bools become floats while rows are missing. Open it again to see more;
        ``xs.open_run(store).xsim.status`` says what is running. The attribute ``xsim_outcome`` is "killed" where a run
        has neither ended nor goes on, as far as its lock can tell: on the host that ran it, and in this process.

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
        run = StoredRun.at(location_of(store))
        dataset = _opened(run, decoding)
    return dataset.assign_attrs({OUTCOME: KILLED}) if run.killed else dataset


def _opened(run: StoredRun, decoding: dict[str, Any]) -> xr.Dataset:
    options: dict[str, Any] = {
        "consolidated": False,
        "concat_characters": False,
        "decode_timedelta": TIMEDELTAS,
        "chunks": {},
        **decoding,
    }
    left_out = options.get("drop_variables") or ()
    options["drop_variables"] = [*([left_out] if isinstance(left_out, str) else left_out), *run.hidden]
    raw = {**options, "decode_cf": False}
    stored = xr.open_zarr(run.group.store_path, **raw) if run.fits else _piece_by_piece(run, raw)
    if run.outcome == "running":
        _mark_missing(run, stored)
    dataset = plain_text(xr.decode_cf(stored, **decoding_in_memory(options)))
    if not run.dims:
        return dataset
    # Members may have been appended just now.
    dataset = dataset.isel({dim: slice(run.sizes[dim]) for dim in run.dims if dim in dataset.dims})
    if run.outcome != "running":
        return dataset.assign({name: dataset.variables.get(name, new) for name, new in _outcomes(run).items()})
    batched = {
        str(name): variable.shape
        for name, variable in dataset.variables.items()
        if variable.dims[: len(run.dims)] == run.dims and variable.attrs.get(ROLE) == OUTPUT_ROLE
    }
    run = run.readable()
    done = xr.DataArray(run.done, dims=run.dims)
    masked = {name: dataset[name].where(done) for name in batched}
    for name in batched:
        variable = dataset.variables[name]
        # xarray makes a bool of any number, however it is opened; when the run ends it is an integer with a mark.
        if variable.dtype == bool and name not in run.ambiguous and run.lacks(name):
            saved = run.stored_values(name, variable.shape) != run.arrays[name].fill_value
            masked[name] = masked[name].where(xr.Variable(variable.dims, saved))
    told = Notices(run.group).read_status()
    return dataset.assign(masked).assign(_outcomes(run)).assign_attrs({STATUS: told} if told else {})


def _outcomes(run: StoredRun) -> dict[str, xr.Variable]:
    return {name: xr.Variable(run.dims, values, attrs) for name, (values, attrs) in run.outcomes().items()}


def _mark_missing(run: StoredRun, stored: xr.Dataset) -> None:
    """Let integers that members have not saved be missing: when the run ends, attributes of the arrays say so."""
    ambiguous = run.ambiguous
    for name, variable in stored.variables.items():
        if variable.dtype.kind in "iu" and variable.attrs.get(ROLE) == OUTPUT_ROLE and name not in ambiguous:
            variable.attrs["_FillValue"] = run.arrays[str(name)].fill_value


def _piece_by_piece(run: StoredRun, raw: Mapping[str, Any]) -> xr.Dataset:
    """Open arrays that do not fit together: a run is making them larger, or replacing them, or was killed then."""
    names = array_names(run.group)
    variables = {}
    for name, array in run.arrays.items():
        alone = {**raw, "drop_variables": names - {array.basename}}
        piece = xr.open_zarr(run.group.store_path, **alone).variables[array.basename].to_base_variable()
        piece = piece.isel({dim: slice(run.sizes[dim]) for dim in piece.dims})
        variables[name] = _padded(piece, run.sizes, array.fill_value)
    return xr.Dataset(variables, attrs=run.group.attrs)


def _padded(piece: xr.Variable, sizes: Mapping[str, int], fill: Any) -> xr.Variable:
    """Give a variable in the sizes of the others, what it lacks filled."""
    missing = {dim: (0, sizes[str(dim)] - n) for dim, n in piece.sizes.items() if n < sizes[str(dim)]}
    if not missing:
        return piece
    if piece.size == 0:  # which dask does not pad
        shape = tuple(sizes[str(dim)] for dim in piece.dims)
        return xr.Variable(piece.dims, np.broadcast_to(np.asarray(fill, piece.dtype), shape), piece.attrs)
    padded: xr.Variable = piece.pad(missing, constant_values=fill)
    return padded
