"""Meanings of setups and results that published models depend on (API.md), as xarray-simlab 0.5.0 has them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import xarray as xr

import xsim as xs


@xs.process
class Grid:
    n = xs.variable(default=3, static=True, description="nodes")
    x = xs.index(dims="x", description="place", attrs={"units": "m"})

    def initialize(self) -> None:
        self.x = range(int(self.n))


@xs.process
class Profile:
    u = xs.variable(dims="x", intent="inout", description="quantity", attrs={"units": "kg"})
    k = xs.variable(dims=[(), "x", ("y", "x")], default=2.0, description="gain", attrs={"units": "1"})
    x = xs.foreign(Grid, "x")
    double = xs.on_demand(dims="x", attrs={"long_name": "twice"}, encoding={"dtype": "float32"})

    def run_step(self) -> None:
        self.u = self.u + np.max(self.k)

    @double.compute
    def _double(self) -> Any:
        return 2 * self.u


@xs.process
class Start:
    u = xs.foreign(Profile, "u", intent="out")
    x = xs.foreign(Grid, "x")

    def initialize(self) -> None:
        self.u = np.zeros(len(self.x))


MODEL = xs.Model({"profile": Profile, "start": Start, "grid": Grid})
CLOCKS = {"t": [0, 1, 2, 3], "o": [0, 2]}


def make(inputs: Any = None, outputs: Any = None) -> xr.Dataset:
    return xs.create_setup(MODEL, CLOCKS, "t", inputs, outputs)


def plain(attrs: Any) -> dict[str, Any]:
    """Leave out xsim's own marks."""
    return {name: value for name, value in attrs.items() if not name.startswith("xsim_")}


def test_names_in_the_result() -> None:
    """Inputs and outputs are `process__variable`; index variables are coordinates under their own bare name."""
    outputs = {"profile__u": "o", "start__u": "o", "profile__double": "t", "profile__x": None, "grid": {"x": None}}
    result = make({"grid__n": 2}, outputs).xsim.run(MODEL)

    assert set(result.data_vars) == {"grid__n", "profile__k", *(n for n in outputs if n != "grid"), "grid__x"}
    assert set(result.coords) == {"t", "o", "x"}
    assert result.profile__u.dims == ("o", "x")
    assert (result.x.values.tolist(), result.profile__x.values.tolist()) == ([0, 1], [0, 1])


def test_descriptions_and_attrs() -> None:
    """Descriptions and attrs of variables are on inputs and outputs, also on outputs through references."""
    result = make(None, {"profile__u": "o", "start__u": None, "profile__double": "t"}).xsim.run(MODEL)

    assert plain(result.grid__n.attrs) == {"description": "nodes"}
    assert plain(result.profile__k.attrs) == {"description": "gain", "units": "1"}
    assert plain(result.profile__u.attrs) == plain(result.start__u.attrs) == {"description": "quantity", "units": "kg"}
    assert plain(result.profile__double.attrs) == {"long_name": "twice"}
    assert plain(result.x.attrs) == {"description": "place", "units": "m"}


def test_all_of_the_setup_is_in_the_result() -> None:
    """All inputs, coordinates and other variables of the setup are in the result; the setup itself is never changed."""
    setup = make(None, {"profile__u": "o"}).assign(mine=("z", [1, 2])).assign_coords(label=("z", ["a", "b"]))
    setup.attrs["title"] = "mine"
    before = setup.copy(deep=True)
    result = setup.xsim.run(MODEL)

    assert setup.identical(before)
    for name in setup.variables:
        assert result[name].variable.equals(setup[name].variable)
    assert result.attrs["title"] == "mine"


def test_clocks_and_requests_can_be_looked_at() -> None:
    """The accessor tells clocks, sizes, steps and requests, by key and by clock."""
    setup = make(None, {"profile__u": "o", "grid__x": None})

    assert dict(setup.xsim.clock_sizes) == {"t": 4, "o": 2}
    assert (setup.xsim.main_clock_dim, setup.xsim.nsteps) == ("t", 3)
    assert dict(setup.xsim.output_vars) == {("profile", "u"): "o", ("grid", "x"): None}
    assert dict(setup.xsim.output_vars_by_clock) == {"o": [("profile", "u")], None: [("grid", "x")]}
    assert setup.xsim.get_output_save_steps().o.values.tolist() == [True, False, True, False]


