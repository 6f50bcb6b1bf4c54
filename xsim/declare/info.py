"""Looking at process classes: which variables they have, and what is declared of them."""

from __future__ import annotations

import sys
from collections.abc import Callable
from enum import StrEnum
from typing import Any, TextIO, TypeVar

from xsim._base.render import names
from xsim._base.suggest import did_you_mean
from xsim.declare.describe import described, process_page, variable_page
from xsim.declare.process import ProcessSpec, process_spec
from xsim.declare.variable_spec import VariableSpec, VarIntent, VarType
from xsim.errors import DeclarationError, UnknownVariableError

Kind = TypeVar("Kind", bound=StrEnum)


def filter_variables(
    process: Any,
    var_type: str | None = None,
    intent: str | None = None,
    group: str | None = None,
    func: Callable[[VariableSpec], Any] | None = None,
) -> dict[str, VariableSpec]:
    """Give the variables of a process that meet all criteria.

    Parameters
    ----------
    process : type or object
        A process class, or an object of one.
    var_type : {"variable", "index", "on_demand", "object", "foreign", "global", "group", "group_dict"}, optional
        Their kind.
    intent : {"in", "out", "inout"}, optional
        Their intent.
    group : str, optional
        A group that they belong to.
    func : callable, optional
        Takes a variable as described below, and says whether to keep it.

    Returns
    -------
    dict
        Variables by name. Each has ``metadata`` (a mapping of what is declared of it: ``var_type``, ``intent``,
        ``dims`` as a tuple of tuples, ``static``, ``description``, ``attrs``, ``encoding`` ...), ``default``
        (`attrs.NOTHING` if there is none), ``validator`` and ``converter``. A foreign variable has the dims,
        description, attributes and encoding of the one that it refers to; so has a global reference of an object in a
        model.

    Raises
    ------
    NotAProcessClassError
        If it is no process.
    DeclarationError
        If there is no such kind or intent.

    Examples
    --------
    >>> import xsim as xs
    >>> @xs.process
    ... class Growth:
    ...     rate = xs.variable(attrs={"units": "1/s"})
    ...     size = xs.variable(intent="inout")
    >>> list(xs.filter_variables(Growth, intent="in"))
    ['rate']
    >>> list(xs.filter_variables(Growth, func=lambda v: "units" in v.metadata["attrs"]))
    ['rate']
    """
    kind = None if var_type is None else _member(VarType, var_type)
    wanted = None if intent is None else _member(VarIntent, intent)
    return {
        name: full
        for name, spec in _spec_of(process).variables.items()
        if (kind is None or spec.var_type is kind)
        and (wanted is None or spec.intent is wanted)
        and (group is None or group in spec.groups)
        and (full := described(spec, _instance(process)))
        and (func is None or func(full))
    }


def process_info(process: Any, buf: TextIO | None = None) -> None:
    """Print the variables and stages of a process.

    Parameters
    ----------
    process : type or object
        A process class, or an object of one. An object in a model also tells to which processes its foreign
        variables and global references lead.
    buf : file-like, optional
        Where to print; to the standard output by default.

    Raises
    ------
    NotAProcessClassError
        If it is no process.
    """
    spec = _spec_of(process)
    page = process_page(spec.cls.__name__, spec.variables, spec.stages, _instance(process))
    print(page.text(), file=buf or sys.stdout)


def variable_info(process: Any, var_name: str, buf: TextIO | None = None) -> None:
    """Print all that is declared of a variable.

    Parameters
    ----------
    process : type or object
        A process class, or an object of one.
    var_name : str
        Name of the variable.
    buf : file-like, optional
        Where to print; to the standard output by default.

    Raises
    ------
    NotAProcessClassError
        If it is no process.
    UnknownVariableError
        If it has no such variable.
    """
    spec = _spec_of(process)
    if var_name not in spec.variables:
        raise UnknownVariableError(
            f"process class {spec.cls.__name__!r} has no variable {var_name!r}",
            expected=f"one of {names(spec.variables)}",
            suggestions=did_you_mean(var_name, spec.variables),
        )
    page = variable_page(spec.cls.__name__, spec.variables[var_name], _instance(process))
    print(page.text(), file=buf or sys.stdout)


def _spec_of(process: Any) -> ProcessSpec:
    """Give the record of a process class, or of the class of a process object."""
    cls = process if isinstance(process, type) else type(process)
    return process_spec(cls if hasattr(cls, "__xsim_spec__") else process)


def _instance(process: Any) -> Any:
    return None if isinstance(process, type) else process


def _member(kind: type[Kind], value: str) -> Kind:
    known = [each.value for each in kind]
    if value not in known:
        raise DeclarationError(
            f"{value!r} is not a valid {kind.__name__}",
            expected="one of " + ", ".join(map(repr, known)),
            suggestions=did_you_mean(value, known),
        )
    return kind(value)
