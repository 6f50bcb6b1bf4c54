"""External programs: their folder, their environment, and how they end."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from xsim._base.cpus import cpu_seconds
from xsim.errors import CancelledError, ProgramError, ProgramWarning, TimeLimitError
from xsim.job.job import Job
from xsim.job.log import Log, tail

POSIX = pytest.mark.skipif(os.name == "nt", reason="signals are POSIX's")


def python(code: str) -> list[str]:
    """Give the command that runs code."""
    return [sys.executable, "-c", code]


def test_a_program_runs_in_the_scratch_folder(job: Job) -> None:
    """A program finds and leaves its files there, and what it prints is kept."""
    (job.scratch / "in.txt").write_text("3")
    ended = job.run(
        python(
            "import sys; open('out.txt','w').write(open('in.txt').read()*2); print('a'); print('b', file=sys.stderr)"
        )
    )
    assert (job.scratch / "out.txt").read_text() == "33"
    assert ended.exit_code == 0
    assert (ended.stdout.read_text().strip(), ended.stderr.read_text().strip()) == ("a", "b")
    assert ended.stdout.parent == job.scratch


@POSIX
def test_what_a_program_uses_is_recorded(job: Job) -> None:
    """Seconds, CPU seconds and memory are those of the program, not of the waiting."""
    ended = job.run(
        python(
            "x = bytearray(80_000_000)\nimport time\nt = time.process_time()\nwhile time.process_time() < t + 0.3: pass"
        )
    )
    assert ended.cpu_seconds is not None
    assert 0.3 <= ended.cpu_seconds <= ended.seconds * 2
    assert ended.memory is not None
    assert 80_000_000 < ended.memory < 400_000_000
    assert job.ended == [ended]


@POSIX
def test_the_work_of_programs_counts(job: Job) -> None:
    """Threads that wait for programs have a gain: their CPU time counts."""
    before = cpu_seconds()
    job.run(python("import time\nwhile time.process_time() < 0.5: pass"))
    assert cpu_seconds() - before >= 0.5


def test_the_environment_says_how_many_threads(job: Job) -> None:
    """Libraries in the program know their limit, and users may add and take away (§R2)."""
    code = "import os; print(*(os.environ.get(n) for n in ('OMP_NUM_THREADS', 'XSIM_TEST', 'HOME')))"
    ended = job.run(python(code), env={"XSIM_TEST": "yes", "HOME": None})
    assert ended.stdout.read_text().split() == ["2", "yes", "None"]
    assert job.threads == 2


def test_standard_input_is_empty(job: Job) -> None:
    """A program that reads its input goes on at once."""
    ended = job.run(python("import sys; print(repr(sys.stdin.read()))"))
    assert ended.stdout.read_text().strip() == "''"


def test_a_failure_shows_the_end_of_the_log(job: Job) -> None:
    """An exit code other than 0 is an error that says why, also after a result was written."""
    code = "import sys\nopen('x', 'w').write('1')\nfor i in range(30): print('row', i, file=sys.stderr)\nsys.exit(3)"
    with pytest.raises(ProgramError) as caught:
        job.run(python(code), produces="x")
    rows = "\n".join(f"    | row {i}" for i in range(10, 30))
    assert str(caught.value) == (
        f"the program '{Path(sys.executable).name}' failed\n"
        f"  got: exit code 3; the end of its log:\n{rows}\n"
        "  expected: exit code 0\n"
        f"  remedy: look into its folder: {job.scratch}"
    )
    assert caught.value.exit_code == 3
    assert caught.value.scratch == str(job.scratch)


def test_an_exit_code_may_be_looked_at(job: Job) -> None:
    """With check=False the code is given back."""
    assert job.run(python("raise SystemExit(7)"), check=False).exit_code == 7


@POSIX
def test_a_signal_is_named(job: Job) -> None:
    """A program that crashes is told from one that exits."""
    with pytest.raises(
        ProgramError, match=r"got: ended by signal SIGSEGV; the end of its log:\n    \| \(it is empty\)"
    ):
        job.run(python("import os; os.kill(os.getpid(), 11)"))


def test_a_command_that_does_not_exist(job: Job, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error has what the system says, and names close to the one given."""
    tool = tmp_path / "bin" / "solver"
    tool.parent.mkdir()
    tool.write_text("#!/bin/sh\n")
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", str(tool.parent))
    with pytest.raises(ProgramError) as caught:
        job.run(["solvr", "model.lp"])
    assert str(caught.value) == (
        "the program 'solvr' cannot be started\n"
        "  got: FileNotFoundError: [Errno 2] No such file or directory: 'solvr'\n"
        "  expected: the path of a file that can be executed, or the name of one in a folder of PATH\n"
        "  did you mean: 'solver'?"
    )


@POSIX
def test_a_command_that_is_not_executable(job: Job) -> None:
    """A file without permission is named."""
    (job.scratch / "tool").write_text("#!/bin/sh\n")
    with pytest.raises(ProgramError) as caught:
        job.run(["./tool"])
    assert str(caught.value) == (
        "the program './tool' cannot be started\n"
        "  got: PermissionError: [Errno 13] Permission denied: './tool'\n"
        "  expected: the path of a file that can be executed, or the name of one in a folder of PATH"
    )


