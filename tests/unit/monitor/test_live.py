"""Live status: what is shown where, and that showing it stops no run (DESIGN §R4)."""

from __future__ import annotations

import io
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import xsim as xs
from xsim.engine import watcher as watcher_module
from xsim.engine.control import Control
from xsim.engine.slot import Working
from xsim.engine.status import DONE, FAILED, RUNNING, WAITING, Status
from xsim.engine.watcher import Watcher
from xsim.errors import OptionError, PlanWarning
from xsim.monitor.live import LiveStatus, Notebook, Plain, Terminal, live_of, make_display
from xsim.plan.batch import Batch

BATCH = Batch(("m",), (4,), {"m": np.array(["a", "[red]b", "c", "[/d]"])})


def status(**facts: Any) -> Status:
    """Make a status of four members; texts of one look like markup."""
    codes = np.array([DONE, FAILED, WAITING, RUNNING], dtype=np.int8)
    told: dict[str, Any] = {"working": (Working("1", 3, 90.0, phase="[/x] [bold]"),), "computed": 2}
    return Status(BATCH, codes, **{"started": 40.0, "updated": 100.0, **told, **facts})


@xs.process
class Counter:
    """Counts steps."""

    wait = xs.variable(default=0.0)
    value = xs.variable(intent="out")

    def initialize(self):
        self.value = 0.0

    def run_step(self):
        time.sleep(float(self.wait))
        self.value += 1.0


MODEL = xs.Model({"counter": Counter})


def wait_for(what: Callable[[], Any]) -> None:
    """Wait until something is so, which may take a while on a busy machine."""
    end = time.monotonic() + 60
    while not what() and time.monotonic() < end:
        time.sleep(0.01)


def setup_of(waits: Any, steps: int = 3) -> Any:
    """Make a batch whose members wait so many seconds a step."""
    return xs.create_setup(
        MODEL, {"t": range(steps)}, input_vars={"counter__wait": ("m", waits)}, output_vars={"counter__value": None}
    )


def test_no_such_display() -> None:
    """A display is one of a few."""
    with pytest.raises(OptionError) as caught:
        LiveStatus("notbook")
    assert str(caught.value) == (
        "'notbook' is no display of LiveStatus\n"
        "  expected: one of 'auto', 'terminal', 'notebook', 'plain', 'none'\n"
        "  did you mean: 'notebook'?"
    )


