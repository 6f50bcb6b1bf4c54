"""`Dataset.xsim.explain`: where the time of a run went."""

from __future__ import annotations

import copy
import pickle
import subprocess
import sys
import warnings

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib import pyplot

import xsim as xs
from xsim.engine import profile as profile_module
from xsim.engine.profile import Profile

mpl.use("agg")


class Clock:
    """Seconds that pass when a process says so."""

    now = 0

    def __call__(self) -> int:
        return Clock.now

    @staticmethod
    def spend(seconds: float) -> None:
        Clock.now += round(seconds * 1e9)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Put a clock in place of the real ones."""
    made = Clock()
    monkeypatch.setattr(profile_module, "CLOCKS", (made, made))
    return made


def _slow(value: float) -> float:
    Clock.spend(0.125)
    return value


@xs.process
class Rain:
    mean = xs.variable(default=1.0, converter=_slow)
    amount = xs.variable(intent="out")

    @xs.runtime(args="rng")
    def run_step(self, rng):
        Clock.spend(1)
        self.amount = rng.exponential(self.mean)


@xs.process
class Bucket:
    rain = xs.foreign(Rain, "amount")
    level = xs.variable(dims="x", intent="out")
    half = xs.on_demand(dims="x")
    most = xs.on_demand()

    def initialize(self):
        Clock.spend(4)
        self.level = np.zeros(3)

    def run_step(self):
        Clock.spend(2)
        self.level = self.level + self.rain

    def finalize(self):
        Clock.spend(0.5)

    @half.compute
    def _half(self):
        Clock.spend(0.25)
        return self.level / 2

    @most.compute(cache=True)
    def _most(self):
        return self.level.max()


@xs.process
class Watcher:
    half = xs.foreign(Bucket, "half")
    most = xs.foreign(Bucket, "most")
    total = xs.variable(intent="out")

    def run_step(self):
        Clock.spend(0.5)
        self.total = self.half.sum() + self.most


@xs.runtime_hook("run_step", level="process", trigger="pre")
def look(model, context, state):
    Clock.spend(0.0625)


MODEL = xs.Model({"rain": Rain, "bucket": Bucket, "watcher": Watcher})
SETUP = xs.create_setup(
    MODEL,
    {"t": np.arange(5.0)},
    output_vars={"bucket__level": "t", "bucket__half": None, "watcher__total": "t"},
)
BATCH = SETUP.xsim.update_vars(MODEL, {"rain__mean": ("place", [1.0, 2.0, 3.0])})

TEXT = """\
<xsim Explanation: 20.8 s, 98.8% of it in the model's own code>
Where time went:
    the model's own code      20.5 s  98.8%  ████████████████████████
    outputs: saving, writing  0 ns    0.0%
    xsim, each step           125 ms  0.6%
    xsim, once a run          125 ms  0.6%
Processes:
    bucket   run_step    8.00 s  38.6%  █████████  4 calls of 2.00 s
    bucket   initialize  4.00 s  19.3%  █████      1 call of 4.00 s
    rain     run_step    4.00 s  19.3%  █████      4 calls of 1.00 s
    watcher  run_step    2.00 s  9.6%   ██         4 calls of 500 ms
    bucket   finalize    500 ms  2.4%   █          1 call of 500 ms
On demand:
    bucket__half  1.25 s  6.0%  █  5 reads of 250 ms
    bucket__most  0 ns    0.0%     4 reads of 0 ns
Hooks:
    look  run_step  750 ms  3.6%  █  12 calls of 62.5 ms
Outputs:
    bucket__level   saving   0 ns  0.0%    5 calls of 0 ns
    watcher__total  saving   0 ns  0.0%    5 calls of 0 ns
    bucket__level   writing  0 ns  0.0%    2 calls of 0 ns
    watcher__total  writing  0 ns  0.0%    2 calls of 0 ns
    bucket__half    saving   0 ns  0.0%    1 call of 0 ns
    bucket__half    writing  0 ns  0.0%    2 calls of 0 ns
Inputs:
    rain__mean  125 ms  0.6%    1 value of 125 ms
xsim:
    loop and bookkeeping     0 ns    0.0%    4 steps of 0 ns
    reading of inputs        125 ms  0.6%
    planning                 125 ms  0.6%
    opening store or memory  0 ns    0.0%
    closing store or memory  0 ns    0.0%
    building the result      0 ns    0.0%
    all the rest             0 ns    0.0%
