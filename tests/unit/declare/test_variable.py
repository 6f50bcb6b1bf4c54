"""The kinds of variables and their arguments (API.md)."""

import textwrap
import warnings

import attr
import pytest
from attrs import NOTHING

import xsim as xs
from xsim.declare.process import process_spec
from xsim.errors import DeclarationError


@xs.process
class Target:
    v = xs.variable()


def spec_of(declaration):
    """Give the record of a declaration in a class of its own."""
    return process_spec(xs.process(type("Owner", (), {"it": declaration}))).variables["it"]


def facts(spec):
    """Give all that differs from a bare record."""
    plain = {
        "dims": (),
        "groups": (),
        "global_name": None,
        "default": NOTHING,
        "validator": None,
        "converter": None,
        "static": False,
        "description": "",
        "attrs": {},
        "encoding": {},
        "target_cls": None,
        "target_name": None,
        "lag": 0,
        "initial": NOTHING,
        "frozen": False,
        "group": None,
    }
    found = {name: getattr(spec, name) for name in plain}
    return {name: value for name, value in found.items() if value is not plain[name] and value != plain[name]}


def check(process, attribute, value):
    """Accept everything."""


def test_variable_defaults():
    """A variable is a scalar input unless said otherwise."""
    spec = spec_of(xs.variable())

    assert (spec.name, spec.var_type, spec.intent) == ("it", xs.VarType.VARIABLE, xs.VarIntent.IN)
    assert facts(spec) == {"dims": ((),)}


def test_variable_arguments():
    """All arguments of a variable are kept."""
    spec = spec_of(
        xs.variable(
            dims=[(), "x"],
            intent="inout",
            global_name="height",
            groups=["a", "b"],
            default=3,
            validator=check,
            converter=int,
            static=True,
            description="a height",
            attrs={"units": "m"},
            encoding={"dtype": "f4"},
        )
    )

    assert spec.intent is xs.VarIntent.INOUT
    assert facts(spec) == {
        "dims": ((), ("x",)),
        "global_name": "height",
        "groups": ("a", "b"),
        "default": 3,
        "validator": check,
        "converter": int,
        "static": True,
        "description": "a height",
        "attrs": {"units": "m"},
        "encoding": {"dtype": "f4"},
    }


def test_positional_arguments():
    """The first arguments keep xarray-simlab's positions."""
    variable, index = spec_of(xs.variable("x", "out", "name")), spec_of(xs.index("x", "name", "g"))
    on_demand = xs.on_demand("x")
    on_demand.compute(lambda self: 1)

    assert (variable.dims, variable.intent, variable.global_name) == ((("x",),), "out", "name")
    assert (index.dims, index.global_name, index.groups) == ((("x",),), "name", ("g",))
    assert spec_of(on_demand).dims == (("x",),)
    assert (spec_of(xs.any_object("name", "g")).global_name, spec_of(xs.any_object("name", "g")).groups) == (
        "name",
        ("g",),
    )
    assert spec_of(xs.foreign(Target, "v", "out")).intent == spec_of(xs.global_ref("name", "out")).intent == "out"


def test_default_none_is_a_default():
    """None is a default like any other (API.md)."""
    assert spec_of(xs.variable(default=None)).default is None


def test_output_has_no_default():
    """What the process sets itself has no default."""
    assert spec_of(xs.variable(intent="out", default=3)).default is NOTHING


def test_index():
    """An index is set by its process, and needs dims."""
    spec = spec_of(xs.index("x", groups="g", description="d", attrs={"a": 1}, encoding={"dtype": "i4"}))

    assert (spec.var_type, spec.intent) == (xs.VarType.INDEX, xs.VarIntent.OUT)
    assert facts(spec) == {
        "dims": (("x",),),
        "groups": ("g",),
        "description": "d",
        "attrs": {"a": 1},
        "encoding": {"dtype": "i4"},
    }
    with pytest.raises(TypeError):
        xs.index()


def test_on_demand():
    """An on-demand variable knows its compute method, and is an output of its process."""
    declaration = xs.on_demand(["x", ("y", "x")], groups="g", description="d", attrs={"a": 1}, encoding={"dtype": "i4"})

    @declaration.compute
    def compute(self):
        return 1

    spec = spec_of(declaration)

    assert (spec.var_type, spec.intent) == (xs.VarType.ON_DEMAND, xs.VarIntent.OUT)
    assert (spec.compute, spec.compute_cache) == (compute, False)
    assert facts(spec) == {
        "dims": (("x",), ("y", "x")),
        "groups": ("g",),
        "description": "d",
        "attrs": {"a": 1},
        "encoding": {"dtype": "i4"},
    }


