"""Batches: any inputs along any batch dims, by every scheduler, as the loop over members gives (DESIGN §B1, §B2)."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr

import xsim as xs

SCHEDULERS = {
    "sequential": {},
    "threads": {"parallel": True, "workers": 3},
    "processes": {"parallel": True, "scheduler": "processes", "workers": 2},
}
here = pytest.mark.parametrize("how", ["sequential", "threads"])
everywhere = pytest.mark.parametrize("how", SCHEDULERS)
stores = pytest.mark.parametrize("where", ["memory", "zarr"])


@xs.process
class Plant:
    rate = xs.variable(dims=[(), "x", ("y", "x")])
    seed = xs.variable(dims=[(), "x", ("y", "x")], default=1.0)
    name = xs.variable(default="")
    size = xs.variable(dims=[(), "x", ("y", "x")], intent="out")
    label = xs.variable(intent="out")

    def initialize(self):
        self.size = self.seed * 1.0

    @xs.runtime(args="step_delta")
    def run_step(self, dt):
        self.size = self.size + self.rate * dt
        self.label = f"{self.name}:{float(np.sum(self.size)):.3f}"


@xs.process
class Witness:
    k = xs.variable()
    seen = xs.variable(dims="what", intent="out")

    @xs.runtime(args="batch, batch_size, step, nsteps")
    def run_step(self, batch, batch_size, step, nsteps):
        self.seen = np.array([self.k, batch, batch_size, step, nsteps])


MODEL = xs.Model({"plant": Plant})
TIME = np.array([0.0, 0.5, 2.0, 2.5])


def setup_of(**inputs):
    return xs.create_setup(
        model=MODEL,
        clocks={"time": TIME, "out": TIME[::3]},
        main_clock="time",
        input_vars={f"plant__{name}": value for name, value in inputs.items()},
        output_vars={"plant__size": "time", "plant__label": "out"},
    )


def run(setup, where, how, batch_dim="b", **options):
    store = {} if where == "zarr" else None
    return setup.xsim.run(MODEL, batch_dim=batch_dim, store=store, **SCHEDULERS[how], **options).load()


def check_against_loop(result, setup, batch_dims, **options):
    """Each member has, at its position, what a single run of its inputs gives."""
    sizes = [setup.sizes[dim] for dim in batch_dims]
    assert [result.sizes[dim] for dim in batch_dims] == sizes
    for position in np.ndindex(*sizes):
        where = dict(zip(batch_dims, position, strict=True))
        alone = setup.isel(where).xsim.run(MODEL, **options)
        for name in ("plant__size", "plant__label"):
            member = result[name].variable.isel(where)
            assert result[name].dims == (*batch_dims, *alone[name].dims)
            np.testing.assert_array_equal(member.values, alone[name].values)
            assert member.dtype == alone[name].dtype


def values(*sizes):
    return np.arange(float(np.prod(sizes))).reshape(sizes) / 7 + 0.1


@everywhere
@stores
def test_members_are_single_runs(where, how):
    """A batch gives what the loop over its members gives, bit for bit (DESIGN §O3)."""
    setup = setup_of(rate=("b", values(5)), seed=(("b", "x"), values(5, 3)), name=("b", list("vwxyz")))
    check_against_loop(run(setup, where, how), setup, ["b"])


@here
@stores
@pytest.mark.parametrize("block", [1, 2, 3, 100])
def test_values_do_not_depend_on_the_block(where, how, block):
    """Blocks decide who computes what, never what (DESIGN §B3)."""
    setup = setup_of(rate=("b", values(7)), seed=(("b", "x"), values(7, 3)), name=("b", list("tuvwxyz")))
    check_against_loop(run(setup, where, how, block=block), setup, ["b"])


@here
@stores
@pytest.mark.parametrize(
    "dims",
    [
        ("a",),
        ("c",),
        ("a", "c"),
        ("a", "b", "c"),
        ("b", "time"),
        ("a", "c", "time"),
        ("a", "x"),
        ("b", "c", "x"),
        ("a", "b", "c", "time", "x"),
        ("c", "time", "y", "x"),
        ("time", "x"),
        ("y", "x"),
    ],
    ids="-".join,
)
def test_dims_of_inputs(where, how, dims):
    """An input's dims are any subset of the batch dims, then the main clock, then its own (DESIGN §B2)."""
    sizes = {"a": 2, "b": 1, "c": 3, "time": 4, "x": 2, "y": 2}
    setup = setup_of(
        rate=(dims, values(*(sizes[dim] for dim in dims))),
        seed=(("a", "b"), values(2, 1)),
        name=("c", ["p", "q", "r"]),
    )
    check_against_loop(run(setup, where, how, ["a", "b", "c"], block=2), setup, ["a", "b", "c"])