It took 20.8 s; measuring added 0 ns, which the tables leave out."""


def test_it_says_where_the_time_went(clock: Clock) -> None:
    """The text names each piece of work with its share."""
    found = SETUP.xsim.explain(MODEL, hooks=[look], seed=1)
    assert str(found) == TEXT


def rows(explanation: xs.Explanation, part: str) -> dict[tuple[str, str], tuple[int, float]]:
    """Give calls and seconds of the rows of a part, by name and stage."""
    table = explanation.table
    return {
        (name, stage): (calls, seconds)
        for kind, name, stage, calls, seconds in zip(
            table.part, table["name"], table.stage, table.calls, table.seconds, strict=True
        )
        if kind == part
    }


def test_the_table_has_all(clock: Clock) -> None:
    """The table has a row for each piece, the longest first, and its shares make the whole."""
    found = SETUP.xsim.explain(MODEL, seed=1)
    assert list(found.table.columns) == ["part", "name", "stage", "calls", "seconds", "share"]
    assert found.table.seconds.is_monotonic_decreasing
    assert found.table.seconds.sum() == found.total == pytest.approx(found.wall)
    assert found.table.share.sum() == pytest.approx(1)
    assert rows(found, "process") == {
        ("bucket", "run_step"): (4, 8),
        ("bucket", "initialize"): (1, 4),
        ("rain", "run_step"): (4, 4),
        ("watcher", "run_step"): (4, 2),
        ("bucket", "finalize"): (1, 0.5),
    }
    assert rows(found, "on demand")["bucket__half", ""] == (5, 1.25)


def test_inputs_are_read_where_they_vary(clock: Clock) -> None:
    """An input that varies in time is read once a step, which is told by its name."""
    setup = SETUP.xsim.update_vars(MODEL, {"rain__mean": ("t", np.arange(5.0))})
    found = setup.xsim.explain(MODEL, seed=1)
    assert rows(found, "inputs") == {("rain__mean", ""): (4, 0.5)}


def test_seconds_make_the_whole_with_real_clocks() -> None:
    """What the pieces took and what measuring added is what the run took, to the nanosecond."""
    found = SETUP.xsim.explain(MODEL, seed=1)
    assert found.total + found.measuring == pytest.approx(found.wall, abs=1e-8)
    assert found.total == pytest.approx(found.table.seconds.sum())
    assert 0 < found.measuring < found.wall


def test_the_work_is_where_it_is_done() -> None:
    """A process that computes a hundred times as much as another one has far more of the time."""

    def spin(count: int) -> None:
        for _ in range(count):
            pass

    @xs.process
    class Heavy:
        x = xs.variable(intent="out")

        def run_step(self) -> None:
            self.x = 1.0
            spin(100_000)

    @xs.process
    class Light:
        x = xs.foreign(Heavy, "x")

        def run_step(self) -> None:
            spin(1000)

    model = xs.Model({"light": Light, "heavy": Heavy})
    setup = xs.create_setup(model, {"t": np.arange(101)}, output_vars={"heavy__x": "t"})
    shares = setup.xsim.explain(model).table.groupby("name").share.sum()
    assert shares["heavy"] > 5 * shares["light"]
    assert shares["heavy"] > 10 * shares["light"]


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"validate": "all"},
        {"hooks": [look]},
        {"parallel": True, "workers": 2},
        {"parallel": True, "scheduler": "processes"},
        {"store": {}},
    ],
    ids=str,
)
def test_the_result_is_that_of_a_plain_run(options: dict) -> None:
    """An explained run gives the bits of a plain one."""
    explained = SETUP.xsim.explain(MODEL, seed=1, **options).result
    xs.testing.assert_identical_runs(explained, SETUP.xsim.run(MODEL, seed=1))


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"parallel": True, "workers": 2},
        pytest.param({"parallel": True, "workers": 2, "scheduler": "processes"}, marks=pytest.mark.slow),
        {"store": "file"},
        {"store": "file", "parallel": True, "workers": 2, "scheduler": "processes"},
    ],
    ids=str,
)
def test_a_batch_is_added_up(options: dict, tmp_path) -> None:
    """The rows of a batch are those of all its members, wherever they ran, and the bits those of a plain run."""
    if "store" in options:
        options = {**options, "store": tmp_path / "out.zarr"}
    found = BATCH.xsim.explain(MODEL, batch_dim="place", seed=1, block=1, **options)
    xs.testing.assert_identical_runs(found.result, BATCH.xsim.run(MODEL, batch_dim="place", seed=1))
    # One that ran before the types were known may run again.
    calls = {key: number for key, (number, _) in rows(found, "process").items()}
    assert calls["rain", "run_step"] >= 12
    assert calls["rain", "run_step"] % 4 == 0
    assert calls["bucket", "initialize"] * 4 == calls["rain", "run_step"]
    assert rows(found, "loop")["", ""][0] == calls["bucket", "initialize"]
    assert ("waited" in found.table) == ("parallel" in options)
    if "store" in options:
        assert rows(found, "writing").keys() >= {("xsim_journal", "")}
    assert found.table.seconds.sum() == pytest.approx(found.total)
    assert str(found).splitlines()[-1].startswith("3 of 3 members done")


def test_parallel_stages_are_told(clock: Clock) -> None:
    """Where processes may run at the same time, seconds are those of a CPU; each stage says how it ran."""
    found = SETUP.xsim.explain(MODEL, seed=1, parallel=True, workers=2)
    assert list(found.table.columns) == ["part", "name", "stage", "calls", "seconds", "share", "waited"]
    lines = str(found).splitlines()
    assert " s of CPU, " in lines[0]
    assert "stage 'initialize' runs one process after the other: it has less than two processes" in lines
    assert any(line.startswith("Seconds are those of CPUs, of which ") for line in lines)


def test_a_plain_run_measures_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without explain there is no profile, and nothing around a stage method."""

    def refuse(*args: object) -> None:
        raise AssertionError("measured")

    for name in ("__init__", "wrap", "piece"):
        monkeypatch.setattr(Profile, name, refuse)
    SETUP.xsim.run(MODEL, seed=1, hooks=[look])
    BATCH.xsim.run(MODEL, batch_dim="place", seed=1)


