"""The run plan: frozen, picklable, printable; checks of the whole (DESIGN §E1)."""

import pickle
import textwrap
from types import SimpleNamespace

import attrs
import numpy as np
import pytest

import xsim as xs


def message(text):
    return textwrap.dedent(text).strip()


@xs.process
class Grid:
    n = xs.variable(default=3, static=True)
    x = xs.index(dims="x", description="place", attrs={"units": "m"})

    def initialize(self):
        self.x = np.arange(self.n)


@xs.process
class Growth:
    x = xs.foreign(Grid, "x")
    rate = xs.variable(dims=[(), "x"], default=1.5)
    size = xs.variable(dims=["x", ("y", "x")], intent="out", description="size", attrs={"units": "kg"})
    doubled = xs.on_demand(dims="x")

    def initialize(self):
        self.size = np.zeros(self.x.size)

    def run_step(self):
        self.size = self.size + self.rate

    def finalize(self):
        self.done = True

    @doubled.compute
    def _double(self):
        return self.size * 2


@xs.process
class Asking:
    @xs.runtime(args=["step", "step_strt"])
    def run_step(self, *args):
        raise NotImplementedError


MODEL = xs.Model({"growth": Growth, "grid": Grid})


@pytest.fixture
def setup():
    return xs.create_setup(
        MODEL,
        {"t": [0, 1, 2], "out": [0, 2]},
        "t",
        {"growth__rate": ("t", [1.0, 2.0, 3.0])},
        {"growth__size": "out", "growth__doubled": None, "grid__n": "t"},
    )


def test_the_printed_plan(setup):
    """The plan prints what will run, what goes in and what comes out."""
    assert repr(setup.xsim.plan(MODEL)) == message(
        """
        <xsim RunPlan (2 processes, 2 steps, main clock 't')>
        Stages:
            initialize  grid, growth
            run_step    growth
            finalize    growth
        Inputs:
            grid__n       ()    int64    8 B
            growth__rate  (3,)  float64  24 B  in time
        Outputs:
            x                index       1 value of dims ('x',)
            grid__n          on 't'      3 values of dims ()
            growth__size     on 'out'    2 values of dims ('x',) or ('y', 'x')
            growth__doubled  at the end  1 value of dims ('x',)
        Store: memory
        """
    )


def test_the_printed_plan_of_little():
    """A model without steps, inputs and outputs prints so, and where it goes."""
    model = xs.Model({"one": xs.process(type("One", (), {"run_step": lambda self: None}))})

    assert repr(xs.create_setup(model).xsim.plan(model, store="out.zarr", mode="w")) == message(
        """
        <xsim RunPlan (1 process, 1 step, no clock)>
        Stages:
            run_step  one
        Inputs:
            *empty*
        Outputs:
            *empty*
        Store: out.zarr (mode 'w')
        """
    )


def test_planning_writes_nothing(setup, tmp_path):
    """A plan is made without touching the store."""
    setup.xsim.plan(MODEL, store=tmp_path / "out.zarr")

    assert list(tmp_path.iterdir()) == []


def test_a_plan_is_frozen(setup):
    """Nothing of a plan can be replaced."""
    plan = setup.xsim.plan(MODEL)

    for name in attrs.fields_dict(type(plan)):
        with pytest.raises(attrs.exceptions.FrozenInstanceError):
            setattr(plan, name, None)


def test_a_plan_can_be_pickled(setup):
    """A plan comes back from pickle as it was."""
    plan = setup.xsim.plan(MODEL, encoding={"growth__size": {"dtype": "float32"}})

    back = pickle.loads(pickle.dumps(plan))

    assert repr(back) == repr(plan)
    assert back.graph.order == plan.graph.order
    assert back.setup.identical(plan.setup)
    assert back.options == plan.options
    assert [p.at(1) for p in back.inputs] == [p.at(1) for p in plan.inputs] == [3, 2.0]
    assert back.timeline.starts == plan.timeline.starts
    assert [dict(o.encoding) for o in back.outputs] == [dict(o.encoding) for o in plan.outputs]


