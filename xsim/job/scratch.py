"""Scratch: the folder in which a process of a member runs its programs."""

from __future__ import annotations

import os
import shutil
from contextlib import suppress
from pathlib import Path

from xsim.errors import ProgramError


class Scratch:
    """A folder that is made, empty, when it is first asked for.

    Parameters
    ----------
    path : Path
        What an earlier attempt has left there is deleted.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self.made = False

    @property
    def path(self) -> Path:
        """The folder."""
        if not self.made:
            if self._path.exists():
                shutil.rmtree(self._path)
            self._path.mkdir(parents=True)
            self.made = True
        return self._path

    def forget(self, name: str) -> None:
        """Delete a file or folder that a program is to write.

        Raises
        ------
        ProgramError
            If it is not in this folder, but somewhere else, where others may need it.
        """
        target = self.path / name
        folder = self.path.resolve()
        if target == self.path or not target.parent.resolve().is_relative_to(folder) or target.name == "..":
            raise ProgramError(
                "what a program must write is in its scratch folder",
                got=repr(name),
                expected=f"a path in {self.path}",
                remedy="it is deleted before the program starts; copy it to other places afterwards",
            )
        if target.is_dir() and not target.is_symlink():
            shutil.rmtree(target)
        else:
            target.unlink(missing_ok=True)

    def link(self, source: str | os.PathLike[str], name: str | None = None) -> Path:
        """Show a file or folder in this one, without a copy where the system can do so.

        Raises
        ------
        ProgramError
            If there is no such file, or another one has its name here.
        """
        source = Path(source).absolute()
        target = self.path / (name or source.name)
        if not source.exists():
            raise ProgramError(
                "an input of a program does not exist",
                got=str(source),
                expected="a file or a folder",
                remedy="the path counts from the folder in which the run was started, or is absolute",
            )
        if target.exists():
            raise ProgramError(
                f"two inputs of a program have the name {target.name!r}",
                got=str(source),
                expected=f"a name that is not there yet: {', '.join(sorted(os.listdir(self.path)))} are",
                remedy="give it another one: job.link(source, name=...)",
            )
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            target.symlink_to(source, source.is_dir())
        except OSError:  # Windows allows it to some users only
            self._copy(source, target)
        return target

    @staticmethod
    def _copy(source: Path, target: Path) -> None:
        if source.is_dir():
            shutil.copytree(source, target)
            return
        try:
            os.link(source, target)
        except OSError:
            shutil.copy2(source, target)

    def remove(self) -> None:
        """Delete the folder, and the ones above it that are the run's own if they are empty now."""
        if self.made:
            shutil.rmtree(self._path, ignore_errors=True)
            self.made = False
            with suppress(OSError):  # unless others have theirs in them
                self._path.parent.rmdir()
                self._path.parent.parent.rmdir()
