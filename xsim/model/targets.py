"""What references name: the variable of another process, by class, by name, or by global name."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property

from xsim._base.keys import Key, join_key
from xsim._base.render import names
from xsim._base.suggest import did_you_mean
from xsim.declare.process import ProcessSpec
from xsim.declare.variable_spec import VariableSpec, VarType
from xsim.errors import AmbiguousTargetError, GroupTargetError, MissingTargetError


class Targets:
    """Finds what references name.

    Parameters
    ----------
    specs : mapping of str to ProcessSpec
        By process name.
    """

    def __init__(self, specs: Mapping[str, ProcessSpec]) -> None:
        self._specs = specs
        self._by_class: dict[type, list[str]] = {}
        self._global_names: dict[str, list[Key]] = {}
        for name, spec in specs.items():
            for base in spec.cls.__mro__[:-1]:
                self._by_class.setdefault(base, []).append(name)
            for variable in spec.variables.values():
                if variable.global_name is not None and variable.var_type is not VarType.GLOBAL:
                    self._global_names.setdefault(variable.global_name, []).append((name, variable.name))

    @cached_property
    def _by_name(self) -> dict[str, list[str]]:
        """Processes by each name that stands for them: their own, and those of their class and its bases."""
        found: dict[str, dict[str, None]] = {name: {name: None} for name in self._specs}
        for base, processes in self._by_class.items():
            found.setdefault(base.__name__, {}).update(dict.fromkeys(processes))
        return {name: list(processes) for name, processes in found.items()}

    def of(self, name: str, variable: VariableSpec) -> Key:
        """Give what a foreign variable or a global reference names.

        Raises
        ------
        MissingTargetError, AmbiguousTargetError, GroupTargetError
        """
        if variable.var_type is VarType.GLOBAL:
            return self._global(name, variable)
        return self._foreign(name, variable)

    def _foreign(self, name: str, variable: VariableSpec) -> Key:
        attribute = str(variable.target_name)
        process = self._process(name, variable)
        target = self._specs[process].variables.get(attribute)
        if target is not None and target.group is None:
            return process, attribute
        wanted = variable.target_cls.__name__ if isinstance(variable.target_cls, type) else process
        if target is not None:
            raise GroupTargetError(
                f"Variable {variable.name!r} links to group variable '{wanted}.{attribute}', which is not supported",
                remedy=f"Declare {variable.name!r} as a group variable instead: xs.group({target.group!r})",
                process=name,
                variable=variable.name,
            )
        known = [v.name for v in self._specs[process].variables.values() if v.group is None]
        raise MissingTargetError(
            f"foreign variable {join_key((name, variable.name))!r} refers to "
            f"{wanted}.{attribute}, which is no variable of process {process!r}",
            got=repr(attribute),
            expected=f"one of {names(known)}",
            suggestions=did_you_mean(attribute, known),
            process=name,
            variable=variable.name,
        )

    def _process(self, name: str, variable: VariableSpec) -> str:
        """Find the process that a foreign variable names, by class or by a name."""
        wanted = variable.target_cls
        if isinstance(wanted, str):
            return self._named(name, variable)
        if not isinstance(wanted, type):
            raise MissingTargetError(
                f"foreign variable {join_key((name, variable.name))!r} does not name a process class",
                got=repr(wanted),
                expected="a process class, or the name of a class or of a process in the model",
            )
        found = self._by_class.get(wanted, [])
        if not found:
            raise MissingTargetError(
                f"Process class {wanted.__name__!r} missing in Model but required by foreign variable "
                f"{variable.name!r} declared in process {name!r}",
                got="processes " + ", ".join(map(self._described, self._specs)),
                remedy=f"add a process of class {wanted.__name__} or of a subclass to the model",
                process=name,
                variable=variable.name,
            )
        if len(found) > 1:
            raise AmbiguousTargetError(
                f"Process class {wanted.__name__!r} required by foreign variable '{name}.{variable.name}' is used "
                f"(possibly via one its child classes) by multiple processes: {names(found)}",
                expected="one process of that class",
                remedy=f"keep one of them, or name the process: xs.foreign({found[0]!r}, ...)",
                process=name,
                variable=variable.name,
            )
        return found[0]

    def _named(self, name: str, variable: VariableSpec) -> str:
        wanted = variable.target_cls
        found = self._by_name.get(wanted, [])
        if not found:
            raise MissingTargetError(
                f"no process or process class {wanted!r} in the model, but required by foreign variable "
                f"{variable.name!r} declared in process {name!r}",
                got="processes " + ", ".join(map(self._described, self._specs)),
                suggestions=did_you_mean(wanted, self._by_name),
                remedy="add such a process to the model, or name another one",
                process=name,
                variable=variable.name,
            )
        if len(found) > 1:
            raise AmbiguousTargetError(
                f"{wanted!r} in foreign variable {join_key((name, variable.name))!r} may be several processes",
                got=", ".join(map(self._described, found)),
                expected="the name of one process, or of a class that one process has (possibly as a base class)",
                remedy=f"name the process: xs.foreign({next((n for n in found if n != wanted), found[0])!r}, ...)",
                process=name,
                variable=variable.name,
                candidates=tuple(found),
            )
        return found[0]

    def _described(self, name: str) -> str:
        return f"{name!r} ({self._specs[name].cls.__name__})"

    def _global(self, name: str, variable: VariableSpec) -> Key:
        wanted = str(variable.global_name)
        found = self._global_names.get(wanted, [])
        if not found:
            known = list(self._global_names)
            raise MissingTargetError(
                f"No variable with global name {wanted!r} found in model",
                got=f"global reference {join_key((name, variable.name))!r}",
                expected=f"one of the global names {names(known)}" if known else "a process that declares it",
                suggestions=did_you_mean(wanted, known),
                process=name,
                variable=variable.name,
            )
        if len(found) > 1:
            raise AmbiguousTargetError(
                f"Found multiple variables with global name {wanted!r} in model",
                got=f"{names(map(join_key, found))}; global reference {join_key((name, variable.name))!r}",
                expected="one variable of that global name",
                remedy="give one of them another global_name, or keep one of these processes only",
                process=name,
                variable=variable.name,
            )
        return found[0]
