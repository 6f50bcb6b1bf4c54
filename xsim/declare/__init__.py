"""What a modeller writes: variables, process classes and their stage methods."""
