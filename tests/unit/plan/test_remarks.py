"""What is odd about a run is said before it starts (DESIGN §B3, §R2)."""

import warnings

import numpy as np
import pytest

import xsim as xs


@xs.process
class Scale:
    k = xs.variable()
    y = xs.variable(dims="x", intent="out")

    def initialize(self):
        self.y = np.full(3, self.k)


MODEL = xs.Model({"scale": Scale})


@pytest.fixture(autouse=True)
def _four_cpus(monkeypatch):
    monkeypatch.setattr("xsim.plan.run_plan.usable_cpus", lambda: 4)


def setup_of(members=12):
    return xs.create_setup(
        model=MODEL,
        clocks={"time": [0, 1]},
        input_vars={"scale__k": ("m", np.arange(members))},
        output_vars={"scale__y": None},
    )


def remarks(**options):
    """Give what is said of a run: the plan prints it, and the run warns of it, where it is called."""
    setup = setup_of()
    plan = setup.xsim.plan(MODEL, batch_dim="m", **options)
    printed = [line.removeprefix("Warning: ") for line in repr(plan).splitlines() if line.startswith("Warning: ")]
    assert printed == list(plan.remarks)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        setup.xsim.run(MODEL, batch_dim="m", **options)
    assert [str(each.message) for each in caught] == printed
    assert {(each.category, each.filename) for each in caught} <= {(xs.PlanWarning, __file__)}
    return printed


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"workers": 1},
        {"scheduler": "synchronous"},
        {"parallel": True},
        {"parallel": True, "workers": 4},
        {"parallel": True, "workers": -2},
        {"parallel": True, "workers": 2, "threads_per_worker": 2},
        {"parallel": True, "workers": 9, "scheduler": "synchronous"},
        {"parallel": True, "workers": 4, "block": 3},
    ],
)
def test_nothing_odd(options):
    """A plain run brings no remark."""
    assert remarks(**options) == []


def test_more_threads_than_cpus():
    """More workers, or threads in them, than usable CPUs are possible, and told with the numbers (DESIGN §R2)."""
    wait = "they wait for each other; workers=None takes as many as there are CPUs"
    assert remarks(parallel=True, workers=6) == [f"6 workers × 1 thread each are 6 threads for 4 usable CPUs: {wait}"]
    assert remarks(parallel=True, workers=2, threads_per_worker=3) == [
        f"2 workers × 3 threads each are 6 threads for 4 usable CPUs: {wait}"
    ]


def test_fewer_blocks_than_workers():
    """A block, or a chunk, that leaves workers without work is told (DESIGN §B3)."""
    without = (
        "the others have nothing to do; smaller blocks (block=, chunks along the batch dimensions) share out the work"
    )
    assert remarks(parallel=True, block=6) == [f"2 blocks of 6 members for 4 workers: {without}"]
    encoding = {"scale__y": {"chunks": (12,)}}
    assert remarks(parallel=True, encoding=encoding) == [f"1 block of 12 members for 4 workers: {without}"]


def test_without_parallel():
    """Options of a parallel run that is none are told."""
    nothing = "no effect without parallel=True: everything runs one after the other"
    assert remarks(scheduler="processes") == [f"scheduler='processes' has {nothing}"]
    assert remarks(workers=2) == [f"workers=2 has {nothing}"]
    assert remarks(scheduler="threads", workers=3) == [f"scheduler='threads' and workers=3 have {nothing}"]


@pytest.mark.parametrize("stored", [False, True])
def test_the_number_of_workers_is_stored(stored, tmp_path):
    """The number that a wish came to is in the result, and no part of it as a setup (DESIGN §R1, §S5)."""
    store = tmp_path / "out.zarr" if stored else None
    result = setup_of().xsim.run(MODEL, batch_dim="m", parallel=True, workers=-1, store=store)
    assert result.attrs["xsim_workers"] == 3
    again = result.xsim.run(MODEL, batch_dim="m")
    assert "xsim_workers" not in again.attrs


def test_limits_in_a_single_run():
    """What ends members is told to have no effect where there are none."""
    plan = setup_of().isel(m=0).xsim.plan(MODEL, max_walltime=60, retries=2)
    assert plan.remarks == (
        "max_walltime=60.0 and retries=2 have no effect in a single run: there are no members to end or to run again",
    )
    assert setup_of().xsim.plan(MODEL, batch_dim="m", max_walltime=60, retries=2).remarks == ()


def test_processes_in_a_single_run():
    """Worker processes in one model are told to have no effect (DESIGN §O5)."""
    plan = setup_of().isel(m=0).xsim.plan(MODEL, parallel=True, scheduler="processes", workers=9)
    assert plan.remarks == (
        "scheduler='processes' has no effect in a single run: worker processes cannot share the state of one model; "
        "its processes run one after the other, with scheduler='threads' at the same time",
    )
