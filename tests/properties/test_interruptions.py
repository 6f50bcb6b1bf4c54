"""A sweep that is interrupted anywhere goes on to what the plain loop over single runs gives, bit for bit (§B7).

Any design (batch dims, labels, chunks, blocks, arrays that grow), any way of running, and any interruption: a store
that fails at some write, Ctrl-C at some event, members that fail at first.
"""

import itertools
import tempfile
import warnings
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from zarr.storage import LocalStore, WrapperStore

import xsim as xs
from xsim.engine.book import Book
from xsim.plan import run_plan
from xsim.plan.random import random_stream

NSTEPS = 3
CLOCKS = {"time": list(range(NSTEPS + 1)), "some": [1, 3], "first": [0]}
OUTPUTS = ("level", "herd", "count", "even", "word", "day")


class LostError(Exception):
    """Of a store, not of a member."""


class FailingStore(WrapperStore):
    """A store that fails at its n-th write, and is well again afterwards, or not."""

    def __init__(self, root, write, half, for_good):
        super().__init__(root if isinstance(root, LocalStore) else LocalStore(root))
        self.write, self.half, self.for_good = write, half, for_good
        self.count = itertools.count(1)

    def __getstate__(self):
        return {**self.__dict__, "count": None}

    def __setstate__(self, state):
        self.__dict__.update(state, count=itertools.count(1))

    def _with_store(self, store):
        return self

    async def _change(self, method, key, *value):
        now = next(self.count)
        if now == self.write or (self.for_good and now > self.write):
            if self.half and value:
                path = Path(self._store.root) / key
                path.parent.mkdir(parents=True, exist_ok=True)
                path.with_suffix(f".{'0a' * 16}.partial").write_bytes(value[0].to_bytes()[: len(value[0]) // 2])
            raise LostError(key)
        await method(key, *value)

    async def set(self, key, value):
        await self._change(self._store.set, key, value)

    async def set_if_not_exists(self, key, value):
        await self._change(self._store.set_if_not_exists, key, value)

    async def delete(self, key):
        await self._change(self._store.delete, key)

    async def delete_dir(self, prefix):
        await self._change(self._store.delete_dir, prefix)


@xs.process
class Herd:
    k = xs.variable()
    fails = xs.variable(default=-1, description="step in which it fails, until it is healed")
    stops = xs.variable(default=NSTEPS, description="step after which it ends")
    grows = xs.variable(default=0)
    differs = xs.variable(default=False, description="whether its index is its own")
    folder = xs.variable(description="where a file heals all, and others tell of interruptions")
    x = xs.index(dims="x")
    level = xs.variable(dims="x", intent="out")
    herd = xs.variable(dims="y", intent="out")
    count = xs.variable(intent="out")
    even = xs.variable(intent="out")
    word = xs.variable(intent="out")
    day = xs.variable(intent="out")

    @xs.runtime(args="rng")
    def initialize(self, rng):
        self.x = np.arange(2 + (int(self.k) % 3 if self.differs else 0)) * 1.5
        self.level = rng.random(self.x.size)
        self._set(0)

    def _set(self, n):
        self.count = int(self.k) + n
        self.even, self.word = self.count % 2 == 0, f"w{self.count}"
        self.day = np.datetime64("2001-01-01", "s") + np.timedelta64(self.count, "D")
        self.herd = np.full(1 + n * int(self.grows) % 5, float(self.k))

    @xs.runtime(args=["step", "rng"])
    def run_step(self, step, rng):
        if step == self.fails and not (Path(self.folder) / "healed").exists():
            raise ValueError("as told")
        interrupt = Path(self.folder) / f"interrupt-{int(self.k)}-{step}"
        if interrupt.exists():
            interrupt.unlink(missing_ok=True)
            raise KeyboardInterrupt
        self.level = self.level * 0.5 + rng.random(self.x.size)
        self._set(step + 1)
        return xs.stop("enough") if step == self.stops else None


MODEL = xs.Model({"herd": Herd})


@st.composite
def designs(draw):
    """Give the arguments of a setup, without the folder, and those of a run that the design fixes."""
    sizes = {dim: draw(st.integers(1, 4)) for dim in ("a", "b")[: draw(st.integers(1, 2))]}
    shape = tuple(sizes.values())
    count = int(np.prod(shape))
    dims = tuple(sizes)
    members = draw(st.permutations(range(count)))
    inputs = {"herd__k": (dims, np.array(members).reshape(shape)), "herd__differs": draw(st.booleans())}
    for name, values in (("fails", st.sampled_from([-1, -1, -1, 0, 2])), ("grows", st.integers(0, 2))):
        inputs[f"herd__{name}"] = (
            dims,
            np.array(draw(st.lists(values, min_size=count, max_size=count))).reshape(shape),
        )
    if draw(st.booleans()):
        stops = st.lists(st.sampled_from([0, 1, NSTEPS]), min_size=count, max_size=count)
        inputs["herd__stops"] = (dims, np.array(draw(stops)).reshape(shape))
    clocks = {name: draw(st.sampled_from([*CLOCKS, None, "absent"])) for name in OUTPUTS}
    outputs = {f"herd__{name}": clock for name, clock in clocks.items() if clock != "absent"}
    coords = {
        dim: draw(st.permutations([f"label {i}" for i in range(n)])) for dim, n in sizes.items() if draw(st.booleans())
    }
    encoding = {}
    for name, clock in outputs.items():
        if draw(st.integers(0, 3)) == 0:
            sizes_of = [*shape] + ([len(CLOCKS[clock])] if clock else [])
            chunks = tuple(draw(st.integers(1, n + 1)) for n in sizes_of[: draw(st.integers(1, len(sizes_of)))])
            encoding[name] = {"chunks": chunks}
    return inputs, outputs, coords, list(dims), encoding


def setup_of(design, folder):
    inputs, outputs, coords, _, _ = design
    return xs.create_setup(
        model=MODEL,
        clocks=CLOCKS,
        main_clock="time",
        input_vars={**inputs, "herd__folder": str(folder)},
        output_vars=outputs,
    ).assign_coords(coords)


def run(setup, design, store, **options):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", xs.BatchWarning)
        return setup.xsim.run(
            MODEL, batch_dim=design[3], store=store, seed=3, on_error="continue", progress=False, **options
        ).load()


@st.composite
def interruptions(draw, design):
    """Give a kind of interruption, and when it comes."""
    count = int(np.prod(np.shape(design[0]["herd__k"][1])))
    kind = draw(st.sampled_from(["write", "write", "event", "member", "none"]))
    if kind == "write":
        return kind, draw(st.integers(1, 90)), draw(st.booleans()), draw(st.booleans())
    if kind == "event":
        return kind, draw(st.integers(1, count + 2))
    return kind, draw(st.integers(0, count - 1)), draw(st.integers(0, NSTEPS - 1))


@st.composite
def ways(draw, design, scheduler):
    """Give options of a run, which may differ each time that it goes on."""
    options = {}
    if draw(st.booleans()) and not design[4]:
        options["block"] = draw(st.integers(1, 6))
    if scheduler is not None:
        options |= {"parallel": True, "workers": draw(st.integers(1, 3)), "scheduler": scheduler}
    return options


def interrupt(setup, design, folder, interruption, options):
    """Run into the store until the interruption, if that comes before the end."""
    kind, when, *how = interruption
    store = folder / "out.zarr"
    told = folder / f"interrupt-{when}-{how[0] if how else 0}"
    with pytest.MonkeyPatch.context() as patch:
        if kind == "event":
            events = itertools.count(1)
            enter = Book.enter

            def interrupting(book, members, results):
                if next(events) == when:
                    raise KeyboardInterrupt
                return enter(book, members, results)

            patch.setattr(Book, "enter", interrupting)
        elif kind == "member":
            told.touch()
        try:
            target = FailingStore(store, when, *how) if kind == "write" else store
            run(setup, design, target, resume=True, **options)
        except (LostError, KeyboardInterrupt):
            pass
        finally:
            told.unlink(missing_ok=True)


def check_done(design, folder, expected):
    """Whatever members are called done by now, the values that they have are right."""
    try:
        found = xs.open_run(folder / "out.zarr").load()
    except xs.errors.StoreError:  # it has not got so far
        return
    if "xsim_outcome" not in found:
        return
    for position in zip(*np.nonzero(found.xsim_outcome.values == "done"), strict=True):
        for name in design[1]:
            if name in expected and name not in found:  # no member that is done has saved it
                assert set(np.asarray(expected[name].values[position]).astype(str).ravel()) <= {"nan", "NaT", ""}
            if name in found and name in expected:
                ours, theirs = (np.asarray(each[name].values[position]) for each in (found, expected))
                box = tuple(map(slice, np.minimum(ours.shape, theirs.shape)))
                if ours.dtype.kind != theirs.dtype.kind:  # one of them has missing parts
                    ours, theirs = ours.astype(float), theirs.astype(float)
                ours, theirs = ours[box], theirs[box]
                np.testing.assert_array_equal(ours, theirs)


def check_loop(setup, design, result):
    """Each member has what it has when it runs alone."""
    for position in np.ndindex(*(setup.sizes[dim] for dim in design[3])):
        alone = run_alone(setup, design, position)
        for name in [*design[1], "x"]:
            if name in alone.variables:
                variable = result[name].variable
                here = {dim: i for dim, i in zip(design[3], position, strict=True) if dim in variable.dims}
                ours, theirs = variable.isel(here).to_numpy(), alone[name].to_numpy()
                ours = ours[tuple(map(slice, theirs.shape))]
                if theirs.dtype.kind in "iub" and ours.dtype.kind == "f":  # others have missing parts
                    theirs = theirs.astype(float)
                np.testing.assert_array_equal(ours, theirs)


def run_alone(setup, design, position):
    """Run one member by itself; its random streams are those of its place in the batch (DESIGN §B11)."""
    one = setup.isel(dict(zip(design[3], position, strict=True))).drop_vars(design[3], errors="ignore")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(run_plan, "random_stream", lambda seed, _, process: random_stream(seed, position, process))
        return one.xsim.run(MODEL, seed=3).load()


def check_any(data, schedulers, most):
    design = data.draw(designs(), label="design")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        setup = setup_of(design, folder)
        (folder / "healed").touch()
        expected = run(setup, design, None)
        check_loop(setup, design, expected)
        (folder / "healed").unlink()
        for _ in range(data.draw(st.integers(1, most), label="interruptions")):
            options = data.draw(ways(design, data.draw(st.sampled_from(schedulers))), label="options")
            interrupt(setup, design, folder, data.draw(interruptions(design), label="interruption"), options)
            check_done(design, folder, expected)
        (folder / "healed").touch()
        options = data.draw(ways(design, data.draw(st.sampled_from(schedulers))), label="options at last")
        result = run(setup, design, folder / "out.zarr", resume=True, **options)
        xs.testing.assert_identical_runs(result, expected)
        assert not [path for path in folder.rglob("*") if ".partial" in path.name or "aside" in path.name]


quick = settings(
    max_examples=5,
    phases=[Phase.generate],  # examples are small, and to shrink one takes minutes
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


@quick
@given(st.data())
def test_interrupted_sweeps_are_the_loop(data):
    """However a sweep is interrupted, going on gives the loop over its members, sequentially and in threads."""
    check_any(data, [None, "threads"], 3)


@settings(quick, max_examples=2)
@given(st.data())
def test_interrupted_sweeps_in_processes_are_the_loop(data):
    """So it does with worker processes."""
    check_any(data, ["processes"], 2)


@pytest.mark.slow
@settings(quick, max_examples=60)
@given(st.data())
def test_interrupted_sweeps_are_the_loop_many_times(data):
    """The same, for many examples."""
    check_any(data, [None, "threads"], 4)


@pytest.mark.slow
@settings(quick, max_examples=6)
@given(st.data())
def test_interrupted_sweeps_in_processes_are_the_loop_many_times(data):
    """The same with worker processes, in turn with others, for many examples."""
    check_any(data, [None, "processes"], 3)
