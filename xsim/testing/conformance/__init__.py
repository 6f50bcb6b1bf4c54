"""Test suites that sinks and executors have to pass.

Subclass a suite in a test module, say in a fixture how to make what is tested, and pytest runs it. They need pytest,
which ``pip install "xarray-xsim[testing]"`` brings.

Examples
--------
>>> import pytest
>>> from xsim.testing.conformance import ExecutorSuite
>>> class TestMyExecutor(ExecutorSuite):
...     workers = 2
...
...     @pytest.fixture
...     def make_executor(self):
...         return lambda: MyExecutor(workers=2)
"""

from __future__ import annotations

try:
    import pytest  # noqa: F401
except ImportError as error:
    raise ImportError("xsim.testing.conformance needs pytest: pip install 'xarray-xsim[testing]'") from error

from xsim.testing.conformance.batch_sink import BatchSinkSuite
from xsim.testing.conformance.executor import ExecutorSuite
from xsim.testing.conformance.sink import SinkSuite

__all__ = ["SinkSuite", "BatchSinkSuite", "ExecutorSuite"]
