"""Instants as texts."""

from datetime import UTC, datetime

import pytest

from xsim._base.instants import iso_text


@pytest.mark.parametrize("seconds", [0.0, 1.5, 1_795_999_999.999999, 1_795_999_999.9999996, 1_796_000_000.0, -0.25])
def test_texts_are_those_of_datetime(seconds):
    """An instant reads as Python's own, rounded to microseconds, whatever was asked for before."""
    for each in (seconds, 12.0, seconds):
        found = datetime.fromisoformat(iso_text(each))
        assert found == datetime.fromtimestamp(round(each * 1e6) // 1_000_000, UTC).replace(
            microsecond=round(each * 1e6) % 1_000_000
        )
    assert iso_text(seconds) == datetime.fromisoformat(iso_text(seconds)).isoformat(timespec="microseconds")
