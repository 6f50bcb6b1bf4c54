"""The exception tree (DESIGN §E2)."""

import copy
import pickle
import textwrap

import pytest

from xsim import errors
from xsim.errors import XsimError

TREE = {
    "XsimError": (Exception,),
    "DeclarationError": (XsimError, ValueError),
    "NotAProcessClassError": (errors.DeclarationError, ValueError),
    "DeclarationTypeError": (errors.DeclarationError, TypeError),
    "MissingComputeError": (errors.DeclarationError, KeyError),
    "HookError": (errors.DeclarationError, TypeError, KeyError),
    "ModelError": (XsimError,),
    "CycleError": (errors.ModelError, RuntimeError),
    "IntentConflictError": (errors.ModelError, ValueError),
    "MissingTargetError": (errors.ModelError, KeyError),
    "AmbiguousTargetError": (errors.ModelError, ValueError),
    "GroupTargetError": (errors.ModelError, ValueError),
    "LagError": (errors.ModelError, ValueError),
    "OrderError": (errors.ModelError, ValueError),
    "ProcessNameError": (errors.ModelError, ValueError),
    "UnknownProcessError": (errors.ModelError, KeyError),
    "UnknownVariableError": (errors.ModelError, KeyError),
    "ModelContextError": (errors.ModelError, ValueError),
    "SetupError": (XsimError,),
    "ClockError": (errors.SetupError, ValueError),
    "UnknownClockError": (errors.SetupError, KeyError, ValueError),
    "UnknownInputError": (errors.SetupError, KeyError),
    "UnknownOutputError": (errors.SetupError, KeyError),
    "MissingInputError": (errors.SetupError, KeyError),
    "InputError": (errors.SetupError, ValueError),
    "InputTypeError": (errors.SetupError, TypeError),
    "OutputRequestError": (errors.SetupError, ValueError),
    "BatchDimensionError": (errors.SetupError, KeyError),
    "OptionError": (XsimError, ValueError),
    "RuntimeContextError": (XsimError, KeyError),
    "UnsetVariableError": (XsimError, AttributeError, KeyError),
    "ReadOnlyError": (XsimError, AttributeError),
    "ReadOnlyArrayError": (errors.ReadOnlyError, ValueError),
    "StaticInputError": (XsimError, ValueError),
    "OutputError": (XsimError, ValueError),
    "NotPicklableError": (XsimError, TypeError),
    "DrawingError": (XsimError, RuntimeError),
    "WorkerError": (XsimError, RuntimeError),
    "TimeLimitError": (XsimError, TimeoutError),
    "CancelledError": (XsimError, RuntimeError),
    "ProgramError": (XsimError, RuntimeError),
    "StoppedError": (XsimError, SystemExit),
    "BatchError": (XsimError, RuntimeError),
    "CheckError": (XsimError, AssertionError),
    "StoreError": (XsimError, ValueError),
    "StoreExistsError": (errors.StoreError, FileExistsError),
    "StoreBusyError": (errors.StoreError, BlockingIOError),
    "ResumeError": (errors.StoreError,),
}
BUILTINS = (
    *(ValueError, KeyError, TypeError, RuntimeError, AttributeError, AssertionError),
    *(FileExistsError, BlockingIOError, TimeoutError, SystemExit),
)
CLASSES = [getattr(errors, name) for name in TREE]
WHOLE = textwrap.dedent(
    """\
    variable 'x' breaks a rule
      got: 3
      expected: 4
      did you mean: 'y', 'z'?
      remedy: give 4"""
)


def whole(cls):
    """Make an error with all of its parts and some context."""
    return cls(
        "variable 'x' breaks a rule",
        got="3",
        expected="4",
        suggestions=["y", "z"],
        remedy="give 4",
        process="p",
        variables=(("p", "x"), ("q", "x")),
    )


def test_the_tree_is_complete():
    """Every error class of the module is in the tree of this test."""
    found = {
        name
        for name, value in vars(errors).items()
        if isinstance(value, type) and issubclass(value, Exception) and not issubclass(value, Warning)
    }

    assert found == set(TREE)


@pytest.mark.parametrize("name", TREE)
def test_bases(name):
    """Each error derives from its branch, and from what xarray-simlab raised there and nothing else (DESIGN §E2)."""
    cls = getattr(errors, name)
    meant = {builtin for base in TREE[name] for builtin in BUILTINS if issubclass(base, builtin)}

    assert all(issubclass(cls, base) for base in TREE[name])
    assert {builtin for builtin in BUILTINS if issubclass(cls, builtin)} == meant


@pytest.mark.parametrize("cls", CLASSES)
def test_text(cls):
    """An error prints its parts line by line, never the quoted form of KeyError (DESIGN §E2)."""
    assert str(whole(cls)) == WHOLE


@pytest.mark.parametrize("cls", CLASSES)
def test_text_of_the_problem_alone(cls):
    """Parts that are not given leave no line."""
    assert str(cls("it's wrong")) == "it's wrong"


@pytest.mark.parametrize("cls", CLASSES)
def test_context_fields(cls):
    """Facts are attributes of the error, for programs."""
    error = whole(cls)

    assert error.problem == "variable 'x' breaks a rule"
    assert (error.got, error.expected, error.suggestions, error.remedy) == ("3", "4", ("y", "z"), "give 4")
    assert error.process == "p"
    assert error.variables == (("p", "x"), ("q", "x"))
    assert error.context.items() >= {"process": "p", "variables": (("p", "x"), ("q", "x"))}.items()


@pytest.mark.parametrize("cls", CLASSES)
@pytest.mark.parametrize("again", [copy.copy, lambda error: pickle.loads(pickle.dumps(error))], ids=["copy", "pickle"])
def test_round_trip(cls, again):
    """Errors travel between processes with their type, text and context."""
    error = whole(cls)

    other = again(error)

    assert type(other) is cls
    assert str(other) == WHOLE
    assert other.args == error.args
    assert (other.got, other.expected, other.suggestions, other.remedy) == ("3", "4", ("y", "z"), "give 4")
    assert other.context == error.context
    assert other.variables == (("p", "x"), ("q", "x"))


def test_notes_travel_too():
    """Notes that say process, stage and step survive pickling, as those of any exception do (DESIGN §B6)."""
    error = whole(errors.UnsetVariableError)
    error.add_note("in process 'p' (class P), stage 'run_step'")

    assert pickle.loads(pickle.dumps(error)).__notes__ == ["in process 'p' (class P), stage 'run_step'"]


@pytest.mark.parametrize("cls", CLASSES)
def test_unknown_attribute(cls):
    """An error without such a field says so like any object."""
    error = cls("problem")

    with pytest.raises(AttributeError) as caught:
        _ = error.nonsense

    assert str(caught.value) == f"{cls.__name__!r} object has no attribute 'nonsense'"


def test_listing():
    """Several culprits stand on lines of their own, before the other parts."""
    error = errors.MissingInputError.listing("missing:", iter(["a", "b"]), remedy="give them", variables=("a", "b"))

    assert str(error) == "missing:\n  - a\n  - b\n  remedy: give them"
    assert error.variables == ("a", "b")


def test_the_tree_in_the_docstring():
    """The tree drawn at the top of the file is the tree (DESIGN §E2)."""
    drawn = []
    for line in errors.__doc__.splitlines():
        words = line.replace("├──", " ").replace("└──", " ").replace("│", " ").split()
        if words and words[0].endswith("Error") and words[0] in TREE:
            drawn.append(words[0])

    assert drawn == list(TREE)
