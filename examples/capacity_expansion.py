"""Which power plants to build: a planning model solved by an external program, in many scenarios.

In each hour of a year the load has to be met. Plants of three technologies can be built, at a fixed cost a year for
each megawatt, and run, at a variable cost for each megawatt-hour; what is not met costs 5,000 $/MWh. The least cost is
the solution of a linear program with a capacity for each technology and a generation for each technology and hour.

The load falls from 1,000 MW by 0.06 MW an hour, as a load duration curve does. Then the best capacities follow from
screening curves [1]_ alone: a plant is worth building where it runs as many hours as make up for its fixed cost. That
gives 794.29, 152.38 and 52.84 MW; the program, whose hours are steps, gives 794.29, 152.40 and 52.80 MW at a cost of
251.159401 million $ a year.

Each member of the batch writes its costs and loads into a folder of its own, links the matrix that all share, and runs
HiGHS [2]_ as another process, within the threads that the run allows it. Run the file for 4 fuel prices at 5 demands,
and a scenario that may build too little, which no plan can meet::

    python examples/capacity_expansion.py --out build/capacity

References
----------
.. [1] Stoft (2002), Power System Economics, IEEE Press & Wiley, part 2.
.. [2] Huangfu & Hall (2018), Parallelizing the dual revised simplex method, Math. Prog. Comp. 10,
   doi:10.1007/s12532-017-0130-5.
"""

from __future__ import annotations

import argparse
import importlib.util
import itertools
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from scipy.sparse import csc_array, eye_array, hstack, save_npz, vstack

import xsim as xs

Floats = NDArray[np.float64]

RUNNER = Path(__file__).with_name("highs_runner.py")
HOURS = 8760
TECHNOLOGIES = ("base", "mid", "peak")
FIXED_COSTS = (200e3, 80e3, 40e3)  # $/MW of a year
VARIABLE_COSTS = (10.0, 45.0, 90.0)  # $/MWh
LOST_LOAD_COST = 5000.0  # $/MWh
FUEL_PRICES = (0.75, 1.0, 1.5, 2.0)
DEMANDS = (0.9, 1.0, 1.1, 1.2, 1.3)
EXACT_COST = 251.159401  # million $
EXACT_CAPACITIES = (794.29, 152.40, 52.80)  # MW


@xs.process
class Load:
    """The load of each hour, highest first."""

    hours = xs.variable(default=HOURS, static=True, description="number of intervals of the year", attrs={"units": "1"})
    demand = xs.variable(default=1.0, static=True, description="all loads, relative", attrs={"units": "1"})
    load = xs.variable(dims="hour", intent="out", description="load at mid-interval", attrs={"units": "MW"})

    def initialize(self) -> None:
        hour = (np.arange(int(self.hours)) + 0.5) * (HOURS / int(self.hours))
        self.load = self.demand * (1000 - 0.06 * hour)


@xs.process
class Plants:
    """What plants cost."""

    technology = xs.index(dims="technology", description="what can be built")
    fixed_cost = xs.variable(dims="technology", static=True, attrs={"units": "$/MW/year"})
    variable_cost = xs.variable(dims="technology", static=True, attrs={"units": "$/MWh"})
    fuel_price = xs.variable(default=1.0, static=True, description="relative price of fuel", attrs={"units": "1"})
    marginal_cost = xs.variable(dims="technology", intent="out", attrs={"units": "$/MWh"})

    def initialize(self) -> None:
        self.technology = np.array(TECHNOLOGIES)
        self.marginal_cost = np.asarray(self.variable_cost) * self.fuel_price


@xs.process
class Plan:
    """The cheapest plan, found by an external program."""

    load = xs.foreign(Load, "load")
    fixed_cost = xs.foreign(Plants, "fixed_cost")
    marginal_cost = xs.foreign(Plants, "marginal_cost")
    matrix = xs.variable(static=True, description="file of the matrix, which all members share")
    most_built = xs.variable(
        default=np.inf, static=True, description="all capacity at the most; a plan must meet all load then"
    )
    options = xs.variable(default="", static=True, description="options of HiGHS, name=value, separated by spaces")
    status = xs.variable(intent="out", description="what HiGHS says of the plan")
    capacity = xs.variable(dims="technology", intent="out", description="what to build", attrs={"units": "MW"})
    cost = xs.variable(intent="out", description="cost of a year", attrs={"units": "million $"})

    @xs.runtime(args="job")
    def run_step(self, job: xs.Job) -> Any:
        job.link(str(self.matrix), "matrix.npz")
        vectors = plan_vectors(self.load, self.fixed_cost, self.marginal_cost, float(self.most_built))
        np.savez(job.scratch / "vectors.npz", **vectors)
        command = [sys.executable, RUNNER, "matrix.npz", "vectors.npz", "solution.npz", "--threads", str(job.threads)]
        options = [word for option in str(self.options).split() for word in ("--option", option)]
        job.run([*command, *options], produces="solution.npz", progress=HighsLog())
        solution = np.load(job.scratch / "solution.npz")
        self.status = str(solution["status"])
        solved = self.status == "Optimal"
        self.capacity = solution["x"][: len(TECHNOLOGIES)] if solved else np.full(len(TECHNOLOGIES), np.nan)
        self.cost = float(solution["objective"]) if solved else np.nan
        if self.status == "Time limit reached":
            raise xs.errors.TimeLimitError("HiGHS stopped at its time limit", got=str(self.options))
        return None if solved else xs.stop(self.status.lower())


