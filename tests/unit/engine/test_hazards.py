"""Which processes of a stage have to wait for which (DESIGN §O3)."""

import datetime

import numpy as np
import pandas as pd
import pytest
import xarray as xr

import xsim as xs
from xsim._base.stages import Stage
from xsim.engine.hazards import hazard_edges
from xsim.model.objects import make_objects


def step(self):
    """Do nothing in the stage."""


def process(parallel=True, steps=True, **namespace):
    """Make a process class, by default one that runs in each step."""
    stages = {"run_step": step} if steps else {}
    return xs.process(type("P", (), namespace | stages), parallel=parallel)


def computed(compute):
    """Declare an on-demand variable with its compute method."""
    declaration = xs.on_demand()
    declaration.compute(compute)
    return declaration


def ordered(classes, values=None):
    """Give the pairs of processes that keep their order in run_step, directly or through others.

    Values are those that variables hold, by (process, variable).
    """
    graph = xs.Model(classes).graph
    objects = make_objects(graph)
    for (name, variable), value in (values or {}).items():
        vars(objects[name])[variable] = value
    names = [name for name in graph.order if Stage.RUN_STEP in graph.specs[name].stages]
    waits = hazard_edges(graph, objects, Stage.RUN_STEP)
    assert all(other < i for i, before in enumerate(waits) for other in before)
    before: list[set[int]] = []
    for others in waits:
        before.append(others.union(*(before[other] for other in others)))
    return {(names[other], names[i]) for i, others in enumerate(before) for other in others}


OWNER = process(steps=False, v=xs.variable(intent="inout", global_name="v", groups="g", dims=[(), "x"]))


def user(intent, how="foreign"):
    """Make a process that uses the variable of OWNER."""
    return process(f=xs.foreign(OWNER, "v", intent=intent) if how == "foreign" else xs.global_ref("v", intent=intent))


@pytest.mark.parametrize("how", ["foreign", "global_ref"])
@pytest.mark.parametrize("value", [1, np.arange(3)])
@pytest.mark.parametrize(
    "one, two, expected",
    [
        ("in", "in", set()),
        ("in", "inout", {("one", "two")}),
        ("inout", "in", {("one", "two")}),
        ("inout", "inout", {("one", "two")}),
    ],
)
def test_two_users_of_a_variable(one, two, expected, value, how):
    """They stay in order if one of them updates it; two readers do not wait for each other."""
    classes = {"owner": OWNER, "one": user(one, how), "two": user(two)}

    assert ordered(classes, {("owner", "v"): value}) == expected


def test_readers_between_updates():
    """Each reader stays between the updates around it; readers are free among each other."""
    kinds = {"w1": "inout", "r1": "in", "r2": "in", "w2": "inout", "r3": "in"}
    classes = {"owner": OWNER} | {name: user(intent) for name, intent in kinds.items()}
    names = list(kinds)
    every = {(a, b) for i, a in enumerate(names) for b in names[i + 1 :]}

    assert ordered(classes, {("owner", "v"): 1}) == every - {("r1", "r2")}


@pytest.mark.parametrize("kind", ["group", "group_dict"])
def test_groups(kind):
    """Reading a group is reading all its members."""
    gatherer = process(g=getattr(xs, kind)("g"))
    classes = {"owner": OWNER, "gatherer": gatherer, "reader": user("in"), "writer": user("inout")}

    assert ordered(classes, {("owner", "v"): 1}) == {("gatherer", "writer"), ("reader", "writer")}


def test_dependencies():
    """Who uses a variable waits for who sets it, also through processes that do not implement the stage."""
    a = process(v=xs.variable(intent="out"))
    b = process(steps=False, f=xs.foreign(a, "v"), v=xs.variable(intent="out"))
    c = process(f=xs.foreign(b, "v"))
    classes = {"c": c, "b": b, "a": a, "other": process(u=xs.variable())}

    assert ordered(classes, {("a", "v"): 1, ("b", "v"): 1}) == {("a", "c")}


