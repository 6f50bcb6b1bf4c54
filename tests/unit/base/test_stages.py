"""Stages and signals."""

from xsim._base.stages import RuntimeSignal, Stage


def test_stages_in_their_order():
    """A run goes through four stages, named as the methods of process classes."""
    assert list(Stage) == ["initialize", "run_step", "finalize_step", "finalize"]


def test_signals():
    """Signals have xarray-simlab's names and numbers, so that the highest one wins (API.md)."""
    assert {signal.name: signal.value for signal in RuntimeSignal} == {"NONE": 0, "SKIP": 1, "CONTINUE": 2, "BREAK": 3}
    assert max(RuntimeSignal.SKIP, RuntimeSignal.BREAK, RuntimeSignal.NONE) is RuntimeSignal.BREAK
