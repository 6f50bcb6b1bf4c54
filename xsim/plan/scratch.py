"""Where the external programs of a run have their folders."""

from __future__ import annotations

import os
import tempfile
import uuid
from pathlib import Path

from xsim.plan.options import RunOptions


def scratch_root(options: RunOptions) -> Path:
    """Give the folder: the one asked for, one beside the store, or one of the system's for temporary files.

    It is made when a program needs it. Beside a store it is found again when a run goes on.
    """
    if options.scratch is not None:
        return Path(options.scratch).absolute() / f"xsim-{uuid.uuid4().hex[:12]}"
    store = options.store
    if isinstance(store, (str, os.PathLike)) and "://" not in os.fspath(store):
        path = Path(store).absolute()
        return path.with_name(f"{path.name}.scratch")
    return Path(tempfile.gettempdir()) / f"xsim-{uuid.uuid4().hex[:12]}"


def member_folder(root: Path, member: int | None) -> Path:
    """Give the folder of a member; None is the only one of a single run."""
    return root / ("run" if member is None else f"member-{member:06d}")
