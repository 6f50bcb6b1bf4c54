"""Tools for the test suites of those who write process classes, sinks or executors.

- `run_process` and `check_process` try one process class alone.
- `assert_identical_runs` compares results bit for bit.
"""

from __future__ import annotations

from xsim.testing.check import check_process
from xsim.testing.compare import assert_identical_runs
from xsim.testing.findings import Finding
from xsim.testing.process_run import ProcessRun, Snapshot, run_process

__all__ = [
    "run_process",
    "check_process",
    "assert_identical_runs",
    "ProcessRun",
    "Snapshot",
    "Finding",
]
