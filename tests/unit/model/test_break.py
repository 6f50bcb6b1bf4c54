"""Who is skipped after a BREAK (DESIGN §O8, §O3)."""

import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

import xsim as xs
from xsim._base.stages import Stage
from xsim.errors import CycleError
from xsim.model.graph import ModelGraph

ALWAYS_UPDATES = ("any_object", "on_demand")


def computed(compute=lambda self: 1, **facts):
    """Declare an on-demand variable with its compute method."""
    declaration = xs.on_demand(**facts)
    declaration.compute(compute)
    return declaration


def process(base=(), steps=True, **namespace):
    """Make a process class, by default one that runs in each step and notes it."""

    def run_step(self):
        self.ran = True
        return getattr(self, "signal", None)

    return xs.process(type("P", base, namespace | ({"run_step": run_step} if steps else {})))


def skipped(classes, breaker):
    """Give the processes that do not run after a BREAK of one of them, from running the stage."""
    model = xs.Model(classes)
    for name in model:
        model[name].signal = xs.RuntimeSignal.BREAK if name == breaker else None
    model.execute("run_step", {})
    ran = {name for name in model if hasattr(model[name], "ran")}
    steps = {name for name in model if hasattr(type(model[name]), "run_step")}
    found = model.graph.skipped_after_break(breaker, Stage.RUN_STEP)

    assert steps - ran == found & steps
    return found


A = process(v=xs.variable(intent="out"), w=xs.variable(intent="inout", default=1), o=xs.any_object())
Idle = process(steps=False, v=xs.variable(intent="out"), f=xs.foreign(A, "v"))


def test_downstream_by_dependency():
    """Those that depend on the process are skipped, directly or through others; the others run (DESIGN §O8)."""
    b = process(v=xs.variable(intent="out"), f=xs.foreign(A, "v"))
    c = process(f=xs.foreign(b, "v"))
    other = process(v=xs.variable())

    assert skipped({"c": c, "other": other, "b": b, "a": A}, "a") == {"b", "c"}
    assert skipped({"c": c, "other": other, "b": b, "a": A}, "b") == {"c"}
    assert skipped({"c": c, "other": other, "b": b, "a": A}, "c") == set()
    assert skipped({"other": other, "c": c, "b": b, "a": A}, "other") == set()


def test_through_a_process_without_the_stage():
    """A dependency passes through processes that do not implement the stage (DESIGN §O4, §O8)."""
    c = process(f=xs.foreign(Idle, "v"))

    assert skipped({"c": c, "b": Idle, "a": A}, "a") == {"b", "c"}


def test_upstream_and_earlier_ones():
    """What the process depends on has run, and so have those before it in order."""
    b = process(v=xs.variable(intent="out"), f=xs.foreign(A, "v"))

    assert skipped({"early": process(f=xs.foreign(A, "w")), "b": b, "a": A}, "b") == set()


@pytest.mark.parametrize("first, second, hazard", [("in", "in", False), ("in", "inout", True), ("inout", "in", True)])
def test_downstream_by_hazard(first, second, hazard):
    """Two users of one variable are ordered if one of them updates it (DESIGN §O3)."""
    owner = process(steps=False, w=xs.variable(intent="inout"))
    one, two = (process(f=xs.foreign(owner, "w", intent=intent)) for intent in (first, second))

    assert skipped({"one": one, "two": two, "a": owner}, "one") == ({"two"} if hazard else set())


def test_hazards_pass_on():
    """Who shares state with a skipped process is skipped too (DESIGN §O8)."""
    b = process(f=xs.foreign(A, "v"), u=xs.variable(intent="inout"))
    c = process(g=xs.foreign(b, "u"))

    assert skipped({"a": A, "b": b, "c": c}, "a") == {"b", "c"}


def test_hazards_need_the_stage():
    """A process that does nothing in the stage makes no hazard there."""
    b = process(steps=False, f=xs.foreign(A, "w", intent="inout"), u=xs.variable(intent="inout"))
    c = process(g=xs.foreign(b, "u", intent="inout"))

    assert skipped({"a": A, "b": b, "c": c}, "a") == set()


def test_objects_are_updated_by_all():
    """Every use of an object counts as an update, also in groups (DESIGN §O3)."""
    owner = process(steps=False, o=xs.any_object(groups="g"))
    reader = process(f=xs.foreign(owner, "o"))
    gatherer = process(g=xs.group("g"))

    assert skipped({"owner": owner, "one": reader, "two": reader, "three": gatherer}, "one") == {"two", "three"}


