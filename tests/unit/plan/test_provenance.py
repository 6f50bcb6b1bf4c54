"""A result tells where it comes from: code, versions, options, place and time (DESIGN §S5)."""

import json
import os
import platform
import socket
import sys
import warnings
from datetime import UTC, datetime
from pathlib import Path

import dask
import numcodecs
import numpy as np
import pytest
import xarray as xr
import zarr
from zarr.storage import MemoryStore, WrapperStore

import xsim as xs
from xsim.plan import code, provenance
from xsim.plan.provenance import Provenance, sessions_of

NAME = "xsim_provenance"
FAIL = {}


@xs.process
class Walk:
    k = xs.variable(default=0)
    place = xs.variable(intent="out")

    def initialize(self):
        self.place = 0.0

    @xs.runtime(args="rng, step")
    def run_step(self, rng, step):
        if self.k in FAIL and step == 1:
            raise FAIL[self.k]
        self.place += rng.normal()


@xs.process
class Still:
    place = xs.foreign(Walk, "place")
    twice = xs.variable(intent="out")

    def run_step(self):
        self.twice = 2 * self.place


MODEL = xs.Model({"still": Still, "walk": Walk})


@pytest.fixture(autouse=True)
def _all_is_well():
    FAIL.clear()


def setup_of(members=None):
    inputs = {} if members is None else {"walk__k": ("m", np.arange(members))}
    outputs = {"walk__place": "time", "still__twice": None}
    return xs.create_setup(MODEL, {"time": [0, 1, 2]}, input_vars=inputs, output_vars=outputs)


def run(members=None, store=None, **options):
    batch = {} if members is None else {"batch_dim": "m"}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", xs.BatchWarning)
        return setup_of(members).xsim.run(MODEL, store=store, **batch, **options)


def sessions(result):
    return json.loads(result.attrs[NAME])["sessions"]


def the_session(result):
    (found,) = sessions(result)
    return found


@pytest.mark.parametrize("members", [None, 3], ids=["single", "batch"])
@pytest.mark.parametrize("stored", [False, True], ids=["memory", "store"])
def test_what_is_known(members, stored, tmp_path):
    """Versions, model, seed, place and time are told; in memory, in stores, and through plain xarray alike."""
    began = datetime.now(UTC)
    result = run(members, tmp_path / "out.zarr" if stored else None, seed=5)
    found = the_session(result)

    times = [datetime.fromisoformat(found[name]) for name in ("started", "ended")]
    assert began <= times[0] <= times[1] <= datetime.now(UTC)
    assert 0 < found["seconds"] < 60
    assert (found["outcome"], found["seed"]) == ("done", "5")
    assert (found["host"], found["system"]) == (socket.gethostname(), platform.platform())
    assert found["versions"] == {
        "python": platform.python_version(),
        "xsim": xs.__version__,
        "xarray": xr.__version__,
        "zarr": zarr.__version__,
        "numpy": np.__version__,
        "dask": dask.__version__,
    }
    if stored:
        assert xr.open_zarr(tmp_path / "out.zarr").attrs[NAME] == result.attrs[NAME]
        assert xs.open_run(tmp_path / "out.zarr").attrs[NAME] == result.attrs[NAME]


def test_the_model():
    """Processes stand in the order in which they run, each with its class and where that comes from."""
    model = the_session(run())["model"]

    assert list(model["processes"].items()) == [("walk", f"{__name__}.Walk"), ("still", f"{__name__}.Still")]
    assert [origin["source"] for origin in model["classes"].values()] == [
        code.origin_of(cls).source for cls in (Still, Walk)
    ]


def test_the_hash_is_that_of_the_fingerprint(tmp_path):
    """The hash of the source text is the one by which resumed runs are compared (DESIGN §B7)."""
    model = the_session(run(2, tmp_path / "out.zarr"))["model"]
    journal = zarr.open_group(tmp_path / "out.zarr")["xsim_journal"]
    made_of = json.loads(journal.attrs["xsim_run"])["made_of"]["processes"]

    assert {name: model["classes"][key]["source"] for name, key in model["processes"].items()} == {
        name: facts["source"] for name, facts in made_of.items()
    }


