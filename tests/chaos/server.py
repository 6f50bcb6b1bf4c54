"""Runs sweeps in forked children that are killed at a chosen instant; asked through stdin, one JSON object a line.

Importing xsim takes a second, and there are hundreds of kills: this process imports it once and forks. It never runs a
sweep itself, so it has no threads that a fork would lose.
"""

import asyncio
import json
import os
import signal
import sys
import threading
import traceback
import warnings
from pathlib import Path

import numpy as np
import xarray as xr
from zarr.storage import LocalStore

import xsim as xs

STEPS = 4
warnings.simplefilter("ignore", xs.PlanWarning)


def arm(kill):
    """Kill this process at its n-th write: before it, after it, or with half of it in the temporary file."""
    count = 0
    lock = threading.Lock()

    def wrapped(method, is_write):
        async def call(self, *args, **kwargs):
            nonlocal count
            with lock:
                count += 1
                now = count == kill["write"]
            if not now:
                return await method(self, *args, **kwargs)
            if kill["when"] == "half" and is_write:
                path = self.root / args[0]
                path.parent.mkdir(parents=True, exist_ok=True)
                data = args[1].to_bytes()
                path.with_suffix(".0123456789abcdef0123456789abcdef.partial").write_bytes(data[: len(data) // 2])
            elif kill["when"] == "after":
                await method(self, *args, **kwargs)
            if "once" in kill:
                try:
                    os.close(os.open(kill["once"], os.O_CREAT | os.O_EXCL))
                except FileExistsError:
                    return await method(self, *args, **kwargs)
            os.kill(os.getpid(), signal.SIGKILL)
            await asyncio.sleep(60)

        return call

    LocalStore.set = wrapped(LocalStore.set, True)
    LocalStore.set_if_not_exists = wrapped(LocalStore.set_if_not_exists, True)
    LocalStore.delete = wrapped(LocalStore.delete, False)
    LocalStore.delete_dir = wrapped(LocalStore.delete_dir, False)


def arm_worker():
    """Arm a worker process, if it is to be killed."""
    kill = json.loads(os.environ.get("XSIM_CHAOS", "{}"))
    if kill and os.getpid() != kill["coordinator"] and not getattr(LocalStore, "armed", False):
        LocalStore.armed = True
        arm(kill)


@xs.process
class Herd:
    k = xs.variable()
    fails = xs.variable(default=False)
    x = xs.index(dims="x", description="equal in all members")
    z = xs.index(dims="z", description="differs between members")
    level = xs.variable(dims="x", intent="out")
    herd = xs.variable(dims="y", intent="out", description="grows")
    count = xs.variable(intent="out")
    even = xs.variable(intent="out")
    word = xs.variable(intent="out")
    day = xs.variable(intent="out")

    @xs.runtime(args="rng")
    def initialize(self, rng):
        arm_worker()
        self.x = np.arange(3) * 10
        self.z = np.arange(int(self.k) % 3 + 1) * 1.5
        self.level = rng.random(3)
        self._set(0)

    def _set(self, n):
        self.count, self.even, self.word = n + int(self.k), (n + int(self.k)) % 2 == 0, f"w{n}:{self.k}"
        self.day = np.datetime64("2001-01-01", "s") + np.timedelta64(n, "D")
        self.herd = np.full(n + int(self.k) % 4, self.k)

    @xs.runtime(args=["step", "rng"])
    def run_step(self, step, rng):
        self.level = self.level * 0.5 + rng.random(3)
        self._set(step + 1)
        if self.fails and step == 2:
            raise ValueError("as told")


MODEL = xs.Model({"herd": Herd})


def setup_of(members):
    k = np.random.default_rng(1).permutation(1000)[:members]
    return xs.create_setup(
        model=MODEL,
        clocks={"time": np.arange(STEPS + 1), "some": [1, 4]},
        main_clock="time",
        input_vars={"herd__k": ("m", k), "herd__fails": ("m", k % 7 == 3)},
        output_vars={
            "herd": {"level": "time", "herd": "some", "count": "time", "even": None, "word": "some", "day": None}
        },
    ).assign_coords(m=[f"label {i}" for i in k])


def sweep(ask):
    """Run a sweep."""
    if ask.get("kill"):
        kill = {**ask["kill"], "coordinator": os.getpid()}
        if kill["where"] == "coordinator":
            arm(kill)
        else:
            os.environ["XSIM_CHAOS"] = json.dumps(kill)
    warnings.simplefilter("ignore", xs.BatchWarning)
    return setup_of(ask["members"]).xsim.run(
        MODEL, batch_dim="m", store=ask.get("store"), seed=7, on_error="continue", progress=False, **ask["options"]
    )


def check(ask):
    """Check that the store of a sweep holds what a run without any interruption gives, bit for bit."""
    store = Path(ask["store"])
    expected = sweep({"members": ask["members"], "options": {}})
    expected.attrs.pop("xsim_summary")
    expected.attrs.pop("xsim_provenance")
    found = xr.open_zarr(store, decode_timedelta=False, consolidated=True).load()
    times = [n for n in found.variables if n in ("xsim_start", "xsim_end", "xsim_seconds", "xsim_worker")]
    hidden = [*times, "xsim_retries", "xsim_traceback", "xsim_journal"]
    expected = expected.drop_vars([name for name in hidden if name in expected.variables])
    found = found.drop_vars(hidden)
    found.attrs.pop("xsim_workers", None)
    found.attrs.pop("xsim_provenance")
    assert sorted(found.variables) == sorted(expected.variables)
    assert found.attrs == expected.attrs
    for name, variable in expected.variables.items():
        other = found.variables[name]
        if other.dtype.kind == "T":
            other = other.astype(object)
        assert other.dtype == variable.dtype, (name, other.dtype, variable.dtype)
        xr.testing.assert_identical(xr.Variable(other.dims, other.values, other.attrs), variable.to_base_variable())
    left = [path.name for path in store.rglob("*") if ".partial" in path.name or "aside" in path.name]
    assert not left, left
    assert not list(store.parent.glob(".*xsim-lock"))


def look(ask):
    """Check that members that a store held before others were appended can be read there, with their inputs."""
    members = ask["members"]
    expected = sweep({"members": members, "options": {}})
    found = xs.open_run(ask["store"]).load()
    assert found.sizes["m"] >= members
    found = found.isel(m=slice(members))
    for name in ("herd__k", "herd__fails", "m", "time", "some", "x", "z", "xsim_outcome", "herd__level", "herd__herd"):
        other, variable = found[name], expected[name]
        assert other.dims == variable.dims or (name == "x" and other.dims == ("m", "x")), (name, other.dims)
        values = other.values if other.dims == variable.dims else other.values[0]
        values, wanted = values[tuple(map(slice, variable.shape))], variable.values
        there = variable.notnull().values
        np.testing.assert_array_equal(values[there], wanted[there], err_msg=name)


def main():
    for line in sys.stdin:
        ask = json.loads(line)
        child = os.fork()
        if child == 0:
            code = 1
            try:
                {"sweep": sweep, "check": check, "look": look}[ask["do"]](ask)
                code = 0
            except BaseException:
                Path(ask["log"]).write_text(traceback.format_exc())
            finally:
                os._exit(code)
        status = os.waitpid(child, 0)[1]
        print(os.waitstatus_to_exitcode(status), flush=True)


if __name__ == "__main__":
    main()
