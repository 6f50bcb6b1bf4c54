"""Process objects of a model: made from the graph, linked to each other, without values yet."""

from __future__ import annotations

from typing import Any

from attrs import NOTHING

from xsim._base.copies import copy_of
from xsim.declare.access import NAME_SLOT, link_slot
from xsim.declare.variable_spec import VarType
from xsim.model.graph import ModelGraph

_BUILTIN = type(object.__new__)


def make_objects(graph: ModelGraph) -> dict[str, Any]:
    """Make one object for each process of a model, by name in the order of execution.

    Constructors of process classes are not called. Lagged references have their initial value.
    """
    objects: dict[str, Any] = {name: bare_object(graph.classes[name]) for name in graph.order}
    groups: dict[str, tuple[Any, ...]] = {}  # one for all users of a group
    for name, process in objects.items():
        slots = process.__dict__
        slots[NAME_SLOT] = name
        for variable, spec in graph.specs[name].variables.items():
            if spec.lag:
                if spec.initial is not NOTHING:
                    slots[variable] = copy_of(spec.initial)
            elif spec.var_type is VarType.FOREIGN:
                slots[link_slot(variable)] = objects[graph.linking.targets[name, variable][0]]
            elif spec.var_type is VarType.GLOBAL:
                owner, attribute = graph.linking.targets[name, variable]
                slots[link_slot(variable)] = (objects[owner], attribute)
            elif spec.group is not None:
                if spec.group not in groups:
                    members = graph.linking.groups.get(spec.group, ())
                    groups[spec.group] = tuple((objects[key[0]], key[1], key) for key in members)
                slots[link_slot(variable)] = groups[spec.group]
    return objects


def bare_object(cls: type) -> Any:
    """Make an object without calling a constructor that somebody wrote; builtin bases (dict) have their own."""
    return next(made for base in cls.__mro__ if (made := vars(base).get("__new__")) and type(made) is _BUILTIN)(cls)
