"""Labels that come with the values of an input are not replaced without a word (DESIGN §E1)."""

import numpy as np
import pytest
import xarray as xr

import xsim as xs


@xs.process
class Grid:
    x = xs.index(dims="x")

    def initialize(self):
        self.x = np.arange(4.0)


@xs.process
class Copy:
    v = xs.variable(dims="x")
    out = xs.variable(dims="x", intent="out")

    def initialize(self):
        self.out = self.v * 1


MODEL = xs.Model({"grid": Grid, "copy": Copy})


def setup_of(labels):
    value = xr.DataArray(np.arange(4.0), dims="x", coords={} if labels is None else {"x": labels})
    return xs.create_setup(
        model=MODEL, clocks={"time": [0, 1]}, input_vars={"copy__v": value}, output_vars={"copy__out": None}
    )


@pytest.mark.parametrize("options", [{}, {"batch_dim": "m"}])
def test_other_labels(options):
    """A warning says which labels are used, and what to do if others were meant."""
    setup = setup_of([10, 20, 30, 40]).assign_coords(m=[0, 1])
    with pytest.warns(xs.PlanWarning) as caught:
        result = setup.xsim.run(MODEL, **options)
    assert [str(warning.message) for warning in caught] == [
        "labels of dimension 'x' in the setup are not those that process 'grid' has set: 10, 20, 30, ... there, "
        "0.0, 1.0, 2.0, ... here; values of inputs are taken by position; if the labels matter, select the values "
        "first: .sel(x=...) or .interp(x=...)"
    ]
    assert caught[0].filename == __file__
    assert result.x.values.tolist() == [0, 1, 2, 3]


def test_the_same_labels_or_none():
    """Nobody is warned of labels that are those of the model, nor of a result that is run again."""
    setup_of(None).xsim.run(MODEL)
    result = setup_of([0, 1, 2, 3]).xsim.run(MODEL)
    result.xsim.run(MODEL)
