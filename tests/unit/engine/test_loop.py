"""Which stage runs when, and when outputs are taken (DESIGN §C1, §C2, §C4)."""

import itertools

import numpy as np
import pytest
import xarray as xr

import xsim as xs


@pytest.fixture
def log():
    """Events of a run, in their order."""
    return []


def logging_process(log, name):
    @xs.process
    class Logger:
        value = xs.on_demand()

        @value.compute
        def _value(self):
            log.append(f"save {name}")
            return len(log)

        def initialize(self):
            log.append(f"initialize {name}")

        @xs.runtime(args="step")
        def run_step(self, step):
            log.append(f"run_step {name} {step}")

        @xs.runtime(args="step")
        def finalize_step(self, step):
            log.append(f"finalize_step {name} {step}")

        def finalize(self):
            log.append(f"finalize {name}")

    return Logger


def test_stages_and_outputs_in_order(log):
    """Each stage runs for all processes; outputs are taken after run_step, and once more after the loop."""
    model = xs.Model({"a": logging_process(log, "a"), "b": logging_process(log, "b")})
    xs.create_setup(model, {"t": [0, 1, 2]}, output_vars={"a__value": "t", "b__value": None}).xsim.run(model)

    assert log == [
        *("initialize a", "initialize b"),
        *("run_step a 0", "run_step b 0", "save a", "finalize_step a 0", "finalize_step b 0"),
        *("run_step a 1", "run_step b 1", "save a", "finalize_step a 1", "finalize_step b 1"),
        *("save a", "save b"),
        *("finalize a", "finalize b"),
    ]


@xs.process
class Counter:
    n = xs.variable(intent="out")
    m = xs.variable(intent="out")

    def initialize(self):
        self.n = self.m = 0

    def run_step(self):
        self.n += 1

    def finalize_step(self):
        self.m += 10

    def finalize(self):
        self.n = self.m = -1


COUNTER = xs.Model({"counter": Counter})


def run_counter(clocks, outputs, main_clock="t"):
    return xs.create_setup(COUNTER, clocks, main_clock, output_vars=outputs).xsim.run(COUNTER)


def test_outputs_are_taken_between_run_step_and_finalize_step():
    """A counter incremented in run_step over three steps gives [1, 2, 3, 3] (DESIGN §C2)."""
    result = run_counter({"t": [0, 1, 2, 3]}, {"counter__n": "t", "counter__m": "t"})

    assert result.counter__n.values.tolist() == [1, 2, 3, 3]
    assert result.counter__m.values.tolist() == [0, 10, 20, 30]


def test_clocks_are_subsets():
    """Each clock saves at its own labels, the last one after the loop (DESIGN §C2)."""
    clocks = {"t": np.arange(7), "a": [0, 3, 6], "b": [1, 2], "c": [6], "d": [5]}
    outputs = {"counter__n": "a", "counter__m": "b"}
    result = run_counter(clocks, outputs)

    assert result.counter__n.values.tolist() == [1, 4, 6]
    assert result.counter__m.values.tolist() == [10, 20]
    assert run_counter(clocks, {"counter__n": "c", "counter__m": "d"}).counter__n.values.tolist() == [6]
    assert run_counter(clocks, {"counter__n": "c", "counter__m": "d"}).counter__m.values.tolist() == [50]


def test_without_a_clock_the_last_value_is_taken():
    """An output with clock None has its value after the last step, before finalize."""
    result = run_counter({"t": [0, 1, 2, 3]}, {"counter__n": None, "counter__m": None})

    assert (result.counter__n.dims, result.counter__n.item()) == ((), 3)
    assert result.counter__m.item() == 30


def test_a_clock_of_one_label_has_no_steps():
    """A clock of one label is a run without steps: initialize, save, finalize (DESIGN §C1)."""
    result = run_counter({"t": [5]}, {"counter__n": "t", "counter__m": None})

    assert result.counter__n.values.tolist() == [0]
    assert result.counter__m.item() == 0


def test_without_clocks_each_stage_runs_once(log):
    """A setup with no clock runs each stage once; its outputs have clock None (DESIGN §C4)."""
    model = xs.Model({"a": logging_process(log, "a")})
    result = xs.create_setup(model, output_vars={"a__value": None}).xsim.run(model)

    assert log == ["initialize a", "run_step a 0", "finalize_step a 0", "save a", "finalize a"]
    assert (result.a__value.dims, result.a__value.item()) == ((), 4)


def test_a_decreasing_clock_runs_in_the_order_given():
    """Ages that count down are a clock, with its labels in that order (DESIGN §C1)."""
    result = run_counter({"t": [9.0, 5.0, 0.0], "out": [9.0, 0.0]}, {"counter__n": "t", "counter__m": "out"})

    xr.testing.assert_equal(result.counter__n, xr.DataArray([1, 2, 2], {"t": [9.0, 5.0, 0.0]}, "t"))
    xr.testing.assert_equal(result.counter__m, xr.DataArray([0, 20], {"out": [9.0, 0.0]}, "out", name="m"))


