"""What hooks get, what they raise, and where they are in a batch (DESIGN §O7)."""

import threading

import attrs
import numpy as np
import pytest

import xsim as xs


@xs.process
class Growth:
    """Grows by its rate."""

    rate = xs.variable(default=1)
    size = xs.variable(intent="out", dims=[(), "x"])
    twice = xs.on_demand()

    def initialize(self):
        self.size = 0

    def run_step(self):
        self.size = self.size + self.rate

    @twice.compute
    def _twice(self):
        return 2 * self.size


@xs.process
class Look:
    """Reads the size."""

    size = xs.foreign(Growth, "size")

    def run_step(self):
        pass


def setup_of(model, **inputs):
    """Make a setup of three steps."""
    return xs.create_setup(
        model=model, clocks={"time": [0, 10, 20, 30]}, input_vars=inputs, output_vars={"growth__size": "time"}
    )


@pytest.fixture
def model():
    """Give a model with an extra attribute."""
    model = xs.Model({"growth": Growth, "look": Look})
    model.extra = "extra"
    return model


def run(model, *hooks, setup=None, **options):
    """Run a model with hooks."""
    setup = setup_of(model) if setup is None else setup
    return setup.xsim.run(model=model, hooks=hooks, progress=False, **options)


def test_model_has_the_live_objects(model):
    """The model argument gives the process objects that run; what is changed there counts."""

    @xs.runtime_hook("run_step", trigger="pre")
    def hook(model, context, state):
        if context["step"] == 1:
            assert model.growth.size == model["growth"].size == model.look.size == model.growth.twice / 2 == 1
            model.growth.size = 100

    assert run(model, hook).growth__size.values.tolist() == [1, 101, 102, 102]
    assert not hasattr(model.growth, "size")  # the user's model stays as it is (DESIGN §V3)


def test_model_is_of_the_users_class():
    """Hooks see a model of the class that was given, with its attributes."""

    class Special(xs.Model):
        def total(self):
            return self.growth.size + self.offset

    model, found = Special({"growth": Growth}), []
    model.offset = 1000

    @xs.runtime_hook("run_step")
    def hook(model, context, state):
        found.append((type(model), model.total(), list(model)))

    run(model, hook)
    assert found == [(Special, 1001, ["growth"]), (Special, 1002, ["growth"]), (Special, 1003, ["growth"])]


def test_model_is_one_object_in_a_run(model):
    """All hooks of a run see one model: what one leaves on it, another finds, and the user's model has not."""
    found = []

    @xs.runtime_hook("initialize")
    def leave(model, context, state):
        model.left = "here"

    @xs.runtime_hook("finalize")
    def find(model, context, state):
        found.append(model.left)

    run(model, leave, find)
    assert found == ["here"]
    assert not hasattr(model, "left")


def test_state(model):
    """The state has the values by key, those of variables that hold one themselves."""
    found = []

    @xs.runtime_hook("run_step")
    def hook(model, context, state):
        found.append((dict(state), state["growth", "size"], state.get(("look", "size")), len(state)))

    run(model, hook)
    assert found[1] == ({("growth", "rate"): 1, ("growth", "size"): 2}, 2, None, 2)


def test_context(model):
    """The context has the runtime arguments of the step."""
    found = []
    names = ("step", "nsteps", "sim_start", "sim_end", "step_start", "step_end", "step_delta", "batch", "batch_size")

    @xs.runtime_hook("run_step")
    def hook(model, context, state):
        found.append([int(context[name]) for name in names])

    run(model, hook)
    assert found == [
        [0, 3, 0, 30, 0, 10, 10, -1, -1],
        [1, 3, 0, 30, 10, 20, 10, -1, -1],
        [2, 3, 0, 30, 20, 30, 10, -1, -1],
    ]


def test_context_and_state_are_read_only(model):
    """Neither context nor state can be changed through what the hook gets."""
    refused = []

    @xs.runtime_hook("run_step")
    def hook(model, context, state):
        for mapping, key in [(context, "step"), (state, ("growth", "size"))]:
            for change in (lambda m=mapping, k=key: m.__setitem__(k, 7), lambda m=mapping, k=key: m.__delitem__(k)):
                with pytest.raises((TypeError, AttributeError)):
                    change()
                refused.append(key)

    assert run(model, hook).growth__size.values.tolist() == [1, 2, 3, 3]
    assert len(refused) == 12


