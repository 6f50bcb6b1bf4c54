"""The status of a batch, from its result or from what is read of it while it is going on."""

from __future__ import annotations

import numpy as np
import xarray as xr

from xsim.engine.status import Status
from xsim.plan.batch import Batch
from xsim.result.records import records_of
from xsim.setup.attributes import OUTCOME, STATUS


def status_of(dataset: xr.Dataset) -> Status:
    """Give the status of a batch.

    Raises
    ------
    AttributeError
        If the dataset is not the result of a batch.
    """
    outcomes = records_of(dataset, ["outcome"])["outcome"]
    batch = batch_of(outcomes)
    text = str(dataset.attrs.get(STATUS, ""))
    ending = str(dataset.attrs.get(OUTCOME, ""))
    found = Status.read(text, batch, np.asarray(outcomes.to_numpy(), dtype=object))
    return found if ending == "running" else found.at_the_end(ending)


def batch_of(outcomes: xr.DataArray) -> Batch:
    """Give the grid of members that a variable along it tells of."""
    dims = tuple(str(dim) for dim in outcomes.dims)
    labels = {dim: outcomes[dim].to_numpy() for dim in dims if dim in outcomes.coords}
    return Batch(dims, outcomes.shape, labels)
