"""Watching: who is told of a batch while it runs, and what others ask of it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from xsim._base.user_warning import warn_user
from xsim.engine.board import Board
from xsim.engine.control import Control
from xsim.engine.status import Status
from xsim.engine.watcher import Watcher
from xsim.errors import PlanWarning
from xsim.monitor.live import LiveStatus, make_display
from xsim.monitor.progress import in_notebook
from xsim.plan.run_plan import RunPlan
from xsim.sink.batch import BatchSink
from xsim.sink.notices import Notices

STORE_SECONDS = 1.0
"""Between two statuses in the store."""


@contextmanager
def watching(plan: RunPlan, board: Board, control: Control, live: LiveStatus | None, sink: BatchSink) -> Iterator[None]:
    """Show a batch, tell other shells of it, and take in whom they cancel.

    Parameters
    ----------
    plan : RunPlan
    board : Board
    control : Control
    live : LiveStatus, optional
        What shows it here.
    sink : BatchSink
        Open.
    """
    notices = sink.notices()
    if notices is not None:
        with suppress(Exception):  # a run that was killed has left its own, and nobody has asked this one yet
            notices.clear()
    tell: list[Callable[[Status], None]] = [] if notices is None else [_seldom(notices)]
    errors: list[Exception] = []
    display = None
    if notices is not None:
        with _keeping(errors):
            notices.clear()  # of a run that was killed: what was asked of it is not asked of this one
    if live is not None:
        live.attach(control, plan.batch.size)
        tell.append(lambda status: setattr(live, "status", status))
        if plan.options.progress is not False:
            with _keeping(errors):
                display = make_display(live, in_notebook())
        if display is not None:
            tell.append(display.show)
    if not tell and plan.options.max_walltime is None:
        yield
        return
    asked = None if notices is None else notices.asked_to_cancel
    watcher = Watcher(board.look, control, tell, asked, plan.options.max_walltime)
    ending = "failed"
    try:
        with watcher:
            yield
        ending = board.outcome
    except KeyboardInterrupt:
        ending = "cancelled"
        raise
    finally:
        if notices is not None:
            tell.pop(0)
        for show in tell:
            with suppress(Exception):  # what is shown must not hide how the run ended
                show(board.look(ending))
        if display is not None:
            with _keeping(errors):
                display.close()
        if live is not None:
            live.detach()
        if notices is not None:
            with suppress(Exception):
                notices.clear()
        for error in (*errors, *watcher.errors)[:1]:
            warn_user(f"watching the run failed: {type(error).__name__}: {error}", PlanWarning)


@contextmanager
def _keeping(errors: list[Exception]) -> Iterator[None]:
    try:
        yield
    except Exception as error:
        errors.append(error)


def _seldom(notices: Notices) -> Callable[[Status], None]:
    last = 0.0

    def tell(status: Status) -> None:
        nonlocal last
        if time.monotonic() - last >= STORE_SECONDS:
            notices.write_status(status.json())
            last = time.monotonic()

    return tell
