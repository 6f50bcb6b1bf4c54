"""Members that fail: the others are done and saved, and one error tells all (DESIGN §B6)."""

import pickle
import textwrap
import threading
from dataclasses import dataclass

import numpy as np
import pytest
import xarray as xr

import xsim as xs
from xsim.errors import BatchError

SCHEDULERS = {
    "sequential": {},
    "threads": {"parallel": True, "workers": 3},
    "processes": {"parallel": True, "scheduler": "processes", "workers": 2},
}
everywhere = pytest.mark.parametrize("how", SCHEDULERS)


def message(text):
    return textwrap.dedent(text).strip()


class OwnError(Exception):
    pass


class TwoArgumentsError(Exception):
    def __init__(self, a, b):
        super().__init__(f"{a} and {b}")


class NewError(Exception):
    def __new__(cls, code):
        return super().__new__(cls, code)

    def __init__(self, code):
        super().__init__(f"code {code}")


class SilentError(Exception):
    def __str__(self):
        raise RuntimeError("nothing to say")


class HoldingError(ValueError):
    def __init__(self, text):
        super().__init__(text)
        self.lock = threading.Lock()


class ResultError(Exception):
    result = None


class FinalError(Exception):
    def __init_subclass__(cls, **kwargs):
        raise RuntimeError("nobody derives from me")


@dataclass(frozen=True)
class FrozenError(Exception):
    code: int


ERRORS = {
    "frozen": lambda: FrozenError(3),
    "value": lambda: ValueError("bad value"),
    "key": lambda: KeyError("k"),
    "os": lambda: FileNotFoundError(2, "no such file", "f.txt"),
    "unicode": lambda: UnicodeDecodeError("utf-8", b"a", 0, 1, "reason"),
    "memory": lambda: MemoryError(),
    "stop": lambda: StopIteration(3),
    "group": lambda: ExceptionGroup("several", [ValueError("a"), KeyError("b")]),
    "own": lambda: OwnError("own"),
    "two": lambda: TwoArgumentsError(1, 2),
    "new": lambda: NewError(3),
    "silent": lambda: SilentError("x"),
    "holding": lambda: HoldingError("held"),
    "result": lambda: ResultError("r"),
    "final": lambda: FinalError("f"),
    "huge": lambda: ValueError("z" * 3_000_000),
    "lines": lambda: ValueError("one\ntwo\x00\nthree\ud800"),
    "xsim": lambda: xs.errors.OutputError("of xsim", got="g", remedy="r", variable=("a", "b")),
}


@xs.process
class Fragile:
    error = xs.variable(default="")
    value = xs.variable(intent="out")

    def initialize(self):
        self.value = 0

    @xs.runtime(args="step")
    def run_step(self, step):
        self.value = self.value + 1
        if self.error and step == 1:
            raise ERRORS[self.error]()


MODEL = xs.Model({"fragile": Fragile})


def setup_of(*errors):
    return xs.create_setup(
        model=MODEL,
        clocks={"time": [0, 1, 2, 3]},
        input_vars={"fragile__error": ("b", np.array(errors, dtype=object))},
        output_vars={"fragile__value": "time"},
    )


def check(result, *outcomes):
    assert result.xsim_outcome.values.tolist() == list(outcomes)
    for outcome, row in zip(outcomes, result.fragile__value.values, strict=True):
        np.testing.assert_array_equal(row, [1, 2, 3, 3] if outcome == "done" else [np.nan] * 4)


@everywhere
@pytest.mark.parametrize("where", ["memory", "zarr"])
@pytest.mark.parametrize("block", [1, 2, None])
def test_others_are_not_touched(how, where, block):
    """One member's failure never touches another, neighbours in its block neither."""
    store = {} if where == "zarr" else None
    with pytest.warns(xs.BatchWarning):
        result = setup_of("", "value", "", "own", "").xsim.run(
            MODEL, batch_dim="b", block=block, store=store, on_error="continue", **SCHEDULERS[how]
        )
    check(result, "done", "failed", "done", "failed", "done")
    assert result.attrs["xsim_outcome"] == "failed"


@everywhere
def test_the_error(how):
    """One error is raised when all others are done: its type is that of the first failure, it has the result."""
    with pytest.raises(BatchError) as error:
        setup_of("", "", "value", "own", "").xsim.run(MODEL, batch_dim="b", **SCHEDULERS[how])
    assert str(error.value) == message("""
        3 of 5 members done, 2 failed
        first failure at b 2: ValueError: bad value
          remedy: the partial result is in the attribute `result` of this error; on_error='continue' returns it
    """)
    assert isinstance(error.value, ValueError)
    assert isinstance(error.value, RuntimeError)
    assert isinstance(error.value.__cause__, ValueError)
    assert str(error.value.__cause__) == "bad value"
    check(error.value.result, "done", "done", "failed", "failed", "done")
    assert error.value.result.attrs["xsim_summary"] == "\n".join(str(error.value).splitlines()[:2])


