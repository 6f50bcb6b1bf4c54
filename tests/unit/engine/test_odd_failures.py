"""Whatever a member raises is its own failure, and it can run again after the model is mended (DESIGN §B6, §B7)."""

import os
import sys
import threading
import warnings

import numpy as np
import pytest

import xsim as xs

WAYS = {
    "sequential": {},
    "block": {"block": 3},
    "threads": {"parallel": True, "workers": 2},
    "processes": {"parallel": True, "workers": 2, "scheduler": "processes"},
}


class UnpicklableError(ValueError):
    def __init__(self, message):
        super().__init__(message)
        self.lock = threading.Lock()


class HalfPicklableError(Exception):
    """Can be pickled, but not be made from it again."""

    def __init__(self, one, two):
        super().__init__(f"{one} {two}")


class SilentError(Exception):
    def __str__(self):
        raise RuntimeError("no text")


class LeavingError(Exception):
    def __str__(self):
        sys.exit(4)


class OwnBaseError(BaseException):
    pass


class UnpicklableBaseError(BaseException):
    def __init__(self):
        super().__init__("locked")
        self.lock = threading.Lock()


def huge():
    raise ValueError("x" * 3_000_000)


def huge_frame():
    exec("raise ValueError('é' * 2_000_000, '\\ud800')")


def raising(make):
    def act():
        raise make()

    return act


ACTS = {
    "huge": (huge, "ValueError: " + "x" * 1000 + " ... (2999000 characters left out)"),
    "surrogates": (huge_frame, None),
    "unpicklable": (raising(lambda: UnpicklableError("locked")), "UnpicklableError: locked"),
    "half picklable": (raising(lambda: HalfPicklableError(1, 2)), "HalfPicklableError: 1 2"),
    "silent": (raising(SilentError), "SilentError: (its message cannot be printed)"),
    "leaving": (raising(LeavingError), "LeavingError: (its message cannot be printed)"),
    "exit": (lambda: sys.exit(3), "SystemExit: 3"),
    "exit with text": (lambda: sys.exit("no licence"), "SystemExit: no licence"),
    "quit": (raising(GeneratorExit), "GeneratorExit: "),
    "base": (raising(lambda: OwnBaseError("mine")), "OwnBaseError: mine"),
    "unpicklable base": (raising(UnpicklableBaseError), "UnpicklableBaseError: locked"),
    "exit in finalize": (None, "SystemExit: 9"),
    "both": (None, "ValueError: first"),
}


@xs.process
class Odd:
    act = xs.variable()
    flag = xs.variable(description="a file that is there when all is mended")
    k = xs.variable()
    level = xs.variable(intent="out")

    def initialize(self):
        self.level = self.k * 1.0

    def run_step(self):
        self.level = self.level + 1
        if self.fails():
            act = ACTS[self.act][0]
            if act is not None:
                act()
            if self.act == "both":
                raise ValueError("first")

    def finalize(self):
        if self.fails() and self.act in ("exit in finalize", "both"):
            sys.exit(9)

    def fails(self):
        return self.k == 2 and not os.path.exists(self.flag)


MODEL = xs.Model({"odd": Odd})


def setup_of(act, flag):
    return xs.create_setup(
        model=MODEL,
        clocks={"time": [0, 1, 2]},
        input_vars={"odd__act": act, "odd__flag": str(flag), "odd__k": ("m", np.arange(6))},
        output_vars={"odd__level": "time"},
    )


def run(act, tmp_path, **options):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", xs.BatchWarning)
        setup = setup_of(act, tmp_path / "mended")
        return setup.xsim.run(
            MODEL, batch_dim="m", store=tmp_path / "out.zarr", resume=True, on_error="continue", **options
        )


CASES = [*[(act, way) for act in ACTS for way in ("sequential", "processes")]]
CASES += [(act, way) for act in ("exit", "base", "huge") for way in ("block", "threads")]


@pytest.mark.parametrize(("act", "way"), CASES)
def test_any_failure_is_that_of_its_member(tmp_path, act, way):
    """The member has failed with its reason, bounded in size; the others are done; and it runs again when asked to."""
    result = run(act, tmp_path, **WAYS[way])
    assert result.xsim_outcome.values.tolist() == ["done", "done", "failed", "done", "done", "done"]
    reason, text = str(result.xsim_reason[2].values), str(result.xsim_traceback[2].values)
    assert ACTS[act][1] is None or reason == ACTS[act][1]
    assert len(reason) < 1100
    assert len(text) < 21_000
    assert result.xsim_process[2] == "odd"
    assert result.xsim_stage[2] == ("finalize" if act == "exit in finalize" else "run_step")
    (tmp_path / "mended").touch()
    started = result.xsim_start.values.copy()
    result = run(act, tmp_path, **WAYS[way])
    assert (result.xsim_outcome == "done").all()
    np.testing.assert_array_equal(result.odd__level, np.arange(6)[:, None] + np.arange(3.0) + [[1, 1, 0]])
    assert np.flatnonzero(result.xsim_start.values != started).tolist() == [2]


@pytest.mark.parametrize("way", ["sequential", "threads", "processes"])
def test_a_batch_raises_an_error_that_can_be_caught(tmp_path, way):
    """After members that left as a script does, the batch raises an error, and leaves nothing itself."""
    with pytest.raises(xs.errors.BatchError) as error:
        setup_of("exit", tmp_path / "mended").xsim.run(MODEL, batch_dim="m", **WAYS[way])
    assert isinstance(error.value, Exception)
    assert not isinstance(error.value, SystemExit)
    assert error.value.result.xsim_reason[2] == "SystemExit: 3"


def test_a_single_run_raises_what_its_process_raises(tmp_path):
    """A run of one model ends as its process wants it to."""
    with pytest.raises(SystemExit) as error:
        setup_of("exit", tmp_path / "mended").isel(m=2).xsim.run(MODEL)
    assert error.value.code == 3
