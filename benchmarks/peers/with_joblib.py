"""joblib: a pool of processes for a list of calls; results are written by hand."""

from __future__ import annotations

import common
import joblib
import numpy as np
import zarr
from common import number, seconds
from joblib import Parallel, delayed


def write(results, store):
    levels, profiles = zip(*results, strict=True)
    group = zarr.open_group(store, mode="w")
    group.create_array("level", data=np.array(levels))
    group.create_array("profile", data=np.array(profiles))


def tiny(m):
    def ready(members):
        rates, store = common.rates(members).tolist(), m.path()
        return lambda: write(Parallel(n_jobs=common.WORKERS)(map(delayed(common.member), rates)), store)

    return ready


def efficiency(m):
    def sweep(members, iterations):
        Parallel(n_jobs=common.WORKERS)(delayed(common.burn)(iterations) for _ in range(members))

    return {"": number(m.efficiency(sweep), "%")}


CASES = {"E2": lambda m: {"": seconds(m.slope(tiny(m), (1_000, 10_000)))}, "F1": efficiency}

if __name__ == "__main__":
    common.main("joblib", joblib.__version__, CASES)
