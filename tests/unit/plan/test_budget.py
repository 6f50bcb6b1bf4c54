"""CPUs and memory are shared out (DESIGN §R1 to §R3)."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import xsim as xs
from xsim._base.memory import forget_peak, parse_bytes, peak_memory, usable_memory
from xsim._base.render import duration
from xsim.errors import OptionError
from xsim.plan.budget import make_budget
from xsim.plan.estimate import Estimate
from xsim.plan.options import RunOptions

GB = 10**9


def budget(machine: int = 256 * GB, **options: Any) -> Any:
    """Share out a machine."""
    return make_budget(RunOptions(parallel=True, **options), 32, machine)


def test_the_example() -> None:
    """256 GB, 32 CPUs, 32 GB and 8 threads a job: 4 jobs, CPUs binding (§R3)."""
    found = budget(threads_per_worker=8, memory_per_member="32 GB")
    assert found.workers == 4
    assert not found.memory_binds
    assert str(found) == (
        "4 workers × 8 threads; CPUs bind: 32 usable CPUs; memory would allow 8: 238.4 GiB of memory, "
        "29.8 GiB a member (each)"
    )


def test_memory_binds() -> None:
    """With less memory there are fewer jobs, and each may use more threads if it does not say how many."""
    found = budget(100 * GB, memory_per_member="32 GB")
    assert (found.workers, found.threads) == (3, 10)
    assert str(found) == (
        "3 workers × 10 threads; memory binds: 93.1 GiB of memory, 29.8 GiB a member (each); "
        "32 usable CPUs would allow 32"
    )


@pytest.mark.parametrize(
    ("options", "workers", "threads"),
    [
        ({}, 32, 1),
        ({"workers": 4}, 4, 8),
        ({"workers": -2}, 30, 1),
        ({"threads_per_worker": 8}, 4, 8),
        ({"threads_per_worker": 64}, 1, 64),
        ({"workers": -2, "threads_per_worker": 8}, 3, 8),
        ({"workers": 32, "threads_per_worker": 8}, 32, 8),  # overcommitted on purpose
        ({"memory": "64 GB", "memory_per_member": "60 GB"}, 1, 32),
        ({"memory_per_member": "1 TB"}, 1, 32),
    ],
)
def test_workers_and_threads(options: dict[str, Any], workers: int, threads: int) -> None:
    """Workers times threads keep within the usable CPUs unless both are given (§R2)."""
    found = budget(**options)
    assert (found.workers, found.threads) == (workers, threads)


def test_memory_binds_those_asked_for() -> None:
    """Workers that a user asks for are not called CPUs."""
    assert str(budget(8 * GB, workers=40, memory_per_member="3 GB")) == (
        "2 workers × 16 threads; memory binds: 7.5 GiB of memory, 2.8 GiB a member (each); 40 were asked for"
    )


def test_without_memory_per_member() -> None:
    """Until a member is measured only CPUs count."""
    found = budget(threads_per_worker=2)
    assert str(found) == "16 workers × 2 threads, for 32 usable CPUs"
    assert str(found.with_measured(64 * GB)) == (
        "4 workers × 2 threads; memory binds: 238.4 GiB of memory, 59.6 GiB a member (measured); 32 usable CPUs would "
        "allow 16"
    )


def test_what_the_user_says_holds() -> None:
    """Measuring does not replace a number that the user gave."""
    given = budget(memory_per_member="1 GB")
    assert given.with_measured(64 * GB) == given


@pytest.mark.parametrize(
    ("text", "nbytes"),
    [
        *[("500", 500), ("1 kB", 1000), ("2KiB", 2048), ("1.5 GB", 1_500_000_000), (" 4 gib ", 4 * 2**30)],
        *[("3M", 3_000_000), ("2T", 2 * 10**12), ("1e3", 1000)],
    ],
)
def test_bytes_in_words(text: str, nbytes: int) -> None:
    """Sizes are read with decimal and binary units."""
    assert parse_bytes(text) == nbytes


@pytest.mark.parametrize("value", ["", "GB", "4 XB", "-3", 0, -1, True, [1], float("nan")])
@pytest.mark.parametrize("name", ["memory", "memory_per_member"])
def test_wrong_sizes(name: str, value: Any) -> None:
    """What is no size is refused."""
    with pytest.raises(OptionError) as caught:
        RunOptions(**{name: value})
    assert str(caught.value) == (
        f"{name}={value!r} makes no sense\n  expected: bytes, as a number or as text like '4 GiB'"
    )


@pytest.fixture
def tree(tmp_path: Path) -> Callable[[dict[str, str]], Path]:
    """Write files of a fake /proc and /sys."""

    def write(files: dict[str, str]) -> Path:
        for path, text in files.items():
            (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / path).write_text(text)
        return tmp_path

    return write


def test_limits_of_control_groups(tree: Callable[[dict[str, str]], Path]) -> None:
    """The least limit of all groups above counts, in both versions."""
    root = tree(
        {
            "proc/self/cgroup": "0::/a/b\n",
            "sys/fs/cgroup/a/b/memory.max": "max\n",
            "sys/fs/cgroup/a/memory.max": "1000000\n",
            "sys/fs/cgroup/memory.max": "2000000\n",
        }
    )
    assert usable_memory(root) == 1_000_000
    root = tree(
        {"proc/self/cgroup": "3:memory:/a\n", "sys/fs/cgroup/memory/a/memory.limit_in_bytes": "3000000\n"},
    )
    assert usable_memory(root) == 3_000_000


def test_without_control_groups(tmp_path: Path) -> None:
    """Elsewhere the machine's memory counts."""
    assert usable_memory(tmp_path) > 2**28


