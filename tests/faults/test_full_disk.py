"""A disk that is full, or read-only, at any moment of a sweep: nothing is lost, nothing wrong is called done (§B7)."""

import errno
import os
import subprocess
import sys
import time
import warnings
from pathlib import Path

import numpy as np
import pytest
import zarr
from zarr.storage import LocalStore, WrapperStore

import xsim as xs

WAYS = ("sequential", "streamed", "block of 4", "threads", "processes")


class QuotaStore(WrapperStore):
    """A directory that takes so many bytes; in whichever process they are written."""

    def __init__(self, root, quota):
        super().__init__(root if isinstance(root, LocalStore) else LocalStore(root))
        self.quota = quota

    def _with_store(self, store):
        return type(self)(store, self.quota)

    def _check(self, key, size):
        root = Path(self._store.root)
        if size_of(root) + size > self.quota:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(root / key))

    async def set(self, key, value):
        self._check(key, len(value))
        await super().set(key, value)

    async def set_if_not_exists(self, key, value):
        self._check(key, len(value))
        await super().set_if_not_exists(key, value)


class FrozenStore(WrapperStore):
    """A directory that becomes read-only, for good, when a key is written for the n-th time."""

    def __init__(self, root, part, times=1):
        super().__init__(root if isinstance(root, LocalStore) else LocalStore(root))
        self.part, self.left = part, times
        self.writes = []

    def _with_store(self, store):
        return self

    def _check(self, key):
        self.left -= self.left > 0 and self.part in key
        if not self.left:
            raise OSError(errno.EROFS, os.strerror(errno.EROFS), key)
        self.writes.append(key)

    async def set(self, key, value):
        self._check(key)
        await super().set(key, value)

    async def set_if_not_exists(self, key, value):
        self._check(key)
        await super().set_if_not_exists(key, value)

    async def delete(self, key):
        self._check(key)
        await super().delete(key)

    async def delete_dir(self, prefix):
        self._check(prefix)
        await super().delete_dir(prefix)


def size_of(store):
    return sum(map(_size, Path(store).rglob("*")))


def _size(path):
    try:
        return path.stat().st_size if path.is_file() else 0
    except FileNotFoundError:  # a file that another write has put into its place just now
        return 0


