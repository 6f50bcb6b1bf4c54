"""`ds.xsim.summary()`: how a batch went, in all detail (DESIGN §B6)."""

import os
import textwrap
import warnings

import numpy as np
import pytest
import xarray as xr
import zarr

import xsim as xs
from xsim.result.batch_summary import FailureGroup

PROBLEMS = {}


@xs.process
class Heat:
    k = xs.variable()
    t = xs.variable(intent="out")

    def initialize(self):
        self.t = 0.0

    @xs.runtime(args="rng")
    def run_step(self, rng):
        problem = PROBLEMS.get(float(self.k))
        if problem == "hot":
            raise ValueError(f"too hot: {self.k}\nfor two lines")
        if problem == "once":
            del PROBLEMS[float(self.k)]
            raise OSError("lost")
        if problem == "cold":
            raise ValueError(f"too cold: {self.k}")
        self.t += self.k


MODEL = xs.Model({"heat": Heat})


@pytest.fixture(autouse=True)
def _all_is_well():
    PROBLEMS.clear()


def setup_of(shape=(6,), dims=("k",)):
    values = np.arange(np.prod(shape)).reshape(shape) / 2
    setup = xs.create_setup(
        MODEL, {"time": [0, 1, 2]}, input_vars={"heat__k": (dims, values)}, output_vars={"heat__t": "time"}
    )
    return setup.assign_coords(k=[f"v{i}" for i in range(setup.sizes["k"])])


def run(setup, store=None, batch_dim="k", **options):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", xs.BatchWarning)
        return setup.xsim.run(MODEL, batch_dim=batch_dim, store=store, on_error="continue", **options)


def opened(how, setup, tmp_path, **options):
    """Run a batch, and give its result as one may have it."""
    store = None if how == "memory" else tmp_path / "out.zarr"
    result = run(setup, store, **options)
    readers = {"open_run": xs.open_run, "open_zarr": xr.open_zarr}
    return readers[how](store) if how in readers else result


HOW = ["memory", "store", "open_run", "open_zarr"]


@pytest.mark.parametrize("how", HOW)
def test_what_it_says(how, tmp_path):
    """It counts outcomes, groups failures by exception and line, and names members by their labels."""
    PROBLEMS.update({0.5: "cold", 1.0: "hot", 2.0: "hot"})
    found = opened(how, setup_of(), tmp_path, seed=8).xsim.summary()

    assert found.outcomes == {"done": 3, "failed": 3}
    hot, cold = found.failures
    line = Heat.run_step.__code__.co_firstlineno
    assert hot == FailureGroup(
        outcome="failed",
        exception="ValueError",
        line=f"{__file__}:{line + 4}",
        process="heat",
        stage="run_step",
        message="ValueError: too hot: 1.0\nfor two lines",
        members=("k v2", "k v4"),
    )
    assert (cold.line, cold.members) == (f"{__file__}:{line + 9}", ("k v1",))
    assert found.times.least <= found.times.median <= found.times.most <= found.times.total
    assert len(found.times.slowest) == 5
    assert found.times.slowest[0][1] == found.times.most
    assert found.retries == {}
    (host,) = found.hosts.values()
    assert (host.members, host.workers) == (6, 1)
    assert host.seconds == pytest.approx(found.times.total)
    assert found.seed == "8"
    assert found.done_in == (3,)


@pytest.mark.parametrize("how", HOW)
def test_retries(how, tmp_path):
    """Members that ran again are named, also those that were done then."""
    PROBLEMS.update({0.5: "once", 1.0: "hot"})
    found = opened(how, setup_of(), tmp_path, retries=2).xsim.summary()

    assert found.outcomes == {"done": 5, "failed": 1}
    assert found.retries == {"k v1": 1, "k v2": 2}
    assert "Retries: 3\n    k v1  1 retry\n    k v2  2 retries" in repr(found)


@pytest.mark.parametrize("how", HOW[1:])
def test_resumed_runs(how, tmp_path):
    """It says how many members each session has done, of those that are there now."""
    PROBLEMS.update({0.5: "hot", 1.0: "hot"})
    run(setup_of(), tmp_path / "out.zarr")
    PROBLEMS.pop(0.5)
    run(setup_of(), tmp_path / "out.zarr", resume=True)
    result = opened(how, setup_of((8,)), tmp_path, resume=True)
    found = result.xsim.summary()

    assert found.outcomes == {"done": 7, "failed": 1}
    assert found.done_in == (4, 1, 2)
    assert [session["members"]["done"] for session in found.sessions] == [4, 1, 2]
    assert result.isel(k=slice(2)).xsim.summary().done_in == (1, 1, 0)


def test_sessions_that_were_killed(tmp_path):
    """A session that could not count its members is given those that started while it ran."""
    store = tmp_path / "out.zarr"
    run(setup_of(), store)
    run(setup_of((8,)), store, resume=True)
    group = zarr.open_group(store, use_consolidated=False)
    text = group.attrs["xsim_provenance"]
    group.attrs["xsim_provenance"] = text.replace('"members"', '"lost"')

    assert xs.open_run(store).xsim.summary().done_in == (6, 2)


def test_without_provenance():
    """It works where the provenance has been dropped."""
    result = run(setup_of())
    del result.attrs["xsim_provenance"]
    found = result.xsim.summary()

    assert (found.sessions, found.done_in, found.outcomes) == ((), (), {"done": 6})
    assert "Sessions" not in repr(found)


