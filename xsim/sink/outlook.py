"""What is left to do of a batch that was begun in a store, seen without taking it (DESIGN §B7)."""

from __future__ import annotations

from collections import Counter

import attrs
import numpy as np
import zarr

from xsim.plan.outlook import Outlook
from xsim.plan.run_plan import RunPlan
from xsim.sink.earlier import EarlierRun
from xsim.sink.journal import JOURNAL, PENDING, Record, decode, is_done
from xsim.sink.location import begun_in, check_nothing_saved, location_of


def with_outlook(plan: RunPlan) -> RunPlan:
    """Give the plan of a run that goes on as it does so: with its seed, and with what is left to do.

    Raises
    ------
    StoreError
        If something else is in the store.
    ResumeError
        If another run is.
    """
    location = location_of(plan.options.store)
    group = begun_in(location)
    earlier = None if group is None else EarlierRun.find(group)
    if group is None or earlier is None:
        if group is not None:
            check_nothing_saved(group, location)
        return attrs.evolve(plan, outlook=Outlook(pending=plan.batch.size))
    plan = earlier.with_seed(plan)
    earlier.check(plan, plan.options.accept_code_change)
    journal = group[JOURNAL]
    assert isinstance(journal, zarr.Array)
    found = Counter(_standing(decode(text)) for text in np.asarray(journal[...], dtype=object).flat)
    done, pending = found.pop("done", 0), found.pop(PENDING, 0)
    appended = plan.batch.size - earlier.batch.size
    return attrs.evolve(plan, outlook=Outlook(done, dict(sorted(found.items())), pending, appended))


def _standing(record: Record) -> str:
    outcome = str(record.get("outcome", PENDING))
    return PENDING if outcome == "done" and not is_done(record) else outcome
