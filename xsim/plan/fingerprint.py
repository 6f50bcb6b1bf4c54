"""What a run is made of, in a form that can be stored and compared when it is resumed (DESIGN §B7)."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from math import ceil, prod
from typing import Any

import numpy as np
import xarray as xr

from xsim.declare.process import ProcessSpec
from xsim.plan.chunks import CHUNK_BYTES
from xsim.plan.code import digest, origin_of
from xsim.plan.run_plan import RunPlan

Fingerprint = dict[str, Any]
"""Nested mappings of text and numbers."""


def fingerprint(plan: RunPlan, shape: tuple[int, ...] | None = None) -> Fingerprint:
    """Take the fingerprint of a run.

    Parameters
    ----------
    plan : RunPlan
    shape : tuple of int, optional
        Of the batch, if only the first members in each dimension count: others have been appended.
    """
    batch = dict(zip(plan.batch.dims, plan.batch.shape if shape is None else shape, strict=True))
    return {
        "batch": batch,
        "order": list(plan.graph.order),
        "processes": {name: _of_process(plan.graph.specs[name], cls) for name, cls in plan.graph.classes.items()},
        "setup": {str(name): _of_values(variable, batch) for name, variable in plan.setup.variables.items()},
        "outputs": {
            output.name: {
                "clock": output.clock,
                "encoding": {key: of_option(key, value) for key, value in sorted(output.encoding.items())},
            }
            for output in plan.outputs
        },
        "seed": None if plan.seed is None else str(plan.seed),
    }


def differences(before: Mapping[str, Any], now: Mapping[str, Any]) -> tuple[list[str], list[str]]:
    """Say how two fingerprints differ.

    Returns
    -------
    code, data : list of str
        What differs in process classes, and in all else.
    """
    code = [
        f"process {name!r}: {what}"
        for name, old, new in _pairs(before, now, "processes")
        for what in _code_differences(old, new)
    ]
    if before["order"] != now["order"] and set(before["order"]) == set(now["order"]):
        code.append("processes run in another order")
    data = [
        f"{_kind(name, old, new)} {name!r}: {_presence(old, new) or _first_difference(old, new)}"
        for name, old, new in _pairs(before, now, "setup")
        if old != new
    ]
    data += [
        f"output {name!r}: {_presence(old, new) or _first_difference(old, new)}"
        for name, old, new in _pairs(before, now, "outputs")
        if old != new
    ]
    if before["seed"] != now["seed"]:
        data.append(f"seed: {before['seed']} is now {now['seed']}")
    return code, data


def _pairs(before: Mapping[str, Any], now: Mapping[str, Any], part: str) -> Iterator[tuple[str, Any, Any]]:
    for name in dict.fromkeys([*before[part], *now[part]]):
        yield name, before[part].get(name), now[part].get(name)


def _presence(old: Any, new: Any) -> str:
    return "new" if old is None else "gone" if new is None else ""


def _first_difference(old: Mapping[str, Any], new: Mapping[str, Any]) -> str:
    key = next(key for key in old if old[key] != new.get(key))
    if key == "values":
        return "other values"
    shown = [value if key in ("type", "shape") else repr(value) for value in (old[key], new.get(key))]
    return f"{key} {shown[0]} is now {shown[1]}"


def _kind(name: str, old: Mapping[str, Any] | None, new: Mapping[str, Any] | None) -> str:
    dims = (old or new or {}).get("dims", [])
    return "coordinate" if name in dims else "input"


def _code_differences(old: Mapping[str, Any] | None, new: Mapping[str, Any] | None) -> list[str]:
    if old is None or new is None:
        return [_presence(old, new)]
    found = []
    if old["class"] != new["class"]:
        found.append(f"class {old['class']} is now {new['class']}")
    if old["variables"] != new["variables"]:
        names = [
            n
            for n in dict.fromkeys([*old["variables"], *new["variables"]])
            if old["variables"].get(n) != new["variables"].get(n)
        ]
        found.append("other declarations of " + ", ".join(map(repr, names)))
    elif old["source"] != new["source"] and None not in (old["source"], new["source"]):
        found.append("other source text")
    return found


def _of_process(spec: ProcessSpec, cls: type) -> dict[str, Any]:
    return {
        "class": cls.__qualname__,
        "variables": {
            name: digest(_declaration(variable.metadata).encode()) for name, variable in spec.variables.items()
        },
        "source": origin_of(cls).source,
    }


def _declaration(metadata: Mapping[str, Any]) -> str:
    plain = {
        key: value.__qualname__ if hasattr(value, "__qualname__") else value
        for key, value in metadata.items()
        if key not in ("description", "compute_method")
    }
    return repr(sorted(plain.items()))


def of_option(name: str, value: Any) -> str:
    """Print a part of the encoding of an output."""
    # Whether chunks are shared matters, since blocks depend on it; not by which locks, where these files are.
    return str(value is not None) if name == "synchronizer" else repr(value)


def _of_values(variable: xr.Variable, batch: Mapping[str, int]) -> dict[str, Any]:
    """Give dimensions, type, sizes and a hash of values; along the batch dimensions only of the first members."""
    variable = variable.isel({dim: slice(0, n) for dim, n in batch.items() if dim in variable.dims})
    hashed = hashlib.sha256()
    for part in _parts(variable):
        values = part.to_numpy()
        if values.dtype.kind in "OUT":
            text = "".join(f"{value!r}\0" for value in values.ravel().tolist())
            hashed.update(text.encode("utf-8", "surrogatepass"))
        else:
            hashed.update(np.ascontiguousarray(values).tobytes())
    kind = "text" if variable.dtype.kind in "OUT" else str(variable.dtype)
    return {
        "dims": [str(dim) for dim in variable.dims],
        "type": kind,
        "shape": list(variable.shape),
        "values": hashed.hexdigest()[:32],
    }


def _parts(variable: xr.Variable) -> Iterator[xr.Variable]:
    """Give parts of a variable along its first dimension, each small enough to be held."""
    if variable.ndim == 0 or variable.nbytes <= CHUNK_BYTES:
        yield variable
        return
    row = max(1, prod(variable.shape[1:]) * variable.dtype.itemsize)
    step = max(1, CHUNK_BYTES // row)
    for i in range(ceil(variable.shape[0] / step)):
        yield variable[i * step : (i + 1) * step]
