"""Running a dataset as a setup, and looking at it as a result."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import xarray as xr

from xsim._model import Model
from xsim.accessor.setup import SetupAccessor
from xsim.errors import OptionError
from xsim.model.context import model_or_default
from xsim.model.graph import as_graph
from xsim.result.views import ResultViews

if TYPE_CHECKING:
    from xsim.engine.profile import Profile
    from xsim.plan.options import RunOptions
    from xsim.plan.run_plan import RunPlan
    from xsim.result.explanation import Explanation


@xr.register_dataset_accessor("xsim")  # type: ignore[no-untyped-call]
class XsimAccessor(SetupAccessor, ResultViews):
    """What xsim does with a dataset: look at it as a setup, change it, run it."""

    def plan(
        self, model: Any = None, *, measure: bool = False, hooks: Sequence[Any] | None = None, **options: Any
    ) -> RunPlan:
        """Decide and check everything about a run, without writing, and without running more than a first member.

        Parameters
        ----------
        model : xsim.Model, optional
            By default that of the enclosing ``with model:`` block.
        measure : bool, default: False
            Run the first member of a batch, saving nothing, to learn what the batch will cost: time, bytes, files,
            tasks.
        hooks : sequence, optional
            As in `run`, for the member that is measured.
        **options
            As in `run`.

        Returns
        -------
        RunPlan
            Prints what will run, what binds, and what it will cost; with ``resume=True`` also what is done already and
            what is left.

        Raises
        ------
        XsimError
            If something is wrong with setup or options.
        Exception
            What the member that is measured raises.
        """
        import xsim._run as runs
        from xsim.plan.options import run_options

        graph = as_graph(model_or_default(model))
        plan = runs.plan(graph, self._dataset, run_options("plan", **options))
        return runs.measured(plan, hooks or (), Model(graph.classes, order=graph.hints).over) if measure else plan

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
        scratch: Any = None,
        keep_scratch: str = "failed",
        memory: int | str | None = None,
        memory_per_member: int | str | None = None,
        priority: Any = None,
        max_walltime: Any = None,
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
        scratch : path-like, optional
            Folder for those of external programs (runtime argument ``job``); by default one beside the store, or one
            among the system's temporary files.
        keep_scratch : {"failed", "always", "never"}, default: "failed"
            Keep the folders of members that are not done, all, or none.
        memory : int or str, optional
            What all members that run at a time may use together, in bytes or as ``"64 GB"``; by default all that this
            process may use.
        memory_per_member : int or str, optional
            What a member needs: no more run at a time than there is memory for. Otherwise the first ones are measured,
            where worker processes or external programs run them.
        priority : str or array-like, optional
            Which members start first: numbers along the batch dimensions, or the name of a variable of this dataset
            that has them. Greater ones come first, but for the first members of all, which tell the types of outputs.
            A block starts with the greatest of its members.
        max_walltime : float or datetime.timedelta, optional
            Seconds after which a batch stops as it does after Ctrl-C, and raises `xsim.errors.StoppedError`: what is
            done is kept, and ``resume=True`` goes on.

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
        StoppedError
            If ``max_walltime`` is over, or after SIGTERM. Uncaught, it ends Python with exit code 75 or 143.
        Exception
            What a process raises in a single run; its notes name the process, the stage and the step.

        Notes
        -----
        Outputs are taken after ``run_step`` and before ``finalize_step`` of each step whose start is a label of their
        clock, and after the last step for its last label.
        """
        given = locals()
        from xsim.plan.options import RunOptions

        chosen = RunOptions(**{name: given[name] for name in RunOptions.__annotations__})
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
        import xsim._execution  # before the clock starts
        import xsim._run  # noqa: F401
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
