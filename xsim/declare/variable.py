"""The kinds of variables that a process class declares.

Each function returns a `Declaration`, a plain marker; `xsim.declare.process` turns it into a `VariableSpec` when the
class is decorated.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from attrs import NOTHING

from xsim._base.dims import Dims, as_alternatives
from xsim._base.suggest import did_you_mean
from xsim.declare.declaration import Declaration, all_of
from xsim.declare.variable_spec import VarIntent, VarType
from xsim.errors import DeclarationError, DeclarationTypeError


def _dims(dims: Any) -> tuple[Dims, ...]:
    try:
        return as_alternatives(dims)
    except TypeError as error:
        raise DeclarationTypeError(
            str(error), remedy="dims is e.g. 'x', ('y', 'x'), (), or a list of such alternatives"
        ) from None


def _intent(intent: str) -> VarIntent:
    try:
        return VarIntent(intent)
    except ValueError:
        known = [i.value for i in VarIntent]
        raise DeclarationError(
            f"{intent!r} is not a valid VarIntent",
            expected="one of " + ", ".join(map(repr, known)),
            suggestions=did_you_mean(intent, known),
        ) from None


def _groups(group: str | None, groups: str | Sequence[str] | None) -> tuple[str, ...]:
    names = (groups,) if isinstance(groups, str) else tuple(groups or ())
    if group is not None:
        warnings.warn("group= is deprecated; use groups=", FutureWarning, stacklevel=3)
        names = (*names, group)
    return tuple(dict.fromkeys(names))


def _check_lag(lag: int, initial: Any, intent: VarIntent) -> None:
    if isinstance(lag, bool) or lag not in (0, 1):
        raise DeclarationError(
            f"lag={lag!r} of a reference makes no sense",
            expected="lag=1: the value of the step before; or lag=0: the value as it is",
            remedy="for an older value, keep it in a variable of a process, or refer to a lagged reference with lag=1",
        )
    if lag and intent is not VarIntent.IN:
        raise DeclarationError(
            "a reference to the value of the step before can only read it",
            got=f"lag=1, intent={intent.value!r}",
            expected="lag=1, intent='in'",
            remedy="declare another reference, without lag, to set or update the variable",
        )
    if not lag and initial is not NOTHING:
        raise DeclarationError(
            "a reference that gives the value as it is needs no initial value",
            got=f"initial={initial!r}, lag=0",
            expected="lag=1 together with initial=",
        )


def variable(
    dims: str | Sequence[str | Sequence[str]] = (),
    intent: str = "in",
    global_name: str | None = None,
    group: str | None = None,
    groups: str | Sequence[str] | None = None,
    default: Any = NOTHING,
    validator: Callable[..., Any] | Sequence[Callable[..., Any]] | None = None,
    converter: Callable[[Any], Any] | None = None,
    static: bool = False,
    description: str = "",
    attrs: Mapping[str, Any] | None = None,
    encoding: Mapping[str, Any] | None = None,
    *,
    frozen: bool = False,
) -> Any:
    """Declare a variable in a process class.

    Parameters
    ----------
    dims : str, tuple of str, or list of these
        Dimension labels; ``()`` is a scalar. A list holds alternatives, told apart by their number of dimensions.
    intent : {"in", "out", "inout"}, default: "in"
        Whether the process needs the value, sets it, or updates it.
    global_name : str, optional
        Name, unique in a model, under which `global_ref` finds the variable.
    group : str, optional
        Deprecated, use `groups`.
    groups : str or sequence of str, optional
        Groups that the variable belongs to; see `xsim.group`.
    default : optional
        Value of the input where none is given; not used with ``intent="out"``.
    validator : callable or list of callables, optional
        ``validator(process, attribute, value)``, raises if the value is not valid. `attrs.validators` fit.
    converter : callable, optional
        Turns a value given as input into the one that the process sees.
    static : bool, default: False
        The input cannot vary in time.
    description : str, optional
    attrs : mapping, optional
        Metadata such as units; copied to the variables of setups and results.
    encoding : mapping, optional
        How the variable is stored, as in the argument of the same name of ``.xsim.run``.
    frozen : bool, default: False
        Promise that nobody changes a value in place once it is set: the variable gets another value, or keeps the one
        that it has. Processes that read a frozen list, mapping or other object may then run at the same time. With
        ``validate="all"``, frozen arrays are read-only for their own process too.

    Raises
    ------
    DeclarationError
        If the intent is not one of the three, or dims are not labels.
    """
    if callable(validator) or validator is None:
        check = validator
    else:
        check = all_of(list(validator))
    kind = _intent(intent)
    return Declaration(
        var_type=VarType.VARIABLE,
        intent=kind,
        dims=_dims(dims),
        global_name=global_name,
        groups=_groups(group, groups),
        default=NOTHING if kind is VarIntent.OUT else default,
        validator=check,
        converter=converter,
        static=static,
        description=description,
        attrs=attrs or {},
        encoding=encoding or {},
        frozen=frozen,
    )


def index(
    dims: str | Sequence[str | Sequence[str]],
    global_name: str | None = None,
    groups: str | Sequence[str] | None = None,
    description: str = "",
    attrs: Mapping[str, Any] | None = None,
    encoding: Mapping[str, Any] | None = None,
) -> Any:
    """Declare a variable that is a coordinate of the result, under its own bare name.

    The process sets it (``intent="out"``); it is saved with the value that it has at the end of the run.

    Parameters
    ----------
    dims : str, tuple of str, or list of these
    global_name, groups, description, attrs, encoding
        As in `xsim.variable`.
    """
    return Declaration(
        var_type=VarType.INDEX,
        intent=VarIntent.OUT,
        dims=_dims(dims),
        global_name=global_name,
        groups=_groups(None, groups),
        description=description,
        attrs=attrs or {},
        encoding=encoding or {},
    )


def on_demand(
    dims: str | Sequence[str | Sequence[str]] = (),
    group: str | None = None,
    groups: str | Sequence[str] | None = None,
    description: str = "",
    attrs: Mapping[str, Any] | None = None,
    encoding: Mapping[str, Any] | None = None,
) -> Any:
    """Declare a variable that is computed each time it is read, by the method decorated with ``@name.compute``.

    Parameters
    ----------
    dims, group, groups, description, attrs, encoding
        As in `xsim.variable`.
    """
    return Declaration(
        var_type=VarType.ON_DEMAND,
        intent=VarIntent.OUT,
        dims=_dims(dims),
        groups=_groups(group, groups),
        description=description,
        attrs=attrs or {},
        encoding=encoding or {},
    )


def any_object(
    global_name: str | None = None,
    groups: str | Sequence[str] | None = None,
    description: str = "",
    attrs: Mapping[str, Any] | None = None,
    *,
    frozen: bool = False,
) -> Any:
    """Declare a variable that holds any Python object: set by the process, shared with others, never saved.

    Parameters
    ----------
    global_name, groups, description, attrs
        As in `xsim.variable`.
    frozen : bool, default: False
        Promise that nobody changes the object once it is set, through its methods either. Without it, processes that
        use the object run one after the other, for it may be written into by those that only "read" it.
    """
    return Declaration(
        var_type=VarType.OBJECT,
        intent=VarIntent.OUT,
        global_name=global_name,
        groups=_groups(None, groups),
        description=description,
        attrs=attrs or {},
        frozen=frozen,
    )


def foreign(
    other_process_cls: type | str, var_name: str, intent: str = "in", *, lag: int = 0, initial: Any = NOTHING
) -> Any:
    """Declare a reference to a variable of another process class.

    Parameters
    ----------
    other_process_cls : type or str
        Process class that declares the variable. In a model, exactly one process must be of that class or of a
        subclass. A string is the name of a class, or of a process in the model.
    var_name : str
        Name of the variable there.
    intent : {"in", "out", "inout"}, default: "in"
        Whether this process reads, sets or updates it.
    lag : {0, 1}, default: 0
        With 1, the reference gives a copy of the value after the step before: after its ``finalize_step``. The
        processes need no order then, so that two of them may feed each other.
    initial : optional
        With ``lag=1``, the value until the first step is over. Without it, that value is an input of the model,
        under the name that the reference has in this process.

    Raises
    ------
    DeclarationError
        If the intent is not one of the three, or does not go with the lag, or the lag is neither 0 nor 1.
    """
    kind = _intent(intent)
    _check_lag(lag, initial, kind)
    return Declaration(
        var_type=VarType.FOREIGN,
        intent=kind,
        target_cls=other_process_cls,
        target_name=var_name,
        lag=lag,
        initial=initial,
    )


def global_ref(name: str, intent: str = "in", *, lag: int = 0, initial: Any = NOTHING) -> Any:
    """Declare a reference to the variable that has this global name in the model.

    Parameters
    ----------
    name : str
        The ``global_name`` of the variable.
    intent : {"in", "out", "inout"}, default: "in"
        Whether this process reads, sets or updates it.
    lag, initial
        As in `xsim.foreign`.

    Raises
    ------
    DeclarationError
        As in `xsim.foreign`.
    """
    kind = _intent(intent)
    _check_lag(lag, initial, kind)
    return Declaration(var_type=VarType.GLOBAL, intent=kind, global_name=name, lag=lag, initial=initial)


def group(name: str) -> Any:
    """Declare a variable that gathers the values of all variables of a group, as a tuple.

    Parameters
    ----------
    name : str
        Name of the group.

    Notes
    -----
    Values come in the order in which the processes run, then in that of their declaration; those computed on demand
    come last.
    """
    return Declaration(
        var_type=VarType.GROUP,
        group=name,
        description=f"Iterable of all variables that belong to group {name!r}",
    )


def group_dict(name: str) -> Any:
    """Declare a variable that gathers a group as a mapping of ``(process, variable)`` to value.

    Parameters
    ----------
    name : str
        Name of the group.
    """
    return Declaration(
        var_type=VarType.GROUP_DICT,
        group=name,
        description=f"Mapping of all variables that belong to group {name!r}",
    )
