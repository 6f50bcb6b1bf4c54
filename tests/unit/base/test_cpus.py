"""How many CPUs may be used: affinity and the quotas of all control groups (DESIGN §R1)."""

import os

import pytest

from xsim._base.cpus import resolve_workers, usable_cpus


@pytest.fixture(autouse=True)
def many_cpus(monkeypatch):
    """Pretend to be on a machine of 64 CPUs, all of which this process may be scheduled on."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(range(64)), raising=False)


@pytest.fixture
def tree(tmp_path):
    """Write files of a fake /proc and /sys, by their paths."""

    def write(files):
        for path, text in files.items():
            (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / path).write_text(text)
        return tmp_path

    return write


def test_nothing_but_affinity(tree):
    """Without control groups affinity alone counts."""
    assert usable_cpus(tree({})) == 64


def test_affinity_is_not_the_core_count(tree, monkeypatch):
    """A process bound to three CPUs may use three, whatever the machine has."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {1, 5, 7})
    monkeypatch.setattr(os, "cpu_count", lambda: 64)
    assert usable_cpus(tree({})) == 3


def test_systems_without_affinity(tree, monkeypatch):
    """Where there is no affinity, the machine's count is what is known."""
    monkeypatch.delattr(os, "sched_getaffinity")
    monkeypatch.setattr(os, "cpu_count", lambda: 12)
    assert usable_cpus(tree({})) == 12


def test_nobody_knows_the_count(tree, monkeypatch):
    """Where not even the machine's count is known, there is one CPU."""
    monkeypatch.delattr(os, "sched_getaffinity")
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert usable_cpus(tree({})) == 1


@pytest.mark.parametrize(
    ("quotas", "expected"),
    [
        ({"a/b/c": "300000 100000"}, 3),
        ({"a/b/c": "max 100000"}, 64),
        ({"a/b/c": "max 100000", "a/b": "500000 100000"}, 5),
        ({"a/b/c": "800000 100000", "a": "200000 100000"}, 2),
        ({"a/b/c": "200000 100000", "a": "800000 100000"}, 2),
        ({".": "400000 100000"}, 4),
        ({"a/b/c": "100000 50000"}, 2),
        ({"a/b/c": "10000 100000"}, 1),
        ({"a/b/c": "9900000 100000"}, 64),
        ({"a/b/c": "what is this"}, 64),
        ({"a/b/d": "100000 100000"}, 64),
    ],
)
def test_version_2(tree, quotas, expected):
    """In version 2 the least quota of the own group and of all above it counts, and nothing beside them."""
    files = {f"sys/fs/cgroup/{group}/cpu.max": text + "\n" for group, text in quotas.items()}
    root = tree({"proc/self/cgroup": "0::/a/b/c\n", **files})
    assert usable_cpus(root) == expected


@pytest.mark.parametrize("mount", ["cpu", "cpu,cpuacct"])
@pytest.mark.parametrize(
    ("quotas", "expected"),
    [
        ({"a/b": (300000, 100000)}, 3),
        ({"a/b": (-1, 100000)}, 64),
        ({"a/b": (-1, 100000), "a": (250000, 50000)}, 5),
        ({"a/b": (800000, 100000), "a": (200000, 100000)}, 2),
        ({".": (400000, 100000), "a/b": (-1, 100000)}, 4),
        ({"a/b": (1000, 100000)}, 1),
    ],
)
def test_version_1(tree, mount, quotas, expected):
    """In version 1 it is the controller "cpu" that counts, at either of its usual mounts."""
    base = f"sys/fs/cgroup/{mount}"
    files = {}
    for group, (quota, period) in quotas.items():
        files[f"{base}/{group}/cpu.cfs_quota_us"] = f"{quota}\n"
        files[f"{base}/{group}/cpu.cfs_period_us"] = f"{period}\n"
    root = tree({"proc/self/cgroup": "5:memory:/m\n4:cpu,cpuacct:/a/b\n1:name=systemd:/a/b\n", **files})
    assert usable_cpus(root) == expected


def test_version_1_in_a_container(tree):
    """In a container the path is the host's, which does not exist there; the quota is at the mount's root."""
    root = tree(
        {
            "proc/self/cgroup": "4:cpu,cpuacct:/docker/0123abcd\n",
            "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us": "150000\n",
            "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us": "50000\n",
        }
    )
    assert usable_cpus(root) == 3


def test_both_versions(tree):
    """Where both versions are mounted, the least of all quotas counts."""
    root = tree(
        {
            "proc/self/cgroup": "4:cpu:/a\n0::/b\n",
            "sys/fs/cgroup/cpu/a/cpu.cfs_quota_us": "700000\n",
            "sys/fs/cgroup/cpu/a/cpu.cfs_period_us": "100000\n",
            "sys/fs/cgroup/b/cpu.max": "600000 100000\n",
        }
    )
    assert usable_cpus(root) == 6


def test_other_controllers_do_not_count(tree):
    """A group of another controller says nothing, even where its name begins like that of "cpu"."""
    root = tree(
        {
            "proc/self/cgroup": "3:cpuset:/a\n2:cpuacct:/a\n",
            "sys/fs/cgroup/cpuset/a/cpu.cfs_quota_us": "100000\n",
            "sys/fs/cgroup/cpuset/a/cpu.cfs_period_us": "100000\n",
            "sys/fs/cgroup/cpu/a/cpu.cfs_quota_us": "100000\n",
            "sys/fs/cgroup/cpu/a/cpu.cfs_period_us": "100000\n",
        }
    )
    assert usable_cpus(root) == 64


def test_affinity_below_the_quota(tree, monkeypatch):
    """A quota above the affinity gives nothing more."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {0, 1})
    root = tree({"proc/self/cgroup": "0::/a\n", "sys/fs/cgroup/a/cpu.max": "800000 100000\n"})
    assert usable_cpus(root) == 2


def test_a_path_with_colons(tree):
    """The path of a group may hold colons."""
    root = tree({"proc/self/cgroup": "0::/a:b:c\n", "sys/fs/cgroup/a:b:c/cpu.max": "300000 100000\n"})
    assert usable_cpus(root) == 3


def test_here():
    """On this machine there is at least one, and no more than affinity allows."""
    assert 1 <= usable_cpus() <= 64


@pytest.mark.parametrize(
    ("workers", "expected"), [(None, 8), (1, 1), (3, 3), (20, 20), (-1, 7), (-7, 1), (-8, 1), (-100, 1)]
)
def test_workers(workers, expected):
    """None means all usable CPUs, n means n, -n all but n and at least 1."""
    assert resolve_workers(workers, 8) == expected


def test_no_workers():
    """0 workers mean nothing."""
    with pytest.raises(ValueError) as error:  # noqa: PT011
        resolve_workers(0, 8)
    assert str(error.value) == "0 workers"
