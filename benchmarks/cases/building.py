"""C. Declaring process classes, linking them into a model, importing."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial
from statistics import median
from typing import Any

import attr
import networkx as nx

import xsim as xs
from benchmarks.fresh import import_seconds
from benchmarks.measure import Measure, Work, ratio
from benchmarks.models import Collector, chain
from benchmarks.registry import Measured, case

SIZES = (1_000, 10_000)
SMALLER = (100, 1_000)
TARGET = 10.0
MEMBERS = 10  # of each of many groups

Edges = list[tuple[int, int]]


def chained(length: int) -> tuple[dict[str, type], Edges]:
    """Each process reads the one before."""
    return chain(length), [(i, i + 1) for i in range(length - 1)]


def in_one_group(length: int) -> tuple[dict[str, type], Edges]:
    """The same, and one process reads all of them."""
    classes, edges = chained(length - 1)
    return {**classes, "collector": Collector}, [*edges, *((i, length - 1) for i in range(length - 1))]


def in_many_groups(length: int) -> tuple[dict[str, type], Edges]:
    """Groups of ten processes that only the last of them reads, which is a member of the next group."""
    classes, edges = {}, []
    for i in range(length):
        first = i - i % MEMBERS
        if i % MEMBERS == MEMBERS - 1:
            edges += [(j, i) for j in range(first, i)]
            if i >= MEMBERS:
                edges.append((i - MEMBERS, i))
        classes[f"p{i}"] = _grouped(i)
    return classes, edges


@cache
def _grouped(i: int) -> type:
    number = i // MEMBERS
    if i % MEMBERS < MEMBERS - 1:
        namespace: dict[str, Any] = {"value": xs.variable(intent="out", groups=f"g{number}"), "run_step": _nothing}
    else:
        groups = f"g{number + 1}"
        namespace = {
            "values": xs.group(f"g{number}"),
            "value": xs.variable(intent="out", groups=groups),
            "run_step": _nothing,
        }
    return xs.process(type(f"G{i}", (), namespace))


def _nothing(self: Any) -> None:
    """Declared, not run."""


Shape = Callable[[int], tuple[dict[str, type], Edges]]
SHAPES: dict[str, Shape] = {
    "a chain": chained,
    "one group over all": in_one_group,
    "many groups": in_many_groups,
}


def build(shape: Shape) -> Work:
    """Build a model."""

    def ready(processes: int) -> Callable[[], object]:
        classes, _ = shape(processes)
        return lambda: xs.Model(classes)

    return ready


def sort(shape: Shape) -> Work:
    """Sort the same graph with networkx."""

    def ready(processes: int) -> Callable[[], object]:
        _, edges = shape(processes)

        def work() -> object:
            graph = nx.DiGraph()
            graph.add_nodes_from(range(processes))
            graph.add_edges_from(edges)
            return list(nx.topological_sort(graph))

        return work

    return ready


def _build_case(key: str, name: str, shape: Shape) -> None:
    @case(key, "build", f"a model of {name}")
    def building(m: Measure) -> Measured:
        """Processes by the thousand, beside a sort of their graph."""
        works = {"xsim": build(shape), "by hand": sort(shape)}
        few = m.slopes("process", SMALLER, works, TARGET, title="100 to 1,000 processes")
        many = m.slopes("process", SIZES, works, TARGET, title="1,000 to 10,000 processes")
        seconds = (many.fixed or 0.0) + many.seconds["xsim"] * m.size(SIZES[1])
        return [few, many, m.row(seconds, "s", 1.0, title="10,000 processes")]


for _number, (_name, _shape) in enumerate(SHAPES.items(), 1):
    _build_case(f"C{_number}", _name, _shape)


def _declare(number: int, field: Callable[[], Any], decorate: Callable[[type], type]) -> Work:
    def ready(classes: int) -> Callable[[], object]:
        def work() -> None:
            for _ in range(classes):
                decorate(type("Declared", (), {f"v{i}": field() for i in range(number)}))

        return work

    return ready


@case("C4", "decorate", "a process class")
def decorating(m: Measure) -> Measured:
    """Declare variables beside attributes of attrs with the same defaults."""
    decorate = partial(attr.s, kw_only=True, eq=False, slots=False)
    rows = []
    for number in (3, 10):
        works = {
            "xsim": _declare(number, lambda: xs.variable(default=1.0, description="A number."), xs.process),
            "by hand": _declare(number, lambda: attr.ib(default=1.0, metadata={"doc": "A number."}), decorate),
        }
        rows.append(m.slopes("class", (10, 100), works, 1.5, title=f"{number} variables"))
    return rows


@case("C5", "import", "import xsim beside import xarray, zarr, dask")
def importing(m: Measure) -> Measured:
    """New interpreters, in turns."""
    modules = {"xsim": ("xsim",), "by hand": ("xarray", "zarr", "dask")}
    found: dict[str, list[float]] = {who: [] for who in modules}
    for _ in range(1 if m.small else 7):
        for who, names in modules.items():
            found[who].append(import_seconds(*names))
    best = {who: min(seconds) for who, seconds in found.items()}
    by_medians = ratio(median(found["xsim"]), median(found["by hand"]))
    details = {"rounds": len(found["xsim"]), "by medians": by_medians}
    return m.row(ratio(best["xsim"], best["by hand"]), "×", 1.15, per="import", seconds=best, details=details)
