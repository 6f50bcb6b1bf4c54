"""Exceptions of every kind, in each stage, under each executor: one member's failure never touches another (§B6)."""

import threading
import warnings
from itertools import product
from pathlib import Path

import numpy as np
import pytest

import xsim as xs

WAYS = {
    "sequential": {},
    "threads": {"parallel": True, "workers": 2},
    "processes": {"parallel": True, "scheduler": "processes", "workers": 2},
}
STAGES = ("initialize", "run_step", "finalize_step", "finalize")


class HoldingError(ValueError):
    def __init__(self):
        super().__init__("holds a lock")
        self.lock = threading.Lock()


class OtherError(Exception):
    def __init__(self, a, b):
        super().__init__(f"{a}, {b}")


class MuteError(Exception):
    def __str__(self):
        raise RuntimeError("cannot be printed")

    __repr__ = __str__


class LocalState(Exception):
    def __reduce__(self):
        raise TypeError("will not be pickled")


def chained():
    try:
        try:
            raise KeyError("first")
        except KeyError as error:
            raise HoldingError from error
    except HoldingError as error:
        return error


ERRORS = {
    "plain": lambda: ValueError("bad value"),
    "unpicklable": HoldingError,
    "arguments": lambda: OtherError(1, 2),
    "mute": MuteError,
    "refusing": LocalState,
    "huge": lambda: ValueError("z" * 5_000_000),
    "many lines": lambda: RuntimeError("line\n" * 200_000),
    "odd text": lambda: ValueError("a\x00b\ud800c\r\n\u2028"),
    "group": lambda: ExceptionGroup("several", [ValueError("a"), HoldingError()]),
    "cause": chained,
    "stop": lambda: StopIteration(),
    "memory": MemoryError,
    "recursion": RecursionError,
    "timeout": TimeoutError,
    "disk": lambda: OSError(28, "No space left on device"),
}


@xs.process
class Before:
    out = xs.variable(intent="out")

    def initialize(self):
        self.out = 1.0


@xs.process
class Fragile:
    k = xs.variable()
    error = xs.variable()
    where = xs.variable()
    healed = xs.variable(description="file that says that nothing fails any more")
    other = xs.foreign(Before, "out")
    value = xs.variable(intent="out")
    curve = xs.variable(dims="x", intent="out")

    def fail(self, stage):
        if self.where == stage and not Path(self.healed).exists():
            raise ERRORS[self.error]()

    def initialize(self):
        self.value = int(self.k)
        self.curve = np.full(int(self.k) % 3 + 1, self.other)
        self.fail("initialize")

    @xs.runtime(args="step")
    def run_step(self, step):
        self.value += 1
        if step == 1:
            self.fail("run_step")

    @xs.runtime(args="step")
    def finalize_step(self, step):
        self.curve = self.curve * 2
        if step == 1:
            self.fail("finalize_step")

    def finalize(self):
        self.fail("finalize")


MODEL = xs.Model({"before": Before, "fragile": Fragile})
CASES = [case for pair in product(ERRORS, STAGES) for case in (pair, ("", ""))]


def run(folder, store, **options):
    setup = xs.create_setup(
        model=MODEL,
        clocks={"time": np.arange(4)},
        input_vars={
            "fragile__k": ("m", np.arange(len(CASES))),
            "fragile__error": ("m", np.array([error for error, _ in CASES], dtype=object)),
            "fragile__where": ("m", np.array([where for _, where in CASES], dtype=object)),
            "fragile__healed": str(folder / "healed"),
        },
        output_vars={"fragile": {"value": "time", "curve": "time"}},
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", xs.BatchWarning)
        return setup.xsim.run(MODEL, batch_dim="m", store=store, on_error="continue", **options).load()


@pytest.mark.parametrize(
    ("way", "block"),
    [
        ("sequential", None),
        ("threads", 5),
        ("processes", 5),
        *(
            pytest.param(*case, marks=pytest.mark.slow)
            for case in (("sequential", 1), ("sequential", 5), ("threads", 1), ("processes", 1))
        ),
    ],
)
def test_every_error_in_every_stage(tmp_path, way, block):
    """Each failure is told of with its class, stage and step; the others are done, and all are when it is mended."""
    store = tmp_path / "out.zarr"
    result = run(tmp_path, store, block=block, **WAYS[way])
    failing = np.array([error != "" for error, _ in CASES])
    assert result.xsim_outcome.values.tolist() == np.where(failing, "failed", "done").tolist()
    for member in np.flatnonzero(failing):
        error, stage = CASES[member]
        row = result.isel(m=member)
        kind = type(ERRORS[error]())
        assert row.xsim_exception.item() == kind.__qualname__
        assert row.xsim_reason.item().startswith(f"{kind.__name__}: ")
        assert len(row.xsim_reason.item()) < 1100
        assert len(row.xsim_traceback.item()) < 25_000
        assert row.xsim_process.item() == "fragile"
        assert row.xsim_stage.item() == stage
        assert row.xsim_step.item() == (1 if "step" in stage else -1)
    assert np.isnan(result.fragile__value.values[failing]).all()
    assert np.isnan(result.fragile__curve.values[failing]).all()
    (tmp_path / "healed").touch()
    resumed = run(tmp_path, store, resume=True, **WAYS[way])
    xs.testing.assert_identical_runs(resumed, run(tmp_path, None))
    assert (resumed.xsim_start.values[~failing] == result.xsim_start.values[~failing]).all()


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("error", ERRORS)
def test_the_error_that_is_raised(tmp_path, way, error):
    """The error of a batch can be raised, printed and caught, whatever was raised in a member."""
    setup = xs.create_setup(
        model=MODEL,
        clocks={"time": np.arange(3)},
        input_vars={
            "fragile__k": ("m", np.arange(2)),
            "fragile__error": error,
            "fragile__where": ("m", np.array(["finalize_step", ""], dtype=object)),
            "fragile__healed": str(tmp_path / "healed"),
        },
        output_vars={"fragile__value": "time"},
    )
    with pytest.raises(xs.errors.BatchError) as caught:
        setup.xsim.run(MODEL, batch_dim="m", **WAYS[way])
    assert str(caught.value).startswith("1 of 2 members done, 1 failed\nfirst failure at m 0: ")
    assert caught.value.result.xsim_outcome.values.tolist() == ["failed", "done"]
