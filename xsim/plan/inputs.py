"""Input values of a run, as numpy arrays, checked against their declarations."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from itertools import chain, count
from typing import Any

import attr
import attrs
import numpy as np
import xarray as xr

from xsim._base.dims import MAIN_CLOCK, Dims, on_clock, show_dims
from xsim._base.keys import Key, join_key
from xsim._base.render import names
from xsim._base.suggest import did_you_mean
from xsim.errors import InputError, MissingInputError, StaticInputError, UnsetVariableError
from xsim.model.graph import ModelGraph
from xsim.model.objects import make_objects
from xsim.plan.batch import Batch, Position
from xsim.plan.options import CheckDims
from xsim.plan.window import LARGEST_IN_MEMORY, Window
from xsim.setup.attributes import NONE_MARK

_PYTHON_KINDS = frozenset("biufcSUO")
"""Kinds of scalars that processes see as Python's own: models compute with float and int, whatever a file holds."""

_PART = 1024
"""Numbers that are made objects at once."""


@attrs.frozen(eq=False)
class PlannedInput:
    """The value of an input.

    Attributes
    ----------
    key : Key
    values : numpy.ndarray or Window
        Batch dimensions first, then the main clock if it varies in time; large lazy ones are read when needed.
    in_time : bool
        Whether it varies in time.
    batch_axes : tuple of int
        The batch dimensions that lead its values, by their number.
    converter : callable, optional
        Turns a value into the one that the process sees.
    """

    key: Key
    values: np.ndarray[Any, Any] | Window
    in_time: bool
    converter: Callable[[Any], Any] | None
    batch_axes: tuple[int, ...] = ()

    @property
    def name(self) -> str:
        """Name in the dataset."""
        return join_key(self.key)

    def of_member(self, position: Position) -> PlannedInput:
        """Give the input of one member."""
        if not self.batch_axes and not isinstance(self.values, Window):
            return self
        chosen = tuple([position[axis] for axis in self.batch_axes])
        whole: Any = (*chosen, ...)  # indexing to a scalar gives an array, too
        values = self.values.of_member(chosen) if isinstance(self.values, Window) else self.values[whole]
        return PlannedInput(self.key, values, self.in_time, self.converter)

    def at(self, step: int) -> Any:
        """Give the value for a step, as a copy that the process may write into.

        Scalars are Python's own, but for dates: int, float, bool, complex, str, bytes and None.
        """
        values = self.values
        value: Any
        if values.ndim > self.in_time:
            value = (values[step] if self.in_time else values).copy()
        elif values.dtype.kind in _PYTHON_KINDS:
            value = values.item(step if self.in_time else 0)
        else:
            value = values[step if self.in_time else ()]
        return value if self.converter is None else self.converter(value)

    def series(self) -> Iterator[Any]:
        """Give the values of an input that varies in time, as `at` does, for one step after the other."""
        values = self.values
        if isinstance(values, Window):
            return map(self.at, count())
        found: Iterator[Any] = iter(values)
        if values.ndim > 1:
            found = map(np.ndarray.copy, values)
        elif values.dtype.kind in _PYTHON_KINDS:
            # A part at a time: as objects they need four times the memory.
            parts = (values[start : start + _PART] for start in range(0, len(values), _PART))
            found = chain.from_iterable(part.tolist() for part in parts)
        return found if self.converter is None else map(self.converter, found)


def plan_inputs(
    graph: ModelGraph, setup: xr.Dataset, clock: str | None, batch: Batch, check_dims: CheckDims | None
) -> tuple[PlannedInput, ...]:
    """Collect the values of all inputs.

    Raises
    ------
    MissingInputError
        If inputs have no value; it names all of them.
    InputError
        If dimensions are not as declared.
    StaticInputError
        If a static input varies in time.
    """
    missing = [key for key in graph.inputs if join_key(key) not in setup.variables]
    if missing:
        raise _missing(graph, setup, missing)
    return tuple(_plan_input(key, graph, setup, clock, batch, check_dims) for key in graph.inputs)


