"""The accessor ``.xsim`` of datasets."""

from xsim.accessor.running import XsimAccessor

__all__ = ["XsimAccessor"]
