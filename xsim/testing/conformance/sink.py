"""What every sink of single runs has to do (`xsim.sink.protocol.Sink`)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pytest
import xarray as xr

from xsim.declare.variable import index, variable
from xsim.errors import XsimError
from xsim.plan.run_plan import RunPlan
from xsim.setup.attributes import OUTCOME
from xsim.sink.protocol import Sink
from xsim.testing.conformance.values import DTYPES, padded, some_values, unlike
from xsim.testing.plays import plan_of, player, promise

MakeSink = Callable[[], Sink]


class SinkSuite:
    """The promises of sinks of single runs.

    A subclass gives a fixture ``make_sink``, a function that makes an empty sink whenever it is called, and a method
    `read`.

    Attributes
    ----------
    notes_outcome : bool
        Whether the sink itself keeps how a run ended, as attribute ``xsim_outcome`` of what `read` gives.
    """

    notes_outcome = True

    @pytest.fixture
    def make_sink(self) -> MakeSink:
        """Give a function that makes a sink."""
        raise NotImplementedError(f"{type(self).__name__} lacks a fixture `make_sink`: a function that makes a sink")

    def read(self, sink: Any, plan: RunPlan) -> xr.Dataset:
        """Give what a closed sink has kept, decoded as xarray does it: what is missing is NaN where that is possible.

        Parameters
        ----------
        sink : Sink
            As ``make_sink`` made it, after `close`.
        plan : RunPlan
            Of the run.
        """
        raise NotImplementedError(f"{type(self).__name__} lacks a method `read`")

    # -- what the tests are made of ---------------------------------------------------------------------------------

    def save(self, sink: Sink, plan: RunPlan, values: Mapping[str, Sequence[Any]], outcome: str = "done") -> xr.Dataset:
        """Put values of outputs, turn by turn as in a run, and read them."""
        sink.preflight(plan)
        buffers = {output.key[1]: buffer for output, buffer in zip(plan.outputs, sink.open(plan), strict=True)}
        for row in range(max(map(len, values.values()), default=0)):
            for name, rows in values.items():
                if row < len(rows):
                    buffers[name].put(rows[row])
        sink.close(outcome, {})
        return self.read(sink, plan)

    def save_one(
        self, sink: Sink, rows: Sequence[Any], dims: Any = (), nlabels: int | None = None, **options: Any
    ) -> xr.DataArray:
        """Save the rows of one output ``p__v``."""
        nlabels = len(rows) if nlabels is None else nlabels
        plan = plan_of(_one_variable(dims), {"v": "t"}, nlabels=nlabels, **options)
        return self.save(sink, plan, {"v": rows})["p__v"]

    # -- promises ---------------------------------------------------------------------------------------------------

    def test_a_buffer_for_each_output(self, make_sink: MakeSink) -> None:
        """`open` gives a buffer for each planned output, in their order."""
        declared = {"x": index("x"), "a": variable(intent="out"), "b": variable(intent="out")}
        plan = plan_of(player(declared, _nothing), {"b": "t", "a": None})
        sink = make_sink()
        sink.preflight(plan)
        found = [buffer.output.name for buffer in sink.open(plan)]
        expected = [output.name for output in plan.outputs]
        promise(found == expected, "one buffer for each planned output, in order", got=found, expected=expected)

    @pytest.mark.parametrize("dtype", DTYPES)
    def test_types(self, make_sink: MakeSink, dtype: str) -> None:
        """A complete output keeps its type and its values, zeros and NaN included (§S1)."""
        rows = some_values(dtype, 5)
        found = self.save_one(make_sink(), rows)
        wrong = unlike(found.values, padded(rows, 5))
        promise(not wrong, f"{dtype} comes back as it was saved", got=wrong)

    @pytest.mark.parametrize("dtype", ["int64", "bool", "float32", "text", "datetime64[ns]"])
    def test_arrays(self, make_sink: MakeSink, dtype: str) -> None:
        """So do arrays of any number of dimensions, and 0-d ones."""
        values = np.array(some_values(dtype, 24), dtype=object if dtype == "text" else dtype)
        for dims, shape in (((), (4,)), (("x",), (4, 6)), (("y", "x"), (4, 2, 3))):
            rows = [np.asarray(row) for row in values[: int(np.prod(shape))].reshape(shape)]
            found = self.save_one(make_sink(), rows, dims)
            wrong = unlike(found.values, padded(rows, 4))
            promise(not wrong, f"arrays of {len(dims)} dimension(s) come back", got=wrong)

    def test_values_are_copies(self, make_sink: MakeSink) -> None:
        """Changing a value in place after it was saved does not change the past (§V4)."""
        for encoding in ({}, {"chunks": (1,)}, {"chunks": (3,)}):
            plan = plan_of(_one_variable("x"), {"v": "t"}, nlabels=7, encoding={"p__v": encoding})
            sink = make_sink()
            sink.preflight(plan)
            (buffer,) = sink.open(plan)
            value = np.zeros(2)
            for i in range(7):
                value[:] = i
                buffer.put(value)
                value[:] = -1
            sink.close("done", {})
            found = self.read(sink, plan)["p__v"].values
            expected = np.repeat(np.arange(7.0), 2).reshape(7, 2)
            wrong = unlike(found, expected)
            promise(not wrong, f"values are copies (encoding {encoding})", got=wrong)

    @pytest.mark.parametrize("chunk", [None, 1, 4, 100])
    def test_order(self, make_sink: MakeSink, chunk: int | None) -> None:
        """Rows keep their order, however many make a chunk."""
        encoding = {} if chunk is None else {"p__v": {"chunks": (chunk,)}}
        found = self.save_one(make_sink(), list(range(23)), encoding=encoding)
        wrong = unlike(found.values, np.arange(23))
        promise(not wrong, f"rows keep their order (chunks of {chunk})", got=wrong)

    def test_clocks(self, make_sink: MakeSink) -> None:
        """Each output has the labels of its clock; without one it has a single value."""
        declared = {name: variable(intent="out") for name in ("all", "some", "end")}
        plan = plan_of(
            player(declared, _nothing), {"all": "t", "some": "few", "end": None}, nlabels=5, clocks={"few": [1, 3]}
        )
        result = self.save(make_sink(), plan, {"all": [1, 2, 3, 4, 5], "some": [7, 8], "end": [9]})
        for name, dims, expected in (("all", ("t",), [1, 2, 3, 4, 5]), ("some", ("few",), [7, 8]), ("end", (), 9)):
            found = result[f"p__{name}"]
            promise(found.dims == dims, "outputs lie along their clock", got=found.dims, expected=dims)
            wrong = unlike(found.values, np.asarray(expected))
            promise(not wrong, f"an output along {dims} has its values", got=wrong)

    def test_dims_and_attributes(self, make_sink: MakeSink) -> None:
        """Outputs have the planned dimensions, the clock first, and the attributes of their variable."""
        declared = {"v": variable(dims=["x", ("y", "x")], intent="out", attrs={"units": "m", "n": 3})}
        for value, own in ((np.zeros(3), ("x",)), (np.zeros((2, 3)), ("y", "x"))):
            plan = plan_of(player(declared, _nothing), {"v": "t"}, nlabels=2)
            found = self.save(make_sink(), plan, {"v": [value, value]})["p__v"]
            promise(found.dims == ("t", *own), "dimensions are as planned", got=found.dims, expected=("t", *own))
            expected = plan.outputs[0].attrs_of(("t", *own))
            lost = {name: value for name, value in expected.items() if found.attrs.get(name) != value}
            promise(not lost, "attributes are kept", got=found.attrs, expected=expected)

    def test_index_variables(self, make_sink: MakeSink) -> None:
        """An index variable is kept under its own bare name."""
        plan = plan_of(player({"x": index("x"), "v": variable(dims="x", intent="out")}, _nothing), {"v": None})
        result = self.save(make_sink(), plan, {"x": [[3, 4]], "v": [np.ones(2)]})
        promise("x" in result.variables, "an index has its bare name", got=list(result.variables), expected="'x'")
        wrong = unlike(result["x"].values, np.array([3, 4]))
        promise(result["x"].dims == ("x",) and not wrong, "an index keeps its values", got=wrong)

    @pytest.mark.parametrize("dtype", ["float64", "int64", "bool", "text"])
    @pytest.mark.parametrize("sizes", [(1, 3, 2), (3, 0, 1), (0, 2, 2)])
    @pytest.mark.parametrize("chunk", [None, 1])
    def test_arrays_that_grow(self, make_sink: MakeSink, dtype: str, sizes: tuple[int, ...], chunk: int | None) -> None:
        """Arrays may grow and shrink; what is missing is missing, and nothing else (§S1)."""
        values = np.array(some_values(dtype, 10)[2:], dtype=object if dtype == "text" else dtype)
        rows = [values[:n] for n in sizes]
        encoding = {} if chunk is None else {"p__v": {"chunks": (chunk,)}}
        found = self.save_one(make_sink(), rows, "x", encoding=encoding)
        wrong = unlike(found.values, padded(rows, 3), masked=True)
        promise(not wrong, f"arrays of sizes {sizes} come back, padded as missing", got=wrong)

    def test_shared_dimension(self, make_sink: MakeSink) -> None:
        """Outputs that share a dimension get the same size along it."""
        declared = {name: variable(dims="x", intent="out") for name in "ab"}
        plan = plan_of(player(declared, _nothing), {"a": "t", "b": "t"}, nlabels=2)
        rows = {"a": [np.zeros(1), np.ones(3)], "b": [np.zeros(2), np.ones(2)]}
        result = self.save(make_sink(), plan, rows)
        sizes = {name: result[f"p__{name}"].shape for name in "ab"}
        promise(sizes == {"a": (2, 3), "b": (2, 3)}, "a shared dimension has one size", got=sizes, expected="(2, 3)")

    @pytest.mark.parametrize("dtype", DTYPES)
    def test_missing_rows(self, make_sink: MakeSink, dtype: str) -> None:
        """Labels that the run did not reach are missing (§S1)."""
        rows = some_values(dtype, 3)
        found = self.save_one(make_sink(), rows, nlabels=5)
        wrong = unlike(found.values, padded(rows, 5), masked=True)
        promise(not wrong, f"rows of {dtype} that were not saved are missing, the others are not", got=wrong)

    @pytest.mark.parametrize("value", [np.iinfo("int64").min, 2**53 + 1], ids=["fill value", "large"])
    def test_integers_that_cannot_be_masked(self, make_sink: MakeSink, value: int) -> None:
        """Integers that a float cannot hold, or that equal the fill value, stay as they are where rows are missing."""
        found = self.save_one(make_sink(), [value, 1], nlabels=3)
        promise(found.dtype == np.int64, "they stay integers", got=found.dtype, expected="int64")
        promise(found.values[:2].tolist() == [value, 1], "they keep their values", got=found.values)
        promise("xsim_missing" in found.attrs, "an attribute tells of missing values", got=found.attrs)

    def test_what_was_not_saved(self, make_sink: MakeSink) -> None:
        """An output without a single value is not there; the others are."""
        declared = {name: variable(intent="out") for name in "ab"}
        plan = plan_of(player(declared, _nothing), {"a": "t", "b": "t"}, nlabels=2)
        result = self.save(make_sink(), plan, {"a": [1, 2]})
        promise("p__b" not in result, "what was never saved is not there", got=list(result))
        promise("p__a" in result, "what was saved is there", got=list(result), expected="'p__a'")

    def test_no_outputs(self, make_sink: MakeSink) -> None:
        """A run without outputs can be closed too."""
        plan = plan_of(player({}, _nothing), {})
        result = self.save(make_sink(), plan, {})
        found = [name for name in result if str(name).startswith("p__") and name != "p__number"]
        promise(not found, "no outputs, no arrays", got=found)

    @pytest.mark.parametrize("outcome", ["done", "failed", "cancelled"])
    def test_outcome(self, make_sink: MakeSink, outcome: str) -> None:
        """However a run ends, what was saved until then is kept, and how it ended is noted."""
        plan = plan_of(_one_variable(()), {"v": "t"}, nlabels=5, encoding={"p__v": {"chunks": (2,)}})
        result = self.save(make_sink(), plan, {"v": [1.0, 2.0, 3.0]}, outcome)
        wrong = unlike(result["p__v"].values, np.array([1, 2, 3, np.nan, np.nan]))
        promise(not wrong, f"values are kept when a run is {outcome}", got=wrong)
        if self.notes_outcome:
            found = result.attrs.get(OUTCOME)
            promise(found == outcome, "how the run ended is noted", got=found, expected=outcome)

    def test_refusals_come_first(self, make_sink: MakeSink) -> None:
        """An encoding that cannot work is refused by `preflight`, and nothing has been written then (§E1)."""
        cls = _one_variable(())
        sink = make_sink()
        bad = plan_of(cls, {"v": "t"}, nlabels=2, encoding={"p__v": {"dtype": "no such type"}})
        refused = False
        try:
            sink.preflight(bad)
        except XsimError:
            refused = True
        promise(refused, "preflight refuses a type that is none")
        good = plan_of(cls, {"v": "t"}, nlabels=2)
        sink.preflight(good)  # looking writes nothing
        found = self.save(sink, good, {"v": [1, 2]})["p__v"].values
        promise(found.tolist() == [1, 2], "a run goes after a refusal as if there had been none", got=found)

    def test_sinks_are_apart(self, make_sink: MakeSink) -> None:
        """Two sinks in use at the same time share nothing."""
        plans = [plan_of(_one_variable("x"), {"v": "t"}, nlabels=2) for _ in range(2)]
        sinks = [make_sink(), make_sink()]
        for sink, plan in zip(sinks, plans, strict=True):
            sink.preflight(plan)
        buffers = [sink.open(plan)[0] for sink, plan in zip(sinks, plans, strict=True)]
        for row in range(2):
            for number, buffer in enumerate(buffers):
                buffer.put(np.full(2, 10 * number + row))
        for sink in sinks:
            sink.close("done", {})
        for number, (sink, plan) in enumerate(zip(sinks, plans, strict=True)):
            expected = 10 * number + np.array([[0, 0], [1, 1]])
            wrong = unlike(self.read(sink, plan)["p__v"].values, expected)
            promise(not wrong, "sinks share nothing", got=wrong)


def _one_variable(dims: Any) -> type:
    return player({"v": variable(dims=dims, intent="out")}, _nothing)


def _nothing(member: int, label: int) -> dict[str, Any]:
    return {}
