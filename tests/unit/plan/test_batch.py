"""The batch of a plan: its dims, its members, the inputs of each, the options (DESIGN §B1, §B2, §R1)."""

import pickle
import textwrap
import threading
from concurrent.futures import ThreadPoolExecutor

import dask
import dask.array as da
import numpy as np
import pytest
import xarray as xr

import xsim as xs
from xsim.errors import BatchDimensionError, InputError, OptionError
from xsim.plan.batch import Batch
from xsim.plan.window import Window


def message(text):
    return textwrap.dedent(text).strip()


@xs.process
class Decay:
    rate = xs.variable(dims=[(), "x"], description="rate")
    start = xs.variable(dims=[(), "x", ("y", "x")], default=1.0)
    name = xs.variable(default="a")
    value = xs.variable(dims=[(), "x", ("y", "x")], intent="out")

    def initialize(self):
        self.value = self.start

    def run_step(self):
        self.value = self.value * self.rate


@pytest.fixture
def model():
    return xs.Model({"decay": Decay})


def setup_of(model, **inputs):
    return xs.create_setup(
        model=model,
        clocks={"time": [0, 1, 2], "out": [0, 2]},
        main_clock="time",
        input_vars={f"decay__{name}": value for name, value in inputs.items()},
        output_vars={"decay__value": "out"},
    )


@pytest.fixture
def setup(model):
    return setup_of(model, rate=("k", [0.5, 0.25, 0.75]), start=(("s", "k"), np.ones((2, 3))))


def test_members_are_numbered_last_dimension_first():
    """Member i of a grid is that of numpy's C order."""
    batch = Batch(("a", "b"), (2, 3))
    assert batch.size == 6
    assert [batch.position(i) for i in range(6)] == [(0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2)]
    assert all(type(i) is int for i in batch.position(4))


def test_a_single_run_is_one_member():
    """Without batch dimensions there is one member, at no position."""
    assert Batch().size == 1
    assert Batch().position(0) == ()


@pytest.mark.parametrize("batch_dim", ["k", ["k"], ("k",)])
def test_one_dimension(model, batch_dim):
    """A name and a list of one name mean the same."""
    plan = setup_of(model, rate=("k", [0.5, 0.25, 0.75])).xsim.plan(model, batch_dim=batch_dim)
    assert plan.batch == Batch(("k",), (3,))
    assert plan.is_batch


def test_outer_product(model, setup):
    """A list of names gives a grid, in the order of the list (DESIGN §B2)."""
    plan = setup.xsim.plan(model, batch_dim=["s", "k"])
    assert plan.batch == Batch(("s", "k"), (2, 3))
    assert [output.dims_of(1) for output in plan.outputs] == [("s", "k", "out", "x")]


def test_no_batch(model):
    """Without batch_dim the run is a single one."""
    assert not setup_of(model, rate=0.5).xsim.plan(model).is_batch


def test_inputs_of_a_member(model):
    """Each member gets its own part of each input, whichever batch dimensions that has (DESIGN §B2)."""
    setup = setup_of(
        model,
        rate=(("s", "time", "x"), np.arange(24.0).reshape(2, 3, 4)),
        start=(("s", "k", "y", "x"), np.arange(48.0).reshape(2, 3, 2, 4)),
        name=("k", ["p", "q", "r"]),
    )
    plan = setup.xsim.plan(model, batch_dim=["s", "k"])
    rate, start, name = plan.inputs
    for member in range(plan.batch.size):
        s, k = position = plan.batch.position(member)
        mine = [planned.of_member(position) for planned in (rate, start, name)]
        assert [planned.batch_axes for planned in mine] == [(), (), ()]
        np.testing.assert_array_equal(mine[0].at(1), setup.decay__rate.values[s, 1])
        np.testing.assert_array_equal(mine[1].at(0), setup.decay__start.values[s, k])
        assert mine[2].at(0) == "pqr"[k]


def test_scalars_of_a_member_are_pythons_own(model):
    """A member gets the same kinds of values as a single run: int, float, bool, str."""
    setup = setup_of(model, rate=("k", [0.5, 1.5]), start=("k", [1, 2]), name=("k", ["a", "bb"]))
    plan = setup.xsim.plan(model, batch_dim="k")
    assert [type(planned.of_member((1,)).at(0)) for planned in plan.inputs] == [float, int, str]


