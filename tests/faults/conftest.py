"""A sweep that tests of faults run, interrupt and resume, and what has to hold of its store at any moment."""

import shutil
import warnings

import numpy as np
import pytest
import xarray as xr

import xsim as xs

MEMBERS = 9
WAYS = {
    "sequential": {},
    "streamed": {"block": 1},
    "block of 4": {"block": 4},
    "threads": {"parallel": True, "workers": 2, "block": 2},
    "processes": {"parallel": True, "workers": 2, "scheduler": "processes", "block": 2},
}


@xs.process
class Herd:
    k = xs.variable()
    x = xs.index(dims="x")
    level = xs.variable(dims="x", intent="out")
    herd = xs.variable(dims="y", intent="out", description="grows")
    count = xs.variable(intent="out")
    word = xs.variable(intent="out")

    @xs.runtime(args="rng")
    def initialize(self, rng):
        self.x = np.arange(300)
        self.level = rng.random(300)
        self._set(0)

    def _set(self, n):
        self.count, self.word = n + int(self.k), f"w{n}:{self.k}"
        self.herd = np.full(n + int(self.k) % 4, self.k)

    @xs.runtime(args=["step", "rng"])
    def run_step(self, step, rng):
        self.level = self.level * 0.5 + rng.random(300)
        self._set(step + 1)


class Sweep:
    """A sweep with random streams, arrays that grow, text and integers."""

    ways = WAYS
    model = xs.Model({"herd": Herd})

    def __init__(self):
        self.setup = xs.create_setup(
            model=self.model,
            clocks={"time": np.arange(5)},
            main_clock="time",
            input_vars={"herd__k": ("m", np.random.default_rng(1).permutation(100)[:MEMBERS])},
            output_vars={"herd": {"level": "time", "herd": "time", "count": "time", "word": None}},
        )
        self.expected = self.run({})

    def run(self, store, **options):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", xs.BatchWarning)
            return self.setup.xsim.run(
                self.model, batch_dim="m", store=store, seed=7, on_error="continue", progress=False, **options
            ).load()

    def check_partial(self, store):
        """Whatever members the store calls done, their values are right; give how many there are."""
        found = xs.open_run(store).load()
        if "xsim_outcome" not in found:
            return 0
        done = np.flatnonzero(found.xsim_outcome == "done")
        for name in ("herd__level", "herd__herd", "herd__count", "herd__word"):
            for member in done:
                ours, theirs = (np.asarray(each[name].values[member]) for each in (found, self.expected))
                box = tuple(map(slice, np.minimum(ours.shape, theirs.shape)))
                np.testing.assert_array_equal(ours[box], theirs[box])
        return len(done)

    def check_resumed(self, store, **options):
        """Going on from here gives what a run at one go gives, bit for bit."""
        xs.testing.assert_identical_runs(self.run(store, resume=True, **options), self.expected)
        self.check_again(store)

    def check_again(self, store):
        """Going on where all is done changes nothing, and plain xarray reads the same."""
        xs.testing.assert_identical_runs(self.run(store, resume=True), self.expected)
        stored = xr.open_zarr(store, consolidated=True).load().drop_vars("xsim_journal")
        stored.attrs |= {name: value for name, value in self.expected.attrs.items() if name not in stored.attrs}
        xs.testing.assert_identical_runs(stored, self.expected)


@pytest.fixture(scope="session")
def sweep():
    """The sweep, and what it gives if nothing comes between."""
    return Sweep()


@pytest.fixture(params=WAYS)
def way(request):
    """One way of running it after the other."""
    return WAYS[request.param]


@pytest.fixture
def copied(tmp_path):
    """Give a function that copies a store."""
    numbers = iter(range(1000))
    return lambda store: shutil.copytree(store, tmp_path / f"copy{next(numbers)}.zarr")
