"""A dataset as the source of a run: a setup as it was made, or the result of another run (DESIGN §S5)."""

from __future__ import annotations

import xarray as xr

from xsim._base.dims import Dims, on_clock
from xsim._base.keys import Key, join_key
from xsim.errors import InputError
from xsim.model.graph import ModelGraph
from xsim.setup.attributes import (
    ENDING,
    KEPT_INPUT,
    OUTCOME,
    OUTCOME_ROLE,
    OUTPUT_DIMS,
    OUTPUT_ROLE,
    PROGRAMS,
    PROVENANCE,
    ROLE,
    SEED,
    STATUS,
    SUMMARY,
    VERSION,
    WORKERS,
)
from xsim.setup.clocks import as_numbers, read_clocks
from xsim.setup.outputs import read_outputs


def as_source(dataset: xr.Dataset, graph: ModelGraph) -> xr.Dataset:
    """Give the plain setup in a dataset: without outputs and index coordinates of an earlier run.

    Raises
    ------
    InputError
        If an output stands where an input is needed, and lost nothing but a clock: it is not clear then which of both
        values is meant.
    """
    _check_marks(dataset, graph)
    outputs = [str(n) for n, v in dataset.variables.items() if v.attrs.get(ROLE) in (OUTPUT_ROLE, OUTCOME_ROLE)]
    kept = {str(name): str(name).removesuffix(KEPT_INPUT) for name in dataset.variables if _is_kept(name)}
    # A value that someone has put where an output was takes the place of the input that was kept.
    replaced = [old for old, name in kept.items() if name in dataset.variables and name not in outputs]
    indexes = [
        key[1] for key in graph.indexes if key[1] in dataset.variables and ROLE not in dataset.variables[key[1]].attrs
    ]
    source = dataset.drop_vars([*outputs, *indexes, *replaced])
    if renamed := {old: name for old, name in kept.items() if old not in replaced}:
        source = source.rename_vars(renamed)
    facts = (OUTCOME, PROGRAMS, PROVENANCE, SEED, STATUS, SUMMARY, VERSION, WORKERS, *ENDING.values())
    source.attrs = {name: value for name, value in source.attrs.items() if name not in facts}
    return as_numbers(source)


def _is_kept(name: object) -> bool:
    return isinstance(name, str) and name.endswith(KEPT_INPUT)


def _check_marks(dataset: xr.Dataset, graph: ModelGraph) -> None:
    variables = dataset.variables
    names = {key: name for key in graph.inputs if (name := join_key(key)) in variables}
    marked = {key: variables[name] for key, name in names.items() if variables[name].attrs.get(ROLE) == OUTPUT_ROLE}
    if not marked:
        return
    requests, clocks = read_outputs(dataset), read_clocks(dataset)
    known = {*clocks.labels, *(str(n) for n, c in dataset.coords.items() if ROLE in c.attrs)}
    for key, variable in marked.items():
        saved = [dim for dim in str(variable.attrs.get(OUTPUT_DIMS, "")).split(",") if dim]
        lost = [dim for dim in saved if dim not in variable.dims]
        if not lost or (key in requests and requests[key] not in lost):
            continue  # the clock is there, or never was: a member of a batch has been selected
        own = on_clock(graph.input_spec(key).dims, clocks.main)
        if set(lost) <= known or (len(lost) == 1 and tuple(d for d in saved if d not in lost) in own):
            raise _unclear(key, tuple(map(str, variable.dims)), tuple(saved), lost[0])


def _unclear(key: Key, dims: Dims, saved: Dims, lost: str) -> InputError:
    name = join_key(key)
    return InputError(
        f"{name!r} is both an input and an output, and lost the clock {lost!r} by a selection: it is not clear "
        f"which value is meant",
        got=f"an output with dims {dims!r}, saved with {saved!r}",
        expected="the input's own value, or one given for it on purpose",
        remedy=f"to go on from this value: ds.xsim.update_vars(model, input_vars={{{name!r}: ds[{name!r}]}}); "
        f"to start as before: ds.xsim.update_vars(model, input_vars={{{name!r}: ds[{name + KEPT_INPUT!r}]}})",
        variable=key,
    )
