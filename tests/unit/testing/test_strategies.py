"""The strategies make what they say (`xs.testing.strategies`)."""

import numpy as np
import pytest
from hypothesis import Phase, find, given, settings
from hypothesis import strategies as st

import xsim as xs
from xsim import errors
from xsim.testing import strategies
from xsim.testing.drafts import Draft, DraftProcess, PlannedFailure
from xsim.testing.strategies import drafts, model_inputs, models, run_options, setups

# Without shrinking: anything that is found will do.
ENOUGH = settings(max_examples=1000, deadline=None, database=None, phases=[Phase.generate])
FEW = settings(max_examples=10, deadline=None)


@xs.process
class Everything:
    n = xs.variable(static=True)
    k = xs.variable(dims=[(), "x"])
    field = xs.variable(dims=("y", "x"))
    series = xs.variable(dims=xs.MAIN_CLOCK)
    given = xs.variable(default=3)
    out = xs.variable(intent="out")
    lazy = xs.on_demand()
    thing = xs.any_object()
    x = xs.index("x")

    def initialize(self):
        self.x = np.arange(self.field.shape[1])
        self.out = 0.0
        self.thing = object()

    def run_step(self):
        self.out = float(np.sum(self.k) + self.field.sum() + self.series.sum())

    @lazy.compute
    def _lazy(self):
        return self.out / 2


MODEL = xs.Model({"e": Everything})
INPUTS = {"e__n": st.integers(0, 9), "e__k": st.floats(0, 1)}

FEATURES = {
    "foreign": lambda p: any(how == "foreign" for _, _, how in p.reads),
    "global": lambda p: any(how == "global" and name != "ratio" for _, name, how in p.reads),
    "on demand": lambda p: any(name == "ratio" for _, name, _ in p.reads),
    "object": lambda p: any(name == "store" for _, name, _ in p.reads),
    "view": lambda p: any(name == "view" for _, name, _ in p.reads),
    "update of its own": lambda p: p.number in p.updates,
    "update of another": lambda p: any(number != p.number for number in p.updates),
    "group": lambda p: p.gathers == "group",
    "group_dict": lambda p: p.gathers == "group_dict",
    "break": lambda p: p.breaks,
    "stop": lambda p: p.stops,
    "lag": lambda p: p.lags,
    "hint": lambda p: p.after,
    "alone": lambda p: not p.parallel,
    "cached": lambda p: p.cached,
    "finalize_step": lambda p: "finalize_step" in p.stages,
}


@pytest.mark.parametrize("feature", FEATURES)
def test_models_have_it_all(feature):
    """Random models have references, groups, updates and signals of every kind."""
    found = find(drafts(), lambda draft: any(FEATURES[feature](p) for p in draft.processes), settings=ENOUGH)
    assert isinstance(found.model(), xs.Model)


@pytest.mark.parametrize(
    ("options", "has"),
    [
        ({"views": False}, lambda p: p.view_of is not None),
        ({"signals": False}, lambda p: p.breaks or p.stops),
        ({"lags": False}, lambda p: p.lags),
        ({}, lambda p: p.raises),
    ],
    ids=["views", "signals", "lags", "failures"],
)
def test_models_without(options, has):
    """What is not wanted does not occur."""

    @FEW
    @given(drafts(**options))
    def check(draft):
        assert not any(has(p) for p in draft.processes)

    check()


def test_order_of_declaration():
    """Processes are declared in any order."""
    find(drafts(), lambda draft: list(draft.declared) != sorted(draft.declared), settings=ENOUGH)


def test_failures_and_pauses():
    """A draft may fail on purpose, and pauses where it is asked to."""
    draft = Draft((DraftProcess(number=0, raises=("run_step", 1)), DraftProcess(number=1)), (1, 0))
    pauses = []
    model = draft.model(pause=lambda: pauses.append(1))
    setup = xs.create_setup(model, {"t": np.arange(4)})
    assert list(model) == ["p1", "p0"]
    assert model.draft is draft
    with pytest.raises(PlannedFailure, match="process 0 in run_step of step 1"):
        setup.xsim.run(model)
    assert pauses


def test_a_draft_is_its_repr():
    """What a failing property prints makes the model again."""
    draft = find(drafts(), lambda draft: len(draft.processes) > 2, settings=ENOUGH)
    assert eval(repr(draft), {"Draft": Draft, "DraftProcess": DraftProcess, "frozenset": frozenset}) == draft


@FEW
@given(setups(MODEL, inputs=INPUTS, batch_dims=["a", "b"], sizes={"y": 5}))
def test_setups(setup):
    """Setups are complete: each batch dimension is in use, static inputs do not vary, sizes agree."""
    dims = {dim for name in setup.data_vars for dim in setup[name].dims}
    assert {"a", "b"} <= dims
    assert "time" not in setup.e__n.dims
    assert setup.e__series.dims[-1] == "time"
    assert setup.sizes["y"] == 5
    assert 1 <= setup.sizes["x"] <= 3
    assert setup.e__given.item() == 3
    assert setup.xsim.main_clock_dim == "time"
    setup.xsim.plan(MODEL, batch_dim=["a", "b"])


