"""epyc: experiments over a parameter space, whose results go into a notebook."""

from __future__ import annotations

from importlib.metadata import version

import common
import epyc
from common import number, seconds


class Tiny(epyc.Experiment):
    def do(self, params):
        level, profile = common.member(params["rate"])
        return {"level": level, "profile": profile.tolist()}


class Busy(epyc.Experiment):
    def do(self, params):
        return {"total": common.burn(params["iterations"])}


def run(lab, experiment, **parameters):
    for name, values in parameters.items():
        lab[name] = values
    lab.runExperiment(experiment)


def tiny(m, make):
    def ready(members):
        rates, file = common.rates(members).tolist(), m.path(".json")
        return lambda: run(make(epyc.JSONLabNotebook(file, create=True)), Tiny(), rate=rates)

    return ready


def in_processes(notebook=None):
    return epyc.ParallelLab(notebook, cores=common.WORKERS)


def efficiency(m):
    def sweep(members, iterations):
        run(in_processes(), Busy(), member=range(members), iterations=[iterations])

    return {"": number(m.efficiency(sweep), "%")}


CASES = {
    "E1": lambda m: {"": seconds(m.slope(tiny(m, epyc.Lab), (50, 500)))},
    "E2": lambda m: {"": seconds(m.slope(tiny(m, in_processes), (50, 500)))},
    "F1": efficiency,
}

if __name__ == "__main__":
    common.main("epyc", version("epyc"), CASES)