def _plan_input(
    key: Key, graph: ModelGraph, setup: xr.Dataset, clock: str | None, batch: Batch, check_dims: CheckDims | None
) -> PlannedInput:
    spec = graph.input_spec(key)
    fixed = spec.static or key in graph.lagged
    variable = setup.variables[join_key(key)]
    whole_series = clock is not None and any(MAIN_CLOCK in own for own in spec.dims)
    in_time = clock is not None and clock in variable.dims and not whole_series
    alternatives = on_clock(spec.dims, clock)
    if in_time and fixed:
        rule = "is declared with static=True" if spec.static else "is the value before the first step (lag=1)"
        raise StaticInputError(
            f"Cannot set value for static variable {key!r} at each step",
            got=f"dims {variable.dims!r}, which contain the main clock {clock!r}",
            expected=f"a value that does not vary in time: variable {join_key(key)!r} {rule}",
            variable=key,
        )
    dims = tuple(str(dim) for dim in variable.dims)
    leading = tuple(dim for dim in batch.dims if dim in dims)
    wanted = _find_dims(dims, alternatives, leading + ((clock,) if in_time and clock else ()), check_dims)
    if wanted is None:
        in_time_allowed = (clock,) if clock and not (fixed or whole_series) else ()
        as_long = tuple(dim for dim in dims if in_time_allowed and setup.sizes[dim] == setup.sizes[clock])
        raise _wrong_dims(key, dims, alternatives, leading, in_time_allowed, check_dims, batch.dims, as_long)
    if wanted != dims:
        variable = variable.transpose(*wanted)
    lazy = variable.nbytes > LARGEST_IN_MEMORY and variable.chunks is not None
    values: np.ndarray[Any, Any] | Window = Window(variable) if lazy else variable.to_numpy()
    if variable.attrs.get(NONE_MARK):
        values = np.empty((), dtype=object)
    axes = tuple(batch.dims.index(dim) for dim in leading)
    return PlannedInput(key, values, in_time, spec.converter, axes)


def _find_dims(dims: Dims, alternatives: tuple[Dims, ...], leading: Dims, check_dims: CheckDims | None) -> Dims | None:
    """Give the dimensions in the order in which they are used; None if they do not fit.

    The leading ones are those of the batch, then the main clock.
    """
    for own in alternatives:
        wanted = (*leading, *own)
        if dims == wanted or (check_dims == "transpose" and sorted(dims) == sorted(wanted)):
            return wanted
    if check_dims is None:
        return (*leading, *(dim for dim in dims if dim not in leading))
    return None


def _wrong_dims(
    key: Key,
    dims: Dims,
    alternatives: tuple[Dims, ...],
    batch: Dims,
    clock: Dims,
    check_dims: CheckDims | None,
    batch_dims: Dims,
    as_long_as_clock: Dims,
) -> InputError:
    allowed = [(*batch, *own) for own in alternatives]
    if clock:
        allowed += [(*batch, *clock, *own) for own in alternatives]
    transposed = _find_dims(dims, alternatives, batch + tuple(dim for dim in clock if dim in dims), "transpose")
    if transposed is not None and check_dims == "strict":
        remedy = f"check_dims='transpose' takes them in any order; or give them as {show_dims(transposed)}"
    elif forgotten := _members_only(dims, alternatives, batch, clock):
        wanted = [*batch_dims, *forgotten]
        remedy = f"run it with batch_dim={(wanted[0] if len(wanted) == 1 else wanted)!r}, to have members along it"
        if len(forgotten) == 1 and forgotten[0] in as_long_as_clock and clock[0] not in dims:
            remedy = f"name the dimension {clock[0]!r} if the values are those of its labels; or {remedy}"
    else:
        remedy = f"rename or select dimensions, e.g. ds.rename({{{(dims or ('?',))[0]!r}: ...}})"
    return InputError(
        f"Invalid dimension(s) for variable {join_key(key)!r}: found {dims!r}, "
        f"must be one of {','.join(repr(own) for own in allowed)}",
        remedy=remedy,
        variable=key,
    )