@stores
@pytest.mark.parametrize("dims", [("x", "time", "b"), ("time", "b", "x"), ("b", "x", "time")], ids="-".join)
def test_transposed_inputs(where, dims):
    """check_dims='transpose' takes the dims in any order."""
    sizes = {"b": 3, "time": 4, "x": 2}
    setup = setup_of(rate=(dims, values(*(sizes[dim] for dim in dims))))
    ordered = setup.transpose("b", "time", "x", ...)
    result = run(setup, where, "sequential", check_dims="transpose")
    check_against_loop(result, ordered, ["b"])


@here
@stores
def test_outer_product(where, how):
    """A list of batch dims runs all combinations; outputs keep these dims, in front (DESIGN §B2)."""
    setup = setup_of(rate=("r", [1.0, 2.0]), seed=("s", [0.0, 10.0, 20.0]))
    result = run(setup, where, how, ["s", "r"])
    assert result.plant__size.dims == ("s", "r", "time")
    assert result.plant__label.dims == ("s", "r", "out")
    np.testing.assert_allclose(result.plant__size[:, :, -1], [[2.5, 5.0], [12.5, 15.0], [22.5, 25.0]])
    assert run(setup, where, how, ["r", "s"]).plant__size.dims == ("r", "s", "time")


LABELS = {
    "none": None,
    "unsorted": [30, 10, 40, 20],
    "strings": ["q", "b", "z", "a"],
    "repeated": [2, 1, 2, 1],
    "same": ["a"] * 4,
    "falling": [4.0, 3.0, 2.0, 1.0],
    "nan": [np.nan, 1.0, np.nan, 0.5],
    "dates": pd.to_datetime(["2003-01-01", "2001-01-01", "2002-01-01", "2001-01-01"]),
    "bools": [True, False, True, False],
}


@everywhere
@stores
@pytest.mark.parametrize("labels", LABELS)
def test_rows_follow_position(where, how, labels):
    """Rows follow the position of members, whatever their labels: unsorted, repeated, text, dates (DESIGN §B1)."""
    if how == "processes" and labels not in ("unsorted", "repeated"):
        how = "threads"
    setup = setup_of(rate=("b", [4.0, 3.0, 1.0, 2.0]))
    if LABELS[labels] is not None:
        setup = setup.assign_coords(b=LABELS[labels])
    result = run(setup, where, how, block=1)
    np.testing.assert_allclose(result.plant__size[:, -1], [11.0, 8.5, 3.5, 6.0])
    assert ("b" in result.coords) == ("b" in setup.coords)
    if "b" in setup.coords:
        xr.testing.assert_identical(result["b"].variable, setup["b"].variable)
        assert result.plant__size.indexes["b"].equals(setup.indexes["b"])


@here
@stores
def test_multi_index(where, how):
    """A batch dim with a multi-index keeps it in the result, and rows follow position (DESIGN §B1)."""
    grid = setup_of(rate=("r", [2.0, 1.0]), seed=("s", [5.0, 0.0, 3.0])).assign_coords(r=["hi", "lo"], s=[3, 1, 2])
    rate, seed = xr.broadcast(grid.plant__rate, grid.plant__seed)
    flat = grid.drop_vars(["plant__rate", "plant__seed"]).assign(plant__rate=rate, plant__seed=seed)
    setup = flat.stack(b=("r", "s"))
    result = run(setup, where, how)
    assert result.indexes["b"].equals(setup.indexes["b"])
    np.testing.assert_allclose(result.plant__size[:, -1], [10, 5, 8, 7.5, 2.5, 5.5])
    assert float(result.plant__size.sel(r="lo", s=2)[-1]) == 5.5


@stores
def test_other_coordinates_of_the_batch(where):
    """Further coordinates along the batch dims, and variables of the user's own, stay."""
    setup = setup_of(rate=("b", [1.0, 2.0])).assign_coords(site=("b", ["s1", "s2"])).assign(note=("b", [7, 8]))
    result = run(setup, where, "sequential")
    assert result.site.values.tolist() == ["s1", "s2"]
    assert result.note.values.tolist() == [7, 8]
    assert "site" in result.plant__size.coords


