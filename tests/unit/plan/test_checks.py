"""Checks of outputs and clocks while planning, with whole messages (DESIGN §E1)."""

import textwrap

import pytest

import xsim as xs


def message(text):
    return textwrap.dedent(text).strip()


@xs.process
class Grid:
    x = xs.index(dims="x")


@xs.process
class OtherGrid:
    x = xs.index(dims="x")


@xs.process
class Tank:
    rate = xs.variable(default=1)
    series = xs.variable(dims=[(), xs.MAIN_CLOCK], default=0)
    level = xs.variable(intent="out")
    thing = xs.any_object(groups="parts")
    parts = xs.group("parts")


MODEL = xs.Model({"tank": Tank})
EMPTY = xs.Model({"grid": Grid})


def refused(model, setup, error, store=None):
    with pytest.raises(error) as planning:
        setup.xsim.plan(model)
    with pytest.raises(error) as running:
        setup.xsim.run(model, store=store)
    assert str(planning.value) == str(running.value)
    return planning.value


def test_two_index_variables_of_one_name():
    """Two index variables of one name are refused while planning, naming both (API.md)."""
    model = xs.Model({"grid": Grid, "other": OtherGrid})

    error = refused(model, xs.create_setup(model), xs.errors.OutputRequestError)

    assert str(error) == message(
        """
        two index variables have the name 'x'
          got: 'grid__x' and 'other__x'
          expected: one index variable of a name: it becomes the coordinate of that name in the result
          remedy: rename one of them, or let one process refer to the index of the other (xs.foreign)
        """
    )
    assert error.variables == (("grid", "x"), ("other", "x"))


def test_one_class_twice_has_two_indexes_of_one_name():
    """The same class under two names has two index variables of one name."""
    model = xs.Model({"a": Grid, "b": Grid})

    assert str(refused(model, xs.create_setup(model), xs.errors.OutputRequestError)) == message(
        """
        two index variables have the name 'x'
          got: 'a__x' and 'b__x'
          expected: one index variable of a name: it becomes the coordinate of that name in the result
          remedy: rename one of them, or let one process refer to the index of the other (xs.foreign)
        """
    )


@pytest.mark.parametrize("clocks", [{"x": [0, 1]}, {"t": [0, 1], "x": [1]}], ids=["main", "other"])
def test_an_index_variable_with_the_name_of_a_clock(clocks):
    """An index variable and a clock cannot both be the coordinate."""
    setup = xs.create_setup(EMPTY, clocks, next(iter(clocks)))

    error = refused(EMPTY, setup, xs.errors.OutputRequestError)

    assert str(error) == message(
        """
        index variable 'grid__x' has the name of a clock
          got: clock 'x'
          expected: different names: both become coordinates of the result
          remedy: rename one of them
        """
    )
    assert error.variables == (("grid", "x"),)


def test_an_output_whose_dims_hold_the_clock_already():
    """A variable along the main clock is not saved on it once more."""
    setup = xs.create_setup(MODEL, {"t": [0, 1]}, output_vars={"tank__series": "t"})

    error = refused(MODEL, setup, xs.errors.OutputRequestError)

    assert str(error) == message(
        """
        output 'tank__series' cannot be saved on clock 't': it has that dimension itself
          expected: clock None: one value, at the end
          remedy: output_vars={'tank__series': None}
        """
    )
    assert error.variables == (("tank", "series"),)


def test_requests_of_another_model(tmp_path):
    """A setup made for another model is refused by what this model does not know; nothing is written."""
    other = xs.Model({"tnk": Tank, "tank": Grid})
    setup = xs.create_setup(other, {"t": [0, 1]}, output_vars={"tnk__level": "t", "tank__x": None})

    error = refused(MODEL, setup, xs.errors.UnknownOutputError, tmp_path / "out.zarr")

    assert str(error) == message(
        """
        'tnk__level', 'tank__x' is/are not valid key(s) for variables in model
          - 'tnk__level': the model has no process 'tnk'
          - 'tank__x': process 'tank' (Tank) has no variable 'x'
          expected: one of 'tank__rate', 'tank__series', 'tank__level'
          did you mean: 'tank__level'?
        """
    )
    assert list(tmp_path.iterdir()) == []


def test_objects_and_groups_requested_by_hand():
    """Requests written into the attributes are checked like those given to create_setup."""
    setup = xs.create_setup(MODEL, {"t": [0, 1]}).assign_attrs(xsim_output_vars="tank__thing,tank__parts")

    assert str(refused(MODEL, setup, xs.errors.OutputRequestError)) == message(
        """
        Object or group variables can't be set as model outputs: tank__thing, tank__parts
          - 'tank__thing' is of kind 'object'
          - 'tank__parts' is of kind 'group'
          expected: one of 'tank__rate', 'tank__series', 'tank__level'
          remedy: save what you need of it through an on-demand variable (xs.on_demand)
        """
    )


def test_clocks_are_checked_again():
    """A clock changed by hand is checked like one given to create_setup."""
    setup = xs.create_setup(MODEL, {"t": [0, 1, 2], "out": [0, 2]}, "t")
    attrs = setup.out.attrs
    changed = setup.assign_coords(out=("out", [0, 3], attrs))

    assert str(refused(MODEL, changed, xs.errors.ClockError)) == message(
        """
        Clock coordinate 'out' is not synchronized with main clock coordinate 't'
          got: The following coordinate labels are absent in main clock: [3]
          expected: labels of 't': [0, 1, 2]
          remedy: take the labels from the main clock, e.g. t[::10]
        """
    )


def test_a_main_clock_out_of_order():
    """A main clock sorted by hand into no order is refused."""
    setup = xs.create_setup(MODEL, {"t": [0, 1, 2]}).isel(t=[0, 2, 1])

    assert str(refused(MODEL, setup, xs.errors.ClockError)) == message(
        """
        main clock 't' is not strictly monotonic
          got: 2 followed by 1 at position 2
          expected: labels that only increase, or only decrease
        """
    )


def test_clocks_without_a_main_clock():
    """Clocks without the main one are refused with the remedy."""
    setup = xs.create_setup(MODEL, {"t": [0, 1, 2], "out": [0, 2]}, "t").drop_vars("t")

    assert str(refused(MODEL, setup, xs.errors.ClockError)) == message(
        """
        Missing main clock dimension / coordinate
          got: clocks 'out'
          remedy: name one: .xsim.update_clocks(main_clock=...)
        """
    )


def test_a_main_clock_lost_by_a_selection():
    """A setup whose only clock has become a scalar is no setup without clock."""
    setup = xs.create_setup(MODEL, {"t": [0, 1, 2]}, output_vars={"tank__level": "t"}).isel(t=-1)

    assert str(refused(MODEL, setup, xs.errors.ClockError)) == message(
        """
        Missing main clock dimension / coordinate
          got: a clock that has lost its dimension by a selection
          remedy: set it again: ds.xsim.update_clocks(model, clocks=..., main_clock=...)
        """
    )


def test_a_main_clock_lost_beside_another():
    """The remedy is the same where another clock is left."""
    setup = xs.create_setup(MODEL, {"t": [0, 1, 2], "out": [2]}, "t").isel(t=-1)

    assert str(refused(MODEL, setup, xs.errors.ClockError)) == message(
        """
        Missing main clock dimension / coordinate
          got: a clock that has lost its dimension by a selection
          remedy: set it again: ds.xsim.update_clocks(model, clocks=..., main_clock=...)
        """
    )
