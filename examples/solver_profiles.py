"""Which options of a solver are best: one planning model, solved under several profiles.

Each member of the batch solves the program of `capacity_expansion` with options of its own: the simplex methods, the
interior point method with and without crossover, and the first-order method PDLP. One profile has no more than 0.1 s,
and one has an option that HiGHS does not know: they come out as timed out and as failed, and disturb nobody. Watch the
phases of each solver while it runs::

    python examples/solver_profiles.py --out build/profiles --live

The exact methods agree to 1e-6 of the cost. With ``--dantzig`` it first solves the transport problem of Dantzig's book
[1]_, whose least cost is 153.675 thousand dollars.

References
----------
.. [1] Dantzig (1963), Linear Programming and Extensions, Princeton University Press, section 3-3.
"""

from __future__ import annotations

import argparse
import importlib.util
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import xarray as xr
from capacity_expansion import RUNNER, base_setup, build_model
from scipy.sparse import csc_array, save_npz

import xsim as xs
from xsim.monitoring import LiveStatus

HOURS = 2190
EXACT = ("dual simplex", "primal simplex", "interior point")
PROFILES = {
    "dual simplex": "solver=simplex simplex_strategy=1",
    "primal simplex": "solver=simplex simplex_strategy=4",
    "interior point": "solver=ipm run_crossover=on",
    "without crossover": "solver=ipm run_crossover=off",
    "PDLP": "solver=pdlp pdlp_optimality_tolerance=1e-5",
    "0.1 seconds": "solver=simplex simplex_strategy=4 time_limit=0.1",
    "bad option": "solver=simplex simplex_stratgy=1",
}
OUTCOMES = {"0.1 seconds": "timed out", "bad option": "failed"}  # of those that are not done
TRANSPORT_COST = 153.675  # thousand dollars


def profile_setup(matrix: Path, hours: int = HOURS) -> xr.Dataset:
    """Set up one plan for each profile."""
    setup = base_setup(matrix, hours).xsim.update_vars(
        model=build_model(), input_vars={"plan__options": ("profile", list(PROFILES.values()))}
    )
    return setup.assign_coords(profile=list(PROFILES))


def transport_cost() -> float:
    """Ship cases from two canneries to three markets at the least cost, in thousand dollars [1]_."""
    distance = np.array([[2.5, 1.7, 1.8], [2.5, 1.8, 1.4]])  # thousand miles (cannery, market)
    plants, markets = distance.shape
    sums = np.zeros((plants + markets, plants * markets))
    for plant in range(plants):
        for market in range(markets):
            sums[[plant, plants + market], plant * markets + market] = 1
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        save_npz(folder / "matrix.npz", csc_array(sums))
        np.savez(
            folder / "vectors.npz",
            cost=90 * distance.ravel() / 1000,  # 90 dollars a case and thousand miles
            lower=np.zeros(plants * markets),
            upper=np.full(plants * markets, np.inf),
            row_lower=[-np.inf, -np.inf, 325, 300, 275],
            row_upper=[350, 600, np.inf, np.inf, np.inf],
        )
        command = [sys.executable, str(RUNNER), "matrix.npz", "vectors.npz", "solution.npz"]
        subprocess.run(command, cwd=folder, check=True, stdout=subprocess.DEVNULL)
        return float(np.load(folder / "solution.npz")["objective"])


def summarize(result: xr.Dataset) -> str:
    """Tabulate the profiles: how they ended, how long they took, and what they found."""
    rows = [f"{'profile':<20}{'outcome':<12}{'seconds':>8}{'cost':>14}  reason"]
    for profile in result["profile"].values:
        member = result.sel(profile=profile)
        reason = member["xsim_reason"].item().partition("\n")[0]
        outcome, seconds = member["xsim_outcome"].item(), float(member["xsim_seconds"])
        rows.append(f"{profile:<20}{outcome:<12}{seconds:8.2f}{float(member['plan__cost']):14.6f}  {reason}")
    return "\n".join(rows)


def check(result: xr.Dataset) -> None:
    """Compare outcomes with what they must be, and costs with each other."""
    for profile, outcome in zip(result["profile"].values, result["xsim_outcome"].values, strict=True):
        assert outcome == OUTCOMES.get(profile, "done"), f"{profile}: {outcome}"
    assert "simplex_stratgy" in result["xsim_reason"].sel(profile="bad option").item(), "the log's end is not there"
    costs = result["plan__cost"]
    exact = costs.sel(profile=list(EXACT)).values
    np.testing.assert_allclose(exact, exact[0], rtol=1e-6)
    np.testing.assert_allclose(costs.sel(profile=["without crossover", "PDLP"]), exact[0], rtol=1e-3)
    assert np.isnan(costs.sel(profile=list(OUTCOMES))).all()


def draw(result: xr.Dataset, path: Path) -> None:
    """Draw how long each profile took, and how it ended."""
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(7.5, 3.4), layout="constrained")
    colours = {"done": "#21918c", "timed out": "#f0a202", "failed": "#b02a30"}
    outcomes = result["xsim_outcome"].values
    bars = axes.barh(result["profile"].values, result["xsim_seconds"].values, color=[colours[o] for o in outcomes])
    axes.bar_label(bars, [o if o != "done" else "" for o in outcomes], padding=4)
    axes.set(xlabel="seconds")
    axes.invert_yaxis()
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=130)
    plt.close(figure)


def main(argv: Sequence[str] | None = None) -> None:
    """Solve under all profiles, print a table, check, and draw a figure if matplotlib is there."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--out", type=Path, default=Path("build/profiles"), help="output folder")
    parser.add_argument("--hours", type=int, default=HOURS, help="intervals of the year: the size of the program")
    parser.add_argument("--live", action="store_true", help="show what each solver is doing")
    parser.add_argument("--dantzig", action="store_true", help="solve Dantzig's transport problem first")
    arguments = parser.parse_args(argv)
    out: Path = arguments.out.absolute()
    out.mkdir(parents=True, exist_ok=True)
    if arguments.dantzig:
        cost = transport_cost()
        np.testing.assert_allclose(cost, TRANSPORT_COST, rtol=1e-12)
        print(f"Dantzig's transport problem costs {cost:.3f} thousand dollars")

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", xs.BatchWarning)  # two profiles are not meant to end well
        result = profile_setup(out / "matrix.npz", arguments.hours).xsim.run(
            model=build_model(),
            batch_dim="profile",
            parallel=True,
            threads_per_worker=1,
            store=out / "profiles.zarr",
            mode="w",
            on_error="continue",
            hooks=[LiveStatus()] if arguments.live else [],
        )
    result = result.load()
    print(summarize(result))
    check(result)
    print("all checks passed")
    if importlib.util.find_spec("matplotlib"):
        draw(result, out / "profiles.png")


if __name__ == "__main__":
    main()