@pytest.mark.skipif(sys.platform != "linux", reason="others do not tell")
def test_peak_memory_grows() -> None:
    """What a process has held stays its peak until that is forgotten."""
    forget_peak()
    before = peak_memory()
    block = np.ones(20_000_000)
    del block
    after = peak_memory()
    assert after >= before + 100_000_000
    forget_peak()
    assert peak_memory() < after


@xs.process
class Heavy:
    """Takes memory."""

    size = xs.variable(default=1000)
    total = xs.variable(intent="out")

    def initialize(self) -> None:
        self.total = float(np.ones(int(self.size)).sum())


MODEL = xs.Model({"heavy": Heavy})


def setup_of(members: int, size: int = 1000) -> Any:
    """Set up members."""
    return xs.create_setup(
        MODEL, input_vars={"heavy__size": ("m", [size] * members)}, output_vars={"heavy__total": None}
    )


def test_the_plan_says_what_binds(monkeypatch: pytest.MonkeyPatch) -> None:
    """Before anything runs the plan prints the budget (§R3)."""
    monkeypatch.setattr("xsim.plan.run_plan.usable_cpus", lambda: 32)
    monkeypatch.setattr("xsim.plan.run_plan.usable_memory", lambda: 256 * GB)
    plan = setup_of(8).xsim.plan(MODEL, batch_dim="m", parallel=True, threads_per_worker=8, memory_per_member="32 GB")
    assert repr(plan).splitlines()[1:3] == [
        "Members: 8 (m 8), 4 workers (threads)",
        "Budget: 4 workers × 8 threads; CPUs bind: 32 usable CPUs; memory would allow 8: 238.4 GiB of memory, "
        "29.8 GiB a member (each)",
    ]


def test_remarks_on_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """Workers that were asked for and cut, and members that cannot fit, are warned of with the numbers."""
    monkeypatch.setattr("xsim.plan.run_plan.usable_cpus", lambda: 4)
    monkeypatch.setattr("xsim.plan.run_plan.usable_memory", lambda: 4 * GB)
    options = {"batch_dim": "m", "parallel": True, "threads_per_worker": 1}
    plan = setup_of(8).xsim.plan(MODEL, workers=4, memory_per_member="2 GB", **options)
    assert plan.remarks == ("workers=4 is cut to 2: 3.7 GiB of memory, and 1.9 GiB a member",)
    plan = setup_of(8).xsim.plan(MODEL, memory_per_member="8 GB", **options)
    assert plan.remarks == (
        "a member needs 7.5 GiB, and there are 3.7 GiB of memory: members run one at a time, and may fail; "
        "more memory, or memory= where xsim sees less than there is",
    )


