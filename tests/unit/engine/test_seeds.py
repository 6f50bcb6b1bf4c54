"""Random streams: by seed, position and process name, and by nothing else (DESIGN §B11)."""

import numpy as np
import pytest
import xarray as xr

import xsim as xs

PROCESSES = {"parallel": True, "scheduler": "processes", "workers": 2}
HOW = [{}, {"parallel": True, "workers": 2}, {"parallel": True, "workers": 4}, PROCESSES]


@xs.process
class Noise:
    scale = xs.variable(default=1.0)
    first = xs.variable(intent="out")
    values = xs.variable(dims="i", intent="out")

    @xs.runtime(args="rng")
    def initialize(self, rng):
        self.first = rng.random() * self.scale

    @xs.runtime(args="rng")
    def run_step(self, rng):
        self.values = rng.normal(size=3) * self.scale


@xs.process
class Other(Noise):
    @xs.runtime(args="rng")
    def initialize(self, rng):
        self.first = rng.random() * self.scale


@xs.process
class Fragile:
    fails = xs.variable(default=False)

    @xs.runtime(args="step")
    def run_step(self, step):
        if self.fails:
            raise ValueError("no")


MODEL = xs.Model({"noise": Noise, "more": Noise})


def setup_of(model=MODEL, batch=5, names=("noise", "more")):
    scale = ("b", np.ones(batch)) if batch else 1.0
    return xs.create_setup(
        model=model,
        clocks={"time": [0, 1, 2]},
        input_vars={f"{names[0]}__scale": scale},
        output_vars={f"{name}__{var}": "time" for name in names for var in ("first", "values")},
    )


def outputs(result, names=("noise", "more")):
    return result[[f"{name}__{var}" for name in names for var in ("first", "values")]].drop_attrs().load()


@pytest.fixture(scope="module")
def expected():
    return outputs(setup_of().xsim.run(MODEL, batch_dim="b", seed=11))


@pytest.mark.parametrize("block", [1, 3, None])
@pytest.mark.parametrize("options", HOW, ids=["sequential", "two", "four", "processes"])
def test_schedulers_change_nothing(expected, options, block, tmp_path):
    """Scheduler, number of workers, block and store change nothing."""
    for store in (None, tmp_path / "out.zarr"):
        result = setup_of().xsim.run(MODEL, batch_dim="b", seed=11, block=block, store=store, **options)
        xr.testing.assert_identical(outputs(result), expected)


def test_all_streams_differ(expected):
    """Each member and process has a stream of its own, which goes on from stage to stage and step to step."""
    numbers = np.concatenate([expected[name].values[:, :2].ravel() for name in ("noise__values", "more__values")])
    firsts = np.concatenate([expected[name].values[:, 0] for name in ("noise__first", "more__first")])
    assert len(np.unique(numbers)) == numbers.size
    assert len(np.unique(firsts)) == firsts.size


def test_seeds_differ(expected):
    """Another seed gives other numbers."""
    result = outputs(setup_of().xsim.run(MODEL, batch_dim="b", seed=12))
    assert not np.isin(result.noise__values, expected.noise__values).any()


def test_members_appended(expected):
    """Members that are appended leave the numbers of the others."""
    result = outputs(setup_of(batch=9).xsim.run(MODEL, batch_dim="b", seed=11))
    xr.testing.assert_identical(result.isel(b=slice(5)), expected)


def test_position_not_number():
    """On a grid the tuple of positions counts: a dimension that grows leaves the numbers of those that were there."""

    def run(n, m):
        setup = setup_of(batch=0)
        setup["noise__scale"] = (("a", "b"), np.ones((n, m)))
        return outputs(setup.xsim.run(MODEL, batch_dim=["a", "b"], seed=4))

    small, large = run(2, 2), run(3, 5)
    xr.testing.assert_identical(large.isel(a=slice(2), b=slice(2)), small)
    assert not np.isin(large.noise__first.values[0, 1], large.noise__first.values[1, 0]).any()


