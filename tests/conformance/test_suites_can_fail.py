"""Each promise of the suites is broken by a toy here, and each suite notices."""

import threading
import time

import numpy as np
import pytest
from attrs import evolve

from xsim.engine.block import MemberResult, run_block
from xsim.engine.executors.sequential import SequentialExecutor
from xsim.engine.executors.threads import ThreadExecutor
from xsim.errors import NotPicklableError
from xsim.result.dataset import result_from_memory
from xsim.setup.attributes import OUTCOME
from xsim.sink.batch_memory import MemoryBatchSink
from xsim.sink.member import join_members
from xsim.sink.memory import MemorySink, SavedArray
from xsim.testing.conformance import BatchSinkSuite, ExecutorSuite, SinkSuite

# -- toys of all sinks -------------------------------------------------------------------------------------------------


def zeros_for_missing(name, array):
    if array.values.dtype.kind != "f":
        return {name: array}
    return {name: evolve(array, values=np.nan_to_num(array.values))}


def floats(name, array):
    return {name: evolve(array, values=array.values.astype(float)) if array.values.dtype.kind == "i" else array}


def reversed_along(axis):
    def change(name, array):
        return {name: evolve(array, values=np.flip(array.values, axis)) if array.values.ndim else array}

    return change


def changing(cls, change):
    """Make a sink that changes all arrays at the end."""

    class Changing(cls):
        def close(self, *args):
            super().close(*args)
            self.arrays = {n: a for name, array in self.arrays.items() for n, a in change(name, array).items()}

    return Changing


def adding(cls, name, dims=()):
    """Make a sink that has an array too many."""

    class Adding(cls):
        def close(self, *args):
            super().close(*args)
            self.arrays.setdefault(name, SavedArray(dims, np.zeros((2,) * len(dims)), {}))

    return Adding


def sharing(cls):
    """Make a sink that shares its arrays with others of its class."""

    class Sharing(cls):
        everything: dict = {}

        def close(self, *args):
            super().close(*args)
            self.everything |= self.arrays
            self.arrays = self.everything

    return Sharing


# -- sinks of single runs ----------------------------------------------------------------------------------------------


class Reversed(MemorySink):
    def open(self, plan):
        return list(super().open(plan))[::-1]


class Referring(MemorySink):
    """Looks at values at the end only."""

    class Late:
        def __init__(self, buffer):
            self.output = buffer.output
            self.buffer = buffer
            self.values = []

        def put(self, value):
            self.values.append(value)

    def open(self, plan):
        self.late = [self.Late(buffer) for buffer in super().open(plan)]
        return self.late

    def close(self, outcome, facts):
        for late in self.late:
            for value in late.values:
                late.buffer.put(value)
        super().close(outcome, facts)


class LosesFailures(MemorySink):
    def close(self, outcome, facts):
        super().close(outcome, facts)
        if outcome != "done":
            self.arrays = {name: evolve(a, values=np.full(a.values.shape, np.nan)) for name, a in self.arrays.items()}


class ChecksNothing(MemorySink):
    def preflight(self, plan):
        pass


class LeavesTraces(MemorySink):
    """What was refused is among the data."""

    refused = 0

    def preflight(self, plan):
        try:
            super().preflight(plan)
        except Exception:
            self.refused = 1
            raise

    def close(self, outcome, facts):
        super().close(outcome, facts)
        self.arrays = {name: evolve(a, values=a.values + self.refused) for name, a in self.arrays.items()}


