"""Single stages by hand: `Model.execute` (API.md)."""

import threading

import pytest

import xsim as xs
from xsim.errors import OptionError


@xs.process
class First:
    a = xs.variable(intent="out")

    def run_step(self):
        self.a = 1


@xs.process
class Second:
    a = xs.foreign(First, "a")
    b = xs.variable(intent="out")

    @xs.runtime(args="step_delta")
    def run_step(self, dt):
        self.b = self.a + dt


@xs.process
class Alone:
    where = xs.any_object()
    limit = xs.variable(default=1, validator=xs.validators.in_bounds((0, None)))

    def run_step(self):
        self.where = threading.current_thread().name


CLASSES = {"second": Second, "alone": Alone, "first": First}


@pytest.fixture
def model():
    return xs.Model(CLASSES)


@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"parallel": True},
        {"parallel": True, "scheduler": "threads"},
        {"parallel": True, "scheduler": "synchronous"},
        {"parallel": True, "scheduler": "processes"},
        {"scheduler": "threads"},
    ],
)
def test_stage(model, arguments):
    """A stage gives the same values in sequence and in parallel (DESIGN §O3), and no signal."""
    assert model.execute("run_step", {"step_delta": 2}, **arguments) is xs.RuntimeSignal.NONE
    assert (model.first.a, model.second.b) == (1, 3)
    in_pool = arguments.get("parallel", False) and arguments.get("scheduler") in (None, "threads")
    assert model.alone.where.startswith("xsim") == in_pool
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("xsim")]


def test_positions(model):
    """The arguments keep their order (API.md)."""
    model.alone.limit = -1
    with pytest.raises(ValueError, match="Value -1 of variable 'limit' is out of bounds"):
        model.execute("run_step", {"step_delta": 2}, None, True, False, None)
    assert model.execute("run_step", {"step_delta": 2}, [], False) is xs.RuntimeSignal.NONE


@pytest.mark.parametrize("parallel", [False, True])
def test_hooks(model, parallel):
    """Hooks of the stage see this model, the context and the state; their signal is given back."""
    seen = []

    @xs.runtime_hook("run_step", "model", "pre")
    def before(hooked, context, state):
        seen.append((hooked is model, dict(context), ("first", "a") in state))

    @xs.runtime_hook("run_step")
    def after(hooked, context, state):
        seen.append((hooked.first.a, state["second", "b"]))
        return xs.RuntimeSignal.BREAK

    @xs.runtime_hook("finalize")
    def other_stage(hooked, context, state):
        seen.append("never")

    signal = model.execute("run_step", {"step_delta": 2}, [before, xs.RuntimeHook(after, other_stage)], False, parallel)

    assert signal is xs.RuntimeSignal.BREAK
    assert seen == [(True, {"step_delta": 2}, False), (1, 3)]


def test_hooks_that_skip(model):
    """A signal before the stage skips it."""

    @xs.runtime_hook("run_step", trigger="pre")
    def skip(hooked, context, state):
        return xs.RuntimeSignal.SKIP

    assert model.execute("run_step", {"step_delta": 2}, [skip]) is xs.RuntimeSignal.SKIP
    assert not hasattr(model.first, "a")


def test_process_hooks_run_in_sequence(model):
    """Hooks around processes see one after the other, also where parallel is asked for (DESIGN §O7)."""
    threads = []

    @xs.runtime_hook("run_step", "process", "post")
    def each(hooked, context, state):
        threads.append(threading.current_thread() is threading.main_thread())

    model.execute("run_step", {"step_delta": 2}, [each], parallel=True)

    assert threads == [True, True, True]


def test_failure(model):
    """What a process raises says where, in parallel too (DESIGN §B6)."""
    model.first.a = "text"

    class Broken(First):
        def run_step(self):
            raise ValueError("broken")

    broken = model.update_processes({"first": xs.process(Broken)})
    for parallel in (False, True):
        with pytest.raises(ValueError) as error:  # noqa: PT011 - the process's own
            broken.execute("run_step", {"step_delta": 2}, parallel=parallel)
        assert str(error.value) == "broken"
        assert error.value.__notes__ == ["in process 'first' (class Broken), stage 'run_step'"]


def test_unknown_scheduler(model):
    """A scheduler that does not exist is refused (DESIGN §E2)."""
    with pytest.raises(OptionError) as error:
        model.execute("run_step", {"step_delta": 2}, parallel=True, scheduler="thread")

    assert str(error.value).splitlines()[0] == "'thread' is no scheduler that xsim has"
