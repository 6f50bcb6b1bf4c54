"""Random values of any type that can be saved."""

from __future__ import annotations

from typing import Any

import hypothesis.extra.numpy as hnp
import numpy as np
from hypothesis import strategies as st

_INTEGERS = [f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)]
_FLOATS = ["float16", "float32", "float64", "complex64", "complex128"]
_DATES = [f"{kind}[{unit}]" for kind in ("datetime64", "timedelta64") for unit in ("s", "ms", "us", "ns")]
_KINDS = {"number": [*_INTEGERS, *_FLOATS], "date": _DATES, "bool": ["bool"], "bytes": ["S1", "S3"], "text": ["text"]}


def dtypes(*kinds: str) -> st.SearchStrategy[str]:
    """Make names of types that outputs may have, among them ``"text"``.

    Parameters
    ----------
    *kinds : {"number", "date", "bool", "bytes", "text"}
        By default all.
    """
    return st.sampled_from([name for kind in kinds or _KINDS for name in _KINDS[kind]])


def arrays(dtype: str, shape: tuple[int, ...] | st.SearchStrategy[tuple[int, ...]]) -> st.SearchStrategy[Any]:
    """Make arrays that can be saved.

    Parameters
    ----------
    dtype : str
        As `dtypes` gives it.
    shape : tuple of int, or strategy of such
    """
    if dtype == "text":
        return hnp.arrays(object, shape, elements=st.text(max_size=5), fill=st.nothing())
    if np.dtype(dtype).kind in "mM":  # small ones: xarray's own dates reach less far than numpy's
        elements = st.integers(-(10**6), 10**6)
        return hnp.arrays("int64", shape, elements=elements).map(lambda array: array.astype(dtype))
    return hnp.arrays(dtype, shape)
