"""The coordinator's book: counts, sizes, summary, and when to stop (DESIGN §B6, §B10, §B13)."""

import textwrap

import pytest

from xsim.engine.block import MemberResult
from xsim.engine.book import DONE, FAILED, PENDING, Book
from xsim.plan.batch import Batch


def message(text):
    return textwrap.dedent(text).strip()


def done(indexes=None, **shapes):
    return MemberResult(
        {"outcome": "done", "indexes": indexes or {}}, {n: (s, False, False) for n, s in shapes.items()}, None
    )


def failed(reason="ValueError: v", line="f.py:1", error=None):
    return MemberResult({"outcome": "failed", "reason": reason, "line": line}, {}, None, error or ValueError("v"))


@pytest.fixture
def book():
    return Book(Batch(("a", "b"), (2, 3)), 1, None)


def test_an_empty_book(book):
    """At first all members are pending."""
    assert book.status.tolist() == [PENDING] * 6
    assert (book.done, book.failed, book.complete, book.stop_reason) == (0, 0, False, "")
    assert book.summary() == "0 of 6 members done, 6 pending"


def test_counts(book):
    """Each member is counted once."""
    book.enter([0, 3], [done(), failed()])
    book.enter([0, 3, 4], [failed(), done(), done()])
    assert book.status.tolist() == [DONE, PENDING, PENDING, FAILED, DONE, PENDING]
    assert (book.done, book.failed, book.complete) == (2, 1, False)


def test_complete(book):
    """A book is complete when all are done."""
    book.enter(range(6), [done()] * 6)
    assert book.complete
    assert book.summary() == "6 of 6 members done"


def cancelled():
    return MemberResult({"outcome": "cancelled", "reason": "", "line": ""}, {}, None, ValueError("v"))


def test_the_outcome_of_all(book):
    """A batch is cancelled if some members are and none failed; it has failed if any did, or was not started."""
    book.enter(range(5), [done(), done(), done(), cancelled(), cancelled()])
    assert book.outcome == "failed"
    book.enter([5], [done()])
    assert book.outcome == "cancelled"
    other = Book(Batch(("a",), (3,)), 1, None)
    other.enter(range(3), [done(), cancelled(), failed()])
    assert other.outcome == "failed"
    other = Book(Batch(("a",), (1,)), 1, None)
    other.enter([0], [done()])
    assert other.outcome == "done"


def test_members_of_an_earlier_run(book):
    """Members that an earlier run has done are told from those done now."""
    book.enter([0, 3], [done(), done()])
    book.go_on()
    book.enter([1, 2], [done(), failed()])
    counts = {"all": 6, "done before": 2, "done": 1, "failed": 1, "timed out": 0, "cancelled": 0, "pending": 2}
    assert book.counts() == counts
    assert book.summary().splitlines()[0] == "3 of 6 members done (1 in this run), 1 failed, 2 pending"


def test_summary(book):
    """The summary has the counts, the lowest failure by its position, why nothing new started, and the note."""
    book.enter([4, 1, 0], [failed("KeyError: late"), failed("KeyError: early"), done()])
    book.notes.append("a remark")
    assert book.summary() == message("""
        1 of 6 members done, 2 failed, 3 pending
        first failure at a 0, b 1: KeyError: early
        a remark
    """)


def test_first_error(book):
    """The first error is that of the lowest member, in whatever order they come."""
    late, early = KeyError("late"), ValueError("early")
    book.enter([5], [failed(error=late)])
    assert book.first_error is late
    book.enter([2], [failed(error=early)])
    book.enter([4], [failed(error=late)])
    assert book.first_error is early


def test_sizes(book):
    """The largest size of each output is known, and which ones grew."""
    assert book.enter([0], [done(u=(2, 3), v=(1,))]) == []
    assert book.enter([1, 2], [done(u=(3, 1), v=(1,)), done(u=(3, 2), v=(1,))]) == ["u"]
    assert book.facts["u"].own_shape == (3, 3)
    assert book.facts["u"].missing
    assert not book.facts["v"].missing


def test_failed_members_have_no_sizes(book):
    """What a failed member saved counts for nothing."""
    big = MemberResult(
        {"outcome": "failed", "reason": "E: e", "line": "1"}, {"u": ((9,), False, False)}, None, ValueError()
    )
    book.enter([0, 1], [big, done(u=(2,))])
    assert book.facts["u"].own_shape == (2,)
    assert not book.facts["u"].missing


def test_missing_and_ambiguous(book):
    """An output is missing, or ambiguous, where any member's is."""
    for member, facts in enumerate([(False, False), (True, False), (False, True), (False, False)]):
        book.enter([member], [MemberResult({"outcome": "done"}, {"u": ((), *facts)}, None)])
    assert (book.facts["u"].missing, book.facts["u"].ambiguous) == (True, True)


def test_equal_indexes(book):
    """An index is equal while all members that are done have the same; a failed one has no say."""
    same = {"x": "h1", "y": "g1"}
    book.enter([0, 2], [done(same), done(same)])
    assert set(book.equal_indexes) == {"x", "y"}
    book.enter([3], [MemberResult({"reason": "E", "indexes": {"x": "other"}}, {}, None, ValueError())])
    assert set(book.equal_indexes) == {"x", "y"}
    book.enter([1], [done({"x": "h1", "y": "g2"})])
    assert set(book.equal_indexes) == {"x"}
    assert book.equal_indexes["x"] in (0, 1, 2)


def test_max_failures():
    """Nothing new starts once max_failures is reached."""
    book = Book(Batch(("b",), (9,)), 1, 2)
    book.enter([0, 1], [done(), failed()])
    assert book.stop_reason == ""
    book.enter([2], [failed()])
    assert book.stop_reason == "max_failures=2 is reached"
    assert book.summary() == message("""
        1 of 9 members done, 2 failed, 6 pending
        first failure at b 1: ValueError: v
        nothing new was started: max_failures=2 is reached
    """)


@pytest.mark.parametrize(("workers", "limit"), [(1, 10), (10, 10), (11, 11), (30, 30)])
def test_all_alike(workers, limit):
    """The first max(10, workers) failures at the same line stop the run, and not one less."""
    book = Book(Batch(("b",), (100,)), workers, None)
    book.enter(range(limit - 1), [failed()] * (limit - 1))
    assert book.stop_reason == ""
    book.enter([limit - 1], [failed("other reason")])
    assert book.stop_reason == f"the first {limit} members all failed at the same line"


def test_not_alike():
    """Different lines, or one member done, are reason enough to go on."""
    lines = Book(Batch(("b",), (100,)), 1, None)
    lines.enter(range(20), [failed(line=f"f.py:{i % 2}") for i in range(20)])
    assert lines.stop_reason == ""
    one = Book(Batch(("b",), (100,)), 1, None)
    one.enter(range(20), [done(), *[failed()] * 19])
    assert one.stop_reason == ""


def test_a_batch_that_fails_as_a_whole_is_not_pending():
    """Where nothing is left to start the summary does not say that nothing was started."""
    book = Book(Batch(("b",), (10,)), 1, None)
    book.enter(range(10), [failed()] * 10)
    assert book.summary() == "0 of 10 members done, 10 failed\nfirst failure at b 0: ValueError: v"
