"""Tools for the test suites of those who write process classes, sinks or executors.

- `run_process` and `check_process` try one process class alone.
- `assert_identical_runs` compares results bit for bit.
- `xsim.testing.strategies` makes random models and setups (needs hypothesis).
- `xsim.testing.conformance` has the test suites that sinks and executors have to pass (needs pytest).
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from xsim.testing.check import check_process
from xsim.testing.compare import assert_identical_runs
from xsim.testing.findings import Finding
from xsim.testing.process_run import ProcessRun, Snapshot, run_process

if TYPE_CHECKING:
    from xsim.testing import conformance, strategies

__all__ = [
    "run_process",
    "check_process",
    "assert_identical_runs",
    "ProcessRun",
    "Snapshot",
    "Finding",
    "strategies",
    "conformance",
]

_LAZY = ("strategies", "conformance")


def __getattr__(name: str) -> Any:
    # Imported when used: they need packages that models do not.
    if name in _LAZY:
        return import_module(f"xsim.testing.{name}")
    raise AttributeError(f"module 'xsim.testing' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
