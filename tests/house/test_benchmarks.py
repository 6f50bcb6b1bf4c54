"""The benchmarks work; how fast is not for tests to say."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_all_cases_run_small() -> None:
    """Each case does its work with xsim and by hand, and is reported."""
    command = [sys.executable, "-m", "benchmarks", "--small", "--json"]
    answer = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    measured = json.loads(answer.stdout)
    assert [case["unit"] for case in measured] == ["step", "step", "step", "process"]
    assert all(set(case) == {"name", "unit", "slope", "limit", "fixed", "ratio"} for case in measured)
