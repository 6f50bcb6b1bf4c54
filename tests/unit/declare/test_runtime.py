"""Stage methods and their runtime arguments (API.md)."""

import textwrap

import pytest

import xsim as xs
from xsim.declare.process import process_spec
from xsim.declare.runtime import RUNTIME_ARGS
from xsim.errors import DeclarationError


@pytest.mark.parametrize(
    "args, names",
    [
        (None, ()),
        ("", ()),
        ((), ()),
        ([], ()),
        ("step", ("step",)),
        ("step,step_end", ("step", "step_end")),
        (" step , step_end ,", ("step", "step_end")),
        (["step", "step_end"], ("step", "step_end")),
        (("step_end", "step"), ("step_end", "step")),
    ],
)
def test_accepted_forms(args, names):
    """Arguments are given as one text, or as list or tuple; none is fine (API.md)."""

    @xs.process
    class Timed:
        @xs.runtime(args=args)
        def run_step(self, *values):
            self.seen = values

    model = xs.Model({"p": Timed})
    model.execute("run_step", {"step": 1, "step_end": 2.0, "unused": 3})

    assert process_spec(Timed).stages["run_step"].args == names
    assert model.p.seen == tuple({"step": 1, "step_end": 2.0}[name] for name in names)


def test_bare_decorator():
    """Without brackets a method takes no arguments."""

    @xs.process
    class Timed:
        @xs.runtime
        def run_step(self):
            """Do nothing."""

    assert process_spec(Timed).stages["run_step"].args == ()


def test_names_of_parameters_are_free():
    """Arguments are passed by position; parameters may have any name, and defaults."""

    @xs.process
    class Timed:
        @xs.runtime(args="step_start, step_end")
        def run_step(self, a, b, c=5):
            self.seen = (a, b, c)

    model = xs.Model({"p": Timed})
    model.execute("run_step", {"step_start": 1, "step_end": 2})

    assert model.p.seen == (1, 2, 5)


def test_method_is_given_back():
    """The decorator gives back the method that it was given."""

    def run_step(self, step):
        """Do nothing."""

    assert xs.runtime(args="step")(run_step) is run_step
    assert xs.runtime(run_step, "step") is run_step


def test_known_arguments():
    """xarray-simlab's runtime arguments are all known (API.md)."""
    assert set(RUNTIME_ARGS) >= {
        "batch_size",
        "batch",
        "sim_start",
        "sim_end",
        "nsteps",
        "step",
        "step_start",
        "step_end",
        "step_delta",
        "main_clock_values",
        "main_clock_dataarray",
    }


def test_stages():
    """The methods of the four stages are found, in the order of the stages, also as callables of other kinds."""

    class Call:
        def __call__(self):
            """Do nothing."""

    @xs.process
    class Staged:
        initialize = None
        finalize = Call()

        def finalize_step(self):
            """Do nothing."""

        def run_step(self):
            """Do nothing."""

        def step(self):
            """Do nothing."""

    assert list(process_spec(Staged).stages) == ["run_step", "finalize_step", "finalize"]


@pytest.mark.parametrize(
    "args, method, got, expected",
    [
        ((), lambda self, a: None, "(a)", "0 after self, for args=()"),
        ("step", lambda self: None, "()", "1 after self, for args=('step')"),
        ("step", lambda self, a, b: None, "(a, b)", "1 after self, for args=('step')"),
        ("step, step_end", lambda self, a=1: None, "(a)", "2 after self, for args=('step', 'step_end')"),
    ],
)
def test_signature(args, method, got, expected):
    """A method that does not take what it asks for is refused at declaration (DESIGN §E1)."""
    method.__name__ = "run_step"

    with pytest.raises(DeclarationError) as error:
        xs.process(type("Wrong", (), {"run_step": xs.runtime(args=args)(method)}))

    assert (
        str(error.value)
        == textwrap.dedent(
            f"""
            stage method Wrong.run_step does not take the runtime arguments that it asks for
              got: parameters {got}
              expected: {expected}
              remedy: name the arguments with @xs.runtime(args=...), one for each parameter after self
            """
        ).strip()
    )


@pytest.mark.parametrize("args", ["step", ()])
def test_keyword_only_parameters(args):
    """A method with a parameter that only goes by name cannot be called by position (DESIGN §E1)."""

    def run_step(self, *, step):
        """Do nothing."""

    with pytest.raises(DeclarationError):
        xs.process(type("Wrong", (), {"run_step": xs.runtime(args=args)(run_step)}))


@pytest.mark.parametrize("method", [lambda self, dt: None, lambda self, dt=5: None])
def test_undecorated_run_step_takes_the_time_step(method):
    """`run_step(self, dt)` without decorator gets the time step, with a warning, as in xarray-simlab (API.md)."""
    method.__qualname__ = "Old.run_step"

    with pytest.warns(FutureWarning) as caught:
        cls = xs.process(type("Old", (), {"run_step": method}))

    assert process_spec(cls).stages["run_step"].args == ("step_delta",)
    assert [str(warning.message) for warning in caught] == [
        "Old.run_step(self, dt) without decorator is deprecated; decorate it with @xs.runtime(args='step_delta')"
    ]
    assert [(warning.filename, warning.lineno) for warning in caught] == [(__file__, method.__code__.co_firstlineno)]


@pytest.mark.parametrize("stage", ["initialize", "finalize_step", "finalize"])
def test_other_undecorated_stages_take_nothing(stage):
    """In the other stages a method with an argument needs the decorator: a TypeError, as in xarray-simlab (API.md)."""
    with pytest.raises(TypeError) as error:
        xs.process(type("Wrong", (), {stage: lambda self, dt: None}))

    assert isinstance(error.value, DeclarationError)


@pytest.mark.parametrize("args", [3, [3], {"step": 1}])
def test_arguments_that_are_no_names(args):
    """Arguments that are no names are an error where they are written, with the words of xarray-simlab (§E2)."""
    with pytest.raises(DeclarationError) as error:
        xs.runtime(args=args)

    assert str(error.value) == (
        "args must be either a string, a list or a tuple, of names of runtime arguments\n"
        f"  got: args={args!r}\n"
        "  expected: e.g. args='step_delta' or args=['step', 'step_delta']"
    )
