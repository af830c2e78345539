"""The rest of an interrupted treatment: never more than what is left, never faster, on any pump."""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from decimal import Decimal
from fractions import Fraction
from functools import cache
from itertools import pairwise

import pytest
from hypothesis import assume, event, given, settings
from hypothesis import strategies as st

from pumpd.dosing import RateProgram, Refusals, RestOrder, plan, plan_rest
from pumpd.dosing.library import load
from pumpd.library.files import CHECKOUT
from pumpd.pump import Capabilities, Container, FewDigits, FixedStep, families, family
from pumpd.quantities import Duration, Mass, Rate, Volume
from tests.dosing.samples import COARSE, DIGITS, LIBRARY, TENTHS, prescription, program

GENTLE = "ketamine-1mg-ml-gentle"


def grid(rate, volume):
    return replace(TENTHS, rate_grid=rate, volume_grid=volume)


# Made-up pumps: steps, digits, and one that holds a single step.
MADE_UP = {
    "tenths": TENTHS,
    "digits": DIGITS,
    "coarse": COARSE,
    "whole millilitres": grid(FixedStep(Decimal(1)), FixedStep(Decimal(1))),
    "thirds of a millilitre": grid(FixedStep(Decimal("0.06")), FixedStep(Decimal("0.3"))),
    "three digits": grid(FewDigits(3, 2), FewDigits(3, 2)),
    "two digits": grid(FewDigits(2, 1), FewDigits(2, 1)),
    "one step": replace(TENTHS, max_steps=1),
    "slow": replace(TENTHS, rate_max=Rate(20)),
    "small": replace(TENTHS, volume_max=Volume(10)),
}
# What the real families take with settings that let them take more.
SETTINGS = {
    "infusomat": ("dianet-star", {"model": "infusomat-fms", "rate_max_ml_h": Decimal(999)}),
    **{name: (name, {}) for name in families() if not family(name).monitor_only},
}


@cache
def real(name, container):
    """What a family can do with a container; None where it does not take it."""
    driver, chosen = SETTINGS[name]
    try:
        return family(driver).capabilities(container, chosen)
    except ValueError:
        return None


def capabilities(name: str, container: Container) -> Capabilities | None:
    return MADE_UP[name] if name in MADE_UP else real(name, container)


PUMPS = [*MADE_UP, *SETTINGS]


def order(whole: RateProgram, booked: Mass, **changes) -> RestOrder:
    return RestOrder("s1", whole.prescription, whole.pump_program, whole.digest, booked, **changes)


def reasons(wanted: RestOrder, pump: Capabilities = TENTHS, library=LIBRARY) -> list[tuple[str, str]]:
    with pytest.raises(Refusals) as caught:
        plan_rest(wanted, library, pump)
    return [(reason.field, reason.requirement) for reason in caught.value.reasons]


# -- an oracle in fractions that shares no code with the planning ------------------------------------------------------


@dataclass
class Parts:
    """Steps as fractions: millilitres, and mL/h."""

    volumes: list[Fraction]
    rates: list[Fraction]

    @classmethod
    def of(cls, planned: RateProgram) -> "Parts":
        steps = planned.pump_program.steps
        return cls([Fraction(step.volume.decimal) for step in steps], [Fraction(step.rate.decimal) for step in steps])

    @property
    def volume(self) -> Fraction:
        return sum(self.volumes, Fraction(0))

    @property
    def seconds(self) -> Fraction:
        return sum((volume / rate * 3600 for volume, rate in zip(self.volumes, self.rates, strict=True)), Fraction(0))

    def fastest(self, start: Fraction, end: Fraction) -> Fraction:
        """The highest rate between two places of the program."""
        at, found = Fraction(0), [self.rates[-1]] if end > self.volume else []
        for volume, rate in zip(self.volumes, self.rates, strict=True):
            if at <= end and start < at + volume:
                found.append(rate)
            at += volume
        return max(found)

    def after(self, given: Fraction) -> "Parts":
        volumes, rates = [], []
        for volume, rate in zip(self.volumes, self.rates, strict=True):
            left = volume - min(given, volume)
            given -= volume - left
            if left:
                volumes.append(left)
                rates.append(rate)
        return Parts(volumes, rates)