SINKS = {
    "test_a_buffer_for_each_output": [(Reversed, {})],
    "test_types": [(changing(MemorySink, floats), {"dtype": "int64"})],
    "test_arrays": [(changing(MemorySink, reversed_along(-1)), {"dtype": "int64"})],
    "test_values_are_copies": [(Referring, {})],
    "test_order": [(changing(MemorySink, reversed_along(0)), {"chunk": None})],
    "test_clocks": [
        (changing(MemorySink, lambda n, a: {n: evolve(a, dims=("other",)) if n == "p__some" else a}), {}),
        (changing(MemorySink, lambda n, a: {n: evolve(a, values=a.values + (n == "p__some"))}), {}),
    ],
    "test_dims_and_attributes": [
        (changing(MemorySink, lambda n, a: {n: evolve(a, attrs={})}), {}),
        (changing(MemorySink, lambda n, a: {n: evolve(a, dims=a.dims[::-1], values=a.values.T)}), {}),
    ],
    "test_index_variables": [
        (changing(MemorySink, lambda n, a: {"p__x" if n == "x" else n: a}), {}),
        (changing(MemorySink, lambda n, a: {n: evolve(a, values=a.values + 1)}), {}),
    ],
    "test_arrays_that_grow": [
        (changing(MemorySink, zeros_for_missing), {"dtype": "float64", "sizes": (1, 3, 2), "chunk": None})
    ],
    "test_shared_dimension": [
        (changing(MemorySink, lambda n, a: {n: evolve(a, values=np.pad(a.values, ((0, 0), (0, 1))))}), {})
    ],
    "test_missing_rows": [(changing(MemorySink, zeros_for_missing), {"dtype": "float64"})],
    "test_integers_that_cannot_be_masked": [
        (changing(MemorySink, lambda n, a: {n: evolve(a, attrs={})}), {"value": 2**53 + 1}),
        (changing(MemorySink, lambda n, a: {n: evolve(a, values=a.values + 1)}), {"value": 2**53 + 1}),
        (
            changing(MemorySink, lambda n, a: {n: evolve(a, attrs={**a.attrs, "_FillValue": a.values[-1]})}),
            {"value": 2**53 + 1},
        ),
    ],
    "test_what_was_not_saved": [
        (adding(MemorySink, "p__b"), {}),
        (changing(MemorySink, lambda n, a: {}), {}),
    ],
    "test_no_outputs": [(adding(MemorySink, "p__other"), {})],
    "test_outcome": [(LosesFailures, {"outcome": "failed"}), (MemorySink, {"outcome": "failed"})],
    "test_refusals_come_first": [(ChecksNothing, {}), (LeavesTraces, {})],
    "test_sinks_are_apart": [(sharing(MemorySink), {})],
}


class Sinks(SinkSuite):
    def read(self, sink, plan):
        result = result_from_memory(plan, sink.arrays, {})
        return result.assign_attrs({OUTCOME: getattr(sink, "outcome", "")})


# -- sinks of batches --------------------------------------------------------------------------------------------------