def test_this_repository_is_known(monkeypatch):
    """Classes in files that git tracks have the commit, without any further call of git in the runs that follow."""
    monkeypatch.setattr(provenance, "origin_of", lambda cls: code.Origin("s", "pack", "1.0", "abc", True))
    origin = {"source": "s", "distribution": "pack", "version": "1.0", "commit": "abc", "dirty": True}

    assert the_session(run())["model"]["classes"][f"{__name__}.Walk"] == origin


def test_classes_of_one_name():
    """Classes of one name and other text, as functions make them, are told apart; equal ones are one."""

    def make(number):
        if number:

            @xs.process
            class Part:
                def run_step(self):
                    pass

            return Part

        @xs.process
        class Part:
            def run_step(self):
                return None

        return Part

    model = xs.Model({"a": make(0), "b": make(1), "c": make(0)})
    found = the_session(xs.create_setup(model, {"t": [0, 1]}).xsim.run(model))["model"]
    names = [name.rpartition(".")[2] for name in found["processes"].values()]

    assert names == ["Part", "Part (2)", "Part"]
    assert len({origin["source"] for origin in found["classes"].values()}) == 2


def test_options():
    """Options that differ from their defaults are told, and what became of workers, threads and scheduler."""
    found = the_session(run(4, parallel=True, workers=2, threads_per_worker=1, block=2, validate=None, seed=3))

    assert found["options"] == {
        "validate": None,
        "batch_dim": "m",
        "parallel": True,
        "workers": 2,
        "threads_per_worker": 1,
        "block": 2,
        "seed": 3,
    }
    assert found["resolved"] == {"scheduler": "threads", "workers": 2, "threads_per_worker": 1, "block": [2]}
    found = the_session(run())
    assert found["options"] == {}
    resolved = {"scheduler": "synchronous", "workers": 1, "threads_per_worker": None, "block": None}
    assert found["resolved"] == resolved


@pytest.mark.parametrize(
    ("members", "options", "scheduler"),
    [
        (None, {"parallel": True}, "threads"),
        (None, {"parallel": True, "scheduler": "processes"}, "threads"),
        (2, {"parallel": True, "scheduler": "sync"}, "synchronous"),
        (2, {"scheduler": "threads"}, "synchronous"),
        (2, {"parallel": True, "scheduler": "processes", "workers": 1}, "processes"),
    ],
)
def test_the_scheduler(members, options, scheduler):
    """What is told is the scheduler that was at work, not the one asked for."""
    assert the_session(run(members, **options))["resolved"]["scheduler"] == scheduler


def test_hooks_and_safe_mode():
    """What else can change a result is told: hooks, by name, also registered ones, and runs on the model's objects."""

    class Watch(xs.RuntimeHook):
        @xs.runtime_hook("run_step")
        def look(self, model, context, state):
            pass

    @xs.runtime_hook("initialize")
    def begin(model, context, state):
        pass

    with Watch():
        found = the_session(run(hooks=[begin], safe_mode=False))["options"]

    inside = f"{__name__}.test_hooks_and_safe_mode.<locals>"
    assert found == {"hooks": [f"{inside}.Watch.look", f"{inside}.begin"], "safe_mode": False}


def test_nothing_private_is_told(tmp_path, monkeypatch):
    """No path, no environment variable, no way into a store is told, whatever the options."""
    monkeypatch.setenv("XSIM_SECRET", "s3cr3t")
    lock = xs.ProcessSynchronizer(tmp_path / "locks")
    encoding = {"walk__place": {"synchronizer": lock, "compressor": numcodecs.Zstd(3)}}
    text = run(2, tmp_path / "out.zarr", encoding=encoding, decoding={"chunks": {}}).attrs[NAME]
    options = json.loads(text)["sessions"][0]["options"]

    assert options == {
        "store": "path",
        "encoding": {"walk__place": {"synchronizer": "True", "compressor": "Zstd(level=3)"}},
        "decoding": ["chunks"],
        "batch_dim": "m",
    }
    for secret in (str(tmp_path), os.getcwd(), str(Path.home()), sys.prefix, str(Path(__file__).parent), "s3cr3t"):
        assert secret not in text


