"""Meanings of process classes and models that published models depend on (API.md), as xarray-simlab 0.5.0 has them."""

from __future__ import annotations

import io
from typing import Any

import attr
import numpy as np
import pytest
import xarray as xr

import xsim as xs


def process(**members: Any) -> type:
    """Make a process class."""
    return xs.process(type("Made", (), members))


def run(model: xs.Model, inputs: Any = None, outputs: Any = None, **how: Any) -> xr.Dataset:
    """Run a model over two steps of a clock `t`."""
    setup = xs.create_setup(model=model, clocks={"t": [0, 1, 2]}, input_vars=inputs, output_vars=outputs)
    return setup.xsim.run(model=model, **how)


@xs.process
class Source:
    s = xs.variable(default=1.0, description="strength", attrs={"units": "W"})
    out = xs.variable(intent="out", groups=["sources", "all"], global_name="flux")

    def initialize(self) -> None:
        self.out = self.s


@xs.process
class Reader:
    v = xs.foreign(Source, "out")
    seen = xs.variable(intent="out")

    def run_step(self) -> None:
        self.seen = self.v


def test_groups() -> None:
    """Groups of several names, also by the deprecated `group=`, give values and a mapping by key."""
    with pytest.warns(FutureWarning, match="group= is deprecated; use groups="):
        old = xs.variable(intent="out", group="all")
    with pytest.warns(FutureWarning, match="group= is deprecated; use groups="):
        lazy = xs.on_demand(group="all")
    seen: list[Any] = []

    def look(self: Any) -> None:
        seen.append((list(self.values), sum(self.values), list(self.sources), dict(self.by_key)))

    def initialize(self: Any) -> None:
        self.old = 2

    other = process(old=old, lazy=lazy, compute=lazy.compute(lambda self: 3), initialize=initialize)
    user = process(values=xs.group("all"), sources=xs.group("sources"), by_key=xs.group_dict("all"), initialize=look)
    run(xs.Model({"user": user, "source": Source, "other": other}))

    by_key = {("source", "out"): 1.0, ("other", "old"): 2, ("other", "lazy"): 3}
    assert seen == [([1.0, 2, 3], 6.0, [1.0], by_key)]


def test_global_names_are_unique() -> None:
    """A reference to a `global_name` that two variables have is an error; without a reference it is none."""
    both = {"one": Source, "two": Source}

    assert len(xs.Model(both)) == 2
    with pytest.raises(ValueError, match="multiple variables with global name 'flux'"):
        xs.Model({**both, "user": process(v=xs.global_ref("flux"))})


def test_alternatives_of_dims() -> None:
    """Lists of alternative dims, and dims and args in all accepted forms."""
    made = process(
        a=xs.variable(dims=[(), "x", ("y", "x")], intent="out"),
        b=xs.variable(dims=(("field", "y", "x"), ("y", "x")), intent="out"),
        c=xs.variable(dims=("x"), default=[1, 2]),
        initialize=lambda self: (setattr(self, "a", 1.0), setattr(self, "b", np.ones((3, 2))))[0],
    )
    result = run(xs.Model({"p": made}), outputs={"p__a": "t", "p__b": None})

    assert (result.p__a.dims, result.p__b.dims, result.p__c.dims) == (("t",), ("y", "x"), ("x",))


def test_foreign_resolves_through_base_classes() -> None:
    """`foreign` resolves through base classes; subclasses can stand in for their bases."""

    @xs.process
    class Stronger(Source):
        def initialize(self) -> None:
            super().initialize()
            self.out = 10 * self.out

    assert float(run(xs.Model({"r": Reader, "s": Stronger}), outputs={"r__seen": None}).r__seen) == 10.0


def test_subclasses_must_be_decorated() -> None:
    """Subclasses of process classes must be decorated themselves; the error says so."""

    class Sub(Source):
        pass

    with pytest.raises(ValueError, match="inherits from a process-decorated class but is not itself process-decorated"):
        xs.Model({"s": Sub})


def test_one_class_under_several_names() -> None:
    """Models may hold the same class several times under different names."""
    model = xs.Model({"a": Source, "b": Source, "sum": process(all=xs.group("all"))})
    result = run(model, inputs={"b": {"s": 5.0}}, outputs={"a__out": None, "b__out": None})

    assert (float(result.a__out), float(result.b__out)) == (1.0, 5.0)
    assert model.input_vars == [("a", "s"), ("b", "s")]


def test_attributes_set_after_decoration() -> None:
    """Attributes set on a class after `@process` are visible on process objects."""
    made = process(v=xs.variable(default=1), seen=xs.variable(intent="out"))
    made.factor = 7  # type: ignore[attr-defined]
    model = xs.Model({"p": made})
    made.later = 8  # type: ignore[attr-defined]

    assert (model.p.factor, model.p.later) == (7, 8)


