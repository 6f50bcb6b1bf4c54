"""A deterministic topological order (DESIGN §O2)."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator
from typing import TypeVar

Node = TypeVar("Node", bound=Hashable)


def depth_first_order(
    nodes: Iterable[Node], dependencies: Callable[[Node], Iterator[Node]]
) -> tuple[list[Node], list[Node]]:
    """Order nodes as given, each preceded by its dependencies, depth first.

    Parameters
    ----------
    nodes : iterable
        All nodes, in the order of their declaration.
    dependencies : callable
        Iterates over those that come before a node, in the order in which they are to be taken. It is consumed
        lazily, and called once a node.

    Returns
    -------
    order : list
        The nodes in order; meaningless if there is a cycle.
    cycle : list
        The first cycle found, from a node through its dependencies back to that node; empty if there is none.

    Notes
    -----
    Linear in nodes and dependencies, and without recursion: a chain of 10,000 nodes is fine.
    """
    order: list[Node] = []
    done: set[Node] = set()
    for root in nodes:
        if root in done:
            continue
        path: dict[Node, None] = {root: None}
        stack = [(root, dependencies(root))]
        while stack:
            node, remaining = stack[-1]
            for dependency in remaining:
                if dependency in path:
                    walked = list(path)
                    return order, [*walked[walked.index(dependency) :], dependency]
                if dependency not in done:
                    path[dependency] = None
                    stack.append((dependency, dependencies(dependency)))
                    break
            else:
                stack.pop()
                del path[node]
                done.add(node)
                order.append(node)
    return order, []