def test_kinds_of_stores():
    """Of a store its kind is told."""
    assert the_session(run(store=MemoryStore()))["options"] == {"store": "MemoryStore"}


def test_a_batch_counts_its_members():
    """The members of a batch are counted by how they ended."""
    FAIL[1] = ValueError("as told")
    found = the_session(run(4, on_error="continue"))
    counts = {"all": 4, "done before": 0, "done": 3, "failed": 1, "timed out": 0, "cancelled": 0, "pending": 0}

    assert (found["outcome"], found["members"]) == ("failed", counts)


def test_a_batch_that_raises(tmp_path):
    """The result that the error carries has it too, and so has the store."""
    FAIL[1] = ValueError("as told")
    with pytest.raises(xs.errors.BatchError) as error:
        run(3, tmp_path / "out.zarr")

    assert the_session(error.value.result)["outcome"] == "failed"
    assert xr.open_zarr(tmp_path / "out.zarr").attrs[NAME] == error.value.result.attrs[NAME]


@pytest.mark.parametrize("members", [None, 3], ids=["single", "batch"])
@pytest.mark.parametrize(("error", "outcome"), [(ValueError, "failed"), (KeyboardInterrupt, "cancelled")])
def test_runs_that_end_badly(tmp_path, members, error, outcome):
    """The store of a run that failed, or was cancelled, says so, and when."""
    FAIL[0] = error()
    with pytest.raises(error):
        run(members, tmp_path / "out.zarr", block=1 if members else None)
    found = the_session(xr.open_zarr(tmp_path / "out.zarr"))

    assert found["outcome"] == outcome
    assert found["ended"] >= found["started"]
    if members and outcome == "cancelled":
        assert found["members"]["pending"] == 3


def test_while_it_is_running(tmp_path):
    """The store of a run that is going on tells where it comes from already, but for its end."""
    seen = []

    @xs.runtime_hook("run_step")
    def look(model, context, state):
        seen.append(the_session(xs.open_run(tmp_path / "out.zarr")))

    result = run(None, tmp_path / "out.zarr", hooks=[look])

    assert seen[0]["outcome"] == "running"
    assert not {"ended", "seconds"} & set(seen[0])
    assert {k: v for k, v in the_session(result).items() if k not in ("outcome", "ended", "seconds")} == {
        k: v for k, v in seen[0].items() if k != "outcome"
    }


def test_resumed_runs_keep_all_sessions(tmp_path):
    """A run that is resumed adds a session; those before stay as they were (DESIGN §B7)."""
    store = tmp_path / "out.zarr"
    FAIL[1] = ValueError("as told")
    first = run(3, store, on_error="continue", workers=2, parallel=True)
    FAIL.clear()
    second = run(3, store, resume=True)
    third = run(5, store, resume=True)
    one, two, three = sessions(third)

    assert one == the_session(first)
    assert [one, two] == sessions(second)
    assert [s["outcome"] for s in (one, two, three)] == ["failed", "done", "done"]
    assert [(s["members"]["done before"], s["members"]["done"]) for s in (one, two, three)] == [(0, 2), (2, 1), (3, 2)]
    assert [s["options"].get("workers") for s in (one, two, three)] == [2, None, None]
    assert xr.open_zarr(store).attrs[NAME] == third.attrs[NAME]


def test_sessions_that_were_killed(tmp_path, monkeypatch):
    """A session that was killed stays: it says that it is running, and has no end (DESIGN §B7)."""
    store = tmp_path / "out.zarr"
    run(2, store)
    with monkeypatch.context() as patch:
        patch.setattr(Provenance, "end", lambda self, outcome: self.text)  # as if it had not come to that
        run(3, store, resume=True)
    found = sessions(run(4, store, resume=True))

    assert [session["outcome"] for session in found] == ["done", "running", "done"]
    assert "ended" not in found[1]


def test_a_model_is_told_once(tmp_path):
    """Sessions that run the same model do not repeat it; one that runs another tells it; readers get all."""
    store = tmp_path / "out.zarr"
    run(2, store)
    run(3, store, resume=True)
    origins = iter("abcdef")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(provenance, "origin_of", lambda cls: code.Origin(next(origins)))
        run(4, store, resume=True)
    text = run(5, store, resume=True).attrs[NAME]

    assert ["model" in session for session in json.loads(text)["sessions"]] == [True, False, True, True]
    models = [session["model"] for session in sessions_of(text)]
    assert models[0] == models[1] == models[3] != models[2]


