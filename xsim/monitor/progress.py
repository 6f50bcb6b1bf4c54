"""A progress bar in terminals and notebooks."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import TYPE_CHECKING, Any, TextIO

from xsim._base.suggest import did_you_mean
from xsim.declare.hook import RuntimeHook
from xsim.engine.events import Events, NoEvents
from xsim.errors import OptionError

if TYPE_CHECKING:
    from xsim.plan.run_plan import RunPlan

FRONTENDS = {"auto": "tqdm.auto", "console": "tqdm", "gui": "tqdm.gui", "notebook": "tqdm.notebook"}
"""Modules that have the bar of each frontend."""


class ProgressBar(RuntimeHook):
    """Chooses how the progress of runs looks: the steps of a single run, or the members of a batch.

    It is used like a runtime hook: ``with ProgressBar():``, ``register()`` and ``unregister()``, or
    ``hooks=[ProgressBar()]``. It takes the place of the bar that xsim shows by itself, and is shown everywhere, unless
    a run says ``progress=False``.

    Parameters
    ----------
    frontend : {"auto", "console", "gui", "notebook"}, default: "auto"
        Where the bar is shown: where the run is ("auto"), as text, in a window of matplotlib, or as a widget of a
        notebook (which needs ipywidgets).
    **tqdm_kwargs
        Arguments of `tqdm.tqdm`, such as ``desc``, ``ncols``, ``mininterval``, ``leave`` and ``file``.

    Raises
    ------
    OptionError
        If there is no such frontend.

    Notes
    -----
    It is told of progress by xsim itself and has no hook functions, so it costs nothing in the step loop but its own
    drawing, and shows the members of batches in worker processes too.

    Examples
    --------
    >>> from xsim.monitoring import ProgressBar
    >>> with ProgressBar(frontend="console", ncols=80):
    ...     pass  # setup.xsim.run(model)
    """

    def __init__(self, frontend: str = "auto", **tqdm_kwargs: Any) -> None:
        super().__init__()
        if frontend not in FRONTENDS:
            raise OptionError(
                f"Frontend argument {frontend!r} not supported",
                expected="one of " + ", ".join(map(repr, FRONTENDS)),
                suggestions=did_you_mean(frontend, FRONTENDS),
            )
        self.frontend = frontend
        self.tqdm_kwargs = tqdm_kwargs

    def show(self, plan: RunPlan) -> Bar:
        """Start the bar of a run."""
        return Bar(plan, self.frontend, self.tqdm_kwargs)

    def __repr__(self) -> str:
        arguments = "".join(f", {name}={value!r}" for name, value in self.tqdm_kwargs.items())
        return f"ProgressBar({self.frontend!r}{arguments})"


@contextmanager
def progress_for(plan: RunPlan, hooks: Iterable[Any] = (), live: RuntimeHook | None = None) -> Iterator[Events]:
    """Watch a run with a progress bar, where someone can see it, or as the user wants.

    Parameters
    ----------
    plan : RunPlan
    hooks : iterable
        Those given to the run; the last progress bar among them, or among the active ones, is shown.
    live : RuntimeHook, optional
        What shows the run in place of a bar.
    """
    chosen = [hook for hook in (*RuntimeHook.active, *hooks) if isinstance(hook, ProgressBar)]
    wanted = plan.options.progress
    if live is not None and not chosen:
        wanted = False
    if wanted is None:
        wanted = bool(chosen) or is_interactive()
    if not wanted:
        yield NoEvents()
        return
    bar = (chosen[-1] if chosen else ProgressBar()).show(plan)
    try:
        yield bar
    finally:
        bar.close()


def in_notebook() -> bool:
    """Whether output goes to a notebook."""
    # An imported ipykernel is none that runs.
    get_ipython = getattr(sys.modules.get("IPython"), "get_ipython", None)
    return get_ipython is not None and hasattr(get_ipython(), "kernel")


def is_interactive() -> bool:
    """Whether output goes to a terminal or a notebook."""
    if in_notebook():
        return True
    return is_terminal(sys.stderr)


def is_terminal(file: TextIO | None) -> bool:
    """Whether a file shows what is written to it; there may be none, or it may be closed."""
    try:
        return file is not None and file.isatty()
    except ValueError:
        return False


class Bar:
    """Shows members, or the steps of a single run, as they are done.

    Parameters
    ----------
    plan : RunPlan
    frontend : str
        One of `FRONTENDS`.
    tqdm_kwargs : mapping
        Arguments of `tqdm.tqdm`.
    """

    def __init__(self, plan: RunPlan, frontend: str, tqdm_kwargs: dict[str, Any]) -> None:
        with warnings.catch_warnings():
            # Notebooks without ipywidgets get a bar of text; there is nothing to warn of.
            warnings.filterwarnings("ignore", "IProgress not found")
            # Takes long to import, and only those who watch need it.
            tqdm = import_module(FRONTENDS[frontend]).tqdm
        total, unit = (plan.batch.size, "member") if plan.is_batch else (plan.timeline.nsteps, "step")
        self._of_members = plan.is_batch
        self._total = total
        # The stage of a single run is shown unless the user has another text.
        self._says_stage = not (plan.is_batch or "desc" in tqdm_kwargs)
        desc = "initialize" if self._says_stage else "xsim"
        self._bar: Any = tqdm(**{"total": total, "unit": unit, "desc": desc, "leave": True, **tqdm_kwargs})

    def step(self, done: int) -> None:
        """Show the steps of a single run."""
        if self._of_members:
            return
        if self._says_stage and done in (1, self._total):
            self._bar.set_description_str("finalize" if done == self._total else "run_step", refresh=False)
        self._bar.update(done - self._bar.n)

    def members(self, done: int, failed: int) -> None:
        """Show the members of a batch."""
        if failed:
            self._bar.set_postfix_str(f"{failed} failed", refresh=False)
        self._bar.update(done + failed - self._bar.n)

    def end(self, summary: str) -> None:
        """Print how the run ended."""
        if not self._bar.disable:
            self._bar.write(summary, file=sys.stderr)

    def close(self) -> None:
        """End the bar."""
        if self._says_stage and self._bar.n >= self._total:
            self._bar.set_description_str("done", refresh=False)
        self._bar.close()
