"""Small nouns that every floor uses; they know nothing of processes, models or datasets."""
