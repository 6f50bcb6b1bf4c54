"""Hypothesis strategies: random models, setups, values, and ways of running.

They need hypothesis, which ``pip install "xarray-xsim[testing]"`` brings.

Examples
--------
A property of one's own model, for any clocks, inputs and outputs: results in a store are those in memory.

>>> import hypothesis
>>> from hypothesis import strategies as st
>>> import xsim as xs
>>> @xs.process
... class Growth:
...     rate = xs.variable()
...     size = xs.variable(intent="inout", default=1.0)
...     def run_step(self):
...         self.size *= 1 + self.rate
>>> model = xs.Model({"growth": Growth})
>>> setups = xs.testing.strategies.setups(model, inputs={"growth__rate": st.floats(0, 1)})
>>> @hypothesis.settings(max_examples=5, deadline=None, database=None)
... @hypothesis.given(setups)
... def test_store(setup):
...     xs.testing.assert_identical_runs(setup.xsim.run(model), setup.xsim.run(model, store={}))
>>> test_store()
"""

from __future__ import annotations

try:
    import hypothesis  # noqa: F401
except ImportError as error:
    raise ImportError("xsim.testing.strategies needs hypothesis: pip install 'xarray-xsim[testing]'") from error

from xsim.testing.strategies.clocks import clocks
from xsim.testing.strategies.models import drafts, model_inputs, models
from xsim.testing.strategies.options import run_options
from xsim.testing.strategies.setups import setups
from xsim.testing.strategies.values import arrays, dtypes

__all__ = ["models", "model_inputs", "drafts", "clocks", "setups", "run_options", "dtypes", "arrays"]
