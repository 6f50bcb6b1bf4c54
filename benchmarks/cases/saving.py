"""B. Saving at every step, and reading back."""

from __future__ import annotations

import shutil
import tempfile
import time
import warnings
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
import zarr

import xsim as xs
from benchmarks.cases.loop import First, objects
from benchmarks.fresh import has_memory_figures, memory, reset_peak, run_fresh
from benchmarks.layout import arrays_like, resized
from benchmarks.measure import Measure, Times, ratio
from benchmarks.models import FIELD, chain, field_setup, steps_setup
from benchmarks.registry import Measured, case

SIZES = (2_000, 20_000)
NUMBERS = 1_000
ENOUGH_STEPS = 2_000  # for chunks to have the size that they have in any longer run
BIG = 250_000  # numbers: 2 MB
BIG_STEPS = (100, 1_000)  # 0.2 and 2 GB
SAVED = 3


@case("B1", "write", "3 of 5 numbers at each step, in memory")
def scalars(m: Measure) -> Measured:
    """The chain of A1, three of its numbers saved."""
    model = xs.Model(chain(5))
    outputs = {f"p{i}__value": "step" for i in range(SAVED)}

    def with_xsim(steps: int) -> Callable[[], object]:
        setup = steps_setup(model, steps, output_vars=outputs)
        return lambda: setup.xsim.run(model, progress=False)

    def by_hand(steps: int) -> Callable[[], object]:
        chained = objects(First())
        calls = [each.run_step for each in chained]

        def loop() -> object:
            buffers = np.empty((SAVED, steps + 1))
            rows = [(memoryview(buffer), each) for buffer, each in zip(buffers, chained, strict=False)]
            for step in range(steps + 1):
                if step < steps:
                    for call in calls:
                        call()
                for buffer, each in rows:
                    buffer[step] = each.value
            return xr.Dataset({f"p{i}__value": ("step", buffer) for i, buffer in enumerate(buffers)})

        return loop

    return m.slopes("step", SIZES, {"xsim": with_xsim, "by hand": by_hand}, 3.0)


def save_with_xsim(size: int, steps: int, store: Path) -> Callable[[], object]:
    """Save a field at each step with xsim."""
    setup = field_setup(size, steps)
    return lambda: setup.xsim.run(FIELD, store=store, progress=False)


def save_by_hand(size: int, steps: int, store: Path) -> Callable[[], object]:
    """Save a field at each step by hand: a buffer of one chunk, which is written when it is full."""
    arguments = resized(field_layout(size), steps + 1)

    def loop() -> None:
        group = zarr.open_group(store, mode="w")
        array = group.create_array("field__values", **arguments)
        buffer = np.empty(array.chunks)
        values = np.arange(float(size))
        filled = start = 0
        for step in range(steps + 1):
            if step < steps:
                values += 1.0
            buffer[filled] = values
            filled += 1
            if filled == len(buffer) or step == steps:
                array[start : start + filled] = buffer[:filled]
                start, filled = start + filled, 0

    return loop


@cache
def field_layout(size: int) -> dict[str, Any]:
    """Give how xsim stores a field."""
    steps = max(10, ENOUGH_STEPS * NUMBERS // size)
    return arrays_like(field_setup(size, steps), FIELD)["field__values"]


@case("B2", "write", "1,000 numbers at each step, on disk")
def arrays(m: Measure) -> Measured:
    """A field that changes at each step."""
    works = {
        "xsim": lambda steps: save_with_xsim(NUMBERS, steps, m.path()),
        "by hand": lambda steps: save_by_hand(NUMBERS, steps, m.path()),
    }
    return m.slopes("step", SIZES, works, 3.0)


def stream(who: str, size: int, steps: int) -> dict[str, float]:
    """Save a field in this process, and give seconds, and the most memory over that after the imports."""
    folder = tempfile.mkdtemp(prefix="xsim-bench-")
    work = {"xsim": save_with_xsim, "by hand": save_by_hand}[who](size, steps, Path(folder) / "big.zarr")
    measured = has_memory_figures()
    before = memory(peak=False) if measured else 0
    if measured:
        reset_peak()
    try:
        started = time.perf_counter()
        work()
        return {
            "seconds": time.perf_counter() - started,
            "memory": float(memory(peak=True) - before) if measured else float("nan"),
        }
    finally:
        shutil.rmtree(folder)


def _run_here(function: Callable[..., Any], *arguments: Any) -> Any:
    return function(*arguments)


@case("B3", "write", "2 GB on disk, 2 MB at each step")
def big(m: Measure) -> Measured:
    """Much data, in processes of their own: time and memory."""
    low, high = (m.size(n) for n in BIG_STEPS)
    size = m.size(BIG)
    run = _run_here if m.small else run_fresh
    found: dict[tuple[int, str], list[dict[str, float]]] = {}
    for _ in range(1 if m.small else 5):
        for steps in (low, high):
            for who in ("xsim", "by hand"):
                found.setdefault((steps, who), []).append(run(stream, who, size, steps))
    times = Times((low, high), {key: [each["seconds"] for each in many] for key, many in found.items()})
    peaks = {who: max(each["memory"] for each in found[high, who]) for who in ("xsim", "by hand")}
    slopes = {who: times.slope(who) for who in peaks}
    by_the_least = ratio(times.least_slope("xsim"), times.least_slope("by hand"))
    details = {"sizes": [low, high], "rounds": times.rounds, "by the least": by_the_least}
    common: dict[str, Any] = {"per": "step", "seconds": slopes, "fixed": times.fixed("xsim")}
    mebibytes = {f"MiB {who}": peak / 2**20 for who, peak in peaks.items()}
    title = "most memory over the process after its imports"
    return [
        m.row(ratio(slopes["xsim"], slopes["by hand"]), "×", 1.2, details=details, **common),
        m.row(peaks["xsim"] / 2**20, "MiB", 100.0, title=title, details=mebibytes),
    ]


@case("B4", "open", "1,000 numbers at each step, read back from disk")
def reading(m: Measure) -> Measured:
    """What xsim has written, opened by plain xarray, beside a store made by hand."""

    def read(store: Path) -> Callable[[], object]:
        return lambda: xr.open_zarr(store, consolidated=None, chunks=None)["field__values"].load()

    def with_xsim(steps: int) -> Callable[[], object]:
        save_with_xsim(NUMBERS, steps, store := m.path())()
        return read(store)

    def by_hand(steps: int) -> Callable[[], object]:
        save_by_hand(NUMBERS, steps, store := m.path())()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # zarr says that format 3 does not know of it
            zarr.consolidate_metadata(store)
        return read(store)

    return m.slopes("step", SIZES, {"xsim": with_xsim, "by hand": by_hand}, 1.5)
