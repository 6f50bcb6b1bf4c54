"""Processes that do not fit together, and what the messages say (DESIGN §E2)."""

import textwrap

import pytest

import xsim as xs
from xsim.errors import (
    AmbiguousTargetError,
    IntentConflictError,
    MissingTargetError,
    NotAProcessClassError,
    ProcessNameError,
)


def process(cls_name="Reader", base=(), **namespace):
    """Make a process class."""
    return xs.process(type(cls_name, base, namespace))


def raised(classes, cls):
    """Give the error that a model of these classes raises."""
    with pytest.raises(cls) as error:
        xs.Model(classes)
    assert type(error.value) is cls
    return error.value


def text(message):
    """Give a message as it is meant to be."""
    return textwrap.dedent(message).strip()


A = process("A", v=xs.variable(global_name="height"), o=xs.variable(intent="out"), g=xs.group("g"))
B = process("B", (A,))


def test_missing_class():
    """A foreign variable whose class is not in the model."""
    error = raised({"r": process(f=xs.foreign(A, "v")), "other": process("Other")}, MissingTargetError)

    assert str(error) == text(
        """
        Process class 'A' missing in Model but required by foreign variable 'f' declared in process 'r'
          got: processes 'r' (Reader), 'other' (Other)
          remedy: add a process of class A or of a subclass to the model
        """
    )
    assert (error.process, error.variable) == ("r", "f")


def test_base_does_not_stand_in():
    """A base class does not stand in for its subclass."""
    error = raised({"r": process(f=xs.foreign(B, "v")), "a": A}, MissingTargetError)

    assert str(error) == text(
        """
        Process class 'B' missing in Model but required by foreign variable 'f' declared in process 'r'
          got: processes 'r' (Reader), 'a' (A)
          remedy: add a process of class B or of a subclass to the model
        """
    )


def test_no_class():
    """A foreign variable of what is no class."""
    assert str(raised({"r": process(f=xs.foreign(3, "v")), "a": A}, MissingTargetError)) == text(
        """
        foreign variable 'r__f' does not name a process class
          got: 3
          expected: a process class, or the name of a class or of a process in the model
        """
    )


@pytest.mark.parametrize("target", ["a", "A", "Base"])
def test_names_of_processes_and_classes(target):
    """A string is the name of a process, of its class, or of a base class of it (DESIGN §O6)."""
    base = process("Base", v=xs.variable())
    a = process("A", (base,))
    model = xs.Model({"r": process(f=xs.foreign(target, "v", intent="inout")), "a": a, "other": process("Other")})

    assert model.graph.linking.targets == {("r", "f"): ("a", "v")}
    model.r.f = 3
    assert model.a.v == 3


def test_name_of_process_and_its_own_class():
    """A process that has the name of its class, or classes of one name among its bases, is one candidate."""
    one = process("A", (process("A", v=xs.variable()),))
    model = xs.Model({"r": process(f=xs.foreign("A", "v")), "A": one})

    assert model.graph.linking.targets == {("r", "f"): ("A", "v")}


def test_unknown_name():
    """A string that is no name of a process or class."""
    error = raised({"r": process(f=xs.foreign("lakes", "v")), "lake": A}, MissingTargetError)

    assert str(error) == text(
        """
        no process or process class 'lakes' in the model, but required by foreign variable 'f' declared in process 'r'
          got: processes 'r' (Reader), 'lake' (A)
          did you mean: 'lake'?
          remedy: add such a process to the model, or name another one
        """
    )
    assert (error.process, error.variable) == ("r", "f")


def test_ambiguous_name():
    """A name that several processes have, as theirs or as that of a class, is refused, naming the candidates."""
    error = raised({"r": process(f=xs.foreign("A", "v")), "one": A, "two": B, "A": process("C")}, AmbiguousTargetError)

    assert str(error) == text(
        """
        'A' in foreign variable 'r__f' may be several processes
          got: 'A' (C), 'one' (A), 'two' (B)
          expected: the name of one process, or of a class that one process has (possibly as a base class)
          remedy: name the process: xs.foreign('one', ...)
        """
    )
    assert error.candidates == ("A", "one", "two")


