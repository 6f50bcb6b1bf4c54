"""What git knows of the file that source text comes from."""

from __future__ import annotations

import os
import subprocess
import threading
from functools import cache
from pathlib import Path

import attrs

PATIENCE = 2.0
"""Seconds that git may take; nothing waits for it longer."""


@attrs.frozen
class Repository:
    """A git repository as it was when it was first looked at.

    Attributes
    ----------
    commit : str
        Hash of the commit that is checked out.
    dirty : bool
        Whether files that git tracks have changed since.
    files : frozenset of str
        Python files that git tracks, relative to the root.
    """

    commit: str
    dirty: bool
    files: frozenset[str]


_LOOKED_AT: dict[Path, Repository | None] = {}
_LOOKING = threading.Lock()


def repository_of(path: str | os.PathLike[str]) -> Repository | None:
    """Give the repository that tracks a file; None without one, without git, or where git takes too long.

    Each repository is looked at once in the life of a process.
    """
    path = Path(path).resolve()
    root = _root_of(path.parent)
    if root is None:
        return None
    with _LOOKING:
        if root not in _LOOKED_AT:
            _LOOKED_AT[root] = _look_at(root)
        found = _LOOKED_AT[root]
    # An environment of packages, or a draft, may lie in the folder of a repository that knows nothing of it.
    return found if found is not None and path.relative_to(root).as_posix() in found.files else None


@cache
def _root_of(folder: Path) -> Path | None:
    # In the root of a worktree or submodule ".git" is a file.
    return next((each for each in (folder, *folder.parents) if (each / ".git").exists()), None)


def _look_at(root: Path) -> Repository | None:
    status = _git(root, "status", "--porcelain=v2", "--branch", "--untracked-files=no")
    files = _git(root, "ls-files", "-z", "--", "*.py")
    if status is None or files is None:
        return None
    lines = status.splitlines()
    commit = next((line.removeprefix("# branch.oid ") for line in lines if line.startswith("# branch.oid ")), "")
    if not commit or commit == "(initial)":
        return None
    return Repository(commit, any(not line.startswith("#") for line in lines), frozenset(files.split("\0")))


def _git(root: Path, *arguments: str) -> str | None:
    # Without variables of a git that runs this, e.g. in a hook, which would send it to another repository.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    try:
        done = subprocess.run(
            ["git", "-c", "core.fsmonitor=false", "-C", str(root), *arguments],
            env={**environment, "GIT_OPTIONAL_LOCKS": "0"},  # it only looks: nothing is written
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=PATIENCE,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.decode("utf-8", "surrogateescape")
