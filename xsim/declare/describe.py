"""What there is to say of variables and processes: cells for tables, and sentences for docstrings."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping
from typing import Any

from attrs import NOTHING, Factory, evolve

from xsim._base.dims import show_alternatives, show_dims
from xsim._base.render import Page, Row, Section, names
from xsim._base.stages import Stage
from xsim.declare.access import link_slot, process_name
from xsim.declare.runtime import StageMethod
from xsim.declare.variable_spec import VariableSpec, VarIntent, VarType

_SPEC = "__xsim_spec__"

_ARROWS = {VarIntent.IN: "<---", VarIntent.OUT: "--->", VarIntent.INOUT: "<-->"}


def described(spec: VariableSpec, process: Any = None) -> VariableSpec:
    """Give a reference the description, dims, attributes and encoding of the variable that it refers to.

    Parameters
    ----------
    spec : VariableSpec
    process : object, optional
        A process object; in a model it knows what its global references refer to.
    """
    target, description = spec, spec.description
    while target.var_type is VarType.FOREIGN or target.var_type is VarType.GLOBAL:
        process, owner_cls, name = _leads_to(target, process)
        record = vars(owner_cls).get(_SPEC) if isinstance(owner_cls, type) else None
        if record is None or name not in record.variables:
            break
        target = record.variables[name]
        description = description or target.description
    if target is spec:
        return spec
    return evolve(spec, description=description, dims=target.dims, attrs=target.attrs, encoding=target.encoding)


def _leads_to(spec: VariableSpec, process: Any) -> tuple[Any, Any, str | None]:
    """Give the object that a reference leads to, its class, and the name there; outside a model what is declared."""
    link = None if process is None or spec.group is not None else vars(process).get(link_slot(spec.name))
    owner, name = link if isinstance(link, tuple) else (link, spec.target_name)
    if owner is None or not process_name(owner):
        return None, spec.target_cls, spec.target_name
    return owner, type(owner), name


def process_page(
    cls_name: str, variables: Mapping[str, VariableSpec], stages: Mapping[Stage, StageMethod], process: Any = None
) -> Page:
    """Describe a process.

    Parameters
    ----------
    cls_name : str
    variables, stages : mapping
        As in its record.
    process : object, optional
        A process object; in a model it knows what its variables refer to.
    """
    methods = [
        (stage.value, f"takes {', '.join(method.args)}") if method.args else (stage.value,)
        for stage, method in stages.items()
    ]
    name = "" if process is None else process_name(process)
    return Page(
        f"<{cls_name}{f' {name!r}' if name else ''} (xsim process)>",
        (
            Section("Variables:", [_row(spec, process) for spec in variables.values()], "*empty*"),
            Section("Simulation stages:", methods, "*no stage implemented*"),
        ),
    )


def _row(spec: VariableSpec, process: Any) -> Row:
    full = described(spec, process)
    where = _reference(spec, process) or show_alternatives(spec.dims)
    text = full.description if spec.group is None else ""
    return spec.name, f"[{spec.intent.value}]", where, textwrap.shorten(text, 60, placeholder=" ...")


def _reference(spec: VariableSpec, process: Any = None) -> str:
    """Say what a variable refers to, with an arrow; nothing for one that holds its own value."""
    target = f"group {spec.group!r}" if spec.group is not None else _target(spec, process)
    when = ", step before" if spec.lag else ""
    return f"{_ARROWS[spec.intent]} {target}{when}" if target else ""


def _target(spec: VariableSpec, process: Any) -> str:
    owner, owner_cls, name = _leads_to(spec, process)
    if owner is not None:
        return f"{process_name(owner)}.{name}"
    if spec.var_type is VarType.FOREIGN:
        return f"{getattr(owner_cls, '__name__', owner_cls)}.{name}"
    return f"global {spec.global_name!r}" if spec.var_type is VarType.GLOBAL else ""


def variable_page(owner: str, spec: VariableSpec, process: Any = None) -> Page:
    """Describe a variable.

    Parameters
    ----------
    owner : str
        What the process is called.
    spec : VariableSpec
    process : object, optional
        A process object.
    """
    full = described(spec, process)
    sections = [
        Section(textwrap.fill(full.description or "No description given.", 79)),
        Section("Variable properties:", list(_properties(full, process))),
    ]
    if full.attrs:
        sections.append(Section("Other attributes:", [(str(k), str(v)) for k, v in full.attrs.items()]))
    if full.encoding:
        sections.append(Section("Encoding options:", [(str(k), repr(v)) for k, v in full.encoding.items()]))
    return Page(f"<{owner}.{spec.name} (xsim variable)>", sections)


def _properties(spec: VariableSpec, process: Any) -> Iterator[Row]:
    yield "type", spec.var_type.value
    yield "intent", spec.intent.value
    if target := _target(spec, process):
        yield "refers to", target
    if spec.lag:
        yield "lag", f"{spec.lag}: it is the value of the step before"
    if spec.initial is not NOTHING:
        yield "initial", repr(spec.initial)
    if spec.group is not None:
        yield "gathers group", repr(spec.group)
    if spec.dims:
        yield "dims", " or ".join(show_dims(dims) for dims in spec.dims)
    if spec.global_name is not None and spec.var_type is not VarType.GLOBAL:
        yield "global name", repr(spec.global_name)
    if spec.groups:
        yield "groups", names(spec.groups, limit=len(spec.groups))
    if spec.default is not NOTHING:
        yield "default", "computed" if isinstance(spec.default, Factory) else repr(spec.default)  # type: ignore[arg-type]
    if spec.frozen:
        yield "frozen", "yes: nobody changes it in place"
    if spec.static:
        yield "static", "yes: it cannot vary in time"
    if spec.validator is not None:
        yield "validator", _callable_name(spec.validator)
    if spec.converter is not None:
        yield "converter", _callable_name(spec.converter)
    if spec.compute is not None:
        yield "computed by", _callable_name(spec.compute) + (", once a stage" if spec.compute_cache else "")


def _callable_name(function: Any) -> str:
    return str(getattr(function, "__name__", None) or repr(function))


def summary_line(spec: VariableSpec) -> str:
    """Say in one line what kind of variable it is, for the docstring of its property."""
    text, target = " ".join(described(spec).description.split()), _target(spec, None)
    kind = f"{spec.var_type.value}, intent {spec.intent.value!r}{f', of {target}' if target else ''}"
    kind += ", of the step before" if spec.lag else ""
    return f"{text} ({kind})" if text else kind
