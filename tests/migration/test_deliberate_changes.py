"""What xsim does otherwise than xarray-simlab 0.5.0, on purpose (API.md, deliberate changes)."""

from __future__ import annotations

import time
from typing import Any

import cloudpickle
import numpy as np
import pytest
import xarray as xr

import xsim as xs
from xsim.errors import BatchError, CycleError, OutputError, OutputRequestError

MODES = pytest.mark.parametrize("parallel", [False, True], ids=["sequential", "parallel"])


@xs.process
class Double:
    v = xs.variable(default=1.0)
    out = xs.variable(intent="out")

    def run_step(self) -> None:
        if self.v < 0:
            raise ValueError("negative")
        self.out = 2 * self.v


@xs.process
class Updated:
    v = xs.variable(intent="inout", default=1)

    def run_step(self) -> None:
        self.v = self.v * 2


@xs.process
class Reads:
    v = xs.foreign(Updated, "v")
    seen = xs.variable(intent="out")

    def run_step(self) -> None:
        self.seen = self.v


def process(**members: Any) -> type:
    """Make a process class."""
    return xs.process(type("Made", (), members))


def run(model: xs.Model, clock: Any = (0, 1, 2), inputs: Any = None, outputs: Any = None, **how: Any) -> xr.Dataset:
    """Run a model over a clock `t`."""
    setup = xs.create_setup(model=model, clocks={"t": list(clock)}, input_vars=inputs, output_vars=outputs)
    return setup.xsim.run(model=model, **how)


def test_batch_rows_keep_their_position() -> None:
    """Batch rows keep their position, also where the batch coordinate is not sorted (there: the wrong label)."""
    model = xs.Model({"p": Double})
    setup = xs.create_setup(
        model, {"t": [0, 1]}, input_vars={"p__v": ("b", [3.0, 1.0, 2.0])}, output_vars={"p__out": None}
    )
    result = setup.assign_coords(b=["z", "a", "m"]).xsim.run(model, batch_dim="b")

    assert result.p__out.values.tolist() == [6.0, 2.0, 4.0]
    assert float(result.p__out.sel(b="a")) == 2.0


def test_step_end_is_the_end_of_the_step() -> None:
    """`step_end` is the end of the step (there: the previous label)."""
    seen = []

    @xs.runtime(args="step_start, step_end, step_delta")
    def run_step(self: Any, start: float, end: float, delta: float) -> None:
        seen.append((float(start), float(end), float(delta)))

    run(xs.Model({"p": process(run_step=run_step)}), [0.0, 1.0, 3.0])

    assert seen == [(0.0, 1.0, 1.0), (1.0, 3.0, 2.0)]


def test_the_old_work_around_of_step_end_goes_wrong() -> None:
    """A model that worked around it (`>= step_end & < step_start`) finds nothing now."""
    found = []

    @xs.runtime(args="step_start, step_end")
    def run_step(self: Any, start: float, end: float) -> None:
        events = np.array([0.5, 1.5])
        found.append(events[(events >= end) & (events < start)].tolist())
        found.append(events[(events >= start) & (events < end)].tolist())

    run(xs.Model({"p": process(run_step=run_step)}), [0.0, 1.0, 2.0])

    assert found == [[], [0.5], [], [1.5]]


@pytest.mark.parametrize("how", [{}, {"parallel": True}], ids=["sequential", "parallel"])
def test_batch_size_is_right(how: dict[str, Any]) -> None:
    """`batch_size` is right in sequential runs too."""

    @xs.runtime(args="batch, batch_size")
    def run_step(self: Any, batch: int, size: int) -> None:
        self.place = 10 * size + batch

    model = xs.Model({"p": process(v=xs.variable(), place=xs.variable(intent="out"), run_step=run_step)})

    result = run(model, inputs={"p__v": ("b", [1, 2, 3])}, outputs={"p__place": None}, batch_dim="b", **how)
    assert result.p__place.values.tolist() == [30, 31, 32]


@MODES
def test_reading_an_inout_variable_follows_the_order_of_processes(parallel: bool) -> None:
    """Reading another process's `inout` variable follows §O2 in both modes (there: by mode)."""
    for names, expected in (("ur", [2, 4, 4]), ("ru", [1, 2, 2])):
        model = xs.Model({name: {"u": Updated, "r": Reads}[name] for name in names})
        assert run(model, outputs={"r__seen": "t"}, parallel=parallel).r__seen.values.tolist() == expected


