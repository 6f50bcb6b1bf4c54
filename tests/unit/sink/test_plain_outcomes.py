"""Outcomes that are known without the journal: the same as those in it (DESIGN §B7, §B10)."""

import numpy as np
import pytest
import zarr
from hypothesis import given, settings
from hypothesis import strategies as st

import xsim as xs
from xsim._base.instants import iso_text
from xsim.plan.batch import Batch
from xsim.plan.blocks import Block
from xsim.sink import outcomes
from xsim.sink.journal import FIELDS, encode, unfold
from xsim.sink.plain_outcomes import PlainOutcomes

quick = settings(max_examples=200, deadline=None, database=None)
OUTCOMES = [name for name, _, _ in FIELDS.values()]
OF_OUTPUTS = {"sizes": {"a__b": []}, "missing": [], "ambiguous": [], "indexes": {}}

INSTANTS = st.floats(0, 4e9)
PLAIN = st.builds(
    lambda start, end, seconds, worker, more: {
        "outcome": "done",
        "start": iso_text(start),
        "end": iso_text(end),
        "seconds": seconds,
        "worker": worker,
        **OF_OUTPUTS,
        **more,
    },
    INSTANTS,
    INSTANTS,
    st.floats(0, 1e6),
    st.sampled_from(["host:1:MainThread", "ho\u00dft:22:xsim_0", ""]),
    st.sampled_from([{}, {"memory": 5}]),
)
ANY = PLAIN | st.sampled_from([{"retries": 1}, {"reason": "enough"}, {"programs": [1]}, {"outcome": "failed"}]).flatmap(
    lambda more: PLAIN.map(lambda record: {**record, **more})
)


@quick
@given(
    st.tuples(st.integers(1, 4), st.integers(1, 4)).flatmap(
        lambda shape: st.tuples(
            st.just(shape),
            st.lists(ANY, min_size=shape[0] * shape[1], max_size=shape[0] * shape[1]),
            st.permutations(range(shape[0] * shape[1])),
            st.integers(0, shape[0] * shape[1]),
        )
    )
)
def test_the_same_as_the_journal(drawn):
    """In whatever order members tell it, a box all of whose members are plain has what their records say."""
    shape, records, order, cut = drawn
    known = PlainOutcomes(Batch(("a", "b"), shape))
    for part in (order[:cut], order[cut:]):
        known.add(part, [records[member] for member in part])

    texts = encode(records, shape)
    for i in range(shape[0]):
        for box in (Block((i, 0), (i + 1, shape[1])), Block((0, 0), (i + 1, shape[1]))):
            here = [records[a * shape[1] + b] for a in range(box.start[0], box.stop[0]) for b in range(shape[1])]
            found = known.columns(box)
            plain = [
                record["outcome"] == "done" and not record.keys() & {"retries", "reason", "programs"} for record in here
            ]
            assert (found is not None) == all(plain)
            if found is not None:
                expected = unfold(texts[box.slices], only_said=True)
                assert {name: values.tolist() for name, values in found.items()} == {
                    name: values.tolist() for name, values in expected.items()
                }


def test_nobody_has_told_anything():
    """Of members that have told nothing, nothing is known."""
    assert PlainOutcomes(Batch(("b",), (3,))).columns(Block((0,), (2,))) is None


@xs.process
class Odd:
    """One member ends its own simulation, and says why."""

    k = xs.variable()
    out = xs.variable(intent="out")

    def initialize(self):
        self.out = self.k * 2

    def run_step(self):
        if self.k == 13:
            return xs.stop("unlucky")


MODEL = xs.Model({"odd": Odd})


def run(store, members=30, **options):
    setup = xs.create_setup(
        MODEL, {"t": [0, 1, 2]}, "t", input_vars={"odd__k": ("b", np.arange(members))}, output_vars={"odd__out": None}
    )
    return setup.xsim.run(MODEL, batch_dim="b", store=store, progress=False, block=4, **options)


def check_outcomes(store):
    group = zarr.open_group(store, mode="r")
    expected = unfold(np.asarray(group["xsim_journal"][...], dtype=object))
    for name in OUTCOMES:
        assert group[name][...].tolist() == expected[name].tolist()


WAYS = [
    {},
    {"parallel": True, "scheduler": "threads", "workers": 2},
    {"parallel": True, "scheduler": "processes", "workers": 2},
]


@pytest.mark.parametrize("options", WAYS, ids=["sequential", "threads", "processes"])
def test_no_record_is_read_where_all_are_plain(tmp_path, monkeypatch, options):
    """A run whose members are all done, and have nothing more to tell, does not read its journal at the end."""

    def read_texts(journal, box):
        raise AssertionError("the journal is read")

    monkeypatch.setattr(outcomes, "read_texts", read_texts)
    result = run(tmp_path / "out.zarr", 13, **options)
    assert (result.xsim_outcome == "done").all()
    check_outcomes(tmp_path / "out.zarr")


@pytest.mark.parametrize("chunk", [5, 5_000])
@pytest.mark.parametrize("options", WAYS, ids=["sequential", "threads", "processes"])
def test_outcomes_are_those_of_the_journal(tmp_path, monkeypatch, options, chunk):
    """Chunks of outcomes with a member that tells more, and those without, say what is in the journal."""
    monkeypatch.setattr(outcomes, "OUTCOME_CHUNK", chunk)
    result = run(tmp_path / "out.zarr", **options)
    assert result.xsim_reason.values.tolist() == [""] * 13 + ["unlucky"] + [""] * 16
    check_outcomes(tmp_path / "out.zarr")


@pytest.mark.parametrize("chunk", [5, 5_000])
def test_outcomes_of_a_run_that_goes_on(tmp_path, monkeypatch, chunk):
    """Members of an earlier run keep what their records say beside those of this one."""
    monkeypatch.setattr(outcomes, "OUTCOME_CHUNK", chunk)
    store = tmp_path / "out.zarr"
    first = run(store, 10).load()
    second = run(store, 30, resume=True)
    assert second.xsim_start.values[:10].tolist() == first.xsim_start.values.tolist()
    assert (second.xsim_outcome == "done").all()
    check_outcomes(store)
