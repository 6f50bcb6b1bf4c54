"""Each rule of `xs.testing.check_process` lets good processes pass, and finds those that break it."""

import textwrap
import threading
from typing import ClassVar

import numpy as np
import pytest

import xsim as xs
from xsim import errors
from xsim.testing import check_process, findings
from xsim.testing.check import RULES


def message(text):
    return textwrap.dedent(text).strip()


@xs.process
class Source:
    field = xs.variable(dims="x", intent="out", groups="fields", global_name="field")
    box = xs.any_object()


@xs.process
class Good:
    field = xs.foreign(Source, "field")
    box = xs.foreign(Source, "box")
    same = xs.global_ref("field")
    fields = xs.group("fields")
    by_name = xs.group_dict("fields")
    k = xs.variable(default=2)
    kind = xs.variable(default="fast", static=True)
    level = xs.variable(dims=[(), "x"], intent="inout")
    x = xs.index("x")
    out = xs.variable(dims="x", intent="out")
    many = xs.variable(dims="y", intent="out")
    word = xs.variable(intent="out")
    tool = xs.any_object()
    total = xs.on_demand()

    def initialize(self):
        self.x = [1, 2]
        self.tool = {"made": self.kind}
        self._rng = None
        self.many = np.zeros(0)

    @xs.runtime(args="rng, step_delta")
    def run_step(self, rng, dt):
        self._rng = rng
        self.out = self.field * self.k * rng.random() + sum(self.fields) + self.same
        self.level += 1
        self.many = np.append(self.many, dt)
        self.word = "x" * len(self.many)
        self.box.append(self.word)  # objects are written into by who reads them (§O3)

    @total.compute
    def _total(self):
        return float(np.sum(self.out))


def values():
    return {"field": [1.0, 2.0], "same": np.ones(2), "fields": [np.ones(2)], "level": 0, "box": []}


GIVEN = values() | {"field": np.array([1.0, 2.0])}


def test_good_process():
    """A process that keeps all rules passes; its run is given."""
    run = check_process(Good, GIVEN, steps=3)
    assert run.level == 3
    assert run.word == "xxx"
    assert GIVEN["box"] == []


def check(cls, rule, variables, text=None, **options):
    """A class breaks one rule only, and with that rule skipped none."""
    with pytest.raises(errors.CheckError) as error:
        check_process(cls, **options)
    assert isinstance(error.value, AssertionError)
    assert [(each.rule, each.variable) for each in error.value.findings] == [(rule, name) for name in variables]
    if text is not None:
        assert str(error.value) == message(text)
    check_process(cls, skip=[rule], **options)
    check_process(cls, skip=[f"{rule}:{name}" for name in variables], **options)


def test_in_is_set():
    """`in`: a variable that is only read is not set, whatever kind it is."""

    @xs.process
    class Sets:
        own = xs.variable(default=1.0)
        far = xs.foreign(Source, "field")
        named = xs.global_ref("field")
        fields = xs.group("fields")
        by_name = xs.group_dict("fields")
        late = xs.foreign(Source, "box")

        def initialize(self):
            self.own = 2.0

        def run_step(self):
            self.far = self.far + 1
            self.named = self.named.copy()
            self.fields = ()
            self.by_name = {}
            self.late = []

    one = np.zeros(2)
    check(
        Sets,
        "in",
        ["own", "far", "named", "fields", "by_name", "late"],
        """
        process class 'Sets' breaks 6 rules
          - [in] variable 'own' is changed in initialize
              got: another value is set: 1.0 ≠ 2.0
              expected: no change: it is declared with intent='in'
              remedy: write into a copy, or declare it with intent='inout'
          - [in] variable 'far' is changed in run_step of step 0
              got: another value is set: 0.0 ≠ 1.0 at [0], and 1 more
              expected: no change: it is declared with intent='in'
              remedy: write into a copy, or declare it with intent='inout'
          - [in] variable 'named' is changed in run_step of step 0
              got: another value is set
              expected: no change: it is declared with intent='in'
              remedy: write into a copy, or declare it with intent='inout'
          - [in] variable 'fields' is changed in run_step of step 0
              got: another value is set: lengths 1 ≠ 0
              expected: no change: it is a group of other processes' variables
              remedy: write into copies
          - [in] variable 'by_name' is changed in run_step of step 0
              got: another value is set: one only at [('a', 'b')]
              expected: no change: it is a group of other processes' variables
              remedy: write into copies
          - [in] variable 'late' is changed in run_step of step 0
              got: a value is set
              expected: no change: it is declared with intent='in'
              remedy: write into a copy, or declare it with intent='inout'
        """,
        inputs={"far": one, "named": one, "fields": [one], "by_name": {("a", "b"): one}},
    )


