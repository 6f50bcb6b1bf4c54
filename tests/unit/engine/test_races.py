"""Models that go wrong without hazard edges, and the same bits with them (DESIGN §O3).

In each of them ``reader`` comes before ``writer`` in the sequential order, and waits a moment for it: where nothing
keeps the two in order, the writer comes first.
"""

import threading

import numpy as np
import pytest
import xarray as xr

import xsim as xs
from xsim.engine import hazards, parallel, tasks

MOMENT = 0.1


@pytest.fixture(autouse=True)
def always_parallel(monkeypatch):
    """Let stages run in tasks, whatever it costs; one pass is a sequential trial."""
    monkeypatch.setattr(parallel, "WORTH_TRYING", 0)
    monkeypatch.setattr(parallel, "LOOKING", 0)
    monkeypatch.setattr(parallel, "LEAST_GAIN", 0)
    monkeypatch.setattr(parallel, "TRIALS", 1)
    monkeypatch.setattr(tasks, "CHEAPEST_TASK", 1e-9)


class Race:
    """Methods of a reader and a writer, and a run of the model that they are in."""

    def __init__(self, stage="run_step"):
        self.stage = stage
        self.written = []  # an event for each step

    def reader(self, read, **variables):
        """Make a process that notes what it reads."""

        def method(process, step):
            if threading.current_thread() is not threading.main_thread():
                self.written[step].wait(MOMENT)
            process.seen = float(read(process))

        variables["seen"] = xs.variable(intent="out")
        return xs.process(type("Reader", (), variables | {self.stage: xs.runtime(args="step")(method)}))

    def writer(self, write, **variables):
        """Make a process that updates something."""

        def method(process, step):
            write(process)
            self.written[step].set()

        return xs.process(type("Writer", (), variables | {self.stage: xs.runtime(args="step")(method)}))

    def seen(self, classes, steps=4, **options):
        """Run the model; give what the reader saw in each step."""
        self.written = [threading.Event() for _ in range(steps)]
        model = xs.Model(classes)
        setup = xs.create_setup(
            model=model, clocks={"time": np.arange(steps + 1)}, output_vars={"reader__seen": "time"}
        )
        result = setup.xsim.run(model=model, progress=False, **options)
        assert [name for name in model if name in ("reader", "writer")] == ["reader", "writer"]
        return result.reader__seen.values.tolist()

    def check(self, classes, steps=4):
        """Compare a sequential run with one in two threads."""
        sequential = self.seen(classes, steps)
        assert self.seen(classes, steps, parallel=True, workers=2, threads_per_worker=1) == sequential
        assert len(set(sequential)) > 1 or self.stage != "run_step"  # the writer does change what is read


@xs.process
class Base:
    """Sets an array and a number."""

    a = xs.variable(dims="x", intent="out")
    n = xs.variable(intent="out")

    def initialize(self):
        self.a = np.zeros(4)
        self.n = 0


def only_dependencies(graph, objects, stage):
    """Give the order that follows from dependencies alone."""
    names = [name for name in graph.order if stage in graph.specs[name].stages]
    waits = [set() for _ in names]
    hazards._pass_dependencies_through(graph, names, waits)
    return waits


def add_one(process):
    """Update the array in place."""
    process.a += 1


def updated_array(race):
    """Give a model in which an array is read, and then updated."""
    return {
        "base": Base,
        "reader": race.reader(lambda process: process.a[0], a=xs.foreign(Base, "a")),
        "writer": race.writer(add_one, a=xs.foreign(Base, "a", intent="inout")),
    }


def test_goes_wrong_without_hazard_edges(monkeypatch):
    """Dependencies alone let the writer come before the reader; hazard edges keep the sequential order."""
    race = Race()
    classes = updated_array(race)
    assert race.seen(classes) == [0, 1, 2, 3, 3]
    assert race.seen(classes, parallel=True, workers=2, threads_per_worker=1) == [0, 1, 2, 3, 3]

    monkeypatch.setattr(parallel, "hazard_edges", only_dependencies)
    monkeypatch.setitem(globals(), "MOMENT", 10)
    wrong = race.seen(classes, parallel=True, workers=2, threads_per_worker=1)
    assert wrong[3:] == [4, 4]


def test_number_updated():
    """A number that one process reads and another updates."""
    race = Race()

    def write(process):
        process.n += 1

    race.check(
        {
            "base": Base,
            "reader": race.reader(lambda process: process.n, n=xs.foreign(Base, "n")),
            "writer": race.writer(write, n=xs.foreign(Base, "n", intent="inout")),
        }
    )


@xs.process
class View:
    """Sets a view of the array, before the loop."""

    source = xs.foreign(Base, "a")
    view = xs.variable(dims="y", intent="out")

    def initialize(self):
        self.view = self.source[::2]


def with_view(race, view):
    """Give a model in which a view is read, and what it shows is then updated."""
    return {
        "base": Base,
        "view": view,
        "reader": race.reader(lambda process: process.view[0], view=xs.foreign(view, "view")),
        "writer": race.writer(add_one, a=xs.foreign(Base, "a", intent="inout")),
    }


