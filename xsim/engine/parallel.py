"""A stage whose processes run at the same time, in threads, where that pays (DESIGN §O3 to §O5)."""

from __future__ import annotations

import contextvars
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Self

import dask.local

from xsim._base.stages import RuntimeSignal, as_signal
from xsim.engine.ending import Answer
from xsim.engine.hazards import SharedState, hazard_edges
from xsim.engine.stage import Packs, StageProgram, steers
from xsim.engine.state import State
from xsim.engine.tasks import StageTask, grouped_tasks, longest_path, single_tasks
from xsim.engine.thread_limits import ThreadLimits, limited_pool
from xsim.plan.run_plan import RunPlan

WORTH_TRYING = 300e-6
"""Seconds of a whole stage below which scheduling costs more than it can gain."""

LOOKING = 10e-6
"""Seconds for each process, at the least, to see before a parallel pass what it shares with others."""

LEAST_GAIN = 1.05
"""How much faster the parallel stage has to be to stay."""

TRIALS = 3
"""How often each way is measured before one is chosen."""

CLEAR_GAIN = 1.5
"""How much faster one way has to be to be chosen at once; otherwise both are measured twice as often."""

AT_ONCE = 64
"""Processes that, the first time, run here one after the other, to see whether they are worth tasks of their own."""

WORTH_A_TASK = 200e-6
"""Seconds of a process from which on it is."""


