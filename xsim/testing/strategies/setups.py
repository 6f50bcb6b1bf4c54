"""Random setups of a model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import hypothesis.extra.numpy as hnp
import numpy as np
import xarray as xr
from attrs import NOTHING
from hypothesis import strategies as st

from xsim._base.dims import Dims, on_clock, with_ndim
from xsim._base.keys import Key, join_key
from xsim._base.render import names
from xsim._base.suggest import did_you_mean
from xsim.errors import OptionError, UnknownInputError
from xsim.model.graph import HasGraph, ModelGraph, as_graph, variable_names
from xsim.setup.create import create_setup
from xsim.testing.strategies.clocks import clocks as any_clocks

_NUMBERS = st.integers(-8, 8).map(lambda n: n / 4)


@st.composite
def setups(
    draw: st.DrawFn,
    model: HasGraph,
    *,
    inputs: Mapping[str, st.SearchStrategy[Any]] | None = None,
    sizes: Mapping[str, int] | None = None,
    batch_dims: Sequence[str] = (),
    varying: bool = True,
    clocks: st.SearchStrategy[Mapping[str, Any]] | None = None,
    outputs: Sequence[str] | None = None,
) -> xr.Dataset:
    """Make setups of a model: any clocks, inputs that vary in time and over a batch or not, any outputs.

    Parameters
    ----------
    model : xsim.Model
    inputs : mapping of str to strategy, optional
        Values of inputs, by ``process__variable``, without time and batch dimensions; those of one input have one
        shape. Inputs without a strategy keep their default, or are numbers, arrays of the first dims declared.
    sizes : mapping of str to int, optional
        Sizes of dimensions of arrays that have no strategy; 1 to 3 where they are not given.
    batch_dims : sequence of str, optional
        Batch dimensions, each of which at least one input has. Give them to the run: ``batch_dim=[...]``.
    varying : bool, default: True
        Whether inputs that are not static may vary along the main clock.
    clocks : strategy of mapping of str to labels, optional
        The main clock first; by default those of `xsim.testing.strategies.clocks`. Without any, the setup has none.
    outputs : sequence of str, optional
        Names of the variables that may be saved; by default all that can be.

    Raises
    ------
    UnknownInputError
        If the model has no such input.
    OptionError
        If no input can have the batch dimensions.
    """
    graph = as_graph(model)
    _check_names(graph, inputs or {})
    chosen = dict(draw(any_clocks() if clocks is None else clocks))
    main = next(iter(chosen), None)
    batch = {dim: draw(st.integers(1, 3)) for dim in batch_dims}
    own_sizes = dict(sizes or {})
    given: dict[str, Any] = {}
    alone: dict[str, Any] = {}
    for key in graph.inputs:
        name, spec = join_key(key), graph.variable(key)
        strategy = (inputs or {}).get(name)
        if strategy is None and spec.default_for(graph.classes[key[0]]) is not NOTHING:
            continue
        alternatives = on_clock(graph.resolved(key).dims, main)
        along_clock = main is not None and any(main in dims for dims in alternatives)
        if strategy is None:
            if along_clock:
                own_sizes[str(main)] = len(chosen[str(main)])
            shape = [own_sizes.setdefault(dim, draw(st.integers(1, 3))) for dim in alternatives[0]]
            strategy = hnp.arrays(float, tuple(shape), elements=_NUMBERS) if shape else _NUMBERS
        leading = {dim: n for dim, n in batch.items() if draw(st.booleans())}
        constant = spec.static or spec.lag or along_clock
        if varying and main is not None and not constant and draw(st.booleans()):
            leading[main] = len(chosen[main])
        given[name] = _stacked(draw, strategy, leading, alternatives)
        alone[name] = strategy, alternatives
    _use_all(draw, batch, given, alone, variable_names(graph.inputs))
    requests = _outputs(draw, graph, chosen, given, outputs)
    return create_setup(model, chosen, main, input_vars=given, output_vars=requests)


def _check_names(graph: ModelGraph, inputs: Mapping[str, Any]) -> None:
    known = variable_names(graph.inputs)
    if wrong := [name for name in inputs if name not in known]:
        raise UnknownInputError(
            f"the model has no input {names(wrong)}",
            expected=f"among {names(known)}",
            suggestions=[close for name in wrong for close in did_you_mean(name, known)],
        )


def _stacked(
    draw: st.DrawFn, strategy: st.SearchStrategy[Any], leading: Mapping[str, int], alternatives: Sequence[Dims]
) -> Any:
    """Draw a value for each position along the leading dimensions, and lay them side by side."""
    shape = tuple(leading.values())
    drawn = [draw(strategy) for _ in range(int(np.prod(shape)))]
    if not shape:
        return drawn[0]
    first = np.asarray(drawn[0])
    values = np.array(drawn, dtype=object if isinstance(drawn[0], str) else None).reshape(shape + first.shape)
    return (*leading, *(with_ndim(alternatives, first.ndim) or ())), values


def _use_all(
    draw: st.DrawFn, batch: Mapping[str, int], given: dict[str, Any], alone: Mapping[str, Any], known: Sequence[str]
) -> None:
    """Let an input have all batch dimensions that no other has."""
    used = {dim for value in given.values() if isinstance(value, tuple) for dim in value[0]}
    if set(batch) - used:
        if not alone:
            raise OptionError(
                f"no input can have the batch dimensions {names(batch)}",
                got="inputs that all keep their default" if known else "a model without inputs",
                remedy=f"give a strategy for one: inputs={{{known[0]!r}: ...}}" if known else None,
            )
        name = draw(st.sampled_from(sorted(alone)))
        strategy, alternatives = alone[name]
        given[name] = _stacked(draw, strategy, batch, alternatives)


def _outputs(
    draw: st.DrawFn,
    graph: ModelGraph,
    clocks: Mapping[str, Any],
    given: Mapping[str, Any],
    wanted: Sequence[str] | None,
) -> dict[str, str | None]:
    """Draw what is saved, and when."""
    main = next(iter(clocks), None)
    savable: list[Key] = [key for key in graph.savable if key not in graph.indexes]
    found: dict[str, str | None] = {}
    for key in savable:
        name = join_key(key)
        if (wanted is not None and name not in wanted) or not draw(st.booleans()):
            continue
        root = join_key(graph.linking.roots.get(key, key))
        value = given.get(root)
        if isinstance(value, tuple) and main in value[0] and len(clocks[str(main)]) == 1:
            continue  # without a step it never has a value
        has_clock = any(main in dims for dims in on_clock(graph.resolved(key).dims, main))
        found[name] = None if has_clock else draw(st.sampled_from([None, *clocks]))
    return found
