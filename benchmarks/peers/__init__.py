"""Other frameworks beside xsim, each in an environment of its own; `environments` makes these."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Collection
from pathlib import Path
from typing import Any

from benchmarks.record import Record
from benchmarks.table import duration, number

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
SCRIPTS = {
    "simlab": ["with_simlab.py"],
    "today": ["with_pipefunc.py", "with_xyzpy.py", "with_epyc.py", "with_joblib.py"],
}
"""Scripts by the environment in which they run, `.venv-peers-...`; each in a process of its own."""

ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")


def measure_peers(record: Record, keys: Collection[str], small: bool) -> None:
    """Measure all peers that have an environment, print them beside xsim, and add them to a record."""
    for environment, scripts in SCRIPTS.items():
        python = ROOT / f".venv-peers-{environment}" / "bin" / "python"
        for script in scripts:
            if not python.exists():
                print(f"{script}: there is no .venv-peers-{environment}, so it is left out", file=sys.stderr)
                continue
            for found in _run(python, HERE / script, keys, small):
                record.peers.append(found)
                print(peer_line(record, found), flush=True)


def _run(python: Path, script: Path, keys: Collection[str], small: bool) -> list[dict[str, Any]]:
    command = [python, script, *(["--small"] if small else []), *sorted(keys)]
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(command, env=environment | ONE_THREAD, capture_output=True, text=True)
    if done.returncode:
        print(f"{script.name} failed:\n{done.stderr[-2000:]}", file=sys.stderr)
    return [json.loads(line) for line in done.stdout.splitlines()]


def peer_line(record: Record, found: dict[str, Any]) -> str:
    """Give what was found of a peer as a line, beside the same number of xsim."""
    row = record.row_of(found)
    name = f"{found['case']:<4}{found['peer']} {found['what']}"
    if "error" in found:
        return f"{name:<76}{found['error']}"
    if "value" in found:
        own = "" if row is None else f"(xsim {number(row.value)})"
        return f"{name:<76}{number(found['value'])} {found['unit']} {own}"
    seconds = found["seconds"]
    own = "" if row is None else f"{number(seconds / row.seconds['xsim']):>10} × xsim"
    hand = None if row is None else row.seconds.get("by hand")
    return f"{name:<76}{duration(seconds):>10}{own}" + (f"{number(seconds / hand):>10} × by hand" if hand else "")
