"""Input values of a run: dimensions, copies, converters, validators (DESIGN §E1, §C2)."""

import textwrap

import attrs
import numpy as np
import pytest

import xsim as xs
from xsim.plan import inputs as plan_inputs
from xsim.plan.inputs import PlannedInput


@xs.process
class Heat:
    rate = xs.variable(description="cooling")
    field = xs.variable(dims=["x", ("y", "x")])
    fixed = xs.variable(static=True)
    whole = xs.variable(dims=[(), xs.MAIN_CLOCK])
    seen = xs.variable(intent="out")

    def initialize(self):
        self.seen = np.shape(self.field)

    def run_step(self):
        self.seen = np.shape(self.field)


MODEL = xs.Model({"heat": Heat})
VALUES = {"heat__rate": 1, "heat__field": [1.0, 2.0], "heat__fixed": 2, "heat__whole": 3}


def message(text):
    return textwrap.dedent(text).strip()


def setup_of(model=MODEL, clocks=None, **values):
    given = VALUES | values if model is MODEL else values
    return xs.create_setup(model, {"t": [0, 1, 2]} if clocks is None else clocks, input_vars=given)


def planned(setup, model=MODEL, **options):
    return {p.key[1]: p for p in setup.xsim.plan(model, **options).inputs}


def refused(setup, error, **options):
    with pytest.raises(error) as planning:
        setup.xsim.plan(MODEL, **options)
    with pytest.raises(error) as running:
        setup.xsim.run(MODEL, **options)
    assert str(planning.value) == str(running.value)
    return planning.value


# -- missing ------------------------------------------------------------------------------------------------------


def test_all_missing_inputs_are_listed_at_once():
    """Inputs without a value are in one error, with dims and descriptions."""
    setup = xs.create_setup(MODEL, {"t": [0, 1]}, input_vars={"heat__fixed": 1})

    error = refused(setup, xs.errors.MissingInputError)

    assert str(error) == message(
        """
        Missing variables ['heat__rate', 'heat__field', 'heat__whole'] in Dataset
          - 'heat__rate': dims (), cooling
          - 'heat__field': dims 'x' or ('y', 'x')
          - 'heat__whole': dims () or MAIN_CLOCK
          remedy: give them with .xsim.update_vars(input_vars={'heat__rate': ...})
        """
    )
    assert error.variables == (("heat", "rate"), ("heat", "field"), ("heat", "whole"))
    assert isinstance(error, KeyError)


def test_a_misspelt_variable_of_the_dataset_is_suggested():
    """A variable of the dataset with a close name may be what was meant; so for a setup of another model."""
    setup = setup_of().rename({"heat__rate": "haet__rate", "heat__whole": "other"})

    assert str(refused(setup, xs.errors.MissingInputError)) == message(
        """
        Missing variables ['heat__rate', 'heat__whole'] in Dataset
          - 'heat__rate': dims (), cooling
          - 'heat__whole': dims () or MAIN_CLOCK
          did you mean: 'haet__rate'?
          remedy: give them with .xsim.update_vars(input_vars={'heat__rate': ...})
        """
    )


# -- dimensions ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("dims", "shape"),
    [(("x",), (2,)), (("y", "x"), (3, 2)), (("t", "x"), (3, 2)), (("t", "y", "x"), (3, 4, 2))],
)
def test_declared_dimensions(dims, shape):
    """Values have declared dims, with the main clock in front if they vary in time."""
    found = planned(setup_of(heat__field=(dims, np.ones(shape))))["field"]

    assert found.values.shape == shape
    assert found.in_time == ("t" in dims)


