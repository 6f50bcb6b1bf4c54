"""Runs one program, and ends it with all that it started when nobody wants it any more.

This is a script of its own, which imports nothing of xsim: between xsim and each program stands a small process that
waits for two things, the end of the program and the end of its own standard input. That comes when xsim closes it, and
also when xsim is killed, whatever kills it, so that no program is left behind.

Its arguments are the file for the report, the seconds between asking processes to end and killing them, and the
command. The file has the environment of the program first.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from typing import Any

import psutil


def main() -> int:
    """Run the command; give its exit code as a shell does."""
    report, grace, *command = sys.argv[1:]
    for name in ("SIGINT", "SIGHUP"):  # these are for xsim, which then closes the pipe
        if hasattr(signal, name):
            # A handler, since what is ignored would be ignored by the program too.
            signal.signal(getattr(signal, name), lambda number, frame: None)
    die_with_me = _linux()
    with open(report, encoding="utf-8") as file:
        environment = json.load(file)
    facts: dict[str, Any]
    try:
        child = subprocess.Popen(command, stdin=subprocess.DEVNULL, env=environment, preexec_fn=die_with_me)
    except (OSError, ValueError) as error:
        facts = {"error": f"{type(error).__name__}: {error}", "errno": getattr(error, "errno", None)}
    else:
        signal.signal(signal.SIGTERM, lambda number, frame: _end_all(0.0))
        threading.Thread(target=_wait_for_end_of_input, args=(float(grace),), daemon=True).start()
        code = child.wait()
        _end_all(0.0)  # what it left in the background
        facts = {"exit_code": code, **_usage()}
    # Where there is no room for the report the exit code tells: a program that has ended well has.
    with suppress(OSError), open(report, "w", encoding="utf-8") as file:
        json.dump(facts, file)
    code = facts.get("exit_code", 127)
    return int(code) if code >= 0 else 128 - int(code)


def _wait_for_end_of_input(grace: float) -> None:
    with suppress(OSError):
        while os.read(0, 4096):
            pass
    _end_all(grace)


def _end_all(grace: float) -> None:
    """End all processes under this one: ask first where there is time, then kill until none is left."""
    me = psutil.Process()
    if grace:
        asked = me.children(recursive=True)
        for process in asked:
            with suppress(psutil.Error):
                process.terminate()
        _wait(asked, grace)
    for _ in range(100):  # while they start new ones
        left = [process for process in me.children(recursive=True) if _alive(process)]
        if not left:
            return
        for process in left:
            with suppress(psutil.Error):
                process.kill()
        _wait(left, 0.1)


def _wait(processes: list[psutil.Process], seconds: float) -> None:
    # psutil's own waiting would take the exit code of the program, which belongs to the main thread.
    end = time.monotonic() + seconds
    while any(map(_alive, processes)) and time.monotonic() < end:
        time.sleep(0.01)


def _alive(process: psutil.Process) -> bool:
    with suppress(psutil.Error):
        return bool(process.status() != psutil.STATUS_ZOMBIE)
    return False


def _linux() -> Any:
    """Adopt the orphans of the program, so that they can be found; give what makes the program die with us."""
    if sys.platform != "linux":
        return None
    import ctypes  # only here is it used

    PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    return lambda: prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


def _usage() -> dict[str, float]:
    """Give what the program and all that it started have used, where the system tells."""
    try:
        import resource  # not on Windows
    except ImportError:
        return {}
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    unit = 1 if sys.platform == "darwin" else 1024
    return {"cpu_seconds": used.ru_utime + used.ru_stime, "memory": used.ru_maxrss * unit}


if __name__ == "__main__":
    sys.exit(main())
