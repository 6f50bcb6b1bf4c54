"""One program: started under a supervisor, followed, and ended when it must."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil

from xsim.job.log import Log

SUPERVISOR = Path(__file__).with_name("supervisor.py")
GRACE = 1.0
"""Seconds that a program has for its own end once it is asked to end."""
LOOK = 0.05
"""Seconds between two looks at whether it must."""


class Program:
    """A running program.

    Parameters
    ----------
    command : sequence of str
    folder : Path
        Where it runs, and where its logs lie.
    name : str
        Beginning of the names of its logs.
    environment : mapping of str to str
    line : callable, optional
        Is given each line that it prints.
    """

    def __init__(
        self,
        command: Sequence[str],
        folder: Path,
        name: str,
        environment: Mapping[str, str],
        line: Callable[[str], None] | None = None,
    ) -> None:
        handle, report = tempfile.mkstemp(".json", "xsim-program-")
        self._report = Path(report)
        with open(handle, "w", encoding="utf-8") as file:
            json.dump(dict(environment), file)  # the program's alone: the supervisor is Python, which it may not suit
        self.logs = [Log(folder / f"{name}.out", line), Log(folder / f"{name}.err", line)]
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-P", str(SUPERVISOR), report, str(GRACE), *command],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                cwd=os.fspath(folder),
                start_new_session=os.name != "nt",  # Ctrl-C in a terminal is for xsim alone
            )
        except BaseException:
            self._report.unlink()
            raise
        assert self._process.stdout is not None
        assert self._process.stderr is not None
        streams = (self._process.stdout, self._process.stderr)
        self._followers = [
            threading.Thread(target=log.follow, args=(stream,), name="xsim-log", daemon=True)
            for log, stream in zip(self.logs, streams, strict=True)
        ]
        try:
            for follower in self._followers:
                follower.start()
        except BaseException:  # interrupted just now: nobody will wait
            self.end()
            raise

    def wait(self, must_end: Callable[[], bool]) -> dict[str, Any]:
        """Wait for the end of the program, or end it when it must, or when this thread is interrupted.

        Parameters
        ----------
        must_end : callable
            Is asked many times a second.

        Returns
        -------
        dict
            ``exit_code``, negative after a signal; ``error`` where it could not be started; what it used.
        """
        try:
            while True:
                with suppress(subprocess.TimeoutExpired):
                    self._process.wait(LOOK)
                    break
                if must_end():
                    break
        finally:
            code = self.end()
        for follower in self._followers:
            follower.join(GRACE + 20)  # for ever only if something has fled that holds the pipe
        return self._facts(code)

    def end(self) -> int:
        """End the program and all that it started, unless it has ended."""
        assert self._process.stdin is not None
        with suppress(OSError):
            self._process.stdin.close()
        try:
            code = self._process.wait(GRACE + 20)
            if code < 0 and os.name != "nt":  # the supervisor was killed: what it leaves is in its group
                with suppress(OSError):
                    os.killpg(self._process.pid, signal.SIGKILL)
            return code
        except subprocess.TimeoutExpired:  # the supervisor is stopped, or the system is very busy
            with suppress(psutil.Error):
                supervisor = psutil.Process(self._process.pid)
                for process in (*supervisor.children(recursive=True), supervisor):
                    process.kill()
            return self._process.wait()

    def _facts(self, code: int) -> dict[str, Any]:
        try:
            facts: dict[str, Any] = json.loads(self._report.read_text("utf-8"))
        except (OSError, ValueError):  # the supervisor was killed, or had no room for its report
            facts = {}
        with suppress(OSError):
            self._report.unlink()
        return facts if facts.keys() & {"exit_code", "error"} else {"exit_code": code}
