"""Simulation modelling with xarray: declare processes, link them into a model, run it, get a labelled Dataset."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from xsim import dot, errors, monitoring, validators
from xsim._base.dims import MAIN_CLOCK
from xsim._base.stages import RuntimeSignal, stop
from xsim._base.version import __version__
from xsim._model import Model
from xsim.accessor import XsimAccessor
from xsim.declare.access import process_name
from xsim.declare.hook import RuntimeHook, runtime_hook
from xsim.declare.info import filter_variables, process_info, variable_info
from xsim.declare.process import process
from xsim.declare.runtime import runtime
from xsim.declare.variable import (
    any_object,
    foreign,
    global_ref,
    group,
    group_dict,
    index,
    on_demand,
    variable,
)
from xsim.declare.variable_spec import VarIntent, VarType
from xsim.errors import BatchWarning, PlanWarning, ProgramWarning
from xsim.plan.synchronizer import ProcessSynchronizer, ThreadSynchronizer
from xsim.setup.create import create_setup

if TYPE_CHECKING:
    from xsim import testing
    from xsim.job.job import Job
    from xsim.result.cancel import cancel
    from xsim.result.explanation import Explanation
    from xsim.result.open_run import open_run

__all__ = [
    # declare
    "process",
    "variable",
    "index",
    "on_demand",
    "any_object",
    "foreign",
    "global_ref",
    "group",
    "group_dict",
    "runtime",
    "Job",
    "runtime_hook",
    "RuntimeHook",
    "RuntimeSignal",
    "stop",
    "MAIN_CLOCK",
    "VarIntent",
    "VarType",
    "process_name",
    "filter_variables",
    "process_info",
    "variable_info",
    # model
    "Model",
    # setup and run
    "create_setup",
    "XsimAccessor",
    "open_run",
    "cancel",
    "Explanation",
    "ThreadSynchronizer",
    "ProcessSynchronizer",
    "BatchWarning",
    "PlanWarning",
    "ProgramWarning",
    # looking at models, checking values, watching runs
    "dot",
    "validators",
    "monitoring",
    # everything
    "testing",
    "errors",
    "__version__",
]


_LATER = {
    "Explanation": "xsim.result.explanation",
    "Job": "xsim.job.job",
    "cancel": "xsim.result.cancel",
    "open_run": "xsim.result.open_run",
}


def __getattr__(name: str) -> Any:
    # Imported when used, like all that runs models: declaring them, and making setups, needs no zarr.
    if name == "testing":
        return import_module("xsim.testing")
    if name in _LATER:
        return getattr(import_module(_LATER[name]), name)
    raise AttributeError(f"module 'xsim' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
