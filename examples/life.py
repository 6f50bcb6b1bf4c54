"""Conway's Game of Life on a torus.

A cell is alive in the next generation if it has three living neighbours, or two and is alive itself [1]_. Two
patterns with known fates run here: a glider, which moves by one cell down and one to the right every 4
generations and so is back after 80 on a torus of 20 x 20 cells; and the R-pentomino, five cells that take 1103
generations to come to rest with 116 of them [2]_ (still lifes, blinkers and six gliders under way). Run the file
for both, with a figure::

    python examples/life.py --out build/life

References
----------
.. [1] Gardner (1970), Mathematical games: the fantastic combinations of John Conway's new solitaire game "life",
   Scientific American 223(4).
.. [2] Johnston & Greene (2022), Conway's Game of Life: Mathematics and Construction.
"""

from __future__ import annotations

import argparse
import importlib.util
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import xarray as xr
from numpy.typing import NDArray

import xsim as xs

Cells = NDArray[np.uint8]

GLIDER = (".O.", "..O", "OOO")
R_PENTOMINO = (".OO", "OO.", ".O.")


def parse(rows: Sequence[str]) -> Cells:
    """Turn a drawing, "O" for a living cell, into an array (row, column) of 0 and 1."""
    return np.array([[cell == "O" for cell in row] for row in rows], dtype=np.uint8)


def count_neighbours(cells: Cells) -> Cells:
    """Count the living among the eight neighbours of each cell of a torus (y, x)."""
    rows = cells + np.roll(cells, 1, axis=0) + np.roll(cells, -1, axis=0)
    return rows + np.roll(rows, 1, axis=1) + np.roll(rows, -1, axis=1) - cells


@xs.process
class Torus:
    """A square board whose opposite edges touch."""

    size = xs.variable(default=512, static=True, description="cells on a side", attrs={"units": "1"})
    x = xs.index(dims="x", description="column", attrs={"units": "1"})
    y = xs.index(dims="y", description="row, from the top", attrs={"units": "1"})

    def initialize(self) -> None:
        self.x = np.arange(int(self.size))
        self.y = np.arange(int(self.size))


@xs.process
class Board:
    """The cells, replaced by their next generation at the end of each step."""

    next_cells = xs.variable(
        dims=("y", "x"), intent="out", description="next generation: 1 for alive", attrs={"units": "1"}
    )
    cells = xs.variable(dims=("y", "x"), intent="inout", description="cells: 1 for alive", attrs={"units": "1"})
    population = xs.on_demand(description="number of living cells", attrs={"units": "1"})

    def run_step(self) -> None:
        neighbours = count_neighbours(self.cells)
        self.next_cells = ((neighbours == 3) | ((neighbours == 2) & (self.cells == 1))).astype(np.uint8)

    def finalize_step(self) -> None:
        self.cells = self.next_cells

    @population.compute
    def _population(self) -> int:
        return int(np.count_nonzero(self.cells))