def test_classes_made_with_type() -> None:
    """Classes made with `type(name, (Base,), namespace)` can be decorated."""
    made = xs.process(type("Made", (Source,), {"s": xs.variable(default=3.0), "__doc__": "By hand."}))

    assert float(run(xs.Model({"s": made, "r": Reader}), outputs={"r__seen": None}).r__seen) == 3.0


@pytest.mark.parametrize(
    "declaration, inputs",
    [(xs.variable(intent="out"), []), (xs.foreign(Source, "out"), [("source", "s")])],
    ids=["out", "foreign"],
)
def test_variables_declared_again(declaration: Any, inputs: list[Any]) -> None:
    """Subclasses redefine a variable with another intent (`in` → `out`) or kind (`variable` → `foreign`)."""

    @xs.process
    class Base:
        v = xs.variable(default=2.0)
        twice = xs.variable(intent="out")

        def run_step(self) -> None:
            self.twice = 2 * self.v

    def initialize(self: Any) -> None:
        if not inputs:
            self.v = 1.0

    sub = xs.process(type("Sub", (Base,), {"v": declaration, "initialize": initialize}))
    model = xs.Model({"p": sub, "source": Source} if inputs else {"p": sub})

    assert model.input_vars == inputs
    assert float(run(model, outputs={"p__twice": None}).p__twice) == 2.0


def test_undeclared_attributes_have_any_name() -> None:
    """Undeclared attributes have ordinary names: nothing of xsim's may collide with them."""
    words = [
        *("step", "step_end", "step_start", "context", "name", "state", "model", "metadata", "cache", "spec", "graph"),
        *(
            "variables",
            "stages",
            "objects",
            "values",
            "time",
            "signal",
            "batch",
            "rng",
            "attrs",
            "dims",
            "_name",
            "_state",
        ),
    ]

    def initialize(self: Any) -> None:
        for i, word in enumerate(words):
            setattr(self, word, i)

    def finalize(self: Any) -> None:
        self.o = [getattr(self, word) for word in words]

    made = process(o=xs.variable(dims="n", intent="out"), initialize=initialize, run_step=finalize)

    assert run(xs.Model({"p": made}), outputs={"p__o": None}).p__o.values.tolist() == list(range(len(words)))


def test_underscore_names() -> None:
    """Underscore names of variables and objects are names like any other."""
    made = process(
        _tool=xs.any_object(), _v=xs.variable(default=4), initialize=lambda self: setattr(self, "_tool", [1])
    )
    user = process(tool=xs.foreign(made, "_tool"), run_step=lambda self: self.tool.append(2))
    model = xs.Model({"p": made, "user": user})

    assert int(run(model, inputs={"p___v": 5}).p___v) == 5
    model.execute("initialize", {})
    model.execute("run_step", {})
    assert model.p._tool == [1, 2]


@pytest.mark.parametrize("how", [{}, {"parallel": True}], ids=["sequential", "parallel"])
def test_bound_methods_travel_through_groups(how: dict[str, Any]) -> None:
    """Bound methods travel through groups as `any_object`s."""

    @xs.process
    class Offers:
        f = xs.any_object(groups="functions")
        k = xs.variable(default=2)

        def initialize(self) -> None:
            self.f = self.compute

        def compute(self, value: float) -> float:
            return value * self.k

    @xs.process
    class Calls:
        functions = xs.group("functions")
        o = xs.variable(intent="out")

        def run_step(self) -> None:
            self.o = next(iter(self.functions))(10) + sum(f(1) for f in self.functions)

    model = xs.Model({"calls": Calls, "a": Offers, "b": Offers})

    assert int(run(model, inputs={"b__k": 5}, outputs={"calls__o": None}, **how).calls__o) == 27


def test_cycles_through_inout_and_group_dict_are_none() -> None:
    """Cycles through `inout` and `group_dict` are no cycles (§O1)."""

    @xs.process
    class A:
        a = xs.variable(intent="inout", groups="g", default=1.0)
        members = xs.group_dict("g")

        def run_step(self) -> None:
            self.a = self.a + len(self.members)

    @xs.process
    class B:
        b = xs.variable(intent="inout", groups="g", default=10.0)
        a = xs.foreign(A, "a")
        members = xs.group("g")

        def run_step(self) -> None:
            self.b = self.a + sum(self.members)

    model = xs.Model({"b": B, "a": A})

    assert (list(model), model.dependent_processes) == (["b", "a"], {"b": [], "a": []})
    assert run(model, outputs={"a__a": "t", "b__b": "t"}).b__b.values.tolist() == [12.0, 18.0, 18.0]


def test_process_objects_know_their_name() -> None:
    """A process object inside a model knows its own name publicly, in all stages."""
    names = []
    made = process(v=xs.variable(default=1), initialize=lambda self: names.append(xs.process_name(self)))
    model = xs.Model({"a": made, "b": made})
    run(model)

    assert names == ["a", "b"]
    assert (xs.process_name(model.a), xs.process_name(made(v=1))) == ("a", "")


