"""What happens when a process fails (DESIGN §B6; API: finalize always runs)."""

import numpy as np
import pytest

import xsim as xs

STAGES = ("initialize", "run_step", "finalize_step", "finalize")


class BadWeatherError(RuntimeError):
    pass


def model_of(log, fail_in=(), error=BadWeatherError):
    """Two processes that log their stages; `second` fails in some of them, from step 1 on where there are steps."""

    def method(name, stage):
        @xs.runtime(args="step")
        def call(self, step):
            log.append((name, stage))
            if name == "second" and stage in fail_in and (step == 1 or "step" not in stage):
                raise error(f"in {stage}")

        return call

    def cls(name):
        return xs.process(type(name.title(), (), {stage: method(name, stage) for stage in STAGES}))

    return xs.Model({name: cls(name) for name in ("first", "second", "third")})


def run_failing(fail_in, error=BadWeatherError, clock=(0.0, 0.5, 1.0, 2.0)):
    log = []
    model = model_of(log, fail_in, error)
    with pytest.raises(error) as caught:
        xs.create_setup(model, {"time": np.array(clock)}).xsim.run(model)
    return log, caught.value


@pytest.mark.parametrize("stage", ["initialize", "run_step", "finalize_step"])
@pytest.mark.parametrize("error", [BadWeatherError, KeyboardInterrupt, SystemExit])
def test_finalize_runs_after_a_failure(stage, error):
    """After a failure, or Ctrl-C, in any stage, finalize runs for all processes, once; nothing else does."""
    log, raised = run_failing({stage}, error)

    assert str(raised) == f"in {stage}"
    assert log[-5:] == [("first", stage), ("second", stage), *((p, "finalize") for p in ("first", "second", "third"))]
    assert [where for _, where in log].count("finalize") == 3


def test_notes_of_a_failure_in_a_step():
    """Notes name process, class, stage and step (DESIGN §B6)."""
    for stage in ("run_step", "finalize_step"):
        _, error = run_failing({stage})

        assert error.__notes__ == [
            f"in process 'second' (class Second), stage '{stage}'",
            "at step 1 ('time' 0.5 to 1.0)",
        ]


def test_notes_of_a_failure_outside_of_steps():
    """Outside of the steps, notes name process, class and stage."""
    for stage in ("initialize", "finalize"):
        _, error = run_failing({stage})

        assert error.__notes__ == [f"in process 'second' (class Second), stage '{stage}'"]


def test_notes_with_dates():
    """Steps between dates are named by their dates."""
    _, error = run_failing({"run_step"}, clock=np.array(["2000-01-01", "2000-02-01", "2000-03-01"], "datetime64[s]"))

    assert error.__notes__[1] == "at step 1 ('time' 2000-02-01T00:00:00 to 2000-03-01T00:00:00)"


def test_a_failure_of_finalize_does_not_hide_the_first():
    """When finalize fails too, the first exception is raised, with a note of the second."""
    log, error = run_failing({"run_step", "finalize"})

    assert str(error) == "in run_step"
    assert error.__notes__ == [
        "in process 'second' (class Second), stage 'run_step'",
        "at step 1 ('time' 0.5 to 1.0)",
        "stage 'finalize' failed after that: BadWeatherError: in finalize",
    ]
    assert log[-2:] == [("first", "finalize"), ("second", "finalize")]


def test_a_failure_of_finalize_alone_is_raised():
    """A failure in finalize is a failure."""
    log, error = run_failing({"finalize"})

    assert str(error) == "in finalize"
    assert log[-1] == ("second", "finalize")


def test_the_exception_is_the_process_s_own():
    """A single run raises the very exception of the process (DESIGN §B6)."""
    mine = ZeroDivisionError("mine")

    @xs.process
    class P:
        def run_step(self):
            raise mine

    model = xs.Model({"p": P})
    with pytest.raises(ZeroDivisionError) as caught:
        xs.create_setup(model, {"t": [0, 1]}).xsim.run(model)

    assert caught.value is mine
    assert caught.value.__cause__ is None


def test_without_a_clock():
    """Without a clock the step has a number only."""

    @xs.process
    class P:
        def run_step(self):
            raise BadWeatherError

    model = xs.Model({"p": P})
    with pytest.raises(BadWeatherError) as caught:
        xs.create_setup(model).xsim.run(model)

    assert caught.value.__notes__ == ["in process 'p' (class P), stage 'run_step'", "at step 0"]


def test_an_on_demand_variable_that_fails_while_saved():
    """A compute method that fails while an output is saved is named by the output and the step."""

    @xs.process
    class P:
        v = xs.on_demand()

        @v.compute
        def _v(self):
            raise BadWeatherError("no")

    model = xs.Model({"p": P})
    for clock, notes in (
        ("t", ["while saving output 'p__v'", "at step 0 ('t' 0 to 1)"]),
        (None, ["while saving output 'p__v'"]),
    ):
        with pytest.raises(BadWeatherError) as caught:
            xs.create_setup(model, {"t": [0, 1]}, output_vars={"p__v": clock}).xsim.run(model)

        assert caught.value.__notes__ == notes


def test_a_value_that_is_never_set():
    """An output that no process has set is named, with its process and variable."""

    @xs.process
    class P:
        v = xs.variable(intent="out")

    model = xs.Model({"p": P})
    with pytest.raises(xs.errors.UnsetVariableError) as caught:
        xs.create_setup(model, {"t": [0, 1]}, output_vars={"p__v": "t"}).xsim.run(model)

    assert str(caught.value) == (
        "variable 'v' of process 'p' (class P) has no value yet\n"
        "  expected: a value set by this process in an earlier stage (intent='out')"
    )
    assert caught.value.__notes__ == ["while saving output 'p__v'", "at step 0 ('t' 0 to 1)"]
