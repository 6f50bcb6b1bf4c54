"""Any design, run in any way, gives what the plain loop over single runs gives, bit for bit (DESIGN §O3, §B1, §B3).

A design has batch dims, inputs along any of them and the clock, outputs of any type on any clock, arrays that grow,
members that fail or stop; ways of running differ in scheduler, workers, block, chunks and store.
"""

import tempfile
import warnings
from typing import Any

import attrs
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import xsim as xs
from xsim.testing.strategies import run_options

NSTEPS = 3
BATCH_DIMS = ("a", "b")
CLOCKS = {"time": list(range(NSTEPS + 1)), "some": [1, 3], "late": [3], "first": [0]}
OUTPUTS = ("value", "field", "herd", "young", "word")
KINDS = ("float", "int", "uint8", "bool", "text", "date", "complex")
NEVER = 99


@xs.process
class Member:
    k = xs.variable(default=1.0)
    weights = xs.variable(dims=[(), "z"], default=1.0)
    n = xs.variable(default=2, static=True)
    grows = xs.variable(default=0)
    kind = xs.variable(default="float")
    fails = xs.variable(default=NEVER)
    stops = xs.variable(default=NEVER)
    x = xs.index(dims="x")
    value = xs.variable(intent="out")
    field = xs.variable(dims="x", intent="out")
    herd = xs.variable(dims="y", intent="out")
    young = xs.variable(dims="y", intent="out")
    word = xs.variable(intent="out")

    def initialize(self):
        self.total = 0.0
        self.x = np.arange(self.n) * 2
        if self.fails == -1:
            raise ValueError("at once")
        self._set(0, 1.0)

    def _set(self, step, change):
        self.total = self.total * 0.7 + change
        whole = int(abs(self.total) * 10) % 100
        self.value = {
            "float": self.total,
            "int": whole - 50,
            "uint8": np.uint8(whole),
            "bool": whole % 2 == 0,
            "text": f"t{whole}",
            "date": np.datetime64("2001-01-01", "ns") + np.timedelta64(whole, "D"),
            "complex": complex(self.total, whole),
        }[self.kind]
        self.field = self.total + np.arange(self.n) / 3
        self.herd = np.full(int(self.n) + step * int(self.grows), self.total)
        self.young = np.arange(int(self.grows) * (NSTEPS - step))
        self.word = f"{self.total!r}"

    @xs.runtime(args="step")
    def run_step(self, step):
        self._set(step + 1, float(np.sum(self.k * self.weights)))
        if self.fails == step:
            raise ValueError("in time")

    def finalize(self):
        if self.fails == NSTEPS:
            raise ValueError("at last")


MODEL = xs.Model({"m": Member})


@xs.runtime_hook("run_step", level="model", trigger="post")
def stop(model, context, state):
    return xs.RuntimeSignal.BREAK if state["m", "stops"] == context["step"] else None


@attrs.frozen
class Design:
    sizes: dict[str, int]
    inputs: dict[str, tuple[tuple[str, ...], Any]]
    outputs: dict[str, str | None]

    @property
    def dims(self):
        return list(self.sizes)

    @property
    def setup(self):
        values = {f"m__{name}": (dims, np.asarray(data)) for name, (dims, data) in self.inputs.items()}
        requests = {f"m__{name}": clock for name, clock in self.outputs.items()}
        return xs.create_setup(model=MODEL, clocks=CLOCKS, main_clock="time", input_vars=values, output_vars=requests)


VALUES = {
    "k": st.floats(-10, 10, allow_subnormal=False),
    "weights": st.sampled_from([0.5, 1.0, -2.0]),
    "n": st.integers(0, 3),
    "grows": st.integers(0, 2),
    "kind": st.just(None),
    "fails": st.sampled_from([NEVER] * 4 + [-1, 0, 1, 2, 3]),
    "stops": st.sampled_from([NEVER] * 3 + [0, 1, 2]),
}


@st.composite
def designs(draw):
    sizes = {dim: draw(st.integers(1, 3)) for dim in BATCH_DIMS[: draw(st.integers(1, 2))]}
    full = {**sizes, "time": NSTEPS + 1, "z": 2}
    inputs = {"kind": ((), draw(st.sampled_from(KINDS)))}
    chosen = draw(st.permutations([name for name in VALUES if name != "kind"]))[: draw(st.integers(1, 6))]
    for i, name in enumerate(chosen):
        dims = [dim for dim in sizes if draw(st.booleans())]
        if i == 0:  # every batch dim is in use
            dims = list(sizes)
        if name in ("k", "weights") and draw(st.booleans()):
            dims.append("time")
        if name == "weights" and draw(st.booleans()):
            dims.append("z")
        shape = [full[dim] for dim in dims]
        count = int(np.prod(shape))
        values = draw(st.lists(VALUES[name], min_size=count, max_size=count))
        inputs[name] = (tuple(dims), np.array(values).reshape(shape))
    clocks = {name: draw(st.sampled_from([*CLOCKS, None, "absent"])) for name in OUTPUTS}
    return Design(sizes, inputs, {name: clock for name, clock in clocks.items() if clock != "absent"})


