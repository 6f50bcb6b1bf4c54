"""Looking at process classes: `filter_variables`, `process_info`, `variable_info`."""

import io
import textwrap

import numpy as np
import pytest
from attrs import NOTHING

import xsim as xs
from xsim.errors import DeclarationError, NotAProcessClassError, UnknownVariableError


def check(process, attribute, value):
    """Accept anything."""


@xs.process
class Grid:
    spacing = xs.variable(default=0.5, static=True, description="distance of nodes", attrs={"units": "m"})
    shape = xs.variable([(), "axis"], validator=check, converter=int, groups=["sizes", "all"])
    x = xs.index("x", description="position", global_name="x")

    def initialize(self):
        self.x = np.arange(3)


@xs.process
class Heat:
    heat = xs.variable("x", intent="inout", description="heat", attrs={"units": "K"}, encoding={"fill_value": -1})
    x = xs.foreign(Grid, "x")
    other = xs.global_ref("x")
    sizes = xs.group("sizes")
    by_name = xs.group_dict("sizes")
    start = xs.variable()
    most = xs.on_demand(description="the " + "very " * 20 + "most")
    notes = xs.any_object()

    @start.default
    def _start(self):
        return 1

    @most.compute(cache=True)
    def _most(self):
        return self.heat.max()

    @xs.runtime(args="step, step_delta")
    def run_step(self, step, dt):
        pass

    def finalize(self):
        pass


@xs.process
class Source:
    heat = xs.foreign(Heat, "heat", intent="out")
    x = xs.foreign(Heat, "x", intent="inout")


MODEL = xs.Model({"grid": Grid, "heat": Heat, "source": Source})


def text(doc):
    """Give a text as it is meant to be."""
    return textwrap.dedent(doc).lstrip()


def printed(function, *args):
    """Give what is printed into a buffer."""
    buffer = io.StringIO()
    assert function(*args, buffer) is None
    return buffer.getvalue()


@pytest.mark.parametrize("process", [Heat, MODEL.heat, Heat(heat=1, start=2, x=3, other=4)])
def test_filter_nothing(process):
    """Without criteria all variables are given, in the order of declaration, of a class or an object."""
    assert list(xs.filter_variables(process)) == [
        *("heat", "x", "other", "sizes", "by_name", "start", "most", "notes"),
    ]


@pytest.mark.parametrize(
    "criteria, found",
    [
        ({"var_type": "variable"}, ["heat", "start"]),
        ({"var_type": xs.VarType.ON_DEMAND}, ["most"]),
        ({"var_type": "object"}, ["notes"]),
        ({"var_type": "index"}, []),
        ({"intent": "inout"}, ["heat"]),
        ({"intent": xs.VarIntent.OUT}, ["most", "notes"]),
        ({"var_type": "variable", "intent": "in"}, ["start"]),
        ({"group": "sizes"}, []),  # groups gather, they do not belong
        ({"func": lambda v: v.metadata["description"] == "heat"}, ["heat"]),
        ({"func": lambda v: v.default is not NOTHING}, ["start"]),
        ({"intent": "in", "func": lambda v: 1 if v.metadata["dims"] == (("x",),) else 0}, ["x"]),
    ],
)
def test_filter(criteria, found):
    """Variables that meet all criteria are given; kinds and intents may be text or enumeration members."""
    assert list(xs.filter_variables(Heat, **criteria)) == found


def test_filter_by_position():
    """The criteria keep their order (API.md)."""
    assert list(xs.filter_variables(Grid, "variable", "in", "sizes", lambda v: not v.metadata["static"])) == ["shape"]


def test_what_is_given():
    """Each variable tells what is declared of it; a foreign one what is declared of the other (API.md)."""
    x, heat, spacing = (
        xs.filter_variables(cls)[name] for cls, name in [(Source, "x"), (Source, "heat"), (Grid, "spacing")]
    )

    assert x.metadata["intent"] is xs.VarIntent.INOUT
    assert x.metadata["var_type"] == "foreign"
    assert (x.metadata["dims"], x.metadata["description"]) == ((("x",),), "position")
    assert (heat.metadata["attrs"], heat.metadata["encoding"]) == ({"units": "K"}, {"fill_value": -1})
    assert heat.metadata["other_process_cls"] is Heat
    assert heat.metadata["static"] is False
    assert (spacing.name, spacing.default, spacing.metadata["static"]) == ("spacing", 0.5, True)