def test_uses_in_other_stages_do_not_matter():
    """A process that does nothing in the stage makes nobody wait."""
    idle = process(steps=False, f=xs.foreign(OWNER, "v", intent="inout"))
    classes = {"owner": OWNER, "one": user("in"), "idle": idle, "two": user("in")}

    assert ordered(classes, {("owner", "v"): 1}) == set()


@pytest.mark.parametrize(
    "value",
    [
        *(True, 1, 1.5, 1j, "text", b"bytes", np.float32(1), np.datetime64(0, "s"), np.arange(3), np.array("text")),
        *(datetime.date(2000, 1, 1), datetime.timedelta(1), pd.Timestamp(0), np.arange("2000", "2002", dtype="M8[Y]")),
    ],
)
def test_plain_values(value):
    """Arrays, numbers, text and dates can be read at the same time."""
    classes = {"owner": OWNER, "one": user("in"), "two": user("in")}

    assert ordered(classes, {("owner", "v"): value}) == set()


@pytest.mark.parametrize(
    "value",
    [
        [1],
        {"a": 1},
        object(),
        xr.DataArray([1]),
        np.array([[1], None], dtype=object),
        np.zeros(1, [("a", "f8"), ("b", "O")]),
        len,
    ],
)
def test_other_values(value):
    """Each use of any other value counts as an update: readers may write into it."""
    classes = {"owner": OWNER, "one": user("in"), "two": user("in")}

    assert ordered(classes, {("owner", "v"): value}) == {("one", "two")}


def test_a_record_of_an_array():
    """A record taken from a structured array is a view of it, which readers can write into."""
    record = np.zeros(2, [("n", "f8")])[0]
    classes = {"owner": OWNER, "one": user("in"), "two": user("in")}

    assert ordered(classes, {("owner", "v"): record}) == {("one", "two")}


def test_values_not_seen_yet():
    """Until a value has been seen, each use of it counts as an update."""
    assert ordered({"owner": OWNER, "one": user("in"), "two": user("in")}) == {("one", "two")}


def test_any_object():
    """Each use of an object counts as an update, whatever it is."""
    owner = process(steps=False, o=xs.any_object())
    reader = process(f=xs.foreign(owner, "o"))

    assert ordered({"owner": owner, "one": reader, "two": reader}, {("owner", "o"): 1}) == {("one", "two")}


def test_on_demand():
    """Reading on demand uses the owner and all that it can read, through other on-demand variables too."""
    source = process(steps=False, v=xs.variable(intent="inout"))
    first = process(steps=False, f=xs.foreign(source, "v"), lazy=computed(lambda self: self.f))
    second = process(f=xs.foreign(first, "lazy"), own=xs.variable(), lazy=computed(lambda self: self.f))
    reader = process(f=xs.foreign(second, "lazy"))
    writer = process(f=xs.foreign(source, "v", intent="inout"))
    classes = {"source": source, "first": first, "second": second, "one": reader, "two": reader, "writer": writer}
    names = ["second", "one", "two", "writer"]

    found = ordered(classes, {("source", "v"): 1, ("second", "own"): 1})
    assert found == {(a, b) for i, a in enumerate(names) for b in names[i + 1 :]}


def test_alone():
    """A process with parallel=False waits for all before it, and all after it wait for it."""
    names = [f"p{i}" for i in range(5)]
    classes = {name: process(u=xs.variable(), parallel=name != "p2") for name in names}

    found = ordered(classes, {(name, "u"): 1 for name in names})
    assert found == {("p0", "p2"), ("p1", "p2"), *((a, b) for a in ("p0", "p1", "p2") for b in ("p3", "p4"))}


def test_computing_on_demand_alone():
    """What computes on demand for a class with parallel=False shares what xsim cannot see, whoever reads it."""
    a, b = (process(steps=False, parallel=False, lazy=computed(lambda self: np.random.rand())) for _ in range(2))
    one, two = (process(f=xs.foreign(owner, "lazy")) for owner in (a, b))
    classes = {"a": a, "b": b, "one": one, "two": two}

    assert ordered(classes) == {("one", "two")}


# -- values that are one piece of memory ----------------------------------------------------------------------------