@pytest.mark.parametrize("clock", [{"o": [0, 1]}, {"t": [0, 1, 2]}, {"new": [0, 3]}])
def test_update_clocks_keeps_the_others(clock: dict[str, list[int]]) -> None:
    """`update_clocks` replaces the clocks named, keeps the others and their requests, and the main clock stays."""
    requests = {"profile__u": "o", "profile__double": "t", "profile__k": None}
    setup = make(None, requests).xsim.update_clocks(MODEL, clocks=clock)

    assert {f"{p}__{v}": where for (p, v), where in setup.xsim.output_vars.items()} == requests
    assert {name: c.values.tolist() for name, c in setup.xsim.clock_coords.items()} == {**CLOCKS, **clock}
    assert setup.xsim.main_clock_dim == "t"


def test_update_clocks_raises_if_out_of_step() -> None:
    """`update_clocks` raises if an old clock is out of step with the new main clock."""
    with pytest.raises(ValueError, match="'o' is not synchronized with main clock coordinate 't'"):
        make().xsim.update_clocks(MODEL, clocks={"t": [0, 1, 3]})


def test_one_clock_is_the_main_clock() -> None:
    """With one clock and no main clock yet, that one is it."""
    assert xs.create_setup(MODEL, {"t": [0, 1]}).xsim.main_clock_dim == "t"
    assert xr.Dataset().xsim.update_clocks(MODEL, {"t": [0, 1]}).xsim.main_clock_dim == "t"


@pytest.mark.parametrize("calendar, year", [(None, 2001), ("360_day", 2000)])
def test_clocks_with_units(calendar: str | None, year: int) -> None:
    """`main_clock` may be a dict; such clocks are numbers in the setup and decoded dates in the result."""
    main = {"dim": "t", "units": "days since 2000-01-01"} | ({"calendar": calendar} if calendar else {})
    setup = xs.create_setup(MODEL, {"t": [0, 359, 366], "o": [0, 366]}, main, None, {"profile__u": "o"})
    result = setup.xsim.run(MODEL)

    assert setup.t.values.tolist() == [0, 359, 366]
    for clock in ("t", "o"):
        assert plain(setup[clock].attrs) == {k: v for k, v in main.items() if k != "dim"}
        assert result[clock].dt.year[-1] == 2001
    assert result.t.dt.year[0] == 2000
    assert result.t.dt.month[1] == 12


def test_filter_and_reset_vars() -> None:
    """`filter_vars` drops what the model does not know; `reset_vars` fills in defaults."""
    setup = make({"profile__k": 5.0}, {"profile__u": "o", "grid__x": None}).assign(other__v=1, mine=("z", [1]))
    grid = xs.Model({"grid": Grid})
    filtered = setup.xsim.filter_vars(grid)

    assert set(filtered.variables) == {"t", "o", "grid__n"}
    assert dict(filtered.xsim.output_vars) == {("grid", "x"): None}
    reset = setup.xsim.reset_vars(MODEL)
    assert (float(reset.profile__k), int(reset.grid__n), int(reset.other__v)) == (2.0, 3, 1)


@pytest.mark.parametrize(
    "value, dims, final",
    [
        (3, (), 9.0),
        ([1.0, 2.0, 3.0], ("x",), 9.0),
        (np.ones((2, 3)), ("y", "x"), 3.0),
        (("t", [1.0, 2.0, 3.0, 99.0]), ("t",), 6.0),
        ((("t", "x"), np.ones((4, 3))), ("t", "x"), 3.0),
        (("x", [5.0, 6.0, 7.0], {"origin": "map"}), ("x",), 21.0),
        (xr.DataArray([1.0, 2.0, 4.0], dims="x", attrs={"origin": "map"}), ("x",), 12.0),
        (xr.Variable("x", [1.0, 2.0, 4.0]), ("x",), 12.0),
    ],
)
def test_input_values(value: Any, dims: tuple[str, ...], final: float) -> None:
    """A value is a scalar, an array, `(dims, data, attrs)` or an xarray object; dims follow from their number."""
    setups = [make(given) for given in ({"profile": {"k": value}}, {("profile", "k"): value}, {"profile__k": value})]
    result = setups[0].xsim.update_vars(MODEL, output_vars={"profile__u": None}).xsim.run(MODEL)

    assert setups[0].identical(setups[1])
    assert setups[0].identical(setups[2])
    assert setups[0].profile__k.dims == dims
    assert plain(setups[0].profile__k.attrs).items() >= {"description": "gain", "units": "1"}.items()
    assert result.profile__u.values.tolist() == [final] * 3


def test_output_values() -> None:
    """Output values are a clock's name, or None: once, at the end."""
    result = make(None, {"profile": {"u": "t"}, ("profile", "double"): None}).xsim.run(MODEL)

    assert result.profile__u.dims == ("t", "x")
    assert result.profile__double.dims == ("x",)
    assert result.profile__double.dtype == np.float32


