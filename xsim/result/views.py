"""What the accessor tells of a result: how it went, and where it comes from."""

from __future__ import annotations

from typing import TYPE_CHECKING

import xarray as xr

if TYPE_CHECKING:
    import pandas as pd

    from xsim.engine.status import Status
    from xsim.result.batch_summary import BatchSummary
    from xsim.result.provenance import Provenance


class ResultViews:
    """Part of the accessor ``.xsim``: looks at a dataset as a result."""

    @property
    def _dataset(self) -> xr.Dataset:
        raise NotImplementedError

    @property
    def outcome(self) -> xr.DataArray:
        """How each member of a batch ended: "done", "failed", "timed out", "cancelled" or "pending", by its position.

        Raises
        ------
        AttributeError
            If the dataset is not the result of a batch.
        """
        from xsim.result.records import records_of  # what reads stores is imported when it is used

        return records_of(self._dataset, ["outcome"])["outcome"]

    @property
    def status(self) -> Status:
        """How the members of a batch are: of a run that is going on as it was told last, see `xsim.open_run`.

        Raises
        ------
        AttributeError
            If the dataset is not the result of a batch.
        """
        from xsim.result.status import status_of

        return status_of(self._dataset)

    @property
    def programs(self) -> pd.DataFrame:
        """The external programs that were run, a row each: member, process, stage, step, command, exit code, resources.

        Raises
        ------
        AttributeError
            If the dataset is not the result of a run.
        """
        from xsim.result.programs import programs_of

        return programs_of(self._dataset)

    @property
    def provenance(self) -> Provenance | None:
        """Where this result comes from: the sessions that made it, with their code, versions, options, hosts, times.

        None for a setup, or where the attribute ``xsim_provenance`` has been dropped.
        """
        from xsim.result.provenance import Provenance

        return Provenance.of(self._dataset)

    def summary(self) -> BatchSummary:
        """Summarize a batch: outcomes, failures by exception and line, times, retries, hosts, sessions.

        The dataset may be a result, or what `xsim.open_run` gives of a run that is going on.

        Raises
        ------
        AttributeError
            If the dataset is not the result of a batch.
        """
        from xsim.result.batch_summary import summarize

        return summarize(self._dataset)
