"""Clocks of a setup: reading, setting and checking them (DESIGN §C1)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs
import numpy as np
import pandas as pd
import xarray as xr

from xsim._base.render import names
from xsim._base.suggest import did_you_mean
from xsim.errors import ClockError, UnknownClockError
from xsim.setup.attributes import (
    CLOCK_CALENDAR,
    CLOCK_DTYPE,
    CLOCK_ROLE,
    CLOCK_UNITS,
    MAIN_CLOCK_ROLE,
    OUTPUT_VARS,
    ROLE,
    without_marks,
)
from xsim.setup.names import check_mapping


@attrs.frozen(eq=False)
class Clocks:
    """The clocks of a setup.

    Attributes
    ----------
    main : str, optional
        Dimension of the main clock; None if the setup has no clock.
    labels : mapping of str to numpy.ndarray
        Labels of each clock, 1-d, the main clock included, in the order of the setup.
    rivals : tuple of str
        Further clocks that are marked as the main one, which happens when setups are merged.
    """

    main: str | None
    labels: Mapping[str, np.ndarray[Any, Any]]
    rivals: tuple[str, ...] = ()

    @property
    def nsteps(self) -> int:
        """Number of intervals of the main clock; 0 without a clock."""
        return 0 if self.main is None else self.labels[self.main].size - 1

    def positions(self, clock: str) -> np.ndarray[Any, Any]:
        """Give, for each label of a clock, its position on the main clock (int, 1-d, increasing).

        Raises
        ------
        ClockError
            If the clock is no subset of the main clock, or in another order.
        """
        assert self.main is not None
        main, labels = self.labels[self.main], self.labels[clock]
        found: np.ndarray[Any, Any] = pd.Index(main).get_indexer(pd.Index(labels))
        if (found < 0).any():
            absent = labels[found < 0]
            raise ClockError(
                f"Clock coordinate {clock!r} is not synchronized with main clock coordinate {self.main!r}",
                got="The following coordinate labels are absent in main clock: " + _some(absent),
                expected=f"labels of {self.main!r}: {_some(main)}",
                remedy=f"take the labels from the main clock, e.g. {self.main}[::10]",
                clock=clock,
            )
        if (np.diff(found) <= 0).any():
            raise ClockError(
                f"Clock coordinate {clock!r} is not in the order of main clock coordinate {self.main!r}",
                got=_some(labels),
                expected="each label once, in the order of the main clock",
                clock=clock,
            )
        return found


def read_clocks(dataset: xr.Dataset) -> Clocks:
    """Find the clocks of a dataset by their marks."""
    mains = []
    labels = {}
    for name, coord in dataset.coords.items():
        role = coord.attrs.get(ROLE)
        if role in (CLOCK_ROLE, MAIN_CLOCK_ROLE) and coord.dims == (name,):
            labels[str(name)] = coord.to_numpy()
            if role == MAIN_CLOCK_ROLE:
                mains.append(str(name))
    return Clocks(mains[0] if mains else None, labels, tuple(mains[1:]))


def set_clocks(
    dataset: xr.Dataset, clocks: Mapping[str, Any] | None, main_clock: str | Mapping[str, Any] | None
) -> xr.Dataset:
    """Replace the clocks named, keep the others and all output requests.

    Raises
    ------
    ClockError, UnknownClockError
        If a clock breaks a rule, or the main clock cannot be told.
    """
    given = {name: _clock_variable(name, value) for name, value in check_mapping("clocks", clocks).items()}
    old = read_clocks(dataset)
    main, extra = _main_clock(main_clock, list(given), old)
    # Also those of a clock that has lost its dimension by a selection.
    requests = {name: coord.attrs.get(OUTPUT_VARS) for name, coord in dataset.coords.items()}
    inherited = {} if old.main is None else {k: dataset[old.main].attrs.get(k) for k in ("units", "calendar")}
    for name, variable in given.items():
        if requests.get(name):
            variable.attrs[OUTPUT_VARS] = requests[name]
        if variable.dtype.kind in "iuf":  # numbers mean the same on all clocks
            variable.attrs = {**{k: v for k, v in inherited.items() if v is not None}, **variable.attrs}
        _check_size(dataset, name, variable.size)
        # Dropping the old one first: assigning would align the dataset to it.
        dataset = dataset.drop_vars(name, errors="ignore").assign_coords({name: variable})
    for name in dict.fromkeys([*old.labels, *given]):
        role = MAIN_CLOCK_ROLE if name == main else CLOCK_ROLE
        dataset = _with_attrs(dataset, name, {ROLE: role, **extra})
        coord = dataset[name]
        if " since " in str(coord.attrs.get("units")) and coord.dtype.kind in "iuf":
            marks = {CLOCK_UNITS: coord.attrs["units"], CLOCK_DTYPE: str(coord.dtype)}
            if "calendar" in coord.attrs:
                marks[CLOCK_CALENDAR] = coord.attrs["calendar"]
            dataset = _with_attrs(dataset, name, marks)
        elif coord.dtype.kind in "mM" and np.datetime_data(coord.dtype)[0] != "ns":  # the only unit that files have
            dataset = _with_attrs(dataset, name, {CLOCK_DTYPE: str(coord.dtype)})
    check_clocks(read_clocks(dataset))
    return dataset


def as_numbers(dataset: xr.Dataset) -> xr.Dataset:
    """Turn labels of clocks back into those that were given: numbers with units, or dates of another unit."""
    for name, labels in read_clocks(dataset).labels.items():
        attributes = dataset[name].attrs
        given = attributes.get(CLOCK_DTYPE)
        if given is not None and labels.dtype.kind in "mM" and np.dtype(given).kind == labels.dtype.kind:
            exact = labels.astype(given)
            if (exact == labels).all():
                dataset = dataset.assign_coords({name: xr.Variable((name,), exact, attributes)})
        if CLOCK_UNITS not in attributes or labels.dtype.kind in "iuf":
            continue
        encoding = {"units": attributes[CLOCK_UNITS], "dtype": attributes.get(CLOCK_DTYPE)}
        if CLOCK_CALENDAR in attributes:
            encoding["calendar"] = attributes[CLOCK_CALENDAR]
        numbers = xr.conventions.encode_cf_variable(xr.Variable((name,), labels, encoding=encoding))
        units = {k: v for k, v in numbers.attrs.items() if k in ("units", "calendar")}
        coord = xr.Variable((name,), np.asarray(numbers.values, attributes.get(CLOCK_DTYPE)), {**attributes, **units})
        dataset = dataset.assign_coords({name: coord})
    return dataset


def check_clocks(clocks: Clocks) -> None:
    """Check that the main clock is monotonic and that the others are subsets of it.

    Raises
    ------
    ClockError
    """
    if clocks.main is None:
        if clocks.labels:
            raise ClockError(
                "Missing main clock dimension / coordinate",
                got=f"clocks {names(clocks.labels)}",
                remedy="name one: .xsim.update_clocks(main_clock=...)",
            )
        return
    if clocks.rivals:
        raise ClockError(
            "Cannot determine which clock coordinate is the main clock",
            got=f"{names([clocks.main, *clocks.rivals])}, all marked as the main clock",
            remedy="name one: .xsim.update_clocks(model, main_clock=...)",
        )
    _check_labels(clocks.main, clocks.labels[clocks.main])
    for name, labels in clocks.labels.items():
        if labels.size == 0:
            raise ClockError(f"clock {name!r} has no labels", expected="at least one label", clock=name)
        if name != clocks.main:
            clocks.positions(name)


def _clock_variable(name: str, value: Any) -> xr.Variable:
    if isinstance(value, (xr.DataArray, xr.Variable)):
        variable = xr.Variable(value.dims, value.to_numpy(), value.attrs)
    elif isinstance(value, tuple) and len(value) > 1 and isinstance(value[0], (str, list, tuple)):
        try:
            variable = xr.Variable(*value)
        except (ValueError, TypeError) as error:
            raise ClockError(
                f"clock {name!r} cannot be made of the value given",
                got=str(error),
                expected="labels, or (dims, labels) with as many dims as the labels have",
                clock=name,
            ) from error
    else:
        labels = value.to_numpy() if isinstance(value, pd.Index) else np.asarray(value)
        if labels.ndim != 1:
            raise ClockError(
                f"clock {name!r} is not one-dimensional",
                got=f"an array of shape {labels.shape}",
                expected="a one-dimensional sequence of labels",
                clock=name,
            )
        variable = xr.Variable((name,), labels)
    if variable.dims != (name,):
        raise ClockError(
            f"Invalid dimension(s) given for clock coordinate {name!r}: found {variable.dims!r}, expected {name!r}",
            remedy="a clock is a one-dimensional sequence of labels along its own dimension",
            clock=name,
        )
    variable.attrs = without_marks(variable.attrs)
    return variable


def _main_clock(
    main_clock: str | Mapping[str, Any] | None, given: list[str], old: Clocks
) -> tuple[str, dict[str, str]]:
    extra: dict[str, str] = {}
    known = list(dict.fromkeys([*given, *old.labels]))
    if isinstance(main_clock, Mapping):
        if unknown := [k for k in main_clock if k not in ("dim", "units", "calendar")]:
            raise ClockError(
                f"main_clock has unknown keys {names(unknown)}", expected="'dim', and 'units' and 'calendar' if wanted"
            )
        extra = {k: str(main_clock[k]) for k in ("units", "calendar") if main_clock.get(k) is not None}
        main_clock = main_clock.get("dim")
    if main_clock is None:
        if old.main is not None:
            return old.main, extra
        if len(known) == 1:
            return known[0], extra
        raise ClockError(
            "Cannot determine which clock coordinate is the main clock",
            got=f"clocks {names(known)}",
            remedy="name it with main_clock=...",
        )
    if main_clock not in known:
        raise UnknownClockError(
            f"Main clock dimension name {main_clock!r} not found in `clocks` nor in Dataset",
            got=repr(main_clock),
            expected=f"one of the clocks {names(known)}",
            suggestions=did_you_mean(main_clock, known),
            clock=main_clock,
        )
    return main_clock, extra


def _check_size(dataset: xr.Dataset, name: str, size: int) -> None:
    along = [str(v) for v, variable in dataset.variables.items() if name in variable.dims and v != name]
    if along and dataset.sizes[name] != size:
        raise ClockError(
            f"clock {name!r} cannot be replaced: other variables have values along it",
            got=f"{size} labels; {names(along)} with {dataset.sizes[name]}",
            expected="as many labels as before",
            remedy="give these variables new values too, or drop them first",
            clock=name,
        )


def _check_labels(name: str, labels: np.ndarray[Any, Any]) -> None:
    if labels.size == 0:
        raise ClockError(f"main clock {name!r} has no labels", expected="at least one label", clock=name)
    if labels.dtype.kind not in "iufmM" and not _are_dates(labels):
        raise ClockError(
            f"labels of main clock {name!r} are of no kind that time can be measured with",
            got=f"type {labels.dtype}: {_some(labels)}",
            expected="numbers, datetime64, timedelta64 or cftime dates",
            clock=name,
        )
    # Compared, not subtracted: small and unsigned integers would overflow.
    rising, falling = labels[1:] > labels[:-1], labels[1:] < labels[:-1]
    if not (rising.all() or falling.all()):
        wrong = ~rising if rising.mean() >= 0.5 else ~falling
        i = int(np.flatnonzero(wrong)[0])
        raise ClockError(
            f"main clock {name!r} is not strictly monotonic",
            got=f"{_one(labels[i])} followed by {_one(labels[i + 1])} at position {i + 1}",
            expected="labels that only increase, or only decrease",
            clock=name,
        )
    if pd.isnull(labels).any():
        raise ClockError(f"labels of main clock {name!r} are missing", got=_some(labels), clock=name)


def _are_dates(labels: np.ndarray[Any, Any]) -> bool:
    return labels.dtype == object and all(hasattr(label, "timetuple") for label in labels)


def _with_attrs(dataset: xr.Dataset, name: str, attributes: Mapping[str, Any]) -> xr.Dataset:
    coord = dataset[name].variable.copy(deep=False)
    coord.attrs = {**coord.attrs, **attributes}
    return dataset.assign_coords({name: coord})


def _one(label: Any) -> str:
    plain = isinstance(label, (np.number, np.bool_)) and not isinstance(label, np.timedelta64)
    return str(label.item()) if plain else str(label)


def _some(labels: np.ndarray[Any, Any], limit: int = 6) -> str:
    shown = [_one(label) for label in labels[:limit]]
    return "[" + ", ".join(shown) + (", ..." if labels.size > limit else "") + "]"


def save_steps(dataset: xr.Dataset) -> xr.Dataset:
    """Say at which labels of the main clock each other clock saves."""
    clocks = read_clocks(dataset)
    if clocks.main is None:
        return xr.Dataset()
    saves = {}
    for name in clocks.labels:
        if name != clocks.main:
            flags = np.zeros(clocks.labels[clocks.main].size, dtype=bool)
            flags[clocks.positions(name)] = True
            saves[name] = (clocks.main, flags)
    return xr.Dataset(saves, coords={clocks.main: dataset[clocks.main]})
