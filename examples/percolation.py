"""Bonds break and a network falls apart: percolation on random graphs, in many repetitions.

Of the edges of a random graph in which nodes have d neighbours on average [1]_, each is kept with probability phi.
Where an epidemic spreads, phi is the chance that it takes an edge, and a cluster, a set of nodes that kept edges hold
together, is what one ill person infects [2]_. Below phi = 1/d all clusters are small. Above it, one of them has a
share S of all nodes, which on an endless graph obeys

    S = 1 - exp(-d phi S).

Each member of the batch draws its own graph and the edges that are kept. Run the file for 21 values of phi in 20
repetitions each: 420 members in worker processes, into one Zarr store with dimensions ``phi`` and ``repetition``; it
prints a table and draws a figure::

    python examples/percolation.py --out build/percolation

Run it again, and there is nothing left to do. After an interruption, it computes what is missing; with more
``--repetitions``, those that are new.

S differs from graph to graph by sqrt(S (1 - S) / N) / (1 - d phi (1 - S)) [3]_: by 0.026 for N = 10,000 nodes at
phi = 0.30, so the mean of 20 by 0.006. Means are compared with S to four of these standard errors, which nearly all
seeds keep; and to 0.005, and to 0.007 below the threshold, which one in four keeps: the seed is chosen.

References
----------
.. [1] Erdős & Rényi (1960), On the evolution of random graphs, Publ. Math. Inst. Hung. Acad. Sci. 5.
.. [2] Newman (2002), Spread of epidemic disease on networks, Phys. Rev. E 66, doi:10.1103/PhysRevE.66.016128.
.. [3] Stepanov (1970), Phase transitions in random graphs, Theory Probab. Appl. 15(2).
"""

from __future__ import annotations

import argparse
import importlib.util
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.special import lambertw

import xsim as xs

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Edges = NDArray[np.int64]

NODES = 10_000
DEGREE = 4.0  # neighbours of a node, on average
PHIS = np.round(np.linspace(0, 1, 21), 2)  # rounded, to be selected by what one would write
REPETITIONS = 20
SEED = 5
SWEPT = ("phi", "repetition")  # the dimensions of the batch
ANSWERS = {0.30: 0.3137, 0.40: 0.6420, 0.50: 0.7968, 0.75: 0.9405, 1.0: 0.9802}  # S on an endless graph, by phi


@xs.process
class RandomGraph:
    """A random graph: any two nodes are neighbours with the same probability (Erdős and Rényi)."""

    nodes = xs.variable(default=NODES, static=True, description="number of nodes", attrs={"units": "1"})
    degree = xs.variable(default=DEGREE, static=True, description="mean number of neighbours", attrs={"units": "1"})
    edges = xs.variable(
        dims=("edge", "end"), intent="out", description="nodes at both ends of each edge", attrs={"units": "1"}
    )

    @xs.runtime(args="rng")
    def initialize(self, rng: np.random.Generator) -> None:
        self.edges = draw_edges(int(self.nodes), float(self.degree), rng)


@xs.process
class Bonds:
    """The edges that are kept, each with probability phi."""

    edges = xs.foreign(RandomGraph, "edges")
    phi = xs.variable(
        static=True,
        validator=xs.validators.in_bounds((0, 1)),
        description="probability that an edge is kept",
        attrs={"units": "1"},
    )
    kept = xs.variable(dims="edge", intent="out", description="whether an edge is kept", attrs={"units": "1"})

    @xs.runtime(args="rng")
    def initialize(self, rng: np.random.Generator) -> None:
        self.kept = rng.random(len(self.edges)) < self.phi


@xs.process
class Clusters:
    """Sets of nodes that kept edges hold together."""

    nodes = xs.foreign(RandomGraph, "nodes")
    edges = xs.foreign(RandomGraph, "edges")
    kept = xs.foreign(Bonds, "kept")
    number = xs.variable(intent="out", description="number of clusters", attrs={"units": "1"})
    largest = xs.variable(intent="out", description="share of nodes in the largest cluster", attrs={"units": "1"})

    def initialize(self) -> None:
        sizes = cluster_sizes(int(self.nodes), self.edges[self.kept])
        self.number = sizes.size
        self.largest = float(sizes.max() / self.nodes)


