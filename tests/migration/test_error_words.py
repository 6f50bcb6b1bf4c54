"""Errors of users' mistakes keep the built-in type and the key words that xarray-simlab 0.5.0 had (DESIGN §E2).

Models' own test suites match on them. What is called the master clock there is the main clock here.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import xsim as xs


def _not_negative(process: Any, attribute: Any, value: Any) -> None:
    if np.any(np.asarray(value) < 0):
        raise ValueError("negative")


@xs.process
class A:
    v = xs.variable(dims=[(), "x"], default=1, validator=_not_negative)
    fixed = xs.variable(static=True, default=1)
    o = xs.variable(intent="out", dims="x", global_name="shared")
    tool = xs.any_object()
    g = xs.group("g")

    def initialize(self) -> None:
        self.o, self.tool = np.zeros(3), 1


@xs.process
class B:
    o = xs.foreign(A, "o")
    needed = xs.variable()


CLOCKS = {"t": [0, 1, 2], "u": [0, 2]}


def model() -> xs.Model:
    return xs.Model({"a": A, "b": B})


def setup(**arguments: Any) -> Any:
    """Make a setup that is right, but for the arguments."""
    right = {"model": model(), "clocks": CLOCKS, "main_clock": "t", "input_vars": {"b__needed": 1}}
    return xs.create_setup(**{**right, **arguments})


def run(**arguments: Any) -> Any:
    return setup(**arguments).xsim.run(model())


def joined(**declarations: Any) -> xs.Model:
    """Make a model of A and a process with these declarations."""
    return xs.Model({"a": A, "c": xs.process(type("C", (), declarations))})


def stepping(run_step: Callable[..., Any], **declarations: Any) -> Any:
    """Run A and a process with this method."""
    other = joined(**declarations, run_step=run_step)
    return xs.create_setup(other, {"t": [0, 1]}).xsim.run(other)


def saving(value: Any) -> Any:
    other = xs.Model({"c": xs.process(type("C", (), {"v": xs.variable(dims="x", intent="out"), "initialize": value}))})
    return xs.create_setup(other, {"t": [0, 1]}, output_vars={"c__v": "t"}).xsim.run(other)


def two_setters() -> xs.Model:
    first, second = (xs.process(type("S", (), {"v": xs.foreign(A, "v", intent="out")})) for _ in range(2))
    return xs.Model({"a": A, "i": first, "j": second})


def cycle() -> xs.Model:
    p = xs.process(type("P", (), {"p": xs.variable(intent="out"), "q": xs.global_ref("q")}))
    q = xs.process(type("Q", (), {"q": xs.variable(intent="out", global_name="q"), "p": xs.foreign(p, "p")}))
    return xs.Model({"p": p, "q": q})


def nested() -> None:
    with model(), model():
        pass


def not_a_subclass() -> xs.Model:
    return xs.Model({"a": type("Sub", (A,), {})})


MISTAKES: dict[str, tuple[Callable[[], Any], type[Exception], list[str]]] = {
    "no process": (lambda: xs.Model({"a": int}), ValueError, ["is not a process-decorated class"]),
    "undecorated subclass": (
        not_a_subclass,
        ValueError,
        ["inherits from a process-decorated class but is not itself process-decorated"],
    ),
    "class missing": (
        lambda: xs.Model({"b": B}),
        KeyError,
        ["Process class 'A' missing in Model but required by foreign variable 'o' declared in process 'b'"],
    ),
    "class twice": (
        lambda: xs.Model({"a1": A, "a2": A, "b": B}),
        ValueError,
        ["Process class 'A' required by foreign variable 'b.o' is used", "by multiple processes: 'a1', 'a2'"],
    ),
    "set twice": (
        lambda: joined(o=xs.foreign(A, "o", intent="out")),
        ValueError,
        ["Conflict between foreign variable 'o' and its target variable 'A.o', both have intent='out'"],
    ),
    "two setters": (two_setters, ValueError, ["Conflict(s) found in given variable intents", "'a.v' set by"]),
    "foreign to nothing": (lambda: joined(o=xs.foreign(A, "nope")), KeyError, ["'nope'"]),
    "foreign to a group": (
        lambda: joined(o=xs.foreign(A, "g")),
        ValueError,
        [
            "Variable 'o' links to group variable 'A.g', which is not supported",
            "Declare 'o' as a group variable instead",
        ],
    ),
    "no such global name": (
        lambda: joined(o=xs.global_ref("nope")),
        KeyError,
        ["No variable with global name 'nope' found in model"],
    ),
    "global name twice": (
        lambda: xs.Model({"a": A, "a2": A, "c": xs.process(type("C", (), {"o": xs.global_ref("shared")}))}),
        ValueError,
        ["multiple variables with global name 'shared'"],
    ),
    "cycle": (cycle, RuntimeError, ["Cycle detected in process graph: p->q->p"]),
    "nothing computes": (
        lambda: xs.process(type("P", (), {"p": xs.on_demand()})),
        KeyError,
        ["No compute method found for on_demand variable 'p'", "A method decorated with '@p.compute' is required"],
    ),
    "intent": (lambda: xs.variable(intent="both"), ValueError, ["'both' is not a valid VarIntent"]),
    "dims": (lambda: xs.variable(dims=3), TypeError, []),
    "ambiguous dims": (
        lambda: xs.variable(dims=["x", "y"]),
        ValueError,
        ["the following combinations of dimension labels are ambiguous for a variable", "('x',), ('y',)"],
    ),
    "undecorated initialize": (
        lambda: xs.process(type("P", (), {"initialize": lambda self, dt: None})),
        TypeError,
        [],
    ),
    "hook's stage": (lambda: xs.runtime_hook("step"), ValueError, ["'step' is not a valid SimulationStage"]),
    "hook's level": (
        lambda: xs.runtime_hook("run_step", level="x"),
        ValueError,
        ["level argument must be either 'model' or 'process'"],
    ),
    "no hook": (
        lambda: setup().xsim.run(model(), hooks=[print]),
        TypeError,
        ["is not a RuntimeHook object nor a runtime_hook decorated function"],
    ),
    "hook of no hooks": (lambda: xs.RuntimeHook(print), TypeError, ["runtime_hook decorated function"]),
    "hook not registered": (lambda: xs.RuntimeHook().unregister(), KeyError, ["RuntimeHook object"]),
    "foreign variable set": (
        lambda: stepping(lambda self: setattr(self, "o", 1), o=xs.foreign(A, "o")),
        AttributeError,
        [],
    ),
    "on-demand variable set": (
        lambda: stepping(
            lambda self: setattr(self, "d", 1), d=(d := xs.on_demand()), compute=d.compute(lambda self: 1)
        ),
        AttributeError,
        [],
    ),
    "value not set": (lambda: stepping(lambda self: self.w, w=xs.variable(intent="out")), KeyError, ["'w'", "'c'"]),
    "runtime argument": (
        lambda: stepping(xs.runtime(lambda self, dt: None, args="dt"), w=xs.variable(default=1)),
        KeyError,
        ["'dt'"],
    ),
    "no such input": (
        lambda: setup(input_vars={"a__w": 1, "a": {"z": 2}}),
        KeyError,
        ["is/are not valid key(s) for input variables in model"],
    ),
    "input's key": (lambda: setup(input_vars={"w": 1}), ValueError, ["'w' is not a valid input variable key"]),
    "output's key": (lambda: setup(output_vars={"w": "t"}), ValueError, ["'w' is not a valid", "variable key"]),
    "input's shape": (
        lambda: setup(input_vars={"a__v": np.zeros((2, 2))}),
        TypeError,
        ["Could not get dimension labels from model for variable 'a__v' with value"],
    ),
    "input's dims": (
        lambda: run(input_vars={"a__v": ("z", [1, 2]), "b__needed": 1}),
        ValueError,
        ["Invalid dimension(s) for variable 'a__v': found ('z',), must be one of (),('x',),('t',),('t', 'x')"],
    ),
    "input missing": (lambda: run(input_vars={}), KeyError, ["Missing variables ['b__needed'] in Dataset"]),
    "static input in time": (
        lambda: run(input_vars={"a__fixed": ("t", [1, 2, 3]), "b__needed": 1}),
        ValueError,
        ["Cannot set value for static variable ('a', 'fixed')"],
    ),
    "static input changed": (
        lambda: model().update_state({("a", "fixed"): 2}),
        ValueError,
        ["Cannot set value for static variable ('a', 'fixed')"],
    ),
    "state of nothing": (
        lambda: model().update_state({("a", "w"): 2}, ignore_invalid_keys=False),
        KeyError,
        ["('a', 'w') is not a valid input variable in model"],
    ),
    "validator": (lambda: run(input_vars={"a__v": -1, "b__needed": 1}), ValueError, ["negative"]),
    "no such output": (
        lambda: setup(output_vars={"a__w": None}),
        KeyError,
        ["a__w", "is/are not valid key(s) for variables in model"],
    ),
    "output's clock": (
        lambda: setup(output_vars={"a__o": "z"}),
        ValueError,
        ["'z' coordinate is not a valid clock coordinate"],
    ),
    "object as output": (
        lambda: setup(output_vars={"a__tool": "t"}),
        ValueError,
        ["Object or group variables can't be set as model outputs: a__tool"],
    ),
    "output's shape": (
        lambda: saving(lambda self: setattr(self, "v", np.zeros((2, 2)))),
        ValueError,
        ["Output array of 2 dimension(s) for variable 'c__v' doesn't match any of its accepted dimension(s)"],
    ),
    "clock not in the main clock": (
        lambda: setup(clocks={"t": [0, 1, 2], "u": [0, 1.5]}),
        ValueError,
        ["is not synchronized with", "The following coordinate labels are absent in", "[1.5]"],
    ),
    "clock's dims": (
        lambda: setup(clocks={"t": ("x", [0, 1, 2])}),
        ValueError,
        ["Invalid dimension(s) given for clock coordinate 't': found ('x',), expected 't'"],
    ),
    "no main clock": (
        lambda: setup(main_clock=None),
        ValueError,
        ["Cannot determine which clock coordinate is the"],
    ),
    "no such main clock": (
        lambda: setup(main_clock="z"),
        KeyError,
        ["dimension name 'z' not found in `clocks` nor in Dataset"],
    ),
    "no such batch dimension": (
        lambda: setup().xsim.run(model(), batch_dim="q"),
        KeyError,
        ["Batch dimension", "missing in input dataset"],
    ),
    "check_dims": (lambda: setup().xsim.run(model(), check_dims="x"), ValueError, ["'x' is not a valid"]),
    "validate": (lambda: setup().xsim.run(model(), validate="x"), ValueError, ["'x' is not a valid"]),
    "no model": (lambda: xs.create_setup(), ValueError, ["No model found in context"]),
    "two models": (nested, ValueError, ["There is already a model object in context"]),
    "model of another kind": (lambda: xs.create_setup(3), TypeError, ["3 is not an instance of", "Model"]),
    "no such process": (lambda: model()["z"], KeyError, ["'z'"]),
    "no such attribute": (lambda: model().z, AttributeError, ["'Model' object has no attribute 'z'"]),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_words_and_types(mistake: str) -> None:
    """A mistake gives the type and the key words that xarray-simlab gave (DESIGN §E2)."""
    make, kind, words = MISTAKES[mistake]

    with pytest.raises(kind) as error:
        make()

    text = str(error.value)
    assert [word for word in words if word not in text] == []