def alone(design, setup, position):
    """Run one member on its own; None if it fails."""
    try:
        return setup.isel(dict(zip(design.dims, position, strict=True))).xsim.run(MODEL, hooks=[stop])
    except ValueError:
        return None


def plain(values):
    """Give values as Python objects, what is missing as None."""
    values = np.asarray(values)
    if values.dtype.kind == "M":
        return [None if np.isnat(value) else value for value in values.flat]
    if values.dtype.kind in "fc":
        return [None if np.isnan(value) else value.item() for value in values.flat]
    return [None if isinstance(value, str) and value == "" else value for value in values.ravel().tolist()]


def check(design, setup, result):
    """Each member's rows are those of its single run, padded; those of failed members are missing."""
    members = {position: alone(design, setup, position) for position in np.ndindex(*design.sizes.values())}
    singles = [single for single in members.values() if single is not None]
    outcomes = result.xsim_outcome
    assert outcomes.dims == tuple(design.dims)
    for position, single in members.items():
        assert outcomes.values[position] == ("failed" if single is None else "done")
    largest = {}
    for dim, names in (("x", ["x", "m__field"]), ("y", ["m__herd", "m__young"])):
        # An output that only failed members saved may have left its size.
        wanted = [name for name in names if name == "x" or name[3:] in design.outputs]
        known = all(any(name in single.variables for single in singles) for name in wanted)
        largest[dim] = max([single.sizes.get(dim, 0) for single in singles]) if known and singles else None
    for name in [f"m__{output}" for output in design.outputs] + ["x"]:
        check_output(design, members, singles, largest, result, name)


def check_output(design, members, singles, largest, result, name):
    if name not in result.variables:
        assert all(name not in single.variables for single in singles)
        return
    variable = result[name].variable
    batched = variable.dims[: len(design.dims)] == tuple(design.dims)
    assert batched or name == "x"
    for dim, size in largest.items():
        assert size is None or result.sizes.get(dim, size) == size
    for position, single in members.items():
        if single is None or name not in single.variables:
            assert not batched or set(plain(variable.values[position])) <= {None}
            continue
        mine = variable.values[position] if batched else variable.values
        expected = np.asarray(single[name].values)
        corner = tuple(slice(n) for n in expected.shape)
        assert plain(np.asarray(mine)[corner]) == plain(expected)
        assert sum(value is not None for value in plain(mine)) == sum(value is not None for value in plain(expected))
    complete = len(singles) == len(members) and all(name in single.variables for single in singles)
    if complete and len({(single[name].dtype, single[name].shape) for single in singles}) == 1:
        assert variable.dtype == singles[0][name].dtype


def run(design, setup, options, stored):
    with warnings.catch_warnings(), tempfile.TemporaryDirectory() as folder:
        warnings.simplefilter("ignore", xs.BatchWarning)
        on_disk = stored and options.get("scheduler") == "processes"
        store = (f"{folder}/out.zarr" if on_disk else {}) if stored else None
        return setup.xsim.run(
            MODEL, batch_dim=design.dims, hooks=[stop], on_error="continue", store=store, **options
        ).load()


def check_any(data, schedulers):
    design = data.draw(designs(), label="design")
    setup = design.setup
    options = data.draw(run_options(MODEL, setup, design.dims, schedulers=schedulers), label="options")
    stored = data.draw(st.booleans(), label="stored")
    before = setup.copy(deep=True)
    check(design, setup, run(design, setup, options, stored))
    assert setup.identical(before)


quick = settings(
    max_examples=40,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


@quick
@given(st.data())
def test_batch_is_the_loop(data):
    """A batch gives what the loop over its members gives, sequentially and in threads, in memory and in a store."""
    check_any(data, [None, "threads"])


@settings(quick, max_examples=3)
@given(st.data())
def test_batch_in_processes_is_the_loop(data):
    """So it does in worker processes."""
    check_any(data, ["processes"])


@pytest.mark.slow
@settings(quick, max_examples=500)
@given(st.data())
def test_batch_is_the_loop_many_times(data):
    """The same, for many examples."""
    check_any(data, [None, "threads"])


@pytest.mark.slow
@settings(quick, max_examples=80)
@given(st.data())
def test_batch_in_processes_is_the_loop_many_times(data):
    """The same with worker processes, for many examples."""
    check_any(data, ["processes"])
