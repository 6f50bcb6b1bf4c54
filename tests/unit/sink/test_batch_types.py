"""Types of a batch's outputs, complete and with members that failed (DESIGN §S1, §S6)."""

import numpy as np
import pytest
import xarray as xr

import xsim as xs
from xsim.errors import OptionError

VALUES = {
    "int": [3, 0, -5],
    "int8": [np.int8(3), np.int8(0), np.int8(-5)],
    "uint": [np.uint16(3), np.uint16(0), np.uint16(9)],
    "bool": [True, False, True],
    "float": [0.1, 0.0, 1e300],
    "float32": [np.float32(0.1), np.float32(0), np.float32(7)],
    "complex": [1 + 2j, 0j, -1j],
    "text": ["a", "", "äöü€"],
    "date": [np.datetime64("2001-01-01", "ns"), np.datetime64("1960-05-05", "ns"), np.datetime64("2001-01-02", "ns")],
    "span": [np.timedelta64(1, "s"), np.timedelta64(0, "s"), np.timedelta64(-5, "s")],
}
MASKED = {"int": "f", "int8": "f", "uint": "f", "bool": "f", "float": "f", "float32": "f", "complex": "c"}
MASKED |= {"text": "O", "date": "M", "span": "m"}
STORES = pytest.mark.parametrize("where", ["memory", "zarr"])


@xs.process
class Say:
    kind = xs.variable()
    which = xs.variable()
    fails = xs.variable(default=False)
    value = xs.variable(intent="out")
    many = xs.variable(dims="x", intent="out")

    def initialize(self):
        self.value = VALUES[self.kind][self.which]
        self.many = np.array([self.value] * 2)

    @xs.runtime(args="step")
    def run_step(self, step):
        if self.fails and step == 1:
            raise ValueError("no")


MODEL = xs.Model({"say": Say})


def run(where, kind, fails=False, which=(0, 1, 2), block=None, **encoding):
    setup = xs.create_setup(
        model=MODEL,
        clocks={"time": [0, 1, 2]},
        input_vars={
            "say__kind": kind,
            "say__which": ("b", list(which)),
            "say__fails": ("b", np.zeros(len(which), bool)),
        },
        output_vars={"say__value": "time", "say__many": None},
    )
    setup.say__fails[1] = fails
    store = {} if where == "zarr" else None
    options = {"block": block, "encoding": {"say__value": encoding} if encoding else None}
    if not fails:
        return setup.xsim.run(MODEL, batch_dim="b", store=store, **options).load()
    with pytest.warns(xs.BatchWarning):
        return setup.xsim.run(MODEL, batch_dim="b", store=store, on_error="continue", **options).load()


@STORES
@pytest.mark.parametrize("block", [1, 2])
@pytest.mark.parametrize("kind", VALUES)
def test_what_goes_in_comes_out(where, kind, block):
    """A complete batch keeps every type and every value: ints, bools, zeros, text, dates."""
    result = run(where, kind, block=block)
    expected = np.array(VALUES[kind], dtype=object if kind == "text" else None)
    for step in range(3):
        np.testing.assert_array_equal(result.say__value.values[:, step], expected)
    np.testing.assert_array_equal(result.say__many.values, np.stack([expected] * 2, axis=1))
    assert result.say__value.dtype == expected.dtype
    assert result.say__many.dtype == expected.dtype


@STORES
@pytest.mark.parametrize("block", [1, 3])
@pytest.mark.parametrize("kind", VALUES)
def test_missing_rows(where, kind, block):
    """The rows of a failed member are missing, also those that it had saved; the others keep their values."""
    result = run(where, kind, fails=True, block=block)
    assert result.say__value.dtype.kind == MASKED[kind]
    lost = result.say__value.values[1]
    if kind == "text":
        assert lost.tolist() == ["", "", ""]
    else:
        assert np.isnat(lost).all() if MASKED[kind] in "mM" else np.isnan(lost).all()
    for member in (0, 2):
        for values in (result.say__value.values[member], result.say__many.values[member]):
            assert [value == VALUES[kind][member] for value in values] == [True] * len(values)