def _members_only(dims: Dims, alternatives: tuple[Dims, ...], batch: Dims, clock: Dims) -> Dims:
    """Give the dimensions that would fit as dimensions of the batch, if these are all that is wrong."""
    for own in alternatives:
        extra = tuple(dim for dim in dims if dim not in (*batch, *clock, *own))
        leading = (*(dim for dim in dims if dim in (*batch, *extra)), *(dim for dim in clock if dim in dims))
        if extra and dims == (*leading, *own):
            return extra
    return ()


def _missing(graph: ModelGraph, setup: xr.Dataset, missing: list[Key]) -> MissingInputError:
    lines = []
    for key in missing:
        spec = graph.input_spec(key)
        dims = " or ".join(show_dims(own) for own in spec.dims)
        text = f", {spec.description}" if spec.description else ""
        lines.append(f"{join_key(key)!r}: dims {dims}{text}")
    others = [str(name) for name in setup.data_vars if str(name) not in map(join_key, graph.inputs)]
    return MissingInputError.listing(
        f"Missing variables [{names(map(join_key, missing), limit=len(missing))}] in Dataset",
        lines,
        suggestions=dict.fromkeys(close for key in missing for close in did_you_mean(join_key(key), others)),
        remedy=f"give them with .xsim.update_vars(input_vars={{{join_key(missing[0])!r}: ...}})",
        variables=tuple(missing),
    )


def validate_inputs(graph: ModelGraph, inputs: tuple[PlannedInput, ...], nsteps: int) -> None:
    """Let converters and validators see all values that a run will use.

    Raises
    ------
    Exception
        What the converter or validator raises, with a note that names the input.

    Notes
    -----
    A validator that looks at a variable without a value yet is passed over: there is nothing to compare with.
    """
    if not graph.checked_inputs or graph.checked_inputs.isdisjoint([planned.key for planned in inputs]):
        return
    objects = make_objects(graph)
    fixed = [planned for planned in inputs if not planned.in_time]
    varying = [planned for planned in inputs if planned.in_time]
    for planned in fixed:
        setattr(objects[planned.key[0]], planned.key[1], _convert(planned, 0))
    for planned in fixed:
        check_value(graph, objects, planned.key, vars(objects[planned.key[0]])[planned.key[1]])
    for planned in varying:
        if graph.variable(planned.key).validator or planned.converter:
            for step in range(nsteps):
                value = _convert(planned, step)
                setattr(objects[planned.key[0]], planned.key[1], value)
                check_value(graph, objects, planned.key, value, step)


def _convert(planned: PlannedInput, step: int) -> Any:
    try:
        return planned.at(step)
    except Exception as error:
        where = f" (step {step})" if planned.in_time else ""
        error.add_note(f"while converting the value of input {planned.name!r}{where}")
        raise


def check_value(graph: ModelGraph, objects: Mapping[str, Any], key: Key, value: Any, step: int | None = None) -> None:
    """Let the validators of a variable see a value.

    Raises
    ------
    Exception
        What the validator raises, with a note that names the variable.
    """
    validator = graph.variable(key).validator
    if validator is None:
        return
    process = objects[key[0]]
    fields = attr.fields_dict(type(process)) if attr.has(type(process)) else {}
    try:
        validator(process, fields.get(key[1], graph.variable(key)), value)
    except UnsetVariableError:
        return
    except Exception as error:
        where = "" if step is None else f" (step {step})"
        what = "input" if key in graph.inputs else "variable"
        error.add_note(f"refused by the validator of {what} {join_key(key)!r}{where}")
        raise
