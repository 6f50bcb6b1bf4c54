"""The arguments of a run, frozen."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from datetime import timedelta
from numbers import Integral
from typing import Any, Literal, get_args

import attrs
import numpy as np

from xsim._base.memory import parse_bytes
from xsim._base.render import names
from xsim._base.suggest import did_you_mean
from xsim.errors import OptionError
from xsim.plan.decoding import check_decoding
from xsim.plan.encoding import plain_encoding

CheckDims = Literal["strict", "transpose"]
Validate = Literal["inputs", "all"]
Mode = Literal["w-", "w"]
KeepScratch = Literal["failed", "always", "never"]
OnError = Literal["raise", "continue"]
Scheduler = Literal["synchronous", "threads", "processes"]

SCHEDULERS: dict[str, Scheduler] = {
    **dict.fromkeys(("sync", "synchronous", "single-threaded"), "synchronous"),
    **dict.fromkeys(("threads", "threading"), "threads"),
    **dict.fromkeys(("processes", "multiprocessing"), "processes"),
}
"""Names of schedulers, as dask knows them."""


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


def _as_names(batch_dim: Any) -> str | tuple[str, ...] | None:
    if batch_dim is None or isinstance(batch_dim, str):
        return batch_dim
    dims = tuple(batch_dim) if isinstance(batch_dim, Iterable) else (None,)
    if not all(isinstance(dim, str) for dim in dims):
        raise OptionError(
            f"batch_dim={batch_dim!r} is no name of a dimension", expected="a name, a list of names, or None"
        )
    return dims


def _as_scheduler(scheduler: Any) -> Scheduler | None:
    if scheduler is None:
        return None
    if not isinstance(scheduler, str) or scheduler not in SCHEDULERS:
        raise OptionError(
            f"{scheduler!r} is no scheduler that xsim has",
            expected=f"one of {names(SCHEDULERS)}",
            suggestions=did_you_mean(scheduler, SCHEDULERS),
        )
    return SCHEDULERS[scheduler]


def _as_seed(seed: Any) -> int | None:
    if seed is None:
        return None
    if isinstance(seed, bool) or not isinstance(seed, Integral) or seed < 0:
        raise OptionError(f"seed={seed!r} makes no sense", expected="a natural number, or None for a fresh one")
    return int(seed)


def _check_workers(instance: Any, attribute: attrs.Attribute[Any], value: Any) -> None:
    if value is not None and (not isinstance(value, int) or isinstance(value, bool) or value == 0):
        raise OptionError(
            f"workers={value!r} makes no sense",
            expected="None: all usable CPUs; n: n workers; -n: all usable CPUs but n, at least 1",
        )


def _positive(instance: Any, attribute: attrs.Attribute[Any], value: Any) -> None:
    if value is not None and (not isinstance(value, int) or isinstance(value, bool) or value < 1):
        raise OptionError(f"{attribute.name}={value!r} makes no sense", expected="a positive integer, or None")


def _natural(instance: Any, attribute: attrs.Attribute[Any], value: Any) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise OptionError(f"{attribute.name}={value!r} makes no sense", expected="a natural number")


def _bytes(name: str, value: Any) -> int | None:
    if value is None:
        return None
    nbytes = value
    if isinstance(value, str):
        try:
            nbytes = parse_bytes(value)
        except ValueError:
            nbytes = 0
    if not isinstance(nbytes, (int, float, np.number)) or isinstance(value, bool) or not nbytes >= 1:
        raise OptionError(f"{name}={value!r} makes no sense", expected="bytes, as a number or as text like '4 GiB'")
    return int(nbytes)


def _as_memory(value: Any) -> int | None:
    return _bytes("memory", value)


def _as_memory_per_member(value: Any) -> int | None:
    return _bytes("memory_per_member", value)


def _path(instance: Any, attribute: attrs.Attribute[Any], value: Any) -> None:
    if value is not None and not isinstance(value, (str, os.PathLike)):
        raise OptionError(f"{attribute.name}={value!r} makes no sense", expected="the path of a folder, or None")


def _seconds(name: str, value: Any) -> float | None:
    if value is None:
        return None
    if isinstance(value, timedelta):
        value = value.total_seconds()
    if not isinstance(value, (int, float, np.number)) or isinstance(value, bool) or not value > 0:
        raise OptionError(
            f"{name}={value!r} makes no sense", expected="seconds, a datetime.timedelta, or None for no limit"
        )
    return float(value)


def _as_seconds(value: Any) -> float | None:
    return _seconds("time_limit", value)


def _as_walltime(value: Any) -> float | None:
    return _seconds("max_walltime", value)


@attrs.frozen(kw_only=True)
class RunOptions:
    """How to run a setup.

    Attributes
    ----------
    check_dims : {"strict", "transpose"}, optional
        Whether dimensions of inputs must be in the declared order, may be in another one, or are not checked (None).
    validate : {"inputs", "all"}, optional
        Whether the validators see the inputs, or all that processes set too, with intents enforced.
    store : optional
        Where outputs go: a path, a zarr store or a zarr group; None keeps them in memory.
    mode : {"w-", "w"}
        Whether a store that holds something already is refused or replaced.
    resume : bool
        Whether a batch that was begun in the store goes on: members that are done stay as they are.
    accept_code_change : bool
        Whether it may go on with other source text of process classes.
    encoding : mapping of str to mapping
        How outputs are stored, by name; takes precedence over what the variables declare.
    decoding : mapping
        Arguments of `xarray.open_zarr` for opening the result.
    batch_dim : str or tuple of str, optional
        Dimensions along which the members of a batch lie.
    parallel : bool
        Whether members, or the processes of a single model, run at the same time.
    scheduler : {"synchronous", "threads", "processes"}, optional
        What runs them.
    workers : int, optional
        How many at a time: None for all usable CPUs, ``-n`` for all but n.
    threads_per_worker : int, optional
        Threads that numerical libraries may use in each worker.
    block : int, optional
        How many members one task runs; chosen by size and time otherwise.
    seed : int, optional
        Entropy of all random streams; a fresh one otherwise.
    on_error : {"raise", "continue"}
        Whether failed members raise, after all others are done, or are only reported.
    max_failures : int, optional
        Number of failures after which no new member starts.
    retries : int
        How often a member that fails runs again before it counts as failed.
    time_limit : float, optional
        Seconds that a member may take.
    progress : bool, optional
        Whether to show progress; by default in terminals and notebooks.
    scratch : path-like, optional
        Where external programs have their folders; by default beside the store, or among temporary files.
    keep_scratch : {"failed", "always", "never"}
        Which of these folders stay.
    memory : int, optional
        Bytes that all members together may use; by default all that this process may.
    memory_per_member : int, optional
        Bytes that a member needs.
    priority : optional
        Numbers along batch dimensions, or the name of a variable of the setup that has them: greater ones start first.
    max_walltime : float, optional
        Seconds after which the run stops.
    """

    check_dims: CheckDims | None = attrs.field(default="strict", validator=_one_of(*get_args(CheckDims), None))
    validate: Validate | None = attrs.field(default="inputs", validator=_one_of(*get_args(Validate), None))
    store: Any = None
    mode: Mode = attrs.field(default="w-", validator=_one_of(*get_args(Mode)))
    resume: bool = False
    accept_code_change: bool = False
    encoding: Mapping[str, Mapping[str, Any]] = attrs.field(factory=dict, converter=_as_dict)
    decoding: Mapping[str, Any] = attrs.field(factory=dict, converter=_as_dict)
    batch_dim: str | tuple[str, ...] | None = attrs.field(default=None, converter=_as_names)
    parallel: bool = False
    scheduler: Scheduler | None = attrs.field(default=None, converter=_as_scheduler)
    workers: int | None = attrs.field(default=None, validator=_check_workers)
    threads_per_worker: int | None = attrs.field(default=None, validator=_positive)
    block: int | None = attrs.field(default=None, validator=_positive)
    seed: int | None = attrs.field(default=None, converter=_as_seed)
    on_error: OnError = attrs.field(default="raise", validator=_one_of(*get_args(OnError)))
    max_failures: int | None = attrs.field(default=None, validator=_positive)
    retries: int = attrs.field(default=0, validator=_natural)
    time_limit: float | None = attrs.field(default=None, converter=_as_seconds)
    progress: bool | None = None
    scratch: str | os.PathLike[str] | None = attrs.field(default=None, validator=_path)
    keep_scratch: KeepScratch = attrs.field(default="failed", validator=_one_of(*get_args(KeepScratch)))
    memory: int | None = attrs.field(default=None, converter=_as_memory)
    memory_per_member: int | None = attrs.field(default=None, converter=_as_memory_per_member)
    priority: Any = attrs.field(default=None, eq=False)
    max_walltime: float | None = attrs.field(default=None, converter=_as_walltime)

    def __attrs_post_init__(self) -> None:
        if not self.resume:
            return
        if self.store is None or self.batch_dim is None:
            missing = "store=" if self.store is None else "batch_dim="
            raise OptionError(
                f"resume=True without {missing} makes no sense",
                expected="a batch in a store: members that are done are there",
                remedy="a single run starts anew; choose another store, or replace it with mode='w'",
            )
        if self.mode == "w":
            raise OptionError(
                "resume=True and mode='w' contradict each other",
                expected="one of them: going on with what is in the store, or replacing it",
            )

    @decoding.validator
    def _check_decoding(self, attribute: Any, value: Mapping[str, Any]) -> None:
        check_decoding(value)

    @encoding.validator
    def _check_encoding(self, attribute: Any, value: Mapping[str, Any]) -> None:
        for name, keys in value.items():
            if not isinstance(keys, Mapping):
                raise OptionError(f"encoding={{{name!r}: ...}} is no mapping", got=repr(keys))
            plain_encoding(keys, f"encoding={{{name!r}: ...}}")

    @property
    def concurrent(self) -> bool:
        """Whether several threads or worker processes may work at a time."""
        in_processes = self.scheduler == "processes" and self.batch_dim is not None
        return self.parallel and (in_processes or self.scheduler in (None, "threads"))


def run_options(method: str, **options: Any) -> RunOptions:
    """Make options from the arguments of a method.

    Raises
    ------
    TypeError
        If it has no such argument.
    OptionError
        If a value makes no sense.
    """
    known = list(RunOptions.__annotations__)
    for name in options:
        if name not in known:
            close = did_you_mean(name, known)
            raise TypeError(
                f"{method}() got an unexpected keyword argument {name!r}"
                + (f"; did you mean {', '.join(map(repr, close))}?" if close else "")
            )
    return RunOptions(**options)
