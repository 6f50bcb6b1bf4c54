"""Declaring runtime hooks, and which of them a run gets (DESIGN §O7)."""

import textwrap

import pytest

import xsim as xs
from xsim._base.stages import Stage
from xsim.declare.hook import HookPoint, collect_hooks, hook_point
from xsim.errors import DeclarationError


def text(message):
    """Give a message as it is printed."""
    return textwrap.dedent(message).strip()


@xs.runtime_hook("run_step")
def first(model, context, state):
    """Do nothing."""


@xs.runtime_hook("run_step")
def second(model, context, state):
    """Do nothing."""


class Pair(xs.RuntimeHook):
    """Two methods, and one that is no hook."""

    def __init__(self, *functions):
        super().__init__(*functions)
        self.calls = []

    @xs.runtime_hook("finalize", level="process", trigger="pre")
    def late(self, model, context, state):
        """Note the call."""
        self.calls.append("late")

    def helper(self):
        """Be no hook."""

    @xs.runtime_hook("initialize")
    def early(self, model, context, state):
        """Note the call."""
        self.calls.append("early")


def names(functions):
    """Give the names of functions."""
    return [function.__name__ for function in functions]


@pytest.fixture(autouse=True)
def no_hook_stays_active():
    """Check that each test leaves no active hook behind."""
    yield
    left = list(xs.RuntimeHook.active)
    xs.RuntimeHook.active.clear()
    assert left == []


def test_defaults():
    """A hook is called after the stage, once for the model, unless told otherwise."""
    assert hook_point(first) == HookPoint(Stage.RUN_STEP, "model", "post")


@pytest.mark.parametrize("stage", list(Stage))
@pytest.mark.parametrize("level", ["model", "process"])
@pytest.mark.parametrize("trigger", ["pre", "post"])
def test_points(stage, level, trigger):
    """All stages, levels and triggers can be asked for, by position or by name."""

    def function(model, context, state):
        return None

    assert xs.runtime_hook(stage.value, level, trigger)(function) is function
    assert hook_point(function) == HookPoint(stage, level, trigger)
    xs.runtime_hook(stage=stage.value, level=level, trigger=trigger)(function)
    assert hook_point(function) == HookPoint(stage, level, trigger)


def test_the_function_stays_callable():
    """Decorating changes nothing about the function itself."""

    @xs.runtime_hook("run_step")
    def hook(model, context, state):
        return (model, context, state)

    assert hook(1, 2, 3) == (1, 2, 3)


def test_wrong_stage():
    """A stage that does not exist is refused, with what was meant (DESIGN §E2)."""
    with pytest.raises(DeclarationError) as error:
        xs.runtime_hook("run_stp")

    assert str(error.value) == text("""
        'run_stp' is not a valid SimulationStage
          got: runtime_hook(stage='run_stp')
          expected: 'initialize' or 'run_step' or 'finalize_step' or 'finalize'
          did you mean: 'run_step'?
    """)


def test_wrong_level():
    """So is a level."""
    with pytest.raises(DeclarationError) as error:
        xs.runtime_hook("run_step", "proces")

    assert str(error.value) == text("""
        level argument must be either 'model' or 'process'
          got: runtime_hook(level='proces')
          expected: 'model' or 'process'
          did you mean: 'process'?
    """)


def test_wrong_trigger():
    """So is a trigger; the error is a ValueError, as xarray-simlab's."""
    with pytest.raises(DeclarationError) as error:
        xs.runtime_hook("run_step", "process", "before")

    assert str(error.value) == text("""
        trigger argument must be either 'pre' or 'post'
          got: runtime_hook(trigger='before')
          expected: 'pre' or 'post'
    """)
    assert isinstance(error.value, ValueError)


