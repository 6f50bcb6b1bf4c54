"""Job: what stage methods run external programs with."""

from __future__ import annotations

import os
import shutil
import time
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs

from xsim._base.render import names
from xsim._base.suggest import did_you_mean
from xsim.errors import CancelledError, ProgramError, ProgramWarning, TimeLimitError
from xsim.job.ended import Ended
from xsim.job.log import tail
from xsim.job.program import Program
from xsim.job.scratch import Scratch

Progress = tuple[str | None, float | None]
"""Phase and fraction done."""
SIGNAL = 0.2
"""Seconds after the end of a program by a signal, in which the same signal may reach xsim, as from a batch queue."""


@attrs.frozen(eq=False)
class Site:
    """Where and how the programs of a member run.

    Attributes
    ----------
    folder : Path
        For the scratch folders of its processes.
    threads : int
        CPUs that a program may use.
    environment : mapping of str to str
        What says so to numerical libraries.
    deadline : float
        Moment of the monotonic clock at which the time of the member is over.
    report : callable
        Is told phase and fraction of the running program.
    cancelled : callable
        Whether the member is to end.
    keep : {"failed", "always", "never"}
        Which folders stay.
    """

    folder: Path
    threads: int
    environment: Mapping[str, str]
    deadline: float
    report: Callable[[str | None, float | None], None]
    cancelled: Callable[[], bool]
    keep: str


