"""Imports: the floors of the design (section 4), as pyproject.toml spells them out, and what ``import xsim`` brings."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
BROUGHT = """
import sys, xarray, attr, attrs
before = set(sys.modules)
import xsim
print(*sorted({name.partition(".")[0] for name in set(sys.modules) - before}))
print(*sorted(name for name in sys.modules if name in ("zarr", "dask", "xsim._run", "xsim._execution", "xsim.testing")))
xsim.testing.run_process
xsim.open_run
"""
LINT = "from importlinter.cli import lint_imports_command as lint; lint(['--no-logo', '--no-cache'])"


def test_imports_go_down_the_floors():
    """Imports go down the floors only, and zarr, dask and xarray enter where the design says."""
    done = subprocess.run([sys.executable, "-c", LINT], cwd=ROOT, capture_output=True, text=True)

    assert done.returncode == 0, done.stdout + done.stderr


def test_import_is_light():
    """``import xsim`` brings nothing but xsim beside xarray and attrs; what runs models comes when one is run (§5)."""
    done = subprocess.run([sys.executable, "-c", BROUGHT], cwd=ROOT, capture_output=True, text=True)

    assert (done.stdout, done.stderr) == ("xsim\n\n", "")
