"""The result of a run as a setup again (DESIGN §S5)."""

import textwrap

import numpy as np
import pytest
import xarray as xr

import xsim as xs


def message(text):
    return textwrap.dedent(text).strip()


@xs.process
class Stock:
    n = xs.variable(default=2, static=True)
    x = xs.index(dims="x")
    rate = xs.variable(default=1.0)
    size = xs.variable(dims="x", intent="inout", default=[0.0, 10.0])
    total = xs.variable(intent="out")
    kept = xs.variable(default=5.0, intent="inout")

    def initialize(self):
        self.x = np.arange(self.n) * 100
        self.total = 0.0

    def run_step(self):
        self.size += self.rate
        self.kept += 1
        self.total = self.size.sum()


MODEL = xs.Model({"stock": Stock})


@pytest.fixture(params=["memory", "store"])
def where(request, tmp_path):
    return {} if request.param == "memory" else {"store": tmp_path / "first.zarr"}


@pytest.fixture
def setup():
    return xs.create_setup(
        MODEL,
        {"t": [0, 1, 2, 3], "out": [0, 3]},
        "t",
        {"stock__rate": ("t", [1.0, 2.0, 3.0, 4.0])},
        {"stock__size": "out", "stock__total": "t", "stock__kept": None},
    )


@pytest.fixture
def result(setup, where):
    return setup.xsim.run(MODEL, **where)


def test_a_result_carries_the_setup(setup, result):
    """Clocks, inputs and output requests are in the result (DESIGN §S5)."""
    assert dict(result.xsim.output_vars) == dict(setup.xsim.output_vars)
    assert result.xsim.main_clock_dim == "t"
    assert result.stock__rate.identical(setup.stock__rate)


def test_inputs_are_kept_beside_outputs_of_the_same_name(setup, result):
    """Where an output has the name of an input, the input is kept as 'process__variable.input'."""
    assert result["stock__size.input"].values.tolist() == [0, 10]
    assert result.stock__size.values.tolist() == [[1, 11], [6, 16]]
    assert result["stock__kept.input"].item() == 5
    assert result.stock__kept.item() == 8
    assert "stock__rate.input" not in result


def test_a_result_runs_again(result):
    """Run again, a result gives itself: inputs are read from '.input', not from outputs."""
    again = result.xsim.run(MODEL)

    assert again.equals(result.compute())
    assert dict(again.xsim.output_vars) == dict(result.xsim.output_vars)


def test_the_plan_of_a_result_is_that_of_the_setup(setup, result):
    """Outputs and index coordinates of the earlier run are no part of the plan."""
    assert repr(result.xsim.plan(MODEL)) == repr(setup.xsim.plan(MODEL))
    assert set(result.xsim.plan(MODEL).setup.variables) == set(setup.variables)
    assert result.xsim.plan(MODEL).setup.attrs == setup.attrs


def test_a_result_from_a_file_runs_again(result, tmp_path):
    """A result opened with plain xarray is a setup, too (DESIGN §S4)."""
    result.to_netcdf(tmp_path / "result.nc")

    with xr.open_dataset(tmp_path / "result.nc") as back:
        assert back.xsim.run(MODEL).stock__size.values.tolist() == result.stock__size.values.tolist()


def test_a_result_is_not_changed_by_running_it(result):
    """The source of a run stays as it is."""
    before = result.copy(deep=True)

    result.xsim.run(MODEL)

    assert result.identical(before)


def test_an_extended_result(result):
    """A result can be rerun with other inputs and outputs."""
    again = result.xsim.update_vars(MODEL, {"stock__rate": 0.0}, {"stock__total": None}).xsim.run(MODEL)

    assert again.stock__total.item() == 10
    assert again.stock__size.values.tolist() == [[0, 10], [0, 10]]


RESTART = """
    'stock__size' is both an input and an output, and lost the clock 'out' by a selection: it is not clear which value is meant
      got: an output with dims ('x',), saved with ('out', 'x')
      expected: the input's own value, or one given for it on purpose
      remedy: to go on from this value: ds.xsim.update_vars(model, input_vars={'stock__size': ds['stock__size']}); to start as before: ds.xsim.update_vars(model, input_vars={'stock__size': ds['stock__size.input']})
    """  # noqa: E501


def test_a_restart_must_say_which_value_is_meant(result):
    """The usual restart, a selection of the last label, is refused with the remedies (DESIGN §S5)."""
    with pytest.raises(xs.errors.InputError) as error:
        result.isel(out=-1).xsim.plan(MODEL)

    assert str(error.value) == message(RESTART)
    assert error.value.variable == ("stock", "size")


