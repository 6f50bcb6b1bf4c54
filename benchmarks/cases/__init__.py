"""All cases; importing this registers them."""

from benchmarks.cases import building, fixed, growth, loop, members, parallel, saving, sweep

__all__ = ["building", "fixed", "growth", "loop", "members", "parallel", "saving", "sweep"]
