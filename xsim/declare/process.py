"""The ``@process`` decorator and the frozen record of a process class."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, TypeVar, dataclass_transform, overload

import attr
import attrs
from attrs import NOTHING

from xsim._base.stages import Stage
from xsim.declare.access import Shadow, accessor_for, missing_attribute
from xsim.declare.autodoc import attributes_section
from xsim.declare.declaration import Declaration
from xsim.declare.describe import process_page, summary_line
from xsim.declare.runtime import StageMethod, stage_methods
from xsim.declare.variable import (
    any_object,
    foreign,
    global_ref,
    group,
    group_dict,
    index,
    on_demand,
    variable,
)
from xsim.declare.variable_spec import SPEC_SLOT, VariableSpec, VarIntent, VarType
from xsim.errors import DeclarationError, MissingComputeError, NotAProcessClassError

Cls = TypeVar("Cls", bound=type)

_STAGES = frozenset(stage.value for stage in Stage)


@attrs.frozen(eq=False)
class ProcessSpec:
    """All that is declared in a process class.

    Attributes
    ----------
    cls : type
    variables : mapping of str to VariableSpec
        In the order of declaration, those of base classes first.
    stages : mapping of Stage to StageMethod
    own : tuple of str
        Names of the variables that the class sets up itself; the others are those of its decorated bases.
    parallel : bool
        Whether it may run at the same time as other processes.
    """

    cls: type
    variables: Mapping[str, VariableSpec]
    stages: Mapping[Stage, StageMethod]
    own: tuple[str, ...] = ()
    parallel: bool = True


def process_spec(cls: Any) -> ProcessSpec:
    """Give the record of a process class.

    Raises
    ------
    NotAProcessClassError
        If it is no class, or not decorated itself.
    """
    if isinstance(cls, type):
        spec = cls.__dict__.get(SPEC_SLOT)
        if spec is not None:
            return spec  # type: ignore[no-any-return]
        if hasattr(cls, SPEC_SLOT):
            raise NotAProcessClassError(
                f"{cls!r} inherits from a process-decorated class but is not itself process-decorated",
                remedy=f"decorate class {cls.__qualname__} with @xs.process too",
            )
        raise NotAProcessClassError(
            f"{cls!r} is not a process-decorated class",
            remedy=f"decorate class {cls.__qualname__} with @xs.process",
        )
    raise NotAProcessClassError(
        f"{cls!r} is not a process-decorated class",
        expected="the class itself, not an object",
        remedy="give classes to a model; it makes the objects",
    )


@overload
def process(maybe_cls: Cls, autodoc: bool = True, apply_attrs: bool = True, *, parallel: bool = True) -> Cls: ...
@overload
def process(
    maybe_cls: None = None, autodoc: bool = True, apply_attrs: bool = True, *, parallel: bool = True
) -> Callable[[Cls], Cls]: ...
@dataclass_transform(
    kw_only_default=True,
    eq_default=False,
    field_specifiers=(variable, index, on_demand, any_object, foreign, global_ref, group, group_dict),
)
def process(maybe_cls: Any = None, autodoc: bool = True, apply_attrs: bool = True, *, parallel: bool = True) -> Any:
    """Decorate a class, in place, so that it can be used as a process in models.

    Parameters
    ----------
    maybe_cls : type, optional
        The class, where the decorator is used without brackets.
    autodoc : bool, default: True
        Append a section on the variables to the docstring of the class.
    apply_attrs : bool, default: True
        Make a constructor from the variables, so that objects can be made by hand, e.g. in unit tests:
        ``Advection(v=1.0)``. A constructor written in the class is kept. Models never call it.

    parallel : bool, default: True
        Whether objects of the class may run at the same time as other processes of the model. False for those that
        share something that xsim cannot see: module globals, numpy's global random state, a Fortran common block.

    Raises
    ------
    DeclarationError
        If the class is not well-formed.

    Notes
    -----
    Nothing but ``__xsim_...__`` attributes is added, so any other name is free for undeclared attributes.
    """

    def decorate(cls: type) -> type:
        return _decorate(cls, autodoc, apply_attrs, parallel)

    return decorate if maybe_cls is None else decorate(maybe_cls)


def _decorate(cls: type, autodoc: bool, apply_attrs: bool, parallel: bool) -> type:
    inherited, own = _collect(cls)
    variables = inherited | own
    for name, spec in own.items():
        _check(cls, spec)
        if isinstance(cls.__dict__.get(name), Declaration):
            delattr(cls, name)
        accessor = accessor_for(spec)
        if accessor is not None:
            accessor.__doc__ = summary_line(spec)  # what help() prints
            setattr(cls, name, accessor)
        elif hasattr(cls, name):  # a property of a base class, which would win over instance attributes
            setattr(cls, name, Shadow(name))
    if apply_attrs:
        fields = {name: _field(spec) for name, spec in own.items()}
        by_position = any(not a.kw_only for base in cls.__mro__ for a in vars(base).get("__attrs_attrs__", ()))
        # Only where a base is no process: it makes a copy of each field.
        attr.s(these=fields, kw_only=by_position, slots=False, eq=False, repr=False, auto_detect=True)(cls)
    if not any("__getattr__" in base.__dict__ for base in cls.__mro__):
        cls.__getattr__ = missing_attribute  # type: ignore[attr-defined]
    if not any("__repr__" in base.__dict__ for base in cls.__mro__[:-1]):
        cls.__repr__ = _repr  # type: ignore[assignment]
    stages = MappingProxyType(stage_methods(cls))
    setattr(cls, SPEC_SLOT, ProcessSpec(cls, MappingProxyType(variables), stages, tuple(own), parallel))
    if autodoc:
        cls.__doc__ = attributes_section(cls.__doc__, variables.values())
    return cls


def _collect(cls: type) -> tuple[dict[str, VariableSpec], dict[str, VariableSpec]]:
    """Split the variables of a class in those of decorated bases and those that this class has to set up.

    Declarations in undecorated bases (mixins) belong to the latter. As for any attribute, the class that comes first
    in the method resolution order decides.
    """
    inherited: dict[str, VariableSpec] = {}
    own: dict[str, VariableSpec] = {}
    for base in reversed(cls.__mro__):
        spec = base.__dict__.get(SPEC_SLOT)
        if spec is not None and base is not cls:
            for name in spec.own:
                own.pop(name, None)
                inherited[name] = spec.variables[name]
            continue
        for name, value in vars(base).items():
            if isinstance(value, Declaration):
                own[name] = value.spec(name)
    return inherited, own


def _check(cls: type, spec: VariableSpec) -> None:
    if spec.var_type is VarType.ON_DEMAND and spec.compute is None:
        raise MissingComputeError(
            f"No compute method found for on_demand variable {spec.name!r} of class {cls.__qualname__}",
            remedy=f"A method decorated with '@{spec.name}.compute' is required in the class definition",
            variable=spec.name,
        )
    if spec.name in _STAGES:
        raise DeclarationError(
            f"variable {spec.name!r} of class {cls.__qualname__} has the name of a stage method",
            remedy="give the variable another name",
        )
    if spec.name.startswith("__xsim"):
        raise DeclarationError(
            f"variable {spec.name!r} of class {cls.__qualname__} uses a reserved name",
            remedy="names that start with '__xsim' belong to xsim",
        )


def _field(spec: VariableSpec) -> Any:
    if spec.group is not None:
        default: Any = () if spec.var_type is VarType.GROUP else attr.Factory(dict)
        return attr.ib(default=default, init=True, kw_only=True, metadata=spec.facts())
    given_by_hand = spec.can_be_input or (
        spec.var_type in (VarType.FOREIGN, VarType.GLOBAL) and spec.intent is not VarIntent.OUT
    )
    return attr.ib(
        default=(spec.initial if spec.lag else spec.default) if given_by_hand else NOTHING,
        validator=spec.validator if given_by_hand else None,
        converter=spec.converter if given_by_hand else None,
        init=given_by_hand,
        kw_only=True,
        metadata=spec.facts(),
    )


def _repr(self: Any) -> str:
    spec = type(self).__xsim_spec__
    return process_page(type(self).__name__, spec.variables, spec.stages, self).text()
