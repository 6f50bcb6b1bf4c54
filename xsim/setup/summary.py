"""A dataset as xsim sees it: clocks, inputs, output requests, and how members of a batch ended."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import xarray as xr

from xsim._base.keys import join_key, split_name
from xsim._base.render import Page, Row, Section, quantity
from xsim.setup.attributes import (
    KEPT_INPUT,
    NONE_MARK,
    OUTCOME,
    OUTCOME_ROLE,
    OUTPUT_ROLE,
    ROLE,
    SEED,
    SUMMARY,
)
from xsim.setup.clocks import Clocks, read_clocks
from xsim.setup.outputs import read_outputs


def setup_page(dataset: xr.Dataset) -> Page:
    """Describe a setup, or the result of a run; a large one in part.

    Parameters
    ----------
    dataset : xarray.Dataset
    """
    clocks = read_clocks(dataset)
    kind = "setup" if OUTCOME not in dataset.attrs else f"result ({dataset.attrs[OUTCOME]})"
    when = "no clock" if clocks.main is None else f"main clock {clocks.main!r}, {quantity(clocks.nsteps, 'step')}"
    sections = [
        Section("Clocks:", [_clock_row(dataset, clocks, name) for name in clocks.labels], "*empty*"),
        Section("Inputs:", list(_input_rows(dataset)), "*empty*"),
        Section("Outputs:", list(_output_rows(dataset)), "*empty*"),
        *_batch_sections(dataset),
    ]
    if SEED in dataset.attrs:
        sections.append(Section(f"Seed: {dataset.attrs[SEED]}"))
    return Page(f"<xsim {kind}: {when}>", sections).cut()


def _clock_row(dataset: xr.Dataset, clocks: Clocks, name: str) -> Row:
    labels = clocks.labels[name]
    ends = f"{labels[0]} to {labels[-1]}" if labels.size else ""
    role = "main clock" if name == clocks.main else ""
    return name, quantity(labels.size, "label"), ends, role, _units(dataset.variables[name])


def _input_rows(dataset: xr.Dataset) -> Iterator[Row]:
    for name, variable in dataset.variables.items():
        text = str(name)
        kept = text.endswith(KEPT_INPUT)
        if split_name(text) and (kept or ROLE not in variable.attrs):
            yield text.removesuffix(KEPT_INPUT), _dims(variable), _value(variable), _units(variable)


def _output_rows(dataset: xr.Dataset) -> Iterator[Row]:
    for key, clock in read_outputs(dataset).items():
        name = join_key(key)
        variable = dataset.variables.get(name)
        when = "at the end" if clock is None else f"on {clock!r}"
        if variable is not None and variable.attrs.get(ROLE) == OUTPUT_ROLE:
            yield name, when, _dims(variable), str(variable.dtype), _units(variable)
        else:
            yield name, when


def _batch_sections(dataset: xr.Dataset) -> Iterator[Section]:
    outcome = dataset.variables.get(OUTCOME)
    if outcome is None or outcome.attrs.get(ROLE) != OUTCOME_ROLE:
        return
    if outcome.ndim == 0:
        yield Section(f"Member: {outcome.values[()]}")
        return
    outcomes, counts = np.unique(outcome.values.astype(str), return_counts=True)
    grid = " x ".join(f"{dim} {size}" for dim, size in outcome.sizes.items())
    told = ", ".join(f"{count} {name}" for name, count in zip(outcomes, counts, strict=True))
    summary = str(dataset.attrs.get(SUMMARY, "")).splitlines()[1:]  # the first line counts, as this one does
    yield Section(f"Members: {outcome.size} ({grid}): {told}", [(line,) for line in summary])


def _dims(variable: xr.Variable) -> str:
    return "" if not variable.dims else str(tuple(variable.dims))


def _value(variable: xr.Variable) -> str:
    """Print a single value, or the type of an array; nothing is loaded for it."""
    if variable.attrs.get(NONE_MARK):
        return "None"
    if variable.ndim == 0 and isinstance(variable.data, np.ndarray):
        text = str(variable.values[()])
        return text if len(text) <= 40 else text[:40] + " ..."
    return str(variable.dtype)


def _units(variable: xr.Variable) -> str:
    return str(variable.attrs.get("units", ""))
