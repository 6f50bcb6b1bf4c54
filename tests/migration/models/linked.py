"""Random models: who runs when, what references lead to, and how groups are ordered, as xarray-simlab links them."""

import random

import numpy as np

import xsim as xs

HASH_DEPENDENT = (29, 30, 35, 36, 78, 83, 101, 109, 126)
"""Models whose order of processes differed in xarray-simlab from one interpreter to the next."""


def declare(choice, number, index, namespace, reads):
    """Declare one variable; give its kind and global name."""
    kind = choice.choice(["in", "out", "out", "inout", "on_demand", "in"])
    groups = choice.sample(["g", "h"], choice.randint(0, 2))
    global_name = f"n{number}_{index}" if choice.random() < 0.4 else None
    name = f"v{index}"
    if kind == "on_demand":
        seen = list(reads)
        namespace[name] = xs.on_demand(groups=groups)
        namespace[f"_compute_{name}"] = namespace[name].compute(
            lambda self: sum(getattr(self, other) for other in seen) + number
        )
        return name, kind, None
    default = {} if kind == "out" else {"default": float(choice.randint(0, 9))}
    namespace[name] = xs.variable(intent=kind, groups=groups, global_name=global_name, **default)
    return name, kind, global_name


def refer(choice, owners, classes, taken):
    """Declare a reference to a variable of an earlier class; give its intent."""
    number, name, kind, global_name = choice.choice(owners)
    if kind in ("in", "inout") and choice.random() < 0.35 and global_name is None and (number, name) not in taken:
        taken.add((number, name))
        return xs.foreign(classes[number], name, intent="out"), "out"
    if global_name is not None and choice.random() < 0.5:
        return xs.global_ref(global_name), "in"
    return xs.foreign(classes[number], name), "in"


def stages(number, weight, reads, first_set, set_each_step, groups):
    """Make stage methods that weigh all that is read by its place, so that order shows."""

    def initialize(self):
        for name in first_set:
            setattr(self, name, number + 1.0)

    def step(self):
        total = 0.0
        for place, name in enumerate(reads):
            total += (place + 1) * float(getattr(self, name))
        for name in groups:
            values = getattr(self, name)
            for place, value in enumerate(values.values() if name == "mapping" else values):
                total += (place + 1) * float(value) * 0.1
        for place, name in enumerate(set_each_step):
            setattr(self, name, (total * 0.01 + place + number + weight) % 97)

    return initialize, step


def make_process(choice, number, classes, owners, taken):
    """Make a process class that may refer to those made before."""
    namespace, reads, first_set, set_each_step = {}, [], [], []
    for index in range(choice.randint(1, 3)):
        name, kind, global_name = declare(choice, number, index, namespace, reads)
        owners.append((number, name, kind, global_name))
        if kind != "out":
            reads.append(name)
        if kind == "out":
            first_set.append(name)
        if kind in ("out", "inout"):
            set_each_step.append(name)
    for index in range(choice.randint(0, 3)):
        earlier = [owner for owner in owners if owner[0] < number]
        if not earlier:
            break
        namespace[f"f{index}"], intent = refer(choice, earlier, classes, taken)
        if intent == "out":
            first_set.append(f"f{index}")
            set_each_step.append(f"f{index}")
        else:
            reads.append(f"f{index}")
    groups = []
    if choice.random() < 0.3:
        namespace["values"] = xs.group(choice.choice("gh"))
        groups.append("values")
    if choice.random() < 0.2:
        namespace["mapping"] = xs.group_dict(choice.choice("gh"))
        groups.append("mapping")
    chosen = choice.sample(["run_step", "finalize_step"], choice.randint(1, 2))
    initialize, step = stages(number, choice.random(), reads, first_set, set_each_step, groups)
    namespace.update(dict.fromkeys(chosen, step), initialize=initialize)
    return xs.process(type(f"P{number}", (), namespace))


def make_model(seed):
    """Make a model, and the keys of all its variables; None where processes wait for each other."""
    choice = random.Random(seed)
    classes, owners, taken = [], [], set()
    for number in range(choice.randint(2, 7)):
        classes.append(make_process(choice, number, classes, owners, taken))
    order = list(range(len(classes)))
    choice.shuffle(order)
    keys = [(f"p{number}", name) for number, name, _, _ in owners]
    try:
        return xs.Model({f"p{number}": classes[number] for number in order}), keys
    except RuntimeError:
        return None, keys


def run_linked(**how):
    orders, values = [], []
    for seed in range(130):
        model, keys = make_model(seed)
        if seed in HASH_DEPENDENT:
            continue
        orders.append("cycle" if model is None else " ".join(model))
        if model is not None:
            outputs = {key: None if place % 2 else "t" for place, key in enumerate(keys)}
            setup = xs.create_setup(model=model, clocks={"t": [0, 1, 2, 3]}, output_vars=outputs)
            out = setup.xsim.run(model=model, **how)
            values += [np.asarray(out["__".join(key)].values, dtype=float).ravel() for key in keys]
    with xs.Model({"nothing": make_process(random.Random(0), 0, [], [], set())}):
        setup = xs.create_setup(fill_default=False)
    return setup.assign(order=("model", orders), value=("place", np.concatenate(values)))


SINGLE = {"linked": run_linked}
BATCH = {}
