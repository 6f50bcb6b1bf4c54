"""xyzpy: a function over all combinations of its arguments, as a labelled dataset."""

from __future__ import annotations

from importlib.metadata import version

import common
import xyzpy
from common import number, seconds

OPTIONS = {"verbosity": 0}
PARALLEL = {**OPTIONS, "parallel": True, "num_workers": common.WORKERS}
TINY = xyzpy.Runner(common.member, ["level", "profile"], var_dims={"profile": ["x"]}, var_coords={"x": range(50)})


def burn(iterations, member):
    return common.burn(iterations)


def tiny(m, options):
    def ready(members):
        combos, store = {"rate": common.rates(members)}, m.path()
        return lambda: TINY.run_combos(combos, **options).to_zarr(store, consolidated=False)

    return ready


def efficiency(m):
    runner = xyzpy.Runner(burn, ["total"])

    def sweep(members, iterations):
        runner.run_combos({"member": range(members)}, constants={"iterations": iterations}, **PARALLEL)

    return {"": number(m.efficiency(sweep), "%")}


CASES = {
    "E1": lambda m: {"": seconds(m.slope(tiny(m, OPTIONS), (1_000, 10_000)))},
    "E2": lambda m: {"": seconds(m.slope(tiny(m, PARALLEL), (100, 1_000)))},
    "F1": efficiency,
}

if __name__ == "__main__":
    common.main("xyzpy", version("xyzpy"), CASES)