@MODES
def test_references_accept_inout(parallel: bool) -> None:
    """`foreign` and `global_ref` accept `inout`; writers run in the order of §O2."""

    @xs.process
    class Owner:
        v = xs.variable(intent="inout", default=1, global_name="v")

    def add(self: Any) -> None:
        self.v = self.v + 3

    def double(self: Any) -> None:
        self.v = self.v * 2

    adds = process(v=xs.foreign(Owner, "v", intent="inout"), run_step=add)
    doubles = process(v=xs.global_ref("v", intent="inout"), run_step=double)
    for first, second, expected in ((adds, doubles, 8), (doubles, adds, 5)):
        model = xs.Model({"owner": Owner, "first": first, "second": second})
        assert int(run(model, [0, 1], outputs={"owner__v": None}, parallel=parallel).owner__v) == expected


@MODES
def test_break_from_a_process_skips_those_downstream(parallel: bool) -> None:
    """BREAK from a process skips those downstream of it in both modes (there: sequential skipped all later ones)."""
    log = []

    @xs.process
    class Breaks:
        o = xs.variable(intent="out")

        def run_step(self) -> xs.RuntimeSignal:
            self.o = 1
            log.append("breaks")
            return xs.RuntimeSignal.BREAK

    after = process(o=xs.foreign(Breaks, "o"), run_step=lambda self: log.append("downstream"))
    apart = process(v=xs.variable(default=1), run_step=lambda self: log.append("apart"))
    run(xs.Model({"breaks": Breaks, "after": after, "apart": apart}), [0, 1], parallel=parallel)

    assert sorted(log) == ["apart", "breaks"]


def test_a_batch_with_failures_finishes_the_others() -> None:
    """A batch with failures finishes the other members first; its error has the result and the failure's type (§B6)."""
    with pytest.raises(ValueError, match="2 of 3 members done, 1 failed") as error:
        run(xs.Model({"p": Double}), inputs={"p__v": ("b", [1.0, -1.0, 3.0])}, outputs={"p__out": None}, batch_dim="b")

    assert isinstance(error.value, BatchError)
    np.testing.assert_array_equal(error.value.result.p__out, [2.0, np.nan, 6.0])


def test_a_single_run_raises_as_before() -> None:
    """A single run raises the process's own exception."""
    with pytest.raises(ValueError) as error:  # noqa: PT011 - the process's own
        run(xs.Model({"p": Double}), inputs={"p__v": -1.0})

    assert (type(error.value), str(error.value)) == (ValueError, "negative")


def test_an_index_that_differs_between_members() -> None:
    """An index that differs between members keeps each member's values (there: the last one's, §B13)."""

    def initialize(self: Any) -> None:
        self.x = np.arange(2) * self.v

    model = xs.Model({"p": process(v=xs.variable(), x=xs.index(dims="x"), initialize=initialize)})
    differ = run(model, inputs={"p__v": ("b", [3, 1])}, batch_dim="b")
    equal = run(model, inputs={"p__v": ("b", [3, 3])}, batch_dim="b")

    assert (differ.x.dims, differ.x.values.tolist()) == (("b", "x"), [[0, 3], [0, 1]])
    assert (equal.x.dims, equal.x.values.tolist()) == (("x",), [0, 3])


def test_a_saved_inout_keeps_the_input_too() -> None:
    """A saved `inout` variable keeps the input too (§S5)."""
    result = run(xs.Model({"u": Updated}), inputs={"u__v": 3}, outputs={"u__v": "t"})

    assert result.u__v.values.tolist() == [6, 12, 12]
    assert int(result["u__v.input"]) == 3


def test_a_value_that_the_type_cannot_hold() -> None:
    """A value that an output's type cannot hold is an error (there: 1.5 was saved as 1, §S6)."""

    @xs.runtime(args="step")
    def run_step(self: Any, step: int) -> None:
        self.o = 1 + step / 2 if step else 1

    with pytest.raises(OutputError, match="is stored as int64, and a value cannot be held exactly"):
        run(xs.Model({"p": process(o=xs.variable(intent="out"), run_step=run_step)}), outputs={"p__o": "t"})


