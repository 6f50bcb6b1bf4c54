"""Meanings of runs that published models depend on (API.md), as xarray-simlab 0.5.0 has them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr

import xsim as xs


def process(**members: Any) -> type:
    """Make a process class."""
    return xs.process(type("Made", (), members))


def run(model: xs.Model, clock: Any = (0, 1, 2), inputs: Any = None, outputs: Any = None, **how: Any) -> xr.Dataset:
    """Run a model over a clock `t`."""
    clock = clock if hasattr(clock, "dtype") else list(clock)
    setup = xs.create_setup(model=model, clocks={"t": clock}, input_vars=inputs, output_vars=outputs)
    return setup.xsim.run(model=model, **how)


def test_when_outputs_are_taken() -> None:
    """A counter incremented in `run_step` over 3 steps gives [1, 2, 3, 3]."""

    @xs.process
    class Counter:
        n = xs.variable(intent="out")
        finalized = xs.variable(intent="out")

        def initialize(self) -> None:
            self.n = self.finalized = 0

        def run_step(self) -> None:
            self.n += 1

        def finalize_step(self) -> None:
            self.finalized += 1

        def finalize(self) -> None:
            self.n = self.finalized = 99

    result = run(xs.Model({"c": Counter}), range(4), outputs={"c__n": "t", "c__finalized": "t"})

    assert result.c__n.values.tolist() == [1, 2, 3, 3]
    assert result.c__finalized.values.tolist() == [0, 1, 2, 3]


def test_inputs_that_vary_in_time() -> None:
    """Time-varying inputs have no value at `initialize`; their last value is unused."""
    seen: list[Any] = []

    @xs.process
    class Looks:
        v = xs.variable()

        def initialize(self) -> None:
            seen.append(hasattr(self, "v"))

        def run_step(self) -> None:
            seen.append(self.v)

        def finalize(self) -> None:
            seen.append(self.v)

    run(xs.Model({"p": Looks}), inputs={"p__v": ("t", [1.0, 2.0, 99.0])})

    assert seen == [False, 1.0, 2.0, 2.0]


def test_values_may_be_data_arrays() -> None:
    """Values may be DataArrays, of any dims declared."""

    @xs.process
    class Holds:
        v = xs.variable(dims=[(), "x"], intent="out")
        s = xs.variable(intent="out")

        def initialize(self) -> None:
            self.v = xr.DataArray([1.0, 2.0], dims="x", coords={"x": [5, 6]}, attrs={"a": 1})
            self.s = xr.DataArray(4)

        def run_step(self) -> None:
            self.v = self.v + self.s

    result = run(xs.Model({"p": Holds}), outputs={"p__v": "t", "p__s": None})

    assert result.p__v.values.tolist() == [[5.0, 6.0], [9.0, 10.0], [9.0, 10.0]]
    assert (result.p__v.dims, int(result.p__s)) == (("t", "x"), 4)


@pytest.mark.parametrize(
    "labels",
    [
        range(3),
        [0, 1, 2],
        (0.5, 1, 2),
        np.arange(3),
        pd.Index([3, 1, 2]),
        ["a", "b", "c"],
        np.array([b"a", b"bc", b"d"]),
    ],
    ids=lambda labels: type(labels).__name__,
)
def test_an_index_of_any_sequence(labels: Any) -> None:
    """An index may be set from any sequence, bytes included."""

    def initialize(self: Any) -> None:
        self.x = labels

    result = run(xs.Model({"p": process(x=xs.index(dims="x"), initialize=initialize)}))

    assert "x" in result.coords
    assert result.x.values.tolist() == list(labels)


@pytest.mark.parametrize("how", [{}, {"parallel": True}], ids=["sequential", "parallel"])
def test_runtime_arguments_of_dates(how: dict[str, Any]) -> None:
    """With datetime clocks, runtime arguments are `np.datetime64` and `np.timedelta64`."""
    seen = []

    @xs.runtime(args="step_start, step_end, step_delta, sim_start, sim_end")
    def run_step(self: Any, *values: Any) -> None:
        seen.append(values)

    days = np.array(["2000-01-01", "2000-01-02", "2000-01-05"], dtype="datetime64[ns]")
    run(xs.Model({"p": process(run_step=run_step)}), days, **how)

    assert [[type(value) for value in values] for values in seen] == [
        [np.datetime64, np.datetime64, np.timedelta64] + [np.datetime64] * 2
    ] * 2
    assert [values[2] / np.timedelta64(1, "D") for values in seen] == [1.0, 3.0]
    assert seen[1] == (days[1], days[2], days[2] - days[1], days[0], days[2])


def test_runtime_arguments_of_numbers() -> None:
    """Numeric runtime arguments behave as 0-d arrays or scalars: they have `item`, `dtype` and arithmetic."""
    seen = []

    @xs.runtime(args=["step_start", "step_delta", "sim_end"])
    def run_step(self: Any, *values: Any) -> None:
        seen.append([(value.item(), value.dtype.kind, float(value) * 2, np.ones(2) * value) for value in values])

    run(xs.Model({"p": process(run_step=run_step)}), [0.0, 0.5, 2.0])

    assert [[value[0] for value in values] for values in seen] == [[0.0, 0.5, 2.0], [0.5, 1.5, 2.0]]
    assert {value[1] for values in seen for value in values} == {"f"}


def test_step_start_in_initialize() -> None:
    """`step_start` may be asked for in `initialize`, where it is the first label; so may `args=("step")`."""
    seen = []

    @xs.runtime(args=("step_start"))
    def initialize(self: Any, start: Any) -> None:
        seen.append(float(start))

    @xs.runtime(args=())
    def run_step(self: Any) -> None:
        seen.append("none")

    run(xs.Model({"p": process(initialize=initialize, run_step=run_step)}), [5.0, 6.0])

    assert seen == [5.0, "none"]


@pytest.mark.parametrize("stage", ["initialize", "run_step", "finalize_step"])
def test_finalize_always_runs(stage: str) -> None:
    """`finalize` always runs."""
    log = []

    def fails(self: Any) -> None:
        raise RuntimeError("boom")

    members = {stage: fails, "finalize": lambda self: log.append("finalize")}
    with pytest.raises(RuntimeError) as error:
        run(xs.Model({"p": process(**members)}))

    assert (str(error.value), log) == ("boom", ["finalize"])


def test_state_holds_references() -> None:
    """State holds values by reference: an `out` array or index may be filled from elsewhere during `run_step`."""
    buffer, labels = np.zeros(2), np.arange(2.0)

    @xs.process
    class Shares:
        v = xs.variable(dims="x", intent="out")
        x = xs.index(dims="x")

        def initialize(self) -> None:
            self.v, self.x = buffer, labels

        def run_step(self) -> None:
            buffer[:] += 1
            labels[:] += 10

    result = run(xs.Model({"p": Shares}), outputs={"p__v": "t"})

    assert result.p__v.values.tolist() == [[1.0, 1.0], [2.0, 2.0], [2.0, 2.0]]
    assert result.x.values.tolist() == [20.0, 21.0]


def test_inputs_are_writable_copies() -> None:
    """`inout` arrays are changed in place, the setup and what was given stay untouched."""

    @xs.process
    class Changes:
        v = xs.variable(dims="x", intent="inout")

        def run_step(self) -> None:
            self.v[0] += 1

    given = np.zeros(2)
    model = xs.Model({"p": Changes})
    setup = xs.create_setup(model, {"t": [0, 1, 2]}, input_vars={"p__v": given}, output_vars={"p__v": "t"})
    result = setup.xsim.run(model)

    assert result.p__v.values.tolist() == [[1.0, 0.0], [2.0, 0.0], [2.0, 0.0]]
    assert (given.tolist(), setup.p__v.values.tolist()) == ([0.0, 0.0], [0.0, 0.0])


def test_growing_arrays() -> None:
    """Outputs of dynamic size grow, missing parts are missing; they may be empty in between."""

    @xs.process
    class Grows:
        v = xs.variable(dims="n", intent="out")

        def initialize(self) -> None:
            self.v = np.array([])

        @xs.runtime(args="step")
        def run_step(self, step: int) -> None:
            self.v = np.arange(1.0, 1 + [2, 0, 3][step])

    result = run(xs.Model({"p": Grows}), range(4), outputs={"p__v": "t"})

    nan = np.nan
    np.testing.assert_array_equal(result.p__v, [[1, 2, nan], [nan] * 3, [1, 2, 3], [1, 2, 3]])


def test_dates_as_outputs() -> None:
    """Dates are saved as dates; `encoding={"fill_value": "NaT"}` is accepted."""

    @xs.process
    class Dates:
        d = xs.variable(intent="out", encoding={"fill_value": "NaT"})

        def run_step(self) -> None:
            self.d = np.datetime64("2001-01-01", "ns")

    result = run(xs.Model({"p": Dates}), outputs={"p__d": "t"})

    assert result.p__d.values.tolist() == [np.datetime64("2001-01-01", "ns").item()] * 3


STAGES = ("initialize", "run_step", "finalize_step", "finalize")
WHOLE = "AiBiArBrAfBfArBrAfBfAFBF"
SIGNALS = {
    # stage, level, trigger: what runs after SKIP, CONTINUE and BREAK, as xarray-simlab 0.5.0 runs it
    ("initialize", "model", "post"): (WHOLE, WHOLE, WHOLE),
    ("initialize", "process", "post"): (WHOLE, WHOLE, "AiArBrAfBfArBrAfBfAFBF"),
    ("run_step", "model", "pre"): ("AiBiAfBfAfBfAFBF", "AiBiAFBF", "AiBiAFBF"),
    ("run_step", "model", "post"): (WHOLE, "AiBiArBrArBrAFBF", "AiBiArBrAFBF"),
    ("run_step", "process", "pre"): ("AiBiAfBfAfBfAFBF", "AiBiAfBfAfBfAFBF", "AiBiAfBfAfBfAFBF"),
    ("run_step", "process", "post"): (WHOLE, WHOLE, "AiBiArAfBfArAfBfAFBF"),
    ("finalize_step", "model", "pre"): ("AiBiArBrArBrAFBF", "AiBiArBrArBrAFBF", "AiBiArBrAFBF"),
    ("finalize_step", "model", "post"): (WHOLE, WHOLE, "AiBiArBrAfBfAFBF"),
    ("finalize_step", "process", "pre"): ("AiBiArBrArBrAFBF", "AiBiArBrArBrAFBF", "AiBiArBrArBrAFBF"),
    ("finalize_step", "process", "post"): (WHOLE, WHOLE, "AiBiArBrAfArBrAfAFBF"),
    ("finalize", "model", "pre"): ("AiBiArBrAfBfArBrAfBf",) * 3,
    ("finalize", "model", "post"): (WHOLE, WHOLE, WHOLE),
    ("finalize", "process", "pre"): ("AiBiArBrAfBfArBrAfBf",) * 3,
    ("finalize", "process", "post"): (WHOLE, WHOLE, "AiBiArBrAfBfArBrAfBfAF"),
}


@pytest.mark.parametrize("signal", ["SKIP", "CONTINUE", "BREAK"])
@pytest.mark.parametrize("stage, level, trigger", SIGNALS)
def test_signals_of_hooks(stage: str, level: str, trigger: str, signal: str) -> None:
    """Hook signals work on model and process level as documented there."""
    log: list[str] = []

    def stages(name: str) -> dict[str, Any]:
        def note(what: str) -> Any:
            return lambda self: log.append(what)

        return {s: note(f"{name}{c}") for s, c in zip(STAGES, "irfF", strict=True)}

    @xs.runtime_hook(stage=stage, level=level, trigger=trigger)
    def steer(model: Any, context: Any, state: Any) -> xs.RuntimeSignal:
        return xs.RuntimeSignal[signal]

    a = process(o=xs.variable(intent="out"), **stages("A"))
    b = process(o=xs.foreign(a, "o"), **stages("B"))
    run(xs.Model({"b": b, "a": a}), hooks=[steer])

    assert "".join(log) == SIGNALS[stage, level, trigger][["SKIP", "CONTINUE", "BREAK"].index(signal)]


@pytest.mark.parametrize("level", ["model", "process"])
def test_no_initialize_after_a_signal_before_it(level: str) -> None:
    """A signal before `initialize` skips it, on both levels."""
    log: list[str] = []

    @xs.runtime_hook("initialize", level, "pre")
    def skip(model: Any, context: Any, state: Any) -> int:
        return 1

    def note(self: Any) -> None:
        log.append("i")

    run(xs.Model({"p": process(initialize=note, run_step=lambda self: log.append("r"))}), hooks=[skip])

    assert log == ["r", "r"]


def test_what_hooks_see() -> None:
    """Hooks get the model with live objects, and context and state as read-only mappings with `get`."""
    seen: list[Any] = []

    @xs.process
    class Counts:
        n = xs.variable(intent="inout", default=1)
        tool = xs.any_object()
        double = xs.on_demand()

        @double.compute
        def _double(self) -> int:
            return 2 * self.n

        def initialize(self) -> None:
            self.tool = []

        def run_step(self) -> None:
            self.n += 1

    class Watch(xs.RuntimeHook):
        @xs.runtime_hook("run_step")
        def look(self, model: Any, context: Any, state: Any) -> None:
            seen.append((context["step"], state.get(("c", "n")), state["c", "n"], state.get(("c", "q"), 0)))
            seen.append((sorted(state), model.c.n, model["user"].n, model.c.double))
            for mapping, key in ((state, ("c", "n")), (context, "step")):
                with pytest.raises(TypeError):
                    mapping[key] = 5

    user = process(n=xs.foreign(Counts, "n"))
    with Watch():
        run(xs.Model({"c": Counts, "user": user}), [0, 1])

    assert seen == [(0, 2, 2, 0), ([("c", "n"), ("c", "tool")], 2, 2, 4)]


def test_safe_mode_off_leaves_the_last_state_on_the_model() -> None:
    """With `safe_mode=False` the model's own objects run, and can be looked at afterwards."""

    @xs.process
    class Counts:
        n = xs.variable(intent="inout", default=1)

        def run_step(self) -> None:
            self.n += 1

    model = xs.Model({"c": Counts})
    run(model)
    assert dict(model.state) == {}
    run(model, safe_mode=False)
    assert (dict(model.state), model.c.n) == ({("c", "n"): 3}, 3)


def test_a_setup_can_be_run_again_from_a_state() -> None:
    """The last saved state of a run is a valid input value of the next one."""

    @xs.process
    class Counts:
        n = xs.variable(intent="inout", default=1)

        def run_step(self) -> None:
            self.n += 1

    model = xs.Model({"c": Counts})
    first = run(model, outputs={"c__n": "t"})
    again = xs.create_setup(
        model, {"t": [0, 1, 2]}, input_vars={"c__n": first.c__n.isel(t=-1)}, output_vars={"c__n": "t"}
    )

    assert (first.c__n.values.tolist(), again.xsim.run(model).c__n.values.tolist()) == ([2, 3, 3], [4, 5, 5])