def test_global_references():
    """What a global reference leads to is known in a model only."""
    assert xs.filter_variables(Heat)["other"].metadata["dims"] == ()
    assert xs.filter_variables(MODEL.heat)["other"].metadata["dims"] == (("x",),)
    assert list(xs.filter_variables(MODEL.heat, func=lambda v: v.metadata["description"] == "position")) == [
        "x",
        "other",
    ]


@pytest.mark.parametrize(
    "function", [xs.filter_variables, xs.process_info, lambda process: xs.variable_info(process, "x")]
)
@pytest.mark.parametrize("process", ["Grid", 3, int, None])
def test_no_process(function, process):
    """What is no process class and no object of one is refused (API.md)."""
    with pytest.raises(NotAProcessClassError) as error:
        function(process)

    assert str(error.value).splitlines()[0] == f"{process!r} is not a process-decorated class"


def test_undecorated_subclass():
    """A subclass must be decorated itself, also where only an object of it is looked at (API.md)."""

    class Sub(Grid):
        pass

    for process in (Sub, Sub(shape=1)):
        with pytest.raises(NotAProcessClassError) as error:
            xs.process_info(process)
        assert "but is not itself process-decorated" in str(error.value)


@pytest.mark.parametrize(
    "criteria, message",
    [
        (
            {"var_type": "on_deman"},
            """
            'on_deman' is not a valid VarType
              expected: one of 'variable', 'index', 'on_demand', 'object', 'foreign', 'global', 'group', 'group_dict'
              did you mean: 'on_demand'?
            """,
        ),
        (
            {"intent": "output"},
            """
            'output' is not a valid VarIntent
              expected: one of 'in', 'out', 'inout'
              did you mean: 'out'?
            """,
        ),
    ],
)
def test_unknown_criterion(criteria, message):
    """A kind or an intent that does not exist is refused (DESIGN §E2)."""
    with pytest.raises(DeclarationError) as error:
        xs.filter_variables(Grid, **criteria)

    assert str(error.value) + "\n" == text(message)


def test_process_info():
    """A class prints its variables, what they refer to, and its stages with what these ask for."""
    assert printed(xs.process_info, Heat) == text(
        """
        <Heat (xsim process)>
        Variables:
            heat     [inout]  ('x',)              heat
            x        [in]     <--- Grid.x         position
            other    [in]     <--- global 'x'
            sizes    [in]     <--- group 'sizes'
            by_name  [in]     <--- group 'sizes'
            start    [in]
            most     [out]                        the very very very very very very very very very very ...
            notes    [out]
        Simulation stages:
            run_step  takes step, step_delta
            finalize
        """
    )


def test_process_info_of_object_in_model():
    """In a model, references tell the name of the process that they lead to; it is the object's repr, too."""
    expected = text(
        """
        <Heat 'heat' (xsim process)>
        Variables:
            heat     [inout]  ('x',)              heat
            x        [in]     <--- grid.x         position
            other    [in]     <--- grid.x         position
            sizes    [in]     <--- group 'sizes'
            by_name  [in]     <--- group 'sizes'
            start    [in]
            most     [out]                        the very very very very very very very very very very ...
            notes    [out]
        Simulation stages:
            run_step  takes step, step_delta
            finalize
        """
    )
    assert printed(xs.process_info, MODEL.heat) == expected
    assert repr(MODEL.heat) + "\n" == expected


def test_process_info_of_bare_object():
    """Outside a model, values set by hand do not hide what is declared."""
    assert printed(xs.process_info, Source(x=1)) == text(
        """
        <Source (xsim process)>
        Variables:
            heat  [out]    ---> Heat.heat  heat
            x     [inout]  <--> Heat.x     position
        Simulation stages:
            *no stage implemented*
        """
    )


