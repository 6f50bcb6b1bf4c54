"""Random feedbacks beside the same recurrence by hand (DESIGN §O6)."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

import xsim as xs

STEPS = 4
PRIME = 10_007


def process_for(number, now, before, first, after_step):
    """Make a process whose value follows from values of others in this step and in the step before."""
    namespace = {"v": xs.variable(intent="out", global_name=f"v{number}")}
    for other in now:
        namespace[f"now_{other}"] = xs.foreign(f"p{other}", "v")
    for other in before:
        initial = {} if first[other] is None else {"initial": first[other]}
        namespace[f"was_{other}"] = xs.global_ref(f"v{other}", lag=1, **initial)

    def run_step(self):
        total = number + sum(getattr(self, f"now_{other}") for other in now)
        self.v = (3 * total + sum(7 * getattr(self, f"was_{other}") for other in before)) % PRIME

    def finalize_step(self):
        self.v += 1

    namespace["run_step"] = run_step
    if after_step:
        namespace["finalize_step"] = finalize_step
    return xs.process(type(f"P{number}", (), namespace))


@settings(deadline=None, max_examples=50)
@given(st.data())
def test_feedbacks(data):
    """Each value is what the recurrence says, whatever feeds back into whatever, and however it is declared."""
    size = data.draw(st.integers(1, 5))
    numbers = st.integers(0, size - 1)
    now = [data.draw(st.sets(st.integers(0, i - 1))) if i else set() for i in range(size)]
    before = [data.draw(st.sets(numbers)) for _ in range(size)]
    first = [data.draw(st.none() | st.integers(0, 100)) for _ in range(size)]
    after_step = [data.draw(st.booleans()) for _ in range(size)]

    was = [5 if value is None else value for value in first]
    expected = []
    for _ in range(STEPS):
        values: list[int] = []
        for i in range(size):
            total = i + sum(values[j] for j in now[i])
            values.append((3 * total + sum(7 * was[j] for j in before[i])) % PRIME)
        expected.append(values)
        was = [value + after_step[i] for i, value in enumerate(values)]

    classes = {f"p{i}": process_for(i, now[i], before[i], first, after_step[i]) for i in range(size)}
    model = xs.Model({name: classes[name] for name in data.draw(st.permutations(list(classes)))})
    inputs = {f"p{i}__was_{j}": 5 for i in range(size) for j in before[i] if first[j] is None}
    outputs = {f"{name}__v": "t" for name in classes}
    setup = xs.create_setup(model, {"t": np.arange(STEPS + 1)}, input_vars=inputs, output_vars=outputs)
    result = setup.xsim.run(model, progress=False)

    assert {"__".join(key) for key in model.input_vars} == set(inputs)
    assert [[int(result[f"p{i}__v"][t]) for i in range(size)] for t in range(STEPS)] == expected