class ParallelProgram:
    """The methods of one stage, as tasks in a pool of threads.

    The first pass runs each process as its own task; then the values are known, and what the processes cost. A few
    passes are run both ways, which gives the same bits, and the faster way stays.

    Parameters
    ----------
    program : StageProgram
    objects : mapping of str to object
        Process objects by name.
    pool : concurrent.futures.ThreadPoolExecutor, optional
        None runs the tasks here, one after the other, in an order that keeps all edges.
    workers : int

    Attributes
    ----------
    decision : str
        How the stage runs, and why; empty until it is decided.
    """

    def __init__(
        self, program: StageProgram, objects: Mapping[str, Any], pool: ThreadPoolExecutor | None, workers: int
    ) -> None:
        self.program = program
        self._objects = objects
        self._pool = pool
        self._workers = workers
        self._tasks: list[StageTask] | None = None
        self._signature: tuple[Any, ...] = ()
        self._costs = [0.0] * len(program.calls)
        self._trials: dict[bool, list[float]] = {True: [], False: []}
        self._parallel: bool | None = None
        self._one_by_one = False
        self.decision = ""
        if len(program.calls) < 2:
            self.choose(False, "it has less than two processes")

    def run(self, values: Mapping[str, Any]) -> Answer:
        """Run the stage."""
        if self._tasks is None:
            return self._first_pass(values)
        if self._parallel:
            return self._run_parallel(values)
        return self._trial(values)

    def _run_parallel(self, values: Mapping[str, Any]) -> Answer:
        self._look_again()
        assert self._tasks is not None
        return self._run_tasks(values, self._tasks)

    def _first_pass(self, values: Mapping[str, Any]) -> Answer:
        """Run each process as its own task, but for those that turn out cheap in a stage of many."""
        one_pass = _Pass(self.program, self.program.prepare(values), self._costs)
        done, count = 0, len(self._costs)
        while count - done > AT_ONCE and sum(self._costs[max(0, done - AT_ONCE) : done]) < AT_ONCE * WORTH_A_TASK:
            one_pass.task(tuple(range(done, done + AT_ONCE)))(None)
            done += AT_ONCE
        self._one_by_one = done > 0
        if count - done <= AT_ONCE:  # the last of many cheap ones: the first that is not ends this
            while 0 < done < count and self._costs[done - 1] < WORTH_A_TASK:
                one_pass.task((done,))(None)
                done += 1
        if done < count:
            waits = hazard_edges(self.program.graph, self._objects, self.program.stage)
            rest = [{j - done for j in before if j >= done} for before in waits[done:]]
            self._run_in_pool(one_pass, single_tasks(rest), done)
        answer = one_pass.answer()
        self._tasks = []
        total = sum(self._costs)
        if total < WORTH_TRYING or total * (1 - 1 / self._workers) < count * LOOKING:
            self.choose(False, f"its processes take {total * 1e6:.0f} µs in all, less than their scheduling")
            return answer
        self._look_again()
        if longest_path(self._tasks) == len(self._tasks):
            self.choose(False, "its processes follow each other")
        return answer

    def _look_again(self) -> None:
        """Group the processes anew where values have come to share memory, or to be of another kind."""
        graph = self.program.graph
        signature = SharedState(graph, self._objects).signature
        if signature != self._signature:
            self._signature = signature
            waits = hazard_edges(graph, self._objects, self.program.stage)
            self._tasks = grouped_tasks(waits, self._costs, self._workers)

    def _trial(self, values: Mapping[str, Any]) -> Answer:
        in_parallel = len(self._trials[True]) <= len(self._trials[False])
        started = time.perf_counter()
        answer = self._run_parallel(values) if in_parallel else self.program.run(values)
        self._trials[in_parallel].append(time.perf_counter() - started)
        trials = min(len(times) for times in self._trials.values())
        if trials >= TRIALS and len(self._trials[True]) == len(self._trials[False]):
            gain = min(self._trials[False]) / min(self._trials[True])
            if gain > CLEAR_GAIN or gain < 1 / CLEAR_GAIN or trials >= 2 * TRIALS:
                self._decide(gain)
        return answer

    def _decide(self, gain: float) -> None:
        if gain < LEAST_GAIN:
            self.choose(False, f"{self._workers} threads made it {gain:.2f} times as fast")
        else:
            self.choose(True, f"{len(self._tasks or ())} tasks made it {gain:.2f} times as fast")

    @property
    def has_run(self) -> bool:
        """Whether there was anything to decide about."""
        return bool(self.program.calls) and (self._tasks is not None or self._parallel is not None)

    @property
    def undecided(self) -> str:
        """What to say of a stage that ended before it was decided."""
        how = "one process after the other" if self._one_by_one else "in parallel"
        return f"stage {self.program.stage.value!r} ran {how}: too few times to tell whether that pays"

    def choose(self, parallel: bool, why: str) -> None:
        """Decide how the stage runs from now on."""
        self._parallel = parallel
        if not parallel:  # nobody asks here any more
            self.run = self.program.run  # type: ignore[method-assign]
        how = "in parallel" if parallel else "one process after the other"
        self.decision = f"stage {self.program.stage.value!r} runs {how}: {why}"

    def _run_tasks(self, values: Mapping[str, Any], tasks: list[StageTask]) -> Answer:
        one_pass = _Pass(self.program, self.program.prepare(values), None)
        self._run_in_pool(one_pass, tasks)
        return one_pass.answer()

    def _run_in_pool(self, one_pass: _Pass, tasks: list[StageTask], offset: int = 0) -> None:
        runs = [one_pass.task(tuple(offset + i for i in task.positions)) for task in tasks]
        graph: dict[Any, Any] = {
            ("xsim", number): (run, [("xsim", before) for before in task.after])
            for number, (run, task) in enumerate(zip(runs, tasks, strict=True))
        }
        keys = list(graph)
        if self._pool is None:
            dask.local.get_sync(graph, keys)
            return
        try:
            if any(task.after for task in tasks):
                # All that can run waits in the pool, whose threads need not ask here for each next one.
                dask.local.get_async(self._pool.submit, len(keys), graph, keys)  # type: ignore[no-untyped-call]
            else:  # there is no order to keep
                for future in [self._pool.submit(run, None) for run in runs]:
                    future.result()
        except BaseException:  # an interrupt: what waits there is not to run
            one_pass.give_up()
            raise