def test_missing_variable_of_a_named_process():
    """Messages on what is not in the process name it as the reference does."""
    error = raised({"r": process(f=xs.foreign("a", "oo")), "a": A}, MissingTargetError)

    assert str(error).splitlines()[0] == ("foreign variable 'r__f' refers to a.oo, which is no variable of process 'a'")


def test_missing_variable():
    """A foreign variable of a variable that does not exist."""
    error = raised({"r": process(f=xs.foreign(A, "oo")), "a": A}, MissingTargetError)

    assert str(error) == text(
        """
        foreign variable 'r__f' refers to A.oo, which is no variable of process 'a'
          got: 'oo'
          expected: one of 'v', 'o'
          did you mean: 'o'?
        """
    )


def test_foreign_group():
    """A foreign variable cannot lead to a group; that is a ValueError in xarray-simlab's words (DESIGN §E2)."""
    with pytest.raises(ValueError) as error:  # noqa: PT011 - the type that xarray-simlab raised
        xs.Model({"r": process(f=xs.foreign(A, "g")), "a": A})

    assert str(error.value).splitlines()[0] == ("Variable 'f' links to group variable 'A.g', which is not supported")


def test_several_of_a_class():
    """A foreign variable whose class is in the model several times, also by subclasses."""
    error = raised({"r": process(f=xs.foreign(A, "v")), "one": A, "two": B}, AmbiguousTargetError)

    assert str(error) == text(
        """
        Process class 'A' required by foreign variable 'r.f' is used (possibly via one its child classes) by multiple \
processes: 'one', 'two'
          expected: one process of that class
          remedy: keep one of them, or name the process: xs.foreign('one', ...)
        """
    )
    assert (error.process, error.variable) == ("r", "f")


def test_missing_global_name():
    """A global reference to a name that no variable has, with a close one."""
    error = raised({"r": process(f=xs.global_ref("heigth")), "a": A}, MissingTargetError)

    assert str(error) == text(
        """
        No variable with global name 'heigth' found in model
          got: global reference 'r__f'
          expected: one of the global names 'height'
          did you mean: 'height'?
        """
    )
    assert (error.process, error.variable) == ("r", "f")


def test_no_global_names():
    """A global reference where there are no global names at all."""
    assert str(raised({"r": process(f=xs.global_ref("height"))}, MissingTargetError)) == text(
        """
        No variable with global name 'height' found in model
          got: global reference 'r__f'
          expected: a process that declares it
        """
    )


def test_global_name_twice():
    """A global name that two variables have, where it is referred to."""
    error = raised({"r": process(f=xs.global_ref("height")), "one": A, "two": A}, AmbiguousTargetError)

    assert str(error) == text(
        """
        Found multiple variables with global name 'height' in model
          got: 'one__v', 'two__v'; global reference 'r__f'
          expected: one variable of that global name
          remedy: give one of them another global_name, or keep one of these processes only
        """
    )


def test_both_out():
    """A process cannot set what its owner sets."""
    error = raised({"r": process(f=xs.foreign(A, "o", intent="out")), "a": A}, IntentConflictError)

    assert str(error) == text(
        """
        Conflict between foreign variable 'f' and its target variable 'A.o', both have intent='out'
          got: 'r__f' and 'a__o', set by processes 'r' and 'a'
          expected: one process that sets a variable
          remedy: declare one of both with intent='in' (it reads) or intent='inout' (it updates)
        """
    )
    assert error.variables == (("r", "f"), ("a", "o"))


def test_global_reference_both_out():
    """Neither can it through a global reference."""
    owner = process("Owner", o=xs.variable(intent="out", global_name="name"))

    assert str(raised({"r": process(f=xs.global_ref("name", intent="out")), "a": owner}, IntentConflictError)) == text(
        """
        Conflict between global reference 'f' and its target variable 'Owner.o', both have intent='out'
          got: 'r__f' and 'a__o', set by processes 'r' and 'a'
          expected: one process that sets a variable
          remedy: declare one of both with intent='in' (it reads) or intent='inout' (it updates)
        """
    )


