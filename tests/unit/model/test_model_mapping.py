"""`xs.Model` as a mapping, and the models made from it (API.md)."""

import copy
import pickle
import textwrap

import pytest

import xsim as xs
from xsim.errors import UnknownProcessError


@xs.process
class Grid:
    shape = xs.variable(dims=[(), "axis"], description="number of nodes", static=True)
    spacing = xs.variable(default=1.0, description="distance of nodes")
    x = xs.index("x")
    length = xs.on_demand()

    @length.compute
    def _length(self):
        return self.shape * self.spacing


@xs.process
class Surface:
    z = xs.variable("x", intent="inout", description="elevation")
    x = xs.foreign(Grid, "x")


@xs.process
class Uplift:
    rate = xs.variable(dims=[(), "x"], default=0.1)
    up = xs.variable("x", intent="out", groups="change")


@xs.process
class Total:
    changes = xs.group("change")
    z = xs.foreign(Surface, "z", intent="inout")


CLASSES = {"total": Total, "surface": Surface, "grid": Grid, "uplift": Uplift}
ORDER = ["uplift", "total", "grid", "surface"]


class Named(xs.Model):
    """A model with a constructor and attributes of its own."""

    def __init__(self, title):
        super().__init__(CLASSES)
        self.title = title


@pytest.fixture
def model():
    """Give a model of four processes."""
    return xs.Model(CLASSES)


def test_mapping(model):
    """A model maps names to process objects, in the order of execution."""
    assert list(model) == list(model.keys()) == ORDER
    assert len(model) == 4
    assert [type(process) for process in model.values()] == [CLASSES[name] for name in ORDER]
    assert [name for name, process in model.items() if xs.process_name(process) == name] == ORDER
    assert "grid" in model
    assert "nope" not in model
    assert 3 not in model
    assert model.get("nope") is None


def test_attributes(model):
    """Processes are attributes too, and always the same objects."""
    assert model.grid is model["grid"] is dict(model)["grid"]
    assert set(ORDER) <= set(dir(model))
    assert "clone" in dir(model)


def test_unknown_process(model):
    """A name that does not exist is a KeyError with its own text and a suggestion (DESIGN §E2)."""
    with pytest.raises(UnknownProcessError) as error:
        model["grids"]

    assert (
        str(error.value)
        == textwrap.dedent(
            """
            the model has no process 'grids'
              expected: one of 'uplift', 'total', 'grid', 'surface'
              did you mean: 'grid'?
            """
        ).strip()
    )


def test_unknown_attribute(model):
    """As attribute it is an AttributeError, as of any object."""
    with pytest.raises(AttributeError) as error:
        _ = model.girl

    assert str(error.value) == "'Model' object has no attribute 'girl'"
    assert (error.value.name, error.value.obj) == ("girl", model)


def test_extra_attributes(model):
    """A model may have attributes of its own (API.md)."""
    model.title = "a model"

    assert model.title == "a model"
    assert list(model) == ORDER


def test_keys_of_variables(model):
    """All variables, indexes and inputs are listed by process in the order of execution."""
    assert model.all_vars_dict == {
        "uplift": ["rate", "up"],
        "total": ["changes", "z"],
        "grid": ["shape", "spacing", "x", "length"],
        "surface": ["z", "x"],
    }
    assert model.all_vars == [(p, v) for p, names in model.all_vars_dict.items() for v in names]
    assert model.index_vars == [("grid", "x")]
    assert model.index_vars_dict == {"grid": ["x"]}
    assert model.input_vars == [("uplift", "rate"), ("grid", "shape"), ("grid", "spacing"), ("surface", "z")]
    assert model.input_vars_dict == {"uplift": ["rate"], "grid": ["shape", "spacing"], "surface": ["z"]}
    assert model.dependent_processes == {
        "uplift": [],
        "total": ["uplift"],
        "grid": [],
        "surface": ["grid"],
    }


def test_views_are_copies(model):
    """Changing a list that the model gave changes nothing in the model."""
    for name in ("all_vars", "index_vars", "input_vars"):
        before = list(getattr(model, name))
        getattr(model, name).clear()
        assert getattr(model, name) == before
    for name in ("all_vars_dict", "index_vars_dict", "input_vars_dict", "dependent_processes"):
        before = copy.deepcopy(getattr(model, name))
        for values in getattr(model, name).values():
            values.append("new")
        assert getattr(model, name) == before


def test_clone(model):
    """A clone is equal, and has a scratch state of its own (DESIGN §V7)."""
    model.grid.spacing = 3
    other = model.clone()

    assert other == model
    assert other is not model
    assert other.grid is not model.grid
    assert not hasattr(other.grid, "spacing")