OTHER = process(steps=False, w=xs.variable(intent="out", dims=[(), "x"]))


def reader_and_writer(values):
    """Let one process read a variable and the next one update another."""
    classes = {
        "owner": OWNER,
        "other": OTHER,
        "reader": process(f=xs.foreign(OTHER, "w")),
        "writer": user("inout"),
    }
    return ordered(classes, values) == {("reader", "writer")}


BASE = np.arange(12)


@pytest.mark.parametrize("view", [BASE, BASE[3:5], BASE[::-1], BASE[::5], BASE.reshape(3, 4).T, BASE[7:8].view("u1")])
def test_arrays_sharing_memory(view):
    """Arrays that share memory count as one."""
    assert reader_and_writer({("owner", "v"): BASE, ("other", "w"): view})
    assert reader_and_writer({("owner", "v"): view, ("other", "w"): BASE})


@pytest.mark.parametrize("other", [BASE.copy(), BASE[0:0], BASE[0], 1])
def test_arrays_not_sharing_memory(other):
    """Others do not."""
    assert not reader_and_writer({("owner", "v"): BASE, ("other", "w"): other})


def test_neighbours_in_memory():
    """Parts of one array that do not overlap are two pieces of state."""
    assert not reader_and_writer({("owner", "v"): BASE[:6], ("other", "w"): BASE[6:]})


def test_many_views():
    """Views that overlap in a row count as one; it takes no pair that overlaps directly."""
    owners = [process(steps=False, v=xs.variable(intent="out", dims="x")) for _ in range(4)]
    classes = {f"o{i}": owner for i, owner in enumerate(owners)}
    classes |= {f"u{i}": process(f=xs.foreign(owner, "v", intent="inout")) for i, owner in enumerate(owners)}
    views = {("o0", "v"): BASE[0:4], ("o1", "v"): BASE[6:9], ("o2", "v"): BASE[3:7], ("o3", "v"): BASE[9:]}

    assert ordered(classes, views) == {("u0", "u1"), ("u0", "u2"), ("u1", "u2")}


def test_a_dataarray_over_an_array():
    """The memory of a DataArray counts as that of its array."""
    assert reader_and_writer({("owner", "v"): BASE, ("other", "w"): xr.DataArray(BASE[2:4], dims="x")})


def test_one_object_under_two_names():
    """A list or another object that two variables hold is one piece of state."""
    values = [1, 2]

    assert reader_and_writer({("owner", "v"): values, ("other", "w"): values})


def around_an_object(value):
    """Let a process set a variable and use an object, another read this variable, a third use the object."""
    objects = process(steps=False, o=xs.any_object())
    setter = process(o=xs.foreign(objects, "o"), v=xs.variable(intent="out", dims=[(), "x"]))
    reader, friend = process(f=xs.foreign(setter, "v")), process(f=xs.foreign(objects, "o"))
    classes = {"objects": objects, "setter": setter, "reader": reader, "friend": friend}
    values = {} if value is None else {("setter", "v"): value}
    return ordered(classes, {("objects", "o"): object()} | values) - {("setter", "reader"), ("setter", "friend")}


def test_arrays_set_around_an_object():
    """Arrays set by processes that use an object may be views of what it holds: they count as one."""
    assert around_an_object(BASE) == {("reader", "friend")}


def test_numbers_set_around_an_object():
    """Numbers that a user of an object sets are its own."""
    assert around_an_object(1) == set()


def test_values_not_seen_yet_around_an_object():
    """What has not been seen yet may become such an array."""
    assert around_an_object(None) == {("reader", "friend")}


def test_numbers_of_who_sets_an_object():
    """An object may be a method of the process that sets it: who calls it changes its numbers too."""
    owner = process(steps=False, n=xs.variable(intent="out"), add=xs.any_object(groups="adders"))
    classes = {"owner": owner, "reader": process(f=xs.foreign(owner, "n")), "caller": process(g=xs.group("adders"))}

    assert ordered(classes, {("owner", "n"): 1, ("owner", "add"): print}) == {("reader", "caller")}