def test_two_setters():
    """Two processes cannot set a third one's variable."""
    setters = {
        "one": process("One", f=xs.foreign(A, "v", intent="out")),
        "two": process("Two", f=xs.global_ref("height", intent="out")),
    }

    assert str(raised({**setters, "a": A}, IntentConflictError)) == text(
        """
        Conflict(s) found in given variable intents: 'a.v' set by: processes 'one' and 'two'
          got: 'two__f' and 'a__v', set by processes 'two' and 'one'
          expected: one process that sets a variable
          remedy: declare one of both with intent='in' (it reads) or intent='inout' (it updates)
        """
    )


@pytest.mark.parametrize("intent, kind", [("inout", "foreign"), ("inout", "global")])
def test_updating_on_demand(intent, kind):
    """What is computed on demand cannot be updated from elsewhere."""
    lazy = xs.on_demand()
    lazy.compute(lambda self: 1)
    owner = process("Owner", lazy=lazy)
    through = process("Through", t=xs.foreign(owner, "lazy"))

    error = raised(
        {"r": process(f=xs.foreign(through, "t", intent=intent)), "t": through, "a": owner}, IntentConflictError
    )

    assert str(error) == text(
        """
        Conflict between foreign variable 'r__f' and its target variable 'a__lazy', which is computed on demand
          got: intent='inout'
          expected: intent='in'
        """
    )


def test_references_in_a_circle():
    """References that only lead to each other hold no value."""
    one = process("One", f=xs.variable())
    two = process("Two", f=xs.foreign(one, "f"))
    other = process("Other", (one,), f=xs.foreign(two, "f"))

    assert str(raised({"two": two, "other": other}, MissingTargetError)) == text(
        """
        foreign variable 'two__f' leads to no variable that holds a value
          got: two__f -> other__f -> two__f
          remedy: let one of them be an ordinary variable
        """
    )


def test_undecorated_subclass():
    """A class that is not decorated itself is refused, with the name it was given (API.md)."""
    sub = type("Sub", (A,), {"__module__": "m"})
    error = raised({"fine": A, "p": sub}, NotAProcessClassError)

    assert str(error) == text(
        """
        <class 'm.Sub'> inherits from a process-decorated class but is not itself process-decorated
          remedy: decorate class Sub with @xs.process too
        """
    )
    assert error.__notes__ == ["given to the model as process 'p'"]


def test_objects_instead_of_classes():
    """A model takes classes, not objects."""
    error = raised({"p": process("Empty", __repr__=lambda self: "<empty>")()}, NotAProcessClassError)

    assert str(error) == text(
        """
        <empty> is not a process-decorated class
          expected: the class itself, not an object
          remedy: give classes to a model; it makes the objects
        """
    )


@pytest.mark.parametrize("name, remedy", [("a__b", "a_b"), ("a_", "a"), ("a__", "a"), ("__a", "_a"), ("a___b", "a_b")])
def test_ambiguous_process_name(name, remedy):
    """Process names may not make 'process__variable' ambiguous; the remedy is a name that works (DESIGN §V2)."""
    assert str(raised({name: A}, ProcessNameError)) == text(
        f"""
        process name '{name}' makes names of variables ambiguous
          expected: no '__' in it and no '_' at its end: 'process__variable' is split at the first '__'
          remedy: rename it, e.g. to '{remedy}'
        """
    )
    assert list(xs.Model({remedy: A})) == [remedy]


@pytest.mark.parametrize("name", ["", 3, None, ("a", "b")])
def test_no_process_name(name):
    """Process names are non-empty strings."""
    assert str(raised({name: A}, ProcessNameError)) == text(
        f"""
        a process name is a non-empty string
          got: {name!r}
        """
    )


@pytest.mark.parametrize("name, bad", [("a/b", "'/'"), ("a.b,c", "',', '.'")])
def test_process_name_in_a_store(name, bad):
    """Process names become names in a store."""
    assert str(raised({name: A}, ProcessNameError)) == text(
        f"""
        process name '{name}' cannot be part of a variable's name in a store
          got: characters {bad}
          remedy: use letters, digits and single underscores
        """
    )


@pytest.mark.parametrize("name", ["a", "_a", "a_b", "A1", "my process", "é"])
def test_process_names(name):
    """Other names are fine."""
    assert list(xs.Model({name: A})) == [name]


def test_not_a_mapping():
    """A model is made from a mapping."""
    with pytest.raises(TypeError) as error:
        xs.Model([A])

    assert str(error.value) == "a model is made from a mapping of names to process classes, not from 'list'"
