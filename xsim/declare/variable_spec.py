"""The frozen record of a declared variable."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Any

from attrs import NOTHING, Factory, field, frozen

from xsim._base.dims import Dims


def _frozen_mapping(mapping: Mapping[str, Any]) -> Mapping[str, Any]:
    return MappingProxyType(dict(mapping))


class VarType(StrEnum):
    """The kind of a variable."""

    VARIABLE = "variable"
    INDEX = "index"
    ON_DEMAND = "on_demand"
    OBJECT = "object"
    FOREIGN = "foreign"
    GLOBAL = "global"
    GROUP = "group"
    GROUP_DICT = "group_dict"


class VarIntent(StrEnum):
    """Who sets a variable: another one (`IN`), the process itself (`OUT`), or both (`INOUT`)."""

    IN = "in"
    OUT = "out"
    INOUT = "inout"


OWN_TYPES = frozenset({VarType.VARIABLE, VarType.INDEX, VarType.ON_DEMAND, VarType.OBJECT})
"""Kinds whose value belongs to the declaring process; the other kinds refer to those."""

SPEC_SLOT = "__xsim_spec__"
"""Attribute of process classes that holds their record."""

DESCRIPTION = ("dims", "attrs", "description", "encoding")
"""Metadata that a reference shares with what it refers to."""

ARRAY_TYPES = frozenset({VarType.VARIABLE, VarType.INDEX, VarType.ON_DEMAND})
"""Kinds whose value can be saved."""


@frozen(kw_only=True, eq=False)
class VariableSpec:
    """All that is declared of one variable.

    Attributes
    ----------
    name : str
        Name in the process class.
    var_type : VarType
    intent : VarIntent
    dims : tuple of tuple of str
        Alternatives of dimension labels.
    target_cls, target_name : type or str, and str, optional
        What a foreign variable refers to: a class, or the name of a class or process, and a variable of it.
    global_name : str, optional
        Under which others find this variable; of a global reference, what it refers to.
    lag : int
        Of a reference: 1 if it gives the value of the step before, 0 if it gives the value as it is.
    initial : optional
        Value of a lagged reference before the first step.
    frozen : bool
        Whether nobody changes the value in place: it is replaced by another one, or stays.
    group : str, optional
        Which group a group variable gathers.
    compute : callable, optional
        Computes an on-demand variable from the process object.
    """

    name: str
    var_type: VarType
    intent: VarIntent = VarIntent.IN
    dims: tuple[Dims, ...] = ()
    groups: tuple[str, ...] = ()
    global_name: str | None = None
    default: Any
    validator: Callable[..., Any] | None = None
    converter: Callable[[Any], Any] | None = None
    static: bool = False
    description: str = ""
    attrs: Mapping[str, Any] = field(factory=dict, converter=_frozen_mapping)
    encoding: Mapping[str, Any] = field(factory=dict, converter=_frozen_mapping)
    target_cls: Any = None
    target_name: str | None = None
    lag: int = 0
    initial: Any = field(factory=lambda: NOTHING)  # a default of NOTHING would mean none
    frozen: bool = False
    group: str | None = None
    compute: Callable[[Any], Any] | None = None
    compute_cache: bool = False

    @property
    def metadata(self) -> Mapping[str, Any]:
        """The declaration as a mapping, keyed as in xarray-simlab; foreign variables are described by their target."""
        return MappingProxyType(self.facts())

    def facts(self) -> dict[str, Any]:
        """Give what `metadata` shows, as a dictionary of the caller's own."""
        end = _last_declared(self)
        facts: dict[str, Any] = {
            "var_type": self.var_type,
            "intent": self.intent,
            "dims": end.dims,
            "global_name": self.global_name,
            "groups": self.groups,
            "static": self.static,
            "attrs": dict(end.attrs),
            "description": end.description,
            "encoding": dict(end.encoding),
        }
        if self.var_type is VarType.FOREIGN:
            facts |= {"other_process_cls": self.target_cls, "var_name": self.target_name}
        if self.lag:
            facts |= {"lag": self.lag, "initial": self.initial}
        if self.frozen:
            facts["frozen"] = True
        if self.group is not None:
            facts["group"] = self.group
        if self.compute is not None:
            facts |= {"compute_method": self.compute, "compute_cache": self.compute_cache}
        return facts

    @property
    def can_be_input(self) -> bool:
        """Whether a value may come from outside the model."""
        if self.lag:
            return self.initial is NOTHING
        return self.var_type is VarType.VARIABLE and self.intent is not VarIntent.OUT

    def default_for(self, cls: type) -> Any:
        """Give the declared default of a process class, calling what has to be called; NOTHING if there is none."""
        default = self.default
        if isinstance(default, Factory):  # type: ignore[arg-type]
            return default.factory(object.__new__(cls)) if default.takes_self else default.factory()
        return default


def _last_declared(spec: VariableSpec) -> VariableSpec:
    """Follow a foreign variable through the classes that it names, as far as these tell."""
    while spec.var_type is VarType.FOREIGN:
        variables = getattr(getattr(spec.target_cls, SPEC_SLOT, None), "variables", {})
        if spec.target_name not in variables:
            break
        spec = variables[spec.target_name]
    return spec
