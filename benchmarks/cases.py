"""The cases."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace

import networkx as nx
import numpy as np
import zarr
from zarr.codecs import BloscCodec

import xsim as xs
from benchmarks.measure import Case

PROCESSES = 5
SAVED = 1000


def _chain(length: int) -> dict[str, type]:
    """Make process classes of which each reads a number of the one before."""
    classes: dict[str, type] = {}
    before: type | None = None
    for i in range(length):
        namespace: dict[str, object] = {"value": xs.variable(intent="out", groups="all"), "initialize": _start}
        if before is not None:
            namespace["source"] = xs.foreign(before, "value")
        namespace["run_step"] = _first if before is None else _next
        before = classes[f"p{i}"] = xs.process(type(f"P{i}", (), namespace))
    return classes


def _start(self: SimpleNamespace) -> None:
    self.value = 1.0


def _first(self: SimpleNamespace) -> None:
    self.value = self.value * 1.0001


def _next(self: SimpleNamespace) -> None:
    self.value = self.source * 1.0001


CHAIN = xs.Model(_chain(PROCESSES))


def _run_chain(steps: int, outputs: int = 0) -> None:
    saved = {f"p{i}__value": "step" for i in range(outputs)}
    setup = xs.create_setup(CHAIN, {"step": np.arange(steps + 1)}, output_vars=saved)
    setup.xsim.run(CHAIN, progress=False)


def _chain_by_hand(steps: int, outputs: int = 0) -> None:
    objects = [SimpleNamespace(value=1.0) for _ in range(PROCESSES)]

    def first() -> None:
        objects[0].value = objects[0].value * 1.0001

    def following(source: SimpleNamespace, target: SimpleNamespace) -> Callable[[], None]:
        def call() -> None:
            target.value = source.value * 1.0001

        return call

    calls = [first, *(following(a, b) for a, b in pairwise(objects))]
    buffers = [np.empty(steps + 1) for _ in range(outputs)]
    for step in range(steps):
        for call in calls:
            call()
        for number, buffer in enumerate(buffers):
            buffer[step] = objects[number].value


@xs.process
class Field:
    """A thousand numbers that change a little each step."""

    values = xs.variable(dims="x", intent="out")

    def initialize(self) -> None:
        self.values = np.arange(float(SAVED))

    def run_step(self) -> None:
        self.values += 1.0


FIELD = xs.Model({"field": Field})


@contextmanager
def _folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder) / "out.zarr"


def _save_arrays(steps: int) -> None:
    setup = xs.create_setup(FIELD, {"step": np.arange(steps + 1)}, output_vars={"field__values": "step"})
    with _folder() as store:
        setup.xsim.run(FIELD, store=store, progress=False)


def _save_arrays_by_hand(steps: int) -> None:
    with _folder() as store:
        rows = 4 * 2**20 // (8 * SAVED)
        array = zarr.open_group(store, mode="w").create_array(
            "values",
            shape=(steps + 1, SAVED),
            chunks=(min(rows, steps + 1), SAVED),
            dtype="f8",
            fill_value=np.nan,
            compressors=BloscCodec(cname="lz4", clevel=5, shuffle="shuffle"),
        )
        buffer = np.empty(array.chunks)
        values = np.arange(float(SAVED))
        filled = start = 0
        for step in range(steps + 1):
            if step < steps:
                values += 1.0
            buffer[filled] = values
            filled += 1
            if filled == len(buffer) or step == steps:
                array[start : start + filled] = buffer[:filled]
                start, filled = start + filled, 0


def _sort(processes: int) -> None:
    graph = nx.DiGraph()
    graph.add_nodes_from(range(processes))
    graph.add_edges_from((i, i + 1) for i in range(processes - 1))
    list(nx.topological_sort(graph))


class _Models(dict[int, dict[str, type]]):
    """Classes of chains by their length, made once: declaring them is not what is measured."""

    def __missing__(self, length: int) -> dict[str, type]:
        self[length] = _chain(length)
        return self[length]


CHAINS = _Models()

CASES = [
    Case("loop, 5 cheap processes", "step", (2_000, 20_000), _run_chain, _chain_by_hand),
    Case(
        "save 3 numbers, memory",
        "step",
        (2_000, 20_000),
        lambda steps: _run_chain(steps, 3),
        lambda steps: _chain_by_hand(steps, 3),
    ),
    Case("save 1,000 numbers, disk", "step", (200, 2_000), _save_arrays, _save_arrays_by_hand),
    Case("build a chain", "process", (100, 1_000), lambda n: _discard(xs.Model(CHAINS[n])), _sort),
]


def _discard(thing: object) -> None:
    """Use a result, so that nothing is left out."""
    assert thing is not None
