"""Keeps a few tasks under way, and gives them as they end."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, wait
from itertools import islice

from xsim.engine.block import MemberResult
from xsim.engine.executors.protocol import Task

LOOK = 0.2
"""Seconds between two looks."""


def as_completed(
    submit: Callable[[Task], Future[list[MemberResult]]],
    tasks: Iterable[Task],
    workers: int,
    look: Callable[[], None] | None = None,
) -> Iterator[tuple[Task, Future[list[MemberResult]]]]:
    """Submit tasks, at most one more than there are workers at a time, and give them as they end.

    Tasks are only taken when they can start soon, so that their maker can stop at any time, and memory does not grow
    with their number.

    Parameters
    ----------
    submit : callable
    tasks : iterable of Task
    workers : int
    look : callable, optional
        Called now and then while tasks are running.
    """
    waiting = iter(tasks)
    under_way: dict[Future[list[MemberResult]], Task] = {}
    while True:
        for task in islice(waiting, workers + 1 - len(under_way)):
            under_way[submit(task)] = task
        if not under_way:
            return
        done, _ = wait(under_way, timeout=None if look is None else LOOK, return_when=FIRST_COMPLETED)
        if not done and look is not None:
            look()
        for future in done:
            yield under_way.pop(future), future
