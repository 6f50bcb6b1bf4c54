"""The planning examples reach their known answers, with solvers in processes of their own."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import matplotlib
import numpy as np
import pytest

import xsim as xs

EXAMPLES = Path(__file__).parents[2] / "examples"
HOURS = 438  # a twentieth of a year


@pytest.fixture(autouse=True)
def beside(monkeypatch: pytest.MonkeyPatch) -> None:
    """Examples find each other, and draw without a screen."""
    monkeypatch.syspath_prepend(str(EXAMPLES))
    matplotlib.use("Agg")


def load(name: str) -> ModuleType:
    """Import an example."""
    return importlib.import_module(name)


@pytest.mark.slow
def test_scenarios(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Costs are proportional to demand, the impossible scenario is labelled so, and a figure is drawn."""
    load("capacity_expansion").main(["--out", str(tmp_path), "--hours", str(HOURS)])
    printed = capsys.readouterr().out
    assert printed.endswith("all checks passed\n")
    impossible = "fuel 1.0, demand 1.0, at most 500 MW nan nan nan nan infeasible"
    assert " ".join(printed.splitlines()[-2].split()) == impossible
    assert (tmp_path / "capacity.png").stat().st_size > 10_000
    assert not (tmp_path / "scenarios.zarr.scratch").exists()


@pytest.mark.slow
def test_the_exact_plan(tmp_path: Path) -> None:
    """The year in hours costs 251.159401 million $, with 794.29, 152.40 and 52.80 MW (DEMOS 5)."""
    example = load("capacity_expansion")
    plan = example.base_setup(tmp_path / "matrix.npz").xsim.run(example.build_model())
    np.testing.assert_allclose(plan.plan__cost, 251.159401, atol=5e-7)
    np.testing.assert_allclose(plan.plan__capacity, [794.29, 152.40, 52.80], atol=5e-3)


@pytest.mark.slow
def test_profiles(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Exact methods agree, the profile without time is timed out, the one with a wrong option failed (DEMOS 6)."""
    load("solver_profiles").main(["--out", str(tmp_path), "--hours", "1460"])
    assert capsys.readouterr().out.endswith("all checks passed\n")
    assert (tmp_path / "profiles.png").stat().st_size > 10_000


def test_transport() -> None:
    """Dantzig's transport problem costs 153.675 thousand dollars (DEMOS 6)."""
    assert load("solver_profiles").transport_cost() == pytest.approx(153.675, rel=1e-12)


LOG = """
Presolving model
Using dual simplex solver
  Iteration        Objective     Infeasibilities num(sum)
          0     0.0000000000e+00 Pr: 2190(1.61447e+06) 0.1s
       1791     2.5115933120e+02 Pr: 219(1.0e+03) 0.2s
Interior point solve
 Iter       primal obj         dual obj       pinf       dinf       gap      time
   0    6.64013574e+03   6.69401564e+03   4.93e-01   1.26e+00  8.08e+03       0.1
  17*   2.51159331e+02   2.51159331e+02   1.04e-16   5.90e-15  1.00e-02       0.5
  18*   2.51159331e+02   2.51159331e+02   1.04e-16   5.90e-15  0.00e+00       0.5
Running crossover as requested
Solving with cuPDLP-C
     Iter       Primal.Obj         Dual.Obj        Gap  Primal.Inf  Dual.Inf    Time
        0  +0.00000000e+00  +0.00000000e+00  +0.00e+00    1.00e+00  0.00e+00   0.00s [L]
     4000  +2.51158974e+02  +2.51003336e+02  +3.09e-04    2.94e-07  1.94e-06   0.00s [A]
Model status        : Optimal
PDLP      iterations: 4000
"""


def test_the_log_of_highs() -> None:
    """Phase and fraction are read off the log."""
    read = load("capacity_expansion").HighsLog()
    told = [read(line) for line in LOG.splitlines() if line]
    assert [each for each in told if each is not None] == [
        *[("presolve", None), ("dual simplex", None), 0.0, pytest.approx(0.9)],
        *[("interior point", None), 0.0, pytest.approx(0.25), 1.0, ("crossover", None)],
        *[("PDLP", None), ("end", 1.0)],
    ]


def test_process_classes(tmp_path: Path) -> None:
    """The classes do what they declare (`xs.testing`)."""
    example = load("capacity_expansion")
    xs.testing.check_process(example.Load, inputs={"hours": 24})
    costs = {"fixed_cost": np.array(example.FIXED_COSTS), "variable_cost": np.array(example.VARIABLE_COSTS)}
    xs.testing.check_process(example.Plants, inputs=costs)
    example.base_setup(tmp_path / "matrix.npz", 24)
    plan = xs.testing.run_process(
        example.Plan,
        {
            "load": np.linspace(999, 475, 24),
            "fixed_cost": costs["fixed_cost"],
            "marginal_cost": costs["variable_cost"],
            "matrix": str(tmp_path / "matrix.npz"),
        },
    )
    assert plan.status == "Optimal"
    assert plan.capacity.sum() == pytest.approx(999)
