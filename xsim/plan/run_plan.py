"""The run plan: the frozen, picklable, printable description of everything that will run."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import xarray as xr

from xsim._base.cpus import usable_cpus
from xsim._base.keys import join_key
from xsim._base.memory import usable_memory
from xsim._base.render import Page, Section, quantity, size
from xsim._base.stages import Stage
from xsim._base.suggest import did_you_mean
from xsim._base.version import __version__
from xsim.declare.runtime import RUNTIME_ARGS
from xsim.errors import ClockError, RuntimeContextError
from xsim.model.graph import ModelGraph
from xsim.plan.batch import Batch, plan_batch
from xsim.plan.blocks import chosen_shape
from xsim.plan.budget import Budget, make_budget
from xsim.plan.estimate import Estimate
from xsim.plan.inputs import PlannedInput, plan_inputs, validate_inputs
from xsim.plan.options import RunOptions, Scheduler
from xsim.plan.outlook import Outlook
from xsim.plan.outputs import PlannedOutput, plan_outputs
from xsim.plan.priority import Priorities, plan_priorities
from xsim.plan.random import random_stream
from xsim.plan.remarks import remarks_on
from xsim.plan.saves import SavePlan, plan_saves
from xsim.plan.scratch import scratch_root
from xsim.plan.source import as_source
from xsim.plan.timeline import Timeline, make_timeline
from xsim.setup.attributes import ROLE, SEED, VERSION, WORKERS
from xsim.setup.clocks import check_clocks, read_clocks
from xsim.setup.outputs import check_outputs, read_outputs


@attrs.frozen(eq=False)
class RunPlan:
    """Everything that will run.

    Attributes
    ----------
    graph : ModelGraph
        What runs.
    setup : xarray.Dataset
        The plain setup, which the result repeats.
    timeline : Timeline
        When it runs.
    inputs : tuple of PlannedInput
        What goes in.
    outputs : tuple of PlannedOutput
        What comes out; index variables first.
    options : RunOptions
        How it runs.
    batch : Batch
        Its members; a single one without a batch.
    block : tuple of int, optional
        Shape of the blocks of members, where the user fixes it; otherwise the first members decide.
    budget : Budget
        CPUs, threads and memory, and what binds.
    threads : int, optional
        Threads that numerical libraries may use in each; None leaves them as they are.
    seed : int, optional
        Entropy of all random streams; None if nobody asks for one.
    remarks : tuple of str
        What is odd about the run, though it can be done.
    scratch : Path
        For the folders of external programs; made when one is needed.
    estimate : Estimate, optional
        What it will cost, where a member has been measured.
    outlook : Outlook, optional
        What is left to do, where it goes on with what is in its store; made by `Dataset.xsim.plan`.
    priorities : numpy.ndarray, optional
        Of the members, in the shape of the batch: greater ones start first.
    """

    graph: ModelGraph
    setup: xr.Dataset
    timeline: Timeline
    inputs: tuple[PlannedInput, ...]
    outputs: tuple[PlannedOutput, ...]
    options: RunOptions
    batch: Batch
    block: tuple[int, ...] | None
    budget: Budget
    threads: int | None
    seed: int | None
    remarks: tuple[str, ...]
    scratch: Path
    estimate: Estimate | None = None
    outlook: Outlook | None = None
    priorities: Priorities | None = None

    @property
    def workers(self) -> int:
        """How many workers run them."""
        return self.budget.workers

    @cached_property
    def saves(self) -> SavePlan:
        """When outputs are saved."""
        return plan_saves(self.outputs, self.timeline.nsteps)

    @property
    def is_batch(self) -> bool:
        """Whether the run has batch dimensions."""
        return bool(self.batch.dims)

    @property
    def scheduler(self) -> Scheduler:
        """What runs the members of a batch, or the processes of a single model."""
        chosen = self.options.scheduler or "threads"
        if not self.options.parallel:
            return "synchronous"
        return "threads" if chosen == "processes" and not self.is_batch else chosen

    @property
    def facts(self) -> dict[str, Any]:
        """Attributes of the result that tell how it was made."""
        facts: dict[str, Any] = {VERSION: __version__}
        if self.seed is not None:
            facts[SEED] = str(self.seed)
        if self.options.parallel:
            facts[WORKERS] = self.workers
        return facts

    def random_stream(self, member: int, process: str) -> np.random.Generator:
        """Make the random stream of a process in a member (DESIGN §B11).

        It depends on the seed, the member's position and the process's name, and on nothing else.
        """
        return random_stream(self.seed, self.batch.position(member), process)

    def __repr__(self) -> str:
        return self._page().text()

    def _repr_html_(self) -> str:
        return self._page().html()

    def _page(self) -> Page:
        stages = [
            (stage.value, ", ".join(name for name in self.graph.order if stage in self.graph.specs[name].stages))
            for stage in Stage
        ]
        clock = "no clock" if self.timeline.clock is None else f"main clock {self.timeline.clock!r}"
        inputs = [
            (p.name, str(p.values.shape), str(p.values.dtype), size(p.values.nbytes), "in time" if p.in_time else "")
            for p in self.inputs
        ]
        outputs = [
            (o.name, "index" if o.is_index else f"on {o.clock!r}" if o.clock else "at the end", _values(o))
            for o in self.outputs
        ]
        head = (
            f"<xsim RunPlan ({quantity(len(self.graph.order), 'process', 'processes')}, "
            f"{quantity(self.timeline.nsteps, 'step')}, {clock})>"
        )
        members = []
        if self.is_batch:
            grid = " x ".join(f"{dim} {n}" for dim, n in zip(self.batch.dims, self.batch.shape, strict=True))
            workers = f"{quantity(self.workers, 'worker')} ({self.scheduler})"
            how = workers if self.options.parallel else "one after the other"
            members = [Section(f"Members: {self.batch.size} ({grid}), {how}")]
            if self.options.parallel:
                members.append(Section(f"Budget: {self.budget}"))
            if self.estimate is not None:
                members.append(Section(f"Estimate: {self.estimate}"))
        how_taken = "resume" if self.options.resume else f"mode {self.options.mode!r}"
        where = "memory" if self.options.store is None else f"{self.options.store} ({how_taken})"
        return Page(
            head,
            (
                *members,
                Section("Stages:", [row for row in stages if row[1]], "*empty*"),
                *_links(self.graph),
                Section("Inputs:", inputs, "*empty*"),
                Section("Outputs:", outputs, "*empty*"),
                Section(f"Store: {where}"),
                *([] if self.outlook is None else [self.outlook.section]),
                *[Section(f"Warning: {remark}") for remark in self.remarks],
            ),
        ).cut()


def _links(graph: ModelGraph) -> list[Section]:
    """Print what the order of processes does not show by itself, where there is any."""
    hints = [(f"{first} before {second}",) for first, second in graph.hints]
    lagged = [(join_key(key), f"is {join_key(target)}") for key, target in graph.lagged.items()]
    return [Section(title, rows) for title, rows in (("Order hints:", hints), ("Of the step before:", lagged)) if rows]


def _values(output: PlannedOutput) -> str:
    return quantity(output.nlabels, "value") + " of dims " + " or ".join(str(dims) for dims in output.dims)


def make_plan(graph: ModelGraph, dataset: xr.Dataset, options: RunOptions) -> RunPlan:
    """Decide and check everything about a run (DESIGN §E1).

    Raises
    ------
    XsimError
        Of the kind that belongs to what is wrong; see `xsim.errors`.
    Exception
        What a validator or converter of an input raises.
    """
    setup = as_source(dataset, graph)
    clocks = read_clocks(setup)
    if clocks.main is None and any(ROLE in c.attrs for n, c in setup.coords.items() if n not in clocks.labels):
        raise ClockError(
            "Missing main clock dimension / coordinate",
            got="a clock that has lost its dimension by a selection",
            remedy="set it again: ds.xsim.update_clocks(model, clocks=..., main_clock=...)",
        )
    check_clocks(clocks)
    requests = read_outputs(setup)
    check_outputs(graph, list(requests))
    batch = plan_batch(setup, options.batch_dim, clocks)
    outputs = plan_outputs(graph, clocks, batch, requests, options)
    check_runtime_args(graph)
    timeline = make_timeline(setup, clocks)
    inputs = plan_inputs(graph, setup, clocks.main, batch, options.check_dims)
    if options.validate is not None:
        # What differs between members is checked where it concerns one member only.
        validate_inputs(graph, tuple(p for p in inputs if not p.batch_axes), timeline.nsteps)
    block = chosen_shape(batch, options.block, outputs)
    budget = make_budget(options, usable_cpus(), usable_memory())
    threads = budget.threads if options.parallel else options.threads_per_worker
    remarks = tuple(remarks_on(options, batch, block, budget, threads))
    seed = _seed(graph, dataset, options)
    scratch = scratch_root(options)
    priorities = plan_priorities(options.priority, setup, batch)
    return RunPlan(
        *(graph, setup, timeline, inputs, outputs, options, batch, block, budget, threads, seed, remarks, scratch),
        priorities=priorities,
    )


def _seed(graph: ModelGraph, dataset: xr.Dataset, options: RunOptions) -> int | None:
    """Give the seed: the one asked for, that of the run whose result the setup is, or a fresh one."""
    if options.seed is not None:
        return options.seed
    if not any("rng" in m.args for spec in graph.specs.values() for m in spec.stages.values()):
        return None
    if SEED in dataset.attrs:
        return int(dataset.attrs[SEED])
    fresh = np.random.SeedSequence().entropy
    assert isinstance(fresh, int)
    return fresh


def check_runtime_args(graph: ModelGraph) -> None:
    """Check that each runtime argument asked for exists.

    Raises
    ------
    RuntimeContextError
    """
    for name in graph.order:
        for method in graph.specs[name].stages.values():
            for arg in method.args:
                if arg not in RUNTIME_ARGS:
                    raise RuntimeContextError(
                        f"process {name!r} asks for a runtime argument that does not exist",
                        got=f"{arg!r}, in stage {method.stage.value!r}",
                        expected=", ".join(map(repr, RUNTIME_ARGS)),
                        suggestions=did_you_mean(arg, RUNTIME_ARGS),
                        process=name,
                    )
