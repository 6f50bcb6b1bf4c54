"""Benchmarks: xsim beside the same work written by hand, measured in one run, as ratios of slopes (DESIGN §5)."""