@pytest.mark.parametrize(
    "kind",
    [
        lambda s: "time" in s.e__k.dims,
        lambda s: "time" not in s.e__k.dims,
        lambda s: "a" in s.e__k.dims and "a" not in s.e__n.dims,
        lambda s: s.xsim.output_vars.get(("e", "out")) == "few",
        lambda s: s.xsim.output_vars.get(("e", "lazy"), "") is None,
        lambda s: not s.xsim.output_vars,
        lambda s: s.xsim.nsteps == 0,
        lambda s: s.time.dtype.kind == "M",
    ],
)
def test_setups_of_every_kind(kind):
    """Inputs vary in time or not, along the batch or not; outputs are saved on any clock, at the end, or not."""
    find(setups(MODEL, inputs=INPUTS, batch_dims=["a"]), kind, settings=ENOUGH)


def test_setups_to_order():
    """Clocks and outputs can be given, and inputs kept constant."""

    @FEW
    @given(setups(MODEL, clocks=st.just({"t": [0, 1, 2]}), outputs=["e__out"], varying=False))
    def check(setup):
        assert setup.xsim.main_clock_dim == "t"
        assert set(setup.xsim.output_vars) <= {("e", "out")}
        assert [name for name in setup.data_vars if "t" in setup[name].dims] == ["e__series"]

    check()


def test_setups_without_clock():
    """A setup may have no clock."""
    model = xs.Model({"p0": next(iter(Draft((DraftProcess(number=0),), (0,)).classes().values()))})

    @FEW
    @given(setups(model, clocks=st.just({})))
    def check(setup):
        assert setup.xsim.main_clock_dim is None
        setup.xsim.run(model)

    check()


def test_text_inputs():
    """Text varies over a batch too."""

    @xs.process
    class Words:
        word = xs.variable()

    model = xs.Model({"w": Words})
    strategy = setups(model, inputs={"w__word": st.sampled_from(["a", "bc"])}, batch_dims=["a"])
    setup = find(strategy, lambda s: s.sizes["a"] > 1 and len(set(s.w__word.values.flat)) > 1, settings=ENOUGH)
    assert setup.xsim.run(model, batch_dim="a").xsim_outcome.values.tolist() == ["done"] * setup.sizes["a"]


def test_unknown_inputs():
    """Strategies are for inputs that there are."""
    with pytest.raises(errors.UnknownInputError) as error:
        find(setups(MODEL, inputs={"e__kk": st.just(1)}), bool, settings=ENOUGH)
    assert str(error.value).splitlines()[:3] == [
        "the model has no input 'e__kk'",
        "  expected: among 'e__n', 'e__k', 'e__field', 'e__series', 'e__given'",
        "  did you mean: 'e__k', 'e__n'?",
    ]


def test_nothing_for_the_batch():
    """A batch needs an input that varies."""
    model = xs.Model({"p0": next(iter(Draft((DraftProcess(number=0),), (0,)).classes().values()))})
    with pytest.raises(errors.OptionError) as error:
        find(setups(model, batch_dims=["a"]), bool, settings=ENOUGH)
    assert str(error.value) == (
        "no input can have the batch dimensions 'a'\n"
        "  got: inputs that all keep their default\n"
        "  remedy: give a strategy for one: inputs={'p0__level': ...}"
    )


@FEW
@given(st.data())
def test_run_options(data):
    """Options are those that a plan takes."""
    model = data.draw(models(3))
    setup = data.draw(setups(model, inputs=model_inputs(model), batch_dims=["a"]))
    options = data.draw(run_options(model, setup, "a", schedulers=["processes"]))
    assert options["scheduler"] == "processes"
    setup.xsim.plan(model, batch_dim="a", **options)


@pytest.mark.parametrize(
    "kind",
    [
        lambda o: o.get("block", 0) > 1,
        lambda o: any(len(e["chunks"]) > 1 for e in o.get("encoding", {}).values()),
        lambda o: o.get("workers") == 3,
        lambda o: not o,
    ],
)
def test_run_options_of_every_kind(kind):
    """Blocks, chunks and workers vary."""
    model = xs.Model({"e": Everything})
    outputs = {"e__out": "t", "e__lazy": "t"}
    values = {"e__n": ("a", [1, 2]), "e__k": 1, "e__field": np.ones((1, 1)), "e__series": np.ones(2)}
    setup = xs.create_setup(model, {"t": [0, 1]}, "t", values, outputs)
    find(run_options(model, setup, "a"), kind, settings=ENOUGH)


def test_kinds_of_dtypes():
    """Types can be chosen by kind."""
    assert find(strategies.dtypes("text"), lambda name: True) == "text"
    assert find(strategies.dtypes("date"), lambda name: "time" in name).startswith("datetime64")