def test_printing_to_the_screen(capsys):
    """Without a buffer, both functions print."""
    xs.process_info(Source)
    xs.variable_info(Source, "x")

    assert capsys.readouterr().out == printed(xs.process_info, Source) + printed(xs.variable_info, Source, "x")


@pytest.mark.parametrize(
    "process, name, expected",
    [
        (
            Grid,
            "spacing",
            """
            <Grid.spacing (xsim variable)>
            distance of nodes
            Variable properties:
                type     variable
                intent   in
                dims     ()
                default  0.5
                static   yes: it cannot vary in time
            Other attributes:
                units  m
            """,
        ),
        (
            Grid,
            "shape",
            """
            <Grid.shape (xsim variable)>
            No description given.
            Variable properties:
                type       variable
                intent     in
                dims       () or 'axis'
                groups     'sizes', 'all'
                validator  check
                converter  int
            """,
        ),
        (
            Grid,
            "x",
            """
            <Grid.x (xsim variable)>
            position
            Variable properties:
                type         index
                intent       out
                dims         'x'
                global name  'x'
            """,
        ),
        (
            Source,
            "heat",
            """
            <Source.heat (xsim variable)>
            heat
            Variable properties:
                type       foreign
                intent     out
                refers to  Heat.heat
                dims       'x'
            Other attributes:
                units  K
            Encoding options:
                fill_value  -1
            """,
        ),
        (
            Heat,
            "other",
            """
            <Heat.other (xsim variable)>
            No description given.
            Variable properties:
                type       global
                intent     in
                refers to  global 'x'
            """,
        ),
        (
            MODEL.heat,
            "other",
            """
            <Heat.other (xsim variable)>
            position
            Variable properties:
                type       global
                intent     in
                refers to  grid.x
                dims       'x'
            """,
        ),
        (
            Heat,
            "start",
            """
            <Heat.start (xsim variable)>
            No description given.
            Variable properties:
                type     variable
                intent   in
                dims     ()
                default  computed
            """,
        ),
        (
            Heat,
            "most",
            f"""
            <Heat.most (xsim variable)>
            the {"very " * 14}very
            {"very " * 5}most
            Variable properties:
                type         on_demand
                intent       out
                dims         ()
                computed by  _most, once a stage
            """,
        ),
        (
            MODEL.heat,
            "by_name",
            """
            <Heat.by_name (xsim variable)>
            Mapping of all variables that belong to group 'sizes'
            Variable properties:
                type           group_dict
                intent         in
                gathers group  'sizes'
            """,
        ),
    ],
)
def test_variable_info(process, name, expected):
    """All that is declared of a variable is printed, for a reference also what is declared of the other one."""
    assert printed(xs.variable_info, process, name) == text(expected)


def test_unknown_variable():
    """A variable that the class does not have is refused, with a suggestion (DESIGN §E2)."""
    with pytest.raises(UnknownVariableError) as error:
        xs.variable_info(Grid, "spacings")

    assert str(error.value) + "\n" == text(
        """
        process class 'Grid' has no variable 'spacings'
          expected: one of 'spacing', 'shape', 'x'
          did you mean: 'spacing'?
        """
    )


def test_lagged_and_frozen():
    """References to the step before, and frozen variables, say so (DESIGN §O3, §O6)."""

    @xs.process
    class Feedback:
        before = xs.foreign("Other", "v", lag=1, initial=0.5)
        table = xs.any_object(frozen=True)

    assert "    before  [in]   <--- Other.v, step before\n" in printed(xs.process_info, Feedback)
    assert printed(xs.variable_info, Feedback, "before") == text(
        """
        <Feedback.before (xsim variable)>
        No description given.
        Variable properties:
            type       foreign
            intent     in
            refers to  Other.v
            lag        1: it is the value of the step before
            initial    0.5
        """
    )
    assert "    frozen  yes: nobody changes it in place\n" in printed(xs.variable_info, Feedback, "table")
    assert vars(Feedback).get("table") is None
