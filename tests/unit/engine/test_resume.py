"""A batch goes on where it ended, and gives what an uninterrupted one gives (DESIGN §B7)."""

import importlib.util
import sys
import warnings

import numpy as np
import pytest
import xarray as xr
import zarr

import xsim as xs
from xsim.plan import fingerprint

CALLS = []
FAIL = set()


class Source:
    """A base whose source text counts too."""


@xs.process
class Plant(Source):
    k = xs.variable()
    x = xs.index(dims="x")
    height = xs.variable(dims="x", intent="out")
    herd = xs.variable(dims="y", intent="out")
    count = xs.variable(intent="out")
    even = xs.variable(intent="out")

    def initialize(self):
        CALLS.append(int(self.k))
        self.x = np.arange(2)
        self.height = np.zeros(2)
        self.count, self.even, self.herd = 0, True, np.zeros(0)

    @xs.runtime(args=["step", "rng"])
    def run_step(self, step, rng):
        if self.k in FAIL and step:
            raise ValueError("as told")
        self.height = self.height + rng.random(2)
        self.count += 1
        self.even = self.count % 2 == 0
        self.herd = np.full((self.count * int(self.k)) % 5, self.k)


MODEL = xs.Model({"plant": Plant})
OUTPUTS = {"plant": {"height": "time", "herd": "time", "count": "time", "even": "late"}}


@pytest.fixture(autouse=True)
def _nothing_fails():
    FAIL.clear()
    CALLS.clear()


def setup_of(members, outputs=OUTPUTS, clocks=None, k=None, dims="m"):
    k = np.arange(members) if k is None else k
    return xs.create_setup(
        model=MODEL,
        clocks=clocks or {"time": [0, 1, 2], "late": [1, 2]},
        main_clock="time",
        input_vars={"plant__k": (dims, k)},
        output_vars=outputs,
    )


def run(setup, store, batch_dim="m", model=MODEL, seed=5, **options):
    CALLS.clear()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", xs.BatchWarning)
        return setup.xsim.run(model, batch_dim=batch_dim, store=store, seed=seed, on_error="continue", **options)


def check(setup, store, batch_dim="m"):
    """Check that the store holds what a run at one go gives, types included."""
    expected = run(setup, None, batch_dim)
    found = xr.open_zarr(store, consolidated=True).load()
    for name in ("plant__k", "plant__height", "plant__herd", "plant__count", "plant__even", "x", "xsim_outcome"):
        variable = expected[name].variable
        other = found[name].variable
        other = other.astype(object) if other.dtype.kind == "T" else other
        assert other.dtype == variable.dtype
        xr.testing.assert_identical(xr.Variable(other.dims, other.values), xr.Variable(variable.dims, variable.values))
        assert {k: v for k, v in other.attrs.items() if k != "_FillValue"} == variable.attrs


@pytest.mark.parametrize(
    "options",
    [
        {"block": 3},
        {"parallel": True, "workers": 2, "block": 2},
        *(pytest.param(each, marks=pytest.mark.slow) for each in ({}, {"block": 1})),
    ],
)
def test_failed_members_run_again(tmp_path, options):
    """Only members that are not done run, in blocks together with those that are."""
    FAIL.update([2, 3, 7])
    run(setup_of(9), tmp_path / "out.zarr", **options)
    assert (xr.open_zarr(tmp_path / "out.zarr").plant__count.dtype) == np.float64
    FAIL.remove(2)
    result = run(setup_of(9), tmp_path / "out.zarr", resume=True, **options)
    assert sorted(CALLS) == [2, 3, 7]
    assert np.flatnonzero(result.xsim_outcome == "failed").tolist() == [3, 7]
    FAIL.clear()
    run(setup_of(9), tmp_path / "out.zarr", resume=True, **options)
    assert sorted(CALLS) == [3, 7]
    check(setup_of(9), tmp_path / "out.zarr")
    result = run(setup_of(9), tmp_path / "out.zarr", resume=True)
    assert CALLS == []
    assert result.attrs["xsim_summary"] == "9 of 9 members done (0 in this run)"
    check(setup_of(9), tmp_path / "out.zarr")


