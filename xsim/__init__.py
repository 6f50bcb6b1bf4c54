"""Simulation modelling with xarray: declare processes, link them into a model, run it, get a labelled Dataset."""

__version__ = "0.1.0.dev0"
