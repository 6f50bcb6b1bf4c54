"""The setup in a store; where members are appended its variables are replaced, and can be read all the while."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Any

import zarr

from xsim.plan.storable import under_names
from xsim.sink.aside import aside, call_complete, drop_copy, find_copy, put_in_place
from xsim.sink.codecs import quiet
from xsim.sink.in_group import find_array
from xsim.sink.zarr_array import create_plain


def write_setup(group: zarr.Group, setup: Any) -> list[str]:
    """Write a setup; give the names of coordinates that xarray does not write as such."""
    with quiet():
        # As numbers with units dates would lose their unit, or be out of bounds.
        dates = {name: variable for name, variable in setup.variables.items() if variable.dtype.kind in "mM"}
        setup.drop_vars(dates).to_zarr(group.store, group=group.path, mode="a", consolidated=False)
        for name, variable in dates.items():
            create_plain(group, str(name), variable.dims, variable.to_numpy(), variable.attrs)
    return _other_coordinates(setup)


def _other_coordinates(setup: Any) -> list[str]:
    return [str(n) for n, c in setup.coords.items() if c.dtype.kind in "mM" and c.dims != (n,)]


def differing(group: zarr.Group, setup: Any, appended: Collection[str]) -> list[str]:
    """Give the names of variables that do not stand in a store as they are in a setup.

    Parameters
    ----------
    group : zarr.Group
    setup : xarray.Dataset
        With values that the store has as far as it goes.
    appended : collection of str
        Dimensions along which members are appended.
    """
    found = []
    for name, variable in setup.variables.items():
        array = find_array(group, str(name))
        # Values of appended members may be there, from a run that was killed; until the journal counts these members
        # they may be others.
        stands = array is not None and array.shape == variable.shape and find_copy(group, str(name)) is None
        if not stands or set(appended) & set(variable.dims):
            found.append(str(name))
    return found


def replace_setup(group: zarr.Group, setup: Any, names: Sequence[str]) -> list[str]:
    """Replace some variables; give the names of coordinates that xarray does not write as such."""
    for name in names:
        if aside(name) in group:
            del group[aside(name)]
    write_setup(group, under_names(setup, {name: aside(name) for name in names}))
    for name in names:
        call_complete(group, name)
        put_in_place(group, name)
    return _other_coordinates(setup)


def finish_replacing(group: zarr.Group, names: Iterable[str]) -> None:
    """Finish what a run began that was killed while it replaced variables."""
    for name in names:
        if find_copy(group, name) is not None:
            put_in_place(group, name)
        else:
            drop_copy(group, name)