@pytest.mark.parametrize(
    "options", [{"block": 4}, *(pytest.param(each, marks=pytest.mark.slow) for each in ({}, {"block": 1}))]
)
def test_members_are_appended(tmp_path, options):
    """More members along a batch dimension are appended, also into a last block that is partly filled."""
    for members, called in ((5, [0, 1, 2, 3, 4]), (7, [5, 6]), (12, [7, 8, 9, 10, 11])):
        run(setup_of(members), tmp_path / "out.zarr", resume=True, **options)
        assert sorted(set(CALLS)) == called
        check(setup_of(members), tmp_path / "out.zarr")


def test_members_are_appended_along_two_dimensions(tmp_path):
    """A grid of members grows in each dimension, and members keep their places and random streams."""
    k = np.arange(20).reshape(4, 5)
    for rows, columns in ((2, 3), (2, 5), (4, 5)):
        setup = setup_of(0, k=k[:rows, :columns], dims=("a", "b"))
        run(setup, tmp_path / "out.zarr", ["a", "b"], resume=True, block=2)
        check(setup, tmp_path / "out.zarr", ["a", "b"])
    assert sorted(CALLS) == sorted(k[:4, :5].ravel())  # of the check


def test_from_a_lazy_setup_in_the_same_store(tmp_path):
    """The setup of a run that goes on may come, lazily, from the store itself."""
    run(setup_of(3), tmp_path / "out.zarr")
    setup = xr.open_zarr(tmp_path / "out.zarr", chunks={})
    more = setup_of(4).chunk()
    run(setup, tmp_path / "out.zarr", resume=True)
    assert CALLS == []
    run(more, tmp_path / "out.zarr", resume=True)
    assert CALLS == [3]
    check(setup_of(4), tmp_path / "out.zarr")


def test_the_seed_goes_on(tmp_path):
    """Without seed= the run goes on with the one in the store; another one is refused."""
    first = run(setup_of(2), tmp_path / "out.zarr", seed=None)
    second = run(setup_of(4), tmp_path / "out.zarr", seed=None, resume=True)
    assert second.attrs["xsim_seed"] == first.attrs["xsim_seed"]
    with pytest.raises(xs.errors.ResumeError) as error:
        run(setup_of(4), tmp_path / "out.zarr", seed=1, resume=True)
    assert error.value.differences == (f"seed: {first.attrs['xsim_seed']} is now 1",)


def test_index_variables_that_come_to_differ(tmp_path):
    """An index that was equal in all members gets its batch dimension when appended members differ (DESIGN §B13)."""

    @xs.process
    class Grid:
        n = xs.variable()
        x = xs.index(dims="x")

        def initialize(self):
            self.x = np.arange(int(self.n))

    model = xs.Model({"grid": Grid})

    def setup(n):
        return xs.create_setup(model=model, clocks={"time": [0, 1]}, input_vars={"grid__n": ("m", n)})

    first = run(setup([2, 2]), tmp_path / "out.zarr", model=model)
    assert first.x.dims == ("x",)
    second = run(setup([2, 2, 3]), tmp_path / "out.zarr", model=model, resume=True)
    np.testing.assert_array_equal(second.x, [[0, 1, np.nan], [0, 1, np.nan], [0, 1, 2]])
    third = run(setup([2, 2, 3, 1]), tmp_path / "out.zarr", model=model, resume=True)
    np.testing.assert_array_equal(third.x[3], [0, np.nan, np.nan])


def refused(setup, store, **options):
    before = {name: array[...].tolist() for name, array in zarr.open_group(store).arrays()}
    with pytest.raises(xs.errors.ResumeError) as error:
        run(setup, store, resume=True, **options)
    assert {name: array[...].tolist() for name, array in zarr.open_group(store).arrays()} == before
    assert CALLS == []
    return error.value