def test_in_is_written_into():
    """`in`: nor is it written into."""

    @xs.process
    class Writes:
        own = xs.variable(dims="x", default=[0, 0])
        far = xs.foreign(Source, "field")
        fields = xs.group("fields")
        by_name = xs.group_dict("fields")

        def run_step(self):
            self.own[1] = 3
            np.add(self.far, 1, out=self.far)
            self.fields[0][:] = np.nan
            self.by_name["a", "b"].fill(2)

    one = np.zeros(2)
    check(
        Writes,
        "in",
        ["own", "far", "fields", "by_name"],
        inputs={"far": one, "fields": [one], "by_name": {("a", "b"): one}},
    )


def test_inout_is_not_updated():
    """`inout`: a variable that is to be updated is, in place or not, own or foreign."""

    @xs.process
    class Lazy:
        a = xs.variable(intent="inout", default=1)
        b = xs.variable(dims="x", intent="inout", default=[1])
        same = xs.variable(dims="x", intent="inout", default=[1])
        far = xs.foreign(Source, "field", intent="inout")
        near = xs.foreign(Source, "field", intent="inout")

        def run_step(self):
            self.b += 1
            self.same = self.same * 1
            self.near = self.near + 1

    check(
        Lazy,
        "inout",
        ["a", "far"],
        """
        process class 'Lazy' breaks 2 rules
          - [inout] variable 'a' is never updated
              got: neither set nor written into in any stage
              expected: an update: it is declared with intent='inout'
              remedy: declare it with intent='in', or give values with which it is updated
          - [inout] variable 'far' is never updated
              got: neither set nor written into in any stage
              expected: an update: it is declared with intent='inout'
              remedy: declare it with intent='in', or give values with which it is updated
        """,
        inputs={"far": [1], "near": np.ones(1)},
    )


def test_out_is_not_set():
    """`set`: what a process sets has a value when outputs are taken first."""

    @xs.process
    class Late:
        never = xs.variable(intent="out")
        late = xs.variable(intent="out")
        x = xs.index("x")
        thing = xs.any_object()
        far = xs.foreign(Source, "field", intent="out")
        good = xs.variable(intent="out")

        @xs.runtime(args="step")
        def run_step(self, step):
            self.good = 1

        def finalize_step(self):
            self.late = 1

    with pytest.raises(errors.CheckError) as error:
        check_process(Late)
    assert [str(each) for each in error.value.findings[:2]] == [
        message(
            """
            [set] variable 'never' has no value after run_step of step 0
                  got: no value at all
                  expected: a value when outputs are taken first: it is declared with intent='out'
                  remedy: set it in initialize
            """
        ),
        message(
            """
            [set] variable 'late' has no value after run_step of step 0
                  got: a first value in finalize_step of step 0
                  expected: a value when outputs are taken first: it is declared with intent='out'
                  remedy: set it in initialize
            """
        ),
    ]
    check(Late, "set", ["never", "late", "x", "thing", "far"])


def test_dims():
    """`dims`: values have a declared number of dimensions, those of foreign variables too."""

    @xs.process
    class Flat:
        a = xs.variable(dims=["x", ("y", "x")], intent="out")
        x = xs.index("x")
        far = xs.foreign(Source, "field", intent="out")
        lazy = xs.on_demand(dims="x")
        fine = xs.variable(dims=["x", ("y", "x")], intent="out")

        def initialize(self):
            self.a = 1.0
            self.x = np.zeros((2, 2))
            self.far = np.zeros(())
            self.fine = np.zeros((1, 1))

        @lazy.compute
        def _lazy(self):
            return 1

    with pytest.raises(errors.CheckError) as error:
        check_process(Flat)
    assert str(error.value.findings[0]) == message(
        """
        [dims] variable 'a' after initialize does not have the declared number of dimensions
              got: 0 dimension(s)
              expected: dims 'x' or ('y', 'x')
              remedy: set a value with these, or declare other dims (a list holds alternatives)
        """
    )
    check(Flat, "dims", ["a", "x", "far", "lazy"])


