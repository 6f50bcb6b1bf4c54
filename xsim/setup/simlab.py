"""Setups and results that xarray-simlab has made: its marks become those of xsim."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import xarray as xr

from xsim.setup.attributes import (
    CLOCK_ROLE,
    MAIN_CLOCK_ROLE,
    OUTPUT_VARS,
    ROLE,
    SIMLAB_CLOCK,
    SIMLAB_MAIN,
    SIMLAB_OUTPUTS,
)


def from_simlab(dataset: xr.Dataset) -> xr.Dataset:
    """Give a dataset with the marks of xsim in place of those of xarray-simlab; the same one if it has none."""
    old = [name for name, coord in dataset.coords.items() if _is_marked(coord.attrs)]
    if not old and not _is_marked(dataset.attrs):
        return dataset
    dataset = dataset.copy()
    for name in old:
        dataset[name].attrs = _marks(dataset[name].attrs)
    dataset.attrs = _marks(dataset.attrs)
    return dataset


def _is_marked(attributes: Mapping[Any, Any]) -> bool:
    return any(mark in attributes for mark in (*SIMLAB_MAIN, SIMLAB_CLOCK, SIMLAB_OUTPUTS))


def _marks(attributes: Mapping[Any, Any]) -> dict[Any, Any]:
    kept = {k: v for k, v in attributes.items() if k not in (*SIMLAB_MAIN, SIMLAB_CLOCK, SIMLAB_OUTPUTS)}
    marks: dict[Any, Any] = {}
    if SIMLAB_CLOCK in attributes:
        marks[ROLE] = CLOCK_ROLE
    if any(mark in attributes for mark in SIMLAB_MAIN):
        marks[ROLE] = MAIN_CLOCK_ROLE
    if attributes.get(SIMLAB_OUTPUTS):
        marks[OUTPUT_VARS] = str(attributes[SIMLAB_OUTPUTS])
    return {**marks, **kept}