@pytest.mark.parametrize("kind", ERRORS)
def test_any_exception(kind):
    """Whatever a member raises, the error of the batch is of its type where Python allows, with summary and result."""
    with pytest.raises(BatchError) as error:
        setup_of("", kind, "").xsim.run(MODEL, batch_dim="b")
    cause = error.value.__cause__
    assert type(cause) is type(ERRORS[kind]())
    if kind not in ("group", "final", "frozen", "result"):  # these do not let themselves be derived from, or made
        assert isinstance(error.value, type(cause))
    assert str(error.value).startswith("2 of 3 members done, 1 failed\nfirst failure at b 1: ")
    check(error.value.result, "done", "failed", "done")
    assert len(error.value.result.xsim_reason.values[1]) < 2000
    assert len(error.value.result.xsim_traceback.values[1]) < 50_000


@pytest.mark.parametrize("kind", [kind for kind in ERRORS if kind not in ("key", "os", "unicode", "memory", "own")])
def test_any_exception_of_a_worker_process(kind):
    """Also exceptions that cannot be pickled, or not printed, come from workers; of their type or its built-in base."""
    with pytest.raises(BatchError) as error:
        setup_of("", kind, "").xsim.run(MODEL, batch_dim="b", block=1, **SCHEDULERS["processes"])
    cause = error.value.__cause__
    expected = type(ERRORS[kind]())
    bases = {"two": Exception, "frozen": Exception, "holding": ValueError}
    assert type(cause) is bases.get(kind, expected)
    check(error.value.result, "done", "failed", "done")
    assert error.value.result.xsim_exception.values[1] == expected.__qualname__


@pytest.mark.parametrize("kind", ERRORS)
def test_any_exception_in_a_store(kind):
    """Whatever a member raises, the journal takes it."""
    store = {}
    with pytest.warns(xs.BatchWarning):
        result = setup_of("", kind, "").xsim.run(MODEL, batch_dim="b", store=store, block=1, on_error="continue")
    check(result, "done", "failed", "done")
    reason = result.xsim_reason.values[1]
    assert reason.startswith(f"{type(ERRORS[kind]()).__name__}: ")
    if kind == "silent":
        assert reason == "SilentError: (its message cannot be printed)"


def test_the_error_travels():
    """The error can be pickled, as by a test runner or a pool of the user's own."""
    with pytest.raises(BatchError) as error:
        setup_of("", "value").xsim.run(MODEL, batch_dim="b")
    copy = pickle.loads(pickle.dumps(error.value))
    assert isinstance(copy, BatchError)
    assert str(copy) == str(error.value)
    xr.testing.assert_identical(copy.result, error.value.result)


def test_the_first_failure_is_that_of_the_lowest_member():
    """It is the member's number that makes a failure the first one, not the time."""
    for options in SCHEDULERS.values():
        with pytest.raises(BatchError) as error:
            setup_of("", "key", "value", "own").xsim.run(MODEL, batch_dim="b", block=1, **options)
        assert isinstance(error.value, KeyError)
        assert str(error.value).splitlines()[1] == "first failure at b 1: KeyError: 'k'"


def test_place_of_a_failure_on_a_grid():
    """The first failure is named by its position along each batch dimension."""
    setup = xs.create_setup(
        model=MODEL,
        clocks={"time": [0, 1, 2]},
        input_vars={"fragile__error": (("a", "b"), np.array([["", ""], ["", "value"]], dtype=object))},
        output_vars={"fragile__value": "time"},
    )
    with pytest.raises(BatchError) as error:
        setup.xsim.run(MODEL, batch_dim=["a", "b"])
    assert str(error.value).splitlines()[1] == "first failure at a 1, b 1: ValueError: bad value"


def test_a_loud_summary():
    """on_error='continue' returns the result with one warning, at the line of the call."""
    with pytest.warns() as caught:
        result = setup_of("", "value").xsim.run(MODEL, batch_dim="b", on_error="continue")
    assert [type(warning.message) for warning in caught] == [xs.BatchWarning]
    assert str(caught[0].message) == "1 of 2 members done, 1 failed\nfirst failure at b 1: ValueError: bad value"
    assert caught[0].filename == __file__
    assert result.attrs["xsim_summary"] == str(caught[0].message)


