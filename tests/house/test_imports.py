"""The floors of the design (section 4), as `[tool.importlinter]` in pyproject.toml spells them out."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
LINT = "from importlinter.cli import lint_imports_command as lint; lint(['--no-logo', '--no-cache'])"


def test_imports_go_down_the_floors():
    """Imports go down the floors only, and zarr, dask and xarray enter where the design says."""
    done = subprocess.run([sys.executable, "-c", LINT], cwd=ROOT, capture_output=True, text=True)

    assert done.returncode == 0, done.stdout + done.stderr
