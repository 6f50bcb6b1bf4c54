"""A plan that goes on with what is in its store says what is left (DESIGN §B7)."""

import textwrap
import warnings

import numpy as np
import pytest
import xarray as xr
import zarr

import xsim as xs
from xsim.plan.outlook import Outlook

HOT = set()


@xs.process
class Heat:
    k = xs.variable()
    t = xs.variable(intent="out")

    def initialize(self):
        self.t = self.k

    @xs.runtime(args="rng")
    def run_step(self, rng):
        if self.k in HOT:
            raise ValueError("too hot")


MODEL = xs.Model({"heat": Heat})


@pytest.fixture(autouse=True)
def _all_is_well():
    HOT.clear()


def setup_of(members):
    inputs = {"heat__k": ("m", np.arange(members))}
    return xs.create_setup(MODEL, {"time": [0, 1, 2]}, input_vars=inputs, output_vars={"heat__t": "time"})


def run(members, store, **options):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", xs.BatchWarning)
        return setup_of(members).xsim.run(MODEL, batch_dim="m", store=store, on_error="continue", **options)


def plan(members, store, **options):
    return setup_of(members).xsim.plan(MODEL, batch_dim="m", store=store, resume=True, **options)


def test_what_is_left(tmp_path):
    """Members are done, failed and to run again, pending, or appended."""
    store = tmp_path / "out.zarr"
    HOT.update([1, 4])
    run(8, store, block=1, max_failures=2)
    outlook = plan(10, store).outlook

    assert outlook == Outlook(done=3, again={"failed": 2}, pending=3, appended=2)
    assert outlook.left == 7


def test_it_is_right(tmp_path):
    """What is said to be left is what runs then, with the seed of the plan."""
    store = tmp_path / "out.zarr"
    HOT.add(2)
    run(4, store)
    HOT.clear()
    planned = plan(6, store)
    result = run(6, store, resume=True)

    assert result.attrs["xsim_summary"] == f"6 of 6 members done ({planned.outlook.left} in this run)"
    assert str(planned.seed) == result.attrs["xsim_seed"]
    assert plan(6, store).outlook == Outlook(done=6)


def test_members_that_timed_out(tmp_path):
    """Members that were too slow are to run again, too."""
    store = tmp_path / "out.zarr"
    run(2, store)
    journal = zarr.open_group(store)["xsim_journal"]
    journal[1] = '{"outcome": "timed out"}'

    assert plan(2, store).outlook == Outlook(done=1, again={"timed out": 1})


@pytest.mark.parametrize("record", ['{"outcome": "done"}', '{"outcome', ""], ids=["too little", "torn", "none"])
def test_damaged_records(tmp_path, record):
    """A record that cannot be read, or does not say enough, is as none."""
    run(2, tmp_path / "out.zarr")
    zarr.open_group(tmp_path / "out.zarr")["xsim_journal"][1] = record

    assert plan(2, tmp_path / "out.zarr").outlook == Outlook(done=1, pending=1)


def test_nothing_begun(tmp_path):
    """Where nothing has been begun, all is left."""
    assert plan(3, tmp_path / "out.zarr").outlook == Outlook(pending=3)
    assert not (tmp_path / "out.zarr").exists()


def test_without_resume(tmp_path):
    """Who does not go on has no outlook."""
    assert setup_of(3).xsim.plan(MODEL, batch_dim="m", store=tmp_path / "out.zarr").outlook is None


def test_nothing_is_written(tmp_path):
    """Planning leaves the store as it is, and free for others (DESIGN §E1)."""
    store = tmp_path / "out.zarr"
    run(3, store)
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    plan(4, store)

    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")} == before


def test_another_run_is_refused_while_planning(tmp_path):
    """What resuming would refuse is refused while planning (DESIGN §E1)."""
    run(3, tmp_path / "out.zarr")
    with pytest.raises(xs.errors.ResumeError) as error:
        plan(3, tmp_path / "out.zarr", seed=1)
    assert error.value.differences[0].startswith("seed: ")
    with pytest.raises(xs.errors.ResumeError) as error:
        plan(2, tmp_path / "out.zarr")
    assert error.value.differences == ("batch dimension 'm': 3 members in the store, 2 now",)


def test_something_else_is_refused_while_planning(tmp_path):
    """A single run, or what is no run, is not gone on with."""
    setup_of(2).isel(m=0).xsim.run(MODEL, store=tmp_path / "single.zarr")
    xr.Dataset({"a": 1}).to_zarr(tmp_path / "other.zarr", consolidated=False)
    for name in ("single", "other"):
        with pytest.raises(xs.errors.StoreExistsError):
            plan(2, tmp_path / f"{name}.zarr")


def test_it_is_printed(tmp_path):
    """The plan prints what is left, below its store."""
    store = tmp_path / "out.zarr"
    HOT.update([0, 3])
    run(5, store, block=1, max_failures=2)
    expected = textwrap.dedent(f"""
        Store: {store} (resume)
        Goes on: 2 of 6 members done, 4 left
            failed    2, to run again
            pending   1
            appended  1
        """).strip()

    assert expected in repr(plan(6, store))
    assert "Goes on: 2 of 6 members done, 4 left" in plan(6, store)._repr_html_()