class ParallelStages:
    """The stages of a single run, in parallel where the plan says so; a context for their pool of threads.

    Parameters
    ----------
    plan : RunPlan
    """

    def __init__(self, plan: RunPlan) -> None:
        self._plan = plan
        self._programs: list[ParallelProgram] = []
        self._pool: ThreadPoolExecutor | None = None
        self._limits: ThreadLimits | None = None

    def __enter__(self) -> Self:
        options = self._plan.options
        if options.parallel and options.scheduler in (None, "threads"):
            assert self._plan.threads is not None
            self._limits = ThreadLimits(self._plan.threads)
            self._pool = limited_pool(self._plan.workers, self._plan.threads)
        elif options.threads_per_worker is not None:
            self._limits = ThreadLimits(options.threads_per_worker)
        return self

    def __exit__(self, *exception: object) -> None:
        if self._pool is not None:
            self._pool.shutdown()
        if self._limits is not None:
            self._limits.restore()

    @property
    def make(self) -> Callable[[StageProgram, State, bool], ParallelProgram] | None:
        """What makes a stage run in parallel; None where nothing is to."""
        options = self._plan.options
        return self._make if options.parallel and options.scheduler != "processes" else None

    def _make(self, program: StageProgram, state: State, watched: bool) -> ParallelProgram:
        if self._limits is not None:
            self._limits.renew()
        made = ParallelProgram(program, state.objects, self._pool, self._plan.workers)
        if watched:
            made.choose(False, "hooks watch its processes one by one")
        self._programs.append(made)
        return made

    def summary(self) -> str:
        """Say how the stages ran, and why."""
        if self._plan.options.parallel and self.make is None:
            return (
                "the processes of one model share its state, which worker processes cannot: they ran one after the "
                "other; scheduler='threads' runs them at the same time"
            )
        return "\n".join(p.decision or p.undecided for p in self._programs if p.has_run)


class _Pass:
    """One pass through a stage, with what its tasks have to tell each other."""

    def __init__(self, program: StageProgram, packs: Packs, costs: list[float] | None) -> None:
        self._program = program
        self._packs = packs
        self._costs = costs
        self._skipped: frozenset[str] = frozenset()
        self._failed = len(program.calls)
        self._error: BaseException | None = None
        self._answers: dict[int, Any] = {}
        self._lock = threading.Lock()

    def task(self, positions: tuple[int, ...]) -> Callable[[Any], None]:
        """Give what runs some processes, in the caller's context (numpy's error state is part of it)."""
        context = contextvars.copy_context()
        return lambda _: context.run(self._run, positions)

    def give_up(self) -> None:
        """Let no process start any more."""
        self._failed = -1

    def _run(self, positions: tuple[int, ...]) -> None:
        for position in positions:
            # After a failure only what comes before it in the sequential order still runs: the first one is raised.
            if position > self._failed:
                return
            name, call, number = self._program.calls[position]
            if name in self._skipped:
                continue
            started = time.perf_counter()
            try:
                answer = call(*self._packs[number])
            except BaseException as error:
                with self._lock:
                    if position < self._failed:
                        self._failed, self._error = position, error
                        self._program.locate(error, name)
                return
            if self._costs is not None:
                self._costs[position] = time.perf_counter() - started
            if answer is not None and steers(answer):
                with self._lock:
                    self._answers[position] = answer
                    if as_signal(answer) is RuntimeSignal.BREAK:
                        # Those downstream wait for this task, by the edges of the graph.
                        self._skipped |= self._program.graph.skipped_after_break(name, self._program.stage)

    def answer(self) -> Answer:
        """Raise what a process raised, or give how one ended the simulation: the first one in the sequential order."""
        if self._error is not None:
            raise self._error
        for position in sorted(self._answers):
            if ending := self._program.ending(self._program.calls[position][0], self._answers[position]):
                return ending
        return RuntimeSignal.NONE
