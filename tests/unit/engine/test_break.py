"""BREAK from a process skips what is downstream of it, in that stage (DESIGN §O8)."""

import pytest

import xsim as xs

BREAK = xs.RuntimeSignal.BREAK


@pytest.fixture
def log():
    """What ran."""
    return []


def logging_stage(log, name, stage, signal=None):
    def call(self):
        log.append(f"{name}.{stage}")
        return signal

    return call


def process(log, name, stages=("run_step",), breaks=(), **variables):
    """Make a process class that logs its stages, and returns BREAK in some of them."""
    methods = {stage: logging_stage(log, name, stage, BREAK if stage in breaks else None) for stage in stages}
    return xs.process(type(name.title(), (), {**variables, **methods}))


def run(processes, steps=1):
    model = xs.Model(processes)
    xs.create_setup(model, {"t": range(steps + 1)}, "t").xsim.run(model)


def test_processes_that_depend_are_skipped(log):
    """A process that depends on the one that breaks, directly or through others, is skipped; others run."""
    a = process(log, "a", breaks=("run_step",), v=xs.variable(intent="out"))
    b = process(log, "b", v=xs.foreign(a, "v"), w=xs.variable(intent="out"))
    c = process(log, "c", w=xs.foreign(b, "w"))
    other = process(log, "other")
    run({"a": a, "b": b, "c": c, "other": other})

    assert log == ["a.run_step", "other.run_step"]


def test_dependencies_pass_through_processes_without_the_stage(log):
    """What lies between may lack the stage: the dependency passes through it (DESIGN §O4)."""
    a = process(log, "a", breaks=("run_step",), v=xs.variable(intent="out"))
    b = process(log, "b", stages=(), v=xs.foreign(a, "v"), w=xs.variable(intent="out"))
    c = process(log, "c", w=xs.foreign(b, "w"))
    run({"a": a, "b": b, "c": c})

    assert log == ["a.run_step"]


def test_processes_upstream_and_earlier_run(log):
    """Processes before the one that breaks have run."""
    a = process(log, "a", v=xs.variable(intent="out"))
    b = process(log, "b", breaks=("run_step",), v=xs.foreign(a, "v"))
    run({"b": b, "a": a})

    assert log == ["a.run_step", "b.run_step"]


def test_only_that_stage_is_cut_short(log):
    """The next stage and the next step run as ever."""
    stages = ("initialize", "run_step", "finalize_step", "finalize")
    a = process(log, "a", stages, breaks=("run_step",), v=xs.variable(intent="out"))
    b = process(log, "b", stages, v=xs.foreign(a, "v"))
    run({"a": a, "b": b}, steps=2)

    step = ["a.run_step", "a.finalize_step", "b.finalize_step"]
    assert log == ["a.initialize", "b.initialize", *step, *step, "a.finalize", "b.finalize"]


@pytest.mark.parametrize("stage", ["initialize", "run_step", "finalize_step", "finalize"])
def test_every_stage_can_be_cut_short(log, stage):
    """BREAK works in each stage."""
    stages = ("initialize", "run_step", "finalize_step", "finalize")
    a = process(log, "a", stages, breaks=(stage,), v=xs.variable(intent="out"))
    b = process(log, "b", stages, v=xs.foreign(a, "v"))
    run({"a": a, "b": b})

    assert [entry for entry in log if entry.startswith("b.")] == [f"b.{each}" for each in stages if each != stage]


def test_readers_of_what_it_updates_are_skipped(log):
    """A process after it that reads what it updates is downstream by hazard: read after write."""
    owner = process(log, "owner", stages=(), v=xs.variable(intent="inout", default=0))
    a = process(log, "a", breaks=("run_step",), v=xs.foreign(owner, "v", intent="inout"))
    reader = process(log, "reader", v=xs.foreign(owner, "v"))
    run({"owner": owner, "a": a, "reader": reader})

    assert log == ["a.run_step"]


def test_processes_that_update_what_it_reads_are_skipped(log):
    """A process after it that updates what it reads is downstream by hazard: write after read."""
    owner = process(log, "owner", stages=(), v=xs.variable(intent="inout", default=0))
    a = process(log, "a", breaks=("run_step",), v=xs.foreign(owner, "v"))
    writer = process(log, "writer", v=xs.foreign(owner, "v", intent="inout"))
    run({"owner": owner, "a": a, "writer": writer})

    assert log == ["a.run_step"]


