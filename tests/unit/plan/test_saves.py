"""Which outputs are due at which label (DESIGN §C2, §V7)."""

import numpy as np
import pytest

from xsim.plan.outputs import PlannedOutput
from xsim.plan.saves import plan_saves


def output(name, clock, positions):
    return PlannedOutput(("p", name), f"p__{name}", clock, np.array(positions, dtype=int), ((),), {}, {})


@pytest.mark.parametrize("seed", range(20))
def test_as_label_by_label(seed):
    """At each label those are due whose clock has it, whichever clocks fall together."""
    rng = np.random.default_rng(seed)
    nsteps = int(rng.integers(0, 12))
    clocks = {f"c{i}": np.flatnonzero(rng.random(nsteps + 1) < rng.random()) for i in range(4)}
    names = [str(name) for name in rng.choice([*clocks, "none"], size=8)]
    outputs = [output(f"v{i}", *((None, []) if c == "none" else (c, clocks[c]))) for i, c in enumerate(names)]

    found = plan_saves(outputs, nsteps)

    for label in range(nsteps + 1):
        expected = {i for i, name in enumerate(names) if name != "none" and label in clocks[name]}
        combination = found.combinations[found.due[label]]
        assert set(combination) == expected
        assert len(combination) == len(expected)
        assert (found.due[label] == 0) == (not expected)
    assert found.at_end == tuple(i for i, name in enumerate(names) if name == "none")


def test_nothing_to_save():
    """Without outputs nothing is due anywhere."""
    found = plan_saves([], 3)

    assert (found.due, found.combinations, found.at_end) == ([0, 0, 0, 0], ((),), ())
