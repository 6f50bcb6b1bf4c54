"""Outputs of a run: what is saved, when, and under which name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from attrs import evolve, field, frozen

from xsim._base.dims import Dims, on_clock, show_dims, with_ndim
from xsim._base.keys import Key, join_key
from xsim._base.render import names, quantity
from xsim._base.suggest import did_you_mean
from xsim.errors import OptionError, OutputError, OutputRequestError
from xsim.model.graph import ModelGraph
from xsim.plan.batch import Batch
from xsim.plan.encoding import WHOLE, merged_encoding
from xsim.plan.options import RunOptions
from xsim.plan.synchronizer import Synchronizer, ThreadSynchronizer
from xsim.setup.attributes import OUTPUT_DIMS, OUTPUT_ROLE, ROLE
from xsim.setup.clocks import Clocks


@frozen(eq=False)
class PlannedOutput:
    """A variable that is saved.

    Attributes
    ----------
    key : Key
    name : str
        Name in the result: ``process__variable``, or the bare name of an index variable.
    clock : str, optional
        Clock on which it is saved; None for one value at the end.
    positions : numpy.ndarray
        Positions on the main clock at which it is saved, one for each label of its clock; empty for clock None.
    dims : tuple of Dims
        Alternatives for its own dimensions, without the clock.
    attrs, encoding : mapping
        Of the variable in the result.
    is_index : bool
        Whether it is an index variable, and thus a coordinate.
    batch : Batch
        Members that it is saved for; its dimensions come first.
    """

    key: Key
    name: str
    clock: str | None
    positions: np.ndarray[Any, Any]
    dims: tuple[Dims, ...]
    attrs: Mapping[str, Any]
    encoding: Mapping[str, Any]
    is_index: bool = False
    batch: Batch = field(factory=Batch)

    @property
    def nlabels(self) -> int:
        """Number of values saved."""
        return 1 if self.clock is None else len(self.positions)

    def own_dims(self, ndim: int) -> Dims:
        """Give the dimensions of a value, without those of batch and clock."""
        dims = self.dims_of(ndim)
        return dims[len(dims) - ndim :]

    def dims_of(self, ndim: int) -> Dims:
        """Give all dimensions of the saved variable (batch, clock, own) for a value with so many of its own.

        Raises
        ------
        OutputError
            If no alternative has that number.
        """
        own = with_ndim(self.dims, ndim)
        if own is None:
            raise OutputError(
                f"Output array of {ndim} dimension(s) for variable {self.name!r} doesn't match any of its accepted "
                "dimension(s)",
                got=f"{ndim} dimension(s)",
                expected="dims " + " or ".join(show_dims(dims) for dims in self.dims),
                remedy="declare these dims too (a list holds alternatives), or reshape the value",
                variable=self.key,
            )
        return (*self.batch.dims, *(() if self.clock is None else (self.clock,)), *own)

    def attrs_of(self, dims: Dims) -> dict[str, Any]:
        """Give the attributes of the saved variable."""
        if self.is_index:
            return dict(self.attrs)
        return {**self.attrs, ROLE: OUTPUT_ROLE, OUTPUT_DIMS: ",".join(dims)}


def plan_outputs(
    graph: ModelGraph, clocks: Clocks, batch: Batch, requests: Mapping[Key, str | None], options: RunOptions
) -> tuple[PlannedOutput, ...]:
    """Collect index variables and requested outputs.

    Raises
    ------
    OutputRequestError
        If two index variables have one name, or an index has the name of a clock.
    OptionError
        If an encoding is given for something that is not saved, or has unknown keys.
    """
    _check_indexes(graph, clocks)
    positions: dict[str | None, np.ndarray[Any, Any]] = {None: np.arange(0)}
    for clock, labels in clocks.labels.items():
        positions[clock] = np.arange(labels.size) if clock == clocks.main else clocks.positions(clock)
    planned = [_plan_output(graph, clocks, key, key[1], None, positions[None], options) for key in graph.indexes]
    planned += [
        _plan_output(graph, clocks, key, join_key(key), clock, positions[clock], options)
        for key, clock in requests.items()
    ]
    planned = [_of_batch(output, batch) for output in planned]
    saved = [output.name for output in planned]
    # Indexes have two names: xarray-simlab knows their encodings by the one with the process.
    known = {*saved, *(join_key(output.key) for output in planned)}
    if unknown := [name for name in options.encoding if name not in known]:
        raise OptionError(
            f"encoding= is given for {names(unknown)}, which the run does not save",
            expected=f"names among {names(saved)}",
            suggestions=[close for name in unknown for close in did_you_mean(name, saved)],
        )
    for output in planned:
        _check_sizes(output, options.encoding.get(output.name, options.encoding.get(join_key(output.key), {})))
    return tuple(planned)


def _check_sizes(output: PlannedOutput, given: Mapping[str, Any]) -> None:
    """Check that chunks given for an output have no more dimensions than it has; declared ones go with several."""
    clock = () if output.clock is None else (output.clock,)
    dims = (*output.batch.dims, *clock, *max(output.dims, key=len))
    for key in ("chunks", "shards"):
        sizes = output.encoding.get(key, ()) if given.get(key) is not None else ()
        if len(sizes) > len(dims) and set(sizes) != {WHOLE}:
            raise OptionError(
                f"{key} in encoding={{{output.name!r}: ...}} are too many",
                got=f"{sizes}, {quantity(len(sizes), 'size')}",
                expected=f"at most {quantity(len(dims), 'size')}, for the dimensions {dims}",
                remedy="leave out the last ones: sizes count from the front (batch, clock, own dimensions)",
            )


def _plan_output(
    graph: ModelGraph,
    clocks: Clocks,
    key: Key,
    name: str,
    clock: str | None,
    positions: np.ndarray[Any, Any],
    options: RunOptions,
) -> PlannedOutput:
    spec = graph.resolved(key)
    attributes = {**({"description": spec.description} if spec.description else {}), **spec.attrs}
    given = {**options.encoding.get(join_key(key), {}), **options.encoding.get(name, {})}
    encoding = merged_encoding(spec.encoding, join_key(key), given, name)
    dims = on_clock(spec.dims, clocks.main)
    if any(clock in own for own in dims):
        raise OutputRequestError(
            f"output {name!r} cannot be saved on clock {clock!r}: it has that dimension itself",
            expected="clock None: one value, at the end",
            remedy=f"output_vars={{{name!r}: None}}",
            variables=(key,),
        )
    _check_synchronizer(name, encoding.get("synchronizer"), options)
    return PlannedOutput(key, name, clock, positions, dims, attributes, encoding, is_index=name == key[1])


def _check_synchronizer(name: str, synchronizer: Any, options: RunOptions) -> None:
    """Check that a lock is one, and reaches all who write."""
    if synchronizer is None:
        return
    if not isinstance(synchronizer, Synchronizer):
        raise OptionError(
            f"the synchronizer of output {name!r} is none",
            got=f"{type(synchronizer).__name__}: {synchronizer!r}"[:80],
            expected="xs.ThreadSynchronizer() or xs.ProcessSynchronizer(path)",
        )
    if isinstance(synchronizer, ThreadSynchronizer) and options.parallel and options.scheduler == "processes":
        raise OptionError(
            f"the synchronizer of output {name!r} cannot work: threads of other processes do not see its locks",
            got=f"{synchronizer!r} and scheduler='processes'",
            expected="a lock that all workers share",
            remedy="xs.ProcessSynchronizer(path); or leave it out: blocks of whole chunks need no lock",
        )


def _of_batch(output: PlannedOutput, batch: Batch) -> PlannedOutput:
    """Put the batch dimensions in front of an output's own."""
    shared = [dim for dim in batch.dims if any(dim in own for own in output.dims)]
    if shared:
        raise OutputRequestError(
            f"output {output.name!r} has the batch dimension {shared[0]!r} itself",
            got="dims " + " or ".join(show_dims(dims) for dims in output.dims),
            expected="batch dimensions that no output has",
            remedy=f"rename the dimension of the inputs, e.g. setup.rename({{{shared[0]!r}: 'batch'}})",
            variables=(output.key,),
        )
    return evolve(output, batch=batch)


def _check_indexes(graph: ModelGraph, clocks: Clocks) -> None:
    seen: dict[str, Key] = {}
    for key in graph.indexes:
        other = seen.setdefault(key[1], key)
        if other != key:
            raise OutputRequestError(
                f"two index variables have the name {key[1]!r}",
                got=f"{join_key(other)!r} and {join_key(key)!r}",
                expected="one index variable of a name: it becomes the coordinate of that name in the result",
                remedy="rename one of them, or let one process refer to the index of the other (xs.foreign)",
                variables=(other, key),
            )
        if key[1] in clocks.labels:
            raise OutputRequestError(
                f"index variable {join_key(key)!r} has the name of a clock",
                got=f"clock {key[1]!r}",
                expected="different names: both become coordinates of the result",
                remedy="rename one of them",
                variables=(key,),
            )