@xs.process
class Pattern:
    """Starts the board with a pattern around its centre."""

    pattern = xs.variable(dims=("row", "column"), static=True, description="pattern: 1 for alive", attrs={"units": "1"})
    x = xs.foreign(Torus, "x")
    y = xs.foreign(Torus, "y")
    cells = xs.foreign(Board, "cells", intent="out")

    def initialize(self) -> None:
        pattern = np.asarray(self.pattern, dtype=np.uint8)
        self.cells = np.zeros((self.y.size, self.x.size), dtype=np.uint8)
        top, left = ((board - size) // 2 for board, size in zip(self.cells.shape, pattern.shape, strict=True))
        self.cells[top : top + pattern.shape[0], left : left + pattern.shape[1]] = pattern


@xs.process
class Traces:
    """Remembers for how long each cell was alive."""

    cells = xs.foreign(Board, "cells")
    age = xs.variable(dims=("y", "x"), intent="out", description="generations alive up to now", attrs={"units": "1"})

    def initialize(self) -> None:
        self.age = np.zeros(np.shape(self.cells), dtype=np.int32)

    def run_step(self) -> None:
        self.age = self.age + self.cells


def build_model() -> xs.Model:
    """Return the Game of Life."""
    return xs.Model({"torus": Torus, "start": Pattern, "board": Board, "traces": Traces})


def glider_setup(generations: int = 80) -> xr.Dataset:
    """Set up a glider on 20 x 20 cells, with all generations saved."""
    return xs.create_setup(
        model=build_model(),
        clocks={"generation": np.arange(generations + 1)},
        main_clock="generation",
        input_vars={"torus__size": 20, "start__pattern": (("row", "column"), parse(GLIDER))},
        output_vars={"board__cells": "generation", "board__population": "generation"},
    )


def r_pentomino_setup(generations: int = 1150, size: int = 512) -> xr.Dataset:
    """Set up the R-pentomino, with the population of all generations and the board at the end.

    On 512 x 512 cells its gliders have gone round the torus and meet the rest from generation 1182 on; an
    endless board (1024 x 1024 will do up to generation 1500) stays at 116 cells.
    """
    return xs.create_setup(
        model=build_model(),
        clocks={"generation": np.arange(generations + 1)},
        main_clock="generation",
        input_vars={"torus__size": size, "start__pattern": (("row", "column"), parse(R_PENTOMINO))},
        output_vars={"board__population": "generation", "board__cells": None, "traces__age": None},
    )


def check(glider: xr.Dataset, r_pentomino: xr.Dataset) -> None:
    """Compare with the known fates of both patterns."""
    cells = glider["board__cells"].values
    for generation in range(0, len(cells) - 4, 4):
        moved = np.roll(cells[generation], (1, 1), axis=(0, 1))
        assert (cells[generation + 4] == moved).all(), f"the glider went astray after generation {generation}"
    assert (cells[80] == cells[0]).all(), "the glider is not back after 80 generations"
    assert (glider["board__population"] == 5).all(), "a glider has 5 cells"

    population = r_pentomino["board__population"].values
    assert population[1102] == 118, f"R-pentomino: {population[1102]} cells in generation 1102, not 118"
    assert (population[1103:] == 116).all(), f"R-pentomino: not 116 cells from 1103 on: {population[1103:]}"


def draw(glider: xr.Dataset, r_pentomino: xr.Dataset, path: Path) -> None:
    """Draw one round of the glider, the population of the R-pentomino, and the traces that it leaves."""
    import matplotlib.pyplot as plt
    from matplotlib.colors import LogNorm

    figure = plt.figure(figsize=(13, 6.4), layout="constrained")
    left, right = figure.subfigures(1, 2, width_ratios=(1, 1))
    upper, lower = left.subfigures(2, 1, height_ratios=(1, 1.7))

    for generation, axes in enumerate(upper.subplots(1, 5)):
        axes.pcolormesh(glider["board__cells"].values[generation, 7:14, 7:14], cmap="Greys", edgecolor="0.85")
        axes.set(title=f"{generation}", aspect="equal", xticks=[], yticks=[])
        axes.invert_yaxis()
    upper.suptitle("Glider, generations 0 to 4: one step down and right", fontsize=11)

    axes = lower.subplots()
    population = r_pentomino["board__population"]
    axes.plot(population["generation"], population, color="#31688e", linewidth=1)
    axes.axvline(1103, color="0.5", linewidth=0.8, linestyle="--")
    axes.annotate("116 from 1103 on", (1103, 116), (-6, -40), textcoords="offset points", ha="right")
    axes.set(xlabel="generation", ylabel="living cells", title="R-pentomino: population")
    axes.set(xlim=(0, population.sizes["generation"] - 1), ylim=(0, None))
    axes.spines[["top", "right"]].set_visible(False)

    axes = right.subplots()
    age = r_pentomino["traces__age"].values.astype(float)
    shown = axes.imshow(np.where(age > 0, age, np.nan), cmap="viridis_r", norm=LogNorm(1, age.max()))
    axes.set(title=f"R-pentomino: {population.sizes['generation'] - 1} generations on a torus")
    axes.set(xlabel="column", ylabel="row")
    right.colorbar(shown, ax=axes, label="generations alive", shrink=0.8)
    figure.savefig(path, dpi=130)
    plt.close(figure)


def main(argv: Sequence[str] | None = None) -> None:
    """Run both patterns, print populations, check, and draw a figure if matplotlib is there."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--out", type=Path, default=Path("build/life"), help="output folder")
    out: Path = parser.parse_args(argv).out

    model = build_model()
    glider = glider_setup().xsim.run(model=model)
    r_pentomino = r_pentomino_setup().xsim.run(model=model)
    for name, run, generations in (
        ("glider", glider, (0, 4, 80)),
        ("R-pentomino", r_pentomino, (0, 100, 500, 1000, 1102, 1103, 1150)),
    ):
        counts = run["board__population"].sel(generation=list(generations)).values
        print(f"{name}: " + ", ".join(f"{n} in {g}" for g, n in zip(generations, counts, strict=True)))
    check(glider, r_pentomino)
    print("all checks passed")
    if importlib.util.find_spec("matplotlib"):
        out.mkdir(parents=True, exist_ok=True)
        draw(glider, r_pentomino, out / "life.png")


if __name__ == "__main__":
    main()
