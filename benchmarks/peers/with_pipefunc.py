"""pipefunc: functions linked by the names of their arguments and outputs."""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor

import common
import numpy as np
import pipefunc
from common import FACTOR, number, seconds
from pipefunc import PipeFunc, Pipeline

PROCESSES = 5


def grow(value):
    return value * FACTOR


def loop(m):
    links = [PipeFunc(grow, f"v{i + 1}", renames={"value": f"v{i}"}) for i in range(PROCESSES)]
    pipeline = Pipeline(links)

    def ready(steps):
        def work():
            value = 1.0
            for _ in range(steps):
                value = pipeline(f"v{PROCESSES}", v0=value)

        return work

    return {"one call of the pipeline a step": seconds(m.slope(ready, (500, 5_000)) / PROCESSES)}


TINY = Pipeline([PipeFunc(common.member, ("level", "profile"), mapspec="rate[i] -> level[i], profile[i]")])


def tiny(m, executor=None):
    options = {"parallel": False} if executor is None else {"executor": executor}

    def ready(members):
        inputs, folder = {"rate": common.rates(members)}, m.path("")
        return lambda: TINY.map(inputs, run_folder=folder, storage="file_array", show_progress=False, **options)

    return ready


def in_processes(m):
    with ProcessPoolExecutor(common.WORKERS) as executor:
        return {"": seconds(m.slope(tiny(m, executor), (100, 1_000)))}


BUSY = Pipeline([PipeFunc(common.burn, "total", mapspec="iterations[i] -> total[i]")])


def efficiency(m):
    with ProcessPoolExecutor(common.WORKERS) as executor:

        def sweep(members, iterations):
            inputs = {"iterations": np.full(members, iterations)}
            BUSY.map(inputs, run_folder=m.path(""), storage="file_array", executor=executor, show_progress=False)

        return {"": number(m.efficiency(sweep), "%")}


CASES = {
    "A1": loop,
    "E1": lambda m: {"": seconds(m.slope(tiny(m), (100, 1_000)))},
    "E2": in_processes,
    "F1": efficiency,
}

if __name__ == "__main__":
    common.main("pipefunc", pipefunc.__version__, CASES)
