"""A store that was damaged by hand or by a disk: what can be detected is said, and is computed again (DESIGN §B7)."""

import json
import re
import shutil

import numpy as np
import pytest
import zarr

import xsim as xs

BLOCK = 2
FULL = {"outcome": "done", "sizes": {"herd__level": [300]}, "missing": [], "ambiguous": [], "indexes": {}}


@pytest.fixture(scope="module")
def finished(sweep, tmp_path_factory):
    """The store of a finished sweep."""
    store = tmp_path_factory.mktemp("finished") / "out.zarr"
    sweep.run(store, block=BLOCK)
    return store


def journal_of(store):
    return zarr.open_group(store, use_consolidated=False)["xsim_journal"]


def resumed(sweep, store, expected):
    """Go on, and give what is warned of."""
    with pytest.warns(xs.BatchWarning) as caught:
        result = sweep.setup.xsim.run(
            sweep.model, batch_dim="m", store=store, seed=7, resume=True, on_error="continue", progress=False
        ).load()
    assert [(str(each.message), each.filename) for each in caught] == [(expected, __file__)]
    xs.testing.assert_identical_runs(result, sweep.expected)
    sweep.check_again(store)


def says(what, many, first):
    many = "1 member" if many == 1 else f"{many} members"
    return f"the store is damaged: {what} of {many} cannot be read, first those of m {first}; they are computed again"


@pytest.mark.parametrize(
    "text",
    [
        '{"outcome": "done", "siz',
        "[1, 2]",
        json.dumps({**FULL, "missing": None}),
        *(
            pytest.param(text, marks=pytest.mark.slow)
            for text in (
                "no JSON",
                "[" * 100_000,
                "3",
                "null",
                '"done"',
                '{"outcome": "done"}',
                json.dumps({**FULL, "sizes": [3]}),
                json.dumps({**FULL, "sizes": {"herd__level": 3}}),
                json.dumps({**FULL, "sizes": {"herd__level": ["3"]}}),
                json.dumps({**FULL, "ambiguous": {}}),
                json.dumps({**FULL, "indexes": "x"}),
            )
        ),
    ],
)
def test_a_damaged_record(sweep, finished, copied, text):
    """A record that is cut off, or is something else, counts as none: its member runs again, and the user is told."""
    store = copied(finished)
    journal_of(store)[3] = text
    partial = xs.open_run(store)
    assert partial.sizes["m"] == sweep.expected.sizes["m"]
    resumed(sweep, store, says("records", 1, 3))


@pytest.mark.parametrize(
    "garbage",
    [b"", *(pytest.param(each, marks=pytest.mark.slow) for each in (b"\0", b"garbage" * 20, bytes(range(256)) * 4))],
)
def test_garbage_in_the_journal(sweep, finished, copied, garbage):
    """Bytes that are no chunk cost the members of that chunk only, and the store can be looked at all the same."""
    store = copied(finished)
    (store / "xsim_journal" / "c" / "1").write_bytes(garbage)
    zarr.open_group(store, use_consolidated=False).attrs["xsim_outcome"] = "running"
    outcomes = xs.open_run(store).xsim_outcome.values
    np.testing.assert_array_equal(np.flatnonzero(outcomes != "done"), [2, 3])
    resumed(sweep, store, says("records", BLOCK, 2))


@pytest.mark.slow
def test_a_flipped_bit_in_the_journal(sweep, finished, copied):
    """Whichever byte of a chunk of the journal is wrong: the values are right in the end."""
    good = (finished / "xsim_journal" / "c" / "1").read_bytes()
    for place in range(0, len(good), max(1, len(good) // 7)):
        store = copied(finished)
        (store / "xsim_journal" / "c" / "1").write_bytes(good[:place] + bytes([good[place] ^ 0xFF]) + good[place + 1 :])
        sweep.run(store, resume=True)
        found = xs.open_run(store).load()
        for name in ("herd__level", "herd__count", "herd__word"):
            np.testing.assert_array_equal(found[name].values, sweep.expected[name].values)


def test_a_chunk_of_the_journal_that_is_gone(sweep, finished, copied):
    """Members without a record have not run, as far as is known; they run again."""
    store = copied(finished)
    (store / "xsim_journal" / "c" / "1").unlink()
    shutil.rmtree(store / "herd__level" / "c" / "1")
    sweep.check_resumed(store)


@pytest.mark.parametrize(
    "name", ["herd__level", *(pytest.param(each, marks=pytest.mark.slow) for each in ("herd__word", "herd__herd"))]
)
def test_garbage_among_the_values_of_a_block_that_is_not_done(sweep, finished, copied, name):
    """Values that have to be read to write their block again, and cannot be, are computed again."""
    store = copied(finished)
    journal_of(store)[3] = ""
    for chunk in [store / name / "c" / "1", *(store / name / "c" / "1").rglob("*")]:
        if chunk.is_file():
            chunk.write_bytes(b"garbage" * 20)
    resumed(sweep, store, says("values", 1, 2))


def test_a_file_that_cannot_be_read_is_no_damage(sweep, finished, copied, monkeypatch):
    """A disk that does not answer ends the run: what is there may be readable at another time."""
    store = copied(finished)
    get = zarr.storage.LocalStore.get

    async def failing(self, key, *args, **kwargs):
        if re.search("xsim_journal/c/1$", key):
            raise OSError(5, "Input/output error")
        return await get(self, key, *args, **kwargs)

    with monkeypatch.context() as patch:
        patch.setattr(zarr.storage.LocalStore, "get", failing)
        with pytest.raises(OSError, match="Input/output error"):
            sweep.run(store, resume=True)
    sweep.check_resumed(store)