def test_dtype():
    """`dtype`: a type stays, since the first value tells that of the output."""

    @xs.process
    class Drifts:
        number = xs.variable(intent="out")
        flag = xs.variable(intent="out")
        level = xs.variable(dims="x", intent="inout", default=[1, 2])
        text = xs.variable(intent="out")

        def initialize(self):
            self.number = 0
            self.flag = True
            self.text = "a"

        def run_step(self):
            self.number += 0.5
            self.flag = 1
            self.level = self.level / 2
            self.text += "b"

    check(
        Drifts,
        "dtype",
        ["number", "flag", "level"],
        """
        process class 'Drifts' breaks 3 rules
          - [dtype] variable 'number' changes its type in run_step of step 0
              got: float64
              expected: int64, as in initialize: the first value saved tells the type of an output
              remedy: set float64 always
          - [dtype] variable 'flag' changes its type in run_step of step 0
              got: int64
              expected: bool, as in initialize: the first value saved tells the type of an output
              remedy: set one type always
          - [dtype] variable 'level' changes its type in run_step of step 0
              got: float64
              expected: int64, as in initialize: the first value saved tells the type of an output
              remedy: set float64 always
        """,
    )


def test_savable():
    """`savable`: values that are no objects can be saved."""

    @xs.process
    class Odd:
        a = xs.variable(intent="out")
        b = xs.variable(dims="x", intent="out")
        nothing = xs.variable(intent="out")
        fine = xs.any_object()

        def initialize(self):
            self.a = {1, 2}
            self.b = [[1], [2, 3]]
            self.nothing = None
            self.fine = {1}

    with pytest.raises(errors.CheckError) as error:
        check_process(Odd, skip=["dims"])
    assert str(error.value.findings[0]) == message(
        """
        [savable] variable 'a' after initialize cannot be saved
              got: set: OutputError: output 'a' has a value that cannot be saved
              expected: numbers, bools, dates, or text throughout
              remedy: declare it as an object (xs.any_object), and a summary of it on demand (xs.on_demand)
        """
    )
    check(Odd, "savable", ["a", "b", "nothing"])


def test_on_demand():
    """`on_demand`: reading is possible, repeatable, and changes nothing."""

    @xs.process
    class Moody:
        level = xs.variable(intent="out")
        zero = xs.variable(default=0)
        fails = xs.on_demand()
        counts = xs.on_demand()
        changes = xs.on_demand()
        fine = xs.on_demand()

        def initialize(self):
            self.level = 1
            self._count = 0

        def run_step(self):
            self._rate = 1

        @fails.compute
        def _fails(self):
            return 1 / (self.zero - 0)

        @counts.compute
        def _counts(self):
            self._count += 1
            return self._count

        @changes.compute
        def _changes(self):
            self.level = 1.0
            return 0

        @fine.compute
        def _fine(self):
            return self._rate  # not before the first step

    with pytest.raises(errors.CheckError) as error:
        check_process(Moody, skip=["dtype"])
    assert [each.got for each in error.value.findings] == [
        "another value when read again: 1 ≠ 2",
        "reading it changes 'level': int ≠ float",
        "ZeroDivisionError: division by zero",
    ]  # two runs that are looked at differently are not compared
    assert str(error.value.findings[2]) == message(
        """
        [on_demand] variable 'fails', computed on demand, after run_step of step 0
              got: ZeroDivisionError: division by zero
              expected: a value that depends on the other variables alone, whoever reads it, and how often
              remedy: compute it from variables that are set in initialize, and change nothing
        """
    )