def test_any_object():
    """An object has neither dims nor encoding."""
    spec = spec_of(xs.any_object("name", groups="g", description="d", attrs={"a": 1}))

    assert (spec.var_type, spec.intent) == (xs.VarType.OBJECT, xs.VarIntent.OUT)
    assert facts(spec) == {"global_name": "name", "groups": ("g",), "description": "d", "attrs": {"a": 1}}


@pytest.mark.parametrize("intent", ["in", "out", "inout"])
def test_references(intent):
    """References take every intent, `inout` included (API.md, deliberate changes)."""
    foreign, ref = spec_of(xs.foreign(Target, "v", intent=intent)), spec_of(xs.global_ref("name", intent=intent))

    assert (foreign.var_type, foreign.intent) == (xs.VarType.FOREIGN, intent)
    assert facts(foreign) == {"target_cls": Target, "target_name": "v"}
    assert (ref.var_type, ref.intent) == (xs.VarType.GLOBAL, intent)
    assert facts(ref) == {"global_name": "name"}


@pytest.mark.parametrize("kind, var_type", [(xs.group, "group"), (xs.group_dict, "group_dict")])
def test_groups(kind, var_type):
    """Group variables read what is in their group."""
    spec = spec_of(kind("g"))

    assert (spec.var_type, spec.intent, spec.group) == (var_type, "in", "g")


def test_dims_in_brackets():
    """`dims=("x")` is just a string (API.md)."""
    assert spec_of(xs.variable(dims=("x"))).dims == (("x",),)


def test_main_clock_in_dims():
    """The label of the main clock may stand in dims."""
    assert spec_of(xs.variable(dims=(xs.MAIN_CLOCK, "x"))).dims == ((xs.MAIN_CLOCK, "x"),)


def test_groups_are_unique():
    """A group given twice counts once."""
    assert spec_of(xs.variable(groups=("b", "a", "b"))).groups == ("b", "a")


@pytest.mark.parametrize("kind", [xs.variable, xs.on_demand])
def test_deprecated_group(kind):
    """`group=` still works, after `groups=`, and warns at the user's line (API.md)."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        declaration = kind(group="b", groups="a")
    if kind is xs.on_demand:
        declaration.compute(lambda self: 1)

    assert [str(w.message) for w in caught] == ["group= is deprecated; use groups="]
    assert [w.category for w in caught] == [FutureWarning]
    assert [w.filename for w in caught] == [__file__]
    assert spec_of(declaration).groups == ("a", "b")


def test_metadata():
    """`metadata` has xarray-simlab's keys, and cannot change the declaration (API.md)."""
    attrs = {"units": "m"}
    spec = spec_of(xs.variable(dims="x", attrs=attrs, description="d", groups="g"))
    attrs["units"] = "km"
    spec.metadata["attrs"]["units"] = "mm"

    assert dict(spec.metadata) == {
        "var_type": xs.VarType.VARIABLE,
        "intent": xs.VarIntent.IN,
        "dims": (("x",),),
        "global_name": None,
        "groups": ("g",),
        "static": False,
        "attrs": {"units": "m"},
        "description": "d",
        "encoding": {},
    }
    with pytest.raises(TypeError):
        spec.metadata["static"] = True


def test_metadata_of_references():
    """References name their target in their metadata, groups their group, also as attrs fields (API.md)."""
    foreign = spec_of(xs.foreign(Target, "v")).metadata

    assert (foreign["other_process_cls"], foreign["var_name"]) == (Target, "v")
    assert spec_of(xs.group("g")).metadata["group"] == "g"
    for declaration in (xs.group("g"), xs.group_dict("g")):
        fields = attr.fields_dict(xs.process(type("Gathers", (), {"v": declaration})))
        assert fields["v"].metadata["group"] == "g"


def test_metadata_of_a_foreign_variable_describes_its_target():
    """Dims, attrs, description and encoding are those of what is referred to, kind and intent its own (API.md)."""

    @xs.process
    class Owner:
        v = xs.variable(dims="x", intent="out", groups="g", description="d", attrs={"u": 1}, encoding={"dtype": "f4"})

    @xs.process
    class Between:
        v = xs.foreign(Owner, "v", intent="inout")

    for cls, target in ((Between, Owner), (xs.process(type("Far", (), {"v": xs.foreign(Between, "v")})), Between)):
        metadata = dict(attr.fields_dict(cls)["v"].metadata)
        assert metadata == {
            "var_type": "foreign",
            "intent": "inout" if cls is Between else "in",
            "dims": (("x",),),
            "global_name": None,
            "groups": (),
            "static": False,
            "attrs": {"u": 1},
            "description": "d",
            "encoding": {"dtype": "f4"},
            "other_process_cls": target,
            "var_name": "v",
        }


def test_enums_compare_with_text():
    """Kinds and intents compare with their names and look as in xarray-simlab (API.md)."""
    assert xs.VarType("on_demand") is xs.VarType.ON_DEMAND
    assert [intent.value for intent in xs.VarIntent] == ["in", "out", "inout"]
    assert [kind.value for kind in xs.VarType] == [
        "variable",
        "index",
        "on_demand",
        "object",
        "foreign",
        "global",
        "group",
        "group_dict",
    ]