@pytest.mark.parametrize("validate", ["inputs", "all"])
def test_process_objects_are_left_as_they_were(validate: str) -> None:
    """Afterwards process objects are of their own classes; copies made while running are so too."""
    copies = []

    @xs.runtime_hook("run_step")
    def keep(model, context, state):
        copies.append(copy.deepcopy(model.bucket))
        copies.append(pickle.loads(pickle.dumps(model.bucket)))

    SETUP.xsim.explain(MODEL, seed=1, safe_mode=False, hooks=[keep], validate=validate)
    assert {type(process) for process in (*copies, MODEL.bucket)} == {Bucket}
    assert MODEL.bucket.half.tolist() == (MODEL.bucket.level / 2).tolist()


def test_failures_are_those_of_a_plain_run() -> None:
    """What a process raises comes as in a plain run, with the same notes."""

    @xs.process
    class Broken:
        x = xs.variable(intent="out")
        y = xs.on_demand()

        def run_step(self) -> None:
            self.x = self.y

        @y.compute
        def _y(self) -> float:
            return self.nothing

    model = xs.Model({"broken": Broken})
    setup = xs.create_setup(model, {"t": [0, 1]}, output_vars={"broken__x": "t"})
    errors = []
    for method in (setup.xsim.run, setup.xsim.explain):
        with pytest.raises(AttributeError) as caught:
            method(model)
        errors.append((str(caught.value), caught.value.__notes__))
    assert errors[0] == errors[1]


def test_warnings_point_at_the_caller() -> None:
    """What is odd about a run is told of the line that explains it."""
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        SETUP.xsim.explain(MODEL, seed=1, workers=2)
    assert [(w.category, w.filename) for w in found] == [(xs.PlanWarning, __file__)]


def test_members_that_fail_are_in_it_too() -> None:
    """A batch with failures is explained where it may go on."""

    @xs.process
    class Picky:
        x = xs.variable()
        y = xs.variable(intent="out")

        def run_step(self) -> None:
            self.y = 1 / self.x

    model = xs.Model({"picky": Picky})
    setup = xs.create_setup(model, {"t": [0, 1]}, input_vars={"picky__x": ("b", [1, 0])}, output_vars={"picky__y": "t"})
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        explained = setup.xsim.explain(model, batch_dim="b", on_error="continue")
    assert [(w.category, w.filename) for w in found] == [(xs.BatchWarning, __file__)]
    assert rows(explained, "process")["picky", "run_step"][0] == 2
    assert "1 of 2 members done, 1 failed" in str(explained)


def test_nothing_takes_no_time(clock: Clock) -> None:
    """A model that does nothing is explained, and drawn, too."""
    found = xs.create_setup(xs.Model({}), {"t": [0, 1]}).xsim.explain(xs.Model({}))
    assert str(found).splitlines()[:2] == [
        "<xsim Explanation: 0 ns, 0.0% of it in the model's own code>",
        "Where time went:",
    ]
    assert found.table.share.tolist() == [0] * len(found.table)
    pyplot.close(found.plot().figure)


