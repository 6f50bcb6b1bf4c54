"""Accounts of time: what is charged to which, and what measuring costs itself."""

from __future__ import annotations

import pickle
import threading

import pytest

from xsim.engine import profile as profile_module
from xsim.engine.profile import Cost, Part, Place, Profile

A, B = Place(Part.PROCESS, "a", "run_step"), Place(Part.ON_DEMAND, "b")


class Clock:
    """Time that passes when it is told to, in nanoseconds, and `tick` at each look."""

    def __init__(self, tick: int = 0) -> None:
        self.now = 0
        self.tick = tick

    def __call__(self) -> int:
        self.now += self.tick
        return self.now


def seconds(profile: Profile) -> dict[Place, float]:
    """Give what each piece took, in nanoseconds."""
    return {row.place: round(row.seconds * 1e9, 3) for row in profile.timing().rows}


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Put a clock in place of both real ones."""
    made = Clock()
    monkeypatch.setattr(profile_module, "CLOCKS", (made, made))
    return made


def spend(clock: Clock, nanoseconds: int) -> None:
    clock.now += nanoseconds


@pytest.mark.parametrize("concurrent", [False, True])
def test_pieces_are_charged_without_those_within_them(clock: Clock, concurrent: bool) -> None:
    """What a piece takes within another one is charged to it alone, so that all of them make the whole."""
    profile = Profile(concurrent)
    inner = profile.wrap(B, lambda: spend(clock, 5))

    def work() -> None:
        spend(clock, 10)
        inner()
        spend(clock, 100)
        inner()

    spend(clock, 7)  # before it begins
    with profile.whole():
        spend(clock, 1000)
        profile.wrap(A, work)()
    spend(clock, 7)
    timing = profile.timing()
    assert seconds(profile) == {Place(Part.REST): 1000, A: 110, B: 10}
    assert [row.calls for row in timing.rows] == [1, 1, 2]
    assert timing.wall == pytest.approx(timing.total) == pytest.approx(1120e-9)
    assert timing.measuring == 0


def test_what_raises_is_charged_and_raises(clock: Clock) -> None:
    """A piece that fails is charged until then, and what is around it goes on."""
    profile = Profile(False)

    def fail() -> None:
        spend(clock, 3)
        raise KeyError("x")

    with profile.whole():
        with pytest.raises(KeyError):
            profile.wrap(A, fail)()
        spend(clock, 20)
    assert seconds(profile) == {Place(Part.REST): 20, A: 3}


@pytest.mark.parametrize("concurrent", [False, True])
def test_measuring_is_taken_out(monkeypatch: pytest.MonkeyPatch, concurrent: bool) -> None:
    """What the clock costs is measured before, and taken out of the piece and of the one around it."""
    clock = Clock(tick=1)
    monkeypatch.setattr(profile_module, "CLOCKS", (clock, clock if concurrent else None))
    profile = Profile(concurrent)
    ticks = 2.0 if concurrent else 1.0
    cpu = ticks if concurrent else 0.0
    assert profile.cost.own == pytest.approx((ticks, cpu))
    assert profile.cost.around == pytest.approx((ticks, cpu))
    with profile.whole():
        for _ in range(50):
            profile.wrap(A, lambda: spend(clock, 1000))()
    assert seconds(profile) == {Place(Part.REST): 0, A: 50_000}
    assert profile.timing().measuring == pytest.approx(101 * ticks * 1e-9)


def test_threads_have_their_own_accounts(clock: Clock) -> None:
    """What another thread does is charged there, and is added up by piece."""
    profile = Profile(True)
    timed = profile.wrap(A, lambda: spend(clock, 8))
    with profile.whole():
        timed()
        thread = threading.Thread(target=timed)
        thread.start()
        thread.join()
    found = seconds(profile)
    assert found[A] == 16
    assert profile.timing().rows[1].calls == 2


def test_waiting_is_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where several work at a time, seconds are those of a CPU; waiting stands beside, but not that for workers."""
    wall, cpu = Clock(), Clock()
    monkeypatch.setattr(profile_module, "CLOCKS", (wall, cpu))

    def work() -> None:
        spend(wall, 100)
        spend(cpu, 30)

    for concurrent, expected in ((True, [(0, 0), (30, 70), (30, 0)]), (False, [(0, 0), (100, 0), (100, 0)])):
        profile = Profile(concurrent, Cost())
        with profile.whole():
            profile.wrap(A, work)()
            profile.wrap(Place(Part.SCHEDULING), work)()
        found = [(round(row.seconds * 1e9), round(row.waited * 1e9)) for row in profile.timing().rows]
        assert found == expected


def test_a_copy_in_a_worker_sends_home_what_it_measured(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    """A profile travels without its accounts; what is drained from the copy is added to the original, once."""
    profile = Profile(True, Cost(own=(2.0, 2.0)))
    timed = profile.wrap(A, lambda: spend(clock, 10))
    timed()
    copy = pickle.loads(pickle.dumps(profile))
    assert copy.cost == profile.cost
    assert copy.timing().rows == ()
    there = copy.wrap(A, lambda: spend(clock, 100))
    there()
    profile.absorb(copy.drain())
    there()
    profile.absorb(copy.drain())
    assert seconds(profile)[A] == 210 - 3 * 2
    assert profile.timing().rows[0].calls == 3
