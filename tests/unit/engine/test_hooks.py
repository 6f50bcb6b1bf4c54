"""Hooks while a model runs: when they are called, what they see, and what their signals do (DESIGN §O7, §O8)."""

import numpy as np
import pytest

import xsim as xs

SKIP, CONTINUE, BREAK = xs.RuntimeSignal.SKIP, xs.RuntimeSignal.CONTINUE, xs.RuntimeSignal.BREAK
STAGES = ("initialize", "run_step", "finalize_step", "finalize")
POINTS = [(stage, level, trigger) for stage in STAGES for level in ("model", "process") for trigger in ("pre", "post")]


class Recording:
    """A model of three processes and hooks at every point, which note who is called.

    ``first`` sets a counter that ``second`` reads; ``other`` depends on nobody.
    """

    def __init__(self):
        self.calls = []
        self.own = {}  # signals by (process, stage)
        self.signals = {}  # signals by point; a callable gets the step

        def method(name, stage):
            def call(process):
                self.calls.append(f"{name}.{stage}")
                if name == "first" and stage in STAGES[:2]:
                    process.count = 0 if stage == "initialize" else process.count + 1
                return self.own.get((name, stage))

            return call

        def make(name, **variables):
            return xs.process(type(name.title(), (), variables | {stage: method(name, stage) for stage in STAGES}))

        first = make("first", count=xs.variable(intent="out"))
        second = make("second", count=xs.foreign(first, "count"))
        idle = xs.process(type("Idle", (), {"v": xs.variable(default=1)}))  # implements no stage
        classes = {"first": first, "idle": idle, "second": second, "other": make("other", v=xs.variable(default=1))}
        self.model = xs.Model(classes)
        self.hooks = [self.hook(*point) for point in POINTS]

    def hook(self, stage, level, trigger):
        """Make a hook that notes its point and the step."""

        def note(model, context, state):
            self.calls.append(f"{level} {trigger} {stage} {context['step']}")
            signal = self.signals.get((stage, level, trigger))
            return signal(context["step"]) if callable(signal) else signal

        return xs.runtime_hook(stage, level, trigger)(note)

    def run(self, **options):
        """Run two steps; give the counter at each label."""
        setup = xs.create_setup(
            model=self.model,
            clocks={"time": [0, 1, 2]},
            output_vars={"first__count": "time", "second__count": None},
        )
        options = {"hooks": self.hooks} | options
        return setup.xsim.run(model=self.model, progress=False, **options)

    def of_step(self, step=0, stage="run_step"):
        """Give the calls from the hook before a stage to the one after it; short names."""
        start = self.calls.index(f"model pre {stage} {step}")
        tail = self.calls[start:]
        end = tail.index(f"model post {stage} {step}") if f"model post {stage} {step}" in tail else 0
        return [call.removesuffix(f" {stage} {step}").removesuffix(f".{stage}") for call in tail[: end + 1]]


@pytest.fixture
def recording():
    """Give a model with hooks everywhere."""
    return Recording()


def around(*names):
    """Give the calls of a stage in which some processes run."""
    inner = [call for name in names for call in ("process pre", name, "process post")]
    return ["model pre", *inner, "model post"]


def stages_of(recording):
    """Give the stages that started, with their step."""
    return [call.removeprefix("model pre ") for call in recording.calls if call.startswith("model pre")]


def test_order_of_calls(recording):
    """Hooks are called around stages, and around processes that implement the stage."""
    recording.run()

    assert stages_of(recording) == [
        *("initialize 0", "run_step 0", "finalize_step 0"),
        *("run_step 1", "finalize_step 1", "finalize 1"),
    ]
    for stage, step in [("initialize", 0), ("run_step", 0), ("finalize_step", 1), ("finalize", 1)]:
        assert recording.of_step(step, stage) == around("first", "second", "other")


def test_order_given():
    """At one point, hooks are called in the order given, those of active RuntimeHooks first (DESIGN §O7)."""
    recording, calls = Recording(), []

    def noting(name):
        return xs.runtime_hook("finalize")(lambda model, context, state: calls.append(name))

    with xs.RuntimeHook(noting("active")):
        recording.run(hooks=[noting("b"), xs.RuntimeHook(noting("d"), noting("c")), noting("a")])
    recording.run()
    assert calls == ["active", "b", "d", "c", "a"]


def test_skip_before_the_model(recording):
    """SKIP before a stage leaves this stage out, with its hooks; the others run, and the state is saved as it is."""
    recording.signals["run_step", "model", "pre"] = SKIP
    result = recording.run()

    assert recording.of_step() == ["model pre"]
    assert stages_of(recording)[1:4] == ["run_step 0", "finalize_step 0", "run_step 1"]
    assert result.first__count.values.tolist() == [0, 0, 0]


@pytest.mark.parametrize("trigger, counts", [("pre", [0, 0, 0]), ("post", [1, 2, 2])])
def test_continue_on_model_level(recording, trigger, counts):
    """CONTINUE around run_step goes on with the next step; the state is saved (xarray-simlab's meaning)."""
    recording.signals["run_step", "model", trigger] = CONTINUE
    result = recording.run()

    assert stages_of(recording) == ["initialize 0", "run_step 0", "run_step 1", "finalize 1"]
    assert result.first__count.values.tolist() == counts