@pytest.mark.parametrize("command", ["solver model.lp", [], None, 3])
def test_a_command_is_a_list(job: Job, command: Any) -> None:
    """A line is no command: no shell looks at it."""
    with pytest.raises(ProgramError) as caught:
        job.run(command)
    assert str(caught.value) == (
        "a command is a list of words, the program first\n"
        f"  got: {command!r}\n"
        '  expected: e.g. ["solver", "--threads", "2", "model.lp"]\n'
        "  remedy: shlex.split(text) makes words of a line"
    )


def test_words_are_text(job: Job) -> None:
    """A number among the words is named."""
    with pytest.raises(ProgramError) as caught:
        job.run(["solver", 2])  # type: ignore[list-item]
    assert str(caught.value) == (
        "the words of a command are text or paths\n  got: 2 (int)\n  expected: text: str(...) makes it of a number"
    )


def test_results_of_an_earlier_program_are_not_taken(job: Job) -> None:
    """A file that a program must write is deleted before it starts."""
    job.run(python("open('x', 'w').write('1')"), produces="x")
    with pytest.raises(ProgramError) as caught:
        job.run(python("print('nothing to do')"), produces=["x", "y"])
    assert str(caught.value) == (
        f"the program '{Path(sys.executable).name}' has not written what it must\n"
        "  got: exit code 0, without 'x', 'y'; the end of its log:\n"
        "    | nothing to do\n"
        "  expected: 'x', 'y'\n"
        f"  remedy: look into its folder: {job.scratch}"
    )


def test_folders_of_an_earlier_attempt_are_emptied(make: Callable[..., Job]) -> None:
    """A member that runs again finds nothing of before."""
    first = make()
    (first.scratch / "stale").touch()
    first.close("failed")
    again = make()
    assert first.scratch == again.scratch
    assert list(again.scratch.iterdir()) == []


@pytest.mark.parametrize(
    ("keep", "outcome", "stays"),
    [
        *[("failed", "done", False), ("failed", "failed", True), ("failed", "timed out", True)],
        *[("always", "done", True), ("never", "failed", False), ("never", "cancelled", False)],
    ],
)
def test_which_folders_stay(make: Callable[..., Job], keep: str, outcome: str, stays: bool) -> None:
    """Folders stay where somebody will look at them."""
    job = make(keep=keep)
    folder = job.scratch
    job.close(outcome)
    assert folder.exists() == stays


def test_a_program_that_never_ends(job: Job, over_when_begun: float, gone: Callable[[str], bool]) -> None:
    """It is ended with all that it started, also what has fled from its group of processes."""
    marker = f"xsim_never_{os.getpid()}"
    inner = f"import time; '{marker}'; time.sleep(600)"
    code = (
        f"import subprocess, sys, time; '{marker}'\n"
        f"subprocess.Popen([sys.executable, '-c', {inner!r}], start_new_session=True)\n"
        "print('started', flush=True)\nopen('begun', 'w').close()\ntime.sleep(600)"
    )
    with pytest.raises(TimeLimitError) as caught:
        job.run(python(code), time_limit=over_when_begun)
    message = str(caught.value).splitlines()
    assert message[0] == f"the program '{Path(sys.executable).name}' ran longer than it may"
    assert message[2:] == [
        "    | started",
        "  expected: at most 1e+03 seconds",
        f"  remedy: give it more time; its folder is {job.scratch}",
    ]
    assert gone(marker)


def test_a_program_that_will_not_end_is_killed(job: Job, over_when_begun: float, gone: Callable[[str], bool]) -> None:
    """Asking is not enough for some."""
    marker = f"xsim_stubborn_{os.getpid()}"
    code = (
        f"import signal, time; '{marker}'; signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "open('begun', 'w').close()\ntime.sleep(600)"
    )
    with pytest.raises(TimeLimitError):
        job.run(python(code), time_limit=over_when_begun)
    assert gone(marker)


def test_what_is_left_in_the_background_is_ended(job: Job, gone: Callable[[str], bool]) -> None:
    """Nothing outlives the program that started it."""
    marker = f"xsim_background_{os.getpid()}"
    inner = f"import time; '{marker}'; time.sleep(600)"
    code = f"import subprocess, sys\nsubprocess.Popen([sys.executable, '-c', {inner!r}], start_new_session=True)"
    assert job.run(python(code)).exit_code == 0
    assert gone(marker)


def test_the_time_of_the_member_holds_too(make: Callable[..., Job]) -> None:
    """A program has no more time than its member."""
    job = make(deadline=time.monotonic() + 0.5)
    with pytest.raises(TimeLimitError):
        job.run(python("import time; time.sleep(600)"), time_limit=500)