def test_picklable():
    """`picklable`: the process travels, with its undeclared attributes."""

    @xs.process
    class Locked:
        tool = xs.any_object()
        name = xs.variable(intent="out")

        def initialize(self):
            self.tool = threading.Lock()
            self.name = "a"

    @xs.process
    class Hidden:
        def initialize(self):
            self._lock = threading.Lock()

    check(
        Locked,
        "picklable",
        ["tool"],
        """
        process class 'Locked' breaks 1 rule
          - [picklable] attribute 'tool' cannot be pickled after initialize
              got: TypeError: cannot pickle '_thread.lock' object
              expected: values that can be sent to worker processes, copied and stored
              remedy: give its class __getstate__ and __setstate__, or make it anew where it is needed
        """,
    )
    check(Hidden, "picklable", ["_lock"])


def test_picklable_and_the_same():
    """`picklable`: it comes back as it was."""

    @xs.process
    class Forgets:
        level = xs.variable(intent="out")

        def initialize(self):
            self.level = 1.0

        def __setstate__(self, state):
            self.__dict__ |= state | {"level": 0.0}

    check(
        Forgets,
        "picklable",
        ["level"],
        """
        process class 'Forgets' breaks 1 rule
          - [picklable] variable 'level' comes back from pickling as another value after initialize
              got: 1.0 ≠ 0.0
              expected: the same value
              remedy: look at __getstate__, __setstate__ and __reduce__ of the class
        """,
    )


def test_picklable_as_a_whole():
    """`picklable`: a process that refuses to travel is found too."""

    @xs.process
    class Stays:
        def run_step(self):
            pass

        def __reduce__(self):
            raise TypeError("I stay")

    check(Stays, "picklable", [""])


def test_deterministic():
    """`deterministic`: a second run gives the same."""

    @xs.process
    class Counts:
        number = xs.variable(intent="out")
        dice = xs.variable(intent="out")
        gone = xs.variable(intent="out")
        runs: ClassVar[list[int]] = []

        def initialize(self):
            self.runs.append(1)
            self.number = len(self.runs)
            self.dice = np.random.default_rng().random()
            if len(self.runs) == 1:
                self.gone = 1

    with pytest.raises(errors.CheckError) as error:
        check_process(Counts)
    assert [each.variable for each in error.value.findings] == ["number", "dice", "gone"]
    assert error.value.findings[2].got == "no value"
    check_process(Counts, skip=["deterministic", "set"])
    assert str(error.value.findings[0]) == message(
        """
        [deterministic] variable 'number' differs in a second run, after initialize
              got: 1 ≠ 2
              expected: the same, bit for bit, from the same values
              remedy: take random numbers from runtime argument 'rng'; keep nothing on the class or module
        """
    )


def test_every_rule_is_shown_to_fail():
    """There is a test above for each rule."""
    here = [name for name in globals() if name.startswith("test_")]
    needed = {"in": "in_is_set", "inout": "inout_is", "set": "out_is_not_set"}
    for rule in RULES:
        assert any(name.startswith(f"test_{needed.get(rule, rule)}") for name in here), rule


def test_unknown_rules():
    """A misspelt rule is not passed over."""
    with pytest.raises(errors.OptionError) as error:
        check_process(Good, GIVEN, skip="dtypes:level")
    assert str(error.value) == message(
        """
        skip= names no rule 'dtypes'
          expected: one of 'in', 'inout', 'set', 'dims', 'dtype', 'savable', 'on_demand', 'picklable', \
'deterministic', or e.g. 'in:variable'
          did you mean: 'dtype'?
        """
    )


def test_what_the_process_raises_comes_out():
    """A failure of the process is no finding."""

    @xs.process
    class Fails:
        def run_step(self):
            raise ZeroDivisionError("mine")

    with pytest.raises(ZeroDivisionError, match="mine"):
        check_process(Fails)


def test_one_finding_of_a_kind():
    """The first finding of a rule and variable stands for all."""
    found = findings.Findings(["a"], ())
    for got in "xy":
        found.add("a", "v", "p", got=got, expected="", remedy="")
    with pytest.raises(errors.CheckError) as error:
        found.report("it")
    assert [each.got for each in error.value.findings] == ["x"]
