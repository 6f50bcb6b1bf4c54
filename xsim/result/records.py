"""What the journal says of the members of a batch, from a result, or from a store that is being written."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import xarray as xr

from xsim.result.dataset import plain_text
from xsim.setup.attributes import OUTCOME
from xsim.sink.journal import JOURNAL, all_fields, unfold


def records_of(dataset: xr.Dataset, fields: Iterable[str]) -> dict[str, xr.DataArray]:
    """Give fields of the records of members, by their names in the journal.

    Parameters
    ----------
    dataset : xarray.Dataset
    fields : iterable of str

    Raises
    ------
    AttributeError
        If the dataset is not the result of a batch.
    """
    if JOURNAL in dataset and OUTCOME not in dataset:  # opened while the run is going on
        journal = dataset[JOURNAL]
        unfolded = unfold(np.asarray(journal.to_numpy(), dtype=object), True)
        dataset = dataset.assign({name: (journal.dims, values) for name, values in unfolded.items()})
    dataset = plain_text(dataset[[name for name, _, _ in all_fields(True).values() if name in dataset.variables]])
    if OUTCOME not in dataset:
        raise AttributeError("this dataset is not the result of a batch: it has no outcomes of members")
    found = {}
    for field in fields:
        name, default, _ = all_fields(True)[field]
        known = name in dataset.variables  # one that xsim did not write once has its default
        found[field] = dataset[name].compute() if known else xr.full_like(dataset[OUTCOME], default, dtype=object)
    return found