@pytest.mark.parametrize("how", SCHEDULERS)
def test_context(how):
    """Each member knows its number, and how many there are, under every scheduler (DESIGN §C3)."""
    model = xs.Model({"witness": Witness})
    setup = xs.create_setup(
        model=model,
        clocks={"time": [0, 1, 2]},
        input_vars={"witness__k": (("a", "b"), np.arange(6).reshape(2, 3))},
        output_vars={"witness__seen": "time"},
    )
    result = setup.xsim.run(model, batch_dim=["a", "b"], **SCHEDULERS[how])
    for member in range(6):
        np.testing.assert_array_equal(
            result.witness__seen.values.reshape(6, 3, 5)[member],
            [[member, member, 6, 0, 2], [member, member, 6, 1, 2], [member, member, 6, 1, 2]],
        )


@pytest.mark.parametrize("how", SCHEDULERS)
def test_the_setup_is_not_changed(how):
    """Nothing that a run does changes the setup (DESIGN §V3)."""

    @xs.process
    class Vandal:
        values = xs.variable(dims="x", intent="inout")

        def run_step(self):
            self.values[:] = -1

    model = xs.Model({"vandal": Vandal})
    setup = xs.create_setup(
        model=model,
        clocks={"time": [0, 1]},
        input_vars={"vandal__values": ("x", [1.0, 2.0])},
        output_vars={"vandal__values": "time"},
    ).assign(b=("b", [1, 2]))
    setup = setup.assign(vandal__values=setup.vandal__values.expand_dims(b=setup.b))
    before = setup.copy(deep=True)
    result = setup.xsim.run(model, batch_dim="b", **SCHEDULERS[how])
    xr.testing.assert_identical(setup, before)
    assert (result.vandal__values.values == -1).all()
    np.testing.assert_array_equal(result["vandal__values.input"], before.vandal__values)


def test_members_do_not_share_arrays():
    """An input that all members share is a copy in each: what one writes into it the others do not see."""

    @xs.process
    class Adder:
        k = xs.variable()
        field = xs.variable(dims="x", intent="inout")

        def run_step(self):
            self.field += self.k

    model = xs.Model({"adder": Adder})
    setup = xs.create_setup(
        model=model,
        clocks={"time": [0, 1, 2]},
        input_vars={"adder__k": ("b", [1.0, 10.0, 100.0]), "adder__field": ("x", [0.0, 1.0])},
        output_vars={"adder__field": None},
    )
    for options in SCHEDULERS.values():
        result = setup.xsim.run(model, batch_dim="b", **options)
        np.testing.assert_array_equal(result.adder__field, [[2, 3], [20, 21], [200, 201]])


@stores
def test_a_result_is_a_setup(where):
    """The result of a batch can be run again, and gives the same (DESIGN §S5)."""
    setup = setup_of(rate=("b", [1.0, 2.0]), seed=(("b", "x"), values(2, 2)))
    first = run(setup, where, "sequential", seed=3)
    again = run(first, where, "threads", seed=3)
    assert again.attrs.pop("xsim_workers") == 3
    outcomes = [name for name in first if name.startswith("xsim_")]
    xs.testing.assert_identical_runs(first.drop_vars(outcomes), again.drop_vars(outcomes))
    assert again.xsim_outcome.values.tolist() == ["done", "done"]


def test_without_a_clock():
    """A setup without clocks runs each member's stages once (DESIGN §C4)."""
    setup = xs.create_setup(
        model=MODEL,
        clocks={},
        input_vars={"plant__rate": ("b", [1.0, 2.0]), "plant__seed": 3.0},
        output_vars={"plant__label": None},
    )
    assert setup.xsim.run(MODEL, batch_dim="b").plant__label.values.tolist() == [":nan", ":nan"]


def test_hooks_see_each_member(monkeypatch):
    """Hooks run where the member runs, for every member (DESIGN §O7)."""
    seen = []

    @xs.runtime_hook("run_step", level="model", trigger="post")
    def note(model, context, state):
        seen.append((context["batch"], context["step"], float(state["plant", "rate"])))

    setup_of(rate=("b", [1.0, 2.0])).xsim.run(MODEL, batch_dim="b", hooks=[note])
    assert sorted(seen) == [(member, step, member + 1.0) for member in range(2) for step in range(3)]