def objection(whole: RateProgram, wanted: RestOrder, rest: RateProgram) -> str:
    """What is wrong with a rest; empty when nothing is."""
    first, found = Parts.of(whole), Parts.of(rest)
    strength = Fraction(whole.entry.concentration.decimal)
    booked = Fraction(wanted.booked.decimal)
    prescribed = Fraction(whole.prescription.dose_per_weight.decimal) * Fraction(whole.prescription.weight.decimal)
    if booked + found.volume * strength > min(first.volume * strength, prescribed):
        return "booked and rest are more than the first program or the prescription"
    same = first.after(booked / strength)
    lost, place = same.volume - found.volume, booked / strength
    for volume, rate in zip(found.volumes, found.rates, strict=True):
        # Each step may lose a part to the pump's grid, so what comes after may be as much further on.
        if rate > first.fastest(place + volume / 2, place + volume / 2 + lost):
            return "a part is faster than the same part of the first program"
        place += volume
    if found.seconds > Fraction((wanted.duration or Duration(0)).decimal or same.seconds) * Fraction(103, 100):
        return "the rest ends late"
    shown = Fraction(math.ceil(found.seconds * 1000), 1000)  # a time is in whole milliseconds, rounded up
    if wanted.duration and len(found.rates) == len(same.rates) and shown < Fraction(wanted.duration.decimal):
        return "the rest ends sooner than the time that was given to it"
    if rest.given + rest.vtbi != whole.vtbi or rest.continues != whole.digest or rest.treatment != wanted.treatment:
        return "it does not continue the first program"
    return ""


# -- any pump, container, profile, booked mass and time ----------------------------------------------------------------


