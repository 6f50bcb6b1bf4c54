"""Ways to name variables in ``input_vars`` and ``output_vars``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from xsim._base.keys import Key, join_key, split_name
from xsim._base.render import names
from xsim._base.suggest import did_you_mean
from xsim.errors import InputError, InputTypeError, OutputRequestError, XsimError
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
    for name, value in check_mapping(f"{kind}_vars", values).items():
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


def check_mapping(argument: str, value: Mapping[Any, Any] | None) -> Mapping[Any, Any]:
    """Give a mapping, empty for None.

    Raises
    ------
    InputTypeError
        If it is something else.
    """
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise InputTypeError(
            f"{argument}= is a mapping", got=f"{type(value).__name__}: {value!r}"[:80], expected="e.g. {name: value}"
        )
    return value


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
    found = [close for key in keys for close in _close_names(key, known)]
    return error.listing(
        f"{', '.join(repr(join_key(key)) for key in keys)} is/are not valid key(s) for {problem}",
        lines,
        expected=f"one of {names(known)}" if known else None,
        suggestions=tuple(dict.fromkeys(found)),
        variables=tuple(keys),
    )


def _why_no_input(graph: ModelGraph, key: Key) -> str:
    spec = graph.variable(key)
    root = graph.linking.ends.get(key, key)
    if spec.group is not None:
        return f"it gathers the group {spec.group!r}"
    if spec.lag:
        return f"it gives the value of {join_key(graph.lagged[key])!r} of the step before, and has an initial value"
    if root != key:
        return f"it refers to {join_key(root)!r}"
    setter = graph.linking.setters.get(key)
    return f"process {setter!r} sets it (intent='out')" if setter else f"it is a {spec.var_type.value}"


def _close_names(key: Key, known: list[str]) -> list[str]:
    """Give known names like a key: alike in the variable where the process is right, else in the process."""
    process, variable = key
    pairs = [pair for name in known if (pair := split_name(name))]
    inside = {join_key(pair): pair[1] for pair in pairs if pair[0] == process}
    if inside:
        close = did_you_mean(variable, inside.values())
        return [name for wanted in close for name, found in inside.items() if found == wanted]
    processes = did_you_mean(process, dict.fromkeys(pair[0] for pair in pairs))
    same = [join_key((name, variable)) for name in processes if (name, variable) in pairs]
    return same or list(did_you_mean(join_key(key), known, cutoff=0.75))
