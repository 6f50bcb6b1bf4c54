"""Putting the processes of a stage together to tasks (DESIGN §O4)."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xsim.engine import tasks
from xsim.engine.tasks import StageTask, grouped_tasks, single_tasks

EXPENSIVE = 1.0


@st.composite
def graphs(draw):
    """Draw what each process waits for, and what each costs."""
    size = draw(st.integers(1, 25))
    density = draw(st.sampled_from([0.05, 0.2, 0.6]))
    chance = st.floats(0, 1, exclude_max=True)
    waits = [{j for j in range(i) if draw(chance) < density} for i in range(size)]
    cost = st.one_of(st.just(0.0), st.floats(1e-7, 1e-3), st.floats(1e-3, 10))
    return waits, draw(st.lists(cost, min_size=size, max_size=size))


def ancestors(found):
    """Give, for each task, all that come before it; fails where the graph has a cycle."""
    before: dict[int, set[int]] = {}

    def visit(number, path):
        assert number not in path
        if number not in before:
            after = found[number].after
            before[number] = set(after).union(*(visit(other, {*path, number}) for other in after))
        return before[number]

    for number in range(len(found)):
        visit(number, set())
    return before


def check_keeps_all_waits(found, waits):
    """Check that each process is in one task, and has all that it waits for before it."""
    place = {position: number for number, task in enumerate(found) for position in task.positions}
    assert sorted(position for task in found for position in task.positions) == list(range(len(waits)))
    before = ancestors(found)
    for position, others in enumerate(waits):
        for other in others:
            if place[other] == place[position]:
                order = found[place[position]].positions
                assert order.index(other) < order.index(position)
            else:
                assert place[other] in before[place[position]]


@settings(deadline=None, max_examples=300)
@given(graphs(), st.integers(1, 8), st.sampled_from([1e-9, 500e-6, 1.0]))
def test_grouping_keeps_all_waits(graph, workers, cheapest):
    """Whatever is fused and grouped, no edge gets lost, and the tasks make no cycle."""
    waits, costs = graph
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tasks, "CHEAPEST_TASK", cheapest)
        found = grouped_tasks(waits, costs, workers)

    check_keeps_all_waits(found, waits)
    # In a task, the sequential order: so the first failure is found.
    assert all(list(task.positions) == sorted(task.positions) for task in found)


@given(graphs())
def test_single_tasks(graph):
    """Each process on its own waits for exactly what it has to."""
    waits, _ = graph

    assert single_tasks(waits) == [StageTask((i,), tuple(sorted(before))) for i, before in enumerate(waits)]


def test_nothing():
    """No process, no task."""
    assert grouped_tasks([], [], 2) == []


def test_a_chain_is_one_task():
    """Processes that follow each other are one task, also where each waits for all before it."""
    chain = [set(), {0}, {1}, {2}]
    complete = [set(range(i)) for i in range(4)]

    for waits in (chain, complete):
        assert grouped_tasks(waits, [EXPENSIVE] * 4, 4) == [StageTask((0, 1, 2, 3), ())]


def test_two_chains():
    """Chains that are interleaved in the sequential order are two tasks."""
    assert grouped_tasks([set(), set(), {0}, {1}], [EXPENSIVE] * 4, 2) == [
        StageTask((0, 2), ()),
        StageTask((1, 3), ()),
    ]


def test_a_diamond():
    """What can run at the same time stays apart."""
    assert grouped_tasks([set(), {0}, {0}, {1, 2}], [EXPENSIVE] * 4, 2) == [
        StageTask((0,), ()),
        StageTask((1,), (0,)),
        StageTask((2,), (0,)),
        StageTask((3,), (1, 2)),
    ]


@pytest.mark.parametrize("workers", [1, 2, 4, 16])
def test_a_thousand_agents(workers):
    """A thousand cheap independent processes are a handful of tasks of about the same size."""
    found = grouped_tasks([set() for _ in range(1000)], [20e-6] * 1000, workers)
    sizes = [len(task.positions) for task in found]

    assert workers <= len(found) <= 2 * workers
    assert max(sizes) - min(sizes) <= 2


def test_a_thousand_very_cheap_agents():
    """Where all together cost less than a task is worth, they are one task."""
    assert len(grouped_tasks([set() for _ in range(1000)], [0.2e-6] * 1000, 4)) == 1


def test_agents_between_two_others():
    """Grouped processes keep what comes before and after all of them."""
    waits = [set(), *({0} for _ in range(1000)), set(range(1, 1001))]
    found = grouped_tasks(waits, [EXPENSIVE, *[20e-6] * 1000, EXPENSIVE], 2)

    check_keeps_all_waits(found, waits)
    assert len(found) == 6
    assert (found[0].positions, found[-1].positions) == ((0,), (1001,))


def test_one_expensive_among_cheap_ones():
    """A process that costs more than all others has a task without many of these."""
    costs = [20e-6] * 100
    costs[50] = EXPENSIVE
    found = grouped_tasks([set() for _ in costs], costs, 2)

    (with_it,) = (task for task in found if 50 in task.positions)
    assert len(found) > 1
    assert len(with_it.positions) < 100


def test_few_expensive_ones():
    """Expensive processes are never put together while there are workers for them."""
    assert len(grouped_tasks([set() for _ in range(3)], [EXPENSIVE] * 3, 4)) == 3
