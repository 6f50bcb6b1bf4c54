"""Runs a plan: state, stages and the loop over steps."""
