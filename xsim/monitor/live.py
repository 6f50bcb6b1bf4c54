"""Live status of batches: a table in a terminal or a notebook, plain lines elsewhere."""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Sequence
from importlib import import_module
from typing import Any, TextIO

from xsim._base.render import duration
from xsim._base.suggest import did_you_mean
from xsim.declare.hook import RuntimeHook
from xsim.engine.control import Control, check_members
from xsim.engine.status import SHOWN, STATES, Status
from xsim.errors import OptionError

DISPLAYS = ("auto", "terminal", "notebook", "plain", "none")
COLOURS = {"done": "green", "failed": "red", "timed out": "yellow", "cancelled": "magenta"}
COLOURS |= {"starting": "blue", "running": "cyan"}


class LiveStatus(RuntimeHook):
    """Shows what each worker of a batch is doing, and lets members be cancelled.

    It is used like a runtime hook: ``with LiveStatus():``, ``register()`` and ``unregister()``, or
    ``hooks=[LiveStatus()]``, and takes the place of the progress bar.

    Parameters
    ----------
    display : {"auto", "terminal", "notebook", "plain", "none"}, default: "auto"
        A table that is kept up to date in a terminal (which needs rich) or in a notebook, lines now and then, or
        nothing, for those who only ask. By default what fits the place.
    interval : float, optional
        Seconds between two looks, not less than half a second, and 30 between plain lines by default.
    file : text file, optional
        Where a terminal's table or plain lines go; by default standard error.

    Attributes
    ----------
    status : Status or None
        The last one; None before a run.

    Raises
    ------
    OptionError
        If there is no such display, the interval makes no sense, or a terminal is asked for, and rich is not there.

    Examples
    --------
    >>> from xsim.monitoring import LiveStatus
    >>> live = LiveStatus(display="none")
    >>> with live:
    ...     pass  # setup.xsim.run(model, batch_dim="member", ...)
    """

    def __init__(self, display: str = "auto", interval: float | None = None, file: TextIO | None = None) -> None:
        super().__init__()
        if display not in DISPLAYS:
            raise OptionError(
                f"{display!r} is no display of LiveStatus",
                expected="one of " + ", ".join(map(repr, DISPLAYS)),
                suggestions=did_you_mean(display, DISPLAYS),
            )
        if display == "terminal" and not _has_rich():
            raise OptionError(
                "the table of LiveStatus in a terminal needs the package rich",
                remedy="pip install 'xarray-xsim[live]', or display='plain'",
            )
        if interval is not None and not interval >= 0:
            raise OptionError(f"interval={interval!r} makes no sense", expected="seconds, or None")
        self.display = display
        self.interval = interval
        self.file = file
        self.status: Status | None = None
        self._control: Control | None = None
        self._members = 0

    @property
    def is_attached(self) -> bool:
        """Whether a run is being watched."""
        return self._control is not None

    def attach(self, control: Control, members: int) -> None:
        """Take what ends members of the run that begins, and their number."""
        self._control, self._members = control, members

    def detach(self) -> None:
        """Note that the run has ended."""
        self._control = None

    def cancel(self, *members: int) -> None:
        """Cancel members, by their numbers: those that run end, those that wait do not start. Callable from any thread.

        Raises
        ------
        OptionError
            If nothing is running, or there is no such member.
        """
        control = self._control  # the run may end meanwhile
        if control is None:
            raise OptionError("no run is watched by this LiveStatus", remedy="pass it as hooks=[live] to the run")
        check_members(members, self._members)
        control.cancel(map(int, members))

    def __repr__(self) -> str:
        return f"LiveStatus({self.display!r})"


def live_of(hooks: Sequence[Any]) -> LiveStatus | None:
    """Give what watches a run: the last one given to it, or of those that are active, and watches no other run.

    A run that a process starts within a member is not shown over the one that it is in.
    """
    known = (*hooks[::-1], *[*RuntimeHook.active][::-1])
    return next((hook for hook in known if isinstance(hook, LiveStatus) and not hook.is_attached), None)