class HighsLog:
    """Reads phase and progress off the log of HiGHS, whose methods count what is left to be done in their own ways."""

    PHASES = (
        ("Presolving", "presolve"),
        ("Using dual simplex", "dual simplex"),
        ("Using primal simplex", "primal simplex"),
        ("Interior point solve", "interior point"),
        ("Running crossover", "crossover"),
        ("Solving with cuPDLP", "PDLP"),  # whose errors rise and fall: nobody knows how much is left
        ("Model status", "end"),
    )
    SIMPLEX = re.compile(r"^\s*\d+\s+\S+ (?:Ph1|Pr|Du): (\d+)\(")
    INTERIOR = re.compile(r"^\s*\d+\*?(?:\s+\S+){4}\s+(\d\.\d+e[+-]\d+)\s+[\d.]+s?\s*$")

    def __init__(self) -> None:
        self._worst = 0

    def __call__(self, line: str) -> tuple[str, float | None] | float | None:
        for beginning, phase in self.PHASES:
            if line.lstrip().startswith(beginning):
                return phase, 1.0 if phase == "end" else None
        if found := self.SIMPLEX.match(line):
            infeasible = int(found[1])
            self._worst = max(self._worst, infeasible)
            return 1 - infeasible / self._worst if self._worst else None
        if found := self.INTERIOR.match(line):
            # The relative gap falls by powers of ten, to 1e-8.
            return float(np.clip(-np.log10(max(float(found[1]), 1e-8)) / 8, 0, 1))
        return None


def plan_matrix(hours: int) -> csc_array:
    """Return the matrix of the program.

    Columns are capacities (technology), generation (technology, hour) and lost load (hour). Rows are the balance of
    each hour, the limit of each plant in each hour, (technology, hour), and the sum of all capacities.
    """
    count, each = len(TECHNOLOGIES), eye_array(hours)
    nothing = csc_array((hours, hours))
    balance = hstack([csc_array((hours, count)), *[each] * count, each])
    limits = []
    for number in range(count):
        built = csc_array((-np.ones(hours), (np.arange(hours), np.full(hours, number))), shape=(hours, count))
        limits.append(hstack([built, *[each if i == number else nothing for i in range(count)], nothing]))
    width = count * (1 + hours) + hours
    total = csc_array((np.ones(count), (np.zeros(count, int), np.arange(count))), shape=(1, width))
    return csc_array(vstack([balance, *limits, total]))


def plan_vectors(load: Floats, fixed: Floats, marginal: Floats, most_built: float) -> dict[str, Floats]:
    """Return the vectors of the program; costs in million $, from loads (hour) and costs (technology)."""
    hours, count = load.size, len(TECHNOLOGIES)
    width = HOURS / hours  # hours of an interval
    met = np.isfinite(most_built)
    return {
        "cost": np.concatenate(
            [fixed, np.repeat(np.asarray(marginal) * width, hours), np.full(hours, LOST_LOAD_COST * width)]
        )
        / 1e6,
        "lower": np.zeros(count * (1 + hours) + hours),
        "upper": np.concatenate([np.full(count * (1 + hours), np.inf), np.full(hours, 0.0 if met else np.inf)]),
        "row_lower": np.concatenate([load, np.full(count * hours + 1, -np.inf)]),
        "row_upper": np.concatenate([np.full(hours, np.inf), np.zeros(count * hours), [most_built]]),
    }


def build_model() -> xs.Model:
    """Return the planning model; it has no clock."""
    return xs.Model({"load": Load, "plants": Plants, "plan": Plan})


def base_setup(matrix: Path, hours: int = HOURS) -> xr.Dataset:
    """Write the matrix that all members share, and set up the plan for the prices and loads of today."""
    save_npz(matrix, plan_matrix(hours))
    return xs.create_setup(
        model=build_model(),
        input_vars={
            "load__hours": hours,
            "plants__fixed_cost": ("technology", list(FIXED_COSTS)),
            "plants__variable_cost": ("technology", list(VARIABLE_COSTS)),
            "plan__matrix": str(matrix),
        },
        output_vars={"plan__status": None, "plan__capacity": None, "plan__cost": None},
    )


