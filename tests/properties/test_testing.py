"""`xs.testing` itself, for any model, setup and value, and xsim through it (DESIGN §O3, §S1, §B1)."""

import attrs
import numpy as np
import pytest
import xarray as xr
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

import xsim as xs
from xsim.testing import assert_identical_runs, check_process, run_process
from xsim.testing.same import copied, difference
from xsim.testing.strategies import arrays, clocks, drafts, dtypes, model_inputs, models, run_options, setups

# Options drawn at random may make little sense.
pytestmark = pytest.mark.filterwarnings("ignore::xsim.PlanWarning")

QUICK = settings(
    deadline=None,
    max_examples=40,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
)
SLOW = settings(QUICK, max_examples=400)


def check_any_way(data):
    model = data.draw(models(), label="model")
    # Without a step, inputs that vary in time have no value that could be saved.
    assume(not any(each.stops and each.stops[0] == "initialize" for each in model.draft.processes))
    batch = data.draw(st.sampled_from([[], ["a"], ["a", "b"]]), label="batch dims") or None
    setup = data.draw(setups(model, inputs=model_inputs(model), batch_dims=batch or []), label="setup")
    options = data.draw(run_options(model, setup, batch), label="options")
    before = setup.copy(deep=True)
    plain = setup.xsim.run(model, batch_dim=batch)
    other = setup.xsim.run(model, batch_dim=batch, store={}, **options)
    assert_identical_runs(plain, other)
    xr.testing.assert_identical(setup, before)


@settings(QUICK, max_examples=15)
@given(st.data())
def test_ways_of_running_change_nothing(data):
    """Schedulers, workers, blocks, chunks and stores do not change a bit of the result of any model and setup."""
    check_any_way(data)


@pytest.mark.slow
@SLOW
@given(st.data())
def test_ways_of_running_change_nothing_many_times(data):
    """The same, for many examples."""
    check_any_way(data)


@QUICK
@given(st.data())
def test_any_change_is_noticed(data):
    """A result is identical to its copy, and to no other that differs in one value, type or attribute."""
    model = data.draw(models(3, views=False, signals=False))
    setup = data.draw(setups(model, inputs=model_inputs(model)))
    result = setup.xsim.run(model)
    assert_identical_runs(result, result.copy(deep=True))
    name = data.draw(st.sampled_from(sorted(map(str, result.data_vars))))
    variable = result[name].variable.copy(deep=True)
    match data.draw(st.sampled_from(["value", "type", "attribute", "gone"])):
        case "value" if variable.size:
            flat = variable.values.reshape(-1)
            flat[data.draw(st.integers(0, variable.size - 1))] += 1
            other = result.assign({name: variable.copy(data=flat.reshape(variable.shape))})
        case "type":
            other = result.assign({name: variable.astype("float32")})
        case "gone":
            other = result.drop_vars(name)
        case _:
            variable.attrs["more"] = 1
            other = result.assign({name: variable})
    with pytest.raises(xs.errors.CheckError):
        assert_identical_runs(result, other)


def alone(draft):
    """Give processes without what leads to others."""
    return [p for p in draft.processes if not (p.reads or p.updates or p.gathers or p.view_of or p.lags)]


@QUICK
@given(drafts(views=False), clocks("t"))
def test_alone_as_in_a_model(draft, times):
    """A process alone has the values that it has in a model, and keeps all rules."""
    for process in alone(draft):
        single = type(draft)((attrs.evolve(process, after=(), stops=None),), (process.number,))
        ((name, cls),) = single.classes().items()
        setup = xs.create_setup(
            xs.Model({name: cls}),
            times,
            "t",
            output_vars={f"{name}__{variable}": "t" for variable in ("out", "level", "ratio")},
        )
        result = setup.xsim.run(xs.Model({name: cls}))
        run = run_process(cls, clock=times["t"])
        for variable in ("out", "level", "ratio"):
            last = run.snapshots[-2] if "finalize" in process.stages else run
            rows = [*run.series(variable), last[variable]]
            assert difference(result[f"{name}__{variable}"].values, np.array(rows)) == ""
        checked = check_process(cls, clock=times["t"])
        assert [difference(dict(a), dict(b)) for a, b in zip(run.snapshots, checked.snapshots, strict=True)] == [
            "" for _ in run.snapshots
        ]


@QUICK
@given(st.data())
def test_differences_of_values(data):
    """Any value is the same as its copy; with one element changed, or another type, it is not."""
    dtype = data.draw(dtypes())
    value = data.draw(arrays(dtype, data.draw(st.tuples(st.integers(1, 3), st.integers(1, 3)))))
    other = copied(value)
    assert difference(value, other) == ""
    assert difference([value], {0: other}) != ""
    place = data.draw(st.tuples(*[st.integers(0, n - 1) for n in value.shape]))
    other[place] = data.draw(arrays(dtype, ()))[()]
    assert (difference(value, other) == "") == (difference(value[place], other[place]) == "")


@QUICK
@given(st.data())
def test_clocks_are_valid(data):
    """Clocks of all kinds make setups: the main clock first, strictly monotonic, the others subsets of it."""
    kinds = data.draw(st.lists(st.sampled_from(["int", "float", "down", "date", "span"]), min_size=1))
    found = data.draw(clocks("t", ["a"], kinds=kinds, min_labels=2, max_labels=4))
    assert list(found) == ["t", "a"]
    assert 2 <= found["t"].size <= 4
    setup = xs.create_setup(xs.Model({}), found, "t")
    assert setup.xsim.nsteps == found["t"].size - 1
    steps = np.diff(found["t"].astype("int64") if found["t"].dtype.kind in "mM" else found["t"])
    assert (steps < 0).all() if found["t"].size > 1 and steps[0] < 0 else (steps > 0).all()
    assert (steps[0] < 0) <= ("down" in kinds)
    if kinds == ["date"]:
        assert found["t"].dtype.kind == "M"