def test_a_restart_is_refused_before_anything_is_written(result, tmp_path):
    """Running such a selection writes nothing (DESIGN §E1)."""
    with pytest.raises(xs.errors.InputError) as error:
        result.isel(out=-1, drop=True).xsim.run(MODEL, store=tmp_path / "second.zarr")

    assert error.value.variable == ("stock", "size")
    assert not (tmp_path / "second.zarr").exists()


def test_a_restart_that_lost_its_coordinate(result):
    """The message is the same where the selection dropped the clock altogether."""
    with pytest.raises(xs.errors.InputError) as error:
        result.isel(out=-1, drop=True).xsim.plan(MODEL)

    assert str(error.value) == message(RESTART)


def test_the_remedy_to_go_on(result):
    """The first remedy goes on from the saved value."""
    last = result.isel(out=-1)

    again = last.xsim.update_vars(MODEL, {"stock__size": last["stock__size"]}).xsim.plan(MODEL)

    assert {p.name: p.at(0) for p in again.inputs if p.key[1] == "size"}["stock__size"].tolist() == [6, 16]


def test_the_remedy_to_start_as_before(result):
    """The second remedy takes the kept input."""
    last = result.isel(out=-1)

    again = last.xsim.update_vars(MODEL, {"stock__size": last["stock__size.input"]}).xsim.plan(MODEL)

    assert {p.name: p.at(0) for p in again.inputs if p.key[1] == "size"}["stock__size"].tolist() == [0, 10]


def test_a_restart_saves_what_it_is_asked_for(result):
    """After a restart with a new clock the outputs are there again."""
    last = result.isel(out=-1)
    source = last.xsim.update_vars(MODEL, {"stock__size": last["stock__size"]})

    again = source.xsim.update_clocks(MODEL, {"out": [3]}).xsim.run(MODEL)

    assert again.stock__size.values.tolist() == [[12, 22]]


def test_an_output_that_lost_more_than_a_clock_is_dropped(result):
    """Only a lost clock makes an output look like its input; else the kept input is read."""
    inputs = result.isel(out=[-1]).xsim.plan(MODEL).inputs

    assert {p.key[1]: p.at(0) for p in inputs if p.key[1] == "size"}["size"].tolist() == [0, 10]


def test_outputs_at_the_end_are_no_inputs():
    """An output on clock None has all its dims, and the kept input is read."""
    setup = xs.create_setup(MODEL, {"t": [0, 1]}, output_vars={"stock__size": None})

    result = setup.xsim.run(MODEL)

    assert result.stock__size.values.tolist() == [1, 11]
    assert result.xsim.run(MODEL).stock__size.values.tolist() == [1, 11]


@pytest.mark.parametrize("dims", ["b", ["b", "c"]])
def test_a_member_of_a_batch_runs_again(setup, where, dims):
    """A member selected from the result of a batch runs as it ran there, from its inputs (DESIGN §S5)."""
    inputs = {"stock__rate": ("b", [1.0, 2.0]), "stock__kept": ("b" if dims == "b" else "c", [5.0, 9.0])}
    batch = setup.xsim.update_vars(MODEL, input_vars=inputs).xsim.run(MODEL, batch_dim=dims, **where)
    member = batch.isel(dict.fromkeys(dims, 1))
    again = member.xsim.run(MODEL)

    for name in ("stock__size", "stock__total", "stock__kept", "stock__kept.input"):
        np.testing.assert_array_equal(again[name], member[name])


def test_results_of_results_keep_one_input(result):
    """Running again and again does not pile up inputs."""
    again = result.xsim.run(MODEL).xsim.run(MODEL)

    assert [name for name in again.variables if str(name).endswith("input")] == [
        name for name in result.variables if str(name).endswith("input")
    ]


def test_an_index_of_another_size(result):
    """Index coordinates of the earlier run do not hold back a run of another size."""
    again = result.xsim.update_vars(MODEL, {"stock__n": 2}).xsim.run(MODEL)

    assert again.x.values.tolist() == [0, 100]

    larger = result.xsim.filter_vars(MODEL).drop_vars(["stock__size", "stock__size.input", "x"])
    larger = larger.xsim.update_vars(MODEL, {"stock__n": 3, "stock__size": np.zeros(3)}).xsim.run(MODEL)
    assert larger.x.values.tolist() == [0, 100, 200]
