"""The order of execution (DESIGN §O1, §O2), also of random models."""

from collections import Counter
from collections.abc import Mapping

import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

import xsim as xs
from xsim._base import ordering
from xsim.errors import CycleError
from xsim.model import sorting
from xsim.model.graph import ModelGraph


class NaiveCycleError(Exception):
    """The circle in which processes wait for each other."""


def naive_order(names, before):
    """Take processes in the order of declaration, each preceded by its dependencies: §O2 word by word."""
    done = []

    def take(name, waiting):
        if name in done:
            return
        if name in waiting:
            raise NaiveCycleError([*waiting[waiting.index(name) :], name])
        for other in names:
            if other in before(name):
                take(other, [*waiting, name])
        done.append(name)

    for name in names:
        take(name, [])
    return done


def expected(model):
    """Give the order of a described model, or None and its cycle."""
    try:
        return naive_order(list(model.classes), model.before), None
    except NaiveCycleError as error:
        return None, error.args[0]


@settings(deadline=None, max_examples=300)
@given(data=st.data())
def test_random_models(random_models, data):
    """The order is that of the rule; a cycle is refused exactly where there is one, and given whole (DESIGN §O2)."""
    model = data.draw(random_models)
    order, cycle = expected(model)

    if cycle is None:
        assert list(xs.Model(model.classes)) == order
        event("moved" if order != list(model.classes) else "as declared")
    else:
        with pytest.raises(CycleError) as error:
            xs.Model(model.classes)
        assert list(error.value.path) == cycle
        assert str(error.value).splitlines()[0] == f"Cycle detected in process graph: {'->'.join(cycle)}"
        event("cycle")


@settings(deadline=None)
@given(data=st.data())
def test_views_of_random_models(random_models, data):
    """Dependencies and inputs follow from who sets what (DESIGN §O1)."""
    described = data.draw(random_models.filter(lambda model: expected(model)[0] is not None))
    order, names = expected(described)[0], list(described.classes)
    model = xs.Model(described.classes)
    inputs = [k for k, kind in described.kinds.items() if kind in ("in", "inout") and k not in described.setters]

    assert model.dependent_processes == {
        name: [other for other in names if other in described.before(name)] for name in order
    }
    assert model.input_vars == sorted(inputs, key=lambda key: (order.index(key[0]), key[1]))
    assert model.index_vars == sorted(
        [key for key, kind in described.kinds.items() if kind == "index"],
        key=lambda key: (order.index(key[0]), key[1]),
    )


@settings(deadline=None)
@given(data=st.data())
def test_references_of_random_models(random_models, data):
    """Every reference and group reads the values at the ends of its chains (API.md)."""
    described = data.draw(random_models.filter(lambda model: expected(model)[0] is not None))
    model = xs.Model(described.classes)
    for key, kind in described.kinds.items():
        if kind != "on_demand":
            model.state[key] = key

    assert {k: getattr(model[k[0]], k[1]) for k in described.roots} == described.roots
    for key, group in described.gathered.items():
        order = list(model)
        members = sorted(described.members[group], key=lambda k: (described.kinds[k] == "on_demand", order.index(k[0])))
        value = getattr(model[key[0]], key[1])
        assert value == (dict(zip(members, members, strict=True)) if isinstance(value, Mapping) else tuple(members))
        assert list(value) == members


def process(base=(), **namespace):
    """Make a process class."""
    return xs.process(type("P", base, namespace))


A = process(v=xs.variable(intent="out"), i=xs.variable())
B = process(v=xs.variable(intent="out"))


def test_order_of_declaration():
    """Independent processes run in the order of declaration (DESIGN §O2)."""
    assert list(xs.Model({"z": A, "a": B, "m": process()})) == ["z", "a", "m"]


def test_dependencies_in_the_order_of_processes():
    """Dependencies are taken in the order of their processes, not of the variables (DESIGN §O2)."""
    reader = process(second=xs.foreign(B, "v"), first=xs.foreign(A, "v"))

    assert list(xs.Model({"r": reader, "a": A, "b": B})) == ["a", "b", "r"]
    assert list(xs.Model({"r": reader, "b": B, "a": A})) == ["b", "a", "r"]