def test_encoding_does_not_leak() -> None:
    """`encoding=` given to a run does not leak into classes and later runs (§V3)."""
    model = xs.Model({"p": Double})
    first = run(model, outputs={"p__out": "t"}, encoding={"p__out": {"dtype": "float32"}})
    second = run(model, outputs={"p__out": "t"})

    assert (first.p__out.dtype, second.p__out.dtype) == (np.float32, np.float64)


@pytest.mark.parametrize("stored", [False, True], ids=["memory", "stored"])
def test_values_come_back_as_they_were(stored: bool, tmp_path: Any) -> None:
    """Ints, bools, zeros and strings come back as they were (there: masked, §S1)."""

    @xs.runtime(args="step")
    def run_step(self: Any, step: int) -> None:
        self.i, self.b, self.z, self.s = step, step > 0, 0.0, "" if step == 0 else "ab"

    names = "ibzs"
    model = xs.Model({"p": process(**{n: xs.variable(intent="out") for n in names}, run_step=run_step)})
    how = {"store": tmp_path / "s.zarr"} if stored else {}
    result = run(model, outputs={f"p__{n}": "t" for n in names}, **how)

    assert [result[f"p__{n}"].values.tolist() for n in names] == [
        [0, 1, 1],
        [False, True, True],
        [0.0, 0.0, 0.0],
        ["", "ab", "ab"],
    ]
    assert [result[f"p__{n}"].dtype.kind for n in "ibz"] == ["i", "b", "f"]


def test_hooks_run_in_the_given_order() -> None:
    """Hooks run in the given order (§O7)."""
    log: list[int] = []

    def hook(number: int) -> Any:
        @xs.runtime_hook("initialize", trigger="pre")
        def note(model: Any, context: Any, state: Any) -> None:
            log.append(number)

        return note

    run(xs.Model({"p": Double}), hooks=[hook(3), hook(1), hook(2)])

    assert log == [3, 1, 2]


def test_a_decreasing_clock_runs_in_the_order_given() -> None:
    """A decreasing clock runs in the order given, with negative steps (there: silently in sorted order, §C1)."""

    @xs.runtime(args="step_start, step_delta")
    def run_step(self: Any, start: float, delta: float) -> None:
        self.seen = float(start + delta / 10)

    model = xs.Model({"p": process(seen=xs.variable(intent="out"), run_step=run_step)})

    assert run(model, [3.0, 2.0, 0.0], outputs={"p__seen": "t"}).p__seen.values.tolist() == [2.9, 1.8, 1.8]


def test_a_clock_in_another_order_than_the_main_clock() -> None:
    """A clock whose labels are not in the order of the main clock is an error (there: wrong labels, silently)."""
    with pytest.raises(ValueError, match="Clock coordinate 'o' is not in the order of main clock coordinate 't'"):
        xs.create_setup(xs.Model({"p": Double}), {"t": [0, 1, 2], "o": [2, 0]}, "t")


def test_a_clock_of_one_label_is_a_run_without_steps() -> None:
    """A one-label clock is a run without steps (§C1)."""
    log: list[str] = []

    def noting(name: str) -> Any:
        return lambda self: log.append(name)

    stages = ("initialize", "run_step", "finalize_step", "finalize")
    result = run(xs.Model({"p": process(**{s: noting(s) for s in stages}, v=xs.variable(default=1))}), [5])

    assert log == ["initialize", "finalize"]
    assert result.t.values.tolist() == [5]


def test_after_break_what_was_not_reached_is_missing() -> None:
    """After BREAK, what was not reached is missing (there: the final state lands under the wrong label, §O8)."""

    @xs.runtime_hook("run_step")
    def stop(model: Any, context: Any, state: Any) -> xs.RuntimeSignal | None:
        return xs.RuntimeSignal.BREAK if context["step"] == 1 else None

    result = run(xs.Model({"u": Updated}), range(5), outputs={"u__v": "t"}, hooks=[stop])

    np.testing.assert_array_equal(result.u__v, [2, 4, np.nan, np.nan, np.nan])


def test_default_functions_are_called() -> None:
    """`@var.default` functions are called for the setup's value."""
    v = xs.variable()
    model = xs.Model({"p": process(v=v, make=v.default(lambda self: 7))})

    assert int(xs.create_setup(model, {"t": [0, 1]}).p__v) == 7


