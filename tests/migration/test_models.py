"""Models written for xarray-simlab give the same results after changing the import and the accessor (DESIGN, 1).

The references are what xarray-simlab 0.5.0 made of the same files; see `make_references.py`.
"""

from __future__ import annotations

import importlib.util
import json
import re
import sys
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import cloudpickle
import numpy as np
import pytest
import xarray as xr

HERE = Path(__file__).parent
MODELS = ("advection", "life", "landscape", "seir", "styles", "linked")


@cache
def load(name: str) -> ModuleType:
    """Import a model by its path."""
    spec = importlib.util.spec_from_file_location(f"migrated_{name}", HERE / "models" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    sys.modules[spec.name] = module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    cloudpickle.register_pickle_by_value(module)  # worker processes cannot import it
    return module


@cache
def references(name: str) -> tuple[dict[str, Any], Any]:
    """Give the description and the arrays of a model's reference results."""
    facts = json.loads((HERE / "references" / f"{name}.json").read_text(encoding="utf-8"))
    with np.load(HERE / "references" / f"{name}.npz") as arrays:
        return facts, dict(arrays)


def compare(result: xr.Dataset, model: str, case: str) -> None:
    """Compare a result with the reference: names, dims, kinds of types, coordinates, attributes and values."""
    all_facts, arrays = references(model)
    facts = all_facts[case]
    added = {str(name) for name in result.variables if not str(name).startswith("xsim_")} - set(facts)
    assert {name for name in added if not name.endswith(".input")} == set()
    assert sorted(set(facts) - set(result.variables)) == []
    for name, expected in facts.items():
        variable = result[name].variable
        values, wanted = variable.values, arrays[f"{case}/{name}"]
        found = {
            "dims": list(variable.dims),
            "kind": "U" if variable.dtype == object else variable.dtype.kind,
            "coord": name in result.coords,
            "attrs": {k: v for k, v in variable.attrs.items() if not k.startswith("xsim_")},
        }
        if values.dtype == object and values.ndim == 0 and values.item() is None:
            # None, which the old result holds as NaN.
            found["kind"], values = "f", np.array(np.nan)
        assert found == expected, name
        if wanted.dtype.kind in "UM":
            np.testing.assert_array_equal(values.astype(wanted.dtype), wanted, err_msg=name)
        else:
            np.testing.assert_allclose(values, wanted, rtol=1e-12, atol=1e-12 * _size(wanted), err_msg=name)


def _size(values: Any) -> float:
    """Give the scale of rounding: sums of large numbers may cancel to small ones."""
    return float(np.nanmax(np.abs(np.nan_to_num(values.astype(float))), initial=0))


CASES = {
    kind: [(model, case) for model in MODELS for case in getattr(load(model), kind)] for kind in ("SINGLE", "BATCH")
}


@pytest.mark.parametrize("model, case", CASES["SINGLE"])
@pytest.mark.parametrize("how", [{}, {"parallel": True}], ids=["sequential", "parallel"])
def test_single(model: str, case: str, how: dict[str, Any]) -> None:
    """A single run gives what xarray-simlab gave, to rounding, with the same dims, types, coordinates, attributes."""
    compare(load(model).SINGLE[case](**how), model, case)


@pytest.mark.parametrize("model, case", [pair for pair in CASES["SINGLE"] if pair[0] != "linked"])  # many small runs
def test_stored(model: str, case: str, tmp_path: Path) -> None:
    """A run into a store gives it too."""
    compare(load(model).SINGLE[case](store=tmp_path / "run.zarr"), model, case)


@pytest.mark.parametrize("model, case", CASES["BATCH"])
@pytest.mark.parametrize(
    "how",
    [{}, {"parallel": True}, {"parallel": True, "scheduler": "processes", "workers": 2}],
    ids=["sequential", "threads", "processes"],
)
def test_batch(model: str, case: str, how: dict[str, Any]) -> None:
    """A batch gives what xarray-simlab gave, whatever runs it."""
    compare(load(model).BATCH[case](**how), model, case)


@pytest.mark.parametrize("model", MODELS)
def test_only_two_names_change(model: str) -> None:
    """The models name the framework in the import and in the accessor, and nowhere else."""
    code = re.sub(r'""".*?"""', "", (HERE / "models" / f"{model}.py").read_text(encoding="utf-8"), flags=re.DOTALL)
    assert len(re.findall(r"^import xsim as xs$|\.xsim\.|main_clock=", code, flags=re.MULTILINE)) >= 2
    assert "xsim" not in re.sub(r"^import xsim as xs$|\.xsim\.", "", code, flags=re.MULTILINE)


def test_references_are_small() -> None:
    """The figures stay a small part of the repository."""
    assert sum(path.stat().st_size for path in (HERE / "references").iterdir()) < 300_000