@st.composite
def interrupted(draw) -> tuple[RateProgram, RestOrder, str]:
    """A first program, an order for its rest, and the pump for it."""
    name = draw(st.sampled_from(["ketamine-1mg-ml", "ketamine-2mg-ml", GENTLE, GENTLE]))
    entry = LIBRARY.entries[name]
    tenths = draw(st.integers(400, 1000))
    wanted = prescription(
        entry=name,
        weight=f"{Decimal(tenths) / 10} kg",
        dose=f"{Decimal(draw(st.integers(10, 75))) / 100} mg/kg",
        duration=f"{draw(st.integers(40, 100))} min",
        container=draw(st.sampled_from(["50 mL", "60 mL", "100 mL bag"])),
    )
    known = [capabilities(each, LIBRARY.containers[wanted.container]) for each in PUMPS]
    pump = draw(st.sampled_from([each for each in known if each and each.max_steps >= len(entry.profile)]))
    try:
        whole = plan(wanted, LIBRARY, pump)
    except Refusals:
        assume(False)
    parts = draw(st.one_of(st.integers(0, 10**6), st.integers(0, 1000), st.integers(10**6 - 1000, 10**6)))
    booked = whole.programmed_dose.times(Decimal(parts).scaleb(-6))
    to_boundary = draw(st.sampled_from(["anywhere", "on the grid", "one step left"]))
    step = whole.entry.concentration.mass_in(Volume("0.1"))
    if to_boundary == "on the grid":
        booked = whole.entry.concentration.mass_in(
            whole.entry.concentration.volume_holding(booked, FixedStep(Decimal("0.01")))
        )
    elif to_boundary == "one step left" and whole.programmed_dose > step:
        booked = whole.programmed_dose - step
    slower = draw(st.one_of(st.none(), st.integers(900, 4000)))
    left = whole.pump_program.after(whole.entry.concentration.volume_holding(booked, FixedStep(Decimal("0.000001"))))
    longer = Duration.from_ns(left.duration.ns * slower // 10**9 * 10**6) if slower and left else None
    longer = longer or None  # a time of no millisecond is none
    wanted_rest = order(
        whole,
        booked,
        container=draw(st.one_of(st.none(), st.sampled_from(entry.containers))),
        duration=longer,
    )
    return whole, wanted_rest, draw(st.sampled_from(PUMPS))


@pytest.mark.requirement("PRG-25", "PRG-02")
@settings(max_examples=400, deadline=None)
@given(case=interrupted())
def test_booked_and_rest_are_never_more_and_no_part_is_faster_on_any_pump(case):
    whole, wanted, name = case
    pump = capabilities(name, LIBRARY.containers[wanted.container or whole.container.name])
    assume(pump is not None)
    try:
        rest = plan_rest(wanted, LIBRARY, pump)
    except Refusals as error:
        event(f"refused: {sorted({reason.requirement for reason in error.reasons})}")
        return
    event(f"planned, {len(rest.pump_program.steps)} step(s)")
    assert objection(whole, wanted, rest) == ""
    assert all(pump.rate_min <= step.rate <= pump.rate_max for step in rest.pump_program.steps)
    assert all(step.rate >= rest.container.minimum_rate for step in rest.pump_program.steps)
    assert all(step.rate == step.rate.floor(pump.rate_grid) for step in rest.pump_program.steps)
    assert all(step.volume == step.volume.floor(pump.volume_grid) for step in rest.pump_program.steps)
    assert len(rest.pump_program.steps) <= pump.max_steps
    assert rest.vtbi <= pump.volume_max
    if wanted.container is not None:
        assert rest.vtbi <= rest.container.usable
    if isinstance(pump.volume_grid, FixedStep):  # and nothing is left out that the pump could hold
        lost = whole.programmed_dose - wanted.booked - rest.programmed_dose
        steps = len(whole.pump_program.steps) + 1
        assert lost <= whole.entry.concentration.mass_in(Volume(pump.volume_grid.step)).times(steps)


@pytest.mark.requirement("PRG-25")
def test_half_of_a_treatment_goes_on_from_every_family_to_every_family():
    """20 of 40 min were given on one pump; the rest may go to each pump that could have had the whole."""
    planned = []
    for first in SETTINGS:
        for container in LIBRARY.containers.values():
            pump = real(first, container)
            if pump is None or container.name not in LIBRARY.entries["ketamine-2mg-ml"].containers:
                continue
            try:
                whole = plan(
                    prescription(container=container.name, entry="ketamine-2mg-ml", weight="60 kg"), LIBRARY, pump
                )
            except Refusals:
                continue
            planned.append((first, container, pump, whole))
    assert {first for first, *_ in planned} >= {"new-era", "alaris-asena", "infusomat", "zyno-miva", "reglo-icc"}
    for _, _, _, whole in planned:
        half = whole.programmed_dose.times(Decimal("0.5"))
        for _, container, pump, _ in planned:
            same = order(whole, half, container=container.name)
            for wanted in (same, replace(same, duration=Duration(1300))):
                assert objection(whole, wanted, plan_rest(wanted, LIBRARY, pump)) == ""


# -- by hand -----------------------------------------------------------------------------------------------------------


@pytest.mark.requirement("PRG-25", "RUN-05")
def test_case_2_half_was_given_and_the_rest_runs_at_the_same_or_at_half_the_rate():
    """35 mg in 35 mL over 40 min is 52.5 mL/h. 17.5 mg are left: 20 min at 52.5 mL/h, 40 min at 26.2 (26.25) mL/h."""
    whole = program()
    for duration, rate in (
        (None, "52.5"),
        (Duration(1200), "52.5"),
        (Duration(2400), "26.2"),
        (Duration(3600), "17.5"),
    ):
        rest = plan_rest(order(whole, Mass("17.5"), duration=duration), LIBRARY, TENTHS)
        (step,) = rest.pump_program.steps
        assert (step.rate, step.volume) == (Rate(rate), Volume("17.5"))
        assert (rest.dose, rest.given, rest.treatment) == (Mass("17.5"), Volume("17.5"), "s1")
        assert rest.prescription.weight == whole.prescription.weight


@pytest.mark.requirement("PRG-25")
def test_the_rest_of_a_profile_goes_on_in_the_middle_of_its_step():
    """70 kg, gentle: 4.37 mL at 26.2, 30.63 mL at 61.2 mL/h. After 2 mL: 2.37 and 30.63; after 10 mL: 25 at 61.2."""
    whole = program(entry=GENTLE)
    assert [(str(step.volume), str(step.rate)) for step in whole.pump_program.steps] == [
        ("4.37 mL", "26.2 mL/h"),
        ("30.63 mL", "61.2 mL/h"),
    ]
    early = plan_rest(order(whole, Mass(2)), LIBRARY, TENTHS).pump_program.steps
    assert [(step.volume, step.rate) for step in early] == [
        (Volume("2.37"), Rate("26.2")),
        (Volume("30.63"), Rate("61.2")),
    ]
    (late,) = plan_rest(order(whole, Mass(10)), LIBRARY, TENTHS).pump_program.steps
    assert (late.volume, late.rate) == (Volume(25), Rate("61.2"))


@pytest.mark.requirement("PRG-25")
def test_at_twice_the_time_each_step_of_a_profile_takes_twice_as_long():
    whole = program(entry=GENTLE)
    same = plan_rest(order(whole, Mass(2)), LIBRARY, TENTHS)
    slow = plan_rest(order(whole, Mass(2), duration=same.duration.times(2)), LIBRARY, TENTHS)
    assert [str(step.rate) for step in slow.pump_program.steps] == ["13 mL/h", "30.5 mL/h"]  # 13.1, 30.6, rounded down


@pytest.mark.requirement("PRG-25")
def test_a_rest_may_come_from_another_container_and_pump():
    whole = program()
    bag = plan_rest(order(whole, Mass("17.5"), container="100 mL bag"), LIBRARY, COARSE)
    assert (bag.container.name, bag.pump_program.diameter, bag.vtbi) == ("100 mL bag", None, Volume("17.5"))
    assert bag.prescription.container == "100 mL bag"
    small = plan_rest(order(whole, Mass("17.5"), container="20 mL"), LIBRARY, TENTHS)
    assert small.pump_program.diameter == LIBRARY.containers["20 mL"].diameter


@pytest.mark.requirement("PRG-25", "PRG-12")
@pytest.mark.parametrize(("booked", "fits"), [("16", True), ("15.99", False)])
def test_a_new_container_must_hold_the_rest_and_the_same_one_does(booked, fits):
    """A 20 mL syringe has 19 mL usable: 35 - 16 = 19."""
    whole = program()
    if fits:
        assert plan_rest(order(whole, Mass(booked), container="20 mL"), LIBRARY, TENTHS).vtbi == Volume(19)
    else:
        assert reasons(order(whole, Mass(booked), container="20 mL")) == [("container", "PRG-12")]
    assert plan_rest(order(whole, Mass(booked)), LIBRARY, TENTHS).container.name == "50 mL"


@pytest.mark.requirement("PRG-25")
@pytest.mark.parametrize("booked", ["35", "35.001", "70"])
def test_a_treatment_that_may_be_whole_has_no_rest(booked):
    """Also one whose end is uncertain: then all of it is booked."""
    assert reasons(order(program(), Mass(booked))) == [("treatment", "PRG-25")]


@pytest.mark.requirement("PRG-25", "PRG-11", "PRG-22")
@pytest.mark.parametrize(
    ("pump", "booked", "left"),
    [
        ("tenths", "0", "35"),
        ("tenths", "0.000001", "34.99"),
        ("tenths", "34.9", "0.1"),
        ("coarse", "34.9", "0.1"),
        ("whole millilitres", "34", "1"),
        ("tenths", "34.900001", ("treatment", "PRG-25")),  # below 0.1 mL: a pump's count may be wrong by as much
        ("tenths", "34.999999", ("treatment", "PRG-25")),
        ("coarse", "34.91", ("treatment", "PRG-25")),
        ("coarse", "34.81", "0.1"),
        ("whole millilitres", "34.000001", ("driver", "PRG-11")),
    ],
)
def test_a_tenth_of_a_millilitre_or_the_pump_s_step_is_the_smallest_rest(pump, booked, left):
    wanted = order(program(MADE_UP[pump]), Mass(booked))
    if isinstance(left, tuple):
        assert reasons(wanted, MADE_UP[pump]) == [left]
    else:
        assert plan_rest(wanted, LIBRARY, MADE_UP[pump]).vtbi == Volume(left)


@pytest.mark.requirement("PRG-25", "PRG-22")
def test_a_rest_may_take_as_long_as_at_the_same_rates_and_not_a_millisecond_less():
    whole = program()
    assert plan_rest(order(whole, Mass("17.5"), duration=Duration(1200)), LIBRARY, TENTHS)
    assert reasons(order(whole, Mass("17.5"), duration=Duration("1199.999"))) == [("duration", "PRG-25")]


@pytest.mark.requirement("PRG-25", "PRG-13")
@pytest.mark.parametrize(
    ("changes", "wanted", "expected"),
    [
        ({"rate_max": Rate("52.4")}, {}, [("driver", "PRG-13")]),
        ({"rate_max": Rate("52.5")}, {}, []),
        ({"rate_min": Rate("52.6")}, {}, [("driver", "PRG-13")]),
        ({"volume_max": Volume("17.49")}, {}, [("driver", "PRG-13")]),
        ({"volume_max": Volume("17.5")}, {}, []),
        ({"monitor_only": True}, {}, [("driver", "")]),
        ({"rate_grid": FixedStep(Decimal(10))}, {}, [("duration", "WIN-01")]),  # 50 instead of 52.5 mL/h
        ({"rate_grid": FixedStep(Decimal(10))}, {"duration": Duration(1260)}, []),  # 50 mL/h
        ({"rate_grid": FixedStep(Decimal(100))}, {}, [("driver", "PRG-13"), ("container", "PRG-13")]),  # 0 mL/h
        ({"rate_grid": FewDigits(1, 0)}, {}, [("driver", "PRG-13")]),
        ({"volume_grid": FewDigits(1, 0)}, {}, [("driver", "PRG-13")]),
        ({}, {"duration": Duration(70_000)}, [("container", "PRG-13")]),  # 0.9 mL/h from a 50 mL syringe
        (
            {"rate_max": Rate(20), "volume_max": Volume(10), "monitor_only": True},
            {"container": "10 mL"},
            [("driver", ""), ("container", "PRG-12"), ("driver", "PRG-13"), ("driver", "PRG-13")],
        ),
    ],
)
def test_every_limit_of_pump_and_container_holds_and_every_reason_is_given(changes, wanted, expected):
    asked, pump = order(program(), Mass("17.5"), **wanted), replace(TENTHS, **changes)
    if expected:
        assert reasons(asked, pump) == expected
    else:
        assert plan_rest(asked, LIBRARY, pump).vtbi == Volume("17.5")


@pytest.mark.requirement("PRG-25", "RUN-05")
def test_a_pump_with_one_step_may_have_the_rest_of_a_profile_once_one_step_is_left():
    whole, single = program(entry=GENTLE), replace(TENTHS, max_steps=1)
    assert reasons(order(whole, Mass("4.36")), single) == [("driver", "RUN-05")]
    assert plan_rest(order(whole, Mass("4.37")), LIBRARY, single).vtbi == Volume("30.63")


def files() -> dict[str, str]:
    return {path.name: path.read_text(encoding="utf-8") for path in CHECKOUT.glob("*.toml")}


@pytest.mark.requirement("PRG-25", "PRG-10", "PRG-12")
@pytest.mark.parametrize(
    ("change", "wanted", "expected"),
    [
        (lambda text: text.pop("ketamine-1mg-ml.toml"), {}, [("treatment", "PRG-25")]),
        (lambda text: None, {"container": "7 mL"}, [("container", "PRG-12")]),
        (
            lambda text: text.pop("ketamine-1mg-ml.toml"),
            {"container": "7 mL"},
            [("treatment", "PRG-25"), ("container", "PRG-12")],
        ),
        (
            lambda text: text.update(
                {"ketamine-1mg-ml.toml": text["ketamine-1mg-ml.toml"].replace('["50 mL", "60 mL", ', '["60 mL", ')}
            ),
            {},
            [("container", "PRG-12")],
        ),
        (  # now at 2 mg/mL: 35 mL would hold twice what was prescribed
            lambda text: text.update(
                {
                    "ketamine-1mg-ml.toml": text["ketamine-1mg-ml.toml"]
                    .replace('"1 mg/mL"', '"2 mg/mL"')
                    .replace("Ketamine 1 mg/mL", "The same drug")
                }
            ),
            {},
            [("dose", "PRG-25")],
        ),
    ],
)
def test_a_library_that_changed_since_the_first_delivery_gives_no_wrong_rest(
    change: Callable[[dict[str, str]], object], wanted, expected
):
    text = files()
    change(text)
    assert reasons(order(program(), Mass("17.5"), **wanted), TENTHS, load(text)) == expected


@pytest.mark.requirement("PRG-25")
def test_a_rest_of_a_rest_still_counts_from_the_first_program():
    """Each delivery is booked on top of the others; the order is always the first one's."""
    whole, booked = program(), Mass(0)
    for more in ("10", "10", "10"):
        rest = plan_rest(order(whole, booked), LIBRARY, TENTHS)
        assert rest.vtbi + Volume(booked.decimal) == whole.vtbi
        booked = booked + Mass(more)
    volumes = [Volume(35), Volume(25), Volume(15), Volume(5)]
    assert all(later < earlier for earlier, later in pairwise(volumes))
    assert plan_rest(order(whole, booked), LIBRARY, TENTHS).vtbi == volumes[-1]
