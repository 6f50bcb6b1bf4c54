"""Watching runs: ``from xsim.monitoring import ProgressBar``."""

from xsim.monitor.progress import ProgressBar

__all__ = ["ProgressBar"]
