"""Finds the variable behind numpy's complaint that an array is read-only."""

from __future__ import annotations

import linecache
import re
import traceback
from collections.abc import Mapping, Sequence
from types import FrameType
from typing import Any

import numpy as np


def culprits(error: BaseException, given: Mapping[str, Sequence[np.ndarray[Any, Any]]]) -> list[str]:
    """Name the variables that the line which raised an error may have tried to change.

    Parameters
    ----------
    error : BaseException
    given : mapping of str to sequence of numpy.ndarray
        Read-only views that a process was given, by the name of the variable.

    Returns
    -------
    list of str
        Those whose name, or a local name of whose array, stands in the innermost line that has any. None if there the
        only read-only arrays are of another origin; all if no line tells.
    """
    frames = list(traceback.walk_tb(error.__traceback__))
    for frame, line in reversed(frames):
        words, arrays = _read_only_arrays(frame, line)
        held = [name for name, views in given.items() if any(_share(view, arrays) for view in views)]
        found = dict.fromkeys([*held, *(name for name in given if name in words)])
        if found or arrays:
            return list(found)
    return list(given)


def _read_only_arrays(frame: FrameType, line: int) -> tuple[set[str], list[np.ndarray[Any, Any]]]:
    """Give the words of a line, and the read-only arrays among them."""
    words = set(re.findall(r"\w+", linecache.getline(frame.f_code.co_filename, line)))
    values = [value for name, value in frame.f_locals.items() if name in words]
    return words, [value for value in values if isinstance(value, np.ndarray) and not value.flags.writeable]


def _share(view: np.ndarray[Any, Any], arrays: Sequence[np.ndarray[Any, Any]]) -> bool:
    return any(np.may_share_memory(view, array) for array in arrays)
