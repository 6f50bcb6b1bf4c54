"""Looking at a dataset as a setup, and changing it."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import xarray as xr

from xsim._base.keys import Key
from xsim.model.context import model_or_default
from xsim.model.graph import as_graph
from xsim.setup.clocks import read_clocks, save_steps, set_clocks
from xsim.setup.create import as_setup, filter_variables_of, renamed, reset_variables
from xsim.setup.inputs import set_inputs
from xsim.setup.outputs import read_outputs, set_outputs
from xsim.setup.simlab import from_simlab
from xsim.setup.summary import setup_page


class SetupAccessor:
    """What xsim does with a dataset as a setup: look at it, and change it."""

    def __init__(self, dataset: xr.Dataset) -> None:
        self._given = dataset

    @property
    def _dataset(self) -> xr.Dataset:
        return from_simlab(self._given)

    def __repr__(self) -> str:
        return setup_page(self._dataset).text()

    def _repr_html_(self) -> str:
        return setup_page(self._dataset).html()

    # -- looking ----------------------------------------------------------------------------------------------------

    @property
    def clock_coords(self) -> Mapping[str, xr.DataArray]:
        """The clocks, by name."""
        return MappingProxyType({name: self._dataset[name] for name in read_clocks(self._dataset).labels})

    @property
    def clock_sizes(self) -> Mapping[str, int]:
        """Number of labels of each clock."""
        return MappingProxyType({name: labels.size for name, labels in read_clocks(self._dataset).labels.items()})

    @property
    def main_clock_dim(self) -> str | None:
        """Name of the main clock; None without a clock."""
        return read_clocks(self._dataset).main

    @property
    def main_clock_coord(self) -> xr.DataArray | None:
        """The main clock; None without a clock."""
        main = self.main_clock_dim
        return None if main is None else self._dataset[main]

    @property
    def master_clock_dim(self) -> str | None:
        """Deprecated name of `main_clock_dim`."""
        warnings.warn("master_clock_dim is deprecated; use main_clock_dim", FutureWarning, stacklevel=2)
        return self.main_clock_dim

    @property
    def master_clock_coord(self) -> xr.DataArray | None:
        """Deprecated name of `main_clock_coord`."""
        warnings.warn("master_clock_coord is deprecated; use main_clock_coord", FutureWarning, stacklevel=2)
        return self.main_clock_coord

    @property
    def nsteps(self) -> int:
        """Number of intervals of the main clock; 0 without a clock."""
        return read_clocks(self._dataset).nsteps

    @property
    def output_vars(self) -> Mapping[Key, str | None]:
        """Clock of each requested output, by ``(process, variable)``; None for one value at the end."""
        return MappingProxyType(read_outputs(self._dataset))

    @property
    def output_vars_by_clock(self) -> Mapping[str | None, list[Key]]:
        """Requested outputs of each clock."""
        found: dict[str | None, list[Key]] = {}
        for key, clock in read_outputs(self._dataset).items():
            found.setdefault(clock, []).append(key)
        return MappingProxyType(found)

    def get_output_save_steps(self) -> xr.Dataset:
        """Say at which labels of the main clock each other clock saves.

        Returns
        -------
        xarray.Dataset
            A variable of bools along the main clock for each other clock.
        """
        return save_steps(self._dataset)

    # -- changing ---------------------------------------------------------------------------------------------------

    def update_clocks(
        self,
        model: Any = None,
        clocks: Mapping[str, Any] | None = None,
        main_clock: str | Mapping[str, Any] | None = None,
        *,
        master_clock: str | Mapping[str, Any] | None = None,
    ) -> xr.Dataset:
        """Give a dataset with clocks added or replaced; other clocks and all output requests stay.

        Parameters
        ----------
        model : xsim.Model, optional
            By default that of the enclosing ``with model:`` block.
        clocks, main_clock, master_clock
            As in `xsim.create_setup`. The main clock stays unless another one is named.

        Raises
        ------
        ClockError, UnknownClockError
            If a clock breaks a rule; also an old one that is out of step with a new main clock.
        """
        as_graph(model_or_default(model))
        return set_clocks(
            as_setup(self._dataset), clocks, renamed("master_clock", master_clock, "main_clock", main_clock)
        )

    def update_vars(
        self,
        model: Any = None,
        input_vars: Mapping[Any, Any] | None = None,
        output_vars: Mapping[Any, Any] | None = None,
    ) -> xr.Dataset:
        """Give a dataset with input values or output requests added or replaced.

        Parameters
        ----------
        model : xsim.Model, optional
            By default that of the enclosing ``with model:`` block.
        input_vars, output_vars : mapping, optional
            As in `xsim.create_setup`.

        Raises
        ------
        UnknownInputError, InputError, InputTypeError
            If a name is no input of the model, or a value does not fit.
        UnknownOutputError, OutputRequestError, UnknownClockError
            If an output cannot be saved, or its clock does not exist.
        """
        graph = as_graph(model_or_default(model))
        return set_outputs(set_inputs(as_setup(self._dataset), graph, input_vars), graph, output_vars)

    def reset_vars(self, model: Any = None) -> xr.Dataset:
        """Give a dataset in which all inputs that have a default have this default.

        Parameters
        ----------
        model : xsim.Model, optional
            By default that of the enclosing ``with model:`` block.
        """
        return reset_variables(as_setup(self._dataset), as_graph(model_or_default(model)))

    def filter_vars(self, model: Any = None) -> xr.Dataset:
        """Give a dataset with only what the model knows: its inputs, the clocks, requests of its variables.

        Parameters
        ----------
        model : xsim.Model, optional
            By default that of the enclosing ``with model:`` block.
        """
        return filter_variables_of(as_setup(self._dataset), as_graph(model_or_default(model)))