def test_first_members_are_measured(tmp_path: Path) -> None:
    """Worker processes whose first members need much run fewer at a time, and the summary says so (§R3)."""
    result = setup_of(6, 40_000_000).xsim.run(
        MODEL,
        batch_dim="m",
        parallel=True,
        scheduler="processes",
        workers=2,
        threads_per_worker=1,
        memory="600 MB",
        store=tmp_path / "x.zarr",
    )
    assert result.heavy__total.values.tolist() == [4e7] * 6
    note = result.attrs["xsim_summary"].splitlines()[-1]
    assert note.startswith("1 worker × 1 thread; memory binds: 572.2 MiB of memory, ")
    assert "usable CPU" in note
    assert note.endswith(("would allow 2", "2 were asked for"))
    workers = {str(each) for each in result.xsim_worker.values[2:]}
    assert len(workers) == 1


def test_blocks_that_do_not_fit(tmp_path: Path) -> None:
    """A block whose outputs exceed the memory is refused with the numbers, and nothing is written (§R3)."""
    store = tmp_path / "x.zarr"
    with pytest.raises(OptionError) as caught:
        setup_of(8).xsim.run(MODEL, batch_dim="m", block=4, memory=16, store=store)
    assert str(caught.value) == (
        "the blocks of this batch do not fit into the memory\n"
        "  got: 4 members a block, 8 B of outputs each, held by 1 worker: 32 B\n"
        "  expected: at most 16 B\n"
        "  remedy: smaller blocks, of at most 2 members (block=, chunks along the batch dimensions), or fewer workers"
    )


@xs.process
class Field:
    """Saves a profile at each step."""

    k = xs.variable(default=1.0)
    z = xs.variable(dims="x", intent="out")

    def run_step(self) -> None:
        self.z = np.full(1000, self.k)


FIELDS = xs.Model({"field": Field})


@pytest.mark.parametrize("encoding", [{}, {"field__z": {"chunks": (2, 50)}}])
def test_what_a_batch_will_cost(tmp_path: Path, encoding: dict[str, Any]) -> None:
    """One member tells tasks, bytes and files, which are those of the run (§S3)."""
    setup = xs.create_setup(
        FIELDS,
        {"t": np.arange(101), "out": np.arange(0, 101, 10)},
        "t",
        {"field__k": ("m", np.arange(8.0))},
        {"field__z": "out"},
    )
    options = {"batch_dim": "m", "store": tmp_path / "x.zarr", "encoding": encoding, "block": 4}
    plan = setup.xsim.plan(FIELDS, measure=True, **options)
    estimate = plan.estimate
    assert estimate is not None
    assert not (tmp_path / "x.zarr").exists()
    result = setup.xsim.run(FIELDS, **options)
    assert estimate.nbytes == result.field__z.nbytes == 8 * estimate.member_bytes
    assert estimate.tasks == 2
    files = sum(1 for path in (tmp_path / "x.zarr").rglob("*") if path.is_file())
    assert estimate.files == pytest.approx(files, abs=8)
    line = next(line for line in repr(plan).splitlines() if line.startswith("Estimate: "))
    assert line == f"Estimate: {estimate}"


def test_an_estimate_in_words() -> None:
    """The estimate is one line."""
    estimate = Estimate(
        member_seconds=0.5, member_bytes=2**20, members=1000, tasks=50, nbytes=1000 * 2**20, files=230, seconds=125
    )
    assert str(estimate) == (
        "125 s for 1000 members in 50 tasks, 1000.0 MiB of outputs (before compression) in 230 files; the first "
        "member took 500 ms and saved 1.0 MiB"
    )


def test_measuring_raises_what_the_member_raises() -> None:
    """A member that fails tells so before the batch is started."""
    setup = setup_of(3, -1)
    with pytest.raises(ValueError, match="negative dimensions"):
        setup.xsim.plan(MODEL, measure=True, batch_dim="m")


def test_single_runs_are_not_measured() -> None:
    """A run without a batch is refused."""
    with pytest.raises(OptionError) as caught:
        xs.create_setup(MODEL, output_vars={"heavy__total": None}).xsim.plan(MODEL, measure=True)
    assert str(caught.value) == (
        "measure=True is for batches, of which it runs the first member\n"
        "  got: batch_dim=None\n"
        "  remedy: a single run is measured by running it"
    )


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.0034, "3.40 ms"), (1.5, "1.50 s"), (125, "125 s"), (625, "10 min 25 s"), (3840, "1 h 4 min")],
)
def test_durations(seconds: float, text: str) -> None:
    """Times are printed in the units that people use."""
    assert duration(seconds) == text
