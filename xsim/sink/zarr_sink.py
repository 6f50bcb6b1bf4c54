"""A Zarr store of a run: the setup, outputs, and how it ended (DESIGN §S4)."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import zarr

from xsim._base.cpus import usable_cpus
from xsim.errors import StoreError
from xsim.plan.fingerprint import Fingerprint
from xsim.plan.provenance import Provenance
from xsim.plan.run_plan import RunPlan
from xsim.plan.storable import check_storable, kept_inputs, storable_setup
from xsim.setup.attributes import OUTCOME, PROVENANCE
from xsim.sink.buffer import OutputBuffer
from xsim.sink.codecs import quiet
from xsim.sink.earlier import EarlierRun
from xsim.sink.finish import masking_attrs, pad
from xsim.sink.in_group import array_names
from xsim.sink.journal import JOURNAL
from xsim.sink.location import (
    begun_in,
    check_location,
    check_nothing_saved,
    check_permission,
    is_session,
    local_path,
    location_of,
    store_of,
    sweep,
)
from xsim.sink.lock import StoreLock
from xsim.sink.origin import without_values_from
from xsim.sink.stored_setup import differing, finish_replacing, replace_setup, write_setup
from xsim.sink.zarr_array import ZarrTarget, check_encoding, encoded_fill, jsonable


class ZarrStore:
    """A Zarr store, from its preflight to its consolidated metadata.

    Parameters
    ----------
    store : path-like, str, zarr store, zarr.Group or icechunk session
        A session is committed when the run ends.
    mode : {"w-", "w"}
        Whether a store that holds something already is refused or replaced.
    resume : bool, optional
        Whether a run that was begun in it goes on.
    provenance : Provenance, optional
        Of the run.

    Attributes
    ----------
    earlier : EarlierRun or None
        What goes on, known after the preflight.
    made_of : Fingerprint or None
        Of the plan that goes on with it.
    """

    def __init__(self, store: Any, mode: str, resume: bool = False, provenance: Provenance | None = None) -> None:
        self.location = location_of(store)
        self._session = store if is_session(store) else None
        self.mode = mode
        self.earlier: EarlierRun | None = None
        self._begun: zarr.Group | None = None
        self.made_of: Fingerprint | None = None
        self.provenance = provenance or Provenance()
        self._resume = resume
        self._sessions: str | None = None
        self._group: zarr.Group | None = None
        self._lock = StoreLock(local_path(self.location), store_of(self.location))

    @property
    def group(self) -> zarr.Group:
        """The group, once it is open."""
        assert self._group is not None
        return self._group

    def preflight(self, plan: RunPlan) -> RunPlan:
        """Check the encodings, that setup and attributes can be stored, and the place, and take it.

        Raises
        ------
        StoreError, OptionError
            If something is wrong.
        StoreBusyError
            If another run has the place.
        ResumeError
            If what goes on is another run.
        """
        check_storable(plan)
        for output in plan.outputs:
            check_encoding(output)
            _check_attrs(output.name, dict(output.attrs))
        check_permission(self.location)
        self._lock.acquire()
        if self._resume:
            self._begun = begun_in(self.location)
        if self._begun is None:
            check_location(self.location, self.mode)
        else:
            plan = self._go_on(plan, self._begun)
        kept = {new: old for old, new in kept_inputs(plan).items()}
        replaced = [kept.get(name, name) for name in self._to_replace(storable_setup(plan), plan)]
        return without_values_from(self.location, plan, replaced)

    def _go_on(self, plan: RunPlan, begun: zarr.Group) -> RunPlan:
        """Check that a plan goes on with what is in the store; give it with the seed of that."""
        earlier = EarlierRun.find(begun)
        if earlier is None:
            check_nothing_saved(begun, self.location)
            return plan
        self._sessions = str(begun.attrs[PROVENANCE]) if PROVENANCE in begun.attrs else None
        plan = earlier.with_seed(plan)
        self.made_of = earlier.check(plan, plan.options.accept_code_change)
        self.earlier = earlier.grown_to(plan, begun)
        return plan

    def release(self) -> None:
        """Let other runs have the place."""
        self._lock.release()

    @property
    def workers(self) -> Path | None:
        """Folder where worker processes tell that they write, for a place on a file system."""
        return self._lock.workers

    def open(self, plan: RunPlan) -> None:
        """Make the group and write the setup, or open the one that is there."""
        facts = {OUTCOME: "running", PROVENANCE: self.provenance.begin(plan, self._sessions), **plan.facts}
        # A store whose setup is being written is known as that of a run from its first write on.
        setup = storable_setup(plan).assign_attrs(facts)
        sweep(self.location)
        if self._begun is None:
            # "a" makes the group or takes an empty one; the preflight has refused all others.
            with quiet():
                group = zarr.open_group(
                    self.location, mode="w" if self.mode == "w" else "a", zarr_format=3, attributes=facts
                )
            coordinates = write_setup(group, setup)
        else:
            coordinates = self._reopen(setup, plan)
        # Opened again: attributes are written from what a handle has seen, and xarray has just written some.
        with quiet():
            self._group = zarr.open_group(self.location, mode="r+", use_consolidated=False)
        self.group.attrs.update(facts)
        self._add_coordinates(coordinates)

    def _reopen(self, setup: Any, plan: RunPlan) -> list[str]:
        """Open the group that is there, and bring the setup in it up to date where members have been appended to it."""
        # What is written from a handle without consolidated metadata leaves the group without (DESIGN §B8).
        with quiet():
            group = zarr.open_group(self.location, mode="r+", use_consolidated=False)
            group.attrs[OUTCOME] = "running"
        finish_replacing(group, map(str, setup.variables))
        changed = self._to_replace(setup, plan)
        if self.earlier is None:
            # But for the journal, which has no records and is replaced in one write.
            for name in sorted(array_names(group) - {*map(str, setup.variables), JOURNAL}):
                del group[name]  # it ended before anything was done
        elif not changed:
            return []
        before = str(group.attrs.get("coordinates", "")).split()
        return before + replace_setup(group, setup, changed)

    def _to_replace(self, setup: Any, plan: RunPlan) -> list[str]:
        """Name the variables of a setup, as it is stored, that replace what the store holds."""
        if self._begun is None:
            return [str(name) for name in setup.variables if self.mode == "w"]
        if self.earlier is None:
            return list(map(str, setup.variables))
        sizes = zip(plan.batch.dims, plan.batch.shape, self.earlier.batch.shape, strict=True)
        return differing(self._begun, setup, {dim for dim, new, old in sizes if new != old})

    def close(self, outcome: str, coordinates: Sequence[str], facts: Mapping[str, Any] | None = None) -> None:
        """Note how the run ended, which outputs are coordinates, and consolidate the metadata."""
        self._add_coordinates(coordinates)
        self.group.attrs.update({OUTCOME: outcome, PROVENANCE: self.provenance.end(outcome), **(facts or {})})
        if self.consolidates:
            with quiet():
                zarr.consolidate_metadata(self.group.store, path=self.group.path)
        if self._session is not None:
            try:
                self._session.commit(f"xsim run: {outcome}")
            except Exception as error:
                raise StoreError(
                    "the session of icechunk cannot be committed",
                    got=f"{type(error).__name__}: {str(error).strip().splitlines()[0]}",
                    expected="a branch that nobody else has committed to since the session began",
                    remedy="the results are in the session: session.rebase(...), then session.commit(...)",
                ) from error
        self.release()

    def _add_coordinates(self, names: Sequence[str]) -> None:
        if names:
            before = str(self.group.attrs.get("coordinates", "")).split()
            self.group.attrs["coordinates"] = " ".join(dict.fromkeys([*before, *names]))

    @property
    def consolidates(self) -> bool:
        """Whether metadata are consolidated; some stores have no need for it."""
        return bool(getattr(self.group.store, "supports_consolidated_metadata", True))


class ZarrSink:
    """Streams the outputs of a single run into a Zarr store.

    Parameters
    ----------
    store : ZarrStore

    Attributes
    ----------
    writer : concurrent.futures.Executor or None
        Writes large chunks while the run goes on; None where there is but one CPU, and where writing is timed.
    """

    def __init__(self, store: ZarrStore) -> None:
        self.store = store
        self._buffers: list[OutputBuffer] = []
        # Its thread is made when something is large enough to be written while the run goes on.
        self.writer = ThreadPoolExecutor(1, "xsim-writer") if usable_cpus() > 1 else None

    def preflight(self, plan: RunPlan) -> RunPlan:
        """Check the store; give the plan with values that stay when it is replaced."""
        return self.store.preflight(plan)

    def release(self) -> None:
        """Let other runs have the store, once nothing is written any more."""
        if self.writer is not None:
            self.writer.shutdown()
        self.store.release()

    def open(self, plan: RunPlan) -> Sequence[OutputBuffer]:
        """Write the setup; give a buffer for each planned output."""
        self.store.open(plan)
        fixed = dict(plan.setup.sizes)
        self._buffers = [
            OutputBuffer(output, ZarrTarget(output, self.store.group), fixed, writer=self.writer)
            for output in plan.outputs
        ]
        return self._buffers

    def close(self, outcome: str, facts: Mapping[str, Any]) -> None:
        """Write what is buffered, settle what is missing, and close the store.

        Raises
        ------
        Exception
            What stops an output from being written, after the others are.
        """
        errors: list[Exception] = []
        coordinates: list[str] = []
        for buffer in self._buffers:
            with _collect(errors):
                buffer.flush()
        for buffer in self._buffers:
            with _collect(errors):
                buffer.wait()
        pad(self._buffers)
        for buffer in self._buffers:
            with _collect(errors):
                coordinates += self._settle(buffer)
        self.store.close("failed" if errors else outcome, coordinates, facts)
        if errors:
            raise errors[0]

    def _settle(self, buffer: OutputBuffer) -> list[str]:
        """Settle an output; give its name if it is a coordinate that is not its own dimension."""
        target, storage, output = buffer.target, buffer.type, buffer.output
        if storage is None or not isinstance(target, ZarrTarget) or target.array is None:
            return []
        target.resize(buffer.own_shape)
        settle(target.array, masking_attrs(output, storage, buffer.missing, buffer.ambiguous))
        return [output.name] if output.is_index and output.dims_of(len(buffer.own_shape)) != (output.name,) else []


@contextmanager
def _collect(errors: list[Exception]) -> Iterator[None]:
    try:
        yield
    except Exception as error:
        errors.append(error)


def settle(array: zarr.Array[Any], masking: dict[str, Any]) -> None:
    """Give a finished array the attributes that tell what is missing, and what bools are."""
    if "_FillValue" in masking:
        masking = {**masking, "_FillValue": encoded_fill(masking["_FillValue"])}
    before = dict(array.attrs)
    after = {name: value for name, value in before.items() if name != "dtype"} | jsonable(masking)
    if after != before:
        with quiet():
            array.attrs.put(after)


def _check_attrs(name: str, attributes: dict[str, Any]) -> None:
    for key, value in jsonable(attributes).items():
        try:
            json.dumps(value)
        except (TypeError, ValueError):
            raise StoreError(
                f"attribute {key!r} of output {name!r} cannot be stored",
                got=f"{type(value).__name__}: {str(value)[:60]}",
                expected="text, numbers, bools, None, or lists and mappings of these",
                remedy=f"change it in the declaration of the variable: attrs={{{key!r}: ...}}",
            ) from None