@STORES
@pytest.mark.parametrize("value", [np.iinfo(np.int64).min, 2**53 + 1, -(2**53) - 1, np.iinfo(np.int64).max])
def test_integers_that_floats_cannot_hold(where, value, monkeypatch):
    """Integers that masking would change are not masked: missing rows hold the fill value, and it is said."""
    monkeypatch.setitem(VALUES, "large", [1, 2, value])
    result = run(where, "large", fails=True)
    low = np.iinfo(np.int64).min
    assert result.say__value.dtype == np.int64
    assert result.say__value.values.tolist() == [[1] * 3, [low] * 3, [value] * 3]
    assert "_FillValue" not in {**result.say__value.attrs, **result.say__value.encoding}
    assert result.say__value.attrs["xsim_missing"] == (
        f"missing values hold {low}; they are not masked, since the data contain that value, or integers that a float "
        f"cannot hold"
    )


@STORES
def test_complete_large_integers(where, monkeypatch):
    """In a complete result any integer is just an integer."""
    low, high = np.iinfo(np.int64).min, np.iinfo(np.int64).max
    monkeypatch.setitem(VALUES, "large", [low, high, 0])
    result = run(where, "large")
    assert result.say__value.values[:, 0].tolist() == [low, high, 0]
    assert "xsim_missing" not in result.say__value.attrs


@STORES
@pytest.mark.parametrize("fails", [False, True])
def test_fill_value_of_the_user(where, fails):
    """A fill value given by the user is used as xarray would: where data hold it, they are masked."""
    result = run(where, "int", fails=fails, fill_value=-5)
    assert result.say__value.dtype == np.float64
    np.testing.assert_array_equal(result.say__value[:, 0], [3, np.nan if fails else 0, np.nan])


@STORES
def test_dtype_of_the_user(where):
    """The type is that of the encoding, where given."""
    result = run(where, "float", which=(0, 1, 0), dtype="float32")
    assert result.say__value.dtype == np.float32
    assert result.say__value.values[:, 0].tolist() == [np.float32(0.1), 0, np.float32(0.1)]


@STORES
def test_type_of_the_lowest_member(where, monkeypatch):
    """The type is that of the lowest member that saved a value; a member whose values it cannot hold fails (§S6)."""
    monkeypatch.setitem(VALUES, "mixed", [1, 2.0, 2.5])
    setup = xs.create_setup(
        model=MODEL,
        clocks={"time": [0, 1]},
        input_vars={"say__kind": "mixed", "say__which": ("b", [0, 1, 2])},
        output_vars={"say__value": "time"},
    )
    store = {} if where == "zarr" else None
    results = []
    for options in ({}, {"block": 1}, {"parallel": True, "workers": 3}):
        with pytest.warns(xs.BatchWarning):
            result = setup.xsim.run(MODEL, batch_dim="b", store=store, mode="w", on_error="continue", **options).load()
        results.append(result)
        np.testing.assert_array_equal(result.say__value, [[1, 1], [2, 2], [np.nan] * 2])
        assert result.xsim_outcome.values.tolist() == ["done", "done", "failed"]
        assert result.xsim_exception.values[2] == "OutputError"


@STORES
def test_type_of_a_member_that_failed_later(where, monkeypatch):
    """It is the first value saved that gives the type, also where its member failed afterwards (§S6)."""
    monkeypatch.setitem(VALUES, "mixed", [1.0, 2.5, 3])
    setup = xs.create_setup(
        model=MODEL,
        clocks={"time": [0, 1, 2]},
        input_vars={
            "say__kind": "mixed",
            "say__which": ("b", [0, 1, 2]),
            "say__fails": ("b", [True, False, False]),
        },
        output_vars={"say__value": "time"},
    )
    with pytest.warns(xs.BatchWarning):
        result = setup.xsim.run(MODEL, batch_dim="b", store={} if where == "zarr" else None, on_error="continue").load()
    np.testing.assert_array_equal(result.say__value, [[np.nan] * 3, [2.5] * 3, [3] * 3])
    assert result.say__value.dtype == np.float64


