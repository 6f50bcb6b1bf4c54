"""An epidemic by age, with vaccination, on a clock of dates, as written for xarray-simlab."""

import numpy as np
import pandas as pd

import xsim as xs


def positive(instance, attribute, value):
    if np.any(np.asarray(value) < 0):
        raise ValueError(f"{attribute.name} has negative values: {value}")


def as_rate(value):
    """Give a rate a day of a mean time in days."""
    return 1.0 / np.asarray(value, dtype=float)


@xs.process
class Coords:
    """Age groups."""

    age = xs.index(dims="age", global_name="age", description="age group")

    def initialize(self):
        self.age = np.array(["0-19", "20-59", "60+"])


@xs.process
class Contacts:
    """How often people of different ages meet; less so while measures are in force."""

    matrix = xs.variable(
        dims=("age", "age_other"),
        default=[[8.0, 4.0, 1.0], [4.0, 9.0, 2.0], [1.0, 2.0, 3.0]],
        static=True,
        description="contacts a day",
        attrs={"units": "1/day"},
    )
    measures = xs.variable(default=0.0, description="share of contacts avoided", global_name="measures")
    effective = xs.variable(dims=("age", "age_other"), intent="out", global_name="contacts")

    def run_step(self):
        self.effective = np.array(self.matrix) * (1 - self.measures)


@xs.process
class Compartments:
    """People by age and state of health."""

    size = xs.variable(dims="age", default=[20e3, 50e3, 30e3], static=True, validator=positive, global_name="size")
    seeds = xs.variable(dims=[(), "age"], default=10, static=True, description="infected at the start")

    S = xs.variable(dims="age", intent="inout", default=[0, 0, 0], global_name="S", description="susceptible")
    E = xs.variable(dims="age", intent="inout", default=[0, 0, 0], global_name="E", description="exposed")
    I = xs.variable(dims="age", intent="inout", default=[0, 0, 0], global_name="I", description="infectious")  # noqa: E741
    R = xs.variable(dims="age", intent="inout", default=[0, 0, 0], global_name="R", description="recovered or immune")
    leaving_S = xs.group("leaving_S")
    entering_E = xs.group("entering_E")
    flows = xs.group_dict("flows")

    total = xs.on_demand(dims="age", description="all people")
    prevalence = xs.on_demand(description="share of infectious people")

    def initialize(self):
        self.I = np.zeros(3) + self.seeds
        self.E = np.zeros(3)
        self.R = np.zeros(3)
        self.S = np.asarray(self.size, dtype=float) - self.I

    def finalize_step(self):
        to_e = sum(self.entering_E)
        by_name = {name: value for (_, name), value in self.flows.items()}
        self.S = self.S - sum(self.leaving_S)
        self.E = self.E + to_e - by_name["onset"]
        self.I = self.I + by_name["onset"] - by_name["recovery"]
        self.R = self.R + by_name["recovery"] + by_name.get("vaccinated", 0)

    @total.compute
    def _total(self):
        return self.S + self.E + self.I + self.R

    @prevalence.compute
    def _prevalence(self):
        return np.sum(self.I) / np.sum(self._total())


def days(delta):
    return delta / np.timedelta64(1, "D")


@xs.process
class Infection:
    p = xs.variable(default=0.03, validator=positive, description="chance of infection at a contact")
    contacts = xs.global_ref("contacts")
    S = xs.global_ref("S")
    I = xs.global_ref("I")  # noqa: E741
    size = xs.global_ref("size")
    new = xs.variable(dims="age", intent="out", groups=("leaving_S", "entering_E"), attrs={"units": "1"})
    force = xs.variable(dims="age", intent="out", description="force of infection", attrs={"units": "1/day"})

    @xs.runtime(args="step_delta")
    def run_step(self, dt):
        self.force = self.p * self.contacts.dot(np.asarray(self.I) / np.asarray(self.size))
        self.new = self.S * (1 - np.exp(-self.force * days(dt)))


