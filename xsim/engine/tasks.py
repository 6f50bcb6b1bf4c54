"""Puts the processes of a stage together to a few tasks (DESIGN §O4)."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil

import attrs

CHEAPEST_TASK = 500e-6
"""Seconds below which a task is not worth its scheduling."""


@attrs.frozen
class StageTask:
    """Some processes of a stage that run one after the other, and the tasks that come before."""

    positions: tuple[int, ...]
    after: tuple[int, ...]


def single_tasks(waits: Sequence[set[int]]) -> list[StageTask]:
    """Make each process its own task."""
    return [StageTask((i,), tuple(sorted(before))) for i, before in enumerate(waits)]


def grouped_tasks(waits: Sequence[set[int]], costs: Sequence[float], workers: int) -> list[StageTask]:
    """Fuse chains, and put cheap processes that do not wait for each other into a few tasks.

    Parameters
    ----------
    waits : sequence of set of int
        For each process those that it waits for.
    costs : sequence of float
        Seconds that each takes.
    workers : int
        Number of threads.
    """
    chains = _chains(waits)
    chain_of = {i: number for number, chain in enumerate(chains) for i in chain}
    before = [{chain_of[j] for i in chain for j in waits[i]} - {number} for number, chain in enumerate(chains)]
    levels: list[list[int]] = []
    level_of: list[int] = []
    for number in range(len(chains)):
        level = 1 + max((level_of[j] for j in before[number]), default=-1)
        level_of.append(level)
        if level == len(levels):
            levels.append([])
        levels[level].append(number)
    tasks: list[StageTask] = []
    task_of: dict[int, int] = {}
    for level_chains in levels:
        for group in _pack(level_chains, [sum(costs[i] for i in chains[n]) for n in level_chains], workers):
            after = {task_of[j] for n in group for j in before[n]}
            for n in group:
                task_of[n] = len(tasks)
            positions = sorted(i for n in group for i in chains[n])
            tasks.append(StageTask(tuple(positions), tuple(sorted(after))))
    return tasks


def longest_path(tasks: Sequence[StageTask]) -> int:
    """Count the tasks of the longest chain of tasks that wait for each other."""
    length: list[int] = []
    for task in tasks:
        length.append(1 + max((length[before] for before in task.after), default=0))
    return max(length, default=0)


def _chains(waits: Sequence[set[int]]) -> list[list[int]]:
    """Fuse each process with the one that it alone waits for, where nobody else waits for that one."""
    reduced = _reduce(waits)
    followers = [0] * len(waits)
    for before in reduced:
        for j in before:
            followers[j] += 1
    chains: list[list[int]] = []
    number_of: dict[int, int] = {}
    for i, before in enumerate(reduced):
        only = next(iter(before)) if len(before) == 1 else None
        if only is not None and followers[only] == 1:
            number_of[i] = number_of[only]
            chains[number_of[i]].append(i)
        else:
            number_of[i] = len(chains)
            chains.append([i])
    return chains


def _reduce(waits: Sequence[set[int]]) -> list[set[int]]:
    """Drop edges that follow from others."""
    above: list[int] = []  # bit sets of all that come before
    reduced = []
    for before in waits:
        seen = 0
        needed = set()
        for j in sorted(before, reverse=True):
            if not seen >> j & 1:
                needed.add(j)
                seen |= above[j] | 1 << j
        above.append(seen)
        reduced.append(needed)
    return reduced


def _pack(items: Sequence[int], costs: Sequence[float], workers: int) -> list[list[int]]:
    """Split items, in their order, into groups of about the same cost: no more than pay, and enough for all workers."""
    total = sum(costs)
    wanted = max(1, min(len(items), 2 * workers, ceil(total / CHEAPEST_TASK)))
    if len(items) <= wanted or len(items) <= workers < wanted:
        return [[item] for item in items] if wanted > 1 or len(items) == 1 else [list(items)]
    groups: list[list[int]] = [[]]
    filled = 0.0
    for item, cost in zip(items, costs, strict=True):
        if groups[-1] and filled + cost / 2 > total / wanted * len(groups) and len(groups) < wanted:
            groups.append([])
        groups[-1].append(item)
        filled += cost
    return groups