def test_undecorated_function():
    """A function that is not decorated is no hook, neither given to a RuntimeHook nor to a run."""

    def plain(model, context, state):
        return None

    expected = text("""
        'plain' is not a RuntimeHook object nor a runtime_hook decorated function
          remedy: decorate it, e.g. with @xs.runtime_hook('run_step')
    """)
    for use in (lambda: xs.RuntimeHook(first, plain), lambda: collect_hooks([first, plain])):
        with pytest.raises(DeclarationError) as error:
            use()
        assert str(error.value) == expected


def test_undecorated_function_is_a_type_error():
    """Code that was written for xarray-simlab catches TypeError there (DESIGN §E2)."""
    with pytest.raises(TypeError):
        collect_hooks([lambda model, context, state: None])


def test_methods_of_a_subclass():
    """Decorated methods belong to the hook, in the order written, after the functions that it is given."""
    assert names(Pair(second, first).functions()) == ["second", "first", "late", "early"]


def test_methods_keep_their_state():
    """Methods are bound to the object that was given."""
    hook = Pair()
    for function in hook.functions():
        function(None, {}, {})

    assert hook.calls == ["late", "early"]


def test_subclass_of_a_subclass():
    """Hooks of base classes come first; one that is overridden keeps its place and is the new one."""

    class More(Pair):
        @xs.runtime_hook("run_step")
        def extra(self, model, context, state):
            """Do nothing."""

        @xs.runtime_hook("run_step")
        def late(self, model, context, state):
            self.calls.append("new")

    hook = More()
    assert names(hook.functions()) == ["late", "early", "extra"]
    assert hook_point(hook.functions()[0]).stage is Stage.RUN_STEP
    hook.functions()[0](None, {}, {})
    assert hook.calls == ["new"]


def test_overridden_without_decorator():
    """A method that a subclass overrides without decorating it is a hook no more, as in xarray-simlab."""

    class Fewer(Pair):
        def late(self, model, context, state):
            """Be an ordinary method."""

    assert names(collect_hooks([Fewer()])) == ["early"]


def test_constructor_without_super():
    """A subclass whose constructor does not call that of RuntimeHook has its methods."""

    class Own(Pair):
        def __init__(self):
            self.calls = []

    assert names(Own().functions()) == ["late", "early"]


def test_order_of_a_run():
    """Active hooks come first in the order of activation, then those given in the order given (DESIGN §O7)."""
    with xs.RuntimeHook(second), Pair():
        assert names(collect_hooks([first, xs.RuntimeHook(second, first)])) == [
            *("second", "late", "early"),
            *("first", "second", "first"),
        ]
    assert names(collect_hooks([second, first])) == ["second", "first"]


def test_given_twice():
    """A RuntimeHook that is given while it is active, or given twice, is called once, as in xarray-simlab."""
    hook = Pair()
    with hook:
        assert names(collect_hooks([hook])) == ["late", "early"]
    assert names(collect_hooks([hook, first, hook])) == ["late", "early", "first"]


def test_register_and_unregister():
    """A registered hook is active until it is unregistered; registering twice is no more than once."""
    hook = xs.RuntimeHook(first)
    hook.register()
    hook.register()
    assert names(collect_hooks([])) == ["first"]
    hook.unregister()
    assert collect_hooks([]) == ()


def test_with_gives_the_hook():
    """``with`` gives the hook, and ends it also after an exception."""
    hook, found = xs.RuntimeHook(first), []

    def fail():
        with hook as entered:
            found.extend([entered, *collect_hooks([])])
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert found == [hook, first]
    assert collect_hooks([]) == ()


def test_unregister_twice():
    """Ending what is not active is refused; the error is a KeyError too, as xarray-simlab's (DESIGN §E2)."""

    class Named(xs.RuntimeHook):
        def __repr__(self):
            return "Named()"

    with pytest.raises(DeclarationError) as error:
        Named().unregister()

    assert str(error.value) == text("""
        the runtime hook is not registered
          got: Named()
    """)
    assert isinstance(error.value, KeyError)
