"""The setup as it goes into a store, beside the outputs."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import xarray as xr

from xsim.errors import StoreError
from xsim.plan.run_plan import RunPlan
from xsim.setup.attributes import KEPT_INPUT, NONE_MARK


def kept_inputs(plan: RunPlan) -> dict[str, str]:
    """Give the names under which inputs are kept whose own names go to outputs (DESIGN §S5)."""
    saved = {output.name for output in plan.outputs}
    return {str(name): f"{name}{KEPT_INPUT}" for name in plan.setup.variables if name in saved}


def storable_setup(plan: RunPlan) -> xr.Dataset:
    """Give the setup of a plan in a form that every store takes.

    None becomes NaN with a mark, multi-indexes become their levels, and encodings of earlier files are dropped.
    """
    setup = plan.setup.drop_encoding()
    many = [name for name, index in setup.indexes.items() if index.nlevels > 1]
    levels = dict.fromkeys(setup.variables[name].dims[0] for name in many)
    if levels:
        setup = setup.reset_index(list(levels))
    changed = {}
    for name, variable in setup.variables.items():
        if variable.dtype.kind in "iu" and variable.dtype.char in "qQ":
            # C's long long, which has 8 bytes as others have, but which Zarr does not know.
            variable = changed[name] = variable.astype(variable.dtype.str)
        chunks = variable.chunks or ()
        if any(max(sizes) != min(sizes) for sizes in chunks):  # Zarr has chunks of one size
            changed[name] = variable.chunk(dict(zip(variable.dims, map(max, chunks), strict=True)))
        if _is_none(variable):
            changed[name] = xr.Variable((), np.nan, {**variable.attrs, NONE_MARK: 1})
    return setup.assign(changed).rename_vars(kept_inputs(plan))


def under_names(setup: xr.Dataset, names: Mapping[str, str]) -> xr.Dataset:
    """Give some variables of a storable setup under other names, with what they say of coordinates in a store.

    Parameters
    ----------
    setup : xarray.Dataset
    names : mapping of str to str
        New names by the old ones.
    """
    # Dates are no coordinates for xarray, since it does not write them.
    dates = [name for name, variable in setup.variables.items() if variable.dtype.kind in "mM"]
    variables, attributes = xr.conventions.encode_dataset_coordinates(setup.drop_vars(dates))
    variables |= {name: setup.variables[name] for name in dates}
    return xr.Dataset({new: variables[old].to_base_variable() for old, new in names.items()}, attrs=attributes)


def check_storable(plan: RunPlan) -> None:
    """Check that all values of the setup are of types that a store takes.

    Raises
    ------
    StoreError
    """
    for name, variable in storable_setup(plan).variables.items():
        if variable.dtype.char in "gG":
            kind = "float" if variable.dtype.char == "g" else "complex"
            raise StoreError(
                f"variable {name!r} of the setup cannot be stored",
                got=f"type {variable.dtype}",
                expected="numbers of at most 64 bits, complex ones of 128",
                remedy=f"setup[{name!r}] = setup[{name!r}].astype({kind})",
            )
        if variable.dtype != object or _is_none(variable):
            continue
        for element in variable.to_numpy().flat:
            if not isinstance(element, (str, bytes)) and not hasattr(element, "calendar"):
                raise StoreError(
                    f"variable {name!r} of the setup cannot be stored",
                    got=f"an element of type {type(element).__name__!r}: {str(element)[:60]}",
                    expected="numbers, bools, text, or dates of numpy or cftime",
                    remedy="run in memory (store=None), or pass what describes the object, and make it in a process",
                )


def _is_none(variable: xr.Variable) -> bool:
    return variable.dtype == object and variable.ndim == 0 and variable.values[()] is None
