"""What was saved, as one labelled ``xarray.Dataset``."""
