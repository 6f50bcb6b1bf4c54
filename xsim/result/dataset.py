"""From the contents of a sink to the returned dataset (DESIGN §S5)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import xarray as xr

from xsim.plan.decoding import OF_VALUES
from xsim.plan.run_plan import RunPlan
from xsim.plan.storable import kept_inputs
from xsim.setup.attributes import ROLE
from xsim.setup.clocks import read_clocks
from xsim.sink.codecs import quiet
from xsim.sink.journal import all_fields
from xsim.sink.memory import SavedArray
from xsim.sink.zarr_sink import ZarrStore

# Numbers with units such as "days" are numbers; only what was saved as a time difference is one.
TIMEDELTAS = xr.coders.CFTimedeltaCoder(decode_via_units=False)


def result_from_memory(plan: RunPlan, arrays: Mapping[str, SavedArray], facts: Mapping[str, Any]) -> xr.Dataset:
    """Join the setup of a run and the arrays in memory."""
    outputs = xr.Dataset({name: _as_variable(array) for name, array in arrays.items()})
    decoded = xr.decode_cf(outputs, **decoding_in_memory(plan.options.decoding)).load()
    chunks = plan.options.decoding.get("chunks")
    if chunks is not None:
        # Objects, such as text, have no size that chunks could be chosen by.
        chunked = decoded.drop_vars([name for name, v in decoded.variables.items() if v.dtype.kind == "O"])
        decoded = decoded.assign(chunked.chunk(chunks).variables)
    return _join(plan, facts, decoded)


def decoding_in_memory(decoding: Mapping[str, Any]) -> dict[str, Any]:
    """Give the arguments of `xarray.decode_cf` that do what those of `xarray.open_zarr` do."""
    if not decoding.get("decode_cf", True):
        off = ("mask_and_scale", "decode_times", "decode_timedelta", "concat_characters", "decode_coords")
        return dict.fromkeys(off, False) | {k: v for k, v in decoding.items() if k == "drop_variables"}
    chosen = {key: value for key, value in decoding.items() if key in OF_VALUES}
    return {"concat_characters": False, "decode_timedelta": TIMEDELTAS, **chosen}


def result_from_store(plan: RunPlan, store: ZarrStore, facts: Mapping[str, Any]) -> xr.Dataset:
    """Join the setup of a run and the arrays in a store, which stay there until needed; scalars are loaded."""
    decoding: dict[str, Any] = {
        "consolidated": store.consolidates,
        "concat_characters": False,
        "decode_timedelta": TIMEDELTAS,
        **plan.options.decoding,
    }
    with quiet():
        stored = xr.open_zarr(store.group.store_path, **decoding)
    wanted = [output.name for output in plan.outputs] + [name for name, _, _ in all_fields(True).values()]
    outputs = stored[[name for name in wanted if name in stored.variables]]
    outputs = outputs.drop_vars([name for name in outputs.coords if name in plan.setup.variables])
    outputs = plain_text(outputs)
    scalars = {name: variable.load() for name, variable in outputs.variables.items() if variable.ndim == 0}
    return _join(plan, facts, outputs.assign(scalars))


def plain_text(dataset: xr.Dataset) -> xr.Dataset:
    """Give text as objects, as it is everywhere else in xarray; Zarr gives numpy's StringDType."""
    dataset = dataset.assign({n: v.astype(object) for n, v in dataset.data_vars.items() if v.dtype.kind == "T"})
    return dataset.assign_coords({n: v.astype(object) for n, v in dataset.coords.items() if v.dtype.kind == "T"})


def _as_variable(array: SavedArray) -> xr.Variable:
    return xr.Variable(array.dims, array.values, array.attrs)


def _join(plan: RunPlan, facts: Mapping[str, Any], outputs: xr.Dataset) -> xr.Dataset:
    setup = _decode_clocks(plan.setup)
    if kept := kept_inputs(plan):
        setup = setup.rename_vars(kept)
    indexes = {output.name for output in plan.outputs if output.is_index}
    # Variables, not DataArrays: nothing is aligned, and nothing lazy is loaded.
    coords = {name: variable for name, variable in outputs.variables.items() if name in indexes}
    data = {name: variable for name, variable in outputs.variables.items() if name not in indexes}
    if coords:
        setup = setup.assign_coords(coords)
    # Without what has the names of outputs nothing is compared either, and it takes half the time of assigning.
    result = setup.drop_vars([name for name in data if name in setup.variables]).merge(data, join="exact")
    result.attrs = {**result.attrs, **facts, **plan.facts}
    return result


def _decode_clocks(setup: xr.Dataset) -> xr.Dataset:
    """Turn clocks given as numbers with units into dates."""
    clocks = [name for name in read_clocks(setup).labels if "units" in setup[name].attrs]
    if not clocks:
        return setup
    decoded = xr.decode_cf(
        xr.Dataset(coords={name: setup[name].variable for name in clocks}), decode_timedelta=TIMEDELTAS
    )
    return setup.assign_coords({name: decoded[name].variable for name in clocks})


def replaced_labels(plan: RunPlan, setup: xr.Dataset, result: xr.Dataset) -> Iterator[str]:
    """Say where labels that came with the values of inputs are others than those that the model has set."""
    for output in plan.outputs:
        name = output.name
        if not output.is_index or name not in setup.coords or name not in result.coords:
            continue
        given, labels = setup.variables[name], result.variables[name]
        same = given.dims != labels.dims or given.equals(labels)  # type: ignore[no-untyped-call]
        if ROLE not in given.attrs and not same:
            yield (
                f"labels of dimension {name!r} in the setup are not those that process {output.key[0]!r} has set: "
                f"{_first_of(given)} there, {_first_of(labels)} here; values of inputs are taken by position; if the "
                f"labels matter, select the values first: .sel({name}=...) or .interp({name}=...)"
            )


def _first_of(labels: xr.Variable) -> str:
    return ", ".join(map(str, labels[:3].values)) + (", ..." if labels.size > 3 else "")