class Job:
    """External programs of one process in one member, and the folder in which they run.

    Stage methods get it by asking for it, ``@xs.runtime(args="job")``; it is not made by hand.

    Parameters
    ----------
    process : str
        Name of the process.
    site : Site

    Attributes
    ----------
    threads : int
        CPUs that a program may use: pass it on to programs that have an option for it. Libraries that read
        ``OMP_NUM_THREADS`` and the like know already.
    ended : list of Ended
        How the programs so far have ended.

    Examples
    --------
    >>> import sys
    >>> import xsim as xs
    >>> @xs.process
    ... class Solver:
    ...     price = xs.variable(default=2.0)
    ...     cost = xs.variable(intent="out")
    ...     @xs.runtime(args="job")
    ...     def run_step(self, job):
    ...         program = f"print({self.price} * 3, file=open('cost.txt', 'w'))"
    ...         job.run([sys.executable, "-c", program], produces="cost.txt")
    ...         self.cost = float((job.scratch / "cost.txt").read_text())
    """

    def __init__(self, process: str, site: Site) -> None:
        self.threads = site.threads
        self.ended: list[Ended] = []
        self._where = "", -1
        self._process = process
        self._site = site
        self._scratch = Scratch(site.folder / process)

    @property
    def scratch(self) -> Path:
        """Folder of this process in this member, empty at first.

        It is deleted when the member is done, and kept when it fails (see ``keep_scratch=`` of ``run``).
        """
        return self._scratch.path

    def link(self, source: str | os.PathLike[str], name: str | None = None) -> Path:
        """Show an input that several members share in the scratch folder, without copying it.

        Parameters
        ----------
        source : path-like
            A file or folder.
        name : str, optional
            What it is called there; by default what it is called.

        Returns
        -------
        Path
            The link, or a copy on systems that allow no links.

        Raises
        ------
        ProgramError
            If the source does not exist, or the name is taken.
        """
        return self._scratch.link(source, name)

    def run(
        self,
        command: Sequence[str | os.PathLike[str]],
        *,
        time_limit: float | None = None,
        env: Mapping[str, str | None] | None = None,
        progress: Callable[[str], Any] | None = None,
        produces: str | Iterable[str] = (),
        check: bool = True,
    ) -> Ended:
        """Run a program in the scratch folder and wait for its end.

        Parameters
        ----------
        command : sequence of str or path-like
            The program and its arguments; no shell looks at them.
        time_limit : float, optional
            Seconds after which the program, with all that it has started, is asked to end, and soon after killed. The
            time limit of the member holds too.
        env : mapping of str to str, optional
            Environment variables to add; None takes one away.
        progress : callable, optional
            Is given each line that the program prints, as text, and returns a phase, a fraction from 0 to 1, both as a
            tuple, or None where the line tells nothing. Watchers of the run see them.
        produces : str or iterable of str, optional
            Files or folders that the program must write, as paths in the scratch folder. Those of an earlier program
            are deleted before it starts, so that they are never taken for its own.
        check : bool, default: True
            Take an exit code other than 0 for a failure.

        Returns
        -------
        Ended
            Exit code, seconds, CPU seconds, memory, and where the logs are.

        Raises
        ------
        ProgramError
            If the program cannot be started, ends with an exit code other than 0, or has not written what it must. The
            message has the end of its log.
        TimeLimitError
            If it ran longer than it may.
        CancelledError
            If the member is cancelled.

        Notes
        -----
        Nothing that the program starts outlives it: what still runs when it ends is killed. When xsim itself is killed
        all of it ends too. Standard input is empty; what it prints goes to ``<n>.out`` and ``<n>.err`` in the scratch
        folder, where n counts programs from 1; of very long logs the beginning and the end are kept.
        """
        words = _words(command)
        expected = [produces] if isinstance(produces, str) else list(produces)
        for name in expected:
            self._scratch.forget(name)
        limit = float("inf") if time_limit is None else time_limit
        if not limit > 0:
            raise ProgramError(f"time_limit={time_limit!r} makes no sense", expected="seconds, or None for no limit")
        number = str(len(self.ended) + 1)
        follower = None if progress is None else _Follower(progress, self._site.report)
        start = time.monotonic()
        try:
            program = Program(words, self.scratch, number, self._environment(env), follower)
        except (OSError, ValueError) as error:  # its words are too long, its folder is gone ...
            raise self._cannot_start(words[0], {"error": f"{type(error).__name__}: {error}"}) from error

        def must_end() -> bool:
            now = time.monotonic()
            return now - start > limit or now > self._site.deadline or self._site.cancelled()

        facts = program.wait(must_end)
        if facts.get("exit_code", 0) < 0 and not must_end():
            time.sleep(SIGNAL)
        seconds = time.monotonic() - start
        if "error" in facts:
            raise self._cannot_start(words[0], facts)
        ended = Ended(
            command=tuple(words),
            exit_code=facts["exit_code"],
            seconds=round(seconds, 6),
            cpu_seconds=facts.get("cpu_seconds"),
            memory=facts.get("memory"),
            stdout=program.logs[0].path,
            stderr=program.logs[1].path,
            stage=self._where[0],
            step=self._where[1],
        )
        self.ended.append(ended)
        if follower is not None and follower.error is not None:
            warnings.warn(_cannot_follow(self._process, follower.error), ProgramWarning, stacklevel=2)
        self._judge(ended, limit, start, check, expected)
        return ended

    def _environment(self, env: Mapping[str, str | None] | None) -> dict[str, str]:
        changed = {**os.environ, **self._site.environment, **(env or {})}
        return {name: str(value) for name, value in changed.items() if value is not None}

    def _judge(self, ended: Ended, limit: float, start: float, check: bool, expected: Sequence[str]) -> None:
        """Raise what the end of a program means; one that has ended well in its last moment has ended well."""
        name = Path(ended.command[0]).name
        missing = [file for file in expected if not (self.scratch / file).exists()]
        if ended.exit_code == 0 and not missing:
            return
        seen: dict[str, Any] = {"command": ended.command, "exit_code": ended.exit_code, "scratch": str(self.scratch)}
        if self._site.cancelled():
            raise CancelledError("the member was cancelled", got=f"while the program {name!r} was running")
        if ended.exit_code != 0 and time.monotonic() - start > min(limit, self._site.deadline - start):
            raise TimeLimitError(
                f"the program {name!r} ran longer than it may",
                got=f"{ended.seconds:.1f} seconds; the end of its log:\n{_indented(ended)}",
                expected=f"at most {min(limit, self._site.deadline - start):.3g} seconds",
                remedy=f"give it more time; its folder is {self.scratch}",
                **seen,
            )
        if ended.exit_code != 0 and check:
            raise ProgramError(
                f"the program {name!r} failed",
                got=f"{ended.how}; the end of its log:\n{_indented(ended)}",
                expected="exit code 0",
                remedy=f"look into its folder: {self.scratch}",
                **seen,
            )
        if missing and ended.exit_code == 0:
            raise ProgramError(
                f"the program {name!r} has not written what it must",
                got=f"exit code 0, without {names(missing)}; the end of its log:\n{_indented(ended)}",
                expected=names(expected),
                remedy=f"look into its folder: {self.scratch}",
                **seen,
            )

    def _cannot_start(self, name: str, facts: Mapping[str, Any]) -> ProgramError:
        return ProgramError(
            f"the program {name!r} cannot be started",
            got=facts["error"],
            expected="the path of a file that can be executed, or the name of one in a folder of PATH",
            suggestions=() if os.path.dirname(name) else did_you_mean(name, _programs()),
            command=name,
        )

    def close(self, outcome: str) -> None:
        """Delete the folder, unless it is to be kept after this outcome."""
        if self._site.keep == "never" or (self._site.keep == "failed" and outcome == "done"):
            self._scratch.remove()


