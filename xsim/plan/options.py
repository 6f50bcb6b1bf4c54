"""The arguments of a run, frozen."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, get_args

import attrs

from xsim._base.render import names
from xsim._base.suggest import did_you_mean
from xsim.errors import OptionError

CheckDims = Literal["strict", "transpose"]
Validate = Literal["inputs"]
Mode = Literal["w-", "w"]


def _one_of(*allowed: Any) -> Any:
    def check(instance: Any, attribute: attrs.Attribute[Any], value: Any) -> None:
        if value not in allowed:
            texts = [option for option in allowed if isinstance(option, str)]
            raise OptionError(
                f"{value!r} is not a valid value of {attribute.name}=",
                expected="one of " + ", ".join(map(repr, allowed)),
                suggestions=did_you_mean(value, texts),
            )

    return check


def _as_dict(mapping: Mapping[str, Any] | None) -> dict[str, Any]:
    if mapping is not None and not isinstance(mapping, Mapping):
        raise OptionError("encoding= and decoding= are mappings", got=f"{type(mapping).__name__}: {mapping!r}"[:80])
    return dict(mapping or {})


@attrs.frozen(kw_only=True)
class RunOptions:
    """How to run a setup.

    Attributes
    ----------
    check_dims : {"strict", "transpose"}, optional
        Whether dimensions of inputs must be in the declared order, may be in another one, or are not checked (None).
    validate : {"inputs"}, optional
        Whether the validators see the inputs.
    store : optional
        Where outputs go: a path, a zarr store or a zarr group; None keeps them in memory.
    mode : {"w-", "w"}
        Whether a store that holds something already is refused or replaced.
    encoding : mapping of str to mapping
        How outputs are stored, by name; takes precedence over what the variables declare.
    decoding : mapping
        Arguments of `xarray.open_zarr` for opening the result.
    """

    check_dims: CheckDims | None = attrs.field(default="strict", validator=_one_of(*get_args(CheckDims), None))
    validate: Validate | None = attrs.field(default="inputs", validator=_one_of(*get_args(Validate), None))
    store: Any = None
    mode: Mode = attrs.field(default="w-", validator=_one_of(*get_args(Mode)))
    encoding: Mapping[str, Mapping[str, Any]] = attrs.field(factory=dict, converter=_as_dict)
    decoding: Mapping[str, Any] = attrs.field(factory=dict, converter=_as_dict)

    @encoding.validator
    def _check_encoding(self, attribute: Any, value: Mapping[str, Any]) -> None:
        for name, keys in value.items():
            if not isinstance(keys, Mapping):
                raise OptionError(f"encoding={{{name!r}: ...}} is no mapping", got=repr(keys))
            check_encoding_keys(keys, f"encoding={{{name!r}: ...}}")


ENCODING_KEYS = ("dtype", "chunks", "shards", "fill_value", "compressors", "filters", "serializer")


def check_encoding_keys(keys: Mapping[str, Any], where: str) -> None:
    """Check that xsim knows all keys of an encoding.

    Raises
    ------
    OptionError
    """
    unknown = [key for key in keys if key not in ENCODING_KEYS]
    if unknown:
        raise OptionError(
            f"{where} has unknown keys {names(unknown)}",
            expected=f"keys among {names(ENCODING_KEYS)}",
            suggestions=[close for key in unknown for close in did_you_mean(key, ENCODING_KEYS)],
        )
