"""What a guarded process object is doing, and the read-only views that it was given (DESIGN §V5)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from types import MappingProxyType
from typing import Any

import numpy as np

from xsim.declare.access import process_name, subject
from xsim.declare.process import process_spec
from xsim.declare.variable_spec import VarIntent
from xsim.engine.culprit import culprits
from xsim.errors import ReadOnlyArrayError

_COMPLAINTS = ("read-only", "destination is a view")
"""What numpy and others, and xarray, say when an array is read-only."""


class Watch:
    """What a guarded process object is doing, and the views that it was given.

    Attributes
    ----------
    cls : type
        Class of the object when it is not guarded.
    where : str
        Stage that it is in; empty while it does nothing.
    given : dict of str to list of numpy.ndarray
        The latest views, by the name of the variable.
    frozen : frozenset of str
        Variables whose values nobody changes.
    """

    def __init__(self, cls: type, frozen: frozenset[str], sets: list[tuple[dict[str, Any], str]]) -> None:
        self.cls = cls
        self.where = ""
        self.given: dict[str, list[np.ndarray[Any, Any]]] = {}
        self.frozen = frozen
        self._sets = sets

    def __reduce__(self) -> tuple[Any, ...]:
        return Watch, (self.cls, self.frozen, [])  # copies of a process object are not guarded

    def run(self, process: Any, where: str, call: Callable[..., Any], *args: Any) -> Any:
        """Call a method of the process, guarded."""
        self.where = where
        try:
            return call(*args)
        except ValueError as error:
            if any(text in str(error) for text in _COMPLAINTS) and (changed := culprits(error, self.given)):
                raise _changed(self.cls, process, where, changed, str(error)) from error
            raise
        finally:
            self.where = ""
            self._give_back()

    def view(self, name: str, value: Any) -> Any:
        """Give a value of the process's, read-only if it is an array (or labelled one) and the process is running."""
        if not self.where:
            return value
        given: list[np.ndarray[Any, Any]] = []
        view = _read_only_view(value, given)
        if given:
            self.given[name] = given
        return view

    def view_all(self, name: str, values: Any) -> Any:
        """Do the same for the members of a group."""
        if not self.where:
            return values
        given = self.given[name] = []
        if isinstance(values, Mapping):
            return MappingProxyType({key: _read_only_view(value, given) for key, value in values.items()})
        return tuple([_read_only_view(value, given) for value in values])

    def _give_back(self) -> None:
        """Make writable what the process has set to a view that it was given: state is as it would be unguarded."""
        for holder, name in self._sets if self.given else ():
            value = holder.get(name)
            array = value if isinstance(value, np.ndarray) else getattr(value, "data", None)
            if (
                isinstance(array, np.ndarray)
                and not array.flags.writeable
                and any(np.may_share_memory(array, view) for views in self.given.values() for view in views)
            ):
                with suppress(ValueError):
                    array.flags.writeable = True


def _read_only_view(value: Any, given: list[np.ndarray[Any, Any]]) -> Any:
    if isinstance(value, np.ndarray):
        if not value.flags.writeable:
            return value
        view = value.view()
        view.flags.writeable = False
        given.append(view)
        return view
    data = getattr(value, "data", None)
    if isinstance(data, np.ndarray) and hasattr(value, "dims"):  # of xarray
        return value.copy(deep=False, data=_read_only_view(data, given))
    return value


def _changed(cls: type, process: Any, where: str, changed: list[str], reason: str) -> ReadOnlyArrayError:
    specs = process_spec(cls).variables
    frozen = specs[changed[0]].intent is not VarIntent.IN
    rule = "is declared frozen=True" if frozen else "is only read by this process"
    other = f" (or {', '.join(map(repr, changed[1:]))})" if changed[1:] else ""
    return ReadOnlyArrayError(
        f"{subject(process, specs[changed[0]])}{other} {rule} and cannot be changed in place",
        got=f"{reason}, in {where}",
        expected="a new value" if frozen else "intent='inout' where a process changes what it has not made itself",
        remedy="set a new array" if frozen else "declare it with intent='inout', or change a copy of it",
        process=process_name(process),
        variable=changed[0],
    )
