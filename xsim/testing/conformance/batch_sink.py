"""What every sink of batches has to do (`xsim.sink.batch.BatchSink`)."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import cloudpickle
import numpy as np
import pytest
import xarray as xr

from xsim._base.stages import RuntimeSignal
from xsim.declare.hook import collect_hooks, runtime_hook
from xsim.declare.variable import index, variable
from xsim.engine.batch import run_batch
from xsim.engine.block import MemberResult, Work, run_block
from xsim.engine.book import Book
from xsim.engine.events import NoEvents
from xsim.engine.executors.protocol import Executor, Task
from xsim.engine.executors.sequential import SequentialExecutor
from xsim.engine.executors.threads import ThreadExecutor
from xsim.engine.hooks import Hooks
from xsim.plan.run_plan import RunPlan
from xsim.sink.batch import BatchSink
from xsim.testing.conformance.values import DTYPES, padded, some_values, unlike
from xsim.testing.plays import Play, plan_of, player, promise

MakeSink = Callable[[], BatchSink]

NLABELS = 4
BLOCKS = (1, 2, None)


class Backwards(SequentialExecutor):
    """Runs the last task first."""

    def run(self, work: Work, tasks: Iterable[Task]) -> Iterator[tuple[Task, list[MemberResult]]]:
        """Run tasks in the opposite order."""
        yield from super().run(work, reversed(list(tasks)))


class Travelling(SequentialExecutor):
    """Runs tasks on a copy of the work that has been pickled, as worker processes do."""

    in_workers = True

    def run(self, work: Work, tasks: Iterable[Task]) -> Iterator[tuple[Task, list[MemberResult]]]:
        """Run tasks in their order."""
        for task in tasks:
            there, task_there = pickle.loads(cloudpickle.dumps((work, task)))
            yield task, run_block(there, task_there.block, task_there.known)


EXECUTORS: dict[str, Callable[[], Executor]] = {
    "in order": SequentialExecutor,
    "backwards": Backwards,
    "at the same time": lambda: ThreadExecutor(3, 1),
    "elsewhere": Travelling,
}


class Interrupt(KeyboardInterrupt):
    """Ends a run, as Ctrl-C does."""


class BatchSinkSuite:
    """The promises of sinks of batches.

    A subclass gives a fixture ``make_sink``, a function that makes an empty sink whenever it is called, and a method
    `read`.
    """

    @pytest.fixture
    def make_sink(self) -> MakeSink:
        """Give a function that makes a sink."""
        raise NotImplementedError(f"{type(self).__name__} lacks a fixture `make_sink`: a function that makes a sink")

    def read(self, sink: Any, plan: RunPlan) -> xr.Dataset:
        """Give what a closed sink has kept, decoded as xarray does it: what is missing is NaN where that is possible.

        Parameters
        ----------
        sink : BatchSink
            As ``make_sink`` made it, after `close`.
        plan : RunPlan
            Of the run.
        """
        raise NotImplementedError(f"{type(self).__name__} lacks a method `read`")

    # -- what the tests are made of ---------------------------------------------------------------------------------

    def run(self, sink: BatchSink, plan: RunPlan, executor: Executor | None = None, hooks: Any = ()) -> xr.Dataset:
        """Run a batch with a sink, and read it."""
        self.run_only(sink, plan, executor, hooks)
        return self.read(sink, plan)

    def run_only(self, sink: BatchSink, plan: RunPlan, executor: Executor | None = None, hooks: Any = ()) -> Book:
        """Run a batch with a sink."""
        sink.preflight(plan)
        sink.open(plan)
        executor = SequentialExecutor() if executor is None else executor
        bound = Hooks(collect_hooks(hooks), _no_view)
        try:
            return run_batch(plan, sink, bound, executor, NoEvents())
        finally:
            executor.close(now=False)

    def play(
        self, sink: BatchSink, play: Play, dims: Any = (), members: int = 7, executor: Any = None, **options: Any
    ) -> xr.DataArray:
        """Run a batch of members along ``b`` that play the values of one output ``p__v``."""
        cls = player({"v": variable(dims=dims, intent="out")}, play)
        plan = plan_of(cls, {"v": "t"}, nlabels=NLABELS, batch={"b": members}, **options)
        return self.run(sink, plan, executor)["p__v"]

    # -- promises ---------------------------------------------------------------------------------------------------

    def test_holds_all(self, make_sink: MakeSink) -> None:
        """A sink says whether it keeps all values in the memory of this process."""
        found = getattr(make_sink(), "holds_all", None)
        promise(isinstance(found, bool), "`holds_all` is a bool", got=found)

    @pytest.mark.parametrize("block", BLOCKS)
    @pytest.mark.parametrize("how", EXECUTORS)
    def test_members_keep_their_row(self, make_sink: MakeSink, how: str, block: int | None) -> None:
        """Each member has its own row, whatever the blocks, and in whatever order and place they are written (§B1)."""
        cls = player({"v": variable(dims="x", intent="out"), "end": variable(intent="out")}, _grid)
        batch = {"b": 3, "c": 4}
        plan = plan_of(cls, {"v": "t", "end": None}, nlabels=NLABELS, batch=batch, block=block)
        result = self.run(make_sink(), plan, EXECUTORS[how]())
        expected = np.array([[_grid(m, i)["v"] for i in range(NLABELS)] for m in range(12)]).reshape(3, 4, NLABELS, 2)
        found = result["p__v"]
        dims = ("b", "c", "t", "x")
        promise(found.dims == dims, "batch dimensions come first, then the clock", got=found.dims, expected=dims)
        wrong = unlike(found.values, expected)
        promise(not wrong, f"each member has its row (blocks of {block}, written {how})", got=wrong)
        wrong = unlike(result["p__end"].values, expected[..., -1, 0].astype(int))
        promise(not wrong, f"so it has in outputs without a clock (blocks of {block}, written {how})", got=wrong)

    @pytest.mark.parametrize("dtype", DTYPES)
    def test_types(self, make_sink: MakeSink, dtype: str) -> None:
        """A complete output keeps its type and its values (§S1)."""
        rows = some_values(dtype, 3 * NLABELS)
        found = self.play(make_sink(), lambda m, i: {"v": rows[NLABELS * m + i]}, members=3, block=2)
        wrong = unlike(found.values.ravel(), padded(rows, len(rows)))
        promise(not wrong, f"{dtype} comes back as it was saved", got=wrong)

    @pytest.mark.parametrize("block", BLOCKS)
    def test_values_are_copies(self, make_sink: MakeSink, block: int | None) -> None:
        """Changing a value in place after it was saved does not change the past (§V4)."""
        value = np.zeros(2)

        def play(member: int, label: int) -> dict[str, Any]:
            value[:] = 10 * member + label
            return {"v": value}

        found = self.play(make_sink(), play, "x", members=5, block=block)
        expected = np.repeat(10.0 * np.arange(5)[:, None] + np.arange(NLABELS), 2).reshape(5, NLABELS, 2)
        wrong = unlike(found.values, expected)
        promise(not wrong, f"values are copies (blocks of {block})", got=wrong)

    @pytest.mark.parametrize("block", BLOCKS)
    @pytest.mark.parametrize("dtype", ["float64", "int64", "bool", "text", "datetime64[ns]"])
    def test_failed_members_are_missing(self, make_sink: MakeSink, dtype: str, block: int | None) -> None:
        """All rows of a member that fails are missing, also those streamed before; those of others are not (§B6)."""
        rows = some_values(dtype, 7 * NLABELS)
        found = self.play(make_sink(), _failing(rows, (1, 4, 5)), block=block, encoding=_one_row_a_chunk(block))
        mine = [rows[NLABELS * m : NLABELS * (m + 1)] for m in range(7)]
        expected = padded(rows, len(rows) + 1)[:-1].reshape(7, NLABELS)
        gap = padded(rows, len(rows) + 1)[-1]
        for member in (1, 4, 5):
            expected[member] = gap
        wrong = unlike(found.values, expected, masked=True)
        promise(not wrong, f"members that fail are missing, others are not ({mine[0]})", got=wrong)

    @pytest.mark.parametrize("block", BLOCKS)
    @pytest.mark.parametrize("how", EXECUTORS)
    @pytest.mark.parametrize("sizes", [(1, 3, 2), (0, 4, 5)])
    def test_arrays_that_grow(self, make_sink: MakeSink, sizes: tuple[int, ...], how: str, block: int | None) -> None:
        """Arrays may differ in size from member to member and grow; what is missing is missing (§B5)."""

        def play(member: int, label: int) -> dict[str, Any]:
            return {"v": np.full(sizes[member % 3] + label, member)}

        found = self.play(make_sink(), play, "x", members=5, block=block, executor=EXECUTORS[how]())
        rows = [play(m, i)["v"] for m in range(5) for i in range(NLABELS)]
        wrong = unlike(found.values, padded(rows, len(rows)).reshape(5, NLABELS, -1), masked=True)
        promise(not wrong, f"arrays of several sizes come back (blocks of {block}, written {how})", got=wrong)

    @pytest.mark.parametrize("block", BLOCKS)
    def test_runs_that_end_early(self, make_sink: MakeSink, block: int | None) -> None:
        """Labels that a member does not reach are missing in its rows (§S1)."""

        @runtime_hook("run_step")
        def end(model: Any, context: Mapping[str, Any], state: Any) -> RuntimeSignal:
            return RuntimeSignal.BREAK if state["p", "number"] == context["step"] else RuntimeSignal.NONE

        cls = player({"v": variable(intent="out")}, lambda m, i: {"v": 10 * m + i})
        plan = plan_of(cls, {"v": "t"}, nlabels=NLABELS, batch={"b": 5}, block=block)
        found = self.run(make_sink(), plan, hooks=[end])["p__v"]
        expected = 10.0 * np.arange(5)[:, None] + np.arange(NLABELS)
        for member in range(NLABELS - 1):
            expected[member, member + 1 :] = np.nan
        wrong = unlike(found.values, expected, masked=True)
        promise(not wrong, "labels that a member does not reach are missing", got=wrong)

    @pytest.mark.parametrize("block", BLOCKS)
    def test_equal_index(self, make_sink: MakeSink, block: int | None) -> None:
        """An index variable that is equal in all members is saved once (§B13)."""
        found = self._index(make_sink(), lambda member: [0, 2, 4], block)
        promise(found.dims == ("x",), "an index equal in all members is 1-d", got=found.dims, expected="('x',)")
        wrong = unlike(found.values, np.array([0, 2, 4]))
        promise(not wrong, "an index keeps its values", got=wrong)

    @pytest.mark.parametrize("block", BLOCKS)
    def test_unequal_index(self, make_sink: MakeSink, block: int | None) -> None:
        """An index variable that differs between members keeps each one's values (§B13)."""
        found = self._index(make_sink(), lambda member: [member, 2, 4], block)
        promise(found.dims == ("b", "x"), "an index that differs has batch dimensions", got=found.dims)
        wrong = unlike(found.values, np.array([[m, 2, 4] for m in range(5)]))
        promise(not wrong, "each member keeps its index", got=wrong)

    def _index(self, sink: BatchSink, values: Callable[[int], Any], block: int | None) -> xr.DataArray:
        declared = {"x": index("x"), "v": variable(dims="x", intent="out")}
        cls = player(declared, lambda m, i: {"x": values(m), "v": np.zeros(3)})
        plan = plan_of(cls, {"v": None}, nlabels=2, batch={"b": 5}, block=block)
        return xr.DataArray(self.run(sink, plan).variables["x"])

    @pytest.mark.parametrize("block", BLOCKS)
    def test_outcomes(self, make_sink: MakeSink, block: int | None) -> None:
        """How each member ended stands beside the outputs (§B6)."""
        cls = player({"v": variable(intent="out")}, _failing(list(range(7 * NLABELS)), (2,)))
        plan = plan_of(cls, {"v": "t"}, nlabels=NLABELS, batch={"b": 7}, block=block)
        result = self.run(make_sink(), plan)
        expected = {
            "xsim_outcome": ["failed" if m == 2 else "done" for m in range(7)],
            "xsim_exception": ["ZeroDivisionError" if m == 2 else "" for m in range(7)],
            "xsim_process": ["p" if m == 2 else "" for m in range(7)],
        }
        for name, values in expected.items():
            found = result[name].values.tolist() if name in result else "nothing"
            promise(found == values, f"{name} tells how members ended", got=found, expected=values)

    def test_what_was_not_saved(self, make_sink: MakeSink) -> None:
        """An output that nobody saved is not there; the others are."""
        declared = {name: variable(intent="out") for name in "ab"}
        cls = player(declared, lambda m, i: {"a": m, **({"b": 0} if i == NLABELS - 1 else {})})
        plan = plan_of(cls, {"a": "t", "b": "few"}, nlabels=NLABELS, clocks={"few": [3]}, batch={"b": 3})

        @runtime_hook("run_step")
        def end(model: Any, context: Any, state: Any) -> RuntimeSignal:
            return RuntimeSignal.BREAK

        result = self.run(make_sink(), plan, hooks=[end])
        promise("p__b" not in result, "what nobody saved is not there", got=list(result))
        promise("p__a" in result, "what was saved is there", got=list(result), expected="'p__a'")

    @pytest.mark.parametrize("block", BLOCKS)
    def test_late_outputs(self, make_sink: MakeSink, block: int | None) -> None:
        """An output that the first members do not save has the values of the others, and harms no other output."""

        @runtime_hook("run_step")
        def end(model: Any, context: Any, state: Any) -> RuntimeSignal:
            return RuntimeSignal.BREAK if state["p", "number"] < 3 else RuntimeSignal.NONE

        declared = {name: variable(intent="out") for name in ("first", "late")}
        cls = player(declared, lambda m, i: {"first": 10.0 * m + i, "late": 10.0 * m + i})
        plan = plan_of(
            cls,
            {"first": "start", "late": "few"},
            nlabels=NLABELS,
            clocks={"start": [0], "few": [2, 3]},
            batch={"b": 6},
            block=block,
        )
        result = self.run(make_sink(), plan, hooks=[end])
        wrong = unlike(result["p__first"].values, 10.0 * np.arange(6)[:, None])
        promise(not wrong, "outputs saved before keep their values", got=wrong)
        expected = 10.0 * np.arange(6)[:, None] + np.array([2.0, 3.0])
        expected[:3] = np.nan
        wrong = unlike(result["p__late"].values, expected)
        promise(not wrong, "outputs saved late have their values", got=wrong)

    def test_no_members(self, make_sink: MakeSink) -> None:
        """A batch without members can be closed too."""
        cls = player({"v": variable(intent="out")}, lambda m, i: {"v": 1})
        result = self.run(make_sink(), plan_of(cls, {"v": "t"}, batch={"b": 0}))
        found = result["xsim_outcome"].shape if "xsim_outcome" in result else None
        promise(found == (0,), "there are no outcomes", got=found, expected="(0,)")

    @pytest.mark.parametrize("block", [1, 2, 4])
    def test_interrupted(self, make_sink: MakeSink, block: int) -> None:
        """When a run is interrupted, blocks that are done are kept, and members that are not are missing (§R4)."""

        def play(member: int, label: int) -> dict[str, Any]:
            if member == 4 and label == 1:
                raise Interrupt
            return {"v": 10 * member + label}

        cls = player({"v": variable(intent="out")}, play)
        plan = plan_of(cls, {"v": "t"}, nlabels=NLABELS, batch={"b": 7}, block=block)
        sink = make_sink()
        interrupted = False
        try:
            self.run_only(sink, plan)
        except Interrupt:
            interrupted = True
        promise(interrupted, "an interrupt comes out")
        result = self.read(sink, plan)
        outcomes = result["xsim_outcome"].values.tolist()
        names = ["done"] * 4 + ["pending"] * 3
        promise(outcomes == names, "outcomes tell who is done", got=outcomes, expected=names)
        expected = 10.0 * np.arange(7)[:, None] + np.arange(NLABELS)
        expected[4:] = np.nan
        wrong = unlike(result["p__v"].values, expected, masked=True)
        promise(not wrong, "those done have their values, the others none", got=wrong)

    def test_sinks_are_apart(self, make_sink: MakeSink) -> None:
        """Two sinks share nothing."""
        sinks, plans = [make_sink(), make_sink()], []
        for number, sink in enumerate(sinks):
            cls = player({"v": variable(intent="out")}, lambda m, i, n=number: {"v": 100 * n + m})  # type: ignore[misc]
            plans.append(plan_of(cls, {"v": None}, batch={"b": 3}))
            self.run_only(sink, plans[-1])
        for number, (sink, plan) in enumerate(zip(sinks, plans, strict=True)):
            wrong = unlike(self.read(sink, plan)["p__v"].values, 100 * number + np.arange(3))
            promise(not wrong, "sinks share nothing", got=wrong)


def _grid(member: int, label: int) -> dict[str, Any]:
    return {"v": np.array([100 * member + label, 0.5]), "end": 100 * member + label}


def _failing(rows: list[Any], members: tuple[int, ...]) -> Play:
    """Play rows one after the other; some members fail in their last step."""

    def play(member: int, label: int) -> dict[str, Any]:
        if member in members and label == NLABELS - 1:
            raise ZeroDivisionError("on purpose")
        return {"v": rows[NLABELS * member + label]}

    return play


def _one_row_a_chunk(block: int | None) -> dict[str, Any]:
    """Let members alone in their block stream each row."""
    return {"p__v": {"chunks": (1, 1)}} if block == 1 else {}


def _no_view(objects: Mapping[str, Any]) -> Any:
    """Give hooks no model: those here look at the state."""