def test_a_cancelled_member_ends_its_program(make: Callable[..., Job]) -> None:
    """Who cancels a member does not wait for its program."""
    end = time.monotonic() + 0.5
    job = make(cancelled=lambda: time.monotonic() > end)
    with pytest.raises(CancelledError) as caught:
        job.run(python("import time; time.sleep(600)"))
    name = Path(sys.executable).name
    assert str(caught.value) == f"the member was cancelled\n  got: while the program {name!r} was running"


def test_a_lost_supervisor_takes_its_program_along(job: Job, gone: Callable[[str], bool]) -> None:
    """Whoever kills the process in between gets an error, and no program is left (Linux)."""
    if sys.platform != "linux":
        pytest.skip("others cannot tie a process to its parent")
    marker = f"xsim_orphan_{os.getpid()}"
    code = f"import os, signal, time; '{marker}'; os.kill(os.getppid(), signal.SIGKILL); time.sleep(600)"
    with pytest.raises(ProgramError, match=f"got: ended by signal {signal.Signals(9).name}"):
        job.run(python(code))
    assert gone(marker)


def test_gigabytes_of_output_are_bounded(tmp_path: Path) -> None:
    """Of a long log the beginning and the end are kept, and the gap is told."""
    log = Log(tmp_path / "log", limit=2000)
    pieces = [b"%04d\n" % i * 10 for i in range(1000)]
    with open(tmp_path / "in", "wb") as file:
        file.writelines(pieces)
    with open(tmp_path / "in", "rb") as stream:
        log.follow(stream)
    data = (tmp_path / "log").read_bytes()
    assert data.startswith(b"0000\n")
    assert data.endswith(b"0999\n")
    assert tail(tmp_path / "log", 2) == "0999\n0999"


def test_a_flood_is_followed_to_its_end(job: Job) -> None:
    """A program that prints much is neither held up nor does its log grow without end."""
    code = "import sys\nfor i in range(150): sys.stdout.write(('%07d' % i) * 150_000 + '\\n')\nprint('last')"
    ended = job.run(python(code))
    assert ended.exit_code == 0
    text = ended.stdout.read_bytes()
    assert len(text) < 70 * 2**20
    assert b"bytes left out ..." in text
    assert text.endswith(b"last\n")


def test_progress_is_reported(make: Callable[..., Job]) -> None:
    """Phase and fraction are read off the lines as they come, those ended by a carriage return too."""
    told: list[tuple[str | None, float | None]] = []

    def progress(line: str) -> Any:
        if line.startswith("phase "):
            return line.removeprefix("phase ")
        if line.startswith("both"):
            return "end game", 0.75
        return float(line.rstrip("%")) / 100 if line.endswith("%") else None

    code = (
        "print('hello'); print('phase presolve'); print('10%', end='\\r'); print('250%'); print('both')\n"
        "print('30%', end='')"
    )
    make(report=lambda phase, fraction: told.append((phase, fraction))).run(python(code), progress=progress)
    assert told == [("presolve", None), (None, 0.1), (None, 1.0), ("end game", 0.75), (None, 0.3)]


def test_a_mistake_in_following_stops_no_program(job: Job) -> None:
    """Hours of solving are not lost for a mistake in how its progress is shown."""
    with pytest.warns(ProgramWarning) as caught:
        ended = job.run(python("print('x')\nprint('y')"), progress=lambda line: 1 / 0)
    assert ended.exit_code == 0
    assert [str(w.message) for w in caught] == [
        "progress= of a program of process 'solver' failed, so that its progress was not shown: "
        "ZeroDivisionError: division by zero"
    ]


def test_shared_inputs_are_linked(job: Job, tmp_path: Path) -> None:
    """Large inputs are not copied for each member."""
    big = tmp_path / "big.nc"
    big.write_bytes(b"1234")
    (tmp_path / "maps").mkdir()
    link = job.link(big)
    assert link == job.scratch / "big.nc"
    assert link.read_bytes() == b"1234"
    assert link.samefile(big)
    assert job.link(tmp_path / "maps", "inputs/maps").samefile(tmp_path / "maps")


def test_links_that_cannot_be(job: Job, tmp_path: Path) -> None:
    """What is not there, or would hide another input, is named."""
    (tmp_path / "a").touch()
    with pytest.raises(ProgramError) as caught:
        job.link(tmp_path / "b")
    assert str(caught.value) == (
        "an input of a program does not exist\n"
        f"  got: {tmp_path / 'b'}\n"
        "  expected: a file or a folder\n"
        "  remedy: the path counts from the folder in which the run was started, or is absolute"
    )
    job.link(tmp_path / "a")
    with pytest.raises(ProgramError) as caught:
        job.link(tmp_path / "a")
    assert str(caught.value) == (
        "two inputs of a program have the name 'a'\n"
        f"  got: {tmp_path / 'a'}\n"
        "  expected: a name that is not there yet: a are\n"
        "  remedy: give it another one: job.link(source, name=...)"
    )
    job.close("done")
    assert (tmp_path / "a").exists()


def test_a_program_may_delete_its_folder(job: Job) -> None:
    """A log that has no folder any more stops nobody."""
    code = "import shutil, os, time; shutil.rmtree(os.getcwd()); print('x', flush=True)"
    assert job.run(python(code)).exit_code == 0
