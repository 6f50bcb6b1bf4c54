"""How process objects reach their variables: plain attributes, or one hop to their owner (DESIGN §V6, §B12).

Own variables are plain instance attributes. What refers to another process is a property on the class; the object it
leads to sits in the instance under `link_slot`. A process object outside any model has no links: values set on it stay
with it, so that a class can be tried alone.

Nothing here touches an object's ``__dict__``: Python makes it when it is first asked for, and from then on every
attribute of the object costs more.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from operator import attrgetter
from types import MappingProxyType
from typing import Any

from xsim._base.keys import Key
from xsim.declare.variable_spec import VariableSpec, VarIntent, VarType
from xsim.errors import ReadOnlyError, UnsetVariableError

NAME_SLOT = "__xsim_name__"
CACHE_SLOT = "__xsim_cache__"


set_slot = object.__setattr__
"""Sets an attribute that is xsim's own, past what a process class does with its attributes."""


def get_slot(process: Any, name: str, default: Any = None) -> Any:
    """Give an attribute that is xsim's own, or an own variable; the default if it is not set."""
    try:
        return object.__getattribute__(process, name)
    except AttributeError:
        return default


def link_slot(variable: str) -> str:
    """Name of the instance attribute that leads to the owner of a variable."""
    return f"__xsim_link_{variable}__"


class Detached:
    """Holds the values that are set through references on a process object outside any model."""


