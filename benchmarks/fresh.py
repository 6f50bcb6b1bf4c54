"""Run a function in an interpreter of its own: ``python -m benchmarks.fresh MODULE FUNCTION ARGUMENTS``, in JSON."""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]


def run_fresh(function: Callable[..., Any], *arguments: Any) -> Any:
    """Run a module's function in a new interpreter, and give what it returns, as far as JSON can hold it."""
    command = [sys.executable, "-m", "benchmarks.fresh", function.__module__, function.__name__, json.dumps(arguments)]
    return _answer(command)


def import_seconds(*modules: str) -> float:
    """Give how long a new interpreter takes to import modules."""
    code = (
        "import json, time; started = time.perf_counter()\n"
        f"import {', '.join(modules)}\n"
        "print(json.dumps(time.perf_counter() - started))"
    )
    return float(_answer([sys.executable, "-c", code]))


def _answer(command: list[str]) -> Any:
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def reset_peak() -> None:
    """Forget the most memory that this process has had (Linux)."""
    Path("/proc/self/clear_refs").write_text("5")


def memory(peak: bool) -> int:
    """Give the bytes of memory that this process has, or the most that it has had (Linux).

    Not `resource.getrusage`, which counts what the process that started this one had at that moment.
    """
    key = "VmHWM" if peak else "VmRSS"
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(key):
            return int(line.split()[1]) * 1024
    raise RuntimeError(f"{key} is not in /proc/self/status")


def has_memory_figures() -> bool:
    """Whether the system tells a process how much memory it has."""
    return Path("/proc/self/clear_refs").exists()


if __name__ == "__main__":
    module, name, given = sys.argv[1:]
    print(json.dumps(getattr(importlib.import_module(module), name)(*json.loads(given))))