def test_labels_and_inputs_do_not_count(expected):
    """Labels of members and values of inputs change no stream."""
    setup = setup_of().assign_coords(b=list("vwxyz"))
    setup["noise__scale"] = ("b", np.full(5, 2.0))
    result = outputs(setup.xsim.run(MODEL, batch_dim="b", seed=11))
    np.testing.assert_array_equal(result.noise__values, 2.0 * expected.noise__values)
    np.testing.assert_array_equal(result.more__values, expected.more__values)


def test_only_the_name_of_the_process_counts(expected):
    """Other processes, their order and the class change nothing: the name of the process does."""
    model = xs.Model({"more": Other, "fragile": Fragile, "noise": Noise})
    xr.testing.assert_identical(outputs(setup_of(model).xsim.run(model, batch_dim="b", seed=11)), expected)
    renamed = xs.Model({"renamed": Noise, "more": Noise})
    names = ("renamed", "more")
    result = outputs(setup_of(renamed, names=names).xsim.run(renamed, batch_dim="b", seed=11), names)
    np.testing.assert_array_equal(result.more__values, expected.more__values)
    assert not np.isin(result.renamed__values, expected.noise__values).any()


def test_failures_do_not_count(expected):
    """A member's failure changes the stream of no other."""
    model = xs.Model({"noise": Noise, "fragile": Fragile, "more": Noise})
    setup = setup_of(model).assign(fragile__fails=("b", [False, True, False, True, False]))
    with pytest.warns(xs.BatchWarning):
        result = outputs(setup.xsim.run(model, batch_dim="b", seed=11, on_error="continue"))
    xr.testing.assert_identical(result.isel(b=[0, 2, 4]), expected.isel(b=[0, 2, 4]))


def test_a_single_run():
    """A single run has streams too, by its seed; in parallel too."""
    first = outputs(setup_of(batch=0).xsim.run(MODEL, seed=3))
    xr.testing.assert_identical(outputs(setup_of(batch=0).xsim.run(MODEL, seed=3, parallel=True)), first)
    assert not np.isin(outputs(setup_of(batch=0).xsim.run(MODEL, seed=4)).noise__values, first.noise__values).any()
    assert len(np.unique([first.noise__first[0], first.more__first[0]])) == 2


@pytest.mark.parametrize("options", HOW[:2], ids=["sequential", "threads"])
@pytest.mark.parametrize("where", ["memory", "zarr"])
def test_the_seed_is_stored(options, where):
    """Without a seed a fresh one is taken; it is stored, and gives the same numbers again."""
    one = setup_of().xsim.run(MODEL, batch_dim="b", store={} if where == "zarr" else None, **options)
    two = setup_of().xsim.run(MODEL, batch_dim="b", **options)
    assert one.attrs["xsim_seed"] != two.attrs["xsim_seed"]
    again = setup_of().xsim.run(MODEL, batch_dim="b", seed=int(one.attrs["xsim_seed"]))
    xr.testing.assert_identical(outputs(again), outputs(one))
    assert again.attrs["xsim_seed"] == one.attrs["xsim_seed"]


def test_a_result_runs_again(expected):
    """A result that is run again with its seed gives the same."""
    result = setup_of().xsim.run(MODEL, batch_dim="b", seed=11)
    again = result.xsim.run(MODEL, batch_dim="b", seed=int(result.attrs["xsim_seed"]))
    xr.testing.assert_identical(outputs(again), expected)


def test_by_numpys_rules():
    """A stream is one of numpy's, made from the seed and a key (DESIGN §B11)."""
    plan = setup_of().xsim.plan(MODEL, batch_dim="b", seed=11)
    stream = plan.random_stream(2, "noise")
    assert isinstance(stream, np.random.Generator)
    sequence = stream.bit_generator.seed_seq
    assert sequence.entropy == 11
    assert sequence.spawn_key[0] == 2
    assert stream.random() == plan.random_stream(2, "noise").random()


def test_streams_only_where_asked_for(monkeypatch):
    """Streams are made only where a process asks for one."""
    made = []
    original = np.random.default_rng
    monkeypatch.setattr(np.random, "default_rng", lambda *args: made.append(args) or original(*args))
    model = xs.Model({"fragile": Fragile, "noise": Noise})
    setup = setup_of(model, names=("noise",))
    setup.xsim.run(model, batch_dim="b", seed=1)
    assert len(made) == 5