class Shadow:
    """Hides a property of a base class, where a subclass declares a plain variable of that name."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __get__(self, instance: object | None, owner: type) -> Any:
        # No __set__: instance attributes take precedence, so this is only reached while there is no value.
        raise AttributeError(self.name)


def process_name(process: object) -> str:
    """Name that a process object has in its model.

    Parameters
    ----------
    process : object
        An object of a process class.

    Returns
    -------
    str
        The name, or an empty string if the object is in no model.
    """
    return str(vars(process).get(NAME_SLOT, ""))


def accessor_for(spec: VariableSpec) -> Any:
    """Make the class attribute for a variable; None where a plain instance attribute does."""
    if spec.lag:
        return None  # the process holds a copy
    match spec.var_type:
        case VarType.FOREIGN:
            return _foreign(spec)
        case VarType.GLOBAL:
            return _global(spec)
        case VarType.GROUP:
            return _group(spec, tuple, lambda members: tuple([getattr(o, a) for o, a, _ in members]))
        case VarType.GROUP_DICT:
            return _group(spec, dict, lambda members: MappingProxyType({key: getattr(o, a) for o, a, key in members}))
        case VarType.ON_DEMAND:
            return _on_demand(spec)
    return None


def _foreign(spec: VariableSpec) -> property:
    slot, attribute = link_slot(spec.name), str(spec.target_name)

    only_read = spec.intent is VarIntent.IN

    def set_value(self: Any, value: Any) -> None:
        owner = get_slot(self, slot)
        if owner is None:
            owner = Detached()
            set_slot(self, slot, owner)
        elif only_read and type(owner) is not Detached:
            raise read_only(self, spec)
        setattr(owner, attribute, value)

    return property(_hop(slot, attribute), set_value)


def _hop(slot: str, attribute: str) -> Callable[[Any], Any]:
    """Give the fastest function that gets an attribute of an attribute."""
    if sys.version_info < (3, 12):
        return attrgetter(f"{slot}.{attribute}")

    def get(self: Any) -> Any:
        return self.slot.attribute

    # Python sees through a property whose function names its attributes, and calls nothing.
    get.__code__ = get.__code__.replace(co_names=(slot, attribute))
    return get


def _global(spec: VariableSpec) -> property:
    # The attribute's name is only known in a model, so the link is a pair.
    slot = link_slot(spec.name)

    def get_value(self: Any) -> Any:
        try:
            owner, attribute = object.__getattribute__(self, slot)
        except AttributeError:
            raise AttributeError(spec.name) from None
        return getattr(owner, attribute)

    def set_value(self: Any, value: Any) -> None:
        link = get_slot(self, slot)
        if link is None:
            link = (Detached(), "value")
            set_slot(self, slot, link)
        elif spec.intent is VarIntent.IN and type(link[0]) is not Detached:
            raise read_only(self, spec)
        setattr(link[0], link[1], value)

    return property(get_value, set_value)


def _group(spec: VariableSpec, empty: type, gather: Callable[[tuple[tuple[Any, str, Key], ...]], Any]) -> property:
    slot = link_slot(spec.name)

    def get_value(self: Any) -> Any:
        members = get_slot(self, slot)
        if members is None:
            return empty()
        return members.values if type(members) is _Given else gather(members)

    def set_value(self: Any, value: Any) -> None:
        if type(get_slot(self, slot)) is tuple:
            raise read_only(self, spec)
        set_slot(self, slot, _Given(value))

    return property(get_value, set_value)


class _Given:
    """Values given by hand to a group variable outside any model."""

    def __init__(self, values: Any) -> None:
        self.values = values


def _on_demand(spec: VariableSpec) -> property:
    compute, name = spec.compute, spec.name
    assert compute is not None
    if not spec.compute_cache:
        return property(compute, _refuse_on_demand(spec))

    def get_value(self: Any) -> Any:
        # None while the process's own stage method runs, and outside models: what it depends on may change.
        cache = get_slot(self, CACHE_SLOT)
        if cache is None:
            return compute(self)
        if name not in cache:
            cache[name] = compute(self)
        return cache[name]

    return property(get_value, _refuse_on_demand(spec))


def _refuse_on_demand(spec: VariableSpec) -> Callable[[Any, Any], None]:
    def set_value(self: Any, value: Any) -> None:
        raise ReadOnlyError(
            f"{subject(self, spec)} is computed on demand and cannot be set",
            remedy=f"change its compute method {spec.compute.__name__!r}" if spec.compute else None,
        )

    return set_value


def missing_attribute(self: Any, name: str) -> Any:
    """Explain an attribute that has no value; becomes ``__getattr__`` of process classes.

    Python also comes here when a property raises AttributeError; the property's own error must not be lost, so it is
    provoked again.
    """
    spec = type(self).__xsim_spec__.variables.get(name)
    if spec is None:
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}", name=name, obj=self)
    link = self.__dict__.get(link_slot(name))
    if spec.var_type is VarType.ON_DEMAND:
        return getattr(type(self), name).fget(self)
    if spec.var_type is VarType.FOREIGN and link is not None and type(link) is not Detached:
        return getattr(link, spec.target_name)
    if spec.var_type is VarType.GLOBAL and link is not None and type(link[0]) is not Detached:
        return getattr(*link)
    if link is not None and spec.group is not None:
        return [getattr(owner, attribute) for owner, attribute, _ in link]
    raise UnsetVariableError(
        f"{subject(self, spec)} has no value yet",
        expected=_who_sets(spec),
        process=process_name(self),
        variable=name,
    )


def subject(process: Any, spec: VariableSpec) -> str:
    """Name a variable and its process in a message."""
    name = process_name(process)
    where = f"process {name!r} (class {type(process).__name__})" if name else f"class {type(process).__name__}"
    return f"variable {spec.name!r} of {where}"


def _who_sets(spec: VariableSpec) -> str:
    if spec.lag:
        return "a value from the step before, or before the first step one from initial= or from the setup"
    if spec.var_type not in (VarType.VARIABLE, VarType.INDEX, VarType.OBJECT):
        return "a value set on the process object, which is in no model"
    if spec.intent is VarIntent.OUT:
        return "a value set by this process in an earlier stage (intent='out')"
    return "a value from the setup or from another process; inputs that vary in time have none before the first step"


def read_only(process: Any, spec: VariableSpec, where: str = "") -> ReadOnlyError:
    """Make the error for a value that is set by a process that only reads it."""
    return ReadOnlyError(
        f"{subject(process, spec)} is only read by this process and cannot be set",
        got=f"intent={spec.intent.value!r}" + (f", set in {where}" if where else ""),
        remedy="declare it with intent='out' (to set it) or intent='inout' (to update it)",
        process=process_name(process),
        variable=spec.name,
    )