def test_processes_that_update_what_it_updates_are_skipped(log):
    """A process after it that updates the same is downstream by hazard: write after write."""
    owner = process(log, "owner", stages=(), v=xs.variable(intent="inout", default=0))
    a = process(log, "a", breaks=("run_step",), v=xs.foreign(owner, "v", intent="inout"))
    writer = process(log, "writer", v=xs.foreign(owner, "v", intent="inout"))
    run({"owner": owner, "a": a, "writer": writer})

    assert log == ["a.run_step"]


def test_processes_that_read_the_same_run(log):
    """Two processes that only read the same are independent."""
    owner = process(log, "owner", stages=(), v=xs.variable(default=0))
    a = process(log, "a", breaks=("run_step",), v=xs.foreign(owner, "v"))
    reader = process(log, "reader", v=xs.foreign(owner, "v"))
    run({"owner": owner, "a": a, "reader": reader})

    assert log == ["a.run_step", "reader.run_step"]


def test_processes_before_it_run_whatever_they_use(log):
    """A reader that comes before the one that updates is not downstream of it."""
    owner = process(log, "owner", stages=(), v=xs.variable(intent="inout", default=0))
    reader = process(log, "reader", v=xs.foreign(owner, "v"))
    a = process(log, "a", breaks=("run_step",), v=xs.foreign(owner, "v", intent="inout"))
    run({"owner": owner, "reader": reader, "a": a})

    assert log == ["reader.run_step", "a.run_step"]


def test_sharing_an_object_is_a_hazard(log):
    """Every use of an any_object counts as an update (DESIGN §O3)."""
    owner = process(log, "owner", stages=("initialize",), thing=xs.any_object())
    a = process(log, "a", breaks=("run_step",), thing=xs.foreign(owner, "thing"))
    b = process(log, "b", thing=xs.foreign(owner, "thing"))
    other = process(log, "other")
    run({"owner": owner, "a": a, "b": b, "other": other})

    assert log == ["owner.initialize", "a.run_step", "other.run_step"]


def test_what_is_downstream_of_the_skipped_is_skipped(log):
    """Skipped processes have their own downstream, by hazard too."""
    owner = process(log, "owner", stages=(), w=xs.variable(intent="inout", default=0))
    a = process(log, "a", breaks=("run_step",), v=xs.variable(intent="out"))
    b = process(log, "b", v=xs.foreign(a, "v"), w=xs.foreign(owner, "w", intent="inout"))
    c = process(log, "c", w=xs.foreign(owner, "w"))
    run({"owner": owner, "a": a, "b": b, "c": c})

    assert log == ["a.run_step"]


def test_several_breaks_in_one_stage(log):
    """A second process that breaks skips its own downstream too."""
    a = process(log, "a", breaks=("run_step",), v=xs.variable(intent="out"))
    b = process(log, "b", v=xs.foreign(a, "v"))
    c = process(log, "c", breaks=("run_step",), v=xs.variable(intent="out"))
    d = process(log, "d", v=xs.foreign(c, "v"))
    other = process(log, "other")
    run({"a": a, "b": b, "c": c, "d": d, "other": other})

    assert log == ["a.run_step", "c.run_step", "other.run_step"]


@pytest.mark.parametrize(
    "value", [None, xs.RuntimeSignal.NONE, xs.RuntimeSignal.SKIP, xs.RuntimeSignal.CONTINUE, 0, "BREAK", True]
)
def test_other_return_values_change_nothing(log, value):
    """Only BREAK skips."""
    a = xs.process(type("A", (), {"v": xs.variable(intent="out"), "run_step": lambda self: value}))
    b = process(log, "b", v=xs.foreign(a, "v"))
    run({"a": a, "b": b})

    assert log == ["b.run_step"]


def test_outputs_are_saved_after_a_break():
    """A broken step is saved like any other: what was skipped keeps its value."""

    @xs.process
    class A:
        v = xs.variable(intent="out")

        @xs.runtime(args="step")
        def run_step(self, step):
            self.v = step
            return BREAK if step == 1 else None

    @xs.process
    class B:
        v = xs.foreign(A, "v")
        w = xs.variable(intent="out")

        def run_step(self):
            self.w = self.v

    model = xs.Model({"a": A, "b": B})
    setup = xs.create_setup(model, {"t": range(4)}, output_vars={"a__v": "t", "b__w": "t"})
    result = setup.xsim.run(model)

    assert result.a__v.values.tolist() == [0, 1, 2, 2]
    assert result.b__w.values.tolist() == [0, 0, 2, 2]
