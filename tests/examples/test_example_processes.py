"""The process classes of the examples do what they declare, tried alone as their authors would (`xs.testing`)."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import xsim as xs

EXAMPLES = Path(__file__).parents[2] / "examples"

LINE = np.linspace(0, 1, 20)
CELLS = np.random.default_rng(1).integers(0, 2, (6, 8)).astype(np.uint8)
DEM = np.random.default_rng(2).random((6, 8)) * 100
BASE = np.pad(np.zeros((4, 6), bool), 1, constant_values=True)
GRID = {"dx": 30.0, "dy": 30.0}
EDGES = np.array([[1, 0], [2, 1], [4, 3]])

CASES: dict[str, dict[str, Any]] = {
    "advection.UniformGrid1D": {"inputs": {"spacing": 0.1, "length": 1.0}},
    "advection.ProfileU": {"inputs": {"u": LINE, "changes": [LINE, -LINE / 2]}},
    "advection.AdvectionLax": {"inputs": {"velocity": 1.0, "spacing": 0.05, "u": LINE}, "clock": [0, 0.01, 0.03]},
    "advection.InitUGauss": {"inputs": {"x": LINE}},
    "life.Torus": {"inputs": {"size": 4}},
    "life.Board": {"inputs": {"cells": CELLS}},
    "life.Pattern": {"inputs": {"pattern": CELLS[:2, :2], "x": np.arange(6), "y": np.arange(5)}},
    "life.Traces": {"inputs": {"cells": CELLS}},
    "percolation.RandomGraph": {"inputs": {"nodes": 50}},
    "percolation.Bonds": {"inputs": {"edges": EDGES, "phi": 0.5}},
    "percolation.Clusters": {"inputs": {"nodes": 6, "edges": EDGES, "kept": np.array([True, False, True])}},
    "landscape.ElevationModel": {"inputs": {"dem": DEM}},
    "landscape.Uplift": {"inputs": {"rate": 1e-3, "base_level": BASE}},
    "landscape.UpliftedSurface": {"inputs": {"before": DEM, "tectonic_motions": [np.ones_like(DEM)]}},
    "landscape.FlowRouting": {"inputs": {**GRID, "base_level": BASE, "elevation": DEM}},
    "landscape.HillslopeDiffusion": {"inputs": {**GRID, "diffusivity": 0.1, "base_level": BASE, "elevation": DEM}},
}


@pytest.mark.parametrize("name", CASES)
def test_process(name: str) -> None:
    """A process of an example keeps all rules of `check_process`."""
    module, _, cls = name.partition(".")
    spec = importlib.util.spec_from_file_location(module, EXAMPLES / f"{module}.py")
    assert spec is not None
    assert spec.loader is not None
    sys.modules[module] = loaded = sys.modules.get(module) or importlib.util.module_from_spec(spec)
    if not hasattr(loaded, cls):
        spec.loader.exec_module(loaded)
    xs.testing.check_process(getattr(loaded, cls), **CASES[name])
