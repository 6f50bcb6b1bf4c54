"""The docstring section that lists the variables of a process class."""

from __future__ import annotations

import inspect
import textwrap
from collections.abc import Iterable

from attrs import NOTHING

from xsim._base.dims import show_dims
from xsim.declare.describe import described
from xsim.declare.variable_spec import VariableSpec

_WIDTH = 75


def attributes_section(doc: str | None, variables: Iterable[VariableSpec]) -> str | None:
    """Append an ``Attributes`` section (NumPy style) to a docstring, unless it has one.

    Parameters
    ----------
    doc : str, optional
        The docstring as written.
    variables : iterable of VariableSpec
    """
    text = inspect.cleandoc(doc or "")
    entries = [_entry(spec) for spec in variables]
    if not entries or "\nAttributes\n---" in text:
        return doc
    section = "Attributes\n----------\n" + "\n".join(entries)
    return f"{text}\n\n{section}\n" if text else section + "\n"


def _entry(spec: VariableSpec) -> str:
    full = described(spec)
    facts = [spec.var_type.value, f"intent {spec.intent.value!r}"]
    if full.dims:
        facts.append("dims " + " or ".join(show_dims(dims) for dims in full.dims))
    if spec.target_cls is not None:
        facts.append(f"of {getattr(spec.target_cls, '__name__', spec.target_cls)}.{spec.target_name}")
    if spec.lag:
        facts.append("of the step before")
    if spec.global_name is not None:
        facts.append(f"global name {spec.global_name!r}")
    if spec.groups:
        facts.append("groups " + ", ".join(map(repr, spec.groups)))
    if spec.default is not NOTHING:
        facts.append(f"default {spec.default!r}" if not hasattr(spec.default, "factory") else "default computed")
    facts.extend(f"{name} {value}" for name, value in full.attrs.items())
    if spec.static:
        facts.append("static")
    text = " ".join((full.description or "No description given.").split())
    # Most are short, and this runs for each variable of each class, at import.
    lines = textwrap.wrap(text, _WIDTH) if len(text) > _WIDTH else [text]
    return "\n    ".join([f"{spec.name} : {', '.join(facts)}", *lines])
