"""Figures of what was measured."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.lines import Line2D
from matplotlib.ticker import NullFormatter

from benchmarks.record import Record
from benchmarks.registry import Row
from benchmarks.table import number

STYLE = Path(__file__).parents[1] / "doc" / "matplotlibrc"
MET, MISSED, PEER, MARK = "#21918c", "#d1495b", "#7a7a7a", "#222222"
PLURALS = {"process": "processes", "number": "numbers in an array"}
PEER_SHAPES = {"xarray-simlab": "s", "pipefunc": "^", "xyzpy": "v", "epyc": "D", "joblib": "P"}


def draw_ratios(record: Record, path: Path) -> None:
    """Draw how many times as much xsim, and peers, cost as the same work by hand, beside the targets."""
    rows = [row for row in record.rows if row.unit == "×" and not row.at_least and not math.isnan(row.value)]
    with plt.style.context(STYLE):
        figure, axes = plt.subplots(figsize=(8, 0.32 * len(rows) + 1.4))
        for y, row in enumerate(rows):
            axes.plot([1, row.value], [y, y], color="#d8d8d8", lw=2, zorder=1)
            if row.target is not None:
                axes.plot([row.target] * 2, [y - 0.36, y + 0.36], color=MARK, lw=2, zorder=2)
            color = MISSED if row.met is False else MET
            axes.plot(row.value, y, "o", color=color, ms=8, zorder=4)
            axes.annotate(
                number(row.value), (row.value, y), xytext=(0, 6), textcoords="offset points", ha="center", fontsize=7,
                bbox={"color": "white", "pad": 0.6}, zorder=5
            )  # fmt: skip
            for peer, ratio in _peer_ratios(record, row).items():
                axes.plot(ratio, y, PEER_SHAPES.get(peer, "x"), color=PEER, ms=6, mfc="none", zorder=3)
        axes.axvline(1, color="#bbbbbb", lw=1, zorder=0)
        axes.set_xscale("log")
        axes.set_yticks(range(len(rows)), [f"{row.title}  {row.case}" for row in rows], fontsize=8)
        axes.invert_yaxis()
        axes.set_ylim(len(rows) - 0.4, -0.8)
        axes.set_xlabel("times the cost of the same work by hand")
        axes.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
        axes.grid(axis="x", color="#eeeeee", zorder=0)
        axes.tick_params(axis="y", length=0)
        axes.spines["left"].set_visible(False)
        figure.legend(handles=_legend(record), loc="outside upper center", ncols=4, fontsize=8)
        figure.savefig(path)
        plt.close(figure)


def _peer_ratios(record: Record, row: Row) -> dict[str, float]:
    """Give what peers cost beside the work by hand; the least where one was measured in several ways."""
    found: dict[str, float] = {}
    hand = row.seconds.get("by hand")
    for each in record.peers:
        if hand and "seconds" in each and " its " not in each["what"] and record.row_of(each) is row:
            ratio = each["seconds"] / hand
            found[each["peer"]] = min(ratio, found.get(each["peer"], math.inf))
    return found


def _legend(record: Record) -> list[Any]:
    shown = [("xsim, target met", MET, "o"), ("xsim, target missed", MISSED, "o"), ("target", MARK, "|")]
    handles = [
        Line2D([], [], color=color, marker=shape, ls="", ms=8, mew=2, label=name) for name, color, shape in shown
    ]
    peers = sorted({each["peer"] for each in record.peers if "seconds" in each})
    shapes = [(peer, PEER_SHAPES.get(peer, "x")) for peer in peers]
    return handles + [Line2D([], [], color=PEER, marker=s, ls="", mfc="none", label=name) for name, s in shapes]


def draw_growth(record: Record, path: Path) -> None:
    """Draw what more of something costs, each with the exponent of the fit."""
    rows = [row for row in record.rows if row.phase == "growth"]
    with plt.style.context(STYLE):
        figure, grid = plt.subplots(2, 3, figsize=(8, 4.8))
        for axes, row in zip(grid.flat, rows, strict=False):
            sizes, seconds = (np.array(row.details[key]) for key in ("sizes", "seconds"))
            more = seconds - row.details["base"]
            axes.loglog(sizes, more, "o", color=MISSED if row.met is False else MET, ms=6)
            axes.loglog(sizes, more[-1] * sizes / sizes[-1], "--", color="#999999", lw=1, zorder=0)
            axes.set_title(f"{row.title}\nexponent {row.value:.2f}", fontsize=8)
            axes.set_xlabel(PLURALS.get(row.per, f"{row.per}s"), fontsize=8)
            axes.yaxis.set_minor_formatter(NullFormatter())
            axes.tick_params(labelsize=7)
            axes.grid(color="#eeeeee")
        for axes in grid.flat[len(rows) :]:
            axes.axis("off")
        handles = [
            Line2D([], [], color=MET, marker="o", ls="", label="measured, less a call of size one"),
            Line2D([], [], color="#999999", ls="--", lw=1, label="in proportion"),
        ]
        figure.legend(handles=handles, loc="outside lower center", ncols=2, fontsize=8)
        for axes in grid[:, 0]:
            axes.set_ylabel("seconds", fontsize=8)
        figure.savefig(path)
        plt.close(figure)
