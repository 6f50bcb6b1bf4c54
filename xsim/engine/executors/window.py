"""Keeps a few tasks under way, and gives them as they end."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, wait
from itertools import islice
from typing import Any

from xsim.engine.executors.protocol import Ended, Task
from xsim.engine.failure import kept

LOOK = 0.2
"""Seconds between two looks."""


def as_completed(
    submit: Callable[[Task], Future[list[Any]]],
    tasks: Iterable[Task],
    workers: int,
    under_way: dict[Future[list[Any]], Task],
    look: Callable[[], None] | None = None,
) -> Iterator[tuple[Task, Future[list[Any]]]]:
    """Submit tasks, at most one more than there are workers at a time, and give them as they end.

    Tasks are only taken when they can start soon, so that their maker can stop at any time, and memory does not grow
    with their number.

    Parameters
    ----------
    submit : callable
    tasks : iterable of Task
    workers : int
    under_way : dict
        Is kept up to date: tasks by their futures, until they have been taken.
    look : callable, optional
        Called now and then while tasks are running.
    """
    waiting = iter(tasks)
    looked = time.monotonic()
    while True:
        for task in islice(waiting, workers + 1 - len(under_way)):
            under_way[submit(task)] = task
        if not under_way:
            return
        done, _ = wait(under_way, timeout=None if look is None else LOOK, return_when=FIRST_COMPLETED)
        # Also where tasks end all the time: what is looked for may be in another one.
        if look is not None and (not done or time.monotonic() - looked >= LOOK):
            look()
            looked = time.monotonic()
        for future in done:
            yield under_way[future], future
            del under_way[future]


def left(under_way: Mapping[Future[list[Any]], Task]) -> list[Ended]:
    """Give, when nothing runs any more, the tasks that nobody has taken, as far as they got."""
    ended = [(task, future) for future, task in under_way.items() if future.done() and not future.cancelled()]
    return [(task, future.result() if (error := future.exception()) is None else kept(error)) for task, future in ended]