def test_exception_of_a_hook(model):
    """What a hook raises comes out as it is, with a note on where; finalize has run."""
    finalized = []

    @xs.runtime_hook("run_step", trigger="pre")
    def failing(model, context, state):
        if context["step"] == 2:
            raise ZeroDivisionError("hook")

    @xs.runtime_hook("finalize")
    def last(model, context, state):
        finalized.append(model.growth.size)

    with pytest.raises(ZeroDivisionError) as error:
        run(model, failing, last)

    where = "test_exception_of_a_hook.<locals>.failing"
    assert error.value.__notes__ == [
        f"in runtime hook '{where}' (model level, pre)",
        "at step 2 ('time' 20 to 30)",
    ]
    assert finalized == [2]


def test_exception_of_a_process_hook(model):
    """It blames no process for what a hook around processes raises."""

    @xs.runtime_hook("run_step", level="process")
    def failing(model, context, state):
        raise ZeroDivisionError("hook")

    with pytest.raises(ZeroDivisionError) as error:
        run(model, failing)

    where = "test_exception_of_a_process_hook.<locals>.failing"
    assert error.value.__notes__ == [
        f"in runtime hook '{where}' (process level, post)",
        "at step 0 ('time' 0 to 10)",
    ]


@attrs.frozen
class FrozenError(Exception):
    """An exception that takes notes, but no attributes."""

    number: int


@pytest.mark.parametrize("where", ["process hook", "model hook", "process"])
@pytest.mark.parametrize("parallel", [False, True])
def test_exceptions_of_frozen_classes(where, parallel):
    """A run raises the exception of the process or hook itself, whatever its class allows (DESIGN §B6)."""

    def fail(*_):
        raise FrozenError(7)

    hook = xs.runtime_hook("run_step", level=where.partition(" ")[0] if "hook" in where else "model")(fail)
    step = (lambda self: fail()) if where == "process" else (lambda self: None)
    model = xs.Model(
        {name: xs.process(type("P", (), {"u": xs.variable(default=1), "run_step": step})) for name in "ab"}
    )
    setup = xs.create_setup(model=model, clocks={"time": [0, 1]})

    with pytest.raises(FrozenError) as error:
        setup.xsim.run(model=model, hooks=[hook] if "hook" in where else [], parallel=parallel, progress=False)
    assert error.value.number == 7


def counting(adds=0):
    """Make a hook that stores on itself and adds to the size; of a class that worker processes cannot import."""

    class Counting(xs.RuntimeHook):
        def __init__(self):
            super().__init__()
            self.seen = []

        @xs.runtime_hook("run_step")
        def count(self, model, context, state):
            import threading

            self.seen.append((context["batch"], context["batch_size"], threading.current_thread().name))
            model.growth.size = model.growth.size + adds * context["batch"]

    return Counting()


BATCH = [[1, 2, 3, 3], [102, 204, 306, 306], [203, 406, 609, 609]]


@pytest.mark.parametrize("options", [{}, {"parallel": True, "workers": 2}])
def test_batch_here(model, options):
    """Hooks run where the member runs, each with the model of its member."""
    given, active = counting(100), counting()
    setup = setup_of(model, growth__rate=("member", [1, 2, 3]))
    with active:
        result = run(model, given, setup=setup, batch_dim="member", **options)

    assert result.growth__size.values.tolist() == BATCH
    assert sorted(given.seen) == sorted(active.seen)
    assert sorted(call[:2] for call in given.seen) == [(m, 3) for m in (0, 1, 2) for _ in range(3)]
    here = threading.current_thread().name
    assert {thread == here for _, _, thread in given.seen} == {not options}


def test_batch_in_processes(model):
    """Worker processes have copies, of active hooks too: what these store stays there (DESIGN §O7)."""
    given, active = counting(100), counting(100)
    setup = setup_of(model, growth__rate=("member", [1, 2, 3]))
    options = {"batch_dim": "member", "parallel": True, "workers": 2, "scheduler": "processes"}
    result = run(model, given, setup=setup, **options)
    with active:
        same = run(model, setup=setup, **options)

    assert result.growth__size.values.tolist() == same.growth__size.values.tolist() == BATCH
    assert given.seen == active.seen == []


def test_break_of_one_member(model):
    """A BREAK ends the run of its own member only."""

    @xs.runtime_hook("run_step")
    def hook(model, context, state):
        return xs.RuntimeSignal.BREAK if context["batch"] == 1 and context["step"] == 1 else None

    setup = setup_of(model, growth__rate=("member", [1, 2, 3]))
    result = run(model, hook, setup=setup, batch_dim="member")

    expected = [[1, 2, 3, 3], [2, 4, np.nan, np.nan], [3, 6, 9, 9]]
    np.testing.assert_array_equal(result.growth__size.values, expected)
    assert result.xsim.outcome.values.tolist() == ["done", "done", "done"]
