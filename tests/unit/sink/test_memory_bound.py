"""Memory while running does not grow with the length of the run (DESIGN §S2, §B10)."""

import tracemalloc

import numpy as np

import xsim as xs

ROW = 1000  # floats: 8 kB a label


@xs.process
class Source:
    v = xs.variable(dims="x", intent="out")

    @xs.runtime(args="step")
    def run_step(self, step):
        self.v = np.full(ROW, float(step))


def test_a_run_holds_a_chunk_of_rows(tmp_path):
    """A run of 16 MB in chunks of 80 kB never holds 2 MB."""
    model = xs.Model({"source": Source})
    setup = xs.create_setup(model, {"t": np.arange(2000)}, output_vars={"source__v": "t"})
    encoding = {"source__v": {"chunks": (10,), "compressors": None}}
    setup.isel(t=slice(3)).xsim.run(model, store=tmp_path / "first.zarr", encoding=encoding)  # imports and caches

    tracemalloc.start()
    result = setup.xsim.run(model, store=tmp_path / "out.zarr", encoding=encoding)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert result.source__v.nbytes == 2000 * ROW * 8
    assert peak < 2e6
