"""D. One model in parallel, and one with thousands of agents."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import xarray as xr
from threadpoolctl import threadpool_limits

import xsim as xs
from benchmarks.measure import Measure, Work, ratio
from benchmarks.models import FACTOR, WORKS, agents, steps_setup, workers
from benchmarks.registry import Measured, case

PROCESSES = 8
THREADS = 2
SIZES = {"arctan2 in place": (10, 40), "matmul": (10, 60), "sine": (10, 50), "trivial": (1_000, 10_000)}
ROUNDS = {"arctan2 in place": 7, "matmul": 15, "sine": 11, "trivial": 15}  # those that take less are the least steady
ENOUGH_GAIN = 1.2  # where a pool made by hand gains less, there is nothing to gain
PROMPT = {"matmul": "D1", "arctan2 in place": "D2", "sine": "D3", "trivial": "D4"}


def _with_xsim(kind: str, **options: Any) -> Work:
    model = workers(kind, PROCESSES)

    def ready(steps: int) -> Callable[[], object]:
        setup = steps_setup(model, steps)
        return lambda: setup.xsim.run(model, progress=False, **options)

    return ready


def _one_by_one(kind: str) -> Work:
    def ready(steps: int) -> Callable[[], object]:
        works = [WORKS[kind]() for _ in range(PROCESSES)]
        values: list[Any] = [None] * PROCESSES

        def loop() -> None:
            for _ in range(steps):
                for i, work in enumerate(works):
                    values[i] = work()

        return loop

    return ready


def _in_a_pool(kind: str) -> Work:
    def ready(steps: int) -> Callable[[], object]:
        works = [WORKS[kind]() for _ in range(PROCESSES)]
        values: list[Any] = [None] * PROCESSES

        def loop() -> None:
            with ThreadPoolExecutor(THREADS) as pool:
                for _ in range(steps):
                    futures = [pool.submit(work) for work in works]
                    for i, future in enumerate(futures):
                        values[i] = future.result()

        return loop

    return ready


def _gain_case(key: str, kind: str) -> None:
    @case(key, "parallel", f"8 processes, 2 threads: {kind}")
    def gaining(m: Measure) -> Measured:
        """Speed-ups of a step, once it is known whether threads pay."""
        works = {
            "xsim": _with_xsim(kind),
            "xsim parallel": _with_xsim(kind, parallel=True, workers=THREADS),
            "by hand": _one_by_one(kind),
            "by hand parallel": _in_a_pool(kind),
        }
        with threadpool_limits(1):
            times = m.times(SIZES[kind], works, wall=True, look=True, rounds=ROUNDS[kind])
        # Both pools slow the machine down alike: beside each other they are seen best at its full speed.
        full = {who: times.slope(who) for who in works}
        beside = ratio(full["xsim"] * full["by hand parallel"], full["xsim parallel"] * full["by hand"])
        seconds = full if kind == "trivial" else {who: times.as_passed.slope(who) for who in works}
        own = ratio(seconds["xsim"], seconds["xsim parallel"])
        pool = ratio(seconds["by hand"], seconds["by hand parallel"])
        details = {"sizes": list(times.sizes), "rounds": times.rounds, "pool by hand": pool}
        common: dict[str, Any] = {"per": "step", "seconds": seconds, "details": details, "at_least": True}
        rows = [m.row(own, "× as fast", 0.9, title="own sequential run", **common)]
        worth = pool > ENOUGH_GAIN
        title = "gain over the gain of a pool by hand"
        return [*rows, m.row(beside, "×", 0.95 if worth else None, title=title, **common)]


for _kind, _key in PROMPT.items():
    _gain_case(_key, _kind)


class HandAgent:
    """An agent without a framework."""

    def __init__(self, market: HandMarket, need: float, ramp: float, mean: float) -> None:
        self.market, self.need, self.ramp, self.mean = market, need, ramp, mean
        self.bid = 0.0

    def run_step(self) -> None:
        self.bid = self.need - self.ramp * (self.market.price - self.mean)


class HandMarket:
    """The market and its auction."""

    def __init__(self, number: int) -> None:
        self.price = 0.1
        self.agents = [HandAgent(self, 3.0 + i % 7, 2.0, 0.1) for i in range(number)]
        self.demand = 0.0

    def run_step(self) -> None:
        self.price = self.price * FACTOR

    def clear(self) -> None:
        self.demand = sum([agent.bid for agent in self.agents])


@case("D5", "loop", "5,000 agents")
def many_agents(m: Measure) -> Measured:
    """A market of many cheap agents, each a process: one after the other, and with `parallel=True`."""
    number = m.size(5_000)
    model, inputs = agents(number)

    def with_xsim(**options: Any) -> Work:
        def ready(steps: int) -> Callable[[], object]:
            setup = steps_setup(model, steps, input_vars=inputs, output_vars={"auction__demand": "step"})
            return lambda: setup.xsim.run(model, progress=False, **options)

        return ready

    def by_hand(steps: int) -> Callable[[], object]:
        market = HandMarket(number)
        calls = [market.run_step, *(agent.run_step for agent in market.agents), market.clear]

        def loop() -> list[float]:
            saved = []
            for _ in range(steps):
                for call in calls:
                    call()
                saved.append(market.demand)
            return saved

        return loop

    works = {"xsim": with_xsim(), "by hand": by_hand, "xsim parallel": with_xsim(parallel=True, workers=THREADS)}
    row = m.slopes("process-stage", (50, 500), works, 4.0, parts=number)
    own = ratio(row.seconds["xsim"], row.seconds["xsim parallel"])
    title = "parallel beside own sequential run"
    return [row, m.row(own, "× as fast", 0.9, title=title, at_least=True, per=row.per, seconds=row.seconds)]


@case("D6", "plan", "setup, one step and result of 500 to 5,000 agents, three inputs each")
def many_inputs(m: Measure) -> Measured:
    """Everything but the model and the loop, beside a bare dataset of the same inputs."""
    made: dict[int, tuple[xs.Model, dict[str, float]]] = {}

    def with_xsim(number: int) -> Callable[[], object]:
        if number not in made:
            made[number] = agents(number)
        model, inputs = made[number]

        def work() -> object:
            setup = steps_setup(model, 1, input_vars=inputs, output_vars={"auction__demand": "step"})
            return setup.xsim.run(model, progress=False)

        return work

    def by_hand(number: int) -> Callable[[], object]:
        inputs = agents(number)[1] if number not in made else made[number][1]
        return lambda: xr.Dataset({name: xr.Variable((), value) for name, value in inputs.items()})

    works = {"xsim": with_xsim, "by hand": by_hand}
    return m.slopes("input", (500, 5_000), works, None, parts=3)