@everywhere
def test_max_failures(how):
    """When max_failures is reached nothing new starts, and the rest stay pending."""
    setup = setup_of(*["", "value"] * 30)
    with pytest.warns(xs.BatchWarning) as caught:
        result = setup.xsim.run(
            MODEL, batch_dim="b", block=1, max_failures=3, on_error="continue", store={}, **SCHEDULERS[how]
        )
    counts = dict(zip(*np.unique(result.xsim_outcome.values, return_counts=True), strict=True))
    late = 0 if how == "sequential" else 4  # those under way end in their own time
    assert 3 <= counts["failed"] <= 3 + late
    assert counts["done"] <= 3 + late
    assert counts["pending"] >= 54 - 2 * late
    (warning,) = [each for each in caught if each.category is xs.BatchWarning]
    assert str(warning.message).splitlines() == [
        f"{counts['done']} of 60 members done, {counts['failed']} failed, {counts['pending']} pending",
        "first failure at b 1: ValueError: bad value",
        "nothing new was started: max_failures=3 is reached",
    ]
    pending = result.fragile__value.values[result.xsim_outcome.values == "pending"]
    assert np.isnan(pending).all()


@pytest.mark.parametrize("workers", [1, 3, 12])
def test_all_fail_at_the_same_line(workers):
    """If the first max(10, workers) members all fail at the same line, nothing new starts."""
    setup = setup_of(*["value", "own"] * 50)  # the same line, whatever the type
    with pytest.raises(BatchError) as error:
        setup.xsim.run(MODEL, batch_dim="b", block=1, parallel=workers > 1, workers=workers)
    outcomes = error.value.result.xsim_outcome.values
    failed = int((outcomes == "failed").sum())
    assert max(10, workers) <= failed <= max(10, workers) + 2 * workers
    assert (outcomes == "pending").sum() == 100 - failed
    assert str(error.value).splitlines()[2] == f"nothing new was started: the first {failed} members all failed at " + (
        "the same line"
    )


def test_one_done_member_is_enough():
    """Where one of the first members is done all others run."""
    setup = setup_of("", *["value"] * 30)
    with pytest.raises(BatchError) as error:
        setup.xsim.run(MODEL, batch_dim="b", block=1)
    assert error.value.result.xsim_outcome.values.tolist() == ["done"] + ["failed"] * 30


@xs.process
class Lines:
    k = xs.variable()
    out = xs.variable(intent="out")

    def initialize(self):
        if self.k % 2:
            raise ValueError("odd")
        raise ValueError("even")


def test_different_lines():
    """Where members fail at different lines they all run."""
    model = xs.Model({"lines": Lines})
    setup = xs.create_setup(model=model, clocks={}, input_vars={"lines__k": ("b", np.arange(25))}, output_vars={})
    with pytest.raises(BatchError) as error:
        setup.xsim.run(model, batch_dim="b")
    assert (error.value.result.xsim_outcome == "failed").all()


@xs.process
class Guarded:
    k = xs.variable()
    limit = xs.variable(default=10)
    out = xs.variable(intent="out")

    @k.validator
    def _check(self, attribute, value):
        if value < 0:
            raise ValueError(f"{attribute.name} must not be negative, got {value}")

    def initialize(self):
        self.out = self.k * 1.0


GUARDED = xs.Model({"guarded": Guarded})


@everywhere
def test_a_validator_refuses_one_member(how):
    """A validator that refuses a member's input fails that member only."""
    setup = xs.create_setup(
        model=GUARDED,
        clocks={"time": [0, 1]},
        input_vars={"guarded__k": ("b", [1, -2, 3])},
        output_vars={"guarded__out": None},
    )
    with pytest.warns(xs.BatchWarning):
        result = setup.xsim.run(GUARDED, batch_dim="b", on_error="continue", **SCHEDULERS[how])
    np.testing.assert_array_equal(result.guarded__out, [1, np.nan, 3])
    assert result.xsim_reason.values[1] == "ValueError: k must not be negative, got -2"
    assert "refused by the validator of input 'guarded__k'" in result.xsim_traceback.values[1]


def test_a_validator_refuses_all():
    """What all members share is refused while planning (DESIGN §E1)."""
    setup = xs.create_setup(
        model=GUARDED,
        clocks={"time": [0, 1]},
        input_vars={"guarded__k": -1, "guarded__limit": ("b", [1, 2])},
        output_vars={"guarded__out": None},
    )
    with pytest.raises(ValueError) as error:  # noqa: PT011
        setup.xsim.run(GUARDED, batch_dim="b")
    assert str(error.value) == "k must not be negative, got -1"
    assert not isinstance(error.value, BatchError)