def test_view():
    """A view made before the loop."""
    race = Race()
    race.check(with_view(race, View))


@pytest.mark.parametrize("stage", ["initialize", "run_step"])
def test_view_made_in_the_same_pass(stage):
    """A view made in the pass in which it is read, and in which what it shows is updated."""
    race = Race(stage)

    def look(self):
        self.view = self.source[::2]

    source, view = xs.foreign(Base, "a"), xs.variable(dims="y", intent="out")
    race.check(with_view(race, xs.process(type("Late", (), {"source": source, "view": view, stage: look}))))


def test_view_made_between_two_passes():
    """A view that another stage makes after the first pass: what shares memory is found after each pass."""
    race = Race()

    @xs.process
    class Previous:
        source = xs.foreign(Base, "a")
        view = xs.variable(dims="y", intent="out")

        def initialize(self):
            self.view = np.zeros(4)

        def finalize_step(self):
            self.view = self.source

    race.check(with_view(race, Previous), steps=5)


def test_view_as_dataarray():
    """A view in a DataArray."""
    race = Race()

    @xs.process
    class Labelled:
        source = xs.foreign(Base, "a")
        view = xs.variable(dims="y", intent="out")

        def initialize(self):
            self.view = xr.DataArray(self.source, dims="y")

    race.check(with_view(race, Labelled))


class Held:
    """An object with an array."""

    def __init__(self):
        self.array = np.zeros(3)


@xs.process
class Holder:
    """Sets the object."""

    held = xs.any_object()

    def initialize(self):
        self.held = Held()


@pytest.mark.parametrize("stage", ["initialize", "run_step"])
def test_array_out_of_an_object(stage):
    """An array that a process takes out of an object, which another one changes; taken before the loop or in it."""
    race = Race()

    def take(self):
        self.array = self.held.array

    held, array = xs.foreign(Holder, "held"), xs.variable(dims="x", intent="out")
    taker = xs.process(type("Taker", (), {"held": held, "array": array, stage: take}))

    def write(process):
        process.held.array += 1

    race.check(
        {
            "holder": Holder,
            "taker": taker,
            "reader": race.reader(lambda process: process.array[0], array=xs.foreign(taker, "array")),
            "writer": race.writer(write, held=xs.foreign(Holder, "held")),
        }
    )


def test_number_that_becomes_an_object():
    """A value that was a number in the first pass, and is a list, into which others write, later."""
    race = Race()

    @xs.process
    class Changing:
        v = xs.variable(intent="out")

        def initialize(self):
            self.v = 0.0

        def finalize_step(self):
            self.v = [0] if isinstance(self.v, float) else self.v

    def write(process):
        if isinstance(process.v, list):
            process.v[0] += 1

    race.check(
        {
            "base": Changing,
            "reader": race.reader(lambda process: np.ravel(process.v)[0], v=xs.foreign(Changing, "v")),
            "writer": race.writer(write, v=xs.foreign(Changing, "v")),
        },
        steps=6,
    )


def test_number_changed_by_a_bound_method():
    """A method of a process that travels through a group as an object, and changes a number of its owner's."""
    race = Race()

    @xs.process
    class Counter:
        n = xs.variable(intent="out")
        add = xs.any_object(groups="adders")

        def initialize(self):
            self.n = 0
            self.add = self.add_one

        def add_one(self):
            self.n += 1

    def write(process):
        for add in process.adders:
            add()

    race.check(
        {
            "counter": Counter,
            "reader": race.reader(lambda process: process.n, n=xs.foreign(Counter, "n")),
            "writer": race.writer(write, adders=xs.group("adders")),
        }
    )


@pytest.mark.parametrize("cache", [False, True])
def test_computed_on_demand(cache):
    """A value computed on demand from an array that another process updates."""
    race = Race()
    total = xs.on_demand()
    total.compute(cache=cache)(lambda self: self.source.sum())
    owner = xs.process(type("Owner", (), {"source": xs.foreign(Base, "a"), "total": total}))
    race.check(
        {
            "base": Base,
            "owner": owner,
            "reader": race.reader(lambda process: process.total, total=xs.foreign(owner, "total")),
            "writer": race.writer(add_one, a=xs.foreign(Base, "a", intent="inout")),
        }
    )


def test_hidden_state():
    """What processes share behind xsim's back is safe with parallel=False."""
    race, shared = Race(), [0]

    def write(process):
        shared[0] += 1

    classes = {
        "reader": race.reader(lambda process: shared[0], u=xs.variable(default=1)),
        "writer": xs.process(race.writer(write, u=xs.variable(default=1)), parallel=False),
    }
    first = race.seen(classes)
    shared[0] = 0
    assert race.seen(classes, parallel=True, workers=2, threads_per_worker=1) == first == [0, 1, 2, 3, 3]
