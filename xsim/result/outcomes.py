"""How the members of a batch ended, from its result."""

from __future__ import annotations

import numpy as np
import xarray as xr

from xsim.sink.journal import JOURNAL, unfold


def outcomes_of(dataset: xr.Dataset) -> xr.DataArray:
    """Give the outcome of each member, also while the run is going on.

    Raises
    ------
    AttributeError
        If the dataset is not the result of a batch.
    """
    if JOURNAL in dataset and "xsim_outcome" not in dataset:  # opened while the run is going on
        journal = dataset[JOURNAL]
        outcomes = unfold(np.asarray(journal.to_numpy(), dtype=object))["xsim_outcome"]
        return xr.DataArray(outcomes, journal.coords, journal.dims, "xsim_outcome")
    if "xsim_outcome" not in dataset:
        raise AttributeError("this dataset is not the result of a batch: it has no outcomes of members")
    return dataset["xsim_outcome"].compute()