@pytest.mark.parametrize("dims", [(), ("z",), ("x", "z"), ("x", "y"), ("y", "t", "x"), ("x", "t")])
def test_other_dimensions_are_refused(dims):
    """Dims that are not declared, or in another order, are refused with all that would be right."""
    setup = setup_of(heat__field=(dims, np.ones([3] * len(dims))))

    error = refused(setup, xs.errors.InputError)

    transposed = {("x", "y"): ("y", "x"), ("y", "t", "x"): ("t", "y", "x"), ("x", "t"): ("t", "x")}.get(dims)
    first = dims[0] if dims else "?"
    remedy = (
        f"check_dims='transpose' takes them in any order; or give them as {transposed}"
        if transposed
        else f"rename or select dimensions, e.g. ds.rename({{{first!r}: ...}})"
    )
    assert str(error) == message(
        f"""
        Invalid dimension(s) for variable 'heat__field': found {dims}, must be one of ('x',),('y', 'x'),('t', 'x'),('t', 'y', 'x')
          remedy: {remedy}
        """  # noqa: E501
    )
    assert error.variable == ("heat", "field")
    assert isinstance(error, ValueError)


def test_dimensions_without_a_clock():
    """Without a clock nothing can vary in time."""
    setup = xs.create_setup(MODEL, input_vars=VALUES | {"heat__rate": ("t", [1, 2])})

    assert str(refused(setup, xs.errors.InputError)) == message(
        """
        Invalid dimension(s) for variable 'heat__rate': found ('t',), must be one of ()
          remedy: run it with batch_dim='t', to have members along it
        """
    )


@pytest.mark.parametrize(
    ("dims", "batch_dim", "remedy"),
    [
        (("m4", "x"), None, "run it with batch_dim='m4', to have members along it"),
        (
            ("m", "x"),
            None,
            "name the dimension 't' if the values are those of its labels; or run it with batch_dim='m', to have "
            "members along it",
        ),
        (("m", "n", "t", "x"), None, "run it with batch_dim=['m', 'n'], to have members along it"),
        (("m4", "n", "x"), "n", "run it with batch_dim=['n', 'm4'], to have members along it"),
        (("m4", "x"), "n", "run it with batch_dim=['n', 'm4'], to have members along it"),
        (("t", "m", "x"), None, "rename or select dimensions, e.g. ds.rename({'t': ...})"),
    ],
)
def test_forgotten_batch_dimensions(dims, batch_dim, remedy):
    """Where batch_dim= is all that is missing, the remedy says so (DESIGN §E2)."""
    other = {"heat__rate": ("n", [1.0, 2.0, 3.0])} if batch_dim else {}
    setup = setup_of(heat__field=(dims, np.ones([4 if dim == "m4" else 3 for dim in dims])), **other)

    assert refused(setup, xs.errors.InputError, batch_dim=batch_dim).remedy == remedy


@pytest.mark.parametrize(
    ("dims", "wanted"),
    [(("x", "y"), ("y", "x")), (("x", "t"), ("t", "x")), (("x", "y", "t"), ("t", "y", "x")), (("y", "x"), ("y", "x"))],
)
def test_transposed_values(dims, wanted):
    """With check_dims='transpose' values are brought into the declared order, the main clock first."""
    sizes = {"t": 3, "y": 4, "x": 2}
    values = np.arange(np.prod([sizes[dim] for dim in dims])).reshape([sizes[dim] for dim in dims])
    setup = setup_of(heat__field=(dims, values))

    found = planned(setup, check_dims="transpose")["field"]

    expected = setup.heat__field.transpose(*wanted).values
    assert found.values.tolist() == expected.tolist()
    assert found.in_time == ("t" in dims)


def test_undeclared_dimensions_are_refused_when_transposing():
    """check_dims='transpose' still refuses other dims."""
    setup = setup_of(heat__field=(("x", "z"), np.ones((2, 3))))

    assert str(refused(setup, xs.errors.InputError, check_dims="transpose")) == message(
        """
        Invalid dimension(s) for variable 'heat__field': found ('x', 'z'), must be one of ('x',),('y', 'x'),('t', 'x'),('t', 'y', 'x')
          remedy: rename or select dimensions, e.g. ds.rename({'x': ...})
        """  # noqa: E501
    )


@pytest.mark.parametrize(("dims", "seen"), [(("z",), (3,)), (("x", "y", "z"), (3, 3, 3)), (("z", "t"), (3,))])
def test_unchecked_dimensions(dims, seen):
    """With check_dims=None anything goes, the main clock first (DESIGN §C2)."""
    setup = setup_of(heat__field=(dims, np.ones([3] * len(dims))))

    assert np.shape(planned(setup, check_dims=None)["field"].at(0)) == seen


