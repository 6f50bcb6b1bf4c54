"""Arguments for opening the result hold in memory as they do for a store (API.md: `decoding=`)."""

import numpy as np
import pytest
import xarray as xr

import xsim as xs


@xs.process
class Tank:
    count = xs.variable(dims="x", intent="out")
    day = xs.variable(intent="out", attrs={"units": "days since 2000-01-01"})
    wait = xs.variable(intent="out")
    wet = xs.variable(intent="out")
    label = xs.variable(intent="out")
    x = xs.index(dims="x")

    def initialize(self):
        self.x = np.arange(4)
        self.day, self.wait, self.wet, self.label = 3.0, np.timedelta64(5, "s"), True, "a"

    @xs.runtime(args="step")
    def run_step(self, step):
        self.count = np.arange(step + 2)


MODEL = xs.Model({"tank": Tank})
SETUP = xs.create_setup(
    MODEL,
    {"t": [0, 1, 2]},
    output_vars={"tank__count": "t", **dict.fromkeys(("tank__day", "tank__wait", "tank__wet", "tank__label"))},
)
NAMES = ["tank__count", "tank__day", "tank__wait", "tank__wet", "tank__label"]


@pytest.mark.parametrize(
    ("decoding", "kinds"),
    [
        (None, "fMmbO"),
        ({}, "fMmbO"),
        ({"mask_and_scale": False}, "iMmbO"),
        ({"decode_times": False}, "ffmbO"),
        ({"decode_times": xr.coders.CFDatetimeCoder(use_cftime=True)}, "fOmbO"),
        ({"decode_timedelta": False}, "fMmbO"),
        ({"decode_cf": False}, "ifmbO"),
        ({"drop_variables": ["tank__day"]}, "f-mbO"),
        ({"consolidated": False}, "fMmbO"),
        ({"chunks": None}, "fMmbO"),
    ],
)
def test_memory_and_store_decode_alike(decoding, kinds):
    """What concerns values does the same to a result in memory as to one in a store."""
    results = [SETUP.xsim.run(MODEL, store=store, decoding=decoding).load() for store in (None, {})]

    for result in results:
        found = [result[n].dtype.kind if n in result else "-" for n in NAMES]
        assert "".join(found) == kinds
        del result.attrs["xsim_provenance"]
    xr.testing.assert_identical(*results)


@pytest.mark.parametrize("store", [None, {}], ids=["memory", "store"])
def test_chunks(store):
    """Chunks make dask arrays of what has several; scalars are loaded."""
    setup = SETUP.xsim.update_vars(MODEL, output_vars={"tank__label": "t", "tank__day": "t"})
    result = setup.xsim.run(MODEL, store=store, decoding={"chunks": {"t": -1, "x": 4}})

    assert result.tank__count.chunks == ((3,), (4,))
    assert result.tank__day.chunks == ((3,),)
    assert result.tank__label.values.tolist() == ["a", "a", "a"]
    assert result.tank__wet.chunks is None


@pytest.mark.parametrize("store", [None, {}], ids=["memory", "store"])
def test_keys_that_xarray_does_not_have(store):
    """Unknown keys are found before the run, whether there is a store or not (DESIGN §E1)."""
    with pytest.raises(xs.errors.OptionError) as error:
        SETUP.xsim.run(MODEL, store=store, decoding={"mask_and_scal": False, "group": "a"})

    lines = str(error.value).splitlines()
    assert lines[0] == "decoding= has unknown keys 'mask_and_scal', 'group'"
    assert lines[1].startswith("  expected: arguments of xarray.open_zarr: 'chunks', 'decode_cf', 'mask_and_scale', ")
    assert "\n".join(lines[2:]) == "  did you mean: 'mask_and_scale'?\n  remedy: the group is that of store="
    assert not store
