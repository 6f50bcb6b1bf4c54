"""Cancels members of a run that is going on, from another shell."""

from __future__ import annotations

from typing import Any

import numpy as np

from xsim._base.render import names
from xsim._base.suggest import did_you_mean
from xsim.engine.control import check_members
from xsim.errors import OptionError, StoreError
from xsim.plan.batch import Batch
from xsim.result.open_run import open_run
from xsim.result.status import batch_of
from xsim.setup.attributes import OUTCOME
from xsim.sink.location import location_of, writable_group
from xsim.sink.notices import Notices
from xsim.sink.reading import StoredRun


def cancel(store: Any, *members: int, **labels: Any) -> int:
    """Cancel members of a batch that is running, maybe in another process or on another machine.

    Members that are running end, those that wait do not start, those that have ended stay as they are. The run takes
    the request within a second or two.

    Parameters
    ----------
    store : path-like, str, zarr store or zarr.Group
        What was given to ``run(store=...)``.
    *members : int
        Their numbers, counted along the last batch dimension first.
    **labels
        Labels along batch dimensions, or positions along those without labels: all members that have all of these.

    Returns
    -------
    int
        How many members are asked to end.

    Raises
    ------
    StoreError
        If there is no run, it is not going on, or its store cannot be written to.
    OptionError
        If there are no such members, or nobody says which.

    Examples
    --------
    >>> import xsim as xs
    >>> xs.cancel("sweep.zarr", 17)  # doctest: +SKIP
    >>> xs.cancel("sweep.zarr", solver="primal simplex")  # doctest: +SKIP
    """
    location = location_of(store)
    run = StoredRun.at(location)
    if not run.dims or run.outcome != "running":
        raise StoreError(
            f"{str(store)!r} holds no batch that is running",
            got=f"a run with outcome {run.outcome!r}" if run.dims else "a single run",
            expected="a batch that is going on",
        )
    if run.killed:
        raise StoreError(
            f"no run is going on in {str(store)!r} (it was killed)",
            expected="a batch that is going on",
            remedy="resume=True goes on with what is left",
        )
    batch = batch_of(open_run(store)[OUTCOME])
    if not members and not labels:
        raise OptionError(
            "nobody says which members to cancel",
            expected="their numbers, or labels along batch dimensions",
            remedy=f"all of them: xs.cancel(store, *range({batch.size}))",
        )
    check_members(members, batch.size)
    chosen = sorted({*map(int, members), *_labelled(batch, labels)})
    notices = Notices(writable_group(location))
    if not notices.possible:
        raise StoreError("this kind of store takes no requests", got=str(store), remedy="cancel where the run is")
    notices.writable(location).ask_to_cancel(chosen)
    return len(chosen)


def _labelled(batch: Batch, labels: dict[str, Any]) -> list[int]:
    if not labels:
        return []
    where = np.ones(batch.shape, dtype=bool)
    for dim, label in labels.items():
        if dim not in batch.dims:
            raise OptionError(
                f"{dim!r} is no batch dimension of the run",
                expected=names(batch.dims),
                suggestions=did_you_mean(dim, batch.dims),
            )
        axis = batch.dims.index(dim)
        known = batch.labels.get(dim, np.arange(batch.shape[axis]))
        found = np.isin(known, np.atleast_1d(label))
        if not found.any():
            raise OptionError(
                f"no member has {label!r} along {dim!r}",
                expected=names(known.tolist()),
                suggestions=did_you_mean(str(label), map(str, known.tolist())),
            )
        where &= found.reshape([-1 if i == axis else 1 for i in range(len(batch.dims))])
    return np.flatnonzero(where).tolist()
