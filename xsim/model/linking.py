"""Linking: what each variable of a model refers to, and which process sets it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from types import MappingProxyType

import attrs

from xsim._base.keys import SEPARATOR, Key, join_key
from xsim._base.render import names
from xsim._base.suggest import did_you_mean
from xsim.declare.process import ProcessSpec, process_spec
from xsim.declare.variable_spec import OWN_TYPES, VariableSpec, VarIntent, VarType
from xsim.errors import (
    AmbiguousTargetError,
    GroupTargetError,
    IntentConflictError,
    MissingTargetError,
    NotAProcessClassError,
    ProcessNameError,
)


@attrs.frozen(eq=False)
class Linking:
    """How the variables of a model hang together.

    Attributes
    ----------
    specs : mapping of str to ProcessSpec
        By process name, in the order of declaration.
    targets : mapping of Key to Key
        For each foreign variable and global reference the variable it names, which may be a reference again.
    roots : mapping of Key to Key
        For each of them the variable at the end of the chain, which holds the value.
    groups : mapping of str to tuple of Key
        Members of each group, in the order of declaration until the order of execution is known.
    setters : mapping of Key to str
        For each root that a process sets (``intent="out"``) the name of that process.
    """

    specs: Mapping[str, ProcessSpec]
    targets: Mapping[Key, Key]
    roots: Mapping[Key, Key]
    groups: Mapping[str, tuple[Key, ...]]
    setters: Mapping[Key, str]

    def refers_to(self, key: Key) -> tuple[Key, ...]:
        """Give the roots that a variable stands for: itself, what it refers to, or the members of its group."""
        spec = self.specs[key[0]].variables[key[1]]
        if spec.group is not None:
            return self.groups.get(spec.group, ())
        return (self.roots.get(key, key),)


def link(classes: Mapping[str, type]) -> Linking:
    """Link named process classes, in time linear in the number of their variables.

    Raises
    ------
    NotAProcessClassError, ProcessNameError, MissingTargetError, AmbiguousTargetError, IntentConflictError
    """
    specs = {}
    for name, cls in classes.items():
        _check_name(name)
        try:
            specs[name] = process_spec(cls)
        except NotAProcessClassError as error:
            error.add_note(f"given to the model as process {name!r}")
            raise
    by_class = _processes_by_class(specs)
    global_names, groups = _names_and_groups(specs)
    targets: dict[Key, Key] = {}
    for name, spec in specs.items():
        for variable in spec.variables.values():
            if variable.var_type is VarType.FOREIGN:
                targets[name, variable.name] = _foreign_target(name, variable, by_class, specs)
            elif variable.var_type is VarType.GLOBAL:
                targets[name, variable.name] = _global_target(name, variable, global_names)
    roots = {key: _root(key, targets) for key in targets}
    facts = (specs, targets, roots, groups, _setters(specs, roots))
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


def _processes_by_class(specs: Mapping[str, ProcessSpec]) -> dict[type, list[str]]:
    found: dict[type, list[str]] = {}
    for name, spec in specs.items():
        for base in spec.cls.__mro__[:-1]:
            found.setdefault(base, []).append(name)
    return found


def _names_and_groups(specs: Mapping[str, ProcessSpec]) -> tuple[dict[str, list[Key]], dict[str, tuple[Key, ...]]]:
    global_names: dict[str, list[Key]] = {}
    groups: dict[str, list[Key]] = {}
    for name, spec in specs.items():
        for variable in spec.variables.values():
            key = (name, variable.name)
            for group in variable.groups:
                groups.setdefault(group, []).append(key)
            if variable.global_name is not None and variable.var_type is not VarType.GLOBAL:
                global_names.setdefault(variable.global_name, []).append(key)
    return global_names, {group: tuple(keys) for group, keys in groups.items()}


def _foreign_target(
    name: str, variable: VariableSpec, by_class: Mapping[type, list[str]], specs: Mapping[str, ProcessSpec]
) -> Key:
    wanted, attribute = variable.target_cls, str(variable.target_name)
    if not isinstance(wanted, type):
        raise MissingTargetError(
            f"foreign variable {join_key((name, variable.name))!r} does not name a process class",
            got=repr(wanted),
        )
    found = by_class.get(wanted, [])
    if not found:
        raise MissingTargetError(
            f"Process class {wanted.__name__!r} missing in Model but required by foreign variable "
            f"{variable.name!r} declared in process {name!r}",
            got="processes " + ", ".join(f"{n!r} ({s.cls.__name__})" for n, s in specs.items()),
            remedy=f"add a process of class {wanted.__name__} or of a subclass to the model",
            process=name,
            variable=variable.name,
        )
    if len(found) > 1:
        raise AmbiguousTargetError(
            f"Process class {wanted.__name__!r} required by foreign variable '{name}.{variable.name}' is used "
            f"(possibly via one its child classes) by multiple processes: {names(found)}",
            expected="one process of that class",
            remedy="keep one of them, or refer to the variable by a global name (xs.global_ref)",
            process=name,
            variable=variable.name,
        )
    target = specs[found[0]].variables.get(attribute)
    if target is not None and target.group is not None:
        raise GroupTargetError(
            f"Variable {variable.name!r} links to group variable "
            f"'{wanted.__name__}.{attribute}', which is not supported",
            remedy=f"Declare {variable.name!r} as a group variable instead: xs.group({target.group!r})",
            process=name,
            variable=variable.name,
        )
    if target is None:
        known = [v.name for v in specs[found[0]].variables.values() if v.group is None]
        raise MissingTargetError(
            f"foreign variable {join_key((name, variable.name))!r} refers to "
            f"{wanted.__name__}.{attribute}, which is no variable of process {found[0]!r}",
            got=repr(attribute),
            expected=f"one of {names(known)}",
            suggestions=did_you_mean(attribute, known),
            process=name,
            variable=variable.name,
        )
    return found[0], attribute


def _global_target(name: str, variable: VariableSpec, global_names: Mapping[str, list[Key]]) -> Key:
    wanted = str(variable.global_name)
    if wanted not in global_names:
        raise MissingTargetError(
            f"No variable with global name {wanted!r} found in model",
            got=f"global reference {join_key((name, variable.name))!r}",
            expected=f"one of the global names {names(global_names)}" if global_names else "a process that declares it",
            suggestions=did_you_mean(wanted, global_names),
            process=name,
            variable=variable.name,
        )
    if len(global_names[wanted]) > 1:
        raise AmbiguousTargetError(
            f"Found multiple variables with global name {wanted!r} in model",
            got=f"{names(map(join_key, global_names[wanted]))}; global reference {join_key((name, variable.name))!r}",
            expected="one variable of that global name",
            remedy="give one of them another global_name, or keep one of these processes only",
            process=name,
            variable=variable.name,
        )
    return global_names[wanted][0]


def _root(key: Key, targets: Mapping[Key, Key]) -> Key:
    walked = [key]
    while walked[-1] in targets:
        following = targets[walked[-1]]
        if following in walked:
            raise MissingTargetError(
                f"foreign variable {join_key(key)!r} leads to no variable that holds a value",
                got=" -> ".join(map(join_key, [*walked, following])),
                remedy="let one of them be an ordinary variable",
            )
        walked.append(following)
    return walked[-1]


def _setters(specs: Mapping[str, ProcessSpec], roots: Mapping[Key, Key]) -> dict[Key, str]:
    setters: dict[Key, str] = {}
    for name, spec in specs.items():
        for variable in spec.variables.values():
            if variable.var_type in OWN_TYPES and variable.intent is VarIntent.OUT:
                setters[name, variable.name] = name
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
    return setters


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