def test_inputs_static_variables_and_indexes_as_outputs() -> None:
    """Inputs and static variables are valid output requests."""
    result = make({"profile__k": ("t", [1.0, 2.0, 3.0, 4.0])}, {"profile__k": "o", "grid__n": "t"}).xsim.run(MODEL)

    assert result.profile__k.values.tolist() == [1.0, 3.0]
    assert result.grid__n.values.tolist() == [3, 3, 3, 3]


def test_positional_arguments() -> None:
    """`create_setup` and `run(model, ...)` take their arguments by position, in the old order."""
    setup = xs.create_setup(MODEL, CLOCKS, "t", {"profile__k": 1.0}, {"profile__u": None}, False)
    setup = setup.xsim.update_vars(MODEL, {"grid__n": 3}, None)
    result = setup.xsim.run(MODEL, None, "strict", "inputs", None, None, None, None, False, None, True)

    assert result.profile__u.values.tolist() == [3.0] * 3


def test_master_clock_is_an_alias() -> None:
    """`master_clock=` stays as a deprecated alias everywhere."""
    with pytest.warns(FutureWarning, match="master_clock= is deprecated; use main_clock="):
        setup = xs.create_setup(MODEL, CLOCKS, master_clock="t")
    with pytest.warns(FutureWarning, match="master_clock= is deprecated; use main_clock="):
        updated = setup.xsim.update_clocks(MODEL, {"t": [0, 1, 2, 3]}, master_clock="t")
    with pytest.warns(FutureWarning, match="master_clock_dim is deprecated"):
        assert setup.xsim.master_clock_dim == "t"
    with pytest.warns(FutureWarning, match="master_clock_coord is deprecated"):
        assert updated.xsim.master_clock_coord.values.tolist() == [0, 1, 2, 3]


def test_none_survives_setup_and_store(tmp_path: Any) -> None:
    """`None` as an input's default survives the setup and the store."""
    seen = []

    @xs.process
    class Takes:
        v = xs.variable(default=None)

        def initialize(self) -> None:
            seen.append(self.v)

    model = xs.Model({"p": Takes})
    setup = xs.create_setup(model, {"t": [0, 1]})
    result = setup.xsim.run(model, store=tmp_path / "run.zarr")
    setup.to_netcdf(tmp_path / "setup.nc")
    with xr.open_dataset(tmp_path / "setup.nc") as again:
        again.xsim.run(model)
    result.xsim.run(model)
    xr.open_zarr(tmp_path / "run.zarr").xsim.run(model)

    assert seen == [None] * 4


def test_batches_select_by_position_without_labels() -> None:
    """Text labels and batches without a coordinate select by position."""
    values = {"profile__k": ("run", [3.0, 1.0])}
    setup = make(values, {"profile__u": None})
    labelled = setup.assign_coords(run=["z", "a"])

    assert setup.xsim.run(MODEL, batch_dim="run").profile__u[:, 0].values.tolist() == [9.0, 3.0]
    assert labelled.xsim.run(MODEL, batch_dim="run").profile__u.sel(run="a").values.tolist() == [3.0] * 3


@pytest.mark.parametrize(
    "how",
    [{}, {"parallel": True}, {"parallel": True, "scheduler": "processes", "workers": 2}],
    ids=["sequential", "threads", "processes"],
)
@pytest.mark.parametrize("stored", [False, True], ids=["memory", "stored"])
def test_repetitions(stored: bool, how: dict[str, Any], tmp_path: Any) -> None:
    """A coordinate alone makes a batch, of repetitions that differ in what they draw."""

    @xs.process
    class Draws:
        v = xs.variable(default=1.0)
        place = xs.variable(intent="out")
        drawn = xs.variable(intent="out")

        @xs.runtime(args="batch, rng")
        def run_step(self, batch: int, rng: np.random.Generator) -> None:
            self.place, self.drawn = batch + self.v, rng.random()

    model = xs.Model({"p": Draws})
    setup = xs.create_setup(model, {"t": [0, 1]}, output_vars={"p__place": None, "p__drawn": "t"})
    setup = setup.assign_coords(run=["b", "a", "c"])
    where = {"store": tmp_path / "run.zarr"} if stored else {}
    result = setup.xsim.run(model, batch_dim="run", seed=1, **how, **where)

    assert (result.p__place.dims, result.p__place.values.tolist()) == (("run",), [1.0, 2.0, 3.0])
    assert result.p__drawn.dims == ("run", "t")
    assert np.unique(result.p__drawn).size == 3
    assert result.run.values.tolist() == ["b", "a", "c"]
