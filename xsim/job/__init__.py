"""Jobs: external programs that processes run, each in a folder of its own, and ended with all that they started."""
