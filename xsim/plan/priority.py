"""Priorities: which members start first."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr

from xsim._base.render import names
from xsim._base.suggest import did_you_mean
from xsim.errors import OptionError
from xsim.plan.batch import Batch

Priorities = np.ndarray[Any, np.dtype[np.float64]]


def plan_priorities(priority: Any, setup: xr.Dataset, batch: Batch) -> Priorities | None:
    """Give the priority of each member, in the shape of the batch; None if all have the same.

    Parameters
    ----------
    priority : str, xarray.DataArray, array-like or None
        Name of a variable of the setup, or numbers: labelled ones along some batch dimensions, others along all.
    setup : xarray.Dataset
    batch : Batch

    Raises
    ------
    OptionError
        If these are no numbers along batch dimensions.
    """
    if priority is None:
        return None
    if not batch.dims:
        raise OptionError("priority= is for batches, whose members it orders", got="batch_dim=None")
    if isinstance(priority, str):
        if priority not in setup.variables:
            raise OptionError(
                f"priority={priority!r} is no variable of the setup",
                expected="the name of a variable along batch dimensions, or numbers",
                suggestions=did_you_mean(priority, map(str, setup.variables)),
            )
        priority = setup[priority].variable
    sizes = dict(zip(batch.dims, batch.shape, strict=True))
    if isinstance(priority, xr.DataArray):
        priority = _by_labels(priority, batch)
    if isinstance(priority, (xr.DataArray, xr.Variable)):
        given = priority.variable if isinstance(priority, xr.DataArray) else priority
        wrong = [dim for dim in given.dims if sizes.get(str(dim)) != given.sizes[dim]]
        if wrong or given.dtype.kind not in "biuf":
            raise _refused(f"{given.dtype} of {dict(given.sizes)}", sizes)
        laid_out: Any = given
        return _known(np.asarray(laid_out.set_dims(sizes).transpose(*batch.dims).to_numpy(), dtype=np.float64))
    values = np.asarray(priority)
    if values.shape != batch.shape or values.dtype.kind not in "biuf":
        raise _refused(f"{values.dtype} of shape {values.shape}", sizes)
    return _known(values.astype(float))


def _by_labels(priority: xr.DataArray, batch: Batch) -> xr.DataArray:
    """Put priorities into the order of the members whose labels they have."""
    for dim in priority.dims:
        labels = batch.labels.get(str(dim))
        if labels is None or dim not in priority.indexes or np.array_equal(priority[dim].to_numpy(), labels):
            continue
        try:
            priority = priority.sel({dim: labels})
        except (KeyError, ValueError, TypeError) as error:
            raise OptionError(
                f"priority= does not have the labels of the batch along {str(dim)!r}",
                got=names(priority[dim].to_numpy().tolist()),
                expected=names(labels.tolist()),
            ) from error
    return priority


def _known(values: Priorities) -> Priorities:
    missing = np.argwhere(np.isnan(values))
    if len(missing):
        raise OptionError(
            "priority= is missing for some members",
            got=f"NaN at position {tuple(missing[0].tolist())}",
            expected="a number for each, great ones first",
        )
    return values


def _refused(got: str, sizes: dict[str, int]) -> OptionError:
    return OptionError(
        "priority= does not fit the batch",
        got=got,
        expected=f"numbers along {names(sizes)}, of shape {tuple(sizes.values())}, or labelled ones along some of them",
    )
