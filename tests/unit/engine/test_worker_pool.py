"""The pool of worker processes of a first sweep: when they start, and that none is left (DESIGN §5, §R4)."""

import os
import signal
import subprocess
import sys
import tempfile
import time

import psutil
import pytest

SWEEP = """
import os, signal, sys, psutil, xsim as xs
from xsim.engine.executors import pool

start = pool.worker_pool
def noting(workers, threads):
    print(workers, threads, "zarr" in sys.modules)
    return start(workers, threads)
pool.worker_pool = noting

def workers():
    # Another child keeps track of what they share, for as long as this process lives.
    return [each.pid for each in psutil.Process().children(recursive=True) if "popen_loky" in " ".join(each.cmdline())]

class Meanwhile:
    def find_spec(self, name, path, target=None):
        if name == "xsim._execution":
            meanwhile()

@xs.process
class Tank:
    level = xs.variable(intent="out")
    k = xs.variable()
    def initialize(self):
        self.level = self.k * 2

model = xs.Model({"tank": Tank})
setup = xs.create_setup(model, input_vars={"tank__k": ("member", [1, 2])}, output_vars={"tank__level": None})
options = dict(
    batch_dim="member", parallel=True, scheduler="processes", workers=2, threads_per_worker=1, progress=False
)
"""


def told(code):
    """Run a script of a sweep, and give what it prints."""
    with tempfile.TemporaryFile("w+") as out:  # a pipe would be waited for until all workers have closed it
        subprocess.run([sys.executable, "-c", SWEEP + code], stdout=out)
        out.seek(0)
        return out.read().splitlines()


def test_workers_of_a_first_sweep_start_before_what_runs_models_is_imported():
    """They import meanwhile; a sweep that follows finds all there, and asks for workers once."""
    lines = told("for _ in range(2): print(setup.xsim.run(model, **options).tank__level.values, len(workers()))")

    assert lines == ["2 1 False", "2 1 True", "[2 4] 2", "2 1 True", "[2 4] 2"]


def test_a_plan_that_fails_starts_no_workers():
    """All that a plan checks is checked before workers start."""
    assert told("""
try:
    setup.xsim.run(model, **{**options, "batch_dim": "membre"})
except xs.errors.XsimError as error:
    print(type(error).__name__, "zarr" in sys.modules)
""") == ["BatchDimensionError False"]


def test_a_single_run_starts_no_workers():
    """Worker processes are for batches."""
    assert told("""
try:
    setup.isel(member=0).xsim.run(model, parallel=True, scheduler="processes", progress=False)
finally:
    print(workers())
""") == ["[]"]


def test_a_store_that_is_refused_leaves_no_workers(tmp_path):
    """They have started when the store is looked at, and are ended at once."""
    (tmp_path / "file").write_text("of somebody else")
    assert told(f"""
try:
    setup.xsim.run(model, store={str(tmp_path)!r}, **options)
except xs.errors.StoreError:
    print(workers())
""") == ["2 1 False", "[]"]


def test_an_interrupt_while_workers_start_leaves_none():
    """So are they where Ctrl-C comes while the others import."""
    assert told("""
def meanwhile():
    print(len(workers()))
    raise KeyboardInterrupt
sys.meta_path.insert(0, Meanwhile())
try:
    setup.xsim.run(model, **options)
except KeyboardInterrupt:
    print(workers())
""") == ["2 1 False", "2", "[]"]


@pytest.mark.skipif(os.name == "nt", reason="no such signal")
def test_workers_end_with_a_coordinator_that_is_killed_while_they_start():
    """They look for it as soon as they can."""
    lines = told("""
make = pool.get_reusable_executor
pool.get_reusable_executor = lambda **options: make(**{**options, "timeout": 3600})  # idle ones would end as well
def meanwhile():
    print(*workers(), flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
sys.meta_path.insert(0, Meanwhile())
setup.xsim.run(model, **options)
""")
    started, pids = lines[0], [int(pid) for pid in lines[1].split()]
    try:
        assert (started, len(pids)) == ("2 1 False", 2)
        end = time.monotonic() + 120
        while any(map(psutil.pid_exists, pids)):
            assert time.monotonic() < end
            time.sleep(0.1)
    finally:
        for pid in filter(psutil.pid_exists, pids):
            os.kill(pid, signal.SIGKILL)
