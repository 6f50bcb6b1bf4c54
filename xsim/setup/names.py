"""Ways to name variables in ``input_vars`` and ``output_vars``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from xsim._base.keys import Key, join_key, split_name
from xsim._base.render import names
from xsim._base.suggest import did_you_mean
from xsim.errors import InputError, OutputRequestError, XsimError
from xsim.model.graph import ModelGraph


def by_key(values: Mapping[Any, Any] | None, kind: str) -> dict[Key, Any]:
    """Bring ``{"p": {"v": x}}``, ``{("p", "v"): x}`` and ``{"p__v": x}`` to one form, keyed by ``("p", "v")``.

    Parameters
    ----------
    values : mapping, optional
    kind : {"input", "output"}
        For messages.

    Raises
    ------
    InputError, OutputRequestError
        If a name has none of these forms.
    """
    found: dict[Key, Any] = {}
    for name, value in (values or {}).items():
        if isinstance(name, tuple) and len(name) == 2 and all(isinstance(part, str) for part in name):
            found[name] = value
        elif isinstance(name, str) and (key := split_name(name)):
            found[key] = value
        elif isinstance(name, str) and isinstance(value, Mapping):
            found |= {(name, variable): item for variable, item in value.items()}
        else:
            error: type[XsimError] = InputError if kind == "input" else OutputRequestError
            raise error(
                f"{name!r} is not a valid {kind} variable key",
                expected="'process__variable': ..., ('process', 'variable'): ..., or 'process': {'variable': ...}",
            )
    return found


def unknown(graph: ModelGraph, keys: list[Key], known: list[str], problem: str, error: type[XsimError]) -> XsimError:
    """Make the error for keys that the model does not know, with the reason for each.

    Parameters
    ----------
    graph : ModelGraph
    keys : list of Key
        The culprits.
    known : list of str
        Dataset names that would have been right.
    problem : str
        The rule broken, following the names.
    error : type
    """
    lines = []
    for key in keys:
        process, variable = key
        spec = graph.specs.get(process)
        if spec is None:
            lines.append(f"{join_key(key)!r}: the model has no process {process!r}")
        elif variable not in spec.variables:
            lines.append(f"{join_key(key)!r}: process {process!r} ({spec.cls.__name__}) has no variable {variable!r}")
        else:
            lines.append(f"{join_key(key)!r}: {_why_no_input(graph, key)}")
    found = [close for key in keys for close in did_you_mean(join_key(key), known)]
    return error.listing(
        f"{', '.join(repr(join_key(key)) for key in keys)} is/are not valid key(s) for {problem}",
        lines,
        expected=f"one of {names(known)}" if known else None,
        suggestions=tuple(dict.fromkeys(found)),
        variables=tuple(keys),
    )


def _why_no_input(graph: ModelGraph, key: Key) -> str:
    spec = graph.variable(key)
    root = graph.linking.roots.get(key, key)
    if spec.group is not None:
        return f"it gathers the group {spec.group!r}"
    if root != key:
        return f"it refers to {join_key(root)!r}"
    setter = graph.linking.setters.get(key)
    return f"process {setter!r} sets it (intent='out')" if setter else f"it is a {spec.var_type.value}"