def test_arguments_are_checked_as_in_a_run() -> None:
    """An argument that does not exist, or has no sense, is refused as by `run`."""
    with pytest.raises(TypeError) as unknown:
        SETUP.xsim.explain(MODEL, sed=1)
    assert str(unknown.value) == "explain() got an unexpected keyword argument 'sed'; did you mean 'seed'?"
    with pytest.raises(xs.errors.OptionError) as contradiction:
        SETUP.xsim.explain(MODEL, batch_dim="place", safe_mode=False)
    assert str(contradiction.value) == "safe_mode=False is for single runs\n  got: batch_dim='place'"


# -- notebooks and pictures -----------------------------------------------------------------------------------------


def test_notebooks_get_tables(clock: Clock) -> None:
    """The HTML has a table a section, with names escaped."""
    html = SETUP.xsim.explain(MODEL, seed=1)._repr_html_()
    assert html.startswith('<div class="xsim">')
    assert "<td>bucket</td><td>run_step</td><td>8.00 s</td>" in html
    assert "&lt;xsim Explanation" in html


def test_long_lists_are_cut(clock: Clock) -> None:
    """Of many processes the text names the longest, and adds up the others; so do the bars."""

    @xs.process
    class Many:
        x = xs.variable(default=1.0)

        def run_step(self) -> None:
            Clock.spend(self.x)

    model = xs.Model({f"p{i:02}": Many for i in range(25)})
    setup = xs.create_setup(model, {"t": [0, 1]}, input_vars={f"p{i:02}__x": float(i) for i in range(25)})
    found = setup.xsim.explain(model)
    assert "    ... and 5 more: 10.0 s, 3.3%" in str(found).splitlines()
    axes = found.plot()
    names = [label.get_text() for label in axes.get_yticklabels()]
    assert names == [*(f"p{i:02}" for i in range(24, 4, -1)), "(5 other processes)", "(xsim)"]
    pyplot.close(axes.figure)


def test_bars_are_as_long_as_the_time(clock: Clock) -> None:
    """Each process has a bar of pieces: its stages, and what is computed of it on demand."""
    found = SETUP.xsim.explain(MODEL, seed=1, hooks=[look])
    _, given = pyplot.subplots()
    axes = found.plot(ax=given)
    assert axes is given
    assert [label.get_text() for label in axes.get_yticklabels()] == [
        *("bucket", "rain", "watcher", "(hooks)", "(outputs)", "(xsim)")
    ]
    widths = {bars.get_label(): [bar.get_width() for bar in bars] for bars in axes.containers}
    assert widths == {
        "initialize": [4, 0, 0, 0, 0, 0],
        "run_step": [8, 4, 2, 0.75, 0, 0],
        "finalize": [0.5, 0, 0, 0, 0, 0],
        "on demand": [1.25, 0, 0, 0, 0, 0],
        "each step": [0, 0, 0, 0, 0, 0.125],
        "once a run": [0, 0, 0, 0, 0, 0.125],
    }
    assert next(bar.get_x() for bar in axes.containers[1]) == 4
    assert [text.get_text() for text in axes.texts] == ["66.3%", "19.3%", "9.6%", "3.6%", "0.0%", "1.2%"]
    pyplot.close(axes.figure)


def test_bars_need_axes(clock: Clock) -> None:
    """What is no Axes is refused."""
    with pytest.raises(xs.errors.DrawingError) as error:
        SETUP.xsim.explain(MODEL, seed=1).plot(ax="here")
    assert str(error.value) == (
        "ax= is where the bars are drawn\n"
        "  got: str: 'here'\n"
        "  expected: an Axes of matplotlib, or None for a new figure"
    )


def test_bars_need_matplotlib() -> None:
    """Without matplotlib all but the picture works, and the error says what to install."""
    code = (
        "import sys; sys.modules['matplotlib'] = None\n"
        "import xsim as xs\n"
        "found = xs.create_setup(xs.Model({}), {'t': [0, 1]}).xsim.explain(xs.Model({}))\n"
        "try:\n    found.plot()\nexcept xs.errors.DrawingError as error:\n    print(error)"
    )
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == (
        "plotting needs the Python package 'matplotlib', which is not installed\n"
        "  remedy: pip install 'xarray-xsim[plot]'; without it, `print` and `table` tell the same"
    )
