"""Programs that do what programs should not do."""

from __future__ import annotations

import json
import math
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import xsim as xs
from xsim.errors import ProgramError, TimeLimitError
from xsim.job import log as log_module
from xsim.job.job import Job
from xsim.job.log import Log
from xsim.job.program import SUPERVISOR
from xsim.monitor.live import LiveStatus

POSIX = pytest.mark.skipif(os.name == "nt", reason="signals are POSIX's")
LINUX = pytest.mark.skipif(sys.platform != "linux", reason="others cannot adopt orphans")


def python(code: str) -> list[str]:
    """Give the command that runs code."""
    return [sys.executable, "-c", code]


@LINUX
def test_a_daemon_is_ended(job: Job, gone: Callable[[str], bool]) -> None:
    """What forks twice, leaves its session and closes its files is found and ended."""
    marker = f"xsim_daemon_{os.getpid()}"
    code = f"""
'{marker}'
import os, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        for fd in range(3):
            os.close(fd)
        time.sleep(600)
    os._exit(0)
os.wait()
"""
    start = time.monotonic()
    assert job.run(python(code)).exit_code == 0
    assert time.monotonic() - start < 300  # it is not waited for
    assert gone(marker)


@LINUX
def test_programs_that_start_programs_without_end(
    job: Job, over_when_begun: float, gone: Callable[[str], bool]
) -> None:
    """Children that start others when they are asked to end are ended too."""
    marker = f"xsim_hydra_{os.getpid()}"
    code = f"""
'{marker}'
import os, signal, time
def again(*args):
    os.fork()
signal.signal(signal.SIGTERM, again)
for _ in range(3):
    if os.fork() == 0:
        break
else:
    open('begun', 'w').close()
while True:
    time.sleep(1)
"""
    with pytest.raises(TimeLimitError):
        job.run(python(code), time_limit=over_when_begun)
    assert gone(marker)


@LINUX
def test_a_lost_supervisor_leaves_no_grandchild(job: Job, gone: Callable[[str], bool]) -> None:
    """Where somebody kills the process in between, its group is ended as a whole."""
    marker = f"xsim_grandchild_{os.getpid()}"
    inner = f"import time; '{marker}'; time.sleep(600)"
    code = (
        f"import os, signal, subprocess, sys, time; '{marker}'\n"
        f"subprocess.Popen([sys.executable, '-c', {inner!r}])\n"
        "os.kill(os.getppid(), signal.SIGKILL); time.sleep(600)"
    )
    start = time.monotonic()
    with pytest.raises(ProgramError, match="got: ended by signal SIGKILL"):
        job.run(python(code))
    assert time.monotonic() - start < 300  # neither is waited for
    assert gone(marker)


def test_a_program_deletes_its_folder(job: Job) -> None:
    """It is told what is missing; the next program cannot be started there."""
    code = "import os, shutil; shutil.rmtree(os.getcwd()); print('gone')"
    if os.name == "nt":
        pytest.skip("Windows does not delete folders that are in use")
    folder = job.scratch
    with pytest.raises(ProgramError) as caught:
        job.run(python(code), produces="x")
    assert str(caught.value) == (
        f"the program '{Path(sys.executable).name}' has not written what it must\n"
        "  got: exit code 0, without 'x'; the end of its log:\n    | (it is empty)\n"
        f"  expected: 'x'\n  remedy: look into its folder: {folder}"
    )
    with pytest.raises(ProgramError) as caught:
        job.run(python("pass"))
    assert str(caught.value) == (
        f"the program '{sys.executable}' cannot be started\n"
        f"  got: FileNotFoundError: [Errno 2] No such file or directory: '{folder}'\n"
        "  expected: the path of a file that can be executed, or the name of one in a folder of PATH"
    )
    job.close("failed")