def test_threads_share_a_window():
    """A large lazy input that members share gives each thread the rows that it asks for (DESIGN §B10, §O3)."""
    waiting, go = threading.Event(), threading.Event()

    def rows(block, block_info=None):
        if block_info[None]["array-location"][0][0] == 4:
            waiting.set()
            assert go.wait(30)
        return block

    values = np.arange(8.0)[:, None] * np.ones(2)
    lazy = da.from_array(values, chunks=(2, 2)).map_blocks(rows, dtype=float, meta=np.empty((0, 0)))
    window = Window(xr.Variable(("time", "x"), lazy), limit=32)
    with dask.config.set(scheduler="synchronous"), ThreadPoolExecutor(1) as pool:
        other = pool.submit(window.__getitem__, 4)
        assert waiting.wait(30)
        assert window[0].tolist() == [0.0, 0.0]
        go.set()
        assert other.result().tolist() == [4.0, 4.0]
        assert window[1].tolist() == [1.0, 1.0]
        assert window[5].tolist() == [5.0, 5.0]


def test_the_plan_travels(model, setup):
    """A batch's plan can be pickled."""
    plan = pickle.loads(pickle.dumps(setup.xsim.plan(model, batch_dim=["s", "k"])))
    assert plan.batch == Batch(("s", "k"), (2, 3))


def test_the_plan_shows_its_members(model, setup, monkeypatch):
    """The plan prints the grid, and the number of workers that the wish comes to (DESIGN §R1)."""
    monkeypatch.setattr("xsim.plan.run_plan.usable_cpus", lambda: 6)
    lines = [
        repr(setup.xsim.plan(model, batch_dim=["s", "k"], **options)).splitlines()[1]
        for options in ({}, {"parallel": True}, {"parallel": True, "workers": -2, "scheduler": "processes"})
    ]
    assert lines == [
        "Members: 6 (s 2 x k 3), one after the other",
        "Members: 6 (s 2 x k 3), 6 workers (threads)",
        "Members: 6 (s 2 x k 3), 4 workers (processes)",
    ]


def test_unknown_dimension(model, setup):
    """A batch dimension that the setup does not have is refused, with what there is."""
    with pytest.raises(BatchDimensionError) as error:
        setup.xsim.plan(model, batch_dim=["s", "kk"])
    assert str(error.value) == message("""
        Batch dimension 'kk' missing in input dataset
          got: a setup with dimensions 'k', 's'
          expected: a dimension of inputs, or of a coordinate
          did you mean: 'k'?
          remedy: input_vars={'process__variable': ('kk', values)}, or setup.assign_coords(kk=...)
    """)
    assert isinstance(error.value, KeyError)


def test_dimension_of_another_variable(model, setup):
    """No input needs to have the batch dimension: a coordinate makes repetitions, as in xarray-simlab (API.md)."""
    for repeated in (setup.assign(note=("who", ["me", "you"])), setup.assign_coords(who=["me", "you"])):
        assert repeated.xsim.plan(model, batch_dim=["who", "s", "k"]).batch.shape == (2, 2, 3)


def test_dimension_is_a_clock(model, setup):
    """A clock is no batch dimension."""
    with pytest.raises(BatchDimensionError) as error:
        setup.xsim.plan(model, batch_dim="time")
    assert str(error.value) == message("""
        Batch dimension 'time' is a clock
          expected: a dimension that is no clock
    """)


def test_dimension_twice(model, setup):
    """A dimension named twice is refused."""
    with pytest.raises(BatchDimensionError) as error:
        setup.xsim.plan(model, batch_dim=["k", "k"])
    assert str(error.value) == "batch_dim=['k', 'k'] names a dimension twice"


@pytest.mark.parametrize("batch_dim", [5, 1.5, ["k", 3]])
def test_no_name(model, setup, batch_dim):
    """What is no name or list of names is refused as an option, not with a bare TypeError (DESIGN §E2)."""
    with pytest.raises(OptionError) as error:
        setup.xsim.plan(model, batch_dim=batch_dim)
    assert repr(batch_dim) in str(error.value)


def test_dims_in_another_order(model):
    """Batch dims of an input come in the order of batch_dim; another order is named, with both remedies."""
    setup = setup_of(model, rate=0.5, start=(("k", "s", "x"), np.ones((3, 2, 4))))
    with pytest.raises(InputError) as error:
        setup.xsim.plan(model, batch_dim=["s", "k"])
    assert str(error.value) == message(
        """
        Invalid dimension(s) for variable 'decay__start': found ('k', 's', 'x'), must be one of """
        """('s', 'k'),('s', 'k', 'x'),('s', 'k', 'y', 'x'),('s', 'k', 'time'),('s', 'k', 'time', 'x'),"""
        """('s', 'k', 'time', 'y', 'x')
          remedy: check_dims='transpose' takes them in any order; or give them as ('s', 'k', 'x')
    """
    )