def test_group_of_variables():
    """Reading a group conflicts with updates of its members, not with reading them."""
    owner = process(steps=False, w=xs.variable(intent="inout", groups="g"))
    gatherer, reader = process(g=xs.group("g")), process(f=xs.foreign(owner, "w"))
    updater = process(f=xs.foreign(owner, "w", intent="inout"))

    classes = {"gatherer": gatherer, "reader": reader, "updater": updater, "owner": owner}
    assert skipped(classes, "gatherer") == {"updater"}


def test_on_demand():
    """Readers of an on-demand variable are ordered with each other and with its owner (DESIGN §O3)."""
    owner = process(lazy=computed())
    reader = process(f=xs.foreign(owner, "lazy"))

    assert skipped({"owner": owner, "one": reader, "two": reader}, "one") == {"two"}
    assert skipped({"owner": owner, "one": reader, "two": reader}, "owner") == {"one", "two"}


def test_what_a_compute_method_reads():
    """Reading on demand counts as a use of all that the owner's compute method can read (DESIGN §O3)."""
    owner = process(steps=False, f=xs.foreign(A, "w"), lazy=computed(lambda self: self.f))
    reader = process(f=xs.foreign(owner, "lazy"))

    assert skipped({"a": A, "owner": owner, "reader": reader}, "a") == {"reader"}


def test_on_demand_through_on_demand():
    """So does reading what is computed from other values on demand, however long the chain (DESIGN §O3)."""
    first = process(steps=False, f=xs.foreign(A, "w"), lazy=computed(lambda self: self.f))
    second = process(steps=False, f=xs.foreign(first, "lazy"), lazy=computed(lambda self: self.f))
    reader = process(f=xs.foreign(second, "lazy"))

    assert skipped({"a": A, "first": first, "second": second, "reader": reader}, "a") == {"reader"}


def test_object_through_on_demand():
    """Two compute methods that use one object count as updating it (DESIGN §O3)."""
    objects = process(steps=False, o=xs.any_object())
    owners = [process(steps=False, f=xs.foreign(objects, "o"), lazy=computed(lambda self: self.f)) for _ in range(2)]
    one, two = (process(f=xs.foreign(owner, "lazy")) for owner in owners)

    classes = {"objects": objects, "owner1": owners[0], "owner2": owners[1], "one": one, "two": two}
    assert skipped(classes, "one") == {"two"}


def test_two_breaks():
    """Each BREAK of a stage skips its own downstream."""
    b, c = process(f=xs.foreign(A, "v")), process(v=xs.variable(intent="out"))
    d, e = process(f=xs.foreign(c, "v")), process(v=xs.variable())
    model = xs.Model({"a": A, "b": b, "c": c, "d": d, "e": e})
    model.a.signal = model.c.signal = xs.RuntimeSignal.BREAK

    model.execute("run_step", {})

    assert [name for name in model if hasattr(model[name], "ran")] == ["a", "c", "e"]


def test_other_signals_skip_nobody():
    """Only BREAK of a process skips others."""
    for signal in (xs.RuntimeSignal.NONE, xs.RuntimeSignal.SKIP, xs.RuntimeSignal.CONTINUE, True, 7, "BREAK"):
        model = xs.Model({"a": A, "b": process(f=xs.foreign(A, "v"))})
        model.a.signal = signal
        model.execute("run_step", {})
        assert model.b.ran


def uses(described, name):
    """Give the state that a process uses and whether it updates it, by the words of §O3."""
    found = {}

    def use(root, updates):
        kind = described.kinds[root]
        found[root] = found.get(root, False) or updates or kind in ALWAYS_UPDATES
        if kind == "on_demand" and root[0] not in computing:
            computing.add(root[0])
            for key in described.variables(root[0]):
                for other in described.refers_to(key):
                    use(other, False)

    computing = {name}
    for key in described.variables(name):
        for root in described.refers_to(key):
            use(root, key not in described.gathered and described.intents[key] != "in")
    return found


def naive_skipped(described, order, breaker):
    """Collect those downstream of a process by dependency or hazard: §O8 word by word."""
    found, hazards = {breaker}, [uses(described, breaker)]
    for name in order[order.index(breaker) + 1 :]:
        mine = uses(described, name) if name in described.stepping else {}
        hazard = any(key in other and (mine[key] or other[key]) for other in hazards for key in mine)
        if hazard or described.before(name) & found:
            found.add(name)
            hazards.append(mine)
    return found - {breaker}


@settings(deadline=None, max_examples=300)
@given(data=st.data())
def test_random_models(random_models, data):
    """In random models, those are skipped whom the rule names."""
    described = data.draw(random_models)
    try:
        graph = ModelGraph(described.classes)
    except CycleError:
        return
    for breaker in sorted(described.stepping):
        expected = naive_skipped(described, list(graph.order), breaker)
        event("some are skipped" if expected else "nobody is skipped")
        assert graph.skipped_after_break(breaker, Stage.RUN_STEP) == expected
