"""The journal of a batch and the outcomes that it unfolds into (DESIGN §B6, §B7)."""

import json
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
import xarray as xr
import zarr
from zarr.storage import MemoryStore, WrapperStore

import xsim as xs
from xsim.sink.journal import FIELDS, encode, fields_of, unfold


@xs.process
class Pile:
    grain = xs.variable(dims=[(), "x"])
    height = xs.variable(dims=[(), "x"], intent="out")
    count = xs.variable(intent="out")

    def initialize(self):
        self.height = self.grain * 0.0
        self.count = 0

    @xs.runtime(args="step")
    def run_step(self, step):
        if self.grain < 0 and step == 1:
            raise ValueError(f"no grain of size {self.grain}")
        self.height = self.height + self.grain
        self.count += 1


MODEL = xs.Model({"pile": Pile})
OUTCOMES = [name for name, _, _ in FIELDS.values()]


def setup_of(grains, dims="b"):
    return xs.create_setup(
        model=MODEL,
        clocks={"time": [0, 1, 2, 3], "out": [0, 3]},
        main_clock="time",
        input_vars={"pile__grain": (dims, np.asarray(grains))},
        output_vars={"pile__height": "time", "pile__count": "out"},
    )


class RecordingStore(WrapperStore):
    """A store that notes the keys set, in their order."""

    def __init__(self, store):
        super().__init__(store)
        self.keys = []

    async def set(self, key, value, *args, **kwargs):
        self.keys.append(key)
        await self._store.set(key, value, *args, **kwargs)


def texts_of(store):
    return zarr.open_group(store, mode="r")["xsim_journal"][...]


def test_encode_and_unfold():
    """Records survive the journal; members without one are pending."""
    records = [{"outcome": "done", "seconds": 0.5}, {}, {"outcome": "failed", "reason": "E: a\n'b'", "step": 3}, {}]
    texts = encode(records, (2, 2))
    assert texts.shape == (2, 2)
    assert [json.loads(text) if text else {} for text in texts.ravel()] == records
    fields = unfold(texts)
    assert list(fields) == OUTCOMES
    assert fields["xsim_outcome"].tolist() == [["done", "pending"], ["failed", "pending"]]
    assert fields["xsim_reason"].tolist() == [["", ""], ["E: a\n'b'", ""]]
    assert fields["xsim_step"].tolist() == [[-1, -1], [3, -1]]
    np.testing.assert_array_equal(fields["xsim_seconds"], [[0.5, np.nan], [np.nan, np.nan]])
    assert (fields["xsim_step"].dtype, fields["xsim_seconds"].dtype) == (np.int64, np.float64)


SHARED = {"sizes": {"v": [2]}, "missing": [], "ambiguous": ["v"], "indexes": {}}
DONE = {"outcome": "done", "start": "2026-01-01", "end": "2026-01-02", "seconds": 0.25, "worker": 'a"b\\é', **SHARED}


@pytest.mark.parametrize(
    "record",
    [
        DONE,
        {**DONE, "sizes": {"v": [3]}},
        {**DONE, "seconds": 1e-7},
        {**DONE, "seconds": float("nan")},
        {**DONE, "seconds": float("inf")},
        {**DONE, "seconds": -1.0},
        {**DONE, "seconds": 3},
        {**DONE, "seconds": None},
        {**DONE, "retries": 1},
        {"outcome": "done", **DONE, "reason": "enough"},
        dict(reversed(DONE.items())),
        {"outcome": "failed", "reason": "ValueError: é"},
        {},
    ],
    ids=str,
)
def test_text_of_a_record(record):
    """However records are written, they are the JSON of the library, also beside others that share its parts."""
    expected = json.dumps(record) if record else ""

    assert encode([DONE, record, DONE], (3,)).tolist() == [json.dumps(DONE), expected, json.dumps(DONE)]


def test_records_made_one_by_one():
    """Records that live no longer than their writing does are not taken for each other."""
    texts = encode(({**DONE, "sizes": {"v": [i]}} for i in range(200)), (200,))

    assert [json.loads(text)["sizes"]["v"] for text in texts] == [[i] for i in range(200)]


@pytest.mark.parametrize(
    "damaged", ['{"outcome": "do', "7", '[{"outcome": "done"}]', '{"outcome": "done"}, {}', "null", "x"]
)
def test_damaged_records_among_others(damaged):
    """A damaged record is as none; those beside it are read, though many are decoded at once."""
    good = json.dumps(DONE)
    for texts in ([good, damaged, good], [damaged, "", good], [good, good, damaged]):
        found = unfold(np.array(texts, dtype=object))
        assert found["xsim_outcome"].tolist() == ["done" if text == good else "pending" for text in texts]


