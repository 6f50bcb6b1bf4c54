"""On what the numbers were measured: versions and cores, which say what they are worth, and no names."""

from __future__ import annotations

import platform
from importlib.metadata import version
from typing import Any

import xsim
from xsim._base.cpus import usable_cpus

PACKAGES = ("numpy", "xarray", "zarr", "dask", "attrs", "loky", "networkx")


def description() -> dict[str, Any]:
    """Give the interpreter, the versions of packages, and the number of cores."""
    return {
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "cores": usable_cpus(),
        "packages": {"xsim": xsim.__version__, **{name: version(name) for name in PACKAGES}},
    }