def interrupted(sweep, store, number, **options):
    """Run into a store that fails; give whether it did."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", xs.BatchWarning)
        try:
            sweep.run(store, **options)
        except OSError as error:
            return error.errno == number
    return False


def check_quotas(sweep, tmp_path, way, parts):
    sweep.run(tmp_path / "whole.zarr", **way)
    whole = size_of(tmp_path / "whole.zarr")
    partial = set()
    for part in parts:
        store = tmp_path / f"{part}.zarr"
        assert interrupted(sweep, QuotaStore(store, int(whole * part)), errno.ENOSPC, **way)
        if (store / "zarr.json").exists():
            partial.add(sweep.check_partial(store))
        sweep.check_resumed(store, **way)
    return partial


# Each resumes many sweeps: one way of running them for each change, all of them with the slow tests.
ways = pytest.mark.parametrize(
    "way",
    [each if each == "block of 4" else pytest.param(each, marks=pytest.mark.slow) for each in WAYS],
    indirect=True,
)


@ways
def test_a_full_disk(sweep, tmp_path, way):
    """A disk may be full in the middle or at the last byte: when there is room the sweep goes on to the same bits."""
    parts = [0.6] if "scheduler" in way else [0, 0.3, 0.6, 0.97]  # to start worker processes takes seconds
    assert check_quotas(sweep, tmp_path, way, parts) & set(range(1, 9))


@pytest.mark.chaos
def test_a_disk_that_is_full_at_any_byte(sweep, tmp_path, way):
    """So it is wherever the last byte goes, also where an empty group would fit and its attributes do not."""
    parts = np.random.default_rng().uniform(0, 0.99, 5 if "scheduler" in way else 15)
    check_quotas(sweep, tmp_path, way, [0.0041, *parts])


@pytest.mark.parametrize(
    ("part", "times"),
    [
        ("zarr.json", 1),
        ("", 2),
        ("herd__level/c", 5),
        ("xsim_journal/c", 3),
        ("xsim_aside_x", 4),
        ("xsim_outcome/c", 1),
        *(
            pytest.param(*case, marks=pytest.mark.slow)
            for case in (
                ("herd__k/c", 1),
                ("herd__level/zarr.json", 1),
                ("herd__level/c", 1),
                ("herd__herd/zarr.json", 2),
                ("xsim_journal/zarr.json", 1),
                ("xsim_journal/c", 1),
                ("x/zarr.json", 2),
                ("xsim_aside_x", 1),
                ("xsim_outcome/zarr.json", 1),
                ("xsim_worker/c", 1),
            )
        ),
    ],
)
def test_a_store_that_becomes_read_only(sweep, tmp_path, part, times):
    """Whatever is being written when it happens: data, journal, metadata, or what comes at the end."""
    store = tmp_path / "out.zarr"
    assert interrupted(sweep, FrozenStore(store, part, times), errno.EROFS, block=2)
    if (store / "zarr.json").exists():
        sweep.check_partial(store)
    sweep.check_resumed(store)


@pytest.mark.chaos
@pytest.mark.parametrize("way", ["streamed", "block of 4", "threads"])
def test_a_store_that_becomes_read_only_at_any_write(sweep, tmp_path, way):
    """So it is at each write, and at each write of the run that goes on from half a store."""
    way = sweep.ways[way]
    half = tmp_path / "half.zarr"
    interrupted(sweep, FrozenStore(half, "xsim_journal/c", 3), errno.EROFS, **way)
    for begun in (False, True):
        for write in range(int(np.random.default_rng().integers(1, 12)), 1000, 12):
            store = tmp_path / f"{begun}{write}.zarr"
            if begun:
                subprocess.run(["cp", "-r", half, store], check=True)
            if not interrupted(sweep, FrozenStore(store, "", write), errno.EROFS, resume=begun, **way):
                break
            if (store / "zarr.json").exists():
                sweep.check_partial(store)
            sweep.check_resumed(store, **way)
        assert write > 24


@pytest.mark.parametrize("resume", [False, True])
def test_a_read_only_store_is_refused(sweep, tmp_path, resume):
    """It is refused before a file is written and a step is run, whether it would begin or go on (§E1)."""
    path = tmp_path / "out.zarr"
    if resume:
        assert interrupted(sweep, FrozenStore(path, "xsim_journal/c", 3), errno.EROFS, block=2)
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(xs.errors.StoreError) as caught:
        sweep.run(LocalStore(path, read_only=True), resume=resume)
    assert str(caught.value) == f"file://{path} is read-only\n  remedy: open it with read_only=False"
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write everywhere")
@pytest.mark.parametrize("resume", [False, True])
def test_a_folder_without_permission_is_refused(sweep, tmp_path, resume):
    """So is a folder that may not be written to."""
    path = tmp_path / "out.zarr"
    if resume:
        assert interrupted(sweep, FrozenStore(path, "xsim_journal/c", 3), errno.EROFS, block=2)
    place = path if resume else tmp_path
    place.chmod(0o555)
    try:
        with pytest.raises(xs.errors.StoreError) as caught:
            sweep.run(path, resume=resume)
    finally:
        place.chmod(0o755)
    assert str(caught.value) == f"{str(path)!r} cannot be written: no permission to write to {str(place)!r}"


@pytest.fixture
def small_disk(tmp_path):
    """A file system of its own with 300 kB, where one may be mounted."""
    place = tmp_path / "disk"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=300k", "tmpfs", str(place)]
    if not sys.platform.startswith("linux") or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("no file system can be mounted here")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


@ways
def test_a_file_system_that_is_full(sweep, small_disk, tmp_path, way):
    """A real file system that has no byte left ends the sweep, and with room it goes on to the same bits."""
    ballast = small_disk / "ballast"
    store = small_disk / "out.zarr"
    failed = 0
    for room in (90_000,) if "scheduler" in way else (20_000, 60_000, 90_000):
        ballast.write_bytes(bytes(300_000 - room))
        failed += interrupted(sweep, store, errno.ENOSPC, resume=True, **way)
        ballast.unlink()
        if (store / "zarr.json").exists():
            sweep.check_partial(store)
    assert failed
    subprocess.run(["mount", "-o", "remount,size=3m", str(small_disk)], check=True)
    sweep.check_resumed(store, **way)


def test_a_file_system_that_becomes_read_only(sweep, small_disk, tmp_path):
    """A file system that is mounted read-only in the middle, as after an error of a disk, ends the sweep alike."""
    store = small_disk / "out.zarr"
    subprocess.run(["mount", "-o", "remount,size=3m", str(small_disk)], check=True)

    remount = ["mount", "-o", "remount,ro", str(small_disk)]

    class Remounting(FrozenStore):
        def _check(self, key):
            self.left -= self.part in key
            if not self.left:
                # A file system is busy while a file is open for writing, as that of a status may be just now.
                end = time.monotonic() + 60
                while subprocess.run(remount, capture_output=True).returncode:
                    assert time.monotonic() < end
                    time.sleep(0.05)

    assert interrupted(sweep, Remounting(store, "xsim_journal/c", 3), errno.EROFS, block=2)
    with pytest.raises(OSError):  # noqa: PT011 - whatever the first write is
        zarr.open_group(store, mode="r+", use_consolidated=False).attrs["a"] = 1
    assert sweep.check_partial(store) == 4
    before = sorted(store.rglob("*"))
    with pytest.raises(xs.errors.StoreError) as caught:
        sweep.run(store, resume=True)
    assert str(caught.value) == f"{str(store)!r} cannot be written: no permission to write to {str(store)!r}"
    assert sorted(store.rglob("*")) == before
    subprocess.run(["mount", "-o", "remount,rw", str(small_disk)], check=True)
    sweep.check_resumed(store)
