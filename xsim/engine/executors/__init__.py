"""What runs tasks: here and now, in threads, or in worker processes. One file for each."""