@pytest.mark.parametrize("rest", ["{}}", '{}, "missing": [], "ambiguous": [], "indexes": {}, "outcome": "failed"}', ""])
def test_records_damaged_in_what_they_say_of_outputs(rest):
    """What records say of outputs is decoded once for all; one in which it is damaged is none, or as it is."""
    good = json.dumps(DONE)
    damaged = good.partition(', "sizes": ')[0] + ', "sizes": ' + rest
    try:
        expected = json.loads(damaged)["outcome"]
    except ValueError:
        expected = "pending"

    found = unfold(np.array([good, damaged, good, damaged], dtype=object))

    assert found["xsim_outcome"].tolist() == ["done", expected, "done", expected]


def test_a_reason_that_looks_like_the_rest_of_a_record():
    """Texts within records are texts, whatever they contain."""
    record = {"outcome": "failed", "reason": 'bad, "sizes": {}'}
    texts = [json.dumps(record), json.dumps({"reason": {"a": 1, "sizes": 2}, "outcome": "failed"}), json.dumps(DONE)]

    found = unfold(np.array(texts, dtype=object))

    assert found["xsim_outcome"].tolist() == ["failed", "failed", "done"]
    assert found["xsim_reason"].tolist() == ['bad, "sizes": {}', "", ""]


def test_two_damaged_records_that_make_up_for_each_other():
    """One record that is two and two that are one are told from three sound ones."""
    texts = ['{"outcome": "done"}, {}', '{"reason": "', '"}']

    assert unfold(np.array(texts, dtype=object))["xsim_outcome"].tolist() == ["pending"] * 3


def test_fields_of_nobody():
    """A batch without members has outcomes of no length."""
    assert {values.shape for values in fields_of([], (0,)).values()} == {(0,)}


def test_one_record_a_member():
    """The journal has one JSON record for each member, along the batch dimensions."""
    store = MemoryStore()
    with pytest.warns(xs.BatchWarning):
        setup_of([[1.0, -1.0], [2.0, 3.0]], ("a", "b")).xsim.run(
            MODEL, batch_dim=["a", "b"], store=store, on_error="continue"
        )
    journal = zarr.open_group(store, mode="r")["xsim_journal"]
    assert journal.shape == (2, 2)
    assert journal.metadata.dimension_names == ("a", "b")
    assert [json.loads(text)["outcome"] for text in journal[...].ravel()] == ["done", "failed", "done", "done"]


@pytest.fixture
def failed_run():
    """A batch in a store in which the middle one of three members fails: the store and the time it began."""
    store, began = MemoryStore(), datetime.now(UTC)
    with pytest.warns(xs.BatchWarning):
        setup_of([1.0, -1.5, 2.0]).xsim.run(MODEL, batch_dim="b", store=store, on_error="continue")
    return store, began


def test_record_of_a_failure(failed_run):
    """The record of a failed member holds all about it (DESIGN §B6)."""
    record = json.loads(texts_of(failed_run[0])[1])
    assert record["outcome"] == "failed"
    assert record["exception"] == "ValueError"
    assert record["reason"] == "ValueError: no grain of size -1.5"
    assert (record["process"], record["stage"], record["step"]) == ("pile", "run_step", 1)
    lines = record["traceback"].splitlines()
    assert lines[0] == "Traceback (most recent call last):"
    assert "ValueError: no grain of size -1.5" in lines
    assert any("raise ValueError" in line for line in lines)


def test_times_of_a_record(failed_run):
    """Each record says when its member started and ended, and what ran it."""
    store, began = failed_run
    for text in texts_of(store):
        record = json.loads(text)
        start, end = (datetime.fromisoformat(record[name]) for name in ("start", "end"))
        assert began <= start <= end <= datetime.now(UTC)
        assert end - start - timedelta(seconds=record["seconds"]) < timedelta(seconds=1)
        assert record["worker"]


def test_sizes_in_a_record():
    """A record holds the sizes that its member reached (DESIGN §B7)."""
    store = MemoryStore()
    setup = setup_of([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]], ("b", "x"))

    @xs.process
    class Wide(Pile):
        def run_step(self):
            self.height = self.height + self.grain

    model = xs.Model({"pile": Wide})
    setup.xsim.run(model, batch_dim="b", store=store)
    assert [json.loads(text)["sizes"] for text in texts_of(store)] == [{"pile__height": [3], "pile__count": []}] * 2


