"""Whether two results are the same, bit for bit."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any

import numpy as np
import xarray as xr

from xsim._base.render import names, quantity
from xsim.errors import CheckError
from xsim.setup.attributes import PROGRAMS, PROVENANCE, SUMMARY, WORKERS
from xsim.testing.same import difference

VARYING = (
    *("xsim_start", "xsim_end", "xsim_seconds", "xsim_worker", "xsim_memory", "xsim_traceback", "xsim_journal"),
    *("xsim_retries", PROGRAMS, PROVENANCE, SUMMARY, WORKERS),
)
"""What differs from one run to the next: times, hosts, memory, workers, retries, provenance, and the frames that lead
to a process."""


def assert_identical_runs(a: xr.Dataset, b: xr.Dataset, *, ignore: Collection[str] = ()) -> None:
    """Check that two results are the same, bit for bit.

    Compared are dimensions, variables, coordinates, types (int64 is not float64), values (NaN is NaN, 0.0 is not
    -0.0) and attributes. Not compared are the times, hosts, workers, retries, tracebacks, summaries and provenance of
    the runs, and how variables are held: in memory, or in a store.

    Parameters
    ----------
    a, b : xarray.Dataset
        Results of `Dataset.xsim.run`, or any datasets.
    ignore : collection of str, optional
        Names of more variables and attributes of the datasets that may differ.

    Raises
    ------
    CheckError
        An AssertionError that lists all differences; its attribute ``findings`` has them as texts.

    Examples
    --------
    >>> import numpy as np
    >>> import xsim as xs
    >>> @xs.process
    ... class Walk:
    ...     place = xs.variable(intent="out")
    ...     def initialize(self):
    ...         self.place = 0.0
    ...     @xs.runtime(args="rng")
    ...     def run_step(self, rng):
    ...         self.place += rng.normal()
    >>> model = xs.Model({"walk": Walk})
    >>> setup = xs.create_setup(model, {"time": np.arange(4)}, output_vars={"walk__place": "time"})
    >>> a, b, c = (setup.xsim.run(model, seed=seed) for seed in (1, 1, 2))
    >>> xs.testing.assert_identical_runs(a, b)
    >>> xs.testing.assert_identical_runs(a, c, ignore=["walk__place"])
    Traceback (most recent call last):
        ...
    xsim.errors.CheckError: the runs differ in 1 place
      - attribute 'xsim_seed': '1' ≠ '2'
    """
    for dataset in (a, b):
        if not isinstance(dataset, xr.Dataset):
            raise TypeError(f"runs are compared by their results, xarray.Datasets, not {type(dataset).__name__!r}")
    found = list(_differences(a, b, {*VARYING, *ignore}))
    if found:
        raise CheckError.listing(f"the runs differ in {quantity(len(found), 'place')}", found, findings=tuple(found))


def _differences(a: xr.Dataset, b: xr.Dataset, ignored: set[str]) -> Iterator[str]:
    ours, theirs = ({str(n): n for n in each.variables if n not in ignored} for each in (a, b))
    if ours.keys() != theirs.keys():
        only = [names(sorted(one.keys() - other.keys())) for one, other in ((ours, theirs), (theirs, ours))]
        yield f"variables: {only[0]} only in the first, {only[1]} only in the second"
    yield from _attributes("attribute", _kept(a.attrs, ignored), _kept(b.attrs, ignored))
    for name in ours:
        if name in theirs:
            roles = ["a coordinate" if ours[name] in each.coords else "no coordinate" for each in (a, b)]
            if roles[0] != roles[1]:
                yield f"variable {name!r}: {roles[0]} ≠ {roles[1]}"
            indexed = ["indexed" if ours[name] in each.indexes else "not indexed" for each in (a, b)]
            if indexed[0] != indexed[1]:
                yield f"variable {name!r}: {indexed[0]} ≠ {indexed[1]}"
            yield from _variables(name, a.variables[name], b.variables[name])


def _variables(name: str, a: xr.Variable, b: xr.Variable) -> Iterator[str]:
    if a.dims != b.dims:
        yield f"variable {name!r}: dims {a.dims} ≠ {b.dims}"
        return
    if found := difference(_plain(a), _plain(b)):
        yield f"variable {name!r}: {found}"
    yield from _attributes(f"variable {name!r}, attribute", a.attrs, b.attrs)


def _plain(variable: xr.Variable) -> np.ndarray[Any, Any]:
    values = variable.to_numpy()
    # Text is objects in memory, and may be one of numpy's own types where it comes from a store.
    return values.astype(object) if values.dtype.kind in "UT" else values


def _kept(attributes: dict[Any, Any], ignored: set[str]) -> dict[Any, Any]:
    return {name: value for name, value in attributes.items() if name not in ignored}


def _attributes(what: str, a: dict[Any, Any], b: dict[Any, Any]) -> Iterator[str]:
    for name in dict.fromkeys([*a, *b]):
        if name not in a or name not in b:
            yield f"{what} {name!r}: only in the {'first' if name in a else 'second'}"
        elif found := difference(a[name], b[name]):
            yield f"{what} {name!r}: {found}"