def sweep_setup(matrix: Path, hours: int = HOURS) -> xr.Dataset:
    """Set up the scenarios: each fuel price at each demand, and one that may build no more than 500 MW."""
    cases = [(fuel, demand, np.inf) for fuel, demand in itertools.product(FUEL_PRICES, DEMANDS)] + [(1.0, 1.0, 500.0)]
    fuel, demand, most = (list(values) for values in zip(*cases, strict=True))
    names = [f"fuel {f}, demand {d}" + (f", at most {m:.0f} MW" if m < np.inf else "") for f, d, m in cases]
    setup = base_setup(matrix, hours).xsim.update_vars(
        model=build_model(),
        input_vars={
            "plants__fuel_price": ("scenario", fuel),
            "load__demand": ("scenario", demand),
            "plan__most_built": ("scenario", most),
        },
    )
    return setup.assign_coords(scenario=names)


def summarize(result: xr.Dataset) -> str:
    """Tabulate the scenarios: what they cost, what is built, and why there may be nothing."""
    rows = [f"{'scenario':<38}{'cost':>10}" + "".join(f"{name:>9}" for name in TECHNOLOGIES) + "  reason"]
    for scenario in result["scenario"].values:
        member = result.sel(scenario=scenario)
        capacities = "".join(f"{value:9.2f}" for value in member["plan__capacity"].values)
        rows.append(f"{scenario:<38}{float(member['plan__cost']):10.4f}{capacities}  {member['xsim_reason'].item()}")
    return "\n".join(rows)


def check(result: xr.Dataset, hours: int = HOURS) -> None:
    """Compare with the exact plan, and with what follows from it: costs are proportional to demand."""
    assert (result.xsim.outcome == "done").all(), "a scenario has failed"
    *_, last = result["scenario"].values
    assert result["xsim_reason"].sel(scenario=last).item() == "infeasible", "500 MW cannot be enough"
    assert np.isnan(result["plan__cost"].sel(scenario=last))
    costs = result["plan__cost"].values[:-1].reshape(len(FUEL_PRICES), len(DEMANDS))
    today = costs[:, [DEMANDS.index(1.0)]]
    np.testing.assert_allclose(costs, today * np.array(DEMANDS), rtol=1e-9)
    assert (np.diff(costs, axis=0) > 0).all(), "dearer fuel must cost more"
    if hours == HOURS:
        exact = result.sel(scenario="fuel 1.0, demand 1.0")
        np.testing.assert_allclose(exact["plan__cost"], EXACT_COST, atol=5e-7)
        np.testing.assert_allclose(exact["plan__capacity"], EXACT_CAPACITIES, atol=5e-3)


def draw(result: xr.Dataset, path: Path) -> None:
    """Draw what is built in each scenario, by the price of fuel and the demand."""
    import matplotlib.pyplot as plt

    figure, panels = plt.subplots(1, len(FUEL_PRICES), figsize=(9, 3.6), sharey=True, layout="constrained")
    built = result["plan__capacity"].values[:-1].reshape(len(FUEL_PRICES), len(DEMANDS), len(TECHNOLOGIES))
    places = np.arange(len(DEMANDS))
    for number, (axes, price) in enumerate(zip(panels, FUEL_PRICES, strict=True)):
        below = np.zeros(len(DEMANDS))
        for kind, (name, colour) in enumerate(zip(TECHNOLOGIES, ("#3b528b", "#21918c", "#fde725"), strict=True)):
            axes.bar(places, built[number, :, kind], bottom=below, color=colour, width=0.75, label=name)
            below += built[number, :, kind]
        axes.set(title=f"fuel price × {price:g}", xticks=places, xticklabels=[f"{d:g}" for d in DEMANDS])
        axes.spines[["top", "right"]].set_visible(False)
    panels[0].set_ylabel("capacity built (MW)")
    figure.supxlabel("demand, relative", fontsize="medium")
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles[::-1], labels[::-1], loc="outside right center", frameon=False)
    figure.savefig(path, dpi=130)
    plt.close(figure)


def main(argv: Sequence[str] | None = None) -> None:
    """Solve what the store does not have yet, print a table, check, and draw a figure if matplotlib is there."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--out", type=Path, default=Path("build/capacity"), help="output folder")
    parser.add_argument("--hours", type=int, default=HOURS, help="intervals of the year")
    parser.add_argument("--threads", type=int, default=1, help="threads of each solver")
    arguments = parser.parse_args(argv)
    out: Path = arguments.out.absolute()
    out.mkdir(parents=True, exist_ok=True)

    result = (
        sweep_setup(out / "matrix.npz", arguments.hours)
        .xsim.run(
            model=build_model(),
            batch_dim="scenario",
            parallel=True,
            threads_per_worker=arguments.threads,
            store=out / "scenarios.zarr",
            resume=True,
        )
        .load()
    )
    print(summarize(result))
    check(result, arguments.hours)
    print("all checks passed")
    if importlib.util.find_spec("matplotlib"):
        draw(result, out / "capacity.png")


if __name__ == "__main__":
    main()
