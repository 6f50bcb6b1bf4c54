"""Where the time of a run went, as text, table and picture."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import pandas as pd
import xarray as xr

from xsim._base.keys import split_name
from xsim._base.render import Page, Row, Section, duration, quantity
from xsim._base.stages import Stage
from xsim.engine.profile import Part, Timing
from xsim.engine.profile import Row as Work
from xsim.errors import DrawingError
from xsim.setup.attributes import SUMMARY
from xsim.setup.clocks import read_clocks

GROUPS: dict[str, tuple[Part, ...]] = {
    "the model's own code": (Part.PROCESS, Part.ON_DEMAND, Part.HOOK),
    "outputs: saving, writing": (Part.SAVING, Part.WRITING),
    "xsim, each step": (Part.LOOP, Part.INPUTS, Part.SCHEDULING),
    "xsim, once a run": (Part.PLANNING, Part.OPENING, Part.MEMBERS, Part.CLOSING, Part.RESULT, Part.REST),
}
"""What kinds of work belong together."""

WORDS = {
    Part.LOOP: "loop and bookkeeping",
    Part.INPUTS: "reading of inputs",
    Part.SCHEDULING: "scheduling",
    Part.PLANNING: "planning",
    Part.OPENING: "opening store or memory",
    Part.MEMBERS: "preparing members",
    Part.CLOSING: "closing store or memory",
    Part.RESULT: "building the result",
    Part.REST: "all the rest",
}
"""What xsim does, in the order of a run's groups."""

BAR = 24
"""Characters of a bar that stands for the whole time."""

MOST = 20
"""How many rows of a kind, or bars, are shown."""

COLOURS = {
    **dict(zip([stage.value for stage in Stage], ("#5ec962", "#3b528b", "#21918c", "#a0da39"), strict=True)),
    "on demand": "#d08a1e",
    "saving": "#9b2f7f",
    "writing": "#d9a3c9",
    "each step": "#555555",
    "once a run": "#b5b5b5",
}
"""Colours of the pieces of a bar, in their order."""