def test_a_graph_can_be_planned(setup):
    """Below the accessor a model is a graph; anything with a graph will do."""
    assert repr(setup.xsim.plan(SimpleNamespace(graph=MODEL.graph))) == repr(setup.xsim.plan(MODEL))


def test_outputs_of_a_plan(setup):
    """Outputs have names, clocks, positions on the main clock, dims and attributes; indexes come first."""
    plan = setup.xsim.plan(MODEL)

    found = {o.name: (o.key, o.clock, o.positions.tolist(), o.nlabels, o.is_index) for o in plan.outputs}
    assert found == {
        "x": (("grid", "x"), None, [], 1, True),
        "grid__n": (("grid", "n"), "t", [0, 1, 2], 3, False),
        "growth__size": (("growth", "size"), "out", [0, 2], 2, False),
        "growth__doubled": (("growth", "doubled"), None, [], 1, False),
    }
    assert list(found) == ["x", "grid__n", "growth__size", "growth__doubled"]


def test_positions_on_a_decreasing_clock():
    """Positions follow the main clock in the order given (DESIGN §C1)."""
    setup = xs.create_setup(MODEL, {"t": [9, 5, 1], "out": [9, 1]}, "t", output_vars={"growth__size": "out"})

    assert setup.xsim.plan(MODEL).outputs[-1].positions.tolist() == [0, 2]


def test_dims_and_attributes_of_outputs(setup):
    """A saved value gets the alternative with its number of dims, behind the clock, and the marks (DESIGN §S5)."""
    index, _, size, doubled = setup.xsim.plan(MODEL).outputs

    assert size.dims_of(2) == ("out", "y", "x")
    assert doubled.dims_of(1) == ("x",)
    assert size.attrs_of(("out", "x")) == {
        "description": "size",
        "units": "kg",
        "xsim_role": "output",
        "xsim_dims": "out,x",
    }
    assert index.attrs_of(("x",)) == {"description": "place", "units": "m"}


def test_a_value_of_another_number_of_dimensions(setup):
    """A value that has not the declared number of dims is refused."""
    size = setup.xsim.plan(MODEL).outputs[2]

    with pytest.raises(xs.errors.OutputError) as error:
        size.dims_of(0)

    assert str(error.value) == message(
        """
        Output array of 0 dimension(s) for variable 'growth__size' doesn't match any of its accepted dimension(s)
          got: 0 dimension(s)
          expected: dims 'x' or ('y', 'x')
          remedy: declare these dims too (a list holds alternatives), or reshape the value
        """
    )
    assert error.value.variable == ("growth", "size")


def test_unknown_runtime_arguments():
    """A runtime argument that does not exist is found while planning, with a suggestion."""
    model = xs.Model({"asking": Asking})

    with pytest.raises(xs.errors.RuntimeContextError) as error:
        xs.create_setup(model).xsim.plan(model)

    assert str(error.value) == message(
        """
        process 'asking' asks for a runtime argument that does not exist
          got: 'step_strt', in stage 'run_step'
          expected: 'batch_size', 'batch', 'sim_start', 'sim_end', 'nsteps', 'step', 'step_start', 'step_end', 'step_delta', 'main_clock_values', 'main_clock_dataarray', 'rng', 'job'
          did you mean: 'step_start', 'sim_start', 'nsteps'?
        """  # noqa: E501
    )
    assert error.value.process == "asking"
    assert isinstance(error.value, KeyError)


def test_the_plan_in_notebooks(setup):
    """Notebooks get the same as tables to fold."""
    html = setup.xsim.plan(MODEL)._repr_html_()

    assert "<summary>Stages:</summary><table><tr><td>initialize</td><td>grid, growth</td></tr>" in html
    assert "<p>Store: memory</p>" in html
