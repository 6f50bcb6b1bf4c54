"""How a result is opened: arguments of `xarray.open_zarr`."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

import xarray as xr

from xsim._base.render import names
from xsim._base.suggest import did_you_mean
from xsim.errors import OptionError

OF_VALUES = (
    "mask_and_scale",
    "decode_times",
    "decode_timedelta",
    "use_cftime",
    "concat_characters",
    "decode_coords",
    "drop_variables",
)
"""Those that a result in memory follows too."""


def check_decoding(decoding: Mapping[str, Any]) -> None:
    """Check that xarray knows all keys, before the run (DESIGN §E1).

    Raises
    ------
    OptionError
    """
    known = [name for name in inspect.signature(xr.open_zarr).parameters if name not in ("store", "group", "kwargs")]
    unknown = [key for key in decoding if key not in known]
    if unknown:
        raise OptionError(
            f"decoding= has unknown keys {names(unknown)}",
            expected=f"arguments of xarray.open_zarr: {names(known, limit=len(known))}",
            suggestions=[close for key in unknown for close in did_you_mean(key, known)],
            remedy="the group is that of store=" if {"store", "group"} & set(unknown) else None,
        )