def test_index_variables_have_their_last_value():
    """Index variables are saved with the values at the end of the run, before finalize (API)."""

    @xs.process
    class Grid:
        x = xs.index("x")

        def initialize(self):
            self.x = np.zeros(2)

        def run_step(self):
            self.x += 1

        def finalize(self):
            self.x[:] = -1

    model = xs.Model({"grid": Grid})

    assert xs.create_setup(model, {"t": [0, 1, 2]}).xsim.run(model).x.values.tolist() == [2, 2]


def test_saved_values_are_copies():
    """What changes in place later does not alter what was saved (DESIGN §V4)."""

    @xs.process
    class InPlace:
        v = xs.variable(dims="x", intent="out")
        last = xs.variable(dims="x", intent="out")
        x = xs.index("x")

        def initialize(self):
            self.v = self.last = np.zeros(2)
            self.x = np.arange(2)

        def run_step(self):
            self.v += 1

        def finalize(self):
            self.v[:] = -1
            self.x[:] = -1

    model = xs.Model({"p": InPlace})
    setup = xs.create_setup(model, {"t": [0, 1, 2]}, output_vars={"p__v": "t", "p__last": None})
    for store in (None, {}):
        result = setup.xsim.run(model, store=store)

        assert result.p__v.values.tolist() == [[1, 1], [2, 2], [2, 2]]
        assert result.p__last.values.tolist() == [2, 2]
        assert result.x.values.tolist() == [0, 1]


def test_inputs_and_static_variables_are_outputs_too():
    """Inputs and static variables are valid output requests (API)."""

    @xs.process
    class P:
        rate = xs.variable(default=2.5)
        size = xs.variable(default=3, static=True)

    model = xs.Model({"p": P})
    result = xs.create_setup(model, {"t": [0, 1]}, output_vars={"p__rate": "t", "p__size": None}).xsim.run(model)

    assert result.p__rate.values.tolist() == [2.5, 2.5]
    assert result.p__size.item() == 3


def test_foreign_variables_are_outputs_under_their_own_name():
    """A reference is saved under the name of the process that refers."""

    @xs.process
    class Reader:
        seen = xs.foreign(Counter, "n")

    model = xs.Model({"counter": Counter, "reader": Reader})
    result = xs.create_setup(model, {"t": [0, 1, 2]}, output_vars={"reader__seen": "t"}).xsim.run(model)

    assert result.reader__seen.values.tolist() == [1, 2, 2]
    assert "counter__n" not in result


KINDS = {"none": (), "one": ("step",), "two": ("step", "nsteps"), "own": ("rng",)}


def _called(kind, calls, answers):
    def run_step(self, *args):
        calls.append((xs.process_name(self), len(args)))
        answer = answers.get(xs.process_name(self))
        if isinstance(answer, Exception):
            raise answer
        return answer

    namespace = {"u": xs.variable(default=0), "run_step": xs.runtime(args=list(KINDS[kind]))(run_step)}
    return xs.process(type("Called", (), namespace))


@pytest.mark.parametrize("kinds", list(itertools.product(KINDS, repeat=3)), ids="-".join)
def test_arguments_do_not_change_the_order(kinds):
    """Methods that take different arguments run in the order of the model, each with its own (DESIGN §O2)."""
    calls = []
    model = xs.Model({f"p{i}": _called(kind, calls, {}) for i, kind in enumerate(kinds)})
    xs.create_setup(model, {"t": [0, 1, 2]}).xsim.run(model, seed=1)

    assert calls == [(f"p{i}", len(KINDS[kind])) for i, kind in enumerate(kinds)] * 2


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("who", [0, 1, 2, 3])
def test_what_ends_a_stage_of_any_kind(kind, who):
    """Whoever ends the simulation, or fails, is named, whatever arguments it and the others take (§O8, §B6)."""
    calls, answers = [], {f"p{who}": xs.stop("enough")}
    kinds = [kind, kind, "none", "two"]
    model = xs.Model({f"p{i}": _called(each, calls, answers) for i, each in enumerate(kinds)})
    setup = xs.create_setup(model, {"t": [0, 1, 2]})
    result = setup.xsim.run(model, seed=1)

    assert [name for name, _ in calls] == ["p0", "p1", "p2", "p3"]
    assert (result.attrs["xsim_process"], result.attrs["xsim_step"]) == (f"p{who}", 0)

    answers[f"p{who}"] = RuntimeError("no")
    with pytest.raises(RuntimeError) as error:
        setup.xsim.run(model, seed=1)

    assert error.value.__notes__ == [
        f"in process 'p{who}' (class Called), stage 'run_step'",
        "at step 0 ('t' 0 to 1)",
    ]