def test_a_terminal_needs_rich(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who asks for a table without rich is told before anything runs; "auto" prints lines then."""
    monkeypatch.setitem(sys.modules, "rich", None)
    with pytest.raises(OptionError) as caught:
        LiveStatus("terminal")
    assert str(caught.value) == (
        "the table of LiveStatus in a terminal needs the package rich\n"
        "  remedy: pip install 'xarray-xsim[live]', or display='plain'"
    )
    terminal = io.StringIO()
    terminal.isatty = lambda: True  # type: ignore[method-assign]
    assert isinstance(make_display(LiveStatus(file=terminal), in_notebook=False), Plain)


def test_what_fits_the_place(monkeypatch: pytest.MonkeyPatch) -> None:
    """By default lines go to files; nothing is shown where there is no standard error, or nobody wants it."""
    assert isinstance(make_display(LiveStatus(file=io.StringIO()), in_notebook=False), Plain)
    assert make_display(LiveStatus("none"), in_notebook=False) is None
    monkeypatch.setattr(sys, "stderr", None)
    assert make_display(LiveStatus(), in_notebook=False) is None


def test_plain_lines() -> None:
    """A line comes at once, then now and then, and at the end."""
    file = io.StringIO()
    plain = Plain(1000.0, file)
    plain.show(status())
    plain.show(status(updated=101.0))
    plain.show(status(working=(), ending="failed"))
    plain.close()
    assert file.getvalue().splitlines() == [
        "xsim: 60.0 s: 1/4 done, 1 failed, 1 running, about 60.0 s left",
        "xsim: 60.0 s: 1/4 done, 1 failed, 1 running, ended (failed) after 60.0 s",
    ]


def test_a_table_in_a_terminal() -> None:
    """Counts and running members are in the table, as they are written: labels are no markup."""
    pytest.importorskip("rich")
    file = io.StringIO()
    terminal = Terminal(file)
    terminal.show(status())
    terminal.close()
    text = file.getvalue()
    assert "1 waiting  1 running  1 done  1 failed" in text
    assert "1.0 min elapsed" in text or "60.0 s elapsed" in text
    assert "m [/d]" in text or "m '[/d]'" in text
    assert "[/x] [bold]" in text


def test_a_table_in_a_notebook(monkeypatch: pytest.MonkeyPatch) -> None:
    """One output of a cell is kept up to date."""
    shown: list[Any] = []
    handle = SimpleNamespace(update=shown.append)
    fake = SimpleNamespace(display=lambda what, display_id: handle)
    monkeypatch.setitem(sys.modules, "IPython.display", fake)
    display = make_display(LiveStatus(), in_notebook=True)
    assert isinstance(display, Notebook)
    now = status()
    display.show(now)
    display.close()
    assert shown == [now]
    assert "[/x] [bold]" in now._repr_html_()


def test_tables_come_as_seldom_as_wanted(monkeypatch: pytest.MonkeyPatch) -> None:
    """The interval holds for tables too; the end is shown at once."""
    shown: list[Any] = []
    fake = SimpleNamespace(display=lambda what, display_id: SimpleNamespace(update=shown.append))
    monkeypatch.setitem(sys.modules, "IPython.display", fake)
    display = make_display(LiveStatus(interval=1000.0), in_notebook=True)
    assert display is not None
    first, last = status(), status(working=(), ending="done")
    for each in (first, status(), last):
        display.show(each)
    assert shown == [first, last]


@pytest.mark.parametrize("interval", [-1, float("nan")])
def test_an_interval_that_makes_no_sense(interval: float) -> None:
    """Nobody looks before now."""
    with pytest.raises(OptionError) as caught:
        LiveStatus(interval=interval)
    assert str(caught.value) == f"interval={interval!r} makes no sense\n  expected: seconds, or None"


def test_a_run_is_shown() -> None:
    """All that ended is in the last line, and in `status`."""
    file = io.StringIO()
    live = LiveStatus("plain", file=file)
    assert live.status is None
    setup_of([0.0] * 5).xsim.run(MODEL, "m", hooks=[live])
    assert live.status is not None
    assert live.status.ending == "done"
    assert live.status.counts["done"] == 5
    assert file.getvalue().splitlines()[-1].startswith("xsim: ")
    assert "5/5 done, ended (done) after" in file.getvalue()


def test_two_runs_one_after_the_other() -> None:
    """The same one watches the next run anew, also as a context."""
    live = LiveStatus("none")
    with live:
        setup_of([0.0] * 5).xsim.run(MODEL, "m")
        setup_of([0.0] * 2).xsim.run(MODEL, "m")
    assert live.status is not None
    assert (live.status.batch.size, live.status.ending) == (2, "done")
    assert not live.is_attached


class _Closed(io.StringIO):
    def write(self, text: str) -> int:
        raise OSError("nobody reads any more")


def _closed_file() -> io.StringIO:
    file = io.StringIO()
    file.close()
    return file


@pytest.mark.parametrize("display", ["plain", "terminal", "auto"])
@pytest.mark.parametrize("make", [_Closed, _closed_file])
def test_a_display_that_fails(display: str, make: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who cannot be shown anything is left alone: the run goes on, and says so at the end."""
    monkeypatch.setattr(watcher_module, "LOOK", 0.01)  # it looks many times while the member runs
    live = LiveStatus(display, interval=0.0, file=make())
    with pytest.warns(PlanWarning, match="watching the run failed: (OSError: nobody|ValueError: I/O)") as caught:
        result = setup_of([0.3]).xsim.run(MODEL, "m", hooks=[live])
    assert [each.filename for each in caught] == [__file__]
    assert result.xsim_outcome.values.tolist() == ["done"]
    assert not live.is_attached


def test_cancelling_without_a_run() -> None:
    """Nothing can be cancelled where nothing runs."""
    with pytest.raises(OptionError) as caught:
        LiveStatus("none").cancel(1)
    assert str(caught.value) == ("no run is watched by this LiveStatus\n  remedy: pass it as hooks=[live] to the run")


@pytest.mark.parametrize(("member", "got"), [(7, "7"), (-1, "-1"), ("a", "'a'"), (1.5, "1.5"), (True, "True")])
def test_cancelling_nobody(member: Any, got: str) -> None:
    """A number that no member has is named."""
    live = LiveStatus("none")
    live.attach(Control(), 4)
    with pytest.raises(OptionError) as caught:
        live.cancel(0, member)
    assert str(caught.value) == f"there is no such member\n  got: {got}\n  expected: numbers from 0 to 3"


def test_a_run_within_a_member_is_not_watched() -> None:
    """The one that watches the outer run goes on watching it."""
    live = LiveStatus("none")
    assert live_of([live]) is live
    with live:
        assert live_of([]) is live
        live.attach(Control(), 4)
        assert live_of([live]) is None
        live.detach()


@xs.process
class Outer:
    """Runs a model itself."""

    number = xs.variable(default=0)
    value = xs.variable(intent="out")

    def initialize(self):
        self.value = float(setup_of([0.0] * 2).xsim.run(MODEL, "m").counter__value.sum())


def test_nested_runs() -> None:
    """A process may run a batch while its own batch is watched."""
    model = xs.Model({"outer": Outer})
    setup = xs.create_setup(model, input_vars={"outer__number": ("k", [0, 1, 2])}, output_vars={"outer__value": None})
    with LiveStatus("none") as live:
        result = setup.xsim.run(model, "k")
    assert result.outer__value.values.tolist() == [4.0] * 3
    assert live.status is not None
    assert live.status.batch.size == 3


def test_who_looks_in_vain_watches_the_time() -> None:
    """A status that cannot be made ends the telling, not the watching of the time."""

    def look() -> Status:
        raise ZeroDivisionError("oh")

    control = Control()
    with Watcher(look, control, [lambda status: None], walltime=0.05) as watcher:
        wait_for(lambda: control.why and watcher.errors)
    assert control.why == "max_walltime is over"
    assert [str(error) for error in watcher.errors] == ["oh"]


def test_requests_that_cannot_be_read() -> None:
    """Who asks in a way that fails is asked no more; the status is told on."""
    told: list[Status] = []
    asked: list[int] = []

    def ask() -> list[int]:
        asked.append(1)
        raise OSError("gone")

    with Watcher(status, Control(), [told.append], ask) as watcher:
        wait_for(lambda: len(told) >= 2)
    assert asked == [1]
    assert len(told) >= 2
    assert [str(error) for error in watcher.errors] == ["gone"]


def test_a_store_that_takes_no_notices(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A full disk stops the telling of other shells, and not the run."""
    from xsim.sink.notices import Notices

    monkeypatch.setattr(watcher_module, "LOOK", 0.01)  # it looks many times while members run

    def full(self: Any, *args: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Notices, "write_status", full)
    with pytest.warns(PlanWarning) as caught:
        result = setup_of([0.0, 0.4]).xsim.run(MODEL, "m", store=tmp_path / "x.zarr")
    assert [str(each.message) for each in caught] == [
        "watching the run failed: OSError: [Errno 28] No space left on device"
    ]
    assert result.xsim_outcome.values.tolist() == ["done"] * 2
