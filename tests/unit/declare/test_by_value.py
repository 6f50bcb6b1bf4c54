"""Classes of notebooks and scripts, which worker processes cannot import (DESIGN §V1)."""

import subprocess
import sys
import textwrap

WRITE = """
    import sys, cloudpickle, xsim as xs

    @xs.process
    class Source:
        v = xs.variable(dims=xs.MAIN_CLOCK, intent="out")
        w = xs.variable(default=2, validator=lambda process, attribute, value: None)
        lazy = xs.on_demand()

        @lazy.compute(cache=True)
        def _lazy(self):
            return 2 * self.w

        def initialize(self):
            self.v = 3

    @xs.process
    class Sub(Source):
        w = xs.foreign(Source, "v")

    @xs.process
    class Again(Sub):
        w = xs.variable(default=4)

    @xs.process
    class Reader:
        f = xs.foreign(Source, "lazy")

    model = xs.Model({"reader": Reader, "again": Again})
    sys.stdout.buffer.write(cloudpickle.dumps((model, Again(w=5), Source)))
"""
READ = """
    import sys, pickle

    model, bare, source = pickle.load(sys.stdin.buffer)
    model.update_state({("again", "w"): 6})
    model.execute("initialize", {})
    dims = model.graph.specs["again"].variables["v"].dims
    print(list(model), dict(model.state), model.reader.f, bare.lazy, type(bare) is type(model.again))
    print(issubclass(type(bare), source), dims, "Source" in vars(sys.modules["__main__"]))
"""


def run(script, given=None):
    """Run a script in an interpreter of its own."""
    command = [sys.executable, "-W", "error", "-c", textwrap.dedent(script)]
    return subprocess.run(command, input=given, stdout=subprocess.PIPE, check=True).stdout


def test_classes_of_main_travel_by_value():
    """Models, objects and classes defined in `__main__` work where that module cannot be imported (DESIGN §V1)."""
    assert (
        run(READ, run(WRITE)).decode().splitlines()
        == textwrap.dedent(
            """
            ['again', 'reader'] {('again', 'v'): 3, ('again', 'w'): 6} 12 10 True
            True ((MAIN_CLOCK,),) False
            """
        )
        .strip()
        .splitlines()
    )
