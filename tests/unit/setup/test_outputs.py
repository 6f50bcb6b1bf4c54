"""Output requests of setups: names, clocks, kinds of variables."""

import textwrap

import pytest

import xsim as xs


@xs.process
class Tank:
    rate = xs.variable(default=1, groups="all")
    fixed = xs.variable(default=1, static=True)
    level__now = xs.variable(intent="out")
    x = xs.index(dims="x")
    total = xs.on_demand()
    thing = xs.any_object(groups="all")

    @total.compute
    def _total(self):
        return 0


@xs.process
class Drain:
    level = xs.foreign(Tank, "level__now", intent="in")
    thing = xs.foreign(Tank, "thing")
    rates = xs.group("all")
    table = xs.group_dict("all")


MODEL = xs.Model({"tank": Tank, "drain": Drain})
CLOCKS = {"t": [0, 1, 2], "out": [0, 2]}


def message(text):
    return textwrap.dedent(text).strip()


def setup_of(output_vars):
    return xs.create_setup(MODEL, CLOCKS, "t", output_vars=output_vars)


@pytest.mark.parametrize(
    "given",
    [{"tank__level__now": "out"}, {("tank", "level__now"): "out"}, {"tank": {"level__now": "out"}}],
    ids=["joined", "tuple", "nested"],
)
def test_names_of_outputs_have_three_forms(given):
    """An output is named like an input."""
    assert dict(setup_of(given).xsim.output_vars) == {("tank", "level__now"): "out"}


def test_outputs_are_requested_on_clocks_or_none():
    """A request names the main clock, another clock, or None for one value at the end."""
    requests = {
        ("tank", "level__now"): "t",
        ("tank", "total"): "out",
        ("tank", "x"): None,
    }

    assert dict(setup_of(requests).xsim.output_vars) == requests


@pytest.mark.parametrize(
    "name", ["tank__rate", "tank__fixed", "tank__level__now", "tank__x", "tank__total", "drain__level"]
)
def test_kinds_of_outputs(name):
    """Inputs, static variables, indexes, on-demand and foreign variables can be requested (API.md)."""
    assert list(setup_of({name: "t"}).xsim.output_vars.values()) == ["t"]


def test_requests_are_attributes_of_plain_text():
    """Requests are text on the clocks and, for None, on the dataset; so they survive any store."""
    setup = setup_of({"tank__level__now": "out", "tank__total": "out", "tank__rate": None})

    assert setup.out.attrs == {"xsim_role": "clock", "xsim_output_vars": "tank__level__now,tank__total"}
    assert setup.t.attrs == {"xsim_role": "main_clock"}
    assert setup.attrs == {"xsim_output_vars": "tank__rate"}


def test_unknown_outputs_are_listed_with_reasons():
    """All names that are no variables are in one error."""
    with pytest.raises(xs.errors.UnknownOutputError) as error:
        setup_of({"tank__level": "t", "tnk__rate": None})

    assert str(error.value) == message(
        """
        'tank__level', 'tnk__rate' is/are not valid key(s) for variables in model
          - 'tank__level': process 'tank' (Tank) has no variable 'level'
          - 'tnk__rate': the model has no process 'tnk'
          expected: one of 'tank__rate', 'tank__fixed', 'tank__level__now', 'tank__x', 'tank__total', 'drain__level'
          did you mean: 'tank__level__now', 'tank__rate'?
        """
    )
    assert error.value.variables == (("tank", "level"), ("tnk", "rate"))
    assert isinstance(error.value, KeyError)


def test_objects_and_groups_cannot_be_saved():
    """Objects, references to them, and groups are refused, with the remedy."""
    with pytest.raises(xs.errors.OutputRequestError) as error:
        setup_of({"tank__thing": "t", "drain__thing": "t", "drain": {"rates": None, "table": "out"}})

    assert str(error.value) == message(
        """
        Object or group variables can't be set as model outputs: tank__thing, drain__thing, drain__rates, drain__table
          - 'tank__thing' is of kind 'object'
          - 'drain__thing' is of kind 'object'
          - 'drain__rates' is of kind 'group'
          - 'drain__table' is of kind 'group_dict'
          expected: one of 'tank__rate', 'tank__fixed', 'tank__level__now', 'tank__x', 'tank__total', 'drain__level'
          remedy: save what you need of it through an on-demand variable (xs.on_demand)
        """
    )
    assert error.value.variables == (("tank", "thing"), ("drain", "thing"), ("drain", "rates"), ("drain", "table"))
    assert isinstance(error.value, ValueError)


