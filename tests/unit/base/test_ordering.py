"""The depth-first order (DESIGN §O2)."""

from collections import Counter
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xsim._base.ordering import depth_first_order


def order_of(graph, nodes=None):
    """Order a mapping of nodes to the nodes before them."""
    return depth_first_order(graph if nodes is None else nodes, lambda node: iter(graph[node]))


def naive(graph):
    """Order by recursion, straight from the words of §O2; None if there is a cycle."""
    done = []

    def visit(node, path):
        if node in path:
            raise RecursionError
        if node not in done:
            for dependency in graph[node]:
                visit(dependency, [*path, node])
            done.append(node)

    try:
        for node in graph:
            visit(node, [])
    except RecursionError:
        return None
    return done


def test_independent_nodes_keep_their_order():
    """Nodes without dependencies are taken as given (DESIGN §O2)."""
    assert order_of({"c": [], "a": [], "b": []}) == (["c", "a", "b"], [])


def test_dependencies_come_right_before():
    """A node pulls its dependencies forward, these in the order in which they are given (DESIGN §O2)."""
    graph = {"a": ["d", "c"], "b": [], "c": ["e"], "d": [], "e": []}

    assert order_of(graph) == (["d", "e", "c", "a", "b"], [])


def test_no_nodes():
    """Nothing to order is fine."""
    assert order_of({}) == ([], [])


@pytest.mark.parametrize(
    "graph, cycle",
    [
        ({"a": ["a"]}, ["a", "a"]),
        ({"a": ["b"], "b": ["a"]}, ["a", "b", "a"]),
        ({"x": [], "a": ["x", "b"], "b": ["x", "c"], "c": ["b"]}, ["b", "c", "b"]),
        ({"a": ["b", "c"], "b": [], "c": ["d"], "d": ["a"]}, ["a", "c", "d", "a"]),
    ],
)
def test_cycle(graph, cycle):
    """The cycle is given from a node back to that node, without what merely leads to it (DESIGN §O1)."""
    assert order_of(graph)[1] == cycle


def test_deep_chain():
    """A chain far deeper than Python's stack is ordered, from its end."""
    size = 20_000
    order, cycle = order_of({i: [i + 1] if i + 1 < size else [] for i in range(size)})

    assert order == list(reversed(range(size)))
    assert cycle == []


def test_deep_cycle():
    """A cycle far deeper than Python's stack is found whole."""
    size = 20_000

    assert order_of({i: [(i + 1) % size] for i in range(size)})[1] == [*range(size), 0]


def test_dependencies_are_asked_for_once():
    """`dependencies` is called once a node, so that building stays linear, however often a node is used."""
    graph = {i: list(range(i)) for i in range(60)}
    calls = Counter()

    def dependencies(node):
        calls[node] += 1
        return iter(graph[node])

    depth_first_order(reversed(graph), dependencies)

    assert calls == dict.fromkeys(graph, 1)


def test_dependencies_are_consumed_once():
    """Each dependency is looked at once, so that the work is linear in nodes and dependencies."""
    graph = {i: list(range(i)) for i in range(60)}
    seen = Counter()

    def dependencies(node):
        for dependency in graph[node]:
            seen[node, dependency] += 1
            yield dependency

    depth_first_order(reversed(graph), dependencies)

    assert seen == {(i, j): 1 for i in graph for j in graph[i]}


@settings(deadline=None)
@given(st.data())
def test_equals_recursion(data):
    """The order is that of the naive recursion, and a cycle is found exactly where there is one (DESIGN §O2)."""
    nodes = list(range(data.draw(st.integers(0, 7))))
    some = st.lists(st.sampled_from(nodes), unique=True, max_size=3) if nodes else st.just([])
    graph = {node: data.draw(some) for node in data.draw(st.permutations(nodes))}

    order, cycle = order_of(graph)

    if cycle:
        assert naive(graph) is None
        assert cycle[0] == cycle[-1]
        assert all(after in graph[before] for before, after in pairwise(cycle))
        assert len(set(cycle)) == len(cycle) - 1
    else:
        assert order == naive(graph)