@pytest.mark.parametrize("options", [{}, {"parallel": True, "workers": 2}], ids=["sequential", "threads"])
@pytest.mark.parametrize("block", [1, 2, 3, 7, None])
def test_records_come_after_the_data(options, block):
    """A block's records are its done mark: they are written after all its chunks, and each chunk once (§B7, §S2)."""
    store = RecordingStore(MemoryStore())
    setup_of(np.arange(1.0, 8)).xsim.run(MODEL, batch_dim="b", store=store, block=block, **options)
    chunks = [
        key for key in store.keys if "/c/" in key and key.split("/")[0].startswith(("pile__h", "pile__c", "xsim_j"))
    ]
    assert len(chunks) == len(set(chunks))
    records = [key for key in chunks if key.startswith("xsim_journal/")]
    size = block or zarr.open_group(store, mode="r")["xsim_journal"].chunks[0]
    assert sorted(records) == [f"xsim_journal/c/{i}" for i in range(-(-7 // size))]
    for record in records:
        number = record.split("/")[-1]
        data = [f"pile__height/c/{number}/0", f"pile__count/c/{number}/0"]
        assert all(chunks.index(key) < chunks.index(record) for key in data)


@pytest.mark.parametrize("block", [1, 2])
def test_a_failed_member_has_a_record_after_its_chunks(block):
    """Also where a member fails nothing of its block is written after its record."""
    store = RecordingStore(MemoryStore())
    with pytest.warns(xs.BatchWarning):
        setup_of([1.0, 2.0, -1.0, 3.0]).xsim.run(
            MODEL,
            batch_dim="b",
            store=store,
            block=block,
            on_error="continue",
            encoding={"pile__height": {"chunks": (block, 1)}},
        )
    number = 2 // block
    mine = [key for key in store.keys if f"/c/{number}" in key and not key.startswith(("xsim_o", "xsim_r"))]
    mine = [key for key in mine if key.split("/")[0] in ("pile__height", "pile__count", "xsim_journal")]
    assert mine[-1] == f"xsim_journal/c/{number}"


@pytest.mark.parametrize("store", [None, {}], ids=["memory", "zarr"])
def test_outcomes_are_labelled_variables(store):
    """The result has a variable along the batch dims for each field, described and marked; not the journal (§S5)."""
    setup = setup_of([1.0, -1.5, 2.0]).assign_coords(b=["p", "q", "r"])
    with pytest.warns(xs.BatchWarning):
        result = setup.xsim.run(MODEL, batch_dim="b", store=store, on_error="continue")
    assert "xsim_journal" not in result.variables
    assert [name for name in result.data_vars if name.startswith("xsim_")] == OUTCOMES
    for name in OUTCOMES:
        assert result[name].dims == ("b",)
        assert result[name].attrs["xsim_role"] == "outcome"
        assert result[name].attrs["description"]
    outcome = result.xsim.outcome
    assert outcome.sel(b="q") == "failed"
    assert outcome.values.tolist() == ["done", "failed", "done"]
    assert result.xsim_reason.values.tolist() == ["", "ValueError: no grain of size -1.5", ""]
    assert result.xsim_exception.values.tolist() == ["", "ValueError", ""]
    assert result.xsim_process.values.tolist() == ["", "pile", ""]
    assert result.xsim_stage.values.tolist() == ["", "run_step", ""]
    assert result.xsim_step.values.tolist() == [-1, 1, -1]
    assert (result.xsim_seconds.values >= 0).all()


@pytest.mark.parametrize("store", [None, {}], ids=["memory", "zarr"])
def test_where_done(store):
    """``ds.where(ds.xsim.outcome == "done")`` works on the result."""
    setup = setup_of([1.0, -1.5, 2.0])
    with pytest.warns(xs.BatchWarning):
        result = setup.xsim.run(MODEL, batch_dim="b", store=store, on_error="continue")
    done = result.where(result.xsim.outcome == "done")
    np.testing.assert_array_equal(done.pile__grain, [1, np.nan, 2])
    np.testing.assert_array_equal(done.pile__count, [[1, 3], [np.nan] * 2, [1, 3]])
    kept = result.where(result.xsim.outcome == "done", drop=True)
    np.testing.assert_array_equal(kept.pile__height, [[1, 2, 3, 3], [2, 4, 6, 6]])


def test_outcomes_with_plain_xarray():
    """The outcomes are in the store, for everyone to read."""
    store = MemoryStore()
    setup_of([1.0, 2.0]).xsim.run(MODEL, batch_dim="b", store=store)
    with xr.open_zarr(store) as opened:
        assert opened.xsim_outcome.values.tolist() == ["done", "done"]
        assert opened.xsim_outcome.dims == ("b",)


def test_no_outcome():
    """A dataset that is not the result of a batch has no outcomes, and says so."""
    with pytest.raises(AttributeError) as error:
        setup_of([1.0]).xsim.outcome  # noqa: B018
    assert str(error.value) == "this dataset is not the result of a batch: it has no outcomes of members"
