"""Output requests of a setup: which variables are saved on which clock."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import xarray as xr

from xsim._base.keys import Key, join_key, split_name
from xsim._base.render import names
from xsim._base.suggest import did_you_mean
from xsim.errors import OutputRequestError, UnknownClockError, UnknownOutputError
from xsim.model.graph import ModelGraph, variable_names
from xsim.setup.attributes import OUTPUT_VARS
from xsim.setup.clocks import read_clocks
from xsim.setup.names import by_key, unknown


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
    given = by_key(output_vars, "output")
    check_outputs(graph, list(given))
    clocks = list(read_clocks(dataset).labels)
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