@pytest.mark.parametrize(
    ("change", "difference"),
    [
        ({"k": np.array([0, 1, 5])}, "input 'plant__k': other values"),
        ({"k": np.array([0.0, 1.0, 2.0])}, "input 'plant__k': type int64 is now float64"),
        ({"clocks": {"time": [0, 1, 3], "late": [1, 3]}}, "coordinate 'time': other values"),
        ({"clocks": {"time": [0, 1, 2, 3], "late": [1, 2]}}, "coordinate 'time': shape [3] is now [4]"),
        ({"outputs": {"plant": {"height": "time"}}}, "output 'plant__herd': gone"),
        ({"outputs": {"plant": {**OUTPUTS["plant"], "even": None}}}, "output 'plant__even': clock 'late' is now None"),
    ],
)
def test_another_setup_is_refused(tmp_path, change, difference):
    """A setup that differs is refused, naming what differs; the store stays as it is."""
    run(setup_of(3), tmp_path / "out.zarr")
    error = refused(setup_of(3, **change), tmp_path / "out.zarr")
    assert difference in error.differences


def test_the_whole_message(tmp_path):
    """The error says what differs, what would be right, and what to do."""
    run(setup_of(3), tmp_path / "out.zarr")
    error = refused(setup_of(3, k=np.array([0, 1, 5])), tmp_path / "out.zarr", seed=6)
    assert str(error) == (
        "the store holds another run than the one that is to be resumed\n"
        "  got: input 'plant__k': other values\n"
        "       seed: 5 is now 6\n"
        "  expected: the same processes, setup, outputs and seed\n"
        "  remedy: give the setup of that run, or run this one into another store"
    )


def test_fewer_members_are_refused(tmp_path):
    """Members cannot be taken away."""
    run(setup_of(3), tmp_path / "out.zarr")
    assert refused(setup_of(2), tmp_path / "out.zarr").differences == (
        "batch dimension 'm': 3 members in the store, 2 now",
    )


def test_other_batch_dimensions_are_refused(tmp_path):
    """Batch dimensions stay."""
    run(setup_of(3), tmp_path / "out.zarr")
    error = refused(setup_of(3, dims="n"), tmp_path / "out.zarr", batch_dim="n")
    assert error.differences == ("batch dimensions ('m',) are now ('n',)",)
    error = refused(setup_of(0, k=np.ones((3, 1)), dims=("m", "n")), tmp_path / "out.zarr", batch_dim=["m", "n"])
    assert error.differences == ("batch dimensions ('m',) are now ('m', 'n')",)


@pytest.mark.parametrize(("members", "times"), [(3, 1), (4, 2)], ids=["as many", "appended"])
def test_the_setup_is_hashed_once(tmp_path, monkeypatch, members, times):
    """Values of the setup are read once to compare them, twice if members were appended: without these, and with."""
    run(setup_of(3), tmp_path / "out.zarr")
    calls = []
    of_values = fingerprint._of_values
    monkeypatch.setattr(fingerprint, "_of_values", lambda *args: calls.append(args) or of_values(*args))
    run(setup_of(members), tmp_path / "out.zarr", resume=True)
    assert len(calls) == times * len(setup_of(members).variables)


def test_changed_code_is_refused_unless_accepted(tmp_path, monkeypatch):
    """Other source text of a process class is refused, unless the user says that it may be (DESIGN §B7)."""
    models = []
    for factor in (1, 2):
        path = tmp_path / f"growing{factor}.py"
        path.write_text(
            "import xsim as xs\n\n\n@xs.process\nclass Grow:\n    k = xs.variable()\n"
            "    v = xs.variable(intent='out')\n\n    def initialize(self):\n"
            f"        self.v = self.k * {factor}\n"
        )
        spec = importlib.util.spec_from_file_location(path.stem, path)
        module = importlib.util.module_from_spec(spec)
        monkeypatch.setitem(sys.modules, path.stem, module)
        spec.loader.exec_module(module)
        models.append(xs.Model({"grow": module.Grow}))

    def setup(members):
        return xs.create_setup(
            model=models[0],
            clocks={"time": [0, 1]},
            input_vars={"grow__k": ("m", np.arange(members))},
            output_vars={"grow__v": None},
        )

    run(setup(2), tmp_path / "out.zarr", model=models[0])
    with pytest.raises(xs.errors.ResumeError) as error:
        run(setup(4), tmp_path / "out.zarr", model=models[1], resume=True)
    assert error.value.differences == ("process 'grow': other source text",)
    assert "accept_code_change=True" in error.value.remedy
    result = run(setup(4), tmp_path / "out.zarr", model=models[1], resume=True, accept_code_change=True)
    assert result.grow__v.values.tolist() == [0, 1, 4, 6]
    run(setup(5), tmp_path / "out.zarr", model=models[1], resume=True)  # which is the code of the run from now on


