"""Results are compared bit for bit (`xs.testing.assert_identical_runs`)."""

import textwrap

import numpy as np
import pytest
import xarray as xr

import xsim as xs
from xsim import errors
from xsim.testing import assert_identical_runs


@xs.process
class Decay:
    rate = xs.variable(default=0.5)
    x = xs.index("x")
    field = xs.variable(dims="x", intent="out", attrs={"units": "m"})
    count = xs.variable(intent="out")
    word = xs.variable(intent="out")

    def initialize(self):
        self.x = np.arange(3)
        self.field = np.array([1.0, np.nan, 0.0])
        self.count = 0
        self.word = "a"

    def run_step(self):
        self.field = self.field * (1 - self.rate)
        self.count += 1
        self.word += "b"
        if self.rate > 1:
            raise ValueError("too fast")


MODEL = xs.Model({"decay": Decay})
OUTPUTS = {f"decay__{name}": "time" for name in ("field", "count", "word")}
SETUP = xs.create_setup(MODEL, {"time": np.arange(3)}, output_vars=OUTPUTS)
BATCH = SETUP.assign(decay__rate=("b", [0.25, 2.0, 0.5]))


@pytest.mark.parametrize("store", [None, {}])
def test_same_run(store):
    """Two runs are the same, in memory or in a store."""
    assert_identical_runs(SETUP.xsim.run(MODEL), SETUP.xsim.run(MODEL, store=store))


def test_same_batch():
    """So are batches with failures, whose times, workers and tracebacks differ."""
    runs = []
    for options in ({}, {"parallel": True, "workers": 2, "threads_per_worker": 1}, {"store": {}, "block": 1}):
        with pytest.warns(xs.BatchWarning):
            runs.append(BATCH.xsim.run(MODEL, batch_dim="b", on_error="continue", **options))
    assert_identical_runs(runs[0], runs[1])
    assert_identical_runs(runs[0], runs[2])


def with_values(result, name, change):
    variable = result[name].variable.copy()
    variable.values = change(variable.values.copy())
    return result.assign({name: variable})


def set_item(place, value):
    def change(values):
        values[place] = value
        return values

    return change


CHANGES = {
    "value": (
        lambda r: with_values(r, "decay__field", set_item((1, 0), 2.0)),
        "variable 'decay__field': 0.25 ≠ 2.0 at [1, 0]",
    ),
    "sign of zero": (
        lambda r: with_values(r, "decay__field", set_item((0, 2), -0.0)),
        "variable 'decay__field': 0.0 ≠ -0.0 at [0, 2]",
    ),
    "NaN": (
        lambda r: with_values(r, "decay__field", set_item((0, 1), 1.0)),
        "variable 'decay__field': nan ≠ 1.0 at [0, 1]",
    ),
    "type": (lambda r: r.assign(decay__count=r.decay__count.astype(float)), "variable 'decay__count': int64 ≠ float64"),
    "text": (
        lambda r: with_values(r, "decay__word", set_item(0, "c")),
        "variable 'decay__word': 'ab' ≠ 'c' at [0]",
    ),
    "dims": (
        lambda r: r.assign(decay__field=r.decay__field.T),
        "variable 'decay__field': dims ('time', 'x') ≠ ('x', 'time')",
    ),
    "shape": (
        lambda r: r.isel(time=[0, 1]),
        "variable 'time': shapes (3,) ≠ (2,)",
    ),
    "attribute of a variable": (
        lambda r: r.assign(decay__field=r.decay__field.assign_attrs(units="km")),
        "variable 'decay__field', attribute 'units': 'm' ≠ 'km'",
    ),
    "attribute": (lambda r: r.assign_attrs(mine=1), "attribute 'mine': only in the second"),
    "coordinate": (lambda r: r.set_coords("decay__count"), "variable 'decay__count': no coordinate ≠ a coordinate"),
    "index": (lambda r: r.drop_indexes("x"), "variable 'x': indexed ≠ not indexed"),
    "variable": (
        lambda r: r.drop_vars("decay__word").assign(other=1),
        "variables: 'decay__word' only in the first, 'other' only in the second",
    ),
}


@pytest.mark.parametrize("kind", CHANGES)
def test_differences(kind):
    """Each kind of difference is found, and named."""
    change, text = CHANGES[kind]
    result = SETUP.xsim.run(MODEL)
    with pytest.raises(errors.CheckError) as error:
        assert_identical_runs(result, change(result))
    assert isinstance(error.value, AssertionError)
    assert text in error.value.findings
    assert f"  - {text}" in str(error.value).splitlines()
    with pytest.raises(errors.CheckError):
        assert_identical_runs(change(result), result)


def test_ignored():
    """What may differ can be named."""
    result = SETUP.xsim.run(MODEL)
    other = result.assign(decay__count=1).assign_attrs(mine=1)
    assert_identical_runs(result, other, ignore=["decay__count", "mine"])
    with pytest.raises(errors.CheckError) as error:
        assert_identical_runs(result, other, ignore=["mine"])
    assert str(error.value) == textwrap.dedent(
        """\
        the runs differ in 1 place
          - variable 'decay__count': dims ('time',) ≠ ()"""
    )


def test_outcomes_count():
    """How members ended is part of a result."""
    with pytest.warns(xs.BatchWarning):
        result = BATCH.xsim.run(MODEL, batch_dim="b", on_error="continue")
    other = with_values(result, "xsim_outcome", set_item(0, "failed"))
    with pytest.raises(errors.CheckError, match="variable 'xsim_outcome': 'done' ≠ 'failed'"):
        assert_identical_runs(result, other)


def test_only_datasets():
    """Runs are compared by their results."""
    with pytest.raises(TypeError, match="not 'DataArray'"):
        assert_identical_runs(xr.Dataset(), xr.DataArray())