def test_moving_an_output_to_a_clock_takes_effect() -> None:
    """Moving an output from `None` to a clock takes effect."""
    model = xs.Model({"p": Double})
    setup = xs.create_setup(model, {"t": [0, 1]}, output_vars={"p__out": None})
    moved = setup.xsim.update_vars(model, output_vars={"p__out": "t"})

    assert dict(moved.xsim.output_vars) == {("p", "out"): "t"}
    assert moved.xsim.run(model).p__out.dims == ("t",)


def test_validating_needs_no_other_values() -> None:
    """Validating does not fail because another variable has no value yet, such as one that varies in time."""

    def below(instance: Any, attribute: Any, value: Any) -> None:
        if value > instance.limit:
            raise ValueError("too large")

    model = xs.Model({"p": process(limit=xs.variable(), v=xs.variable(default=1, validator=below))})

    assert int(run(model, inputs={"p__limit": ("t", [0, 0, 0])}).p__v) == 1
    with pytest.raises(ValueError, match="too large"):
        run(model, inputs={"p__limit": 0})


def test_two_indexes_of_one_name() -> None:
    """Two index variables of one name are an error while planning that names both."""
    model = xs.Model({"p": process(x=xs.index(dims="x")), "q": process(x=xs.index(dims="x"))})

    with pytest.raises(OutputRequestError, match="two index variables have the name 'x'") as error:
        xs.create_setup(model, {"t": [0, 1]}).xsim.plan(model)

    assert "'p__x' and 'q__x'" in str(error.value)


def test_memory_and_worker_processes() -> None:
    """An in-memory result of worker processes has all outputs (there: none, without an error; §B9)."""
    import sys

    cloudpickle.register_pickle_by_value(sys.modules[__name__])
    how = {"batch_dim": "b", "parallel": True, "scheduler": "processes", "workers": 2}
    result = run(xs.Model({"p": Double}), inputs={"p__v": ("b", [3.0, 1.0])}, outputs={"p__out": "t"}, **how)

    assert result.p__out.values.tolist() == [[6.0] * 3, [2.0] * 3]


def test_a_thousand_processes_build_fast() -> None:
    """A model with a thousand processes, linked in a chain and by a group, builds in well under a second."""
    names = {f"p{i}": process(v=xs.global_ref(f"o{i - 1}"), o=_named(i)) for i in range(1, 1000)}
    names |= {"p0": process(o=_named(0)), "sum": process(all=xs.group("all"))}
    start = time.process_time()
    model = xs.Model(names)
    taken = time.process_time() - start

    assert (len(model), list(model)[:3], list(model)[-1]) == (1001, ["p0", "p1", "p2"], "sum")
    assert taken < 1


def _named(number: int) -> Any:
    return xs.variable(intent="out", global_name=f"o{number}", groups="all")


@MODES
def test_text_equal_to_a_process_name_is_just_text(parallel: bool) -> None:
    """Text values equal to a process name are just text (there, in parallel: a KeyError)."""

    def initialize(self: Any) -> None:
        self.o = str(self.v)

    model = xs.Model({"a": process(v=xs.variable(), o=xs.variable(intent="out"), initialize=initialize), "b": Double})

    assert str(run(model, inputs={"a__v": "b"}, outputs={"a__o": None}, parallel=parallel).a__o.values) == "b"


def test_an_undeclared_cycle_stays_an_error() -> None:
    """A cycle of setters is an error, as there; `inout` and `group_dict` close none."""
    p = process(p=xs.variable(intent="out"), q=xs.global_ref("q"))
    q = process(q=xs.variable(intent="out", global_name="q"), p=xs.foreign(p, "p"))

    with pytest.raises(CycleError, match="Cycle detected in process graph: p->q->p"):
        xs.Model({"p": p, "q": q})