class Explanation:
    """Where the time of a run went; what `Dataset.xsim.explain` gives.

    It prints itself as text, and in notebooks as tables.

    Attributes
    ----------
    result : xarray.Dataset
        What `Dataset.xsim.run` would have given, bit for bit.
    table : pandas.DataFrame
        One row for each piece of work, the longest first, with the columns ``part`` (its kind), ``name`` (of the
        process, output, on-demand variable, input or hook), ``stage``, ``calls``, ``seconds`` (without those of the
        pieces within it) and ``share`` of the total. Where several workers work at a time, seconds are those of a CPU,
        and ``waited`` are those in which none was at work for it.
    total : float
        Seconds of all rows.
    wall : float
        Seconds from beginning to end, measuring included.
    measuring : float
        Seconds that measuring added, in none of the rows: the clock is calibrated before each run.
    """

    def __init__(self, timing: Timing, result: xr.Dataset) -> None:
        self.result = result
        self.wall = timing.wall
        self.total = timing.total
        self.measuring = timing.measuring
        self._concurrent = timing.concurrent
        self._rows = sorted(timing.rows, key=lambda row: -row.seconds)
        self.table = self._make_table()

    def _make_table(self) -> pd.DataFrame:
        table = pd.DataFrame(
            {
                "part": [row.place.part.value for row in self._rows],
                "name": [row.place.name for row in self._rows],
                "stage": [row.place.stage for row in self._rows],
                "calls": [row.calls for row in self._rows],
                "seconds": [row.seconds for row in self._rows],
                "share": [self._share(row.seconds) for row in self._rows],
            }
        )
        return table.assign(waited=[row.waited for row in self._rows]) if self._concurrent else table

    @property
    def _of_cpu(self) -> str:
        return " of CPU" if self._concurrent else ""

    def _share(self, seconds: float) -> float:
        return seconds / self.total if self.total else 0.0

    def _of(self, *parts: Part) -> list[Work]:
        return [row for row in self._rows if row.place.part in parts]

    def __repr__(self) -> str:
        return self._page().text()

    def _repr_html_(self) -> str:
        return self._page().html()

    # -- text -------------------------------------------------------------------------------------------------------

    def _page(self) -> Page:
        own = sum(row.seconds for row in self._of(Part.PROCESS, Part.ON_DEMAND, Part.HOOK))
        took = duration(self.total) + self._of_cpu
        head = f"<xsim Explanation: {took}, {self._share(own):.1%} of it in the model's own code>"
        groups = [self._cells(name, self._of(*parts)) for name, parts in GROUPS.items()]
        return Page(
            head,
            [
                Section("Where time went:", groups),
                *self._section("Processes:", [Part.PROCESS], lambda row: (row.place.name, row.place.stage)),
                *self._section("On demand:", [Part.ON_DEMAND], lambda row: (row.place.name,), "read"),
                *self._section("Hooks:", [Part.HOOK], lambda row: (row.place.name, row.place.stage)),
                *self._section("Outputs:", [Part.SAVING, Part.WRITING], _output),
                *self._section("Inputs:", [Part.INPUTS], lambda row: (row.place.name,), "value"),
                Section("xsim:", list(self._xsim_rows())),
                *[Section(line) for line in self._remarks()],
            ],
        )

    def _section(
        self, title: str, parts: Sequence[Part], names: Callable[[Work], Row], unit: str = "call"
    ) -> list[Section]:
        rows = self._of(*parts)
        shown = [(*names(row), *self._cells("", [row])[1:], _each(row.seconds, row.calls, unit)) for row in rows[:MOST]]
        if len(rows) > MOST:
            rest = sum(row.seconds for row in rows[MOST:])
            shown.append((f"... and {len(rows) - MOST} more: {duration(rest)}, {self._share(rest):.1%}",))
        return [Section(title, shown)] if shown else []

    def _cells(self, name: str, rows: Iterable[Work]) -> Row:
        rows = list(rows)
        seconds = sum(row.seconds for row in rows)
        share = self._share(seconds)
        waited = sum(row.waited for row in rows)
        waiting = [f"waited {duration(waited)}" if waited else ""] if self._concurrent else []
        return name, duration(seconds), f"{share:.1%}", "█" * round(BAR * share), *waiting

    def _xsim_rows(self) -> Iterable[Row]:
        steps = read_clocks(self.result).nsteps
        for part, words in WORDS.items():
            rows = self._of(part)
            if rows:
                # The loop runs once a member.
                each = steps * sum(row.calls for row in rows) if part is Part.LOOP else 0
                seconds = sum(row.seconds for row in rows)
                yield *self._cells(words, rows), _each(seconds, each, "step") if each else ""

    def _remarks(self) -> Iterable[str]:
        yield f"It took {duration(self.wall)}; measuring added {duration(self.measuring)}, which the tables leave out."
        if self._concurrent and self.wall:
            busy = (self.total + self.measuring) / self.wall
            yield (
                f"Seconds are those of CPUs, of which {busy:.1f} were at work at a time. "
                "Who waited did so for Python's interpreter, a free CPU, files or programs."
            )
        yield from str(self.result.attrs.get(SUMMARY, "")).splitlines()

    # -- picture ----------------------------------------------------------------------------------------------------

    def plot(self, ax: Any = None) -> Any:
        """Draw a bar for each process, and for what xsim does; their pieces are the stages.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, optional
            Where to draw; by default in a new figure.

        Returns
        -------
        matplotlib.axes.Axes

        Raises
        ------
        DrawingError
            If matplotlib is not installed, or `ax` is none of its axes.
        """
        bars = self._bars()
        if ax is None:
            pyplot = _pyplot()
            _, ax = pyplot.subplots(figsize=(8, 1.2 + 0.3 * len(bars)), layout="constrained")
        elif not hasattr(ax, "barh"):
            raise DrawingError(
                "ax= is where the bars are drawn",
                got=f"{type(ax).__name__}: {ax!r}"[:80],
                expected="an Axes of matplotlib, or None for a new figure",
            )
        names = list(bars)
        left = dict.fromkeys(names, 0.0)
        for piece, colour in COLOURS.items():
            widths = [bars[name].get(piece, 0.0) for name in names]
            if any(widths):
                ax.barh(names, widths, left=list(left.values()), color=colour, label=piece)
                left = {name: left[name] + width for name, width in zip(names, widths, strict=True)}
        for name, end in left.items():
            ax.annotate(f"{self._share(end):.1%}", (end, name), (4, 0), textcoords="offset points", va="center")
        ax.invert_yaxis()
        ax.set_xlim(0, 1.15 * max(left.values(), default=0.0) or 1.0)  # room for the figures
        ax.set_xlabel("seconds" + self._of_cpu)
        ax.set_title(f"{duration(self.total)}{self._of_cpu} in all", loc="left")
        if ax.containers:
            ax.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0), frameon=False)
        return ax

    def _bars(self) -> dict[str, dict[str, float]]:
        """Give seconds by bar and piece: processes, the longest first, then what is not theirs."""
        own: dict[str, dict[str, float]] = {}
        other: dict[str, dict[str, float]] = {}
        once = GROUPS["xsim, once a run"]
        for row in self._rows:
            part, name, stage = row.place
            if part is Part.PROCESS:
                bar, piece = own.setdefault(name, {}), stage
            elif part is Part.ON_DEMAND:
                key = split_name(name)
                bar, piece = own.setdefault(key[0] if key else name, {}), part.value
            elif part is Part.HOOK:
                bar, piece = other.setdefault("(hooks)", {}), stage
            elif part in (Part.SAVING, Part.WRITING):
                bar, piece = other.setdefault("(outputs)", {}), part.value
            else:
                bar, piece = other.setdefault("(xsim)", {}), "once a run" if part in once else "each step"
            bar[piece] = bar.get(piece, 0.0) + row.seconds
        ranked = sorted(own, key=lambda name: -sum(own[name].values()))
        bars = {name: own[name] for name in ranked[:MOST]}
        if len(ranked) > MOST:
            rest = bars[f"({len(ranked) - MOST} other processes)"] = {}
            for name in ranked[MOST:]:
                for piece, seconds in own[name].items():
                    rest[piece] = rest.get(piece, 0.0) + seconds
        return {**bars, **{name: other[name] for name in sorted(other)}}


def _output(row: Work) -> Row:
    return row.place.name or "blocks of members", row.place.part.value


def _each(seconds: float, calls: int, unit: str) -> str:
    return f"{quantity(calls, unit)} of {duration(seconds / calls)}" if calls else ""


def _pyplot() -> Any:
    try:
        from matplotlib import pyplot  # an optional package
    except ImportError as error:
        raise DrawingError(
            "plotting needs the Python package 'matplotlib', which is not installed",
            remedy="pip install 'xarray-xsim[plot]'; without it, `print` and `table` tell the same",
        ) from error
    return pyplot
