"""The version of xsim."""

__version__ = "0.1.0.dev0"
