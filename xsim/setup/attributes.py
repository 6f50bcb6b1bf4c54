"""Attributes that mark clocks, output requests and outputs in a dataset.

They are plain strings, so that datasets survive NetCDF and Zarr.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

ROLE = "xsim_role"
MAIN_CLOCK_ROLE = "main_clock"
CLOCK_ROLE = "clock"
OUTPUT_ROLE = "output"
OUTCOME_ROLE = "outcome"

OUTPUT_VARS = "xsim_output_vars"
"""On a clock, or on the dataset for clock None: names of the requested outputs, separated by commas."""

OUTPUT_DIMS = "xsim_dims"
"""On an output: the dimensions that it was saved with, separated by commas."""

OUTCOME = "xsim_outcome"
VERSION = "xsim_version"
SEED = "xsim_seed"
SUMMARY = "xsim_summary"
WORKERS = "xsim_workers"

PROGRAMS = "xsim_programs"
"""On the result of a run whose processes ran external programs: how these ended, as JSON."""

STATUS = "xsim_status"
"""On what is read of a run that is going on: how it is, as JSON."""

PROVENANCE = "xsim_provenance"
"""On a result: the sessions that made it, as JSON text."""

ENDING = {name: f"xsim_{name}" for name in ("reason", "process", "stage", "step")}
"""On the result of a run that a process ended: why, who, in which stage, and the last step."""

CLOCK_UNITS, CLOCK_CALENDAR, CLOCK_DTYPE = "xsim_units", "xsim_calendar", "xsim_dtype"
"""On a clock given as numbers with units: how its dates become the same numbers again; also the type of dates."""

NONE_MARK = "xsim_none"
"""On an input whose value is None, which no file can hold."""

KEPT_INPUT = ".input"
"""Suffix of an input whose own name went to an output; '.' cannot occur in a Python name."""

SIMLAB_MAIN = ("__xsimlab_master_clock__", "__xsimlab_main_clock__")
SIMLAB_CLOCK = "__xsimlab_output_clock__"
SIMLAB_OUTPUTS = "__xsimlab_output_vars__"
"""The marks of xarray-simlab."""

_MARKS = (ROLE, OUTPUT_VARS, OUTPUT_DIMS, NONE_MARK, *SIMLAB_MAIN, SIMLAB_CLOCK, SIMLAB_OUTPUTS)


def without_marks(attrs: Mapping[Any, Any]) -> dict[Any, Any]:
    """Give attributes of a variable without those that xsim, or xarray-simlab, has set."""
    return {name: value for name, value in attrs.items() if name not in _MARKS}