def test_nothing_begun_is_a_fresh_run(tmp_path):
    """resume=True where nothing is, or an empty group, begins."""
    run(setup_of(2), tmp_path / "new.zarr", resume=True)
    check(setup_of(2), tmp_path / "new.zarr")
    zarr.open_group(tmp_path / "empty.zarr", mode="w")
    run(setup_of(2), tmp_path / "empty.zarr", resume=True)
    check(setup_of(2), tmp_path / "empty.zarr")


def test_something_else_is_refused(tmp_path):
    """What is no run is never touched."""
    xr.Dataset({"a": ("x", [1, 2])}).to_zarr(tmp_path / "out.zarr", consolidated=False)
    with pytest.raises(xs.errors.StoreExistsError) as error:
        run(setup_of(2), tmp_path / "out.zarr", resume=True)
    assert str(error.value) == (
        f"store '{tmp_path / 'out.zarr'}' holds something that is no run of xsim\n"
        "  got: 'a'\n"
        "  expected: a batch that was begun there, or nothing\n"
        "  remedy: choose another store"
    )


def test_a_damaged_record_runs_again(tmp_path):
    """A record that cannot be read counts as none."""
    run(setup_of(4), tmp_path / "out.zarr", block=1)
    zarr.open_group(tmp_path / "out.zarr", use_consolidated=False)["xsim_journal"][2] = '{"outcome": "do'
    run(setup_of(4), tmp_path / "out.zarr", resume=True)
    assert CALLS == [2]
    check(setup_of(4), tmp_path / "out.zarr")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"store": None},
            "resume=True without store= makes no sense\n"
            "  expected: a batch in a store: members that are done are there\n"
            "  remedy: a single run starts anew; choose another store, or replace it with mode='w'",
        ),
        (
            {"batch_dim": None},
            "resume=True without batch_dim= makes no sense\n"
            "  expected: a batch in a store: members that are done are there\n"
            "  remedy: a single run starts anew; choose another store, or replace it with mode='w'",
        ),
        (
            {"mode": "w"},
            "resume=True and mode='w' contradict each other\n"
            "  expected: one of them: going on with what is in the store, or replacing it",
        ),
    ],
)
def test_options_that_contradict(tmp_path, options, message):
    """resume=True is for batches in a store, and does not go with mode='w'."""
    with pytest.raises(xs.errors.OptionError) as error:
        setup_of(2).xsim.run(MODEL, **{"batch_dim": "m", "store": tmp_path / "out.zarr", "resume": True} | options)
    assert str(error.value) == message


def test_without_resume_the_error_names_it(tmp_path):
    """A store that holds a run is refused, and the remedy says how to go on with it."""
    run(setup_of(2), tmp_path / "out.zarr")
    with pytest.raises(xs.errors.StoreExistsError) as error:
        run(setup_of(2), tmp_path / "out.zarr")
    assert error.value.remedy == "go on with it: resume=True; choose another one, or replace it with mode='w'"


def test_left_overs_are_swept_and_nothing_else(tmp_path):
    """What killed writes have left is deleted, also of the very first one; other files are not touched."""
    path = tmp_path / "out.zarr"
    path.mkdir()
    left = f"zarr.{'0a' * 16}.partial"
    (path / left).touch()
    run(setup_of(2), path, resume=True)
    check(setup_of(2), path)
    (path / "plant__height" / left).touch()
    (path / "plant__height" / "download.partial").touch()
    run(setup_of(2), path, resume=True)
    assert [each.name for each in path.rglob("*.partial")] == ["download.partial"]
