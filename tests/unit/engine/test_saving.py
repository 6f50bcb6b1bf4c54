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


MOODS = [2.5, 1, np.float64(3.5), np.array(4.5), float("nan"), -0.0, np.float32(0.5)]


@xs.process
class Moody:
    """Saves values of one class mostly, and now and then of another."""

    v = xs.variable(intent="out")
    w = xs.variable(intent="out")

    def initialize(self):
        self.v, self.w = 0.5, np.float64(0.25)

    @xs.runtime(args="step")
    def run_step(self, step):
        self.v = MOODS[step % len(MOODS)]
        self.w = np.float64(step) if step % 4 else float(step)


@pytest.mark.parametrize("fail_at", [None, 7])
def test_values_of_other_classes_in_between(tmp_path, fail_at):
    """Values keep their labels and bits, whatever class they are of, on clocks that overlap, also after a failure."""
    clocks = {"time": np.arange(21), "few": np.arange(0, 21, 3)}
    model = xs.Model({"m": Moody})
    setup = xs.create_setup(model, clocks, "time", output_vars={"m__v": "time", "m__w": "few"})
    expected = [float(MOODS[min(step, 19) % len(MOODS)]) for step in range(21)]

    @xs.runtime_hook("run_step", "model", "pre")
    def fail(model, context, state):
        if context["step"] == fail_at:
            raise RuntimeError("now")

    if fail_at is None:
        result = setup.xsim.run(model)
        np.testing.assert_array_equal(result.m__w, [float(min(step, 19)) for step in range(0, 21, 3)], strict=True)
        reached = 21
    else:
        with pytest.raises(RuntimeError):
            setup.xsim.run(model, store=tmp_path / "x.zarr", hooks=[fail])
        result = xs.open_run(tmp_path / "x.zarr").load()
        reached = fail_at
    found = result.m__v.values
    assert found[:reached].tobytes() == np.array(expected[:reached]).tobytes()
    assert np.isnan(found[reached:]).all()
