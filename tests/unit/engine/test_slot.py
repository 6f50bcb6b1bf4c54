"""What a worker tells of itself, and what ends its members."""

from __future__ import annotations

import pytest

from xsim.engine.control import Control
from xsim.engine.slot import Slot
from xsim.errors import CancelledError


def test_an_idle_slot() -> None:
    """A worker without a member tells nothing."""
    slot = Slot("w")
    assert slot.look() is None
    slot.begin(3)
    assert slot.look() is not None
    slot.end()
    assert slot.look() is None


def test_a_member_that_starts() -> None:
    """A member is starting until its first stage begins, as many steps as it may have."""
    slot = Slot("w")
    for nsteps in (0, 8):
        slot.begin(3)
        starting = slot.look()
        slot.enter(nsteps)
        running = slot.look()
        assert starting is not None
        assert running is not None
        assert (starting.starting, starting.nsteps) == (True, 0)
        assert (running.starting, running.nsteps) == (False, nsteps)


def test_steps_are_told() -> None:
    """The step is that after the steps done; the last one stays while the run ends."""
    slot = Slot("w")
    slot.begin(3)
    slot.enter(8)
    slot.check(2)
    seen = slot.look()
    assert seen is not None
    assert (seen.worker, seen.member, seen.step, seen.nsteps, seen.fraction) == ("w", 3, 2, 8, 0.25)
    slot.check(8)
    seen = slot.look()
    assert seen is not None
    assert (seen.step, seen.fraction) == (7, 0.875)


def test_a_program_tells_more() -> None:
    """Phase and fraction of a program come first; a new phase begins without a fraction."""
    slot = Slot("w")
    slot.begin(0)
    slot.report("presolve", None)
    slot.report(None, 0.5)
    seen = slot.look()
    assert seen is not None
    assert (seen.phase, seen.fraction) == ("presolve", 0.5)
    slot.report("crossover", None)
    seen = slot.look()
    assert seen is not None
    assert (seen.phase, seen.fraction) == ("crossover", None)
    slot.begin(1)
    seen = slot.look()
    assert seen is not None
    assert (seen.phase, seen.fraction) == ("", None)


def test_cancelled_members() -> None:
    """A member that is cancelled does not start, or ends at its next check; others go on."""
    control = Control()
    slot = Slot("w", control)
    slot.begin(1)
    slot.check()
    control.cancel([1, 2])
    with pytest.raises(CancelledError) as caught:
        slot.check()
    assert str(caught.value) == "the member was cancelled\n  remedy: resume=True runs it again"
    assert slot.is_cancelled()
    slot.begin(2)
    with pytest.raises(CancelledError):
        slot.check()
    slot.begin(3)
    slot.check()


def test_all_is_to_end() -> None:
    """Once the run is to end nothing starts; the first reason stays."""
    control = Control()
    slot = Slot("w", control)
    slot.begin(0)
    control.stop("interrupted")
    control.stop("max_walltime")
    assert control.why == "interrupted"
    with pytest.raises(KeyboardInterrupt):
        slot.check()
    slot.begin(1)
    with pytest.raises(KeyboardInterrupt):
        slot.check()
