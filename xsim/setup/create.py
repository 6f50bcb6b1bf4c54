"""Making and changing setups."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

import xarray as xr

from xsim.model.context import model_or_default
from xsim.model.graph import ModelGraph, as_graph, variable_names
from xsim.setup.attributes import KEPT_INPUT, PROVENANCE
from xsim.setup.clocks import read_clocks, set_clocks
from xsim.setup.inputs import set_defaults, set_inputs
from xsim.setup.outputs import read_outputs, set_outputs, write_outputs


def create_setup(
    model: Any = None,
    clocks: Mapping[str, Any] | None = None,
    main_clock: str | Mapping[str, Any] | None = None,
    input_vars: Mapping[Any, Any] | None = None,
    output_vars: Mapping[Any, Any] | None = None,
    fill_default: bool = True,
    *,
    master_clock: str | Mapping[str, Any] | None = None,
) -> xr.Dataset:
    """Make a setup: a dataset with all that is needed to run a model.

    Parameters
    ----------
    model : xsim.Model, optional
        The model to set up; by default that of the enclosing ``with model:`` block.
    clocks : mapping of str to array-like, optional
        Labels of each clock: numbers, datetime64, timedelta64 or cftime dates. Without any, each stage runs once.
    main_clock : str or mapping, optional
        The clock that drives the steps; not needed where there is one clock only. A mapping has ``dim``, and
        ``units`` and ``calendar`` (as in the CF conventions) of all clocks, whose labels are numbers then.
    input_vars : mapping, optional
        Values of inputs: ``{"process__variable": value}``, ``{("process", "variable"): value}`` or
        ``{"process": {"variable": value}}``. A value is a scalar, an array (its dimensions follow from their number),
        a tuple ``(dims, data, attrs)`` or an xarray object. Values along the main clock vary in time: step i sees
        the value at label i.
    output_vars : mapping, optional
        Clock of each variable to be saved, named likewise; None saves one value, at the end.
    fill_default : bool, default: True
        Add the inputs that have a default and no value.
    master_clock : str or mapping, optional
        Deprecated name of `main_clock`.

    Returns
    -------
    xarray.Dataset
        Inputs as ``process__variable``, clocks as coordinates, output requests as attributes.

    Raises
    ------
    ClockError, UnknownClockError
        If a clock is not monotonic, no subset of the main clock, or does not exist.
    UnknownInputError, UnknownOutputError
        If a name is no input, or no variable, of the model.
    InputError, InputTypeError, OutputRequestError
        If a value or a request does not fit the declaration.
    """
    graph = as_graph(model_or_default(model))
    dataset = xr.Dataset()
    main = renamed("master_clock", master_clock, "main_clock", main_clock)
    if clocks or main is not None:
        dataset = set_clocks(dataset, clocks, main)
    dataset = set_inputs(dataset, graph, input_vars)
    if fill_default:
        dataset = set_defaults(dataset, graph)
    return set_outputs(dataset, graph, output_vars)


def as_setup(dataset: xr.Dataset) -> xr.Dataset:
    """Give a dataset that a new setup is made of: where a result comes from says nothing of that one (DESIGN §S5)."""
    if PROVENANCE not in dataset.attrs:
        return dataset
    dataset = dataset.copy()
    del dataset.attrs[PROVENANCE]
    return dataset


def filter_variables_of(dataset: xr.Dataset, graph: ModelGraph) -> xr.Dataset:
    """Keep only what a model knows: its inputs, the clocks, and requests of its variables."""
    known = set(variable_names(graph.inputs))
    known |= {name + KEPT_INPUT for name in known} | set(read_clocks(dataset).labels)
    savable = set(graph.savable)
    requests = {key: clock for key, clock in read_outputs(dataset).items() if key in savable}
    dims_needed = {dim for name in known & set(dataset.variables) for dim in dataset.variables[name].dims}
    dropped = [name for name in dataset.variables if name not in known and name not in dims_needed]
    return write_outputs(dataset.drop_vars(dropped), requests)


def reset_variables(dataset: xr.Dataset, graph: ModelGraph) -> xr.Dataset:
    """Give all inputs that have a default this default."""
    return set_defaults(dataset, graph, replace=True)


def renamed(old_name: str, old: Any, new_name: str, new: Any) -> Any:
    """Give the value of an argument that has a deprecated name, and warn where that one is used."""
    if old is None:
        return new
    warnings.warn(f"{old_name}= is deprecated; use {new_name}=", FutureWarning, stacklevel=3)
    return old if new is None else new
