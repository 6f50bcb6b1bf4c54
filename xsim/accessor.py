"""The accessor ``.xsim`` of datasets."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import xarray as xr

from xsim._base.keys import Key
from xsim._model import Model
from xsim.errors import OptionError
from xsim.model.context import model_or_default
from xsim.model.graph import as_graph
from xsim.setup.clocks import read_clocks, save_steps, set_clocks
from xsim.setup.create import filter_variables_of, renamed, reset_variables
from xsim.setup.inputs import set_inputs
from xsim.setup.outputs import read_outputs, set_outputs
from xsim.setup.simlab import from_simlab
from xsim.setup.summary import setup_page

if TYPE_CHECKING:
    from xsim.engine.profile import Profile
    from xsim.plan.options import RunOptions
    from xsim.plan.run_plan import RunPlan
    from xsim.result.explanation import Explanation


@xr.register_dataset_accessor("xsim")  # type: ignore[no-untyped-call]
class XsimAccessor:
    """What xsim does with a dataset: look at it as a setup, change it, run it."""

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
        return set_clocks(self._dataset, clocks, renamed("master_clock", master_clock, "main_clock", main_clock))

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
        return set_outputs(set_inputs(self._dataset, graph, input_vars), graph, output_vars)

    def reset_vars(self, model: Any = None) -> xr.Dataset:
        """Give a dataset in which all inputs that have a default have this default.

        Parameters
        ----------
        model : xsim.Model, optional
            By default that of the enclosing ``with model:`` block.
        """
        return reset_variables(self._dataset, as_graph(model_or_default(model)))

    def filter_vars(self, model: Any = None) -> xr.Dataset:
        """Give a dataset with only what the model knows: its inputs, the clocks, requests of its variables.

        Parameters
        ----------
        model : xsim.Model, optional
            By default that of the enclosing ``with model:`` block.
        """
        return filter_variables_of(self._dataset, as_graph(model_or_default(model)))

    # -- running ----------------------------------------------------------------------------------------------------

    def plan(self, model: Any = None, **options: Any) -> RunPlan:
        """Decide and check everything about a run, without running or writing.

        Parameters
        ----------
        model, **options
            As in `run`.

        Returns
        -------
        RunPlan
            Prints what will run.
        """
        from xsim.plan.options import run_options
        from xsim.plan.run_plan import make_plan

        return make_plan(as_graph(model_or_default(model)), self._dataset, run_options("plan", **options))

    def run(
        self,
        model: Any = None,
        batch_dim: str | Sequence[str] | None = None,
        check_dims: str | None = "strict",
        validate: str | None = "inputs",
        store: Any = None,
        encoding: Mapping[str, Mapping[str, Any]] | None = None,
        decoding: Mapping[str, Any] | None = None,
        hooks: Sequence[Any] | None = None,
        parallel: bool = False,
        scheduler: str | None = None,
        safe_mode: bool = True,
        *,
        mode: str = "w-",
        resume: bool = False,
        accept_code_change: bool = False,
        workers: int | None = None,
        threads_per_worker: int | None = None,
        block: int | None = None,
        seed: int | None = None,
        on_error: str = "raise",
        max_failures: int | None = None,
        retries: int = 0,
        time_limit: Any = None,
        progress: bool | None = None,
    ) -> xr.Dataset:
        """Run a model with this dataset as setup.

        Parameters
        ----------
        model : xsim.Model, optional
            By default that of the enclosing ``with model:`` block.
        batch_dim : str or sequence of str, optional
            Dimensions of inputs along which the members of a batch lie; several make the outer product. Outputs keep
            them, in front. Rows follow the position of a member, whatever its label.
        check_dims : {"strict", "transpose"} or None, default: "strict"
            Whether dimensions of inputs must be in the declared order, may be in another one (values are transposed),
            or are not checked.
        validate : {"inputs", "all"} or None, default: "inputs"
            Whether converters and validators of variables see the inputs. With "all", they also see what processes set
            (``intent="out"`` or ``"inout"``), after each stage, and intents are enforced while a process runs: arrays
            that it only reads are read-only, and its ``in`` variables cannot be set. Results are the same; it takes
            longer. Lists and other objects cannot be guarded, and compiled code may refuse read-only arrays that it
            would not change.
        store : path-like, str, zarr store, zarr.Group or icechunk session, optional
            Where inputs and outputs are written while running, in Zarr format 3; by default they stay in memory. A
            session of icechunk is committed when the run ends; its store is not.
        encoding : mapping, optional
            For each output, by name, how it is stored: ``dtype``, ``chunks``, ``shards``, ``fill_value``,
            ``compressors`` (or ``compressor``), ``filters``, ``serializer`` (or all three as ``codecs``), ``order``.
            Chunk sizes count from the front (batch, clock, own dimensions). Codecs are objects of `zarr.codecs` or
            `numcodecs`. Takes precedence over what variables declare.
        decoding : mapping, optional
            Arguments for `xarray.open_zarr`, which opens the result; what concerns values holds in memory too.
        hooks : sequence, optional
            Functions decorated with `xsim.runtime_hook`, and `xsim.RuntimeHook` objects. Worker processes get copies.
        parallel : bool, default: False
            Run the members of a batch at the same time; in a single run, the processes of a stage, where that pays.
            Results are the same bit for bit.
        scheduler : {"threads", "processes", "synchronous"}, optional
            What runs them; threads by default. Worker processes are for batches.
        safe_mode : bool, default: True
            Run on process objects made for this run. With False, on those of the model: they can be looked at
            afterwards.
        mode : {"w-", "w"}, default: "w-"
            Refuse a store that holds something already, or replace it.
        resume : bool, default: False
            Go on with a batch that was begun in the store, however it ended: members that are done stay as they are,
            the others run (again), and members appended along a batch dimension run too. The result is that of an
            uninterrupted run, bit for bit. Where nothing has been begun this is a run like any other.
        accept_code_change : bool, default: False
            Go on although the source text of process classes has changed since.
        workers : int, optional
            How many at a time: None for all usable CPUs, ``-n`` for all but n.
        threads_per_worker : int, optional
            Threads that numerical libraries may use in each worker; by default workers share the usable CPUs. Their
            number may change the last bits of what these libraries compute.
        block : int, optional
            How many members one task runs; chosen by size and time of the first members otherwise.
        seed : int, optional
            Entropy of the random streams that stage methods ask for (``rng``); stored with the result.
        on_error : {"raise", "continue"}, default: "raise"
            Whether members that fail raise one error, after all others are done and saved, or one warning.
        max_failures : int, optional
            Number of failures after which no new member starts.
        retries : int, default: 0
            How often a member that fails, or whose worker process dies, runs again before it counts as failed.
        time_limit : float or datetime.timedelta, optional
            Seconds that a member may take; then it stops between two steps, with outcome "timed out". In worker
            processes also a step that never ends is stopped.
        progress : bool, optional
            Show a progress bar; by default in terminals and notebooks.

        Returns
        -------
        xarray.Dataset
            This dataset with the outputs: ``process__variable`` for variables, bare names for index variables, which
            become coordinates. It is a setup again. From a store it comes back lazily. A batch adds variables on how
            each member ended: ``xsim_outcome``, ``xsim_reason`` and others.

        Raises
        ------
        XsimError
            If something is wrong with setup, options or store; nothing has been written then.
        BatchError
            If members of a batch fail. It also is of the type of the first failure.
        Exception
            What a process raises in a single run; its notes name the process, the stage and the step.

        Notes
        -----
        Outputs are taken after ``run_step`` and before ``finalize_step`` of each step whose start is a label of their
        clock, and after the last step for its last label.
        """
        from xsim.plan.options import run_options

        chosen = run_options(
            "run",
            batch_dim=batch_dim,
            check_dims=check_dims,
            validate=validate,
            store=store,
            encoding=encoding,
            decoding=decoding,
            parallel=parallel,
            scheduler=scheduler,
            mode=mode,
            resume=resume,
            accept_code_change=accept_code_change,
            workers=workers,
            threads_per_worker=threads_per_worker,
            block=block,
            seed=seed,
            on_error=on_error,
            max_failures=max_failures,
            retries=retries,
            time_limit=time_limit,
            progress=progress,
        )
        return self._run(model, chosen, hooks, safe_mode, None)

    def explain(
        self, model: Any = None, *, hooks: Sequence[Any] | None = None, safe_mode: bool = True, **options: Any
    ) -> Explanation:
        """Run a model as `run` does, and say where the time went.

        Parameters
        ----------
        model, hooks, safe_mode, **options
            As in `run`.

        Returns
        -------
        Explanation
            Prints where the time went, has it as a table, draws it; `Explanation.result` is what `run` gives.

        Raises
        ------
        XsimError, BatchError, Exception
            As `run` does.
        """
        import xsim._run  # noqa: F401  # before the clock starts
        from xsim.engine.profile import Profile
        from xsim.plan.options import run_options
        from xsim.result.explanation import Explanation

        chosen = run_options("explain", **options)
        profile = Profile(concurrent=chosen.concurrent)
        with profile.whole():
            result = self._run(model, chosen, hooks, safe_mode, profile)
        return Explanation(profile.timing(), result)

    def _run(
        self, model: Any, options: RunOptions, hooks: Sequence[Any] | None, safe_mode: bool, profile: Profile | None
    ) -> xr.Dataset:
        from xsim._run import run  # what runs models is imported when one is run

        model = model_or_default(model)
        graph = as_graph(model)
        view = model.over if isinstance(model, Model) else Model(graph.classes, order=graph.hints).over
        if not safe_mode and options.batch_dim is not None:
            raise OptionError("safe_mode=False is for single runs", got=f"batch_dim={options.batch_dim!r}")
        return run(graph, self._dataset, options, hooks or (), view, None if safe_mode else dict(model), profile)

    @property
    def outcome(self) -> xr.DataArray:
        """How each member of a batch ended: "done", "failed" or "pending", along the batch dimensions.

        Raises
        ------
        AttributeError
            If the dataset is not the result of a batch.
        """
        from xsim.result.outcomes import outcomes_of

        return outcomes_of(self._dataset)
