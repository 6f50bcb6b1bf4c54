"""What a run costs beside its steps grows with processes, inputs and outputs, and no faster (§5)."""

import numpy as np
import pytest

import xsim as xs


@xs.process
class Agent:
    weight = xs.variable(default=1.0, description="of the agent")
    size = xs.variable(intent="inout", default=2.0)
    wealth = xs.variable(intent="out", groups="agents")

    def initialize(self):
        self.wealth = 0.0

    def run_step(self):
        self.wealth += self.weight


@xs.process
class Market:
    wealths = xs.group("agents")
    total = xs.variable(intent="out")

    def run_step(self):
        self.total = sum(self.wealths)


def market(agents):
    """Make a model of independent agents and of one process that sees them all."""
    return xs.Model({**{f"a{i}": Agent for i in range(agents)}, "market": Market})


def setup(model):
    """Give all inputs a value and save everything, the inout variables among it."""
    return xs.create_setup(
        model,
        {"time": np.arange(3.0)},
        input_vars=dict.fromkeys(model.input_vars, 0.5),
        output_vars=dict.fromkeys([key for key in model.all_vars if key[1] in ("size", "wealth", "total")], "time"),
    )


def selected(model):
    """Select one time in a result whose outputs have the names of inputs: each has to be looked at."""
    return setup(model).xsim.run(model).isel(time=0).xsim


WORKS = {
    "setup": lambda model: lambda: setup(model),
    "plan": lambda model: (lambda s: lambda: s.plan(model))(setup(model).xsim),
    "run": lambda model: (lambda s: lambda: s.run(model))(setup(model).xsim),
    "run again": lambda model: (lambda s: lambda: s.run(model))(setup(model).xsim.run(model).xsim),
    "filter": lambda model: (lambda s: lambda: s.filter_vars(model))(selected(model)),
    "reset": lambda model: (lambda s: lambda: s.reset_vars(model))(selected(model)),
    "by hand": lambda model: lambda: model.update_state(dict.fromkeys(model.input_vars, 1.0)),
}


@pytest.mark.parametrize("work", WORKS.values(), ids=list(WORKS))
def test_work_is_linear(work, steps_of):
    """Ten times as many agents, with their inputs and outputs, take ten times the work, not a hundred times."""
    few, many = work(market(15)), work(market(150))
    work(market(1))()  # what is made once, is made

    assert steps_of(many) < 12 * steps_of(few)


def test_inputs_become_variables(monkeypatch):
    """Plain values are put into a setup all at once, and none of them becomes an array with coordinates of its own."""
    model = market(3)

    def refuse(*arguments, **options):
        raise AssertionError("an array for an input")

    monkeypatch.setattr("xsim.setup.inputs.xr.DataArray.__init__", refuse)
    made = xs.create_setup(model, input_vars={"a1__weight": 3.0})

    assert float(made.variables["a1__weight"]) == 3.0
    assert made.variables["a1__weight"].attrs == {"description": "of the agent"}


def test_what_stands_for_none_is_put_in_at_once(tmp_path, steps_of):
    """Inputs that are None go into a store by one change of the setup, however many they are."""
    from xsim.plan.options import RunOptions
    from xsim.plan.run_plan import make_plan
    from xsim.plan.storable import storable_setup

    def plan(agents):
        model = market(agents)
        given = xs.create_setup(model, input_vars=dict.fromkeys(model.input_vars, None))
        return make_plan(model.graph, given, RunOptions(validate=None))

    few, many = plan(15), plan(150)
    storable_setup(few)

    assert steps_of(lambda: storable_setup(many)) < 12 * steps_of(lambda: storable_setup(few))
