"""On which process objects a run works (DESIGN §V3, §V7)."""

import pytest

import xsim as xs
from xsim.errors import UnsetVariableError


@xs.process
class Counter:
    start = xs.variable(default=5)
    n = xs.variable(intent="out")

    def initialize(self):
        self.n = self.start
        self.undeclared = "set"

    def run_step(self):
        self.n += 1


@pytest.fixture
def model():
    return xs.Model({"counter": Counter})


@pytest.fixture
def setup(model):
    return xs.create_setup(model, {"t": [0, 1, 2]}, output_vars={"counter__n": "t"})


def test_a_run_leaves_the_model_as_it_is(model, setup):
    """By default a run works on objects of its own: nothing is seen on the model afterwards."""
    setup.xsim.run(model)

    assert dict(model.state) == {}
    assert not hasattr(model.counter, "undeclared")
    with pytest.raises(UnsetVariableError):
        model.counter.n  # noqa: B018


def test_values_set_by_hand_do_not_reach_a_run(model, setup):
    """What is on the model's own objects does not leak into a run."""
    model.counter.n = 100
    model.counter.start = 100

    assert setup.xsim.run(model).counter__n.values.tolist() == [6, 7, 7]
    assert (model.counter.n, model.counter.start) == (100, 100)


def test_without_safe_mode_values_can_be_looked_at(model, setup):
    """With safe_mode=False the run works on the model's objects, which hold the last values afterwards."""
    result = setup.xsim.run(model, safe_mode=False)

    assert dict(model.state) == {("counter", "start"): 5, ("counter", "n"): 7}
    assert model.counter.undeclared == "set"
    xs.testing.assert_identical_runs(result, setup.xsim.run(model))


def test_without_safe_mode_a_second_run_gives_the_same(model, setup):
    """A run with safe_mode=False does not depend on the one before it."""
    first = setup.xsim.run(model, safe_mode=False)

    xs.testing.assert_identical_runs(setup.xsim.run(model, safe_mode=False), first)


def test_without_safe_mode_the_state_of_a_failure_can_be_looked_at(model, setup):
    """After a failure the model's objects show how far it got."""

    @xs.process
    class Fails:
        n = xs.foreign(Counter, "n")

        def run_step(self):
            if self.n == 7:
                raise ZeroDivisionError

    failing = model.update_processes({"fails": Fails})
    with pytest.raises(ZeroDivisionError):
        setup.xsim.run(failing, safe_mode=False)

    assert failing.counter.n == 7
