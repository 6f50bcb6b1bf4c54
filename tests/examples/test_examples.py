"""The examples reach their known answers, and run as scripts."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import matplotlib
import networkx
import numpy as np
import pytest
import xarray as xr

import xsim as xs

EXAMPLES = Path(__file__).parents[2] / "examples"


def load(name: str) -> ModuleType:
    """Import an example by its path."""
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, EXAMPLES / f"{name}.py")
        assert spec is not None
        assert spec.loader is not None
        sys.modules[name] = module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
    return sys.modules[name]


@pytest.fixture(autouse=True)
def headless(monkeypatch: pytest.MonkeyPatch) -> None:
    """Draw without a screen."""
    matplotlib.use("Agg")


def test_steady_ridge() -> None:
    """A ridge under uplift and creep ends as the parabola of 1250 m, and sheds what is uplifted."""
    ridge = load("landscape").hillslope_profile()
    elevation = ridge.surface__elevation[0]
    assert float(elevation.max()) == pytest.approx(1250, abs=0.01)
    np.testing.assert_allclose(elevation, 0.005 * ridge.x * (1000 - ridge.x), atol=0.01)
    assert float(ridge.hillslopes__export) == pytest.approx(float(ridge.uplift__motion.sum()) * 100, rel=1e-5)


def test_landscape_in_part() -> None:
    """A corner of the real elevation model keeps its mass balance and its edges through a few steps."""
    example = load("landscape")
    dem = example.load_dem()[:60, :80]
    result = example.landscape_setup(dem, 6e-6).xsim.run(example.build_model())
    assert abs(example.balance(result)) < 1e-9
    elevation = result.surface__elevation.values
    edge = result.grid__base_level.values
    assert edge.dtype == bool
    np.testing.assert_array_equal(elevation[-1][edge], elevation[0][edge])


def test_sweep_in_part() -> None:
    """A small sweep in threads refuses the impossible member; the others are whole, and equal single runs."""
    example = load("landscape")
    dem = example.load_dem()[:60, :80]
    setup = example.sweep_setup(dem, (0.05, 0.25), (3e-6, 6e-6), duration=1e5, steps=5)
    with pytest.warns(xs.BatchWarning, match="3 of 4 members done, 1 failed"):
        result = setup.xsim.run(
            example.build_model(), batch_dim=example.SWEPT, parallel=True, scheduler="threads", on_error="continue"
        )
    assert result.xsim.outcome.values.tolist() == [["done", "done"], ["done", "failed"]]
    assert result.xsim_reason[1, 1] == "ValueError: diffusivity is -0.25 m2/yr: soil would creep uphill"
    assert result.surface__elevation.dims == ("diffusivity", "erodibility", "snapshot", "y", "x")
    for member in list(example.members(result))[:3]:
        k, d = float(member.erodibility), float(member.diffusivity)
        single = example.landscape_setup(dem, k, d, duration=1e5, steps=5).xsim.run(example.build_model())
        np.testing.assert_array_equal(member.surface__elevation, single.surface__elevation)
    example.check(result, example.hillslope_profile())
    assert example.summarize(result).count("done") == 3


@pytest.mark.slow
def test_landscape_as_a_script(tmp_path: Path) -> None:
    """The main demo makes a store that opens with plain xarray, a table and two figures; one member is impossible."""
    command = [sys.executable, str(EXAMPLES / "landscape.py"), "--out", str(tmp_path)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "MPLBACKEND": "Agg"}
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, env=environment)
    assert done.returncode == 0, done.stderr
    assert "all checks passed" in done.stdout
    assert "BatchWarning: 8 of 9 members done, 1 failed" in done.stderr
    for figure in ("sweep.png", "landscape.png"):
        assert (tmp_path / figure).stat().st_size > 100_000
    assert [store.name for store in tmp_path.glob("*.zarr")] == ["sweep.zarr"]
    result = xr.open_zarr(tmp_path / "sweep.zarr").load()
    assert result.surface__elevation.dims == ("diffusivity", "erodibility", "snapshot", "y", "x")
    assert {"diffusivity", "erodibility", "snapshot", "time", "x", "y"} == set(result.coords)
    failed = result.xsim_outcome == "failed"
    assert np.argwhere(failed.values).tolist() == [[2, 2]]
    assert "soil would creep uphill" in str(result.xsim_reason[2, 2].item())
    assert (result.xsim_outcome.where(~failed, "done") == "done").all()
    assert (result.surface__elevation.isnull().any(("snapshot", "y", "x")) == failed).all()


def test_advection() -> None:
    """The pulse arrives where it should, as high as the scheme leaves it, whatever the order of the cases."""
    example = load("advection")
    result = example.run_all()
    known = {"c": (1.30, 1.0000), "a": (0.80, 0.6319), "b": (0.50, 0.5846)}
    for case, (position, height) in known.items():
        measured = example.measure(result, case)
        assert measured["position"] == pytest.approx(position, abs=1e-9)
        assert measured["height"] == pytest.approx(height, abs=5e-5)
        assert measured["mass error"] < 1e-14
        assert measured["mode error"] < 1e-14


def test_advection_as_a_script(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The advection example prints its checks and draws its figure."""
    load("advection").main(["--out", str(tmp_path)])
    assert "all checks passed" in capsys.readouterr().out
    assert (tmp_path / "advection.png").exists()


