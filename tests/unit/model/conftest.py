"""Random models, with all that the rules need to know about them written down while they are made."""

from dataclasses import dataclass, field

import pytest
from hypothesis import strategies as st

import xsim as xs

SET_BY_ITSELF = ("out", "index", "on_demand", "any_object")


@dataclass
class Described:
    """A model, and what was put into it.

    Nothing here comes from the code under test but the classes themselves.
    """

    classes: dict = field(default_factory=dict)  # by process name, in the order of declaration
    kinds: dict = field(default_factory=dict)  # root key -> how its own process declares it
    intents: dict = field(default_factory=dict)  # key -> intent
    roots: dict = field(default_factory=dict)  # key -> root key, for variables and references
    gathered: dict = field(default_factory=dict)  # key -> group, for group variables
    members: dict = field(default_factory=dict)  # group -> member keys, in the order of declaration
    setters: dict = field(default_factory=dict)  # root key -> process that sets it
    stepping: set = field(default_factory=set)  # processes that implement run_step

    def refers_to(self, key):
        """Give the roots that a variable stands for."""
        return self.members[self.gathered[key]] if key in self.gathered else [self.roots[key]]

    def variables(self, process):
        """Give the keys of a process."""
        return [key for key in (*self.roots, *self.gathered) if key[0] == process]

    def before(self, process):
        """Give those that run before a process by §O1: the setters of all that it uses, but itself."""
        used = [key for key in self.variables(process) if self.intents[key] != "out"]
        return {self.setters.get(root, process) for key in used for root in self.refers_to(key)} - {process}


def declare(kind, key, groups):
    """Declare a variable that belongs to its process, with a global name of its own."""
    if kind == "on_demand":
        declaration = xs.on_demand(groups=groups)
        declaration.compute(lambda self: key)
        return declaration
    if kind == "index":
        return xs.index("x", global_name="_".join(key), groups=groups)
    if kind == "any_object":
        return xs.any_object("_".join(key), groups=groups)
    return xs.variable(intent=kind, global_name="_".join(key), groups=groups)


def _own(draw, model, name, namespace):
    for i in range(draw(st.integers(0, 2))):
        key = (name, f"v{i}")
        kind = draw(st.sampled_from(["in", "inout", *SET_BY_ITSELF]))
        groups = draw(st.lists(st.sampled_from(["g", "h"]), max_size=2, unique=True))
        namespace[key[1]] = declare(kind, key, groups)
        model.kinds[key], model.roots[key] = kind, key
        model.intents[key] = kind if kind in ("in", "inout") else "out"
        if kind in SET_BY_ITSELF:
            model.setters[key] = name
        for group in groups:
            model.members[group].append(key)


def _references(draw, model, name, namespace):
    for i in range(draw(st.integers(0, 3)) if model.roots else 0):
        key = (name, f"r{i}")
        target = draw(st.sampled_from(list(model.roots)))
        root = model.roots[target]
        intents = ["in"]
        if model.kinds[root] != "on_demand":
            intents.append("inout")
        if root not in model.setters:
            intents.append("out")
        intent = draw(st.sampled_from(intents))
        named = target == root and model.kinds[root] != "on_demand"
        if named and (target[0] == name or draw(st.booleans())):
            namespace[key[1]] = xs.global_ref("_".join(target), intent=intent)
        elif target[0] != name:
            namespace[key[1]] = xs.foreign(model.classes[target[0]], target[1], intent=intent)
        else:
            continue
        model.roots[key], model.intents[key] = root, intent
        if intent == "out":
            model.setters[root] = name


def _groups(draw, model, name, namespace):
    for i, group in enumerate(draw(st.lists(st.sampled_from(["g", "h"]), max_size=2, unique=True))):
        key = (name, f"g{i}")
        namespace[key[1]] = draw(st.sampled_from([xs.group, xs.group_dict]))(group)
        model.gathered[key], model.intents[key] = group, "in"


@st.composite
def described(draw):
    """Draw a model; references lead to processes made before, which may be declared after."""
    model = Described(members={"g": [], "h": []})
    for i in range(draw(st.integers(1, 7))):
        name, namespace = f"p{i}", {}
        _own(draw, model, name, namespace)
        _references(draw, model, name, namespace)
        if draw(st.integers(0, 3)) == 0:
            _groups(draw, model, name, namespace)
        if draw(st.booleans()):
            model.stepping.add(name)
            namespace["run_step"] = lambda self: None
        model.classes[name] = xs.process(type(name.upper(), (), namespace), autodoc=False)
    order = draw(st.permutations(list(model.classes)))
    model.classes = {name: model.classes[name] for name in order}
    for keys in model.members.values():
        keys.sort(key=lambda key: order.index(key[0]))
    return model


@pytest.fixture(scope="session")
def random_models():
    """Give the strategy of random models."""
    return described()
