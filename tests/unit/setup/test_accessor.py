"""What the accessor tells about a setup."""

import pytest
import xarray as xr

import xsim as xs


@xs.process
class Tank:
    rate = xs.variable(default=1)
    level = xs.variable(intent="out")
    total = xs.variable(intent="out")


MODEL = xs.Model({"tank": Tank})


@pytest.fixture
def setup():
    return xs.create_setup(
        MODEL,
        {"out": [2, 0], "t": [4, 3, 2, 0], "other": [4]},
        "t",
        output_vars={"tank__level": "out", "tank__total": None, "tank__rate": "out"},
    )


def test_clock_coords(setup):
    """clock_coords holds the clocks by name, as in the dataset, and no other coordinates."""
    setup = setup.assign_coords(x=[1, 2])

    assert set(setup.xsim.clock_coords) == {"out", "t", "other"}
    assert setup.xsim.clock_coords["out"].identical(setup["out"])


def test_clock_sizes(setup):
    """clock_sizes holds the number of labels of each clock."""
    assert dict(setup.xsim.clock_sizes) == {"out": 2, "t": 4, "other": 1}


def test_main_clock(setup):
    """The main clock is given by name and as a coordinate."""
    assert setup.xsim.main_clock_dim == "t"
    assert setup.xsim.main_clock_coord.identical(setup["t"])


@pytest.mark.parametrize("old", ["master_clock_dim", "master_clock_coord"])
def test_names_of_the_predecessor(setup, old):
    """master_clock_dim and master_clock_coord are deprecated aliases (API.md)."""
    with pytest.warns(FutureWarning):
        value = getattr(setup.xsim, old)

    expected = getattr(setup.xsim, old.replace("master", "main"))
    assert value.identical(expected) if isinstance(value, xr.DataArray) else value == expected


@pytest.mark.parametrize(("labels", "nsteps"), [([0, 1, 2], 2), ([5], 0)])
def test_nsteps(labels, nsteps):
    """There is one step less than labels."""
    assert xs.create_setup(MODEL, {"t": labels}).xsim.nsteps == nsteps


def test_output_vars(setup):
    """output_vars holds the clock of each output."""
    assert dict(setup.xsim.output_vars) == {("tank", "level"): "out", ("tank", "rate"): "out", ("tank", "total"): None}


def test_output_vars_by_clock(setup):
    """output_vars_by_clock holds the outputs of each clock that has some."""
    assert dict(setup.xsim.output_vars_by_clock) == {
        "out": [("tank", "level"), ("tank", "rate")],
        None: [("tank", "total")],
    }


def test_get_output_save_steps(setup):
    """get_output_save_steps says for each label of the main clock whether a clock saves there."""
    steps = setup.xsim.get_output_save_steps()

    assert set(steps.variables) == {"t", "out", "other"}
    assert steps.t.identical(setup.t)
    assert {name: v.dims for name, v in steps.items()} == {"out": ("t",), "other": ("t",)}
    assert steps.out.dtype == bool
    assert steps.out.values.tolist() == [False, False, True, True]
    assert steps.other.values.tolist() == [True, False, False, False]


def test_a_dataset_without_clocks():
    """Without clocks there is nothing to tell, and no error."""
    setup = xs.create_setup(MODEL, output_vars={"tank__total": None})

    assert dict(setup.xsim.clock_coords) == {}
    assert dict(setup.xsim.clock_sizes) == {}
    assert setup.xsim.main_clock_dim is None
    assert setup.xsim.main_clock_coord is None
    assert setup.xsim.nsteps == 0
    assert dict(setup.xsim.output_vars) == {("tank", "total"): None}
    assert dict(setup.xsim.output_vars_by_clock) == {None: [("tank", "total")]}
    assert setup.xsim.get_output_save_steps().identical(xr.Dataset())


def test_a_dataset_that_is_no_setup():
    """The accessor is on every dataset."""
    dataset = xr.Dataset({"a": ("t", [1, 2])}, coords={"t": [0, 1]}, attrs={"title": "mine"})

    assert dataset.xsim.main_clock_dim is None
    assert dict(dataset.xsim.output_vars) == {}


@pytest.mark.parametrize("name", ["clock_coords", "clock_sizes", "output_vars", "output_vars_by_clock"])
def test_views_are_read_only(setup, name):
    """The mappings cannot be written into: that would have no effect."""
    with pytest.raises(TypeError):
        getattr(setup.xsim, name)["t"] = None
