"""Conway's Game of Life, as written for xarray-simlab."""

import numpy as np

import xsim as xs


@xs.process
class GameOfLife:
    world = xs.variable(dims=("y", "x"), intent="inout", description="alive cells", encoding={"dtype": "int8"})
    born = xs.on_demand(description="cells that came to life in this step")

    def initialize(self):
        self._born = 0

    def run_step(self):
        neighbours = sum(
            np.roll(np.roll(self.world, i, axis=0), j, axis=1)
            for i in (-1, 0, 1)
            for j in (-1, 0, 1)
            if (i, j) != (0, 0)
        )
        alive = (neighbours == 3) | (self.world.astype(bool) & (neighbours == 2))
        self._new_world = alive.astype(self.world.dtype)
        self._born = int(np.sum(self._new_world > self.world))

    def finalize_step(self):
        self.world[:] = self._new_world

    @born.compute
    def _count_born(self):
        return self._born


@xs.process
class Shape:
    """Where cells are."""

    shape = xs.variable(dims="shape_yx", default=[12, 12], static=True)
    x = xs.index(dims="x")
    y = xs.index(dims="y", attrs={"axis": "Y"})

    def initialize(self):
        ny, nx = self.shape
        self.y = list(range(ny))
        self.x = np.arange(nx)


@xs.process
class Glider:
    pos = xs.variable(dims="point_yx", description="glider position", static=True, default=[4, 5])
    shape = xs.foreign(Shape, "shape")
    world = xs.foreign(GameOfLife, "world", intent="out")

    def initialize(self):
        kernel = np.array([[0, 1, 0], [0, 0, 1], [1, 1, 1]])
        self.world = np.zeros(tuple(self.shape), dtype="int8")
        y, x = self.pos
        self.world[y : y + 3, x : x + 3] = kernel


@xs.process
class Soup:
    """Random cells, always the same for a seed."""

    seed = xs.variable(default=None, description="random seed", static=True)
    density = xs.variable(default=0.3)
    shape = xs.foreign(Shape, "shape")
    world = xs.foreign(GameOfLife, "world", intent="out")

    def initialize(self):
        seed = 0 if self.seed is None else int(self.seed)
        rng = np.random.RandomState(seed)
        self.world = (rng.random_sample(tuple(self.shape)) < self.density).astype(np.int8)


@xs.process
class Census:
    world = xs.foreign(GameOfLife, "world")
    alive = xs.variable(intent="out", description="number of alive cells")
    crowded = xs.variable(intent="out", description="whether more than a quarter is alive")
    columns = xs.variable(dims="x", intent="out")
    mood = xs.variable(intent="out", description="a word on it")

    def initialize(self):
        self._count()

    def finalize_step(self):
        self._count()

    def _count(self):
        self.alive = int(np.sum(self.world))
        self.crowded = bool(self.alive > self.world.size / 4)
        self.columns = self.world.sum(axis=0)
        self.mood = "crowded" if self.crowded else "calm"


model = xs.Model({"gol": GameOfLife, "init": Glider, "shape": Shape})
soup = model.update_processes({"init": Soup, "census": Census})

steps = np.arange(9)


def run_glider(**how):
    setup = xs.create_setup(
        model=model,
        clocks={"step": steps},
        input_vars={"init__pos": ("point_yx", [4, 5])},
        output_vars={"gol__world": "step", "gol__born": "step"},
    )
    return setup.xsim.run(model=model, **how)


def soup_setup(**seed):
    return xs.create_setup(
        model=soup,
        clocks={"step": steps, "even": steps[::2]},
        main_clock="step",
        input_vars={"shape": {"shape": [9, 11]}, "init": dict(seed, density=0.35)},
        output_vars={
            "gol__world": None,
            "census__alive": "step",
            "census__crowded": "even",
            "census__columns": "even",
            "census__mood": "even",
        },
    )


def run_soup(**how):
    return soup_setup().xsim.run(model=soup, **how)


def run_seeds(**how):
    return soup_setup(seed=("batch", [3, 1, 2, 7])).xsim.run(model=soup, batch_dim="batch", **how)


SINGLE = {"glider": run_glider, "soup": run_soup}
BATCH = {"seeds": run_seeds}
