"""The README's code runs, and is short."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import xarray as xr

ROOT = Path(__file__).parents[2]


def _blocks() -> list[str]:
    return re.findall(r"^```python\n(.*?)^```", (ROOT / "README.md").read_text(encoding="utf-8"), re.M | re.S)


def test_example_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The example runs as printed, its store opens with plain xarray, and its water balance holds."""
    monkeypatch.chdir(tmp_path)
    (code,) = _blocks()
    namespace: dict[str, object] = {"__name__": "readme"}
    exec(compile(code, "README.md", "exec"), namespace)
    result = namespace["result"]
    assert isinstance(result, xr.Dataset)
    stored = xr.open_zarr("river.zarr")
    xr.testing.assert_equal(stored.river__flow, result.river__flow)
    assert stored.river__flow.attrs["units"] == "mm/day"
    assert float(result.river__flow.max()) > 0


def test_example_is_short() -> None:
    """A complete example has under 30 lines of code."""
    (code,) = _blocks()
    lines = [line for line in code.splitlines() if line.strip()]
    assert len(lines) < 30
