"""What git knows of a source file (DESIGN §S5)."""

import os
import subprocess

import pytest

from xsim._base import repository
from xsim._base.repository import repository_of


def git(folder, *arguments):
    # Settings of the person that runs the tests stay out.
    command = ["git", "-c", "user.name=n", "-c", "user.email=e@x", "-c", "commit.gpgsign=false", *arguments]
    done = subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True)
    return done.stdout.strip()


@pytest.fixture(autouse=True)
def _forget(monkeypatch):
    """Look at repositories anew in each test."""
    monkeypatch.setattr(repository, "_LOOKED_AT", {})
    repository._root_of.cache_clear()


@pytest.fixture
def tree(tmp_path):
    """A repository with one commit of one module in a folder."""
    (tmp_path / "pack").mkdir()
    (tmp_path / "pack" / "heat.py").write_text("x = 1\n")
    git(tmp_path, "init", "-q")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-qm", "one")
    return tmp_path


def test_a_clean_tree(tree):
    """The commit that is checked out is given, and that nothing has changed since."""
    found = repository_of(tree / "pack" / "heat.py")

    assert (found.commit, found.dirty) == (git(tree, "rev-parse", "HEAD"), False)


@pytest.mark.parametrize("staged", [False, True])
def test_a_changed_tree(tree, staged):
    """Changes of any file that git tracks make a tree dirty, staged or not."""
    (tree / "pack" / "other.py").write_text("")
    git(tree, "add", ".")
    git(tree, "commit", "-qm", "two")
    (tree / "pack" / "other.py").write_text("y = 2\n")
    if staged:
        git(tree, "add", ".")

    assert repository_of(tree / "pack" / "heat.py").dirty


def test_files_that_git_does_not_track(tree):
    """A commit says nothing of a file that it does not hold; such a file makes no tree dirty."""
    (tree / "draft.py").write_text("")

    assert repository_of(tree / "draft.py") is None
    assert not repository_of(tree / "pack" / "heat.py").dirty


def test_through_a_link(tree, tmp_path_factory):
    """What counts is where a file is, not through which link it was found."""
    link = tmp_path_factory.mktemp("elsewhere") / "heat.py"
    link.symlink_to(tree / "pack" / "heat.py")

    assert repository_of(link) == repository_of(tree / "pack" / "heat.py") is not None


def test_a_worktree(tree, tmp_path_factory):
    """A worktree is a repository, with a commit of its own."""
    folder = tmp_path_factory.mktemp("worktree") / "w"
    git(tree, "worktree", "add", "-q", str(folder), "-b", "side")
    (folder / "pack" / "heat.py").write_text("x = 2\n")
    git(folder, "commit", "-qam", "two")

    assert repository_of(folder / "pack" / "heat.py").commit == git(folder, "rev-parse", "HEAD")
    assert repository_of(tree / "pack" / "heat.py").commit == git(tree, "rev-parse", "HEAD")


def test_no_repository(tmp_path, monkeypatch):
    """Outside of repositories git is not even asked."""
    monkeypatch.setattr(subprocess, "run", lambda *args, **options: pytest.fail("git was run"))
    (tmp_path / "heat.py").write_text("")

    assert repository_of(tmp_path / "heat.py") is None


def test_no_commit(tmp_path):
    """A repository without a commit has none to give."""
    (tmp_path / "heat.py").write_text("")
    git(tmp_path, "init", "-q")
    git(tmp_path, "add", ".")

    assert repository_of(tmp_path / "heat.py") is None


def test_a_repository_is_looked_at_once(tree, monkeypatch):
    """Each repository is looked at once in the life of a process, also if that brought nothing."""
    calls = []
    monkeypatch.setattr(repository, "_look_at", lambda root: calls.append(root))
    for _ in range(3):
        assert repository_of(tree / "pack" / "heat.py") is None

    assert calls == [tree.resolve()]


def test_without_git(tree, monkeypatch):
    """Without git there is nothing to know."""
    monkeypatch.setenv("PATH", str(tree))

    assert repository_of(tree / "pack" / "heat.py") is None


def test_git_that_hangs(tree, monkeypatch):
    """Nothing waits for a git that takes too long."""
    script = tree / "git"
    script.write_text("#!/bin/sh\nexec sleep 60\n")
    script.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tree}:{os.environ['PATH']}")
    monkeypatch.setattr(repository, "PATIENCE", 0.1)

    assert repository_of(tree / "pack" / "heat.py") is None


def test_in_a_hook_of_git(tree, tmp_path_factory, monkeypatch):
    """Variables of a git that runs this process do not send it to another repository."""
    other = tmp_path_factory.mktemp("other")
    git(other, "init", "-q")
    monkeypatch.setenv("GIT_DIR", str(other / ".git"))
    found = repository_of(tree / "pack" / "heat.py")
    monkeypatch.delenv("GIT_DIR")

    assert found.commit == git(tree, "rev-parse", "HEAD")


def test_nothing_is_written(tree):
    """Looking at a repository leaves its files as they are, the index too."""
    (tree / "pack" / "heat.py").touch()
    before = (tree / ".git" / "index").stat().st_mtime_ns, (tree / ".git" / "index").read_bytes()
    assert repository_of(tree / "pack" / "heat.py") is not None

    assert before == ((tree / ".git" / "index").stat().st_mtime_ns, (tree / ".git" / "index").read_bytes())
