"""The external programs that a run has run, as a table."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from xsim.result.records import records_of
from xsim.result.status import batch_of
from xsim.setup.attributes import OUTCOME, PROGRAMS
from xsim.sink.journal import JOURNAL

FACTS: dict[str, Any] = {
    "process": "",
    "stage": "",
    "step": -1,
    "command": "",
    "exit_code": pd.NA,
    "seconds": np.nan,
    "cpu_seconds": np.nan,
    "memory": np.nan,
}
"""What is known of a program, and what stands for it where it is not."""


def programs_of(dataset: xr.Dataset) -> pd.DataFrame:
    """Give a row for each program that was run, in the order of members, and within one of processes and their ends.

    Raises
    ------
    AttributeError
        If the dataset is not the result of a run.
    """
    labels: dict[str, Any] = {}
    rows: list[Mapping[str, Any]] = []
    if OUTCOME in dataset.attrs and not {OUTCOME, JOURNAL} & set(dataset.variables):
        rows = list(_read(dataset.attrs.get(PROGRAMS)))
    else:
        texts = records_of(dataset, ["programs"])["programs"]
        batch = batch_of(texts)
        for member, text in enumerate(texts.to_numpy().ravel()):
            if text:
                position = zip(batch.dims, batch.position(member), strict=True)
                here = {dim: batch.labels[dim][i] if dim in batch.labels else i for dim, i in position}
                rows += [{**here, **facts} for facts in _read(text)]
        labels = dict.fromkeys(batch.dims)
    found = pd.DataFrame(rows, columns=[*labels, *FACTS])
    return found.astype({"step": int, "exit_code": "Int64"})


def _read(text: Any) -> Iterator[Mapping[str, Any]]:
    """Read what is kept of the programs of a member; what is damaged counts as none."""
    try:
        found = json.loads(text) if text else []
    except (ValueError, TypeError):
        return
    for each in found if isinstance(found, list) else ():
        if isinstance(each, dict):
            command = each.get("command", "")
            words = shlex.join(map(str, command)) if isinstance(command, list) else str(command)
            yield {**{name: each.get(name, default) for name, default in FACTS.items()}, "command": words}
