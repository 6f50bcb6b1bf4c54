"""Our own executors keep the promises that all have to keep."""

import pytest

from xsim.engine.executors.processes import ProcessExecutor
from xsim.engine.executors.sequential import SequentialExecutor
from xsim.engine.executors.threads import ThreadExecutor
from xsim.testing.conformance import ExecutorSuite


class TestSequentialExecutor(ExecutorSuite):
    @pytest.fixture
    def make_executor(self):
        return SequentialExecutor


class TestThreadExecutor(ExecutorSuite):
    workers = 3

    @pytest.fixture
    def make_executor(self):
        return lambda: ThreadExecutor(3, 1)


class TestProcessExecutor(ExecutorSuite):
    workers = 2

    @pytest.fixture
    def make_executor(self):
        return lambda: ProcessExecutor(2, 1)
