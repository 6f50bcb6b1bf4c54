"""Notices beside the data of a run: how it is, and what others ask of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import zarr
from zarr.storage import LocalStore, MemoryStore

from xsim.sink.journal import JOURNAL
from xsim.sink.notices import Notices


@pytest.fixture(params=["local", "memory", "inner group"])
def group(request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    """The group of a run."""
    store: Any = MemoryStore() if request.param == "memory" else LocalStore(tmp_path / "x.zarr")
    made = zarr.create_group(store, path="a/b" if request.param == "inner group" else None)
    made.create_array(JOURNAL, shape=(3,), dtype=str, dimension_names=("m",))
    return made


def test_status_is_told(group: Any) -> None:
    """The last status is read, until it is taken away."""
    notices = Notices(group)
    assert notices.read_status() == ""
    notices.write_status("one")
    notices.write_status("zwei ☃")
    assert Notices(group).read_status() == "zwei ☃"
    notices.clear()
    assert notices.read_status() == ""


def test_requests_are_taken_once(group: Any) -> None:
    """Several shells may ask at the same time; each request is taken once, damaged ones are dropped."""
    notices = Notices(group)
    Notices(group).ask_to_cancel([1, 2])
    Notices(group).ask_to_cancel([2])
    notices._write("cancel-x.json", "{")
    assert sorted(notices.asked_to_cancel()) == [1, 2, 2]
    assert notices.asked_to_cancel() == []


def test_the_journal_is_as_it_was(group: Any) -> None:
    """Notices are no part of the group or the journal for those who read these."""
    Notices(group).write_status("one")
    assert list(group.keys()) == [JOURNAL]
    assert group[JOURNAL][:].tolist() == ["", "", ""]