class ByTurns(MemoryBatchSink):
    """Numbers members as they come."""

    def open(self, plan):
        super().open(plan)
        self.came = 0

    def accept(self, block, members, records):
        turn = self.came
        self.came += 1
        start = (turn // self.plan.batch.shape[1], turn % self.plan.batch.shape[1])
        super().accept(evolve(block, start=start, stop=tuple(i + 1 for i in start)), members, records)


class Swapping(MemoryBatchSink):
    def accept(self, block, members, records):
        super().accept(block, list(members)[::-1], records)


class Writing(MemoryBatchSink):
    """Lets blocks be written where they are computed, into this memory."""

    def writer(self, in_workers):
        return ToyWriter(self)


class ToyWriter:
    """Writes where it is, which may be a copy of the sink."""

    def __init__(self, sink):
        self.sink = sink
        self.streamed = {}

    def stream(self, output, block):
        return ToyTarget(self, self.sink.plan.outputs[output], block)

    def write(self, block, members):
        self.sink.accept(block, members, [{}] * len(members))

    def erase(self, block, shapes):
        self.streamed.clear()
        MemoryBatchSink.accept(self.sink, block, [None], [{}])

    def record(self, block, records):
        for name, parts in self.streamed.items():
            for start, rows in parts:
                own = tuple(slice(n) for n in rows.shape[1:])
                self.sink._values[name][(*block.start, slice(start, start + len(rows)), *own)] = rows
        self.streamed.clear()
        for member, record in zip(block.members(self.sink.plan.batch), records, strict=True):
            self.sink._records[member] = record


class ToyTarget:
    def __init__(self, writer, output, block):
        self.writer, self.output = writer, output

    def rows_per_chunk(self, row_bytes):
        return 1

    def create(self, storage, rows, own_shape):
        pass

    def write(self, start, rows):
        self.writer.streamed.setdefault(self.output.name, []).append((start, self.keep(rows)))

    def keep(self, rows):
        return rows.copy()


class KeepsReferences(Writing):
    def writer(self, in_workers):
        writer = ToyWriter(self)
        writer.stream = lambda output, block: self.Referring(writer, self.plan.outputs[output], block)
        return writer

    class Referring(ToyTarget):
        def keep(self, rows):
            return rows


class ErasesNothing(Writing):
    def writer(self, in_workers):
        writer = ToyWriter(self)
        writer.erase = lambda block, shapes: None
        return writer


class LosesUpdates(Writing):
    """Reads, changes and writes all blocks at once."""

    def accept(self, block, members, records):
        before = {name: values.copy() for name, values in self._values.items()}
        mine = {}
        for output in self.plan.outputs:
            saved = [None if data is None else data.get(output.name) for data in members]
            mine[output.name] = join_members(saved, block.shape, output.nlabels, self._shapes[output.name].storage)
        time.sleep(0.02)
        for name, values in mine.items():
            before[name][block.slices] = values
            self._values[name][...] = before[name]


class NeverGrows(MemoryBatchSink):
    def grow(self, name, own_shape):
        pass

    def accept(self, block, members, records):
        def cut(data):
            size = {name: values.shape[-1] for name, values in self._values.items()}
            return data and {name: evolve(saved, rows=saved.rows[:, : size[name]]) for name, saved in data.items()}

        super().accept(block, [cut(data) for data in members], records)

    def close(self, outcome, facts, equal_indexes):
        super().close(outcome, facts, equal_indexes)


class StartsAgain(MemoryBatchSink):
    """Empties all arrays when one more becomes known."""

    def create(self, shapes, block):
        for values in self._values.values():
            values[...] = np.nan
        super().create(shapes, block)


class AllEqual(MemoryBatchSink):
    def close(self, outcome, facts, equal_indexes):
        super().close(outcome, facts, {"x": 0})


class NoneEqual(MemoryBatchSink):
    def close(self, outcome, facts, equal_indexes):
        super().close(outcome, facts, {})


class ForgetsRecords(MemoryBatchSink):
    def accept(self, block, members, records):
        super().accept(block, members, [{}] * len(records))


class AllDone(MemoryBatchSink):
    def close(self, outcome, facts, equal_indexes):
        self._records = [{"outcome": "done"} for _ in self._records]
        super().close(outcome, facts, equal_indexes)


def without_outcomes(name, array):
    return {} if name == "xsim_outcome" else {name: array}


class Undecided(MemoryBatchSink):
    holds_all = "perhaps"


BATCH_SINKS = {
    "test_holds_all": [(Undecided, {})],
    "test_members_keep_their_row": [
        (Swapping, {"how": "in order", "block": 2}),
        (ByTurns, {"how": "backwards", "block": 1}),
        (Writing, {"how": "elsewhere", "block": 2}),
        (LosesUpdates, {"how": "at the same time", "block": 2}),
        (changing(MemoryBatchSink, reversed_along(0)), {"how": "in order", "block": None}),
    ],
    "test_types": [(changing(MemoryBatchSink, floats), {"dtype": "int64"})],
    "test_values_are_copies": [(KeepsReferences, {"block": 1})],
    "test_failed_members_are_missing": [
        (ErasesNothing, {"dtype": "float64", "block": 1}),
        (changing(MemoryBatchSink, zeros_for_missing), {"dtype": "float64", "block": 2}),
    ],
    "test_arrays_that_grow": [(NeverGrows, {"sizes": (1, 3, 2), "how": "in order", "block": 2})],
    "test_runs_that_end_early": [(changing(MemoryBatchSink, lambda n, a: {n: evolve(a, attrs={})}), {"block": 2})],
    "test_equal_index": [(NoneEqual, {"block": 2})],
    "test_unequal_index": [(AllEqual, {"block": 2})],
    "test_outcomes": [(ForgetsRecords, {"block": 2}), (AllDone, {"block": 2})],
    "test_what_was_not_saved": [
        (adding(MemoryBatchSink, "p__b"), {}),
        (changing(MemoryBatchSink, lambda n, a: {} if n == "p__a" else {n: a}), {}),
    ],
    "test_late_outputs": [(StartsAgain, {"block": 2})],
    "test_no_members": [(changing(MemoryBatchSink, without_outcomes), {})],
    "test_interrupted": [(AllDone, {"block": 2}), (ForgetsRecords, {"block": 2})],
    "test_sinks_are_apart": [(sharing(MemoryBatchSink), {})],
}


class BatchSinks(BatchSinkSuite):
    def read(self, sink, plan):
        return result_from_memory(plan, sink.arrays, {})


# -- executors ---------------------------------------------------------------------------------------------------------


class SaysElsewhere(SequentialExecutor):
    in_workers = True


class RunsTwice(SequentialExecutor):
    def run(self, work, tasks):
        for task in tasks:
            run_block(work, task.block, task.known)
            yield task, run_block(work, task.block, task.known)


class GivesTwice(SequentialExecutor):
    def run(self, work, tasks):
        for answer in super().run(work, tasks):
            yield answer
            yield answer


class DropsTheLast(SequentialExecutor):
    def run(self, work, tasks):
        yield from super().run(work, list(tasks)[:-1])


class ShortOfResults(SequentialExecutor):
    def run(self, work, tasks):
        for task, results in super().run(work, tasks):
            yield task, results[:-1]


class MixesUp(SequentialExecutor):
    def run(self, work, tasks):
        for task, results in super().run(work, tasks):
            yield task, results[::-1]


class NearlyRight(SequentialExecutor):
    def run(self, work, tasks):
        for task, results in super().run(work, tasks):
            for result in results:
                result.data["p__v"].rows[:] *= 1 + 1e-15
            yield task, results


class OtherRecords(SequentialExecutor):
    def run(self, work, tasks):
        for task, results in super().run(work, tasks):
            yield task, [evolve(result, record={**result.record, "sizes": {}}) for result in results]


class NeverNothing(SequentialExecutor):
    def run(self, work, tasks):
        yield from super().run(work, tasks)
        yield None, []


class HidesFailures(SequentialExecutor):
    def run(self, work, tasks):
        for task, results in super().run(work, tasks):
            yield task, [evolve(result, error=None) for result in results]


class ChangesFailures(SequentialExecutor):
    def run(self, work, tasks):
        for task, results in super().run(work, tasks):
            yield task, [evolve(r, error=r.error and RuntimeError("failed")) for r in results]


class TakesAll(SequentialExecutor):
    def run(self, work, tasks):
        yield from super().run(work, iter(list(tasks)))


class KnowsNothing(SequentialExecutor):
    def run(self, work, tasks):
        for task in tasks:
            yield task, run_block(work, task.block, {})


class KeepsTheFirstWork(SequentialExecutor):
    work = None

    def run(self, work, tasks):
        self.work = self.work or work
        yield from super().run(self.work, tasks)


class HidesTheMaker(SequentialExecutor):
    def run(self, work, tasks):
        try:
            yield from super().run(work, tasks)
        except LookupError:
            return


class LeavesThreads(ThreadExecutor):
    def __init__(self):
        super().__init__(2, 1)

    def limit(self, workers):
        pass

    def close(self, now):
        self._pool.shutdown(wait=False, cancel_futures=True)
        self._limits.restore()


class GoesOn(SequentialExecutor):
    """Runs everything before it gives the first result, also what nobody will ask for."""

    def run(self, work, tasks):
        yield from list(super().run(work, tasks))


class HalfDone(SequentialExecutor):
    """Gives results before they are there, and stops in the middle when it is closed."""

    def run(self, work, tasks):
        self.closed = threading.Event()
        for task in tasks:
            thread = threading.Thread(target=self.first_half, args=(work, task))
            thread.start()
            thread.join()
            yield task, [MemberResult({}, {}, None)]

    def first_half(self, work, task):
        method = work.plan.graph.classes["p"].initialize
        process = object.__new__(work.plan.graph.classes["p"])
        process.number = task.block.start[0]
        method(process)


class RefusesAll(SequentialExecutor):
    def check(self, work):
        raise NotPicklableError("no")


class RefusesNothing(SequentialExecutor):
    in_workers = True


class Unharmed(SequentialExecutor):
    """Nobody ever dies here."""

    in_workers = True


EXECUTORS = {
    "test_in_workers": [(SaysElsewhere, {})],
    "test_every_task_once": [
        *((toy, {"size": 2}) for toy in (RunsTwice, GivesTwice, DropsTheLast, ShortOfResults, MixesUp)),
    ],
    "test_the_same_as_one_after_the_other": [(NearlyRight, {}), (OtherRecords, {})],
    "test_no_tasks": [(NeverNothing, {})],
    "test_failures_are_results": [(HidesFailures, {}), (ChangesFailures, {})],
    "test_tasks_are_taken_as_workers_get_free": [(TakesAll, {})],
    "test_what_is_known_is_not_run_again": [(KnowsNothing, {})],
    "test_several_works": [(KeepsTheFirstWork, {})],
    "test_a_failing_maker": [(HidesTheMaker, {})],
    "test_nothing_runs_after_closing": [
        (LeavesThreads, {"now": False}),
        (LeavesThreads, {"now": True}),
        (GoesOn, {"now": True}),
        (HalfDone, {"now": False}),
    ],
    "test_check": [(RefusesNothing, {})],
    "test_a_worker_that_dies": [(Unharmed, {})],
}


class Executors(ExecutorSuite):
    workers = 1


# -- all of them -------------------------------------------------------------------------------------------------------

SUITES = {Sinks: SINKS, BatchSinks: BATCH_SINKS, Executors: EXECUTORS}
CASES = [
    pytest.param(suite, name, toy, options, id=f"{name}-{toy.__name__}-{i}")
    for suite, toys in SUITES.items()
    for name, broken in toys.items()
    for i, (toy, options) in enumerate(broken)
]


@pytest.mark.parametrize(("suite", "name", "toy", "options"), CASES)
def test_broken_promises_are_noticed(suite, name, toy, options):
    """A toy that breaks a promise fails the test of that promise."""
    with pytest.raises(AssertionError, match=r"^a promise is broken"):
        getattr(suite(), name)(toy, **options)


@pytest.mark.parametrize("suite", SUITES)
def test_every_promise_is_broken_once(suite):
    """There is a toy for each test of each suite."""
    assert set(SUITES[suite]) == {name for name in dir(suite) if name.startswith("test_")}


def test_check_refuses_too_much():
    """An executor that runs tasks here has no reason to refuse any."""
    with pytest.raises(NotPicklableError):
        Executors().test_check(RefusesAll)


@pytest.mark.parametrize(
    ("suite", "fixture"), [(SinkSuite, "make_sink"), (BatchSinkSuite, "make_sink"), (ExecutorSuite, "make_executor")]
)
def test_what_a_subclass_lacks(suite, fixture):
    """A suite says what its subclass lacks."""
    make = getattr(suite, fixture)
    with pytest.raises(NotImplementedError, match=f"{suite.__name__} lacks a fixture `{fixture}`"):
        (getattr(make, "__wrapped__", None) or make.__pytest_wrapped__.obj)(suite())
    if hasattr(suite, "read"):
        with pytest.raises(NotImplementedError, match=f"{suite.__name__} lacks a method `read`"):
            suite().read(None, None)
