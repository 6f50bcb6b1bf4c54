"""Arrays as xsim makes them, so that the work by hand is the same whatever the defaults are."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import xarray as xr
import zarr

import xsim as xs


def arrays_like(setup: xr.Dataset, model: xs.Model, **options: Any) -> dict[str, dict[str, Any]]:
    """Give what `zarr.create_array` needs to make the same arrays as a run of a setup: chunks, codecs, fill value."""
    with tempfile.TemporaryDirectory(prefix="xsim-bench-") as folder:
        store = Path(folder) / "probe.zarr"
        setup.xsim.run(model, store=store, progress=False, **options)
        group = zarr.open_group(store, mode="r")
        names = [f"{process}__{variable}" for process, variable in setup.xsim.output_vars]
        return {name: _arguments(group[name]) for name in names}


def _arguments(array: Any) -> dict[str, Any]:
    return {
        "shape": array.shape,
        "chunks": array.chunks,
        "dtype": array.dtype,
        "fill_value": array.fill_value,
        "filters": array.filters,
        "serializer": array.serializer,
        "compressors": array.compressors,
        "dimension_names": array.metadata.dimension_names,
    }


def resized(arguments: dict[str, Any], leading: int) -> dict[str, Any]:
    """Give the arguments of an array that is longer in its first dimension."""
    return {**arguments, "shape": (leading, *arguments["shape"][1:])}