def test_static_inputs_do_not_vary_in_time():
    """A static input along the main clock is refused."""
    error = refused(setup_of(heat__fixed=("t", [1, 2, 3])), xs.errors.StaticInputError)

    assert str(error) == message(
        """
        Cannot set value for static variable ('heat', 'fixed') at each step
          got: dims ('t',), which contain the main clock 't'
          expected: a value that does not vary in time: variable 'heat__fixed' is declared with static=True
        """
    )
    assert error.variable == ("heat", "fixed")


def test_a_series_on_the_main_clock_is_one_value():
    """A variable declared with MAIN_CLOCK sees the whole series at once."""
    found = planned(setup_of(heat__whole=[5, 6, 7]))["whole"]

    assert not found.in_time
    assert found.at(0).tolist() == [5, 6, 7]


# -- values -------------------------------------------------------------------------------------------------------


def test_values_are_copies():
    """A process may write into an array: neither the setup nor the next run sees it (API.md)."""
    setup = setup_of(heat__field=(("t", "x"), np.zeros((3, 2))), heat__whole=[5, 6, 7])
    found = planned(setup)

    for name in ("field", "whole"):
        found[name].at(1)[...] = 99

    assert found["field"].at(1).tolist() == [0, 0]
    assert found["whole"].at(1).tolist() == [5, 6, 7]
    assert setup.heat__field.values.tolist() == [[0, 0]] * 3
    assert setup.heat__whole.values.tolist() == [5, 6, 7]


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        (1, int),
        (1.5, float),
        (True, bool),
        (1j, complex),
        ("text", str),
        (None, type(None)),
        (np.float32(1.5), float),
        (np.float16(1.5), float),
        (np.complex64(1j), complex),
        (np.bytes_(b"a"), bytes),
        (np.int8(1), int),
        (np.uint64(1), int),
        (np.datetime64("2000-01-01", "s"), np.datetime64),
        (np.timedelta64(1, "s"), np.timedelta64),
    ],
)
def test_scalars_are_pythons_own(value, kind):
    """Scalars are Python's own whatever a file holds, as in xarray-simlab; dates keep their type (API.md)."""
    found = planned(setup_of(heat__rate=((), value) if value is None else value))["rate"].at(0)

    assert type(found) is kind
    assert found == value


@pytest.mark.parametrize(
    "values", [[1, 2, 3], [1.5, 2.5, 3.5], [True, False, True], ["a", "bc", "d"]], ids=["int", "float", "bool", "text"]
)
def test_scalars_in_time_are_pythons_own(values):
    """Step i sees the value at label i (DESIGN §C2)."""
    found = planned(setup_of(heat__rate=("t", values)))["rate"]

    assert found.in_time
    assert [found.at(step) for step in range(3)] == values
    assert {type(found.at(step)) for step in range(3)} == {type(values[0])}


# -- converters and validators ------------------------------------------------------------------------------------

SEEN = []


def _record(process, attribute, value):
    SEEN.append((attribute.name, value))


def _compare(process, attribute, value):
    if value >= process.upper:
        raise ValueError(f"{attribute.name} is {value}, not below {process.upper}")


def _compare_unset(process, attribute, value):
    assert value < process.later


@xs.process
class Checked:
    lower = xs.variable(default=1, validator=_compare)
    upper = xs.variable(default=5, validator=_record)
    later = xs.variable(intent="out")
    free = xs.variable(default=3, validator=[_compare_unset, _record])
    text = xs.variable(default="7", converter=int, validator=_record)

    def initialize(self):
        self.later = self.text


CHECKED = xs.Model({"checked": Checked})


@pytest.fixture(autouse=True)
def _forget():
    SEEN.clear()


def test_validators_see_all_inputs_and_converted_values():
    """A validator may compare with other inputs; converters run first."""
    setup_of(CHECKED).xsim.plan(CHECKED)

    assert sorted(SEEN) == [("text", 7), ("upper", 5)]


