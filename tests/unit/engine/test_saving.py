"""Which outputs are saved at which label (DESIGN §C2)."""

import itertools

import numpy as np
import pytest

import xsim as xs
from xsim.engine.saving import SaveSchedule
from xsim.engine.state import make_state

CLOCKS = {"all": range(9), "even": range(0, 9, 2), "first": [0], "last": [8], "some": [1, 2, 5, 8]}


@xs.process
class Counter:
    n = xs.variable(intent="out")
    m = xs.variable(intent="out")

    def initialize(self):
        self.n = self.m = 0

    def finalize_step(self):
        self.n += 1
        self.m -= 1


MODEL = xs.Model({"a": Counter, "b": Counter})
VARIABLES = ["a__n", "a__m", "b__n", "b__m"]


@pytest.mark.parametrize("clocks", list(itertools.combinations(CLOCKS, 3)), ids="-".join)
def test_each_output_has_the_labels_of_its_clock(clocks):
    """Whatever clocks fall together, each output is saved at the labels of its own, and at no other."""
    outputs = dict(zip(VARIABLES, [*clocks, None], strict=True))
    times = {"time": np.arange(9)} | {name: np.array(CLOCKS[name]) for name in clocks}
    setup = xs.create_setup(MODEL, times, "time", output_vars=outputs)
    result = setup.xsim.run(MODEL)

    for name, clock in outputs.items():
        expected = CLOCKS[clock] if clock else [8]
        found = np.atleast_1d(result[name].to_numpy())
        assert (found * (1 if name[-1] == "n" else -1)).tolist() == list(expected)


def test_labels_at_which_nothing_is_saved_cost_nothing():
    """The loop asks for labels at which something is due, and there are no others."""
    setup = xs.create_setup(MODEL, {"time": np.arange(9), "some": [1, 8]}, "time", output_vars={"a__n": "some"})
    plan = setup.xsim.plan(MODEL)
    schedule = SaveSchedule(plan, make_state(plan, 0), [lambda value: None])

    assert [bool(due) for due in schedule.due] == [label in (1, 8) for label in range(9)]
