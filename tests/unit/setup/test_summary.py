"""What `ds.xsim` prints: the setup, or the result, as xsim sees it."""

import textwrap

import numpy as np
import pytest
import xarray as xr

import xsim as xs


@xs.process
class Growth:
    rate = xs.variable(attrs={"units": "1/s"}, default=0.5)
    size = xs.variable("x", intent="inout", attrs={"units": "m"})
    name = xs.variable(default=None)
    total = xs.on_demand()

    @total.compute
    def _total(self):
        return self.size.sum()

    @xs.runtime(args="rng")
    def run_step(self, rng):
        if self.rate < 0:
            raise ValueError("shrinks")
        self.size = self.size * (1 + self.rate)


MODEL = xs.Model({"growth": Growth})


def text(doc):
    """Give a text as it is meant to be."""
    return textwrap.dedent(doc).strip()


def setup(**inputs):
    """Make a setup of two clocks."""
    given = {"growth__size": [1.0, 2.0], **{f"growth__{name}": value for name, value in inputs.items()}}
    return xs.create_setup(
        MODEL,
        {"time": [0, 1, 2], "out": [0, 2]},
        "time",
        given,
        {"growth__size": "out", "growth__total": None},
    )


def test_setup():
    """A setup prints its clocks, its inputs with their values or types, and the outputs that it asks for."""
    assert repr(setup().xsim) == text(
        """
        <xsim setup: main clock 'time', 2 steps>
        Clocks:
            time  3 labels  0 to 2  main clock
            out   2 labels  0 to 2
        Inputs:
            growth__size  ('x',)  float64  m
            growth__rate          0.5      1/s
            growth__name          None
        Outputs:
            growth__size   on 'out'
            growth__total  at the end
        """
    )


def test_empty_setup():
    """A dataset that is no setup prints so."""
    assert repr(xr.Dataset({"a": ("x", [1])}).xsim) == text(
        """
        <xsim setup: no clock>
        Clocks:
            *empty*
        Inputs:
            *empty*
        Outputs:
            *empty*
        """
    )


def test_result():
    """A result prints what was saved, the inputs that it keeps, and the seed (DESIGN §S5)."""
    assert repr(setup().xsim.run(MODEL, seed=7).xsim) == text(
        """
        <xsim result (done): main clock 'time', 2 steps>
        Clocks:
            time  3 labels  0 to 2  main clock
            out   2 labels  0 to 2
        Inputs:
            growth__size  ('x',)  float64  m
            growth__rate          0.5      1/s
            growth__name          None
        Outputs:
            growth__size   on 'out'    ('out', 'x')  float64  m
            growth__total  at the end                float64
        Seed: 7
        """
    )


def test_batch():
    """The result of a batch counts how its members ended, and why the first one failed."""
    batch = setup(rate=("b", [0.5, -1.0, 1.0, -2.0]))
    with pytest.warns(xs.BatchWarning):
        result = batch.xsim.run(MODEL, batch_dim="b", on_error="continue", seed=7)

    assert repr(result.xsim).splitlines()[-3:] == [
        "Members: 4 (b 4): 2 done, 2 failed",
        f"    {result.attrs['xsim_summary'].splitlines()[1]}",
        "Seed: 7",
    ]
    assert "growth__rate  ('b',)  float64  1/s" in repr(result.xsim)
    assert repr(result.isel(b=1).xsim).splitlines()[-2:] == ["Member: failed", "Seed: 7"]


def test_stored_batch_stays_lazy(tmp_path):
    """Printing a result from a store reads the outcomes and no outputs (DESIGN §B10)."""
    batch = setup(rate=("b", [0.5, 1.0]))
    result = batch.xsim.run(MODEL, batch_dim="b", store=tmp_path / "out.zarr")

    assert "Members: 2 (b 2): 2 done" in repr(result.xsim)
    assert not isinstance(result.growth__size.variable._data, np.ndarray)


def test_html():
    """Notebooks get the same as tables to fold."""
    html = setup().xsim._repr_html_()

    assert "<strong>&lt;xsim setup: main clock &#x27;time&#x27;, 2 steps&gt;</strong>" in html
    assert "<summary>Inputs:</summary>" in html
    assert html.count("<tr>") == 2 + 3 + 2


def test_long_text_is_cut():
    """A long text input does not fill the screen."""
    assert f"growth__name          {'x' * 40} ...\n" in repr(setup(name="x" * 100).xsim)


def test_clocks_with_units():
    """Clocks print their units, and dates."""
    numbers = xs.create_setup(MODEL, {"t": [0, 1]}, {"dim": "t", "units": "days since 2000-01-01"})
    dates = xs.create_setup(MODEL, {"t": np.array(["2000-01-01", "2000-01-03"], dtype="datetime64[s]")})

    assert "    t  2 labels  0 to 1  main clock  days since 2000-01-01\n" in repr(numbers.xsim)
    assert "    t  2 labels  2000-01-01T00:00:00 to 2000-01-03T00:00:00  main clock\n" in repr(dates.xsim)
