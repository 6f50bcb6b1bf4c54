"""A batch in memory: nothing is lost, whoever computes it (DESIGN §B9, §S1)."""

import numpy as np
import pytest
from zarr.storage import LoggingStore, MemoryStore, WrapperStore

import xsim as xs

PROCESSES = {"parallel": True, "scheduler": "processes", "workers": 2}


@xs.process
class Count:
    first = xs.variable()
    fails = xs.variable(default=False)
    number = xs.variable(intent="out")
    row = xs.variable(dims="x", intent="out")

    def initialize(self):
        self.number = self.first
        self.row = np.zeros(0)

    def run_step(self):
        if self.fails:
            raise ValueError("no")
        self.number = self.number + 1
        self.row = np.append(self.row, float(self.number))


MODEL = xs.Model({"count": Count})


def setup_of(n=5, fails=()):
    return xs.create_setup(
        model=MODEL,
        clocks={"time": [0, 1, 2]},
        input_vars={"count__first": ("b", np.arange(n) * 10), "count__fails": ("b", np.isin(np.arange(n), fails))},
        output_vars={"count__number": "time", "count__row": None},
    )


def check(result):
    first = np.arange(5) * 10
    assert result.count__number.dtype == np.int64
    np.testing.assert_array_equal(result.count__number, np.stack([first + 1, first + 2, first + 2], axis=1))
    np.testing.assert_array_equal(result.count__row, np.stack([first + 1.0, first + 2.0], axis=1))
    assert result.xsim_outcome.values.tolist() == ["done"] * 5


@pytest.mark.parametrize("block", [1, 2, 5, None])
@pytest.mark.parametrize(
    "options", [{}, {"parallel": True, "workers": 3}, PROCESSES], ids=["seq", "threads", "processes"]
)
def test_in_memory(options, block):
    """A result in memory is complete under every scheduler and block."""
    check(setup_of().xsim.run(MODEL, batch_dim="b", block=block, **options))


@pytest.mark.parametrize("make", [dict, MemoryStore], ids=["dict", "MemoryStore"])
def test_memory_stores_and_worker_processes(make):
    """A store in the memory of this process holds what worker processes computed."""
    check(setup_of().xsim.run(MODEL, batch_dim="b", store=make(), **PROCESSES))


@pytest.mark.parametrize(
    "make",
    [
        lambda: WrapperStore(MemoryStore()),
        lambda: LoggingStore(MemoryStore(), log_level="CRITICAL"),
        lambda: "memory://xsim-tests/batch.zarr",
    ],
    ids=["wrapped", "logged", "fsspec"],
)
def test_hidden_memory_stores_and_worker_processes(make):
    """Nor is anything lost where it cannot be seen at once that a store is in memory: it works or is refused."""
    try:
        result = setup_of().xsim.run(MODEL, batch_dim="b", store=make(), mode="w", **PROCESSES)
    except xs.errors.StoreError:
        return  # refused: nothing is lost silently
    check(result)


def test_failed_members_in_worker_processes():
    """Members that failed in workers are missing, and no others."""
    with pytest.warns(xs.BatchWarning):
        result = setup_of(fails=[1, 4]).xsim.run(MODEL, batch_dim="b", on_error="continue", **PROCESSES)
    assert result.xsim_outcome.values.tolist() == ["done", "failed", "done", "done", "failed"]
    np.testing.assert_array_equal(result.count__number[:, 0], [1, np.nan, 21, 31, np.nan])


def test_nobody_is_done():
    """Where all members failed there are outcomes, and outputs only if anything is known of them."""
    with pytest.warns(xs.BatchWarning):
        result = setup_of(n=3, fails=[0, 1, 2]).xsim.run(MODEL, batch_dim="b", on_error="continue")
    assert result.xsim_outcome.values.tolist() == ["failed"] * 3
    assert all(np.isnan(result[name].values).all() for name in ("count__number", "count__row") if name in result)


def test_nobody_at_all():
    """A batch without members has no rows."""
    result = setup_of(n=0).xsim.run(MODEL, batch_dim="b")
    assert result.sizes["b"] == 0
    assert result.xsim_outcome.shape == (0,)
    assert result.attrs["xsim_outcome"] == "done"