def test_the_cache_of_a_model() -> None:
    """`Model.cache` maps `(process, variable)` to `name`, `metadata`, `value`; the enums compare with metadata."""
    model = xs.Model({"r": Reader, "s": Source})
    model.update_state({("s", "s"): 4.0})
    model.execute("initialize", {})
    for key in (("s", "out"), ("r", "v")):
        model.update_cache(key)
    entry = model.cache["s", "s"]

    assert set(model.cache) == {("s", "s"), ("s", "out"), ("r", "v"), ("r", "seen")}
    assert (entry["name"], model.cache["s", "out"]["value"], model.cache["r", "v"]["value"]) == ("s__s", 4.0, 4.0)
    assert entry["metadata"]["intent"] == xs.VarIntent.IN == "in"
    assert entry["metadata"]["var_type"] == xs.VarType.VARIABLE
    assert (entry["metadata"]["dims"], entry["metadata"]["attrs"]) == (((),), {"units": "W"})


def test_classes_as_attrs_classes() -> None:
    """Frameworks find declarations as attrs fields, with metadata, defaults and what the constructor takes."""
    fields = attr.fields_dict(Source)

    assert list(fields) == ["s", "out"]
    assert (fields["s"].default, fields["s"].init, fields["out"].init) == (1.0, True, False)
    assert fields["s"].metadata["description"] == "strength"
    assert fields["out"].metadata["groups"] == ("sources", "all")
    assert Source(s=3.0).s == 3.0


def test_models_as_mappings() -> None:
    """A model is a mapping with attribute access, in the order of execution, and compares names and classes."""
    model = xs.Model({"r": Reader, "s": Source})

    assert (list(model), len(model), "s" in model, model["s"] is model.s) == (["s", "r"], 2, True, True)
    assert isinstance(model.s, Source)
    assert model == xs.Model({"s": Source, "r": Reader})
    assert model != xs.Model({"s": Source})
    assert model.all_vars_dict == {"s": ["s", "out"], "r": ["v", "seen"]}
    assert (model.input_vars_dict, model.index_vars_dict) == ({"s": ["s"]}, {})
    assert list(model.drop_processes({"r"})) == list(model.drop_processes("r")) == ["s"]


def test_library_subclasses_of_models() -> None:
    """`Model` is subclassable with extra attributes; clone() and changed models keep the subclass."""

    class Library(xs.Model):
        def __init__(self, processes: Any, title: str) -> None:
            super().__init__(processes)
            self.title = title

    model = Library({"s": Source}, "mine")
    others = (model.clone(), model.update_processes({"r": Reader}), model.drop_processes("s"))

    assert [(type(other), other.title) for other in others] == [(Library, "mine")] * 3
    assert (len(others[1]), len(others[2]), len(model)) == (2, 0, 1)
    assert others[0].s is not model.s


def test_the_default_model() -> None:
    """`with model:` gives the default model to `create_setup` and to all of the accessor's methods."""
    model = xs.Model({"s": Source})
    with model:
        setup = xs.create_setup(clocks={"t": [0, 1]}).xsim.update_clocks(clocks={"t": [0, 2]})
        setup = setup.xsim.update_vars(input_vars={"s__s": 3.0}, output_vars={"s__out": None}).xsim.filter_vars()
        result = setup.xsim.run()
        assert float(setup.xsim.reset_vars().s__s) == 1.0

    assert float(result.s__out) == 3.0


def test_models_by_hand() -> None:
    """`update_state`, `execute` and `state` drive a model without a setup; converters apply, validators look."""

    def small(instance: Any, attribute: Any, value: Any) -> None:
        if value > 5:
            raise ValueError(f"{attribute.name} is too large")

    @xs.process
    class Grows:
        rate = xs.variable(default=2, converter=float, validator=small)
        fixed = xs.variable(static=True, default=1)
        size = xs.variable(intent="inout", default=0.0)

        @xs.runtime(args="step_delta")
        def run_step(self, dt: float) -> None:
            self.size += self.rate * dt

    model = xs.Model({"p": Grows})
    model.update_state({("p", "rate"): "3", ("p", "fixed"): 2, ("p", "size"): 1.0, ("no", "x"): 1}, ignore_static=True)
    model.execute("run_step", {"step_delta": 2})

    assert dict(model.state) == {("p", "rate"): 3.0, ("p", "fixed"): 2, ("p", "size"): 7.0}
    with pytest.raises(ValueError, match="Cannot set value for static variable"):
        model.update_state({("p", "fixed"): 3})
    with pytest.raises(ValueError, match="rate is too large"):
        model.update_state({("p", "rate"): 6})


def test_representations_go_to_buffers() -> None:
    """Models and process objects print names, inputs and stages."""
    buffer = io.StringIO()
    print(xs.Model({"s": Source}), file=buffer)
    print(xs.Model({"s": Source}).s, file=buffer)

    assert {"s", "[in]", "strength", "initialize"} <= set(buffer.getvalue().split())
