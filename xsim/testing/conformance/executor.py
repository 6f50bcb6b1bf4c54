"""What every executor has to do (`xsim.engine.executors.protocol.Executor`)."""

from __future__ import annotations

import os
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from xsim.declare.variable import variable
from xsim.engine.block import MemberResult, Work
from xsim.engine.executors.protocol import Executor, Task
from xsim.engine.executors.sequential import SequentialExecutor
from xsim.engine.hooks import Hooks
from xsim.errors import NotPicklableError, WorkerError
from xsim.plan.blocks import blocks
from xsim.testing.plays import Play, plan_of, player, promise
from xsim.testing.same import difference

MakeExecutor = Callable[[], Executor]

MEMBERS = 11


class Unpicklable(Exception):
    """An exception that cannot travel."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.lock = threading.Lock()


class ExecutorSuite:
    """The promises of executors.

    A subclass gives a fixture ``make_executor``, a function that makes an executor whenever it is called.

    Attributes
    ----------
    workers : int
        How many tasks run at the same time in the executors made.
    """

    workers = 1

    @pytest.fixture
    def make_executor(self) -> MakeExecutor:
        """Give a function that makes an executor."""
        raise NotImplementedError(
            f"{type(self).__name__} lacks a fixture `make_executor`: a function that makes an executor"
        )

    # -- what the tests are made of ---------------------------------------------------------------------------------

    def work(self, play: Play, members: int = MEMBERS) -> Work:
        """Give work: a batch of members along ``b`` that play the values of one output ``p__v``."""
        cls = player({"v": variable(intent="out")}, play)
        plan = plan_of(cls, {"v": "t"}, nlabels=2, batch={"b": members})
        return Work(plan, Hooks((), _no_view))

    def tasks(self, work: Work, size: int = 2) -> list[Task]:
        """Give a task for each block of so many members."""
        return [Task(block) for block in blocks(work.plan.batch, (size,))]

    def results(self, executor: Executor, work: Work, tasks: Any) -> dict[int, MemberResult]:
        """Run tasks; give the result of each member."""
        found: dict[int, MemberResult] = {}
        for task, results in executor.run(work, iter(tasks)):
            members = task.block.members(work.plan.batch)
            promise(len(results) == len(members), "a result for each member", got=len(results), expected=len(members))
            for member, result in zip(members, results, strict=True):
                promise(member not in found, "each task is given once", got=f"member {member} again")
                found[member] = result
        return found

    # -- promises ---------------------------------------------------------------------------------------------------

    def test_in_workers(self, make_executor: MakeExecutor) -> None:
        """An executor says whether its tasks run in other processes, and they do."""
        executor = make_executor()
        found = getattr(executor, "in_workers", None)
        promise(isinstance(found, bool), "`in_workers` is a bool", got=found)
        work = self.work(lambda member, label: {"v": os.getpid()}, 3)
        results = self.results(executor, work, self.tasks(work))
        executor.close(now=False)
        here = {_value(result) == os.getpid() for result in results.values()}
        promise(here == {not found}, "tasks run where `in_workers` says", got=f"in this process: {here}")

    @pytest.mark.parametrize("size", [1, 2, 20])
    def test_every_task_once(self, make_executor: MakeExecutor, size: int) -> None:
        """Every task runs once and is given once, with the results of its members in their order."""
        with tempfile.TemporaryDirectory() as folder:

            def play(member: int, label: int) -> dict[str, Any]:
                if label == 1:  # once a run; the first label comes twice
                    Path(tempfile.mkstemp(prefix=f"{member}-", dir=folder)[1]).touch()
                return {"v": member**2 + label}

            work = self.work(play)
            executor = make_executor()
            found = self.results(executor, work, self.tasks(work, size))
            executor.close(now=False)
            runs = sorted(int(name.partition("-")[0]) for name in os.listdir(folder))
        promise(sorted(found) == list(range(MEMBERS)), "every task is given", got=sorted(found))
        promise(runs == list(range(MEMBERS)), "every member runs once", got=runs)
        for member, result in found.items():
            values = None if result.data is None else result.data["p__v"].rows.tolist()
            expected = [member**2, member**2 + 1]
            promise(values == expected, f"member {member} has its values", got=values, expected=expected)

    def test_the_same_as_one_after_the_other(self, make_executor: MakeExecutor) -> None:
        """Results are those of the loop, bit for bit, but for times and workers (§O3)."""
        work = self.work(lambda member, label: {"v": (member + 0.1) ** 0.5 / (label + 3)})
        executor = make_executor()
        found = self.results(executor, work, self.tasks(work))
        executor.close(now=False)
        expected = self.results(SequentialExecutor(), work, self.tasks(work))
        varying = ("start", "end", "seconds", "worker", "memory")
        for member, result in expected.items():
            for what in ("shapes", "data"):
                wrong = difference(getattr(found[member], what), getattr(result, what))
                promise(not wrong, f"{what} of member {member} are those of the loop", got=wrong)
            records = [{n: v for n, v in r.record.items() if n not in varying} for r in (found[member], result)]
            promise(records[0] == records[1], "records are those of the loop", got=records[0], expected=records[1])

    def test_no_tasks(self, make_executor: MakeExecutor) -> None:
        """Without tasks nothing is given."""
        executor = make_executor()
        found = list(executor.run(self.work(_numbers), iter(())))
        executor.close(now=False)
        promise(found == [], "without tasks nothing is given", got=found)

    def test_failures_are_results(self, make_executor: MakeExecutor) -> None:
        """A member's failure is its result and touches no other (§B6); what cannot travel has a stand-in."""

        def play(member: int, label: int) -> dict[str, Any]:
            if member == 3:
                raise ValueError("three")
            if member == 5:
                raise Unpicklable("five")
            return {"v": member}

        work = self.work(play)
        executor = make_executor()
        found = self.results(executor, work, self.tasks(work))
        executor.close(now=False)
        failed = {member for member, result in found.items() if result.error is not None}
        promise(failed == {3, 5}, "those that fail have an error, the others none", got=failed, expected={3, 5})
        promise(isinstance(found[3].error, ValueError), "the error is the member's own", got=repr(found[3].error))
        promise("five" in str(found[5].error), "a stand-in has the text of the error", got=repr(found[5].error))
        outcomes = {member: result.record.get("outcome") for member, result in found.items()}
        expected = {member: "failed" if member in failed else "done" for member in range(MEMBERS)}
        promise(outcomes == expected, "records tell how members ended", got=outcomes, expected=expected)

    def test_tasks_are_taken_as_workers_get_free(self, make_executor: MakeExecutor) -> None:
        """At most one task more than there are workers is under way: their maker can stop at any time (§B10)."""
        work = self.work(_numbers, 40)
        taken = most = 0

        def tasks() -> Iterator[Task]:
            nonlocal taken
            for task in self.tasks(work, 1):
                taken += 1
                yield task

        executor = make_executor()
        for given, _ in enumerate(executor.run(work, tasks())):
            most = max(most, taken - given)
        executor.close(now=False)
        limit = self.workers + 1
        promise(most <= limit, "tasks are taken as workers get free", got=f"{most} at a time", expected=f"<= {limit}")

    def test_what_is_known_is_not_run_again(self, make_executor: MakeExecutor) -> None:
        """Members whose result is known keep it."""
        work = self.work(_numbers)
        (task,) = self.tasks(work, MEMBERS)
        executor = make_executor()
        first = self.results(executor, work, [task])
        second = self.results(executor, work, [Task(task.block, {3: first[3]})])
        executor.close(now=False)
        again = [member for member in first if first[member].record["start"] != second[member].record["start"]]
        expected = [member for member in range(MEMBERS) if member != 3]
        promise(again == expected, "members with a known result do not run again", got=again, expected=expected)

    def test_several_works(self, make_executor: MakeExecutor) -> None:
        """An executor serves several works one after the other, and does not mix them up."""
        executor = make_executor()
        for scale in (1, 2, 3):
            work = self.work(lambda member, label, n=scale: {"v": n * member}, 4)  # type: ignore[misc]
            found = [_value(result) for _, result in sorted(self.results(executor, work, self.tasks(work)).items())]
            expected = [scale * member for member in range(4)]
            promise(found == expected, "works are not mixed up", got=found, expected=expected)
        executor.close(now=False)

    def test_a_failing_maker(self, make_executor: MakeExecutor) -> None:
        """What the maker of tasks raises comes out."""
        work = self.work(_numbers)

        def tasks() -> Iterator[Task]:
            yield self.tasks(work)[0]
            raise LookupError("no more")

        executor = make_executor()
        try:
            list(executor.run(work, tasks()))
            raised = ""
        except LookupError as error:
            raised = str(error)
        executor.close(now=True)
        promise(raised == "no more", "what the maker of tasks raises comes out", got=raised or "nothing")

    @pytest.mark.parametrize("now", [False, True])
    def test_nothing_runs_after_closing(self, make_executor: MakeExecutor, now: bool) -> None:
        """After `close` nothing runs, also where not all results were taken (§R4)."""
        with tempfile.TemporaryDirectory() as folder:

            def play(member: int, label: int) -> dict[str, Any]:
                time.sleep(0.05)
                (Path(folder) / f"{member}-{label}").touch()
                return {"v": member}

            work = self.work(play, 30)
            executor = make_executor()
            running = executor.run(work, iter(self.tasks(work, 1)))
            next(running)
            executor.close(now=now)
            before = set(os.listdir(folder))
            time.sleep(0.3)
            after = set(os.listdir(folder))
        promise(before == after, "nothing runs after closing", got=f"later: {sorted(after - before)}")
        promise(len(after) < 60, "no new task starts after closing", got="all have run")
        if not now:
            halves = {name.partition("-")[0] for name in after if name.endswith("0")}
            whole = {name.partition("-")[0] for name in after if name.endswith("1")}
            promise(halves == whole, "tasks under way finish", got=f"unfinished: {sorted(halves - whole)}")

    def test_check(self, make_executor: MakeExecutor) -> None:
        """`check` refuses work that cannot get to where it is done, and no other (§E1)."""
        lock = threading.Lock()

        def play(member: int, label: int) -> dict[str, Any]:
            with lock:
                return {"v": member}

        executor = make_executor()
        executor.check(self.work(_numbers))
        refused = False
        try:
            executor.check(self.work(play))
        except NotPicklableError:
            refused = True
        executor.close(now=False)
        expected = executor.in_workers
        promise(refused == expected, "work is refused if it cannot travel and has to", got=refused, expected=expected)

    def test_a_worker_that_dies(self, make_executor: MakeExecutor) -> None:
        """The death of a worker process costs the member that caused it, and nothing else (§B6)."""
        executor = make_executor()
        if not executor.in_workers:
            executor.close(now=False)
            pytest.skip("tasks run in this process")
        here = os.getpid()

        def play(member: int, label: int) -> dict[str, Any]:
            if member == 3 and os.getpid() != here:
                os._exit(1)
            return {"v": member}

        work = self.work(play)
        found = self.results(executor, work, self.tasks(work))
        executor.close(now=False)
        died = {member: repr(result.error) for member, result in found.items() if result.error is not None}
        promise(set(died) == {3}, "a dead worker costs its member only", got=died, expected="member 3")
        promise(isinstance(found[3].error, WorkerError), "a dead worker is a WorkerError", got=died)
        promise(len(found) == MEMBERS, "all members have a result", got=len(found), expected=MEMBERS)
        executor = make_executor()
        work = self.work(_numbers)
        found = self.results(executor, work, self.tasks(work))
        executor.close(now=False)
        promise(len(found) == MEMBERS, "the next executor works", got=len(found), expected=MEMBERS)


def _numbers(member: int, label: int) -> dict[str, Any]:
    return {"v": member}


def _value(result: MemberResult) -> Any:
    return None if result.data is None else int(result.data["p__v"].rows[0])


def _no_view(objects: Any) -> Any:
    """Give hooks no model: there are none."""
