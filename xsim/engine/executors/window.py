"""Keeps a few tasks under way, and gives them as they end."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, wait
from itertools import islice

from xsim.engine.block import MemberResult
from xsim.engine.executors.protocol import Task


def as_completed(
    submit: Callable[[Task], Future[list[MemberResult]]], tasks: Iterable[Task], workers: int
) -> Iterator[tuple[Task, list[MemberResult]]]:
    """Submit tasks, at most one more than there are workers at a time, and give them as they end.

    Tasks are only taken when they can start soon, so that their maker can stop at any time, and memory does not grow
    with their number.
    """
    waiting = iter(tasks)
    running: dict[Future[list[MemberResult]], Task] = {}
    while True:
        for task in islice(waiting, workers + 1 - len(running)):
            running[submit(task)] = task
        if not running:
            return
        done, _ = wait(running, return_when=FIRST_COMPLETED)
        for future in done:
            yield running.pop(future), future.result()
