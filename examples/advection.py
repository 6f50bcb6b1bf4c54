"""A pulse travels: advection in one dimension by the Lax scheme.

The profile u obeys du/dt + v du/dx = 0 on a periodic line. The Lax scheme [1]_ replaces u by the mean of its
neighbours before it moves on,

    u_i(t + dt) = (u_(i+1) + u_(i-1)) / 2 - C / 2 (u_(i+1) - u_(i-1)),    C = v dt / dx,

which is stable for abs(C) <= 1, keeps mass, and flattens the pulse except at C = 1, where it is exact. A Fourier
mode with angle theta per cell is multiplied by cos(theta) - i C sin(theta) in each step: all of the result is
known beforehand. Run the file for three velocities, a table and a figure::

    python examples/advection.py --out build/advection

References
----------
.. [1] Lax (1954), Weak solutions of nonlinear hyperbolic equations and their numerical computation, Commun. Pure
   Appl. Math. 7(1), doi:10.1002/cpa.3160070112.
"""

from __future__ import annotations

import argparse
import importlib.util
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import xarray as xr
from numpy.typing import NDArray

import xsim as xs

Floats = NDArray[np.float64]

VELOCITIES = {"c": 1.0, "a": 0.5, "b": 0.2}  # by label, which is not in alphabetic order on purpose
ANSWERS = {"c": (1.30, 1.0000), "a": (0.80, 0.6319), "b": (0.50, 0.5846)}  # position, height of the peak at t = 1


@xs.process
class UniformGrid1D:
    """A line of equally spaced points; the last one is next to the first one."""

    spacing = xs.variable(static=True, description="distance between points", attrs={"units": "m"})
    length = xs.variable(static=True, description="length of the line", attrs={"units": "m"})
    x = xs.index(dims="x", description="distance from the first point", attrs={"units": "m"})

    def initialize(self) -> None:
        self.x = np.arange(round(float(self.length / self.spacing))) * float(self.spacing)


@xs.process
class ProfileU:
    """The profile u, changed by whatever takes part in the group ``u_change``."""

    changes = xs.group("u_change")
    u = xs.variable(dims="x", intent="inout", description="transported quantity", attrs={"units": "1"})
    mass = xs.on_demand(description="sum of u over the points", attrs={"units": "1"})

    def finalize_step(self) -> None:
        self.u = self.u + sum(self.changes)

    @mass.compute
    def _mass(self) -> float:
        return float(np.sum(self.u))


@xs.process
class AdvectionLax:
    """Advection by the Lax scheme with periodic ends."""

    velocity = xs.variable(dims=[(), "x"], description="velocity v", attrs={"units": "m/s"})
    spacing = xs.foreign(UniformGrid1D, "spacing")
    u = xs.foreign(ProfileU, "u")
    u_advected = xs.variable(
        dims="x",
        intent="out",
        groups="u_change",
        description="change of u by advection in a step",
        attrs={"units": "1"},
    )

    @xs.runtime(args="step_delta")
    def run_step(self, dt: float) -> None:
        courant = self.velocity * dt / self.spacing
        left, right = np.roll(self.u, 1), np.roll(self.u, -1)
        self.u_advected = (left + right) / 2 - courant / 2 * (right - left) - self.u


@xs.process
class InitUGauss:
    """Starts u with a Gaussian pulse, exp(-((x - position) / scale)^2)."""

    position = xs.variable(static=True, default=0.3, description="centre of the pulse", attrs={"units": "m"})
    scale = xs.variable(static=True, default=0.1, description="half-width of the pulse", attrs={"units": "m"})
    x = xs.foreign(UniformGrid1D, "x")
    u = xs.foreign(ProfileU, "u", intent="out")

    def initialize(self) -> None:
        self.u = np.exp(-(((self.x - self.position) / self.scale) ** 2))


def build_model() -> xs.Model:
    """Return the advection model."""
    return xs.Model({"grid": UniformGrid1D, "init": InitUGauss, "advect": AdvectionLax, "profile": ProfileU})