# -- frozen values --------------------------------------------------------------------------------------------------


def holding(kind, **facts):
    """Make a process that holds a value for others, and processes that read it, by foreign and by global_ref."""
    facts |= {"intent": "out", "dims": [(), "x"]} if kind is xs.variable else {}
    owner = process(steps=False, v=kind(global_name="v", **facts))
    return {"owner": owner, "one": process(f=xs.foreign(owner, "v")), "two": process(f=xs.global_ref("v"))}


@pytest.mark.parametrize("value", [[1], {"a": 1}, object(), np.array([[1], None], dtype=object)], ids=type)
@pytest.mark.parametrize("kind", [xs.variable, xs.any_object])
def test_frozen_values_are_only_read(kind, value):
    """Readers of a frozen object keep no order; of another one they do."""
    assert ordered(holding(kind), {("owner", "v"): value}) == {("one", "two")}
    assert ordered(holding(kind, frozen=True), {("owner", "v"): value}) == set()


def test_frozen_values_that_are_not_known_yet():
    """Before they have been seen, too."""
    assert ordered(holding(xs.any_object)) == {("one", "two")}
    assert ordered(holding(xs.any_object, frozen=True)) == set()


def test_who_sets_a_frozen_value_updates_it():
    """Setting a frozen value anew is an update: readers before and after it keep their order."""
    owner = process(steps=False, v=xs.variable(intent="inout", frozen=True))
    classes = {
        "before": process(f=xs.foreign(owner, "v")),
        "sets": process(f=xs.foreign(owner, "v", intent="inout")),
        "after": process(f=xs.foreign(owner, "v")),
        "owner": owner,
    }

    expected = {("before", "sets"), ("before", "after"), ("sets", "after")}
    assert ordered(classes, {("owner", "v"): [1]}) == expected


def test_arrays_made_by_users_of_a_frozen_object():
    """Arrays set by users of a frozen object are no views of what others change; of another object they may be."""
    for frozen, expected in ((True, set()), (False, {("one", "two")})):
        owner = process(steps=False, v=xs.any_object(frozen=frozen))
        classes = {name: process(f=xs.foreign(owner, "v"), a=xs.variable("x", intent="out")) for name in ("one", "two")}
        values = {("owner", "v"): object(), ("one", "a"): np.zeros(2), ("two", "a"): np.zeros(2)}
        assert ordered({"owner": owner} | classes, values) == expected


def test_the_same_object_under_another_name():
    """An object that is frozen under one name is still written into under another."""
    frozen, free = (process(steps=False, v=xs.any_object(frozen=f)) for f in (True, False))
    classes = {
        "frozen": frozen,
        "free": free,
        "reads": process(f=xs.foreign(frozen, "v")),
        "reads_too": process(f=xs.foreign(frozen, "v")),
        "uses": process(f=xs.foreign(free, "v")),
    }
    shared = [1]

    values = {("frozen", "v"): shared, ("free", "v"): shared}
    assert ordered(classes, values) == {("reads", "uses"), ("reads_too", "uses")}


def test_lagged_references_make_no_edges():
    """A lagged reference is its process's own copy: neither its owner nor other readers wait for it (DESIGN §O6)."""
    owner = process(v=xs.variable(intent="out", dims=[(), "x"]))
    reads = {name: process(f=xs.foreign(owner, "v", lag=1, initial=0)) for name in ("one", "two")}
    for value in (1, np.zeros(2), [1]):
        values = {("owner", "v"): value, ("one", "f"): [0], ("two", "f"): [0]}
        assert ordered({"owner": owner} | reads, values) == set()


def test_hints_keep_their_order():
    """Processes that a hint orders wait for each other, also through one without such a stage (DESIGN §O2)."""
    classes = {"c": process(), "b": process(steps=False), "a": process(), "free": process()}
    graph = xs.Model(classes, order=[("a", "b"), ("b", "c")]).graph
    waits = hazard_edges(graph, make_objects(graph), Stage.RUN_STEP)

    assert [name for name in graph.order if name != "b"] == ["a", "c", "free"]
    assert waits == [set(), {0}, set()]
