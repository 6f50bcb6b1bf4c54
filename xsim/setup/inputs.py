"""Input values of a setup."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr
from attrs import NOTHING

from xsim._base.dims import Dims, on_clock, show_dims, with_ndim
from xsim._base.keys import Key, join_key, split_name
from xsim.declare.variable_spec import VariableSpec
from xsim.errors import InputError, InputTypeError, UnknownInputError, XsimError
from xsim.model.graph import ModelGraph, variable_names
from xsim.setup.attributes import KEPT_INPUT, NONE_MARK, without_marks
from xsim.setup.clocks import read_clocks
from xsim.setup.names import by_key, unknown


def set_inputs(dataset: xr.Dataset, graph: ModelGraph, input_vars: Mapping[Any, Any] | None) -> xr.Dataset:
    """Set or replace values of inputs.

    Raises
    ------
    UnknownInputError
        If a name is not an input of the model.
    InputError, InputTypeError
        If a value does not fit the declared dimensions or the dataset.
    """
    values = by_key(input_vars, "input")
    known = set(graph.inputs)
    wrong = [key for key in values if key not in known]
    if wrong:
        raise unknown(graph, wrong, variable_names(graph.inputs), "input variables in model", UnknownInputError)
    return _assign(dataset, graph, values)


def set_defaults(dataset: xr.Dataset, graph: ModelGraph, replace: bool = False) -> xr.Dataset:
    """Give inputs their declared defaults: those without a value, or all that have a default."""
    values: dict[Key, Any] = {}
    present = dataset.variables
    for key in graph.inputs:
        name = join_key(key)
        if replace or not (name in present or name + KEPT_INPUT in present):
            default = graph.input_spec(key).default_for(graph.specs[key[0]].cls)
            if default is not NOTHING:
                values[key] = default
    return _assign(dataset, graph, values)


def _assign(dataset: xr.Dataset, graph: ModelGraph, values: Mapping[Key, Any]) -> xr.Dataset:
    if not values:
        return dataset
    clock = read_clocks(dataset).main
    arrays = {key: _input_array(key, graph.input_spec(key), clock, value) for key, value in values.items()}
    old = [name for key in arrays for name in (join_key(key), join_key(key) + KEPT_INPUT) if name in dataset.variables]
    dataset = dataset.drop_vars(old)
    plain = {join_key(key): array for key, array in arrays.items() if isinstance(array, xr.Variable)}
    with_coords = {key: array for key, array in arrays.items() if isinstance(array, xr.DataArray)}
    try:
        # All at once: one by one, thousands of inputs would take minutes. Nothing is aligned without coordinates.
        return _merge(dataset.merge(plain, join="exact", combine_attrs="override"), with_coords)
    except ValueError:
        for key, array in arrays.items():  # who was it?
            dataset = _merge_one(dataset, key, xr.DataArray(array))
        raise


def _merge(dataset: xr.Dataset, arrays: Mapping[Key, xr.DataArray]) -> xr.Dataset:
    for key, array in arrays.items():
        new = array.to_dataset(name=join_key(key))
        dataset = dataset.merge(new, join="exact", compat="equals", combine_attrs="override")
    return dataset


def _merge_one(dataset: xr.Dataset, key: Key, array: xr.DataArray) -> xr.Dataset:
    try:
        return _merge(dataset, {key: array})
    except ValueError as error:  # AlignmentError and MergeError are ValueErrors
        sizes = {dim: dataset.sizes[dim] for dim in array.dims if dim in dataset.sizes}
        raise InputError(
            f"the value given for input {join_key(key)!r} does not fit the setup",
            got=f"dimensions {dict(array.sizes)}, coordinates {sorted(map(str, array.coords))}"
            + _first_other_label(dataset, array),
            expected=f"sizes {sizes} and equal coordinate labels",
            remedy="use the same labels in the same order, or give the values without coordinates",
            variable=key,
        ) from error


def _first_other_label(dataset: xr.Dataset, array: xr.DataArray) -> str:
    for name in array.coords:
        old, new = dataset.coords.get(name), array.coords[name]
        if old is not None and old.dims == new.dims and old.shape == new.shape and old.ndim == 1:
            unequal = np.flatnonzero(old.to_numpy() != new.to_numpy())
            if unequal.size:
                i = int(unequal[0])
                return f"; label {i} of {name!r} is {new.values[i]!s}, in the setup {old.values[i]!s}"
    return ""


def _input_array(key: Key, spec: VariableSpec, clock: str | None, value: Any) -> xr.Variable | xr.DataArray:
    array = _as_array(join_key(key), on_clock(spec.dims, clock), clock, value)
    array.attrs = {
        **({NONE_MARK: 1} if value is None else {}),
        **({"description": spec.description} if spec.description else {}),
        **spec.attrs,
        **without_marks(array.attrs),
    }
    return array


def _as_array(name: str, alternatives: tuple[Dims, ...], clock: str | None, value: Any) -> xr.Variable | xr.DataArray:
    """Make a variable of any accepted form, or an array with the coordinates that belong to its dimensions."""
    try:
        return _convert(name, alternatives, clock, value)
    except (ValueError, TypeError) as error:
        if isinstance(error, XsimError):
            raise
        raise InputError(
            f"the value given for input {name!r} is no array",
            got=f"{_short(value)}: {error}",
            expected="a scalar, an array, (dims, data, attrs), or an xarray object",
            variable=split_name(name),
        ) from error


def _convert(name: str, alternatives: tuple[Dims, ...], clock: str | None, value: Any) -> xr.Variable | xr.DataArray:
    if isinstance(value, xr.DataArray):
        # Scalar coordinates are left-overs of a selection (`.isel(out=-1)`), and would clash with clocks.
        coords = {k: c.variable.copy(deep=False) for k, c in value.coords.items() if c.ndim}
        for coord in coords.values():
            coord.attrs = without_marks(coord.attrs)
        return xr.DataArray(value.variable.copy(), coords=coords) if coords else value.variable.copy()
    if isinstance(value, xr.Variable):
        return value.copy()
    if _is_xarray_tuple(value):
        if not isinstance(value[0], str) and len(set(value[0])) < len(value[0]):
            raise ValueError(f"a dimension occurs twice in {value[0]!r}")
        return xr.Variable(*value)
    if value is None:
        data = np.empty((), dtype=object)
    elif isinstance(value, np.ma.MaskedArray):
        data = value.copy()  # xarray makes NaN of what is masked
    else:
        data = np.array(value)
    # A scalar may stand until the real value is given, and runs without a check of dimensions take it.
    dims = with_ndim(alternatives, data.ndim) if data.ndim else ()
    if dims is None:
        raise InputTypeError(
            f"Could not get dimension labels from model for variable {name!r} with value {_short(value)}",
            got=f"{data.ndim} dimension(s), shape {data.shape}",
            expected="dims " + " or ".join(show_dims(d) for d in alternatives)
            if alternatives
            else "a setup with a clock: the variable has the dimension of the main clock",
            remedy=f"name the dimensions: (dims, values), e.g. ({clock or 'batch'!r}, values)"
            + (" for values along the clock, ('batch', values) for members" if clock else ""),
            variable=split_name(name),
        )
    return xr.Variable(dims, data)


def _is_xarray_tuple(value: Any) -> bool:
    if not (isinstance(value, tuple) and 2 <= len(value) <= 4):
        return False
    dims = value[0]
    return isinstance(dims, str) or (isinstance(dims, (tuple, list)) and all(isinstance(d, str) for d in dims))


def _short(value: Any) -> str:
    text = " ".join(repr(value).split())
    return text if len(text) <= 60 else text[:57] + "..."