@pytest.mark.parametrize(
    "stage, trigger, value, finalize_step",
    [
        ("run_step", "pre", 0, False),
        ("run_step", "post", 1, False),
        ("finalize_step", "pre", 1, True),
        ("finalize_step", "post", 1, True),
    ],
)
def test_break_on_model_level(recording, stage, trigger, value, finalize_step):
    """BREAK ends the loop: the state is saved for this label, later ones are missing, finalize runs (DESIGN §O8)."""
    recording.signals[stage, "model", trigger] = BREAK
    result = recording.run()

    assert stages_of(recording) == [
        *("initialize 0", "run_step 0"),
        *(["finalize_step 0"] if finalize_step else []),
        "finalize 0",
    ]
    np.testing.assert_array_equal(result.first__count.values, [value, np.nan, np.nan])
    assert result.second__count.values.tolist() == value


def test_break_in_the_last_step(recording):
    """A BREAK in the last step leaves the last label missing too; clock None gets the final state (DESIGN §O8)."""
    recording.signals["run_step", "model", "post"] = lambda step: BREAK if step == 1 else None
    result = recording.run()

    np.testing.assert_array_equal(result.first__count.values, [1, 2, np.nan])
    assert result.second__count.values.tolist() == 2


@pytest.mark.parametrize("stage", ["initialize", "finalize"])
@pytest.mark.parametrize("signal", [SKIP, CONTINUE, BREAK])
def test_signals_outside_the_loop(recording, stage, signal):
    """After initialize and finalize, signals of the model's level do nothing (xarray-simlab's meaning)."""
    recording.signals[stage, "model", "post"] = signal

    assert recording.run().first__count.values.tolist() == [1, 2, 2]
    assert len(stages_of(recording)) == 6


def test_break_before_finalize(recording):
    """A signal before finalize leaves it out."""
    recording.signals["finalize", "model", "pre"] = BREAK
    recording.run()

    assert recording.of_step(1, "finalize") == ["model pre"]


@pytest.mark.parametrize("signal", [SKIP, CONTINUE])
def test_skip_before_processes(recording, signal):
    """SKIP and CONTINUE before a process leave out its method and the hook after it."""
    recording.signals["run_step", "process", "pre"] = signal
    result = recording.run()

    assert recording.of_step() == ["model pre", *3 * ["process pre"], "model post"]
    assert result.first__count.values.tolist() == [0, 0, 0]


def test_break_before_processes(recording):
    """BREAK of a hook before a process leaves out the rest of the stage, and nothing else."""
    recording.signals["run_step", "process", "pre"] = BREAK
    recording.run()

    assert recording.of_step() == ["model pre", "process pre", "model post"]
    assert len(stages_of(recording)) == 6


def test_break_after_processes(recording):
    """BREAK of a hook after a process leaves out all others of the stage, also those not downstream."""
    recording.signals["run_step", "process", "post"] = BREAK
    result = recording.run()

    assert recording.of_step() == ["model pre", "process pre", "first", "process post", "model post"]
    assert result.first__count.values.tolist() == [1, 2, 2]


@pytest.mark.parametrize("signal", [SKIP, CONTINUE])
def test_skip_after_processes(recording, signal):
    """Other signals after a process do nothing."""
    recording.signals["run_step", "process", "post"] = signal
    recording.run()

    assert recording.of_step() == around("first", "second", "other")


def test_break_from_a_process(recording):
    """BREAK from a process skips those downstream of it; no hook is called for these (DESIGN §O8)."""
    recording.own["first", "run_step"] = BREAK
    recording.run()

    assert recording.of_step() == around("first", "other")


def test_highest_priority(recording):
    """Of several hooks at one point, all are called, and the signal of the highest priority counts."""
    answers = [SKIP, None, BREAK, CONTINUE]

    def answering(signal):
        return xs.runtime_hook("run_step", trigger="pre")(lambda *_: recording.calls.append("called") or signal)

    result = recording.run(hooks=[*recording.hooks, *map(answering, answers)])
    assert recording.calls.count("called") == 4
    np.testing.assert_array_equal(result.first__count.values, [0, np.nan, np.nan])


def test_signals_as_numbers(recording):
    """A signal may be given by its number, as in xarray-simlab, by hooks and processes alike."""
    recording.signals["run_step", "model", "post"] = lambda step: 3 if step == 1 else 0
    recording.own["first", "run_step"] = 3
    result = recording.run()

    np.testing.assert_array_equal(result.first__count.values, [1, 2, np.nan])
    assert "second.run_step" not in recording.calls


def test_process_hooks_in_parallel(recording):
    """A stage with hooks around its processes runs them one after the other (DESIGN §O7)."""
    recording.run()
    expected, recording.calls = recording.calls, []
    result = recording.run(parallel=True, workers=2, threads_per_worker=1)

    assert recording.calls == expected
    assert result.first__count.values.tolist() == [1, 2, 2]