def test_a_validator_that_needs_an_unset_variable_passes():
    """Validating does not fail because another variable has no value yet (API.md)."""
    assert setup_of(CHECKED).xsim.run(CHECKED).checked__free.item() == 3


def test_a_refused_value_is_named():
    """The validator's own exception is raised, with a note that names the input."""
    with pytest.raises(ValueError) as error:  # noqa: PT011 - the whole text is compared
        setup_of(CHECKED, checked__lower=6).xsim.plan(CHECKED)

    assert str(error.value) == "lower is 6, not below 5"
    assert error.value.__notes__ == ["refused by the validator of input 'checked__lower'"]


def test_a_refused_value_in_time_is_named_with_its_step():
    """All values that the run will use are validated beforehand, the unused last one is not (DESIGN §E1)."""
    setup = setup_of(CHECKED, checked__lower=("t", [1, 9, 1]))
    with pytest.raises(ValueError) as error:  # noqa: PT011 - the whole text is compared
        setup.xsim.plan(CHECKED)

    assert str(error.value) == "lower is 9, not below 5"
    assert error.value.__notes__ == ["refused by the validator of input 'checked__lower' (step 1)"]
    setup_of(CHECKED, checked__lower=("t", [1, 2, 9])).xsim.plan(CHECKED)


@pytest.mark.parametrize(
    ("value", "note"),
    [("seven", ""), (("t", ["1", "two", "3"]), " (step 1)")],
    ids=["fixed", "in time"],
)
def test_a_converter_that_fails_names_the_input(value, note):
    """The converter's own exception is raised, with a note that names the input and the step."""
    with pytest.raises(ValueError) as error:  # noqa: PT011 - the note is compared
        setup_of(CHECKED, checked__text=value).xsim.plan(CHECKED)

    assert error.value.__notes__ == [f"while converting the value of input 'checked__text'{note}"]


def test_processes_see_converted_values():
    """A process sees what the converter gives."""
    setup = setup_of(CHECKED).xsim.update_vars(CHECKED, output_vars={"checked__later": None})

    assert setup.xsim.run(CHECKED).checked__later.item() == 7


@pytest.mark.parametrize("validate", ["inputs", None])
def test_validators_can_be_left_out(validate):
    """With validate=None no validator sees the inputs."""
    setup_of(CHECKED).xsim.plan(CHECKED, validate=validate)

    assert (SEEN == []) == (validate is None)


def test_nothing_is_written_before_inputs_are_valid(tmp_path):
    """Validators run before a file is written (DESIGN §E1)."""
    store = tmp_path / "result.zarr"
    with pytest.raises(ValueError) as error:  # noqa: PT011 - the whole text is compared
        setup_of(CHECKED, checked__lower=6).xsim.run(CHECKED, store=store)

    assert str(error.value) == "lower is 6, not below 5"
    assert not store.exists()


def test_planned_inputs_are_frozen():
    """A planned input cannot be changed."""
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        planned(setup_of())["rate"].in_time = True


@pytest.mark.parametrize(
    "dtype", ["float32", "int64", "bool", "complex128", "datetime64[s]", "timedelta64[ns]", "U3", "O"]
)
@pytest.mark.parametrize("own", [(), (2,)])
@pytest.mark.parametrize("converter", [None, lambda value: (value,)])
def test_a_series_gives_what_each_step_gives(monkeypatch, dtype, own, converter):
    """Values made in parts are those made one by one, of the same types, and copies where they are arrays (§C2)."""
    monkeypatch.setattr(plan_inputs, "_PART", 3)
    values = (np.arange(7 * int(np.prod(own))) % 2).reshape(7, *own).astype(dtype)
    found = PlannedInput(("p", "v"), values, True, converter)
    series = list(found.series())

    for step, value in enumerate(series):
        expected = found.at(step)
        assert type(value) is type(expected)
        if converter is not None:
            (value,), (expected,) = value, expected
        assert type(value) is type(expected)
        np.testing.assert_array_equal(value, expected)
        assert not (isinstance(value, np.ndarray) and np.shares_memory(value, values))
    assert len(series) == 7
