"""When on-demand variables are computed."""

import pytest

import xsim as xs


@pytest.fixture(params=[False, True], ids=["no cache", "cache"])
def cache(request):
    """Whether the on-demand variable keeps its value."""
    return request.param


@pytest.fixture
def computed():
    """Values computed, in their order."""
    return []


def owner(computed, cache):
    @xs.process
    class Owner:
        base = xs.variable(intent="out")
        double = xs.on_demand()

        @double.compute(cache=cache)
        def _double(self):
            computed.append(2 * self.base)
            return 2 * self.base

        def initialize(self):
            self.base = 0

        def run_step(self):
            self.base += 1

        def finalize_step(self):
            self.base += 10

    return Owner


def test_readers_of_one_stage(computed, cache):
    """Without cache each read computes; with cache one value serves all readers of a stage."""
    cls = owner(computed, cache)
    seen = []

    @xs.process
    class Reader:
        double = xs.foreign(cls, "double")

        def run_step(self):
            seen.append((self.double, self.double))

        def finalize_step(self):
            seen.append((self.double, self.double))

    model = xs.Model({"owner": cls, "one": Reader, "two": Reader})
    xs.create_setup(model, {"t": [0, 1, 2]}).xsim.run(model)

    assert seen == [(2, 2), (2, 2), (22, 22), (22, 22), (24, 24), (24, 24), (44, 44), (44, 44)]
    assert computed == ([2, 22, 24, 44] if cache else [n for n in (2, 22, 24, 44) for _ in range(4)])


def test_saving_uses_the_value_of_the_stage(computed, cache):
    """A saved value is that after run_step, computed once for readers and output with cache."""
    cls = owner(computed, cache)

    @xs.process
    class Reader:
        double = xs.foreign(cls, "double")

        def run_step(self):
            assert self.double == 2 * self.base_of()

        def base_of(self):
            return {2: 1, 24: 12}[self.double]

    model = xs.Model({"owner": cls, "reader": Reader})
    result = xs.create_setup(model, {"t": [0, 1, 2]}, output_vars={"owner__double": "t"}).xsim.run(model)

    assert result.owner__double.values.tolist() == [2, 24, 44]
    assert computed == ([2, 24, 44] if cache else [2, 2, 2, 24, 24, 24, 44])


def test_a_process_sees_its_own_changes(computed, cache):
    """In its own stage method a process always reads a new value, since it changes what it is computed from."""
    seen = []

    @xs.process
    class Own:
        base = xs.variable(intent="out")
        double = xs.on_demand()

        @double.compute(cache=cache)
        def _double(self):
            return 2 * self.base

        def initialize(self):
            self.base = 1
            seen.append(self.double)
            self.base = 2
            seen.append(self.double)

    model = xs.Model({"own": Own})
    xs.create_setup(model, {"t": [0, 1]}).xsim.run(model)

    assert seen == [2, 4]


def test_updates_by_others_are_seen_in_the_next_stage(computed, cache):
    """A value kept for a stage is forgotten with the next one."""
    cls = owner(computed, cache)

    @xs.process
    class Changer:
        base = xs.foreign(cls, "base", intent="inout")

        def finalize_step(self):
            self.base = 100

    model = xs.Model({"owner": cls, "changer": Changer})
    result = xs.create_setup(model, {"t": [0, 1, 2]}, output_vars={"owner__double": "t"}).xsim.run(model)

    assert result.owner__double.values.tolist() == [2, 202, 200]


def test_values_of_a_model_are_new_after_a_run(computed, cache):
    """After a run on the model's own objects, what is looked at is computed from what they hold (DESIGN §V7)."""
    model = xs.Model({"owner": owner(computed, cache)})
    setup = xs.create_setup(model, {"t": [0, 1]}, output_vars={"owner__double": None})
    setup.xsim.run(model, safe_mode=False)
    for base in (1000, 2000):
        model.owner.base = base

        assert model.owner.double == 2 * base


def test_an_error_in_the_own_stage_method_ends_nothing_else(computed, cache):
    """A stage method that fails does not leave the cache off for the stages after it."""
    cls = owner(computed, cache)
    cls.run_step = lambda self: 1 / 0
    model = xs.Model({"owner": cls})
    with pytest.raises(ZeroDivisionError):
        xs.create_setup(model, {"t": [0, 1]}, output_vars={"owner__double": "t"}).xsim.run(model)

    assert computed == []