def test_setting_through_a_reference():
    """Who sets a variable through a reference runs before its owner (DESIGN §O1)."""
    setter = process(f=xs.foreign(A, "i", intent="out"))

    assert list(xs.Model({"a": A, "s": setter})) == ["s", "a"]


@pytest.mark.parametrize("intent", ["in", "inout"])
def test_inout_makes_no_edge(intent):
    """Updating makes no edge to readers, in either direction; the setter precedes both (DESIGN §O1)."""
    owner = process(v=xs.variable(intent="inout"))
    user = process(f=xs.foreign(owner, "v", intent=intent))

    assert list(xs.Model({"u": user, "o": owner})) == ["u", "o"]
    assert list(xs.Model({"o": owner, "u": user})) == ["o", "u"]
    setter = process(f=xs.foreign(owner, "v", intent="out"))
    assert list(xs.Model({"u": user, "o": owner, "s": setter})) == ["s", "u", "o"]


def test_inout_and_in_are_no_cycle():
    """Two processes that update each other's variables are no cycle (API.md)."""
    one = process(v=xs.variable(intent="inout"), w=xs.global_ref("w"))
    two = process(w=xs.variable(intent="inout", global_name="w"), v=xs.foreign(one, "v"))

    assert list(xs.Model({"two": two, "one": one})) == ["two", "one"]


def test_groups():
    """Setters of members precede users of the group; members that are only read or updated do not (DESIGN §O2)."""
    setter = process(v=xs.variable(intent="out", groups="g"))
    updater = process(v=xs.variable(intent="inout", groups="g"), w=xs.variable(groups="g"))
    user = process(g=xs.group_dict("g"))

    assert list(xs.Model({"user": user, "updater": updater, "setter": setter})) == ["setter", "user", "updater"]


def test_user_and_member_of_a_group():
    """A process may be in the group that it uses (DESIGN §O2)."""
    both = process(v=xs.variable(intent="out", groups="g"), g=xs.group("g"))
    other = process(v=xs.variable(intent="out", groups="g"))

    assert list(xs.Model({"both": both, "other": other})) == ["other", "both"]


def test_on_demand_and_objects_are_set():
    """On-demand variables, indexes and objects are set by their process (DESIGN §O1)."""
    lazy = xs.on_demand()
    lazy.compute(lambda self: 1)
    for name, declaration in {"l": lazy, "i": xs.index("x"), "o": xs.any_object()}.items():
        owner = process(**{name: declaration})
        assert list(xs.Model({"r": process(f=xs.foreign(owner, name)), "owner": owner})) == ["owner", "r"]


def test_same_order_every_time():
    """Equal models have equal orders, however often they are made (DESIGN §O2)."""
    setters = {f"s{i}": process(v=xs.variable(intent="out", groups="g")) for i in range(20)}
    classes = {"user": process(g=xs.group("g")), **dict(reversed(setters.items()))}

    orders = {tuple(xs.Model(classes)) for _ in range(5)}

    assert orders == {(*reversed(setters), "user")}


def test_long_chain():
    """A chain of a thousand processes, declared from its end, is a model like any other."""
    classes = {"p0": process(v=xs.variable(intent="out"))}
    for i in range(1, 1000):
        classes[f"p{i}"] = process(v=xs.variable(intent="out"), f=xs.foreign(classes[f"p{i - 1}"], "v"))

    assert list(xs.Model(dict(reversed(classes.items())))) == list(classes)


def test_each_process_is_looked_at_once(monkeypatch):
    """Building asks once for the dependencies of a process, and looks at a group once for all of its users."""
    setters = {f"s{i}": process(v=xs.variable(intent="out", groups="g")) for i in range(30)}
    users = {f"u{i}": process(g=xs.group("g")) for i in range(30)}
    calls, edges = Counter(), Counter()

    def counting(nodes, dependencies):
        def counted(node):
            calls[node] += 1
            for dependency in dependencies(node):
                edges[node] += 1
                yield dependency

        return ordering.depth_first_order(nodes, counted)

    monkeypatch.setattr(sorting, "depth_first_order", counting)
    graph = ModelGraph({**users, **setters})

    assert graph.order == (*setters, *users)
    assert calls == dict.fromkeys(graph.order, 1)
    assert sum(edges.values()) == len(setters)
