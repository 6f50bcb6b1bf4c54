"""Output requests of a setup: which variables are saved on which clock."""

from __future__ import annotations

import warnings
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

import xarray as xr

from xsim._base.keys import Key, join_key, split_name
from xsim._base.render import names
from xsim._base.suggest import did_you_mean
from xsim.errors import OutputRequestError, UnknownClockError, UnknownOutputError
from xsim.model.graph import ModelGraph, variable_names
from xsim.setup.attributes import OUTPUT_VARS
from xsim.setup.clocks import read_clocks
from xsim.setup.names import by_key, check_mapping, unknown


def read_outputs(dataset: xr.Dataset) -> dict[Key, str | None]:
    """Give the clock of each requested output; None for a single value at the end of the run."""
    requests: dict[Key, str | None] = {}
    for clock in (*read_clocks(dataset).labels, None):
        attributes = dataset.attrs if clock is None else dataset[clock].attrs
        for name in str(attributes.get(OUTPUT_VARS, "")).split(","):
            if key := split_name(name.strip()):
                requests[key] = clock
    return requests


def set_outputs(dataset: xr.Dataset, graph: ModelGraph, output_vars: Mapping[Any, Any] | None) -> xr.Dataset:
    """Request outputs, or move them to another clock; the other requests stay.

    Raises
    ------
    UnknownOutputError, OutputRequestError
        If a variable does not exist, or is of a kind that cannot be saved.
    UnknownClockError
        If a clock does not exist.
    """
    clocks = list(read_clocks(dataset).labels)
    given = _by_variable(output_vars, [clock for clock in clocks if clock not in graph.specs])
    check_outputs(graph, list(given))
    for key, clock in given.items():
        if clock is not None and clock not in clocks:
            raise UnknownClockError(
                f"{clock!r} coordinate is not a valid clock coordinate",
                got=f"output {join_key(key)!r} on clock {clock!r}",
                expected=f"one of the clocks {names(clocks)}, or None (one value, at the end)",
                suggestions=did_you_mean(clock, clocks),
                clock=clock,
            )
    return write_outputs(dataset, read_outputs(dataset) | given)


def _by_variable(output_vars: Mapping[Any, Any] | None, clocks: Collection[str]) -> dict[Key, str | None]:
    """Give the clock of each variable, also where variables are listed by clock: once, this was the only form."""
    requests = check_mapping("output_vars", output_vars)
    listed = {name: wanted for name, wanted in requests.items() if name is None or name in clocks}
    if not listed:
        return by_key(requests, "output")
    warnings.warn(
        "clocks or None as keys of output_vars= are deprecated; give names of variables as keys and clocks as values, "
        f"e.g. {{'process__variable': {next(iter(listed))!r}}}",
        FutureWarning,
        stacklevel=4,
    )
    given = by_key({name: clock for name, clock in requests.items() if name not in listed}, "output")
    for clock, wanted in listed.items():
        for each in wanted if isinstance(wanted, list) else [wanted]:
            given |= dict.fromkeys(_named(each), clock)
    return given


def _named(wanted: Any) -> Iterator[Key]:
    if isinstance(wanted, Mapping):
        for process, variables in wanted.items():
            for variable in [variables] if isinstance(variables, str) else variables:
                yield process, variable
    else:
        several = isinstance(wanted, Iterable) and not isinstance(wanted, str)
        yield from by_key({tuple(map(str, wanted)) if several else wanted: None}, "output")


def write_outputs(dataset: xr.Dataset, requests: Mapping[Key, str | None]) -> xr.Dataset:
    """Replace all output requests of a dataset."""
    dataset = dataset.copy()
    for clock in (*read_clocks(dataset).labels, None):
        attributes = dataset.attrs if clock is None else dataset[clock].attrs
        attributes.pop(OUTPUT_VARS, None)
        if chosen := [join_key(key) for key, where in requests.items() if where == clock]:
            attributes[OUTPUT_VARS] = ",".join(chosen)
    return dataset


def check_outputs(graph: ModelGraph, keys: list[Key]) -> None:
    """Check that variables exist and are of a kind that can be saved.

    Raises
    ------
    UnknownOutputError, OutputRequestError
    """
    savable = variable_names(graph.savable)
    known, can_be_saved = set(graph.keys), set(graph.savable)
    if wrong := [key for key in keys if key not in known]:
        raise unknown(graph, wrong, savable, "variables in model", UnknownOutputError)
    if unsavable := [key for key in keys if key not in can_be_saved]:
        kinds = [f"{join_key(key)!r} is of kind {graph.resolved(key).var_type.value!r}" for key in unsavable]
        raise OutputRequestError.listing(
            f"Object or group variables can't be set as model outputs: {', '.join(map(join_key, unsavable))}",
            kinds,
            expected=f"one of {names(savable)}",
            remedy="save what you need of it through an on-demand variable (xs.on_demand)",
            variables=tuple(unsavable),
        )