@pytest.mark.parametrize(
    ("words", "got"),
    [
        (["x" * 3_000_000], "OSError: [Errno 7] Argument list too long: "),
        (["a\0b"], "ValueError: embedded null byte"),
    ],
)
@LINUX
def test_words_that_no_system_takes(job: Job, words: list[str], got: str) -> None:
    """The program is named, and what the system says."""
    with pytest.raises(ProgramError) as caught:
        job.run([sys.executable, *words])
    first, second = str(caught.value).splitlines()[:2]
    assert first == f"the program '{sys.executable}' cannot be started"
    assert second.startswith(f"  got: {got}")


@POSIX
def test_the_environment_is_the_program_s_alone(job: Job) -> None:
    """What a program needs of its environment may not suit Python, which watches it."""
    (job.scratch / "json.py").write_text("raise ImportError('not mine')")
    bad = {"PYTHONHOME": str(job.scratch), "PYTHONPATH": str(job.scratch), "LD_PRELOAD": "", "ODD": "\udcff"}
    ended = job.run(["/bin/sh", "-c", "echo $PYTHONHOME"], env=bad)
    assert ended.stdout.read_text().strip() == str(job.scratch)
    assert ended.stderr.read_text() == ""


@POSIX
def test_programs_hear_their_signals(job: Job) -> None:
    """A program may be interrupted by what it starts: only those of the terminal are kept from it."""
    code = "import os, signal, sys; sys.exit(signal.getsignal(signal.SIGINT) is not signal.default_int_handler)"
    assert job.run(python(code)).exit_code == 0


@LINUX
@pytest.mark.parametrize(("command", "code"), [(["true"], 0), (["sh", "-c", "exit 3"], 3), (["no such"], 127)])
def test_no_room_for_the_report(tmp_path: Path, command: list[str], code: int) -> None:
    """A program that has ended well on a full disk has ended well."""
    report = tmp_path / "report"
    report.write_text(json.dumps(dict(os.environ)))
    full = tmp_path / "full.py"
    full.write_text(
        "import builtins, runpy, sys\n"
        "plain = open\n"
        "def full(path, mode='r', **options):\n"
        f"    return plain('/dev/full' if mode == 'w' and path == {str(report)!r} else path, mode, **options)\n"
        "builtins.open = full\n"
        f"sys.argv[:] = sys.argv[1:]\nrunpy.run_path({str(SUPERVISOR)!r}, run_name='__main__')\n"
    )
    run = subprocess.run(
        [sys.executable, full, "supervisor", report, "1", *command], stdin=subprocess.PIPE, check=False
    )
    assert run.returncode == code


def test_folders_that_a_program_must_write(job: Job) -> None:
    """A folder of an earlier program is no result of the next one."""
    job.run(python("import os; os.mkdir('out'); open('out/x', 'w')"), produces="out")
    with pytest.raises(ProgramError, match="exit code 0, without 'out'"):
        job.run(python("pass"), produces="out")


@pytest.mark.parametrize("where", ["..", "../x", "{here}/x", ".", "shared/x"])
def test_nothing_else_is_deleted(job: Job, tmp_path: Path, where: str) -> None:
    """What a program must write is deleted first, so that it must not be anything of others."""
    shared = tmp_path / "shared"
    shared.mkdir()
    (shared / "x").touch()
    (job.scratch.parent / "x").touch()
    job.link(shared)
    name = where.format(here=shared)
    with pytest.raises(ProgramError) as caught:
        job.run(python("pass"), produces=name)
    assert str(caught.value) == (
        f"what a program must write is in its scratch folder\n  got: {name!r}\n  expected: a path in {job.scratch}\n"
        "  remedy: it is deleted before the program starts; copy it to other places afterwards"
    )
    assert (shared / "x").exists()
    assert (job.scratch.parent / "x").exists()


def test_a_link_that_a_program_replaces(job: Job, tmp_path: Path) -> None:
    """A linked input of that name is not deleted, but its link."""
    source = tmp_path / "model.lp"
    source.write_text("shared")
    job.link(source)
    job.run(python("open('model.lp', 'w').write('mine')"), produces="model.lp")
    assert source.read_text() == "shared"


