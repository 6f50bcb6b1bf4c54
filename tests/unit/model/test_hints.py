"""Hints on the order of processes: ``Model(..., order=[("a", "b")])`` (DESIGN §O2)."""

import pickle
import textwrap

import cloudpickle
import numpy as np
import pytest
import xarray as xr

import xsim as xs
from xsim.errors import CycleError, OrderError, UnknownProcessError


@xs.process
class Pool:
    level = xs.variable(intent="inout", default=1.0, global_name="level")


@xs.process
class Adds:
    level = xs.foreign(Pool, "level", intent="inout")

    def run_step(self):
        self.level += 1


@xs.process
class Doubles:
    level = xs.global_ref("level", intent="inout")

    def run_step(self):
        self.level *= 2


@xs.process
class Squares:
    level = xs.foreign("pool", "level", intent="inout")

    def run_step(self):
        self.level **= 2


CLASSES = {"pool": Pool, "adds": Adds, "doubles": Doubles, "squares": Squares}


def text(message):
    """Give a message as it is meant to be."""
    return textwrap.dedent(message).strip()


@pytest.mark.parametrize(
    "order, names, level",
    [
        ([], ["pool", "adds", "doubles", "squares"], 16),
        ([("doubles", "adds")], ["pool", "doubles", "adds", "squares"], 9),
        ([("squares", "doubles"), ("doubles", "adds")], ["pool", "squares", "doubles", "adds"], 3),
        ([("squares", "pool"), ["doubles", "squares"]], ["doubles", "squares", "pool", "adds"], 5),
    ],
)
@pytest.mark.parametrize("options", [{}, {"parallel": True}, {"validate": "all"}])
def test_writers_of_one_variable(order, names, level, options):
    """Processes that update one variable, by foreign or global_ref, do so in the order of declaration or of hints."""
    model = xs.Model(CLASSES, order=order)
    setup = xs.create_setup(model, {"t": [0, 1]}, output_vars={"pool__level": None})

    assert list(model) == names
    assert setup.xsim.run(model, **options)["pool__level"].item() == level


def test_only_what_hints_say_changes():
    """Hinted processes are taken like dependencies, in the order of declaration among them."""
    free = xs.process(type("Free", (), {}))
    classes = dict.fromkeys("abcde", free)

    assert list(xs.Model(classes, order=[("e", "b"), ("d", "b")])) == ["a", "d", "e", "b", "c"]
    assert list(xs.Model(classes, order=iter([("a", "b")]))) == list("abcde")


def test_hints_are_no_dependencies():
    """A hint sets nothing: `dependent_processes` and BREAK do not know it, but the order holds in parallel too."""
    seen = []

    def namespace(name, answer=None):
        def run_step(self):
            seen.append(name)
            return answer

        return {"run_step": run_step}

    classes = {
        "b": xs.process(type("B", (), namespace("b"))),
        "a": xs.process(type("A", (), namespace("a", xs.RuntimeSignal.BREAK))),
    }
    model = xs.Model(classes, order=[("a", "b")])
    assert model.dependent_processes == {"a": [], "b": []}
    for options in ({}, {"parallel": True, "workers": 2}):
        seen.clear()
        xs.create_setup(model, {"t": np.arange(4)}).xsim.run(model, **options)
        assert seen == ["a", "b"] * 3


def test_models_made_from_it():
    """Hints survive cloning, pickling, adding and replacing; dropping a process drops its hints."""
    order = [("squares", "doubles"), ("doubles", "adds")]
    model = xs.Model(CLASSES, order=order)

    for other in (
        model.clone(),
        pickle.loads(cloudpickle.dumps(model)),
        pickle.loads(cloudpickle.dumps(model.graph)),
        model.update_processes({"adds": Adds}),
        model.update_processes({"new": xs.process(type("New", (), {}))}),
    ):
        graph = getattr(other, "graph", other)
        assert graph.hints == tuple(order)
        assert [name for name in graph.order if name != "new"] == ["pool", "squares", "doubles", "adds"]
    dropped = model.drop_processes("doubles")
    assert dropped.graph.hints == ()
    assert list(dropped) == ["pool", "adds", "squares"]
    assert model.drop_processes("adds").graph.hints == (("squares", "doubles"),)