def test_outputs_are_on_known_clocks():
    """A misspelt clock gets a suggestion."""
    with pytest.raises(xs.errors.UnknownClockError) as error:
        setup_of({"tank__rate": "outt"})

    assert str(error.value) == message(
        """
        'outt' coordinate is not a valid clock coordinate
          got: output 'tank__rate' on clock 'outt'
          expected: one of the clocks 't', 'out', or None (one value, at the end)
          did you mean: 'out'?
        """
    )
    assert error.value.clock == "outt"
    assert isinstance(error.value, ValueError)


def test_a_coordinate_is_no_clock():
    """Only clocks are accepted, not every coordinate of the dataset."""
    setup = setup_of({}).assign_coords(x=[1, 2])

    with pytest.raises(xs.errors.UnknownClockError) as error:
        setup.xsim.update_vars(MODEL, output_vars={"tank__rate": "x"})

    assert str(error.value) == message(
        """
        'x' coordinate is not a valid clock coordinate
          got: output 'tank__rate' on clock 'x'
          expected: one of the clocks 't', 'out', or None (one value, at the end)
        """
    )


def test_names_of_no_known_form():
    """A key that names no variable is refused with the accepted forms."""
    with pytest.raises(xs.errors.OutputRequestError) as error:
        setup_of({"later": "tank__rate"})

    assert str(error.value) == message(
        """
        'later' is not a valid output variable key
          expected: 'process__variable': ..., ('process', 'variable'): ..., or 'process': {'variable': ...}
        """
    )


@pytest.mark.parametrize(
    ("old", "expected"),
    [
        ({"t": "tank__total"}, {("tank", "total"): "t"}),
        ({"t": ("tank", "total")}, {("tank", "total"): "t"}),
        ({"t": ["tank__total", ("tank", "x")]}, {("tank", "total"): "t", ("tank", "x"): "t"}),
        ({None: {"tank": "total"}}, {("tank", "total"): None}),
        (
            {"out": {"tank": ["total", "x"]}, "tank__rate": "t"},
            {("tank", "rate"): "t", ("tank", "total"): "out", ("tank", "x"): "out"},
        ),
        ({"t": {"tank": {"total": "whatever"}}}, {("tank", "total"): "t"}),
    ],
)
def test_variables_listed_by_clock(old, expected):
    """The form that xarray-simlab had first still works, with a warning at the caller's line (API.md)."""
    with pytest.warns(FutureWarning) as caught:
        created = xs.create_setup(MODEL, CLOCKS, "t", output_vars=old)
    with pytest.warns(FutureWarning) as later:
        updated = xs.create_setup(MODEL, CLOCKS, "t").xsim.update_vars(MODEL, output_vars=old)

    assert dict(created.xsim.output_vars) == dict(updated.xsim.output_vars) == expected
    assert {warning.filename for warning in [*caught, *later]} == {__file__}
    assert str(caught[0].message) == (
        "clocks or None as keys of output_vars= are deprecated; give names of variables as keys and clocks as values, "
        f"e.g. {{'process__variable': {next(iter(old))!r}}}"
    )


@pytest.mark.filterwarnings("ignore::FutureWarning")
@pytest.mark.parametrize("wanted", ["nope", ("tank", ["total"]), 5, {"tank": "nope"}, {"nope": "total"}])
def test_wrong_variables_listed_by_clock(wanted):
    """Names that do not exist are errors in that form too."""
    with pytest.raises((xs.errors.UnknownOutputError, xs.errors.OutputRequestError)):
        xs.create_setup(MODEL, CLOCKS, "t", output_vars={"t": wanted})


def test_a_process_with_the_name_of_a_clock():
    """A key that is the name of a process is that, though there is a clock of this name."""
    model = xs.Model({"t": Tank})

    assert dict(xs.create_setup(model, CLOCKS, "t", output_vars={"t": {"total": "t"}}).xsim.output_vars) == {
        ("t", "total"): "t"
    }
