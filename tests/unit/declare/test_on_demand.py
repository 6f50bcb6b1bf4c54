"""On-demand variables, with and without cache."""

import textwrap

import pytest

import xsim as xs
from xsim.errors import ReadOnlyError, UnsetVariableError


class Counted:
    """Counts how often it is computed."""

    v = xs.variable(default=1)

    def compute(self):
        self.calls = getattr(self, "calls", 0) + 1
        return 10 * self.v


@xs.process
class Plain(Counted):
    lazy = xs.on_demand(description="ten times as much")

    @lazy.compute
    def _lazy(self):
        return self.compute()

    def run_step(self):
        self.own = [self.lazy]
        self.v += 1
        self.own.append(self.lazy)


@xs.process
class Cached(Counted):
    lazy = xs.on_demand()

    @lazy.compute(cache=True)
    def _lazy(self):
        return self.compute()

    def run_step(self):
        self.own = [self.lazy]
        self.v += 1
        self.own.append(self.lazy)


def reader_of(cls):
    """Make a process class that reads the on-demand variable twice."""

    @xs.process
    class Reader:
        f = xs.foreign(cls, "lazy")

        def run_step(self):
            self.seen = [self.f, self.f]

    return Reader


@pytest.mark.parametrize("cls", [Plain, Cached])
def test_bare_object(cls):
    """Outside models the value is computed each time it is read, cached or not."""
    process = cls()
    assert process.lazy == 10
    process.v = 2

    assert process.lazy == 20
    assert process.calls == 2


@pytest.mark.parametrize("cls, calls", [(Plain, 4), (Cached, 3)])
def test_in_a_stage(cls, calls):
    """A cached value is computed once for all readers, but anew by the process's own stage method."""
    reader = reader_of(cls)
    model = xs.Model({"p": cls, "r1": reader})
    model.update_state({("p", "v"): 1})

    model.execute("run_step", {})

    assert model.p.own == [10, 20]
    assert model.r1.seen == [20, 20]
    assert model.p.calls == calls


def test_cache_ends_with_the_stage():
    """A cached value does not outlive its stage."""
    reader = reader_of(Cached)
    model = xs.Model({"p": Cached, "r": reader})
    model.update_state({("p", "v"): 1})

    for expected in ([20, 20], [30, 30]):
        model.execute("run_step", {})
        assert model.r.seen == expected


def test_compute_names_stay():
    """The compute method can be called by hand, as any method."""
    assert Plain(v=3)._lazy() == 30


@pytest.mark.parametrize("cls", [Plain, Cached])
def test_cannot_be_set(cls):
    """A computed value cannot be set, and the message names what computes it."""
    with pytest.raises(ReadOnlyError) as error:
        cls().lazy = 3

    assert (
        str(error.value)
        == textwrap.dedent(
            f"""
            variable 'lazy' of class {cls.__name__} is computed on demand and cannot be set
              remedy: change its compute method '_lazy'
            """
        ).strip()
    )


@pytest.mark.parametrize("cache", [False, True])
def test_attribute_error_is_not_masked(cache):
    """An AttributeError raised inside a compute method reaches the user as it is."""

    @xs.process
    class Wrong:
        lazy = xs.on_demand()

        @lazy.compute(cache=cache)
        def _lazy(self):
            return None.nonsense

    for process in (Wrong(), xs.Model({"p": Wrong}).p):
        with pytest.raises(AttributeError) as error:
            _ = process.lazy

        assert type(error.value) is AttributeError
        assert str(error.value) == "'NoneType' object has no attribute 'nonsense'"


def test_attribute_error_is_not_masked_through_references():
    """Nor is it masked where the value is read through a reference or a group."""

    @xs.process
    class Wrong:
        lazy = xs.on_demand(groups="g")

        @lazy.compute
        def _lazy(self):
            return None.nonsense

    @xs.process
    class Reader:
        f = xs.foreign(Wrong, "lazy")
        members = xs.group("g")
        named = xs.group_dict("g")

    model = xs.Model({"p": Wrong, "r": Reader})
    for name in ("f", "members", "named"):
        with pytest.raises(AttributeError) as error:
            getattr(model.r, name)

        assert str(error.value) == "'NoneType' object has no attribute 'nonsense'"


def test_own_unknown_attribute_in_compute():
    """A misspelt attribute in a compute method is what the message is about."""

    @xs.process
    class Wrong:
        v = xs.variable()
        lazy = xs.on_demand()

        @lazy.compute
        def _lazy(self):
            return self.vv

    with pytest.raises(AttributeError) as error:
        _ = Wrong(v=1).lazy

    assert str(error.value) == "'Wrong' object has no attribute 'vv'"


def test_unset_value_in_compute():
    """A value that is missing while computing is what the message is about."""

    @xs.process
    class Wrong:
        v = xs.variable()
        lazy = xs.on_demand()

        @lazy.compute
        def _lazy(self):
            return self.v

    with pytest.raises(UnsetVariableError) as error:
        _ = xs.Model({"p": Wrong}).p.lazy

    assert error.value.variable == "v"
