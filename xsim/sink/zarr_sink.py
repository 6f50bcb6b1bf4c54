"""Outputs in a Zarr store (DESIGN §S4)."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import zarr

from xsim._base.version import __version__
from xsim.errors import StoreError
from xsim.plan.run_plan import RunPlan
from xsim.plan.storable import check_storable, storable_setup
from xsim.setup.attributes import OUTCOME, VERSION
from xsim.sink.buffer import OutputBuffer
from xsim.sink.finish import masking_attrs, pad
from xsim.sink.location import check_location, location_of
from xsim.sink.zarr_array import ZarrTarget, check_encoding, encoded_fill, jsonable, quiet


class ZarrSink:
    """Streams outputs into a Zarr store.

    Parameters
    ----------
    store : path-like, str, zarr store or zarr.Group
    mode : {"w-", "w"}
        Whether a store that holds something already is refused or replaced.
    """

    def __init__(self, store: Any, mode: str) -> None:
        self.location = location_of(store)
        self.mode = mode
        self.group: zarr.Group | None = None
        self._buffers: list[OutputBuffer] = []

    def preflight(self, plan: RunPlan) -> None:
        """Check the place, the encodings, and that setup and attributes can be stored."""
        check_storable(plan)
        for output in plan.outputs:
            check_encoding(output)
            _check_attrs(output.name, dict(output.attrs))
        check_location(self.location, self.mode)

    def open(self, plan: RunPlan) -> Sequence[OutputBuffer]:
        """Write the setup; give a buffer for each planned output."""
        # "a" makes the group or takes an empty one; the preflight has refused all others.
        self.group = zarr.open_group(self.location, mode="w" if self.mode == "w" else "a", zarr_format=3)
        setup = storable_setup(plan)
        with quiet():
            setup.to_zarr(self.group.store, group=self.group.path, mode="a", consolidated=False)
        # Opened again: attributes are written from what a handle has seen, and xarray has just written some.
        self.group = zarr.open_group(self.location, mode="r+")
        self.group.attrs.update({OUTCOME: "running", VERSION: __version__})
        fixed = plan.setup.sizes
        self._buffers = [OutputBuffer(output, ZarrTarget(output, self.group), fixed) for output in plan.outputs]
        return self._buffers

    def close(self, outcome: str) -> None:
        """Write what is buffered, settle what is missing, and consolidate the metadata."""
        assert self.group is not None
        for buffer in self._buffers:
            buffer.flush()
        pad(self._buffers)
        for buffer in self._buffers:
            if isinstance(buffer.target, ZarrTarget) and buffer.target.array is not None:
                self._settle(buffer, buffer.target.array)
        self._name_coordinates()
        self.group.attrs[OUTCOME] = outcome
        with quiet():
            zarr.consolidate_metadata(self.group.store, path=self.group.path)

    def _settle(self, buffer: OutputBuffer, array: zarr.Array[Any]) -> None:
        assert isinstance(buffer.target, ZarrTarget)
        buffer.target.resize(buffer.own_shape)
        masking = masking_attrs(buffer)
        before = dict(array.attrs)
        if "_FillValue" in masking:
            masking["_FillValue"] = encoded_fill(masking["_FillValue"])
        after = {name: value for name, value in before.items() if name != "dtype"} | jsonable(masking)
        if after != before:
            with quiet():
                array.attrs.put(after)

    def _name_coordinates(self) -> None:
        """List index variables that are not their own dimension, as xarray does for coordinates in a group."""
        assert self.group is not None
        names = [
            buffer.output.name
            for buffer in self._buffers
            if buffer.output.is_index
            and buffer.type is not None
            and buffer.output.dims_of(len(buffer.own_shape)) != (buffer.output.name,)
        ]
        if names:
            before = str(self.group.attrs.get("coordinates", "")).split()
            self.group.attrs["coordinates"] = " ".join(dict.fromkeys([*before, *names]))


def _check_attrs(name: str, attributes: dict[str, Any]) -> None:
    for key, value in jsonable(attributes).items():
        try:
            json.dumps(value)
        except (TypeError, ValueError):
            raise StoreError(
                f"attribute {key!r} of output {name!r} cannot be stored",
                got=f"{type(value).__name__}: {str(value)[:60]}",
                expected="text, numbers, bools, None, or lists and mappings of these",
                remedy=f"change it in the declaration of the variable: attrs={{{key!r}: ...}}",
            ) from None
