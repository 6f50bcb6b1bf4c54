"""Progress of runs: subscribes to the events of the engine."""