class Pace:
    """Says when it is time to show something again.

    Parameters
    ----------
    interval : float
        Seconds in between.
    """

    def __init__(self, interval: float) -> None:
        self._interval, self._last = interval, -math.inf

    def is_due(self, status: Status) -> bool:
        """Whether it is time, as it always is at the end."""
        now = time.monotonic()
        if not status.ending and now - self._last < self._interval:
            return False
        self._last = now
        return True


class Plain:
    """Prints a line now and then."""

    def __init__(self, interval: float, file: TextIO) -> None:
        self._pace, self._file = Pace(interval), file

    def show(self, status: Status) -> None:
        """Print a line if it is time, and at the end."""
        if self._pace.is_due(status):
            print(f"xsim: {duration(status.seconds)}: {status}", file=self._file, flush=True)

    def close(self) -> None:
        """Do nothing."""


class Terminal:
    """Keeps a table up to date in a terminal."""

    def __init__(self, file: TextIO, interval: float = 0.0) -> None:
        from rich.console import Console  # an extra, and only here
        from rich.live import Live

        self._pace = Pace(interval)
        self._live = Live(console=Console(file=file), auto_refresh=False, transient=False)
        self._live.start()

    def show(self, status: Status) -> None:
        """Draw the table if it is time."""
        if self._pace.is_due(status):
            self._live.update(_rich(status), refresh=True)

    def close(self) -> None:
        """Leave the table as it is."""
        self._live.stop()


def _rich(status: Status) -> Any:
    from rich.console import Group
    from rich.progress_bar import ProgressBar
    from rich.table import Table
    from rich.text import Text

    counts = status.counts
    head = Text()
    for state in STATES:
        if counts[state]:
            head.append(f"{counts[state]} {state}  ", style=COLOURS.get(state, "dim"))
    left = status.seconds_left
    when = f"{duration(status.seconds)} elapsed"
    when += (
        f", ended ({status.ending})"
        if status.ending
        else ""
        if left is None or left < 1
        else f", about {duration(left)} left"
    )
    table = Table(box=None, pad_edge=False, header_style="dim")
    for name in ("member", "phase", "", "step", "elapsed"):
        table.add_column(name, no_wrap=True)
    for row in status.rows():
        table.add_row(*map(Text, row))  # labels and phases may look like markup
    if len(status.working) > SHOWN:
        table.add_row(f"... and {len(status.working) - SHOWN} more", "", "", "", "")
    bar = Table.grid()  # a bar alone does not end its line
    bar.add_row(ProgressBar(total=max(1, status.batch.size), completed=status.ended, width=60))
    parts: list[Any] = [bar, head, Text(when, style="dim")]
    return Group(*parts, table) if status.working else Group(*parts)


class Notebook:
    """Keeps a table up to date in a notebook."""

    def __init__(self, interval: float = 0.0) -> None:
        self._pace = Pace(interval)
        display: Any = import_module("IPython.display").display
        self._handle = display("", display_id=True)

    def show(self, status: Status) -> None:
        """Draw the table if it is time."""
        if self._pace.is_due(status):
            self._handle.update(status)

    def close(self) -> None:
        """Leave the table as it is."""


Display = Plain | Terminal | Notebook


def make_display(live: LiveStatus, in_notebook: bool) -> Display | None:
    """Make what shows the status, by where it is shown."""
    file = live.file or sys.stderr
    kind = live.display
    if kind == "auto":
        terminal = file is not None and file.isatty() and _has_rich()
        kind = "notebook" if in_notebook else "terminal" if terminal else "plain"
    if kind == "none" or (file is None and kind != "notebook"):
        return None
    if kind == "notebook":
        return Notebook(live.interval or 0.0)
    if kind == "plain":
        return Plain(30.0 if live.interval is None else live.interval, file)
    return Terminal(file, live.interval or 0.0)


def _has_rich() -> bool:
    try:
        import rich  # noqa: F401
    except ImportError:
        return False
    return True
