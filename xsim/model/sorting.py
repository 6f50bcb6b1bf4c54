"""The order of execution (DESIGN §O1, §O2)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from heapq import merge
from itertools import pairwise

from xsim._base.keys import join_key
from xsim._base.ordering import depth_first_order
from xsim.declare.variable_spec import VarIntent
from xsim.errors import CycleError
from xsim.model.hints import Hint
from xsim.model.linking import Linking


def execution_order(linking: Linking, hints: Sequence[Hint] = ()) -> tuple[str, ...]:
    """Take processes in the order of declaration, each preceded by those that set what it uses.

    Parameters
    ----------
    linking : Linking
    hints : sequence of Hint
        Pairs of which the first comes before the second, too.

    Raises
    ------
    CycleError
        If processes wait for each other.

    Notes
    -----
    Linear in the variables of the model. Setters of a group are walked once for all of its users: once a user is
    through, they are all done.
    """
    processes = list(linking.specs)
    position = {name: i for i, name in enumerate(processes)}
    of_group = {group: sorted(setters) for group, setters in _group_setters(linking, position).items()}
    walked: set[str] = set()
    hinted = hinted_before(hints)

    def dependencies(name: str) -> Iterator[str]:
        direct, groups = _uses(linking, name)
        me = position[name]
        if hinted:
            direct.update(hinted.get(name, ()))
        lists = [sorted(position[other] for other in direct)]
        lists += [of_group[group] for group in groups if group not in walked and group in of_group]
        last = -1
        for i in merge(*lists) if len(lists) > 1 else lists[0]:
            if i not in (me, last):
                last = i
                yield processes[i]
        walked.update(groups)

    order, cycle = depth_first_order(processes, dependencies)
    if cycle:
        _refuse_cycle(linking, cycle)
    return tuple(order)


def hinted_before(hints: Sequence[Hint]) -> dict[str, list[str]]:
    """Give those that hints put directly before a process, where there are any."""
    found: dict[str, list[str]] = {}
    for first, second in hints:
        found.setdefault(second, []).append(first)
    return found


def setters_before(linking: Linking, order: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Give for each process those that set something which it uses, in the order of declaration.

    Parameters
    ----------
    linking : Linking
    order : sequence of str
        The processes, as they are to come in the result.

    Notes
    -----
    Those that use the same share one tuple: many users of a large group take no more room than one.
    """
    processes = list(linking.specs)
    position = {name: i for i, name in enumerate(processes)}
    of_group = _group_setters(linking, position)
    shared: dict[tuple[frozenset[int], tuple[str, ...]], tuple[set[int], tuple[str, ...]]] = {}
    found: dict[str, tuple[str, ...]] = {}
    for name in order:
        direct, groups = _uses(linking, name)
        used = frozenset(position[other] for other in direct), tuple(groups)
        if used not in shared:
            setters = set(used[0]).union(*(of_group.get(group, ()) for group in groups))
            shared[used] = setters, tuple(processes[i] for i in sorted(setters))
        setters, before = shared[used]
        found[name] = tuple(other for other in before if other != name) if position[name] in setters else before
    return found


def _group_setters(linking: Linking, position: Mapping[str, int]) -> dict[str, set[int]]:
    """Give the positions of those that set members of each group."""
    setters, roots = linking.setters, linking.roots
    return {
        group: {position[setters[root]] for key in keys if (root := roots.get(key, key)) in setters}
        for group, keys in linking.groups.items()
    }


def _uses(linking: Linking, name: str) -> tuple[set[str], list[str]]:
    """Split what a process waits for in setters of single variables and groups."""
    direct: set[str] = set()
    groups: list[str] = []
    for variable, spec in linking.specs[name].variables.items():
        if spec.group is not None:
            groups.append(spec.group)
        elif spec.intent is not VarIntent.OUT:
            root = linking.roots.get((name, variable), (name, variable))
            setter = linking.setters.get(root, name)
            if setter != name:
                direct.add(setter)
    return direct, groups


def _refuse_cycle(linking: Linking, cycle: list[str]) -> None:
    lines = []
    hinted = False
    for reader, setter in pairwise(cycle):
        for variable, spec in linking.specs[reader].variables.items():
            if spec.group is None and spec.intent is VarIntent.OUT:
                continue
            shared = [k for k in linking.refers_to((reader, variable)) if linking.setters.get(k) == setter]
            if shared:
                name = join_key(shared[0])
                lines.append(f"{reader!r} uses {name!r} as {variable!r}, which {setter!r} sets")
                break
        else:
            hinted = True
            lines.append(f"{reader!r} is to run after {setter!r}, as the hint order=[({setter!r}, {reader!r})] says")
    raise CycleError.listing(
        f"Cycle detected in process graph: {'->'.join(cycle)}",
        lines,
        expected="each process to run after those that set what it uses",
        remedy=("drop a hint, " if hinted else "")
        + "read the value of the step before (lag=1 in xs.foreign or xs.global_ref), let one of them update its "
        "variable (intent='inout') instead of setting it, or join two of them",
        path=tuple(cycle),
    )