@pytest.mark.parametrize("text", ["{", "[]", "3", '{"sessions": 3}', '{"sessions": [3]}', "null"])
def test_sessions_made_unreadable(tmp_path, text):
    """What somebody has made unreadable stops nothing, and is kept as it is."""
    store = tmp_path / "out.zarr"
    run(2, store)
    zarr.open_group(store).attrs[NAME] = text
    result = run(3, store, resume=True)

    assert sessions(result)[0] == {"unreadable": text}
    assert sessions(result)[1]["members"]["done"] == 1


def test_without_earlier_sessions(tmp_path):
    """Where the attribute has been dropped, a run that is resumed begins it anew."""
    store = tmp_path / "out.zarr"
    run(2, store)
    del zarr.open_group(store).attrs[NAME]

    assert the_session(run(3, store, resume=True))["members"]["done before"] == 2


def test_a_store_that_is_replaced(tmp_path):
    """A run that replaces what is there has nothing of its sessions."""
    store = tmp_path / "out.zarr"
    run(2, store)

    assert the_session(run(2, store, mode="w"))["options"]["mode"] == "w"


@pytest.mark.parametrize("store", [None, {}], ids=["memory", "store"])
def test_a_result_that_runs_again(store):
    """It gives the same bits, and the new result tells of its own run, not of the one before."""
    first = run(3, seed=4)
    again = first.xsim.run(MODEL, batch_dim="m", store=store)

    xs.testing.assert_identical_runs(first, again)
    assert the_session(again)["started"] > the_session(first)["ended"]
    assert not first.identical(again)
    assert NAME not in first.xsim.plan(MODEL, batch_dim="m").setup.attrs


@pytest.mark.parametrize(
    "change",
    [
        lambda ds: ds.xsim.update_vars(MODEL, input_vars={"walk__k": 1}),
        lambda ds: ds.xsim.update_vars(MODEL, output_vars={"walk__place": None}),
        lambda ds: ds.xsim.update_clocks(MODEL, {"late": [0, 2]}),
        lambda ds: ds.xsim.filter_vars(MODEL),
        lambda ds: ds.xsim.reset_vars(MODEL),
    ],
    ids=["inputs", "outputs", "clocks", "filter", "reset"],
)
def test_setups_have_none(change):
    """What a result is made into is a setup, which comes from nowhere; the result stays as it is."""
    result = run().assign_attrs(title="mine")
    changed = change(result)

    assert NAME not in changed.attrs
    assert changed.attrs["title"] == "mine"
    assert NAME in result.attrs


def test_through_netcdf(tmp_path):
    """It goes to netCDF and back, however many processes there are."""
    model = xs.Model({f"walk{i}": Walk for i in range(3000)})
    result = xs.create_setup(model, {"time": [0]}).xsim.run(model)
    assert len(result.attrs[NAME]) > 70_000  # more than fits into a header of HDF5
    for engine in ("netcdf4", "scipy"):
        result[["time"]].to_netcdf(tmp_path / f"{engine}.nc", engine=engine)
        with xr.open_dataset(tmp_path / f"{engine}.nc", engine=engine) as opened:
            assert opened.attrs[NAME] == result.attrs[NAME]


class CountingStore(WrapperStore):
    """A store that counts the writes of each key."""

    def __init__(self, store):
        super().__init__(store)
        self.counts = {}

    async def set(self, key, value, *args, **kwargs):
        self.counts[key] = self.counts.get(key, 0) + 1
        await self._store.set(key, value, *args, **kwargs)


def test_it_costs_no_writes(monkeypatch):
    """It is written where attributes are written anyhow: there are as many writes as without it."""

    def writes():
        store = CountingStore(MemoryStore())
        run(6, store, block=1)
        return store.counts

    here = writes()
    monkeypatch.setattr(Provenance, "begin", lambda self, plan, earlier=None: "")
    monkeypatch.setattr(Provenance, "end", lambda self, outcome: "")

    assert here == writes()