def test_glider() -> None:
    """A glider moves by (1, 1) every 4 generations and is back after 80 on a 20 x 20 torus."""
    example = load("life")
    result = example.glider_setup().xsim.run(example.build_model())
    cells = result.board__cells
    start = cells.isel(generation=0).values
    assert start.sum() == 5
    for generation in range(4, 81, 4):
        moved = np.roll(start, (generation // 4, generation // 4), axis=(0, 1))
        np.testing.assert_array_equal(cells.sel(generation=generation).values, moved)
    np.testing.assert_array_equal(cells.sel(generation=80).values, start)


def test_r_pentomino() -> None:
    """The R-pentomino has 118 cells at generation 1102, and 116 from 1103 on."""
    example = load("life")
    result = example.r_pentomino_setup().xsim.run(example.build_model())
    population = result.board__population
    assert population.dtype.kind == "i"
    assert int(population.sel(generation=1102)) == 118
    assert (population.sel(generation=slice(1103, None)) == 116).all()


def test_life_as_a_script(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The Game of Life example prints its checks and draws its figure."""
    load("life").main(["--out", str(tmp_path)])
    assert "all checks passed" in capsys.readouterr().out
    assert (tmp_path / "life.png").exists()


def snow_by_hand(melt_factor: float, recession: float) -> tuple[list[float], list[float]]:
    """Compute snow and runoff of each day without xsim."""
    snow = ground = 0.0
    snows, runoffs = [], []
    for day in load("snow_runoff").seattle_weather()[:-1].itertuples():
        temperature = day.temperature - 6.5e-3 * 1200
        snow += day.precipitation if temperature < 0 else 0
        melt = min(melt_factor * max(temperature, 0), snow)
        snow -= melt
        inflow = melt + (0 if temperature < 0 else day.precipitation)
        before = ground
        ground = inflow / recession + (before - inflow / recession) * np.exp(-recession)
        snows.append(snow)
        runoffs.append(before + inflow - ground)
    return snows, runoffs


def test_snow_and_runoff() -> None:
    """Each member of the snow example equals the same days by hand, and its water balance closes to 1e-12."""
    example = load("snow_runoff")
    result = example.sweep_setup().xsim.run(example.build_model(), batch_dim=example.SWEPT)
    example.check(result)
    assert result.ground__runoff.dims == ("melt_factor", "recession", "time")
    for melt_factor in example.MELT_FACTORS:
        for recession in example.RECESSIONS:
            member = result.sel(melt_factor=melt_factor, recession=recession)
            snow, runoff = snow_by_hand(melt_factor, recession)
            np.testing.assert_allclose(member.snow__storage[:-1], snow, rtol=1e-9, atol=1e-9)
            np.testing.assert_allclose(member.ground__runoff[:-1], runoff, rtol=1e-9, atol=1e-9)


def test_snow_notices_lost_water() -> None:
    """The check of the snow example finds a thousandth of a millimetre that is missing in one member."""
    example = load("snow_runoff")
    result = example.sweep_setup().xsim.run(example.build_model(), batch_dim=example.SWEPT)
    result["snow__storage"][1, 2, -1] += 1e-3
    with pytest.raises(AssertionError, match="water balance is off by"):
        example.check(result)


def test_snow_as_a_script(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The snow example prints the snowpack of each year and draws its figure."""
    load("snow_runoff").main(["--out", str(tmp_path)])
    printed = capsys.readouterr().out
    assert "          2         263         114          30\n" in printed
    assert "all checks passed" in printed
    assert (tmp_path / "snow_runoff.png").exists()


def test_random_graph() -> None:
    """Edges are pairs of different nodes, none twice, each pair equally likely; a complete graph has all pairs."""
    example = load("percolation")
    rng = np.random.default_rng(1)
    assert sorted(map(tuple, example.draw_edges(5, 4.0, rng).tolist())) == [(i, j) for i in range(5) for j in range(i)]
    found = np.zeros((6, 6))
    for _ in range(2000):
        edges = example.draw_edges(6, 2.0, rng)
        np.add.at(found, tuple(edges.T), 1)
    assert np.unique(found[np.triu_indices(6)]).tolist() == [0]
    pairs = found[np.tril_indices(6, -1)]
    assert abs(pairs - 800).max() < 5 * np.sqrt(2000 * 0.4 * 0.6)


def test_clusters_against_networkx() -> None:
    """Sizes of clusters are those that networkx finds."""
    example = load("percolation")
    edges = example.draw_edges(500, 1.2, np.random.default_rng(1))
    graph = networkx.Graph(edges.tolist())
    graph.add_nodes_from(range(500))
    known = sorted(map(len, networkx.connected_components(graph)))
    assert sorted(example.cluster_sizes(500, edges).tolist()) == known
    assert known[-1] > 50


def test_share_of_an_endless_graph() -> None:
    """The prediction solves S = 1 - exp(-4 phi S), is 0 up to the threshold, and not above it."""
    phi = np.linspace(0, 1, 201)
    share = load("percolation").predict(phi)
    np.testing.assert_allclose(share, 1 - np.exp(-4 * phi * share), rtol=0, atol=1e-14)
    np.testing.assert_array_equal(share > 0, phi > 0.25)
    known = {0.30: 0.3137, 0.40: 0.6420, 0.50: 0.7968, 0.75: 0.9405, 1.0: 0.9802}
    assert load("percolation").predict(np.array(list(known))).round(4).tolist() == list(known.values())


@pytest.fixture(scope="module")
def percolated() -> xr.Dataset:
    """Run all members of the percolation example, one after the other."""
    example = load("percolation")
    return example.sweep_setup().xsim.run(example.build_model(), batch_dim=example.SWEPT, seed=example.SEED)


def test_percolation(percolated: xr.Dataset) -> None:
    """Means over 20 repetitions are those of the endless graph, and no cluster is large below the threshold."""
    assert dict(percolated.sizes) == {"phi": 21, "repetition": 20}
    load("percolation").check(percolated)


@pytest.mark.parametrize(
    ("phi", "shift", "message"),
    [(0.5, 0.01, "phi 0.5: 0.8"), (1.0, -0.003, "phi 1.0: 0.97"), (0.2, 0.003, "phi 0.2: a cluster of 0.0")],
)
def test_percolation_notices_a_shift(percolated: xr.Dataset, phi: float, shift: float, message: str) -> None:
    """The check of the percolation example finds a share that is too large or too small at one phi."""
    shifted = percolated.copy(deep=True)
    shifted["clusters__largest"].loc[{"phi": phi}] += shift
    with pytest.raises(AssertionError, match=message):
        load("percolation").check(shifted)


def test_more_repetitions(tmp_path: Path) -> None:
    """Repetitions that are added later have the bits of a sweep in one go, and leave those that are there alone."""
    example = load("percolation")

    def go_on(repetitions: int, **where: Any) -> xr.Dataset:
        setup = example.sweep_setup(repetitions, phis=(0.2, 0.3, 1.0), nodes=500)
        return setup.xsim.run(example.build_model(), batch_dim=example.SWEPT, seed=3, **where).load()

    store = {"store": tmp_path / "sweep.zarr", "resume": True}
    first, added, again = go_on(4, **store), go_on(7, **store), go_on(7, **store)
    xs.testing.assert_identical_runs(added, go_on(7))
    assert np.unique(added.clusters__number[1]).size == 7
    np.testing.assert_array_equal(added.xsim_end[:, :4], first.xsim_end)
    np.testing.assert_array_equal(again.xsim_end, added.xsim_end)


def test_impossible_probability() -> None:
    """A probability above 1 fails in its own repetitions alone."""
    example = load("percolation")
    setup = example.sweep_setup(2, phis=(0.5, 1.05, 1.0), nodes=100)
    with pytest.warns(xs.BatchWarning, match="4 of 6 members done, 2 failed"):
        result = setup.xsim.run(example.build_model(), batch_dim=example.SWEPT, on_error="continue")
    assert result.xsim.outcome.values.tolist() == [["done"] * 2, ["failed"] * 2, ["done"] * 2]
    assert result.clusters__largest.isnull().values.tolist() == [[False] * 2, [True] * 2, [False] * 2]


@pytest.mark.slow
def test_percolation_as_a_script(tmp_path: Path) -> None:
    """The percolation example computes 420 members at the first start, none at the second, and prints the same."""
    command = [sys.executable, str(EXAMPLES / "percolation.py"), "--out", str(tmp_path)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "MPLBACKEND": "Agg"}
    printed = []
    for computed in (420, 0):
        done = subprocess.run(command, capture_output=True, text=True, timeout=300, env=environment)
        assert done.returncode == 0, done.stderr
        table, _, end = done.stdout.partition(f"{computed} of 420 members computed now")
        assert "all checks passed" in end
        printed.append(table)
    assert printed[0] == printed[1]
    assert (tmp_path / "percolation.png").stat().st_size > 20_000
    result = xr.open_zarr(tmp_path / "sweep.zarr")
    assert result.clusters__largest.dims == ("phi", "repetition")
    assert set(result.coords) == {"phi", "repetition"}