def advection_setup(velocity: float, steps: int = 100) -> xr.Dataset:
    """Set up a run from t = 0 to t = 1 s on 150 points; `velocity` in m/s."""
    time = np.linspace(0, 1, steps + 1)
    return xs.create_setup(
        model=build_model(),
        clocks={"time": time, "snapshot": time[:: steps // 4]},
        main_clock="time",
        input_vars={"grid": {"spacing": 0.01, "length": 1.5}, "advect__velocity": velocity},
        output_vars={"profile__u": "snapshot", "profile__mass": "time"},
    )


def predict(start: Floats, courant: float, steps: int) -> Floats:
    """Return what the scheme must give, mode by mode.

    Parameters
    ----------
    start : (x,) the profile at the start, on a periodic line
    courant : Courant number v dt / dx, 1
    steps : number of steps
    """
    theta = 2 * np.pi * np.fft.fftfreq(start.size)
    return np.fft.ifft(np.fft.fft(start) * (np.cos(theta) - 1j * courant * np.sin(theta)) ** steps).real


def run_all() -> xr.Dataset:
    """Run all velocities and join the results along a dimension of labels, ``case``."""
    runs = [advection_setup(velocity).xsim.run(model=build_model()) for velocity in VELOCITIES.values()]
    cases = xr.DataArray(list(VELOCITIES), dims="case", name="case")
    wanted = ["profile__u", "profile__mass", "advect__velocity"]
    return xr.concat([run[wanted] for run in runs], dim=cases, join="exact")


def measure(result: xr.Dataset, case: str) -> dict[str, float]:
    """Return where the peak is (m), how high, and the largest relative errors of mass and of the end profile."""
    run = result.sel(case=case)
    u = run["profile__u"].values
    mass = run["profile__mass"].values
    courant, steps = VELOCITIES[case] * 0.01 / 0.01, run.sizes["time"] - 1
    return {
        "position": float(run["x"][u[-1].argmax()]),
        "height": float(u[-1].max()),
        "mass error": float(abs(mass / mass[0] - 1).max()),
        "mode error": float(abs(u[-1] - predict(u[0], courant, steps)).max()),
    }


def check(result: xr.Dataset) -> None:
    """Compare with the known answers; each label must have its own row."""
    for case, (position, height) in ANSWERS.items():
        found = measure(result, case)
        velocity = float(result["advect__velocity"].sel(case=case))
        assert velocity == VELOCITIES[case], f"case {case}: ran with velocity {velocity}"
        assert abs(found["position"] - position) < 1e-9, f"case {case}: peak at {found['position']}, not {position}"
        assert abs(found["height"] - height) < 5e-5, f"case {case}: height {found['height']}, not {height}"
        assert found["mass error"] < 1e-14, f"case {case}: mass is off by {found['mass error']:.1e}"
        assert found["mode error"] < 1e-14, f"case {case}: Fourier modes are off by {found['mode error']:.1e}"


def draw(result: xr.Dataset, path: Path) -> None:
    """Draw the profile of each case at the start, on its way and at the end."""
    import matplotlib.pyplot as plt

    figure, panels = plt.subplots(1, len(VELOCITIES), figsize=(12, 3.6), sharey=True, layout="constrained")
    colors = plt.get_cmap("viridis")(np.linspace(0.1, 0.85, result.sizes["snapshot"]))
    for axes, (case, velocity) in zip(panels, VELOCITIES.items(), strict=True):
        for u, color in zip(result["profile__u"].sel(case=case), colors, strict=True):
            axes.plot(result["x"], u, color=color, linewidth=1.6, label=f"t = {float(u['snapshot']):g} s")
        axes.axvline(0.3 + velocity, color="0.6", linewidth=0.8, linestyle="--", zorder=0)
        axes.set(title=f"case {case}: v = {velocity:g} m/s", xlabel="x (m)", xlim=(0, 1.5))
        axes.spines[["top", "right"]].set_visible(False)
    panels[0].set_ylabel("u (1)")
    panels[-1].legend(frameon=False)
    figure.savefig(path, dpi=130)
    plt.close(figure)


def main(argv: Sequence[str] | None = None) -> None:
    """Run the model for three velocities, print a table, check, and draw a figure if matplotlib is there."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--out", type=Path, default=Path("build/advection"), help="output folder")
    out: Path = parser.parse_args(argv).out

    result = run_all()
    print("case  velocity  peak at (exact)   height (exact)      mass error  mode error")
    for case, velocity in VELOCITIES.items():
        found, (position, height) = measure(result, case), ANSWERS[case]
        print(
            f"{case:4}{velocity:10.1f}{found['position']:9.2f} ({position:.2f}){found['height']:11.4f} ({height:.4f})"
            f"{found['mass error']:14.1e}{found['mode error']:12.1e}"
        )
    check(result)
    print("all checks passed")
    if importlib.util.find_spec("matplotlib"):
        out.mkdir(parents=True, exist_ok=True)
        draw(result, out / "advection.png")


if __name__ == "__main__":
    main()
