"""A progress bar in terminals and notebooks."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from xsim.engine.events import Events, NoEvents
from xsim.plan.run_plan import RunPlan


@contextmanager
def progress_for(plan: RunPlan) -> Iterator[Events]:
    """Watch a run with a progress bar, where someone can see it, or as the user wants."""
    wanted = plan.options.progress
    if wanted is None:
        wanted = is_interactive()
    if not wanted:
        yield NoEvents()
        return
    bar = ProgressBar(plan)
    try:
        yield bar
    finally:
        bar.close()


def is_interactive() -> bool:
    """Whether output goes to a terminal or a notebook."""
    # An imported ipykernel is none that runs.
    get_ipython = getattr(sys.modules.get("IPython"), "get_ipython", None)
    if get_ipython is not None and hasattr(get_ipython(), "kernel"):
        return True
    return sys.stderr is not None and sys.stderr.isatty()


class ProgressBar:
    """Shows members, or the steps of a single run, as they are done.

    Parameters
    ----------
    plan : RunPlan
    """

    def __init__(self, plan: RunPlan) -> None:
        from tqdm.auto import tqdm  # takes long to import, and only those who watch need it

        total, unit = (plan.batch.size, "member") if plan.is_batch else (plan.timeline.nsteps, "step")
        self._of_members = plan.is_batch
        self._bar: Any = tqdm(total=total, unit=unit, desc="xsim", leave=True)

    def step(self, done: int) -> None:
        """Show the steps of a single run."""
        if not self._of_members:
            self._bar.update(done - self._bar.n)

    def members(self, done: int, failed: int) -> None:
        """Show the members of a batch."""
        if failed:
            self._bar.set_postfix_str(f"{failed} failed", refresh=False)
        self._bar.update(done + failed - self._bar.n)

    def end(self, summary: str) -> None:
        """Print how the run ended."""
        self._bar.write(summary, file=sys.stderr)

    def close(self) -> None:
        """End the bar."""
        self._bar.close()
