"""A member that ends its worker after having streamed rows leaves none of them (DESIGN §B6)."""

import os
import time

import numpy as np
import pytest

import xsim as xs


@xs.process
class Ends:
    k = xs.variable()
    sleeps = xs.variable()
    level = xs.variable(intent="out")

    def initialize(self):
        self.level = 0

    @xs.runtime(args=["step"])
    def run_step(self, step):
        self.level += 1
        if self.k == 1 and step == 4:
            if self.sleeps:
                time.sleep(600)
            os._exit(3)


MODEL = xs.Model({"ends": Ends})


@pytest.mark.parametrize(
    ("sleeps", "options", "outcome"),
    [
        pytest.param(False, {}, "failed", marks=pytest.mark.slow),
        pytest.param(False, {"retries": 1}, "failed", marks=pytest.mark.slow),
        (True, {"time_limit": 3}, "timed out"),
    ],
)
def test_streamed_rows_of_a_dead_member_are_missing(tmp_path, sleeps, options, outcome):
    """Whether it crashed or ran out of time within a step."""
    setup = xs.create_setup(
        model=MODEL,
        clocks={"time": range(8)},
        input_vars={"ends__k": ("m", [0, 1, 2]), "ends__sleeps": sleeps},
        output_vars={"ends__level": "time"},
    )
    with pytest.warns(xs.BatchWarning):
        result = setup.xsim.run(
            MODEL,
            batch_dim="m",
            store=tmp_path / "out.zarr",
            on_error="continue",
            parallel=True,
            scheduler="processes",
            workers=1,
            block=1,
            encoding={"ends__level": {"chunks": (1, 2)}},
            **options,
        )
    assert result.xsim_outcome.values.tolist() == ["done", outcome, "done"]
    assert np.isnan(result.ends__level).any("time").values.tolist() == [False, True, False]
    assert np.isnan(result.ends__level[1]).all()
