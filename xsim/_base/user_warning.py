"""Warnings that point at the line of a user, however deep in xsim they come up."""

from __future__ import annotations

import contextlib
import os
import sys
import warnings
from pathlib import Path

PASSED_OVER = (f"{Path(__file__).parents[1]}{os.sep}", contextlib.__file__)
"""Files whose lines are not the user's: those of xsim, and what leaves its contexts."""


def warn_user(message: str, category: type[Warning]) -> None:
    """Warn at the line from which xsim was called."""
    level = 2
    frame = sys._getframe(1)
    while frame.f_back is not None and frame.f_code.co_filename.startswith(PASSED_OVER):
        frame = frame.f_back
        level += 1
    warnings.warn(message, category, stacklevel=level)
