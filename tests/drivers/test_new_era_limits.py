"""Limits and settings of the New Era driver against the sheet's table."""

import math
import re
from decimal import Decimal
from pathlib import Path

import pytest

from pumpd.library.files import read_library
from pumpd.pump import Container, LossOfControl, PumpKind, PumpProgram, RateStep
from pumpd.quantities import Duration, Length, Rate, Volume
from pumpd_drivers.new_era import limits
from pumpd_drivers.new_era.driver import NewEra
from pumpd_drivers.new_era.settings import NewEraSettings

# Protocol sheet, "Limits": diameter in mm, highest rate in mL/h, lowest rate in µL/h
TABLE = [
    ("4.699", 53.07, 0.729),
    ("8.585", 177.1, 2.434),
    ("11.99", 345.5, 4.748),
    ("14.43", 500.5, 6.877),
    ("19.05", 872.3, 11.99),
    ("21.59", 1120, 15.39),
    ("26.59", 1699, 23.35),
    ("38.0", 3471, 47.69),
    ("29.7", 2120, 29.13),
    ("29.2", 2049, 28.16),
]


def syringe(diameter):
    return Container("a syringe", Volume(60), Volume(1), Rate(1), Length(diameter) if diameter else None)


@pytest.mark.parametrize(("diameter", "highest", "lowest"), TABLE)
def test_rate_limits_of_the_sheets_syringes(diameter, highest, lowest):
    given = NewEra.capabilities(syringe(diameter), {})
    exact = math.pi * (float(diameter) / 20) ** 2 * 5.1005 * 60
    assert exact == pytest.approx(highest, rel=5e-4)
    assert exact * (1 - 1e-3) < float(given.rate_max.decimal) <= exact
    assert lowest / 1000 == pytest.approx(math.pi * (float(diameter) / 20) ** 2 * 0.004205, rel=5e-4)
    assert lowest / 1000 - 5e-6 <= float(given.rate_min.decimal) < lowest / 1000 + 0.001
    assert given.rate_max.floor(given.rate_grid) == given.rate_max
    assert given.rate_min.floor(given.rate_grid) == given.rate_min


def test_the_capabilities_of_the_family_are_those_of_the_sheet():
    given = NewEra.capabilities(syringe("26.59"), {})
    assert (given.family, given.kind, given.max_steps) == ("new-era", PumpKind.SYRINGE, 40)
    assert given.volume_max == Volume(9999)
    assert given.loss_of_control == (LossOfControl.NATIVE, LossOfControl.DEADMAN)
    assert given.watchdog == Duration(255)
    assert not given.monitor_only


@pytest.mark.parametrize("mode", ["off", "if-supported"])
def test_a_watchdog_that_may_be_missing_is_not_promised(mode):
    given = NewEra.capabilities(syringe("26.59"), {"safe_mode": mode})
    assert (given.loss_of_control, given.watchdog) == ((LossOfControl.DEADMAN, LossOfControl.VTBI_ONLY), None)


def test_only_one_step_is_offered_when_the_rate_of_a_later_one_could_not_be_seen():
    assert NewEra.capabilities(syringe("26.59"), {"rate_query": "selected"}).max_steps == 1


@pytest.mark.parametrize("diameter", [None, "0.05", "50.1", "26.595"])
def test_an_unusable_diameter_is_refused_by_name(diameter):
    with pytest.raises(ValueError, match=r"^diameter: "):
        NewEra.capabilities(syringe(diameter), {})


def program(*steps, diameter="26.59"):
    return PumpProgram(
        tuple(RateStep(Rate(rate), Volume(volume)) for rate, volume in steps), Length(diameter) if diameter else None
    )


def test_a_program_at_the_limits_fits_and_one_step_beyond_does_not():
    high, low = limits.highest_rate(Length("26.59")), limits.lowest_rate(Length("26.59"))
    assert limits.program_reasons(program((high.decimal, "9999"), (low.decimal, "0.001"))) == []
    for rate in (high + Rate(1), low - Rate("0.001")):
        (reason,) = limits.program_reasons(program((rate.decimal, "1")))
        assert re.match(r"step 1 rate: .* is not within 0.024 mL/h to 1699 mL/h", reason)
    assert limits.program_reasons(program(*[("60", "1")] * 40)) == []
    assert "41 steps" in limits.program_reasons(program(*[("60", "1")] * 41))[0]


def test_every_reason_is_given_not_only_the_first():
    reasons = limits.program_reasons(program(("5000", "1.2345"), ("52.505", "10000")))
    assert [reason.split(":")[0] for reason in reasons] == [
        "step 1 rate",
        "step 1 volume",
        "step 2 rate",
        "step 2 volume",
    ]


@pytest.mark.parametrize(
    ("value", "text"), [("52.5", "52.50"), ("0.75", "0.750"), ("7", "7.000"), ("100", "100.0"), ("1699", "1699")]
)
def test_numbers_are_sent_with_four_digits(value, text):
    assert limits.wire_number(Decimal(value)) == text


def test_settings_from_a_file_and_from_a_command_line():
    assert NewEraSettings.of({"address": 7, "reply_timeout_s": Decimal("0.3")}).reply_timeout_s == 0.3
    given = NewEraSettings.of({"address": "7", "baudrate": "9600", "models": "ne-1000,ne-1010"})
    assert (given.address, given.baudrate, given.models) == (7, 9600, ("ne-1000", "ne-1010"))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"adress": 1}, r"settings.adress: unknown setting \(known: reply_timeout_s, "),
        ({"address": 100}, "settings.address: "),
        ({"baudrate": 115200}, "settings.baudrate: "),
        ({"safe_mode": "maybe"}, "settings.safe_mode: "),
        ({"models": "HARVARD"}, "settings.models.0: "),
    ],
)
def test_a_wrong_setting_is_named(settings, message):
    with pytest.raises(ValueError, match=message):
        NewEra.capabilities(syringe("26.59"), settings)


def test_each_assumption_is_a_setting_with_its_default():
    for assumption in NewEraSettings.assumptions():
        assert str(NewEraSettings.model_fields[assumption.name].default) == assumption.default


@pytest.mark.parametrize(
    ("name", "mm"),
    [
        ("BD 60 mL", "26.59"),
        ("Monoject 140 mL", "38.0"),
        ("Terumo 60 mL", "29.7"),
        ("HSW Norm-Ject 50 mL", "29.2"),
        ("Hamilton 0.0005 mL", "0.103"),
    ],
)
def test_the_makers_syringes_are_known_by_name(name, mm):
    """The sheet's tables (manual 12.5 and 12.7)."""
    assert NewEra.syringes[name] == Length(mm)


def test_every_listed_syringe_fits_the_pump():
    assert len(NewEra.syringes) == 7 + 8 + 7 + 7 + 8 + 6 + 5 + 4
    for diameter in NewEra.syringes.values():
        NewEra.capabilities(syringe(diameter.number), {})


def test_the_shipped_containers_have_listed_diameters():
    containers = read_library(Path(__file__).parents[2] / "config" / "library").containers.values()
    diameters = {container.diameter for container in containers if container.diameter}
    assert diameters
    assert diameters <= set(NewEra.syringes.values())
