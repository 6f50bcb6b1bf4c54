"""Process objects of a model: made from the graph, linked to each other, without values yet."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import attrs
from attrs import NOTHING

from xsim._base.copies import copy_of
from xsim._base.keys import Key
from xsim.declare.access import NAME_SLOT, link_slot, set_slot
from xsim.declare.variable_spec import VariableSpec, VarType
from xsim.model.linking import Linking

if TYPE_CHECKING:
    from xsim.model.graph import ModelGraph

_BUILTIN = type(object.__new__)


@attrs.frozen(eq=False)
class Part:
    """How one process object is made.

    Attributes
    ----------
    name : str
    cls : type
    new : callable
        What makes an object of the class without calling anything that somebody wrote.
    foreign : tuple of pairs
        Slots of references, and the process that each leads to.
    pairs : tuple
        Slots of global references, and the process and attribute that each leads to.
    groups : tuple of pairs
        Slots of groups, and the name of each.
    initial : tuple of pairs
        Lagged references and their initial values.
    """

    name: str
    cls: type
    new: Callable[[type], Any]
    foreign: tuple[tuple[str, str], ...]
    pairs: tuple[tuple[str, str, str], ...]
    groups: tuple[tuple[str, str], ...]
    initial: tuple[tuple[str, Any], ...]


class Blueprint:
    """How the process objects of a model are made and linked: found once, for any number of members (DESIGN §V7).

    Parameters
    ----------
    classes : mapping of str to type
    linking : Linking
    order : tuple of str
        Names of processes in the order of execution.
    """

    def __init__(self, classes: Mapping[str, type], linking: Linking, order: tuple[str, ...]) -> None:
        self._parts = [_part(name, classes[name], linking) for name in order]
        used = {group for part in self._parts for _, group in part.groups}
        self._groups: dict[str, tuple[Key, ...]] = {group: linking.groups.get(group, ()) for group in sorted(used)}
        self._linked = [part for part in self._parts if part.foreign or part.pairs or part.groups or part.initial]
        for part in {part.cls: part for part in self._parts}.values():
            _lay_out(part, linking.specs[part.name].variables)

    def make(self) -> dict[str, Any]:
        """Make one object for each process, by name in the order of execution.

        They are new ones each time, so that nothing that a process keeps beside its variables gets from one member
        to another, not even through what others know of it (DESIGN §V6).
        """
        objects: dict[str, Any] = {}
        for part in self._parts:
            made = objects[part.name] = part.new(part.cls)
            set_slot(made, NAME_SLOT, part.name)
        # One for all users of a group.
        groups = {
            group: tuple([(objects[key[0]], key[1], key) for key in keys]) for group, keys in self._groups.items()
        }
        for part in self._linked:
            made = objects[part.name]
            for slot, owner in part.foreign:
                set_slot(made, slot, objects[owner])
            for slot, owner, attribute in part.pairs:
                set_slot(made, slot, (objects[owner], attribute))
            for slot, group in part.groups:
                set_slot(made, slot, groups[group])
            for variable, value in part.initial:
                set_slot(made, variable, copy_of(value))
        return objects


def _lay_out(part: Part, variables: Mapping[str, VariableSpec]) -> None:
    """Have Python know the attributes of a class before it makes many objects of it.

    It keeps attributes in the object itself only if there was room for their names when these objects were made, and
    gives room up with each one: thousands made first, and filled afterwards, would each get a dict, which takes more
    memory, and time at each access.
    """
    first = part.new(part.cls)
    links = [slot for slot, *_ in (*part.foreign, *part.pairs, *part.groups)]
    for slot in (NAME_SLOT, *links, *variables):
        found = next((vars(base)[slot] for base in part.cls.__mro__ if slot in vars(base)), None)
        if not hasattr(type(found), "__set__"):  # those that have it keep their values elsewhere
            set_slot(first, slot, None)


def _part(name: str, cls: type, linking: Linking) -> Part:
    foreign, pairs, groups, initial = [], [], [], []
    for variable, spec in linking.specs[name].variables.items():
        slot = link_slot(variable)
        if spec.lag:
            if spec.initial is not NOTHING:
                initial.append((variable, spec.initial))
        elif spec.var_type is VarType.FOREIGN:
            foreign.append((slot, linking.targets[name, variable][0]))
        elif spec.var_type is VarType.GLOBAL:
            pairs.append((slot, *linking.targets[name, variable]))
        elif spec.group is not None:
            groups.append((slot, spec.group))
    return Part(name, cls, _maker(cls), tuple(foreign), tuple(pairs), tuple(groups), tuple(initial))


def make_objects(graph: ModelGraph) -> dict[str, Any]:
    """Make one object for each process of a model, by name in the order of execution.

    Constructors of process classes are not called. Lagged references have their initial value.
    """
    return graph.blueprint.make()


def bare_object(cls: type) -> Any:
    """Make an object without calling a constructor that somebody wrote; builtin bases (dict) have their own."""
    return _maker(cls)(cls)


def _maker(cls: type) -> Callable[[type], Any]:
    return next(made for base in cls.__mro__ if (made := vars(base).get("__new__")) and type(made) is _BUILTIN)
