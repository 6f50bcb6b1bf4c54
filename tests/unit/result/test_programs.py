"""The external programs of a run, as a table (DESIGN §S5)."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr

import xsim as xs

COLUMNS = ["process", "stage", "step", "command", "exit_code", "seconds", "cpu_seconds", "memory"]


@xs.process
class Solver:
    """Runs a program at the beginning, and one in each step."""

    code = xs.variable(static=True, default=0)
    cost = xs.variable(intent="out")

    @xs.runtime(args="job")
    def initialize(self, job):
        self.cost = 0
        job.run([sys.executable, "-c", "pass"])

    @xs.runtime(args="job")
    def run_step(self, job):
        self.cost = job.run([sys.executable, "-c", f"exit({self.code})"], check=self.code != 3).exit_code


MODEL = xs.Model({"solver": Solver})


def setup_of(**inputs) -> xr.Dataset:
    """Make a setup of two steps."""
    return xs.create_setup(MODEL, {"t": [0, 1, 2]}, input_vars=inputs, output_vars={"solver__cost": None})


def test_of_a_single_run(tmp_path: Path) -> None:
    """A single run has a row for each program, in memory and in a store."""
    for store in (None, tmp_path / "x.zarr"):
        table = setup_of(solver__code=3).xsim.run(MODEL, store=store).xsim.programs
        assert list(table.columns) == COLUMNS
        assert table.process.tolist() == ["solver"] * 3
        assert table.stage.tolist() == ["initialize", "run_step", "run_step"]
        assert table.step.tolist() == [-1, 0, 1]
        assert table.exit_code.tolist() == [0, 3, 3]
        assert table.command[1] == f"{sys.executable} -c 'exit(3)'"
        assert (table.seconds > 0).all()
    assert xs.open_run(tmp_path / "x.zarr").xsim.programs.equals(table)


@pytest.mark.parametrize("stored", [False, True])
def test_of_a_batch(tmp_path: Path, stored: bool) -> None:
    """A batch has the labels of members too, those of members that failed included."""
    store = tmp_path / "x.zarr" if stored else None
    setup = setup_of(solver__code=(("case", "run"), [[3, 0], [4, 3]])).assign_coords(case=["a", "b"])
    with pytest.warns(xs.BatchWarning):
        result = setup.xsim.run(MODEL, ["case", "run"], store=store, on_error="continue")
    table = result.xsim.programs
    assert list(table.columns) == ["case", "run", *COLUMNS]
    assert list(zip(table.case, table.run, table.exit_code, table.step, strict=True)) == [
        *[("a", 0, 0, -1), ("a", 0, 3, 0), ("a", 0, 3, 1)],
        *[("a", 1, 0, -1), ("a", 1, 0, 0), ("a", 1, 0, 1)],
        *[("b", 0, 0, -1), ("b", 0, 4, 0)],
        *[("b", 1, 0, -1), ("b", 1, 3, 0), ("b", 1, 3, 1)],
    ]
    assert result.sel(case="b", run=0).xsim.programs.exit_code.tolist() == [0, 4]
    assert result.sel(case="b").xsim.programs.run.tolist() == [0, 0, 1, 1, 1]
    if stored:
        for opened in (xr.open_zarr(store), xs.open_run(store)):
            pd.testing.assert_frame_equal(opened.xsim.programs, table)
        with pytest.warns(xs.BatchWarning):
            resumed = setup.xsim.run(MODEL, ["case", "run"], store=store, on_error="continue", resume=True)
        assert resumed.xsim.programs.exit_code.tolist() == table.exit_code.tolist()
    assert "xsim_programs" not in result.xsim.filter_vars(MODEL)


def test_while_it_is_running(tmp_path: Path) -> None:
    """What members that have ended have run can be seen while others run (§B8)."""
    store = tmp_path / "x.zarr"
    seen = []

    @xs.runtime_hook("initialize", level="model", trigger="pre")
    def look(model, context, state):
        if context["batch"] == 1:
            seen.append(xs.open_run(store).xsim.programs)
            seen.append(xr.open_zarr(store, consolidated=False).xsim.programs)

    setup_of(solver__code=("m", [0, 0])).xsim.run(MODEL, "m", store=store, block=1, hooks=[look])
    assert [table.m.tolist() for table in seen] == [[0, 0, 0]] * 2


@xs.process
class Plain:
    """Runs nothing."""

    x = xs.variable(default=0.0)
    y = xs.variable(intent="out")

    def initialize(self):
        self.y = self.x


def test_where_there_are_none() -> None:
    """A run without programs has no rows, and no variable for them; a setup has none to ask for."""
    model = xs.Model({"plain": Plain})
    setup = xs.create_setup(model, input_vars={"plain__x": ("m", np.arange(2.0))}, output_vars={"plain__y": None})
    batch = setup.xsim.run(model, "m")
    assert list(batch.xsim.programs.columns) == ["m", *COLUMNS]
    assert len(batch.xsim.programs) == 0
    assert "xsim_programs" not in batch
    assert len(setup.isel(m=0).xsim.run(model).xsim.programs) == 0
    with pytest.raises(AttributeError) as caught:
        setup.xsim.programs  # noqa: B018
    assert str(caught.value) == "this dataset is not the result of a batch: it has no outcomes of members"


def test_what_is_damaged() -> None:
    """Text that says nothing of programs counts as none."""
    result = setup_of(solver__code=("m", [0, 0, 0, 0])).xsim.run(MODEL, "m")
    result["xsim_programs"][:] = np.array(["{", "3", "[7]", '[{"exit_code": 0}]'], dtype=object)
    assert result.xsim.programs.m.tolist() == [3]
    assert result.xsim.programs.command.tolist() == [""]
