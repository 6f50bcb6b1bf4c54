"""Watching runs: ``from xsim.monitoring import LiveStatus, ProgressBar``."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from xsim.monitor.progress import ProgressBar

if TYPE_CHECKING:
    from xsim.engine.status import Status
    from xsim.monitor.live import LiveStatus

__all__ = ["LiveStatus", "ProgressBar", "Status"]

_LATER = {"LiveStatus": "xsim.monitor.live", "Status": "xsim.engine.status"}


def __getattr__(name: str) -> Any:
    # Imported when used, like all that runs models.
    if name in _LATER:
        return getattr(import_module(_LATER[name]), name)
    raise AttributeError(f"module 'xsim.monitoring' has no attribute {name!r}")
