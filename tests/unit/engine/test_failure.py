"""What is kept of a failure (DESIGN §B6)."""

import json
from dataclasses import dataclass

import pytest

from xsim.engine.failure import failure_record, line_of, mark, where


class SilentError(Exception):
    def __str__(self):
        raise RuntimeError("nothing to say")


@dataclass(frozen=True)
class FrozenError(Exception):
    code: int


def caught(error):
    try:
        raise error
    except type(error) as raised:
        return raised


def deep(n):
    if n == 0:
        raise ValueError("deep")
    deep(n - 1)


def test_record():
    """The record has outcome, reason, class, traceback, line, and the place that was marked; JSON takes it."""
    error = caught(ValueError("bad"))
    mark(error, process="p", stage="run_step")
    mark(error, step=3)
    record = failure_record(error)
    line = error.__traceback__.tb_lineno
    traceback = record.pop("traceback")
    assert record == {
        "outcome": "failed",
        "reason": "ValueError: bad",
        "exception": "ValueError",
        "line": f"{__file__}:{line}",
        "process": "p",
        "stage": "run_step",
        "step": 3,
    }
    assert traceback.splitlines()[0] == "Traceback (most recent call last):"
    assert traceback.splitlines()[-1] == "ValueError: bad"
    json.dumps(record)


def test_the_first_mark_stays():
    """The innermost place is the one that counts."""
    error = ValueError()
    mark(error, process="inner")
    mark(error, process="outer", step=1)
    assert where(error) == {"process": "inner", "step": 1}


def test_an_exception_that_takes_no_attributes():
    """Where a mark cannot be kept, neither as a note, the failure is not hidden by another one."""
    error = caught(FrozenError(2))
    mark(error, step=2)
    assert where(error) == {}
    assert failure_record(error)["reason"].startswith("FrozenError: ")


def test_causes_and_notes():
    """The traceback has causes and notes."""
    try:
        try:
            raise KeyError("inner")
        except KeyError as inner:
            error = ValueError("outer")
            error.add_note("a note")
            raise error from inner
    except ValueError as raised:
        text = failure_record(raised)["traceback"]
    assert "KeyError: 'inner'" in text
    assert "ValueError: outer" in text
    assert text.splitlines()[-1] == "a note"


def test_a_huge_message():
    """Messages and tracebacks have an end; what is left out is said."""
    record = failure_record(caught(ValueError("z" * 1_000_000)))
    assert record["reason"] == "ValueError: " + "z" * 1000 + " ... (999000 characters left out)"
    assert len(record["traceback"]) < 21_000
    assert " characters left out ..." in record["traceback"]


def test_a_message_that_cannot_be_printed():
    """An exception whose text raises has a record too."""
    record = failure_record(caught(SilentError()))
    assert record["reason"] == "SilentError: (its message cannot be printed)"
    assert "SilentError" in record["traceback"]


def test_nested_classes():
    """The class is named with those around it."""

    class LocalError(Exception):
        pass

    assert failure_record(caught(LocalError()))["exception"] == "test_nested_classes.<locals>.LocalError"


def test_deep_recursion():
    """A RecursionError has a record of bounded size."""

    def endless():
        endless()

    with pytest.raises(RecursionError) as error:
        endless()
    assert len(failure_record(error.value)["traceback"]) < 21_000


def test_line():
    """The line is the innermost one, by which the same failure is recognised."""
    lines = set()
    for n in (1, 2, 5):
        with pytest.raises(ValueError) as error:  # noqa: PT011
            deep(n)
        lines.add(line_of(error.value))
    assert len(lines) == 1
    assert lines.pop().startswith(f"{__file__}:")


def test_no_line():
    """An exception that was never raised has its class's name instead."""
    assert line_of(ValueError()) == "ValueError"