def test_dates_arrive_as_dates() -> None:
    """A date given alone arrives as `np.datetime64` (there: an integer of nanoseconds), labels in nanoseconds."""
    seen: list[Any] = []

    @xs.runtime(args="step_start, step_delta")
    def run_step(self: Any, start: Any, delta: Any) -> None:
        seen.extend([self.day, self.span, start, delta])

    model = xs.Model({"p": process(day=xs.variable(), span=xs.variable(), run_step=run_step)})
    inputs = {"p__day": np.datetime64("2000-01-01"), "p__span": np.timedelta64(2, "D")}
    run(model, np.array(["2000-01-01", "2000-01-03"], "M8[D]"), inputs)

    assert [type(value) for value in seen] == [np.datetime64, np.timedelta64] * 2
    assert seen[0] == seen[2] == np.datetime64("2000-01-01")
    assert seen[1] == seen[3] == np.timedelta64(2, "D")
    assert [value.dtype.str[3:] for value in seen] == ["[s]", "[s]", "[ns]", "[ns]"]


def test_dataarrays_keep_coordinates_and_attributes() -> None:
    """A DataArray given as input keeps its coordinates; attributes given win over those declared (there: lost)."""
    v = xs.variable(dims="x", attrs={"units": "m", "long": "declared"})
    model = xs.Model({"p": process(v=v, w=xs.variable(dims="x", default=0.0))})
    given = xr.DataArray([1.0, 2.0], dims="x", coords={"x": [5, 6]}, attrs={"units": "km"})
    result = run(model, inputs={"p__v": given, "p__w": [1.0, 2.0]})

    assert result.x.values.tolist() == [5, 6]
    assert result.p__v.attrs == {"units": "km", "long": "declared"}


def test_inputs_with_different_labels() -> None:
    """Two inputs with different labels along one dimension are an error (there: labels are lost)."""
    model = xs.Model({"p": process(v=xs.variable(dims="x"), w=xs.variable(dims="x"))})
    one, other = (xr.DataArray([1.0, 2.0], dims="x", coords={"x": labels}) for labels in ([5, 6], [7, 8]))

    with pytest.raises(ValueError, match="the value given for input 'p__w' does not fit the setup"):
        run(model, inputs={"p__v": one, "p__w": other})


def test_a_process_that_sets_what_it_reads() -> None:
    """Setting one's own `in` variable goes unnoticed, unless everything is validated (there: an AttributeError)."""

    def run_step(self: Any) -> None:
        self.v = 5

    model = xs.Model({"p": process(v=xs.variable(default=1), run_step=run_step)})

    assert run(model, outputs={"p__v": "t"}).p__v.values.tolist() == [5, 5, 5]
    with pytest.raises(AttributeError, match="is only read by this process and cannot be set"):
        run(model, validate="all")


def test_hooks_around_processes_that_do_something() -> None:
    """Hooks at level "process" are called for processes that implement the stage (there: for each process)."""
    log: list[str] = []

    @xs.runtime_hook("run_step", level="process", trigger="post")
    def note(model: Any, context: Any, state: Any) -> None:
        log.append("hook")

    idle = process(v=xs.variable(default=1))
    run(xs.Model({"u": Updated, "idle": idle}), [0, 1], hooks=[note])

    assert log == ["hook"]


def test_what_does_not_exist_is_named() -> None:
    """Dropping an unknown process, and an encoding for what is not saved, are errors (there: nothing happens)."""
    model = xs.Model({"p": Double})

    with pytest.raises(KeyError, match="the model has no process 'q'"):
        model.drop_processes("q")
    with pytest.raises(ValueError, match="encoding= is given for 'p__nope', which the run does not save"):
        run(model, outputs={"p__out": "t"}, encoding={"p__nope": {"dtype": "f4"}})


def test_a_store_that_holds_something(tmp_path: Any) -> None:
    """A store that holds anything is refused, also without outputs of the same names; `mode="w"` replaces it."""
    model = xs.Model({"p": Double})
    run(model, outputs={"p__out": "t"}, store=tmp_path / "s.zarr")

    with pytest.raises(ValueError, match="already holds something"):
        run(model, store=tmp_path / "s.zarr")
    assert "p__out" not in run(model, store=tmp_path / "s.zarr", mode="w")


@MODES
def test_what_is_no_signal_is_passed_over(parallel: bool) -> None:
    """A stage method may return what is no signal (there: an error)."""
    model = xs.Model({"p": process(v=xs.variable(default=1), run_step=lambda self: 5)})

    assert run(model, parallel=parallel).attrs["xsim_outcome"] == "done"
