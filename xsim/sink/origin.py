"""Lazy values of a setup that come from the very store that a run is to write to."""

from __future__ import annotations

import pickle
from collections.abc import Collection
from contextlib import suppress
from typing import Any

import attrs
import cloudpickle
from zarr.abc.store import Store
from zarr.storage import StorePath

from xsim._base.render import size
from xsim.errors import StoreError
from xsim.plan.run_plan import RunPlan
from xsim.plan.window import LARGEST_IN_MEMORY
from xsim.sink.location import local_path, store_of


def without_values_from(location: Any, plan: RunPlan, replaced: Collection[str]) -> RunPlan:
    """Give a plan whose setup can still be read when variables of it have been replaced in a store.

    Parameters
    ----------
    location : object
        Of the store.
    plan : RunPlan
    replaced : collection of str
        Names of variables of the setup.

    Raises
    ------
    StoreError
        If one of them is too large to be held, and comes from that store.
    """
    read = {}
    for name in replaced:
        variable = plan.setup.variables[name]
        if variable.chunks is None or variable.nbytes <= LARGEST_IN_MEMORY:
            if name not in plan.setup.xindexes:
                read[name] = variable.copy(deep=False).load()
        elif _comes_from(variable.data, location):
            raise StoreError(
                f"variable {name!r} of the setup is read from the store in which it is to be replaced",
                got=f"{size(variable.nbytes)} that are not in memory, in '{location}'",
                expected="values that stay where they are while members run",
                remedy=f"setup[{name!r}].load() reads them first, if they fit into memory; or run into another store",
            )
    return attrs.evolve(plan, setup=plan.setup.assign(read)) if read else plan


def _comes_from(values: Any, location: Any) -> bool:
    """Whether a lazy array holds a reference to a place; where that cannot be seen, it is taken to have none."""
    found: list[Any] = []
    with suppress(Exception):  # not all graphs can be pickled
        _Finder(found).dump(values)
    return any(_overlap(each, location) for each in found)


def _overlap(found: Any, location: Any) -> bool:
    inside, path = local_path(found), local_path(location)
    if inside is not None and path is not None:
        return inside.resolve().is_relative_to(path.resolve())
    one, other = store_of(found), store_of(location)
    contents = getattr(one, "_store_dict", None)  # of stores in memory, which are opened again to read from them
    return one is other or one == other or (contents is not None and contents is getattr(other, "_store_dict", None))


class _Nowhere:
    """A file that keeps nothing."""

    def write(self, data: Any) -> int:
        """Forget the data."""
        return len(data)


class _Finder(cloudpickle.Pickler):  # type: ignore[misc]  # it has no annotations
    """Walks through an object, as far as pickle gets, and collects the stores that it comes by."""

    def __init__(self, found: list[Any]) -> None:
        super().__init__(_Nowhere(), protocol=pickle.HIGHEST_PROTOCOL, buffer_callback=_leave_out)
        self._found = found

    def persistent_id(self, obj: Any) -> str | None:
        """Collect a store, and do not look into it."""
        if isinstance(obj, (StorePath, Store)):
            self._found.append(obj)
            return "store"
        return None


def _leave_out(buffer: Any) -> None:
    """Do not copy the data of an array."""