def test_a_few_bytes_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Programs that print a few bytes at a time cost no more memory than others."""
    monkeypatch.setattr(log_module, "PIECE_BYTES", 100)
    log = Log(tmp_path / "log", limit=4000)
    for number in range(3000):
        log._keep(b"%04d\n" % number)
    assert len(log._last) <= 2 + 2000 // 100
    assert sum(map(len, log._last)) == log._held < 2200


@pytest.mark.parametrize("limit", [0, -1, math.nan])
def test_times_that_make_no_sense(job: Job, limit: float) -> None:
    """A limit that no program can hold is a mistake."""
    with pytest.raises(ProgramError) as caught:
        job.run(python("pass"), time_limit=limit)
    assert str(caught.value) == f"time_limit={limit!r} makes no sense\n  expected: seconds, or None for no limit"


@xs.process
class Solver:
    """Runs a program, and sends its own process a signal meanwhile."""

    seconds = xs.variable(default=0.0)
    cost = xs.variable(intent="out")

    @xs.runtime(args="job")
    def initialize(self, job):
        kill = f"os.kill({os.getpid()}, {int(signal.SIGINT)}); " if self.seconds else ""
        job.run(python(f"import os, time; {kill}time.sleep({self.seconds})"))
        self.cost = 1.0


@xs.process
class Patient:
    """Runs a program that takes its time."""

    seconds = xs.variable(default=0.0)
    cost = xs.variable(intent="out")

    @xs.runtime(args="job")
    def initialize(self, job):
        job.run(python(f"import time; time.sleep({self.seconds})"))
        self.cost = 1.0


@POSIX
@pytest.mark.parametrize("scheduler", ["synchronous", "threads"])
def test_an_interrupt_during_the_last_program(tmp_path: Path, scheduler: str) -> None:
    """The program is ended; its member has not failed, nor has anybody cancelled it (§R4)."""
    model = xs.Model({"solver": Solver})
    setup = xs.create_setup(
        model, input_vars={"solver__seconds": ("m", [0.0, 600.0])}, output_vars={"solver__cost": None}
    )
    store: Any = tmp_path / "x.zarr"
    start = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        setup.xsim.run(model, "m", store=store, parallel=True, scheduler=scheduler, workers=1)
    assert time.monotonic() - start < 300
    assert xs.open_run(store).xsim.outcome.values.tolist() == ["done", "pending"]


@pytest.mark.parametrize("scheduler", ["threads", pytest.param("processes", marks=pytest.mark.slow)])
def test_folders_of_members_that_are_ended(tmp_path: Path, scheduler: str) -> None:
    """With keep_scratch="never" nothing stays, also of members whose worker was killed."""
    model = xs.Model({"patient": Patient})
    setup = xs.create_setup(
        model, input_vars={"patient__seconds": ("m", [0.0, 600.0, 0.0])}, output_vars={"patient__cost": None}
    )
    live = LiveStatus("none")

    def cancel_one() -> None:
        end = time.monotonic() + 300
        while time.monotonic() < end:
            status = live.status
            if status is not None and any(each.member == 1 for each in status.working):
                live.cancel(1)
                return
            time.sleep(0.05)

    thread = threading.Thread(target=cancel_one)
    thread.start()
    options: dict[str, Any] = {"parallel": True, "scheduler": scheduler, "workers": 2, "hooks": [live]}
    with pytest.warns(xs.BatchWarning):
        result = setup.xsim.run(model, "m", scratch=tmp_path, keep_scratch="never", on_error="continue", **options)
    thread.join()
    assert result.xsim_outcome.values.tolist() == ["done", "cancelled", "done"]
    assert list(tmp_path.iterdir()) == []


def test_measuring_touches_no_folder_of_a_run(tmp_path: Path) -> None:
    """Who measures a member leaves the folders of a run into the same store alone, which may be going on."""
    model = xs.Model({"patient": Patient})
    setup = xs.create_setup(model, input_vars={"patient__seconds": ("m", [0.0] * 2)})
    theirs = tmp_path / "x.zarr.scratch" / "member-000000" / "patient" / "model.lp"
    theirs.parent.mkdir(parents=True)
    theirs.touch()
    setup.xsim.plan(model, batch_dim="m", store=tmp_path / "x.zarr", measure=True)
    assert theirs.exists()
