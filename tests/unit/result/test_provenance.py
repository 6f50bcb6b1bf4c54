"""`ds.xsim.provenance` reads and prints where a result comes from (DESIGN §S5)."""

import json
import textwrap

import numpy as np
import pytest
import xarray as xr

import xsim as xs
from xsim.result.provenance import Provenance

SESSION = {
    "outcome": "failed",
    "started": "2026-01-02T03:04:05.678901+00:00",
    "ended": "2026-01-02T03:05:05.678901+00:00",
    "seconds": 60.0,
    "host": "here",
    "system": "Linux",
    "versions": {"python": "3.13.0", "xsim": "1.0"},
    "seed": "7",
    "options": {"workers": 2, "store": "path"},
    "resolved": {"scheduler": "threads", "workers": 2, "block": None},
    "members": {"all": 4, "done before": 0, "done": 3, "failed": 1, "pending": 0},
    "model": {
        "processes": {"grid": "m.Grid", "a": "m.Agent", "b": "m.Agent", "c": "m.Agent", "end": "m.Grid"},
        "classes": {
            "m.Grid": {"source": "0123456789abcdef", "commit": "fedcba9876543210", "dirty": True},
            "m.Agent": {"source": "f123456789abcdef", "distribution": "agents", "version": "2.1", "commit": "f" * 40},
        },
    },
}
KILLED = {"outcome": "running", "started": "2026-01-01T00:00:00.000000+00:00", "host": "there", "options": {}}


def dataset(*sessions):
    return xr.Dataset(attrs={"xsim_provenance": json.dumps({"sessions": sessions})})


def test_it_is_printed():
    """Each session is printed with what is known of it, and the model where it is another one than before."""
    same = {name: value for name, value in SESSION.items() if name != "model"}
    found = dataset({"unreadable": "?"}, KILLED, SESSION, same | {"outcome": "done", "seconds": 0.25}).xsim.provenance
    facts = """
        members   4 all, 3 done, 1 failed
        seed      7
        versions  python 3.13.0, xsim 1.0
        options   workers 2, store path
        resolved  scheduler threads, workers 2
        system    Linux
    """
    facts = textwrap.indent(textwrap.dedent(facts).strip(), "    ")
    assert repr(found) == "\n".join(
        [
            "<xsim provenance: 4 sessions>",
            "Unreadable session",
            "2026-01-01 00:00:00 UTC on there: running",
            "2026-01-02 03:04:05 UTC on here: failed after 60 s",
            facts,
            "Model:",
            "    grid         m.Grid   commit fedcba9876 with changes  source 0123456789",
            "    a ... c (3)  m.Agent  agents 2.1                      commit ffffffffff  source f123456789",
            "    end          m.Grid   commit fedcba9876 with changes  source 0123456789",
            "2026-01-02 03:04:05 UTC on here: done after 0.25 s",
            facts,
        ]
    )
    html = found._repr_html_()
    assert "<strong>&lt;xsim provenance: 4 sessions&gt;</strong>" in html
    assert "<td>a ... c (3)</td><td>m.Agent</td><td>agents 2.1</td>" in html


def test_it_is_parsed():
    """Sessions are plain mappings, each with its model."""
    same = {name: value for name, value in SESSION.items() if name != "model"}
    found = dataset(SESSION, same).xsim.provenance

    assert found.sessions == (SESSION, SESSION)


@pytest.mark.parametrize("text", ["{", "3", "", '{"sessions": [1]}'])
def test_there_is_none(text):
    """Setups, and datasets whose attribute is gone or cannot be read, have none."""
    assert xr.Dataset().xsim.provenance is None
    assert xr.Dataset(attrs={"xsim_provenance": text}).xsim.provenance is None


def test_of_a_run(model, setup, tmp_path):
    """It is that of the run, from memory, from a store, and while the run goes on."""
    seen = []

    @xs.runtime_hook("run_step")
    def look(model, context, state):
        seen.append(xs.open_run(tmp_path / "out.zarr").xsim.provenance)

    for result in (setup.xsim.run(model), setup.xsim.run(model, store=tmp_path / "out.zarr", hooks=[look])):
        found = result.xsim.provenance
        assert isinstance(found, Provenance)
        (session,) = found.sessions
        assert session["outcome"] == "done"
        assert session["model"]["processes"].keys() == {"grid", "field"}
        assert repr(found).splitlines()[0] == "<xsim provenance: 1 session>"
    assert seen[0].sessions[0]["outcome"] == "running"
    assert xr.open_zarr(tmp_path / "out.zarr").xsim.provenance == found


def test_large_models_are_printed_in_part():
    """Of hundreds of sessions the first are printed."""
    found = dataset(*[{**KILLED, "host": str(i)} for i in range(np.int64(300))]).xsim.provenance

    assert len(found.sessions) == 300
    assert repr(found).splitlines()[-1] == "... and 240 more"