@pytest.mark.parametrize(
    "declare",
    [
        lambda: xs.variable(intent="outin"),
        lambda: xs.foreign(Target, "v", intent="outin"),
        lambda: xs.global_ref("name", intent="outin"),
    ],
)
def test_wrong_intent(declare):
    """An intent that does not exist is refused with those that do."""
    with pytest.raises(DeclarationError) as error:
        declare()

    assert (
        str(error.value)
        == textwrap.dedent(
            """
            'outin' is not a valid VarIntent
              expected: one of 'in', 'out', 'inout'
              did you mean: 'out', 'inout'?
            """
        ).strip()
    )


@pytest.mark.parametrize("kind", [xs.variable, xs.index, xs.on_demand])
def test_wrong_dims(kind):
    """Dims that are none are refused where they are declared (DESIGN §E2)."""
    with pytest.raises(DeclarationError) as error:
        kind(dims=("x", 3))

    assert (
        str(error.value)
        == textwrap.dedent(
            """
            dimension labels are non-empty strings, not 3
              remedy: dims is e.g. 'x', ('y', 'x'), (), or a list of such alternatives
            """
        ).strip()
    )


@pytest.mark.parametrize(
    "declaration, kind",
    [(xs.index("x"), "index"), (xs.on_demand(), "on_demand"), (xs.foreign(Target, "v"), "foreign")],
)
def test_only_variables_have_defaults(declaration, kind):
    """A default or validator for what is no variable is refused."""
    for what in ("default", "validator"):
        with pytest.raises(DeclarationError) as error:
            getattr(declaration, what)(check)

        assert (
            str(error.value)
            == textwrap.dedent(
                f"""
                only variables have a {what}
                  got: a declaration of kind '{kind}'
                  remedy: declare it with xs.variable()
                """
            ).strip()
        )


def test_only_on_demand_is_computed():
    """A compute method for another kind is refused, with and without brackets."""
    for decorate in (lambda: xs.variable().compute(check), lambda: xs.variable().compute(cache=True)):
        with pytest.raises(DeclarationError) as error:
            decorate()

        assert (
            str(error.value)
            == textwrap.dedent(
                """
                only on-demand variables are computed
                  got: a declaration of kind 'variable'
                  remedy: declare it with xs.on_demand()
                """
            ).strip()
        )


def test_frozen():
    """Values can be declared never to change in place (DESIGN §O3)."""
    assert facts(spec_of(xs.variable(frozen=True))) == {"dims": ((),), "frozen": True}
    assert facts(spec_of(xs.any_object(frozen=True))) == {"frozen": True}
    assert spec_of(xs.any_object(frozen=True)).metadata["frozen"] is True
    assert "frozen" not in spec_of(xs.any_object()).metadata


def test_lag():
    """References to the step before keep their lag and their initial value, also None (DESIGN §O6)."""
    assert facts(spec_of(xs.foreign("Target", "v", lag=1, initial=None))) == {
        "target_cls": "Target",
        "target_name": "v",
        "lag": 1,
        "initial": None,
    }
    assert facts(spec_of(xs.global_ref("g", lag=1))) == {"global_name": "g", "lag": 1}
    assert spec_of(xs.global_ref("g", lag=1)).metadata["lag"] == 1


@pytest.mark.parametrize("declare", [lambda **k: xs.foreign(Target, "v", **k), lambda **k: xs.global_ref("g", **k)])
@pytest.mark.parametrize(
    "arguments, message",
    [
        (
            {"lag": 2},
            """
            lag=2 of a reference makes no sense
              expected: lag=1: the value of the step before; or lag=0: the value as it is
              remedy: for an older value, keep it in a variable of a process, or refer to a lagged reference with lag=1
            """,
        ),
        (
            {"lag": True},
            """
            lag=True of a reference makes no sense
              expected: lag=1: the value of the step before; or lag=0: the value as it is
              remedy: for an older value, keep it in a variable of a process, or refer to a lagged reference with lag=1
            """,
        ),
        (
            {"lag": 1, "intent": "inout"},
            """
            a reference to the value of the step before can only read it
              got: lag=1, intent='inout'
              expected: lag=1, intent='in'
              remedy: declare another reference, without lag, to set or update the variable
            """,
        ),
        (
            {"initial": 3},
            """
            a reference that gives the value as it is needs no initial value
              got: initial=3, lag=0
              expected: lag=1 together with initial=
            """,
        ),
    ],
)
def test_wrong_lag(declare, arguments, message):
    """A lag that makes no sense is refused where it is declared."""
    with pytest.raises(DeclarationError) as error:
        declare(**arguments)

    assert str(error.value) == textwrap.dedent(message).strip()