@xs.process
class Shape:
    n = xs.variable()
    value = xs.variable(dims=[(), "x"], intent="out")

    def initialize(self):
        self.value = 1.0 if self.n == 0 else np.ones(self.n)


@STORES
@pytest.mark.parametrize("options", [{}, {"block": 1}, {"block": 2}, {"parallel": True, "workers": 2}], ids=str)
@pytest.mark.parametrize("sizes", [[0, 3, 0, 0], [3, 0, 4, 0], [0, 0, 0, 2]])
def test_dims_that_differ_between_members(where, options, sizes):
    """A member whose value has other dims than the lowest one's fails, and touches no other (§B6, §S6)."""
    model = xs.Model({"shape": Shape})
    setup = xs.create_setup(
        model=model,
        clocks={"time": [0, 1]},
        input_vars={"shape__n": ("b", sizes)},
        output_vars={"shape__value": "time"},
    )
    store = {} if where == "zarr" else None
    with pytest.warns(xs.BatchWarning):
        result = setup.xsim.run(model, batch_dim="b", store=store, on_error="continue", **options)
    good = [(n == 0) == (sizes[0] == 0) for n in sizes]
    assert (result.xsim_outcome.values == "done").tolist() == good
    assert set(result.xsim_exception.values[~np.array(good)]) == {"OutputError"}
    for value, n, done in zip(result.shape__value.values, sizes, good, strict=True):
        assert np.isfinite(value).sum() == (2 * max(n, 1) if done else 0)


@xs.runtime_hook("run_step", level="model", trigger="post")
def stop_the_first(model, context, state):
    return xs.RuntimeSignal.BREAK if state["say", "which"] == 0 else None


@STORES
@pytest.mark.parametrize("which", [[1, 2, 0], [0, 1, 2], [1, 0, 2]], ids=str)
@pytest.mark.parametrize("options", [{}, {"block": 1}, {"parallel": True, "workers": 2}], ids=str)
@pytest.mark.parametrize("kind", ["int", "bool", "text", "uint"])
def test_members_that_stop_before_the_first_label(where, which, options, kind):
    """A member that is done, but ended before an output's first label, has missing rows there, masked as such."""
    setup = xs.create_setup(
        model=MODEL,
        clocks={"time": [0, 1, 2, 3], "late": [2, 3]},
        main_clock="time",
        input_vars={"say__kind": kind, "say__which": ("b", which)},
        output_vars={"say__value": "late"},
    )
    store = {} if where == "zarr" else None
    result = setup.xsim.run(MODEL, batch_dim="b", hooks=[stop_the_first], store=store, **options)
    assert (result.xsim_outcome == "done").all()
    missing = "" if kind == "text" else np.nan
    expected = [[missing if i == 0 else VALUES[kind][i]] * 2 for i in which]
    np.testing.assert_array_equal(result.say__value, np.array(expected, dtype=object if kind == "text" else float))


def test_memory_and_zarr_are_alike():
    """Results in memory follow the same rules as those in a store."""
    for kind in VALUES:
        for fails in (False, True):
            one, other = run("memory", kind, fails=fails), run("zarr", kind, fails=fails)
            for name in ("say__value", "say__many"):
                xr.testing.assert_identical(one[name].drop_attrs(), other[name].drop_attrs())


def test_an_encoding_of_nothing():
    """encoding= for an output that is not saved is refused."""
    setup = xs.create_setup(
        model=MODEL,
        clocks={"time": [0, 1]},
        input_vars={"say__kind": "int", "say__which": ("b", [0, 1])},
        output_vars={"say__value": "time"},
    )
    with pytest.raises(OptionError) as error:
        setup.xsim.run(MODEL, batch_dim="b", encoding={"say__vlaue": {"dtype": "int8"}})
    assert str(error.value) == (
        "encoding= is given for 'say__vlaue', which the run does not save\n"
        "  expected: names among 'say__value'\n"
        "  did you mean: 'say__value'?"
    )
