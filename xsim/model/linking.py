"""Linking: what each variable of a model refers to, and which process sets it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from types import MappingProxyType

import attrs

from xsim._base.keys import SEPARATOR, Key, join_key
from xsim._base.render import names
from xsim.declare.process import ProcessSpec, process_spec
from xsim.declare.variable_spec import OWN_TYPES, VarIntent, VarType
from xsim.errors import (
    IntentConflictError,
    LagError,
    MissingTargetError,
    NotAProcessClassError,
    ProcessNameError,
)
from xsim.model.targets import Targets


@attrs.frozen(eq=False)
class Linking:
    """How the variables of a model hang together.

    Attributes
    ----------
    specs : mapping of str to ProcessSpec
        By process name, in the order of declaration.
    targets : mapping of Key to Key
        For each foreign variable and global reference the variable it names, which may be a reference again.
    ends : mapping of Key to Key
        For each of them the variable at the end of the chain, which says what the value is.
    roots : mapping of Key to Key
        For each of them, but lagged ones, the variable that holds the value: at the end of the chain, or the first
        lagged one in it, which holds a copy.
    groups : mapping of str to tuple of Key
        Members of each group, in the order of declaration until the order of execution is known.
    setters : mapping of Key to str
        For each root that a process sets (``intent="out"``) the name of that process.
    """

    specs: Mapping[str, ProcessSpec]
    targets: Mapping[Key, Key]
    ends: Mapping[Key, Key]
    roots: Mapping[Key, Key]
    groups: Mapping[str, tuple[Key, ...]]
    setters: Mapping[Key, str]

    def refers_to(self, key: Key) -> tuple[Key, ...]:
        """Give the roots that a variable stands for: itself, what it refers to, or the members of its group.

        A lagged reference stands for itself.
        """
        spec = self.specs[key[0]].variables[key[1]]
        if spec.group is not None:
            return self.groups.get(spec.group, ())
        return (self.roots.get(key, key),)


def link(classes: Mapping[str, type]) -> Linking:
    """Link named process classes, in time linear in the number of their variables.

    Raises
    ------
    NotAProcessClassError, ProcessNameError, MissingTargetError, AmbiguousTargetError, GroupTargetError
    IntentConflictError, LagError
    """
    specs = {}
    for name, cls in classes.items():
        _check_name(name)
        try:
            specs[name] = process_spec(cls)
        except NotAProcessClassError as error:
            error.add_note(f"given to the model as process {name!r}")
            raise
    named = Targets(specs)
    targets: dict[Key, Key] = {}
    groups: dict[str, list[Key]] = {}
    setters: dict[Key, str] = {}
    lagged = set()
    for name, spec in specs.items():
        for variable in spec.variables.values():
            key = (name, variable.name)
            for group in variable.groups:
                groups.setdefault(group, []).append(key)
            if variable.var_type is VarType.FOREIGN or variable.var_type is VarType.GLOBAL:
                targets[key] = named.of(name, variable)
                if variable.lag:
                    lagged.add(key)
            elif variable.intent is VarIntent.OUT and variable.var_type in OWN_TYPES:
                setters[key] = name
    ends = _ends(targets)
    for key in lagged:
        _check_lagged(key, ends[key], specs)
    roots = ends
    if lagged:
        roots = _ends({key: target for key, target in targets.items() if key not in lagged})
    members = {group: tuple(keys) for group, keys in groups.items()}
    _set_by_reference(setters, specs, roots)
    facts = (specs, targets, ends, roots, members, setters)
    return Linking(*map(MappingProxyType, facts))  # type: ignore[arg-type]


def with_groups_in_order(linking: Linking, order: Sequence[str]) -> Linking:
    """Let groups give their members in the order of execution, those computed on demand last."""
    position = {name: i for i, name in enumerate(order)}

    def place(key: Key) -> tuple[bool, int]:
        return linking.specs[key[0]].variables[key[1]].var_type is VarType.ON_DEMAND, position[key[0]]

    groups = {group: tuple(sorted(keys, key=place)) for group, keys in linking.groups.items()}
    return attrs.evolve(linking, groups=MappingProxyType(groups))


def _check_name(name: object) -> None:
    if not isinstance(name, str) or not name:
        raise ProcessNameError("a process name is a non-empty string", got=repr(name))
    if SEPARATOR in name or name.endswith("_"):
        better = re.sub("_+", "_", name).rstrip("_")
        raise ProcessNameError(
            f"process name {name!r} makes names of variables ambiguous",
            expected="no '__' in it and no '_' at its end: 'process__variable' is split at the first '__'",
            remedy=f"rename it, e.g. to {better!r}" if better else "give it a name with letters",
        )
    if bad := [c for c in "/,." if c in name]:
        raise ProcessNameError(
            f"process name {name!r} cannot be part of a variable's name in a store",
            got=f"characters {names(bad)}",
            remedy="use letters, digits and single underscores",
        )


def _check_lagged(key: Key, end: Key, specs: Mapping[str, ProcessSpec]) -> None:
    if specs[end[0]].variables[end[1]].var_type is VarType.OBJECT:
        raise LagError(
            f"lagged reference {join_key(key)!r} refers to {join_key(end)!r}, which holds any object",
            expected="a variable, an index or an on-demand variable: a copy of its value is kept for the next step",
            remedy="let the process put what the next step needs of the object into a variable (xs.variable)",
            variables=(key, end),
        )


def _ends(targets: Mapping[Key, Key]) -> dict[Key, Key]:
    """Give for each reference what it leads to in the end, walking each link once."""
    ends: dict[Key, Key] = {}
    for key in targets:
        walked: dict[Key, None] = {}
        at = key
        while at in targets and at not in ends:
            if at in walked:
                raise MissingTargetError(
                    f"foreign variable {join_key(key)!r} leads to no variable that holds a value",
                    got=" -> ".join(map(join_key, [*walked, at])),
                    remedy="let one of them be an ordinary variable",
                )
            walked[at] = None
            at = targets[at]
        ends |= dict.fromkeys(walked, ends.get(at, at))
    return {key: ends[key] for key in targets}


def _set_by_reference(setters: dict[Key, str], specs: Mapping[str, ProcessSpec], roots: Mapping[Key, Key]) -> None:
    """Add what processes set of others, to what they set of their own."""
    for key, root in roots.items():
        variable, owner = (specs[p].variables[v] for p, v in (key, root))
        if variable.intent is VarIntent.IN:
            continue
        if variable.intent is VarIntent.OUT and root in setters:
            _refuse_second_setter(key, root, setters[root], specs)
        if owner.var_type is VarType.ON_DEMAND:
            raise IntentConflictError(
                f"Conflict between {variable.var_type.value} variable {join_key(key)!r} and its target variable "
                f"{join_key(root)!r}, which is computed on demand",
                got=f"intent={variable.intent.value!r}",
                expected="intent='in'",
            )
        if variable.intent is VarIntent.OUT:
            setters[root] = key[0]


def _refuse_second_setter(key: Key, root: Key, setter: str, specs: Mapping[str, ProcessSpec]) -> None:
    variable = specs[key[0]].variables[key[1]]
    kind = "foreign variable" if variable.var_type is VarType.FOREIGN else "global reference"
    target = f"{specs[root[0]].cls.__name__}.{root[1]}"
    if setter == root[0]:
        problem = f"Conflict between {kind} {key[1]!r} and its target variable {target!r}, both have intent='out'"
    else:
        problem = (
            f"Conflict(s) found in given variable intents: '{root[0]}.{root[1]}' set by: processes {setter!r} and "
            f"{key[0]!r}"
        )
    raise IntentConflictError(
        problem,
        got=f"{join_key(key)!r} and {join_key(root)!r}, set by processes {key[0]!r} and {setter!r}",
        expected="one process that sets a variable",
        remedy="declare one of both with intent='in' (it reads) or intent='inout' (it updates)",
        variables=(key, root),
    )
