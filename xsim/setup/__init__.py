"""The setup dataset: clocks, input values and output requests, kept in a plain ``xarray.Dataset``."""