@xs.process
class Course:
    """From exposed to infectious to recovered."""

    latent = xs.variable(default=4.0, converter=as_rate, description="mean days from infection to onset")
    infectious = xs.variable(default=6.0, converter=as_rate, description="mean days that people are infectious")
    E = xs.global_ref("E")
    I = xs.global_ref("I")  # noqa: E741
    onset = xs.variable(dims="age", intent="out", groups="flows")
    recovery = xs.variable(dims="age", intent="out", groups="flows")

    @xs.runtime(args="step_delta,step_start")
    def run_step(self, dt, now):
        self.onset = self.E * (1 - np.exp(-self.latent * days(dt)))
        self.recovery = self.I * (1 - np.exp(-self.infectious * days(dt)))
        self.weekday = pd.Timestamp(now).weekday()


@xs.process
class Vaccination:
    """Doses, from a day on, by age; all that varies is an input in time."""

    doses = xs.variable(dims=[(), "age"], default=0.0, description="doses a day", attrs={"units": "1/day"})
    S = xs.global_ref("S")
    course = xs.foreign(Course, "onset")
    vaccinated = xs.variable(dims="age", intent="out", groups=["leaving_S", "flows"])
    given = xs.variable(intent="out", description="doses given so far")
    first_day = xs.variable(intent="out", description="first day with doses")

    @xs.runtime(args=["sim_start"])
    def initialize(self, start):
        self.given = 0.0
        self.first_day = start

    @xs.runtime(args="step_start, step_delta, sim_start")
    def run_step(self, now, dt, start):
        self.vaccinated = np.minimum(np.zeros(3) + self.doses, 0.05 * self.S) * days(dt)
        self.given = self.given + float(np.sum(self.vaccinated))
        if self.given > 0 and self.first_day == start:
            self.first_day = now


model = xs.Model(
    {
        "coords": Coords,
        "contacts": Contacts,
        "comp": Compartments,
        "infection": Infection,
        "course": Course,
        "vaccination": Vaccination,
    }
)
no_vaccine = model.drop_processes("vaccination")

dates = pd.date_range("2020-03-01", "2020-05-30", freq="D")
weekly = dates[::7]


def setup_seir(which=model, **more):
    inputs = {"contacts__measures": ("day", np.where(np.arange(len(dates)) > 30, 0.5, 0.0))}
    return xs.create_setup(
        model=which,
        clocks={"day": dates, "week": weekly},
        main_clock="day",
        input_vars=dict(inputs, **more),
        output_vars={
            "comp": {"S": "week", "I": "day", "R": "week", "total": "week", "prevalence": "day"},
            "infection__new": "week",
            "infection__force": None,
        },
    )


def run_seir(**how):
    doses = np.zeros((len(dates), 3))
    doses[40:] = [0, 100, 300]
    setup = setup_seir(vaccination__doses=(("day", "age"), doses), course__latent=3.0)
    setup = setup.xsim.update_vars(
        model=model, output_vars={"vaccination": {"given": "week", "first_day": None}, "contacts__measures": "week"}
    )
    return setup.xsim.run(model=model, **how)


def run_no_vaccine(**how):
    with no_vaccine:
        return setup_seir(no_vaccine, comp__seeds=[1, 50, 0]).xsim.run(**how)


def run_hours(**how):
    """Steps of different length."""
    hours = dates[:4].append(dates[4:20:4]).append(dates[20:21] + pd.Timedelta("6h"))
    setup = xs.create_setup(
        model=model,
        clocks={"day": hours},
        input_vars={"infection__p": ("day", np.linspace(0.02, 0.05, len(hours))), "vaccination__doses": 10},
        output_vars={"comp__I": "day", "vaccination__vaccinated": "day"},
    )
    return setup.xsim.run(model=model, **how)


def run_scenarios(**how):
    measures = np.zeros((4, len(dates)))
    measures[1:, 20:] = [[0.3], [0.5], [0.8]]
    setup = setup_seir(
        contacts__measures=(("scenario", "day"), measures), infection__p=("scenario", [0.03, 0.03, 0.03, 0.035])
    )
    setup = setup.assign_coords(scenario=["none", "some", "strict", "very strict"])
    return setup.xsim.run(model=model, batch_dim="scenario", **how)


SINGLE = {"seir": run_seir, "no_vaccine": run_no_vaccine, "hours": run_hours}
BATCH = {"scenarios": run_scenarios}