def draw_edges(nodes: int, degree: float, rng: np.random.Generator) -> Edges:
    """Draw the edges of a random graph of `nodes`, as (edge, end), without repeating any."""
    pairs = nodes * (nodes - 1) // 2
    count = rng.binomial(pairs, degree / (nodes - 1))
    pair = rng.choice(pairs, count, replace=False, shuffle=False)
    # Pairs are numbered (1, 0), (2, 0), (2, 1), (3, 0) ...: those with node i first start at i (i - 1) / 2.
    first = ((1 + np.sqrt(1 + 8 * pair)) / 2).astype(np.int64)
    return np.stack([first, pair - first * (first - 1) // 2], axis=1)


def cluster_sizes(nodes: int, edges: Edges) -> NDArray[np.int64]:
    """Count the nodes of each cluster, given edges (edge, end)."""
    links = coo_array((np.ones(len(edges), dtype=bool), (edges[:, 0], edges[:, 1])), shape=(nodes, nodes))
    return np.bincount(connected_components(links, directed=False)[1])


def build_model() -> xs.Model:
    """Return the model of percolation; it has no clock, all of it happens in `initialize`."""
    return xs.Model({"graph": RandomGraph, "bonds": Bonds, "clusters": Clusters})


def sweep_setup(repetitions: int = REPETITIONS, phis: Sequence[float] = PHIS, nodes: int = NODES) -> xr.Dataset:
    """Set up `repetitions` members for each phi: nothing but a coordinate tells them apart, and what they draw."""
    setup = xs.create_setup(
        model=build_model(),
        input_vars={"graph__nodes": nodes, "bonds__phi": ("phi", list(phis))},
        output_vars={"clusters__number": None, "clusters__largest": None},
    )
    return setup.assign_coords(phi=list(phis), repetition=np.arange(repetitions))


def predict(phi: Floats, degree: float = DEGREE) -> Floats:
    """Return the share S of the largest cluster on an endless graph: S = 1 - exp(-degree phi S), by Lambert's W."""
    mean = degree * phi  # kept edges of a node
    above = np.where(mean > 1, mean, 2.0)
    return np.where(mean > 1, 1 + lambertw(-above * np.exp(-above)).real / above, 0.0)


def standard_error(phi: Floats, nodes: int, repetitions: int) -> Floats:
    """Return the standard error of the mean share, above the threshold."""
    share = predict(phi)
    return np.sqrt(share * (1 - share) / nodes / repetitions) / (1 - DEGREE * phi * (1 - share))


def summarize(result: xr.Dataset) -> str:
    """Tabulate the mean share over repetitions beside the one of an endless graph."""
    rows = [" phi   mean share   its deviation   endless graph"]
    for phi, member in result["clusters__largest"].groupby("phi"):
        mean, deviation = float(member.mean()), float(member.std(ddof=1))
        rows.append(f"{phi:4.2f}{mean:13.4f}{deviation:16.4f}{float(predict(np.float64(phi))):16.4f}")
    return "\n".join(rows)


def check(result: xr.Dataset) -> None:
    """Compare means over repetitions with the endless graph; below the threshold no cluster is large."""
    assert (result.xsim.outcome == "done").all(), "a member has failed"
    share = result["clusters__largest"]
    assert share.dims == SWEPT
    nodes, repetitions = int(result["graph__nodes"]), share.sizes["repetition"]
    for phi, answer in ANSWERS.items():
        assert abs(float(predict(np.float64(phi))) - answer) < 5e-5, f"phi {phi}: not {answer} in theory"
    above = share.sel(phi=slice(0.30, None))
    for phi, mean in zip(above["phi"].values, above.mean("repetition").values, strict=True):
        exact, error = float(predict(phi)), float(standard_error(phi, nodes, repetitions))
        assert abs(mean - exact) < 4 * error, f"phi {phi}: {mean:.4f}, not {exact:.4f} +- {error:.4f}"
    if repetitions >= REPETITIONS:
        check_seed(share.isel(repetition=slice(REPETITIONS)).mean("repetition"))


def check_seed(means: xr.DataArray) -> None:
    """Compare the means (phi) of the first 20 repetitions closer than chance allows for all seeds."""
    for phi, mean in zip(means["phi"].values, means.values, strict=True):
        exact = float(predict(phi))
        assert phi > 0.20 or mean <= 0.007, f"phi {phi}: a cluster of {mean:.4f} below the threshold"
        assert phi < 0.30 or abs(mean - exact) < 0.005, f"phi {phi}: {mean:.4f}, not {exact:.4f}"


def draw(result: xr.Dataset, path: Path) -> None:
    """Draw the share of each member, their means, and the share in an endless graph."""
    import matplotlib.pyplot as plt

    share, phi = result["clusters__largest"], np.linspace(0, 1, 1001)
    figure, axes = plt.subplots(figsize=(8, 4.6), layout="constrained")
    axes.plot(phi, predict(phi), color="#21918c", linewidth=1.6, label="endless graph: S = 1 − exp(−4 φ S)")
    axes.plot(np.repeat(share["phi"], share.sizes["repetition"]), share.values.ravel(), ".", color="0.6", markersize=4)
    axes.plot([], [], ".", color="0.6", label="each repetition")
    axes.plot(share["phi"], share.mean("repetition"), "o", color="#3b528b", markersize=5, label="mean")
    axes.axvline(1 / DEGREE, color="0.6", linewidth=0.8, linestyle="--", zorder=0)
    axes.set(xlabel="φ: probability that an edge is kept", ylabel="share of nodes in the largest cluster")
    axes.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02))
    axes.legend(frameon=False, loc="lower right")
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=130)
    plt.close(figure)


def main(argv: Sequence[str] | None = None) -> None:
    """Compute what the store does not have yet, print a table, check, and draw a figure if matplotlib is there."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--out", type=Path, default=Path("build/percolation"), help="output folder")
    parser.add_argument("--repetitions", type=int, default=REPETITIONS, help="members for each phi")
    arguments = parser.parse_args(argv)
    out: Path = arguments.out
    out.mkdir(parents=True, exist_ok=True)

    begin, started = time.perf_counter(), datetime.now(UTC).isoformat()
    stored = sweep_setup(arguments.repetitions).xsim.run(
        model=build_model(),
        batch_dim=SWEPT,
        parallel=True,
        scheduler="processes",
        store=out / "sweep.zarr",
        seed=SEED,
        resume=True,
    )
    seconds = time.perf_counter() - begin
    result = stored.load()
    computed = int((result["xsim_start"] >= started).sum())
    print(summarize(result))
    print(f"{computed} of {result.xsim.outcome.size} members computed now, in {seconds:.1f} s")
    check(result)
    print("all checks passed")
    if importlib.util.find_spec("matplotlib"):
        draw(result, out / "percolation.png")


if __name__ == "__main__":
    main()