def test_clone_keeps_subclass():
    """Clones, and models made from others, keep the subclass and its attributes (API.md)."""
    model = Named("mine")
    model.list = []
    for other in (model.clone(), model.update_processes({"uplift2": Uplift}), model.drop_processes("uplift")):
        assert type(other) is Named
        assert other.title == "mine"
        assert other.list is model.list
        other.title = "other"
        assert model.title == "mine"


def test_update_processes(model):
    """Processes are replaced in their place or added at the end; the model itself stays."""
    flat = xs.process(type("Flat", (Grid,), {}))

    other = model.update_processes({"more": Uplift, "grid": flat})

    assert list(other.graph.classes) == [*CLASSES, "more"]
    assert (type(other.grid), type(model.grid)) == (flat, Grid)
    assert list(other) == ["uplift", "more", "total", "grid", "surface"]
    assert list(model) == ORDER


@pytest.mark.parametrize("keys", ["uplift", ["uplift"], ("uplift",), {"uplift"}, {"uplift": 1}, iter(["uplift"])])
def test_drop_processes(model, keys):
    """Processes are dropped by one name or several, in any collection; the model itself stays (API.md)."""
    assert list(model.drop_processes(keys)) == ["total", "grid", "surface"]
    assert list(model) == ORDER


def test_drop_unknown_process(model):
    """Dropping what is not there is an error that names all of it."""
    with pytest.raises(UnknownProcessError) as error:
        model.drop_processes(["uplift", "nope", "surfaces"])

    assert (
        str(error.value)
        == textwrap.dedent(
            """
            the model has no process 'nope', 'surfaces'
              expected: one of 'uplift', 'total', 'grid', 'surface'
              did you mean: 'surface'?
            """
        ).strip()
    )


def test_equality(model):
    """Models are equal if their names and classes are, whatever the values in them (API.md)."""
    other = xs.Model(dict(CLASSES))
    other.grid.spacing = 3

    assert model == other
    assert model == Named("title")
    assert model != model.drop_processes("uplift")
    assert model != model.update_processes({"uplift": Total})
    assert model != xs.Model({("grid2" if name == "grid" else name): cls for name, cls in CLASSES.items()})
    assert model != CLASSES
    assert model != 3


def test_hash_agrees_with_equality(model):
    """Equal models are one key, as Python asks of hashable objects (or cannot be hashed, as in xarray-simlab)."""
    other = xs.Model(dict(CLASSES))
    try:
        hashes = {hash(model), hash(other)}
    except TypeError:
        return

    assert len(hashes) == 1


def test_pickle_drops_scratch():
    """A pickled model has its processes and attributes, and nothing of the scratch state (DESIGN §V7)."""
    model = Named("mine")
    fresh = len(pickle.dumps(model))
    model.update_state({("grid", "shape"): 3, ("grid", "spacing"): 2}, ignore_static=True)
    model.update_cache(("grid", "length"))
    assert model.cache[("grid", "length")]["value"] == 6

    dumped = pickle.dumps(model)
    other = pickle.loads(dumped)

    assert (type(other), other.title, list(other)) == (Named, "mine", ORDER)
    assert other == model
    assert dict(other.state) == {}
    assert other.cache[("grid", "length")]["value"] is None
    assert len(dumped) == fresh
    assert model.grid.spacing == 2


def test_copy_drops_scratch(model):
    """So have copies."""
    model.grid.spacing = 3

    for other in (copy.copy(model), copy.deepcopy(model)):
        assert other == model
        assert dict(other.state) == {}


def test_repr(model):
    """A model prints its processes in the order of execution, and their inputs."""
    assert (
        repr(model)
        == textwrap.dedent(
            """
            <xsim.Model (4 processes, 4 inputs)>
            uplift
                rate  [in]  () or ('x',)
            total
            grid
                shape    [in]  () or ('axis',)  number of nodes
                spacing  [in]                   distance of nodes
            surface
                z  [inout]  ('x',)  elevation
            """
        ).strip()
    )


def test_repr_of_small_models():
    """Counts agree with their nouns."""
    assert repr(xs.Model({})) == "<xsim.Model (0 processes, 0 inputs)>"
    assert repr(xs.Model({"uplift": Uplift})) == (
        "<xsim.Model (1 process, 1 input)>\nuplift\n    rate  [in]  () or ('x',)"
    )


def test_repr_makes_no_objects(model):
    """Printing, comparing and listing make no process objects: models are often just looked at."""
    before = set(vars(model))
    repr(model), list(model), model.input_vars, model == xs.Model(CLASSES), "grid" in model, len(model)

    assert set(vars(model)) == before


def test_process_names_of_objects(model):
    """A process object knows its name in its model (API.md)."""
    twice = xs.Model({"one": Uplift, "two": Uplift})

    assert [xs.process_name(twice[name]) for name in twice] == ["one", "two"]
    assert repr(twice.one).splitlines()[0] == "<Uplift 'one' (xsim process)>"
