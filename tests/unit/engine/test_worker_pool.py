"""The pool of worker processes: when they start (DESIGN §5)."""

import subprocess
import sys

SWEEPS = """
import sys, xarray as xr, xsim as xs
from xsim.engine.executors import pool

start = pool.worker_pool
def noting(workers, threads):
    print(workers, threads, "zarr" in sys.modules)
    return start(workers, threads)
pool.worker_pool = noting

@xs.process
class Tank:
    level = xs.variable(intent="out")
    k = xs.variable()
    def initialize(self):
        self.level = self.k * 2

model = xs.Model({"tank": Tank})
setup = xs.create_setup(
    model, input_vars={"tank__k": ("member", [1, 2])}, output_vars={"tank__level": None}
)
options = dict(batch_dim="member", parallel=True, scheduler="processes", workers=2, progress=False)
"""


def told(code):
    """Run a script of sweeps, and give what it prints."""
    code = SWEEPS + code
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.splitlines()


def test_workers_of_a_first_sweep_start_before_what_runs_models_is_imported():
    """They import meanwhile; a sweep that follows finds all there, and asks for workers once."""
    lines = told("for _ in range(2): print(setup.xsim.run(model, **options).tank__level.values)")

    assert lines == ["2 1 False", "2 1 True", "[2 4]", "2 1 True", "[2 4]"]


def test_a_plan_that_fails_starts_no_workers():
    """All that a plan checks is checked before workers start."""
    assert told("""
try:
    setup.xsim.run(model, **{**options, "batch_dim": "membre"})
except xs.errors.XsimError as error:
    print(type(error).__name__, "zarr" in sys.modules)
""") == ["BatchDimensionError False"]