class Jobs:
    """The jobs of a member, one for each process, made when asked for.

    Parameters
    ----------
    make_site : callable
        Makes what they share.
    """

    def __init__(self, make_site: Callable[[], Site]) -> None:
        self._make_site = make_site
        self._site: Site | None = None
        self._jobs: dict[str, Job] = {}

    def of(self, process: str, stage: str = "", step: int = -1) -> Job:
        """Give the job of a process, in a stage and a step of it."""
        if self._site is None:
            self._site = self._make_site()
        if process not in self._jobs:
            self._jobs[process] = Job(process, self._site)
        job = self._jobs[process]
        job._where = stage, step
        return job

    def record(self) -> list[dict[str, Any]]:
        """Give what is kept of the programs that have run."""
        return [{"process": name, **ended.record} for name, job in self._jobs.items() for ended in job.ended]

    def close(self, outcome: str) -> None:
        """Delete the folders that are not to be kept after this outcome."""
        for job in self._jobs.values():
            job.close(outcome)


class _Follower:
    """Turns lines into progress; a mistake in the user's function ends that, not the program."""

    def __init__(self, progress: Callable[[str], Any], report: Callable[[str | None, float | None], None]) -> None:
        self._progress = progress
        self._report = report
        self.error: Exception | None = None

    def __call__(self, line: str) -> None:
        if self.error is not None:
            return
        try:
            told = self._progress(line)
            if told is not None:
                self._report(*_phase_and_fraction(told))
        except Exception as error:
            self.error = error


def _phase_and_fraction(told: Any) -> Progress:
    phase, fraction = told if isinstance(told, tuple) else (told, None) if isinstance(told, str) else (None, told)
    if fraction is not None:
        fraction = min(1.0, max(0.0, float(fraction)))
    return None if phase is None else str(phase), fraction


def _cannot_follow(process: str, error: Exception) -> str:
    return (
        f"progress= of a program of process {process!r} failed, so that its progress was not shown: "
        f"{type(error).__name__}: {error}"
    )


def _words(command: Any) -> list[str]:
    if isinstance(command, (str, bytes, os.PathLike)) or not isinstance(command, Sequence) or not command:
        raise ProgramError(
            "a command is a list of words, the program first",
            got=repr(command)[:80],
            expected='e.g. ["solver", "--threads", "2", "model.lp"]',
            remedy="shlex.split(text) makes words of a line",
        )
    wrong = [word for word in command if not isinstance(word, (str, os.PathLike))]
    if wrong:
        raise ProgramError(
            "the words of a command are text or paths",
            got=f"{wrong[0]!r} ({type(wrong[0]).__name__})",
            expected="text: str(...) makes it of a number",
        )
    return [os.fspath(word) for word in command]


def _indented(ended: Ended) -> str:
    text = tail(ended.stderr) or tail(ended.stdout) or "(it is empty)"
    return "\n".join(f"    | {line}" for line in text.splitlines())


def _programs() -> list[str]:
    found: set[str] = set()
    for folder in os.environ.get("PATH", "").split(os.pathsep):
        try:
            found.update(name for name in os.listdir(folder or ".") if shutil.which(name))
        except OSError:
            continue
    return sorted(found)