@pytest.mark.parametrize("read", [xs.open_run, lambda path: xr.open_zarr(path, consolidated=False)])
def test_while_it_is_running(tmp_path, read):
    """A run that is going on can be summarized, also through plain xarray."""
    seen = []

    @xs.runtime_hook("finalize", trigger="post")
    def look(model, context, state):
        if float(state["heat", "k"]) == 2.0:
            seen.append(read(tmp_path / "out.zarr").xsim.summary())

    PROBLEMS[0.5] = "hot"
    run(setup_of(), tmp_path / "out.zarr", block=1, hooks=[look])

    assert seen[0].outcomes == {"done": 3, "failed": 1, "pending": 2}
    assert seen[0].sessions[0]["outcome"] == "running"
    assert seen[0].done_in == (3,)


def test_it_is_printed():
    """It prints counts, a part for each kind of failure, times, hosts, sessions and seed."""
    PROBLEMS.update({0.5: "cold", 1.0: "hot", 2.0: "hot"})
    found = run(setup_of((2, 3), ("run", "k")), batch_dim=["run", "k"], seed=8).xsim.summary()
    (name, host), ((label, seconds), *_), session = *found.hosts.items(), found.times.slowest, found.sessions[0]
    line = Heat.run_step.__code__.co_firstlineno
    expected = f"""
        <xsim summary of 6 members>
        Members:
            done    3
            failed  3
        2 members failed: ValueError at {__file__}:{line + 4} (process 'heat', stage 'run_step')
            first:    ValueError: too hot: 1.0
            members:  run 0, k v2; run 1, k v1
        1 member failed: ValueError at {__file__}:{line + 9} (process 'heat', stage 'run_step')
            first:    ValueError: too cold: 0.5
            members:  run 0, k v1
        Seconds a member:
        """
    text = repr(found)
    assert text.startswith(textwrap.dedent(expected).lstrip())
    assert next(row.split() for row in text.splitlines() if row.startswith("    slowest")) == [
        *("slowest", f"{seconds:.3g}"),
        *label.split(),
    ]
    assert f"Hosts:\n    {name}  6 members  1 worker  {host.seconds:.3g} s\n" in text
    started = session["started"][:19].replace("T", " ")
    when = f"    {started} UTC on {session['host']}: failed after {session['seconds']:.6g} s  3 done"
    assert text.endswith(f"Sessions:\n{when}\nSeed: 8")
    assert "<summary>Seconds a member:</summary>" in found._repr_html_()


def test_many_failures_are_printed_in_part():
    """Ten members of a kind of failure are named, and ten kinds; the summary itself has all."""
    PROBLEMS.update({i / 2: "hot" for i in range(1, 26)})
    found = run(setup_of((40,))).xsim.summary()

    assert len(found.failures[0].members) == 25
    assert f"    members:  {'; '.join(f'k v{i}' for i in range(1, 11))} ... and 15 more" in repr(found).splitlines()


def test_many_kinds_of_failures_are_printed_in_part():
    """Ten kinds of failures are printed, the most frequent ones; the summary itself has all."""
    result = run(setup_of((15,)))
    lines = [f"f.py:{i}" for i in range(12)]
    failed = result.assign(
        xsim_outcome=("k", ["failed"] * 14 + ["done"]),
        xsim_line=("k", ["f.py:99"] * 2 + lines + [""]),
    )
    found = failed.xsim.summary()

    assert [len(group.members) for group in found.failures] == [2] + [1] * 12
    assert "\n... and 3 more kinds of failures\n" in repr(found)


def test_members_by_position():
    """Members without labels are named by position; one that was selected needs no name."""
    PROBLEMS[1.0] = "hot"
    result = run(setup_of().drop_vars("k"))

    assert result.xsim.summary().failures[0].members == ("k 2",)
    one = result.isel(k=2).xsim.summary()
    assert (one.outcomes, one.times.slowest) == ({"failed": 1}, ())


def test_workers_are_counted():
    """Each thread or process that has run members is a worker of its host."""
    result = run(setup_of((8,)), parallel=True, workers=2, block=1)
    (host,) = result.xsim.summary().hosts.values()

    assert host.workers == len(set(result.xsim_worker.values.tolist()))
    assert all(worker.split(":")[1] == str(os.getpid()) for worker in result.xsim_worker.values)


def test_no_member():
    """A batch without members has nothing to tell."""
    found = run(setup_of((0,))).xsim.summary()

    assert (found.outcomes, found.failures, found.times, found.hosts) == ({}, (), None, {})
    assert repr(found).startswith("<xsim summary of 0 members>\nMembers:\n    *empty*\n")


def test_results_of_earlier_versions():
    """What a result does not have is not told."""
    PROBLEMS[1.0] = "hot"
    result = run(setup_of()).drop_vars(["xsim_line", "xsim_retries"])

    assert result.xsim.summary().failures[0].line == ""
    assert "1 member failed: ValueError (process 'heat', stage 'run_step')" in repr(result.xsim.summary())


def test_no_batch():
    """A dataset that is no result of a batch has no summary, and says so."""
    for dataset in (setup_of(), setup_of().isel(k=0).xsim.run(MODEL)):
        with pytest.raises(AttributeError) as error:
            dataset.xsim.summary()
        assert str(error.value) == "this dataset is not the result of a batch: it has no outcomes of members"