def test_equality():
    """Models are equal if their hints are, in whatever order these are given."""
    one, two = ("squares", "doubles"), ("doubles", "adds")
    model = xs.Model(CLASSES, order=[one, two])

    assert model == xs.Model(CLASSES, order=[two, one, two])
    assert hash(model) == hash(xs.Model(CLASSES, order=[two, one]))
    assert model != xs.Model(CLASSES)
    assert model != xs.Model(CLASSES, order=[one])


def test_plan_shows_them():
    """The plan prints hints, and what refers to the step before."""
    lagged = xs.process(type("Lagged", (), {"was": xs.foreign("pool", "level", lag=1, initial=0)}))
    model = xs.Model({"lagged": lagged} | CLASSES, order=[("doubles", "adds")])
    setup = xs.create_setup(model, {"t": [0, 1]})

    assert text(
        """
        Order hints:
            doubles before adds
        Of the step before:
            lagged__was  is pool__level
        """
    ) in textwrap.dedent(repr(setup.xsim.plan(model)))
    assert "hints" not in repr(setup.xsim.plan(xs.Model({"pool": Pool})))


def test_batches_in_worker_processes():
    """Workers keep to the hints."""
    model = xs.Model(CLASSES, order=[("squares", "doubles"), ("doubles", "adds")])
    setup = xs.create_setup(
        model, {"t": [0, 1]}, input_vars={"pool__level": ("b", [1.0, 3.0])}, output_vars={"pool__level": None}
    )
    options = {"batch_dim": "b", "parallel": True, "workers": 2, "progress": False}

    result = setup.xsim.run(model, scheduler="processes", **options)
    assert result["pool__level"].values.tolist() == [3, 19]
    xr.testing.assert_equal(result["pool__level"], setup.xsim.run(model, **options)["pool__level"])


# -- what makes no sense --------------------------------------------------------------------------------------------


def test_unknown_names():
    """Names that the model does not have are named, with those that are close."""
    with pytest.raises(UnknownProcessError) as error:
        xs.Model(CLASSES, order=[("add", "doubles"), ("x", "add")])

    assert str(error.value) == text(
        """
        order= names 'add', 'x', which the model does not have
          expected: names among 'pool', 'adds', 'doubles', 'squares'
          did you mean: 'adds'?
        """
    )


@pytest.mark.parametrize(
    "order, got",
    [
        ("ab", "'ab'"),
        (3, "3"),
        ([("adds",)], "('adds',)"),
        (["adds"], "'adds'"),
        ([("adds", "pool", "doubles")], "('adds', 'pool', 'doubles')"),
        ([("adds", 1)], "('adds', 1)"),
        ([("adds", "adds")], "('adds', 'adds')"),
        ([None], "None"),
    ],
)
def test_malformed(order, got):
    """Hints are pairs of different names."""
    with pytest.raises(OrderError) as error:
        xs.Model(CLASSES, order=order)

    assert str(error.value) == text(
        f"""
        order= holds pairs of names of processes, of which the first runs before the second
          got: {got}
          expected: e.g. order=[('a', 'b'), ('b', 'c')]
        """
    )


def test_cycles():
    """The error of a cycle says which edges are hints (DESIGN §O1)."""
    setter = xs.process(type("Setter", (), {"level": xs.variable(intent="out")}))
    reader = xs.process(type("Reader", (), {"level": xs.foreign(setter, "level")}))
    other = xs.process(type("Other", (), {}))
    with pytest.raises(CycleError) as error:
        xs.Model({"setter": setter, "reader": reader, "other": other}, order=[("reader", "other"), ("other", "setter")])

    assert str(error.value) == text(
        """
        Cycle detected in process graph: setter->other->reader->setter
          - 'setter' is to run after 'other', as the hint order=[('other', 'setter')] says
          - 'other' is to run after 'reader', as the hint order=[('reader', 'other')] says
          - 'reader' uses 'setter__level' as 'level', which 'setter' sets
          expected: each process to run after those that set what it uses
          remedy: drop a hint, read the value of the step before (lag=1 in xs.foreign or xs.global_ref), let one of \
them update its variable (intent='inout') instead of setting it, or join two of them
        """
    )
    assert error.value.path == ("setter", "other", "reader", "setter")
