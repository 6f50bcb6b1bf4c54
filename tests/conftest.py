"""Settings for all tests."""

from __future__ import annotations

import os

from hypothesis import settings

# CI repeats the same examples, so that a red run is about the change; people get new ones each time.
settings.register_profile("ci", derandomize=True, deadline=None)
if os.environ.get("CI"):
    settings.load_profile("ci")