@pytest.mark.parametrize(
    "dims", [("x", "time", "k", "s"), ("k", "x", "s", "time"), ("time", "s", "k", "x"), ("s", "k", "time", "x")]
)
def test_transpose(model, dims):
    """check_dims='transpose' takes batch, clock and own dims in any order."""
    sizes = {"s": 2, "k": 3, "time": 3, "x": 4}
    values = np.arange(72.0).reshape([sizes[dim] for dim in dims])
    setup = setup_of(model, rate=0.5, start=(dims, values))
    plan = setup.xsim.plan(model, batch_dim=["s", "k"], check_dims="transpose")
    ordered = setup.decay__start.transpose("s", "k", "time", "x").values
    np.testing.assert_array_equal(plan.inputs[1].of_member((1, 2)).at(1), ordered[1, 2, 1])


@pytest.mark.parametrize("workers", [0, 1.5, "2", True])
def test_workers_make_no_sense(model, setup, workers):
    """A number of workers that is none is refused, with what the numbers mean (DESIGN §R1)."""
    with pytest.raises(OptionError) as error:
        setup.xsim.plan(model, batch_dim=["s", "k"], parallel=True, workers=workers)
    assert str(error.value) == message(f"""
        workers={workers!r} makes no sense
          expected: None: all usable CPUs; n: n workers; -n: all usable CPUs but n, at least 1
    """)


def test_unknown_scheduler(model, setup):
    """A scheduler that does not exist is refused, with those that do."""
    with pytest.raises(OptionError) as error:
        setup.xsim.plan(model, batch_dim=["s", "k"], scheduler="thread")
    assert str(error.value) == message(
        """
        'thread' is no scheduler that xsim has
          expected: one of 'sync', 'synchronous', 'single-threaded', 'threads', 'threading', 'processes', """
        """'multiprocessing'
          did you mean: 'threads', 'threading'?
    """
    )


@pytest.mark.parametrize("name", ["block", "max_failures", "threads_per_worker"])
@pytest.mark.parametrize("value", [0, -1, 1.5, True])
def test_numbers_are_positive(model, setup, name, value):
    """Numbers that must be positive are."""
    with pytest.raises(OptionError) as error:
        setup.xsim.plan(model, batch_dim=["s", "k"], **{name: value})
    assert str(error.value) == message(f"""
        {name}={value!r} makes no sense
          expected: a positive integer, or None
    """)


@pytest.mark.parametrize("seed", [-1, 1.5, "a", True])
def test_seed_makes_no_sense(model, setup, seed):
    """A seed is a natural number; anything else is refused while planning (DESIGN §E1)."""
    with pytest.raises(OptionError) as error:
        setup.xsim.plan(model, batch_dim=["s", "k"], seed=seed)
    assert error.value.problem == f"seed={seed!r} makes no sense"


def test_seed_of_numpy(model, setup):
    """An integer of numpy is a seed."""
    assert setup.xsim.plan(model, batch_dim=["s", "k"], seed=np.int64(3)).seed == 3


def test_unknown_on_error(model, setup):
    """on_error= is one of two."""
    with pytest.raises(OptionError) as error:
        setup.xsim.plan(model, batch_dim=["s", "k"], on_error="ignore")
    assert str(error.value) == message("""
        'ignore' is not a valid value of on_error=
          expected: one of 'raise', 'continue'
    """)


def test_block_smaller_than_a_chunk_is_found_while_planning(model, setup):
    """What is wrong with block= is known before anything runs (DESIGN §E1)."""
    with pytest.raises(OptionError) as error:
        setup.xsim.plan(model, batch_dim=["s", "k"], block=1, encoding={"decay__value": {"chunks": (1, 3)}})
    assert error.value.problem == (
        "block=1 is smaller than a chunk of output 'decay__value': two tasks would write to one chunk"
    )


def test_own_dimension_as_batch_dimension(model):
    """A dimension of an output's own cannot be a batch dimension too: its array would have it twice (DESIGN §E1)."""
    setup = setup_of(model, rate=("x", [0.5, 0.25]), start=("x", [1.0, 2.0]))
    with pytest.raises(xs.errors.XsimError) as error:
        setup.xsim.plan(model, batch_dim="x")
    assert "decay__value" in str(error.value)
