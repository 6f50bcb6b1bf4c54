"""Notices that a run has left which was killed (DESIGN §B7, §R4)."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest
import zarr

import xsim as xs
from xsim.setup.attributes import OUTCOME
from xsim.sink.notices import Notices

SHUT: list[float] = []


@xs.process
class Gate:
    number = xs.variable(static=True)
    passed = xs.variable(intent="out")

    def run_step(self) -> None:
        if self.number in SHUT:
            raise ValueError("shut")
        if self.number == 2:
            time.sleep(1)  # the watcher looks twice a second
        self.passed = self.number


def test_requests_to_a_run_that_was_killed_do_not_reach_the_next_one(tmp_path: Path) -> None:
    """Who cancels members of a run that nobody runs any more asks nobody: the one that goes on runs them (§R4)."""
    model = xs.Model({"gate": Gate})
    setup = xs.create_setup(
        model, input_vars={"gate__number": ("member", np.arange(6.0))}, output_vars={"gate__passed": None}
    )
    store = tmp_path / "gate.zarr"
    SHUT[:] = range(2, 6)
    with pytest.warns(xs.BatchWarning):
        setup.xsim.run(model, batch_dim="member", store=store, block=1, on_error="continue")
    zarr.open_group(store).attrs[OUTCOME] = "running"  # as after SIGKILL
    with pytest.raises(xs.errors.StoreError, match="it was killed"):
        xs.cancel(store, 3, member=4)
    Notices(zarr.open_group(store)).ask_to_cancel([3, 4])  # as before it was killed

    SHUT.clear()
    result = setup.xsim.run(model, batch_dim="member", store=store, block=1, resume=True)

    assert result.gate__passed.values.tolist() == [0, 1, 2, 3, 4, 5]
    assert [path.name for path in (store / "xsim_journal").glob("*.json")] == ["zarr.json"]
