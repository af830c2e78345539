"""Hard and soft limits: the value at a limit is accepted, one step beyond is not (PRG-22)."""

from dataclasses import replace

import pytest

from pumpd.dosing import Refusals
from pumpd.quantities import Rate, Volume
from tests.dosing.samples import LIBRARY, TENTHS, program, refused

STRONG = {"entry": "ketamine-2mg-ml", "container": "60 mL"}


@pytest.mark.requirement("PRG-22")
@pytest.mark.parametrize(
    ("refused_field", "requirement", "key", "at_the_limit", "beyond", "rest"),
    [
        ("dose", "PRG-04", "dose", "0.1 mg/kg", "0.0999 mg/kg", {}),
        ("dose", "PRG-04", "dose", "1 mg/kg", "1.0001 mg/kg", STRONG),
        ("dose", "PRG-04", "dose", "1000 µg/kg", "1001 µg/kg", STRONG),
        ("weight", "PRG-07", "weight", "30 kg", "29.99 kg", {}),
        ("weight", "PRG-07", "weight", "200 kg", "200.01 kg", {"dose": "0.4 mg/kg", **STRONG}),
        ("duration", "PRG-06", "duration", "40 min", "39.999 min", {}),
        ("duration", "PRG-06", "duration", "100 min", "100.001 min", {}),
        ("dose", "PRG-09", "weight", "100 kg", "100.01 kg", {"dose": "1 mg/kg", **STRONG}),
        ("container", "PRG-12", "weight", "98 kg", "98.02 kg", {}),
        ("container", "PRG-13", "weight", "33.4 kg", "33.2 kg", {"dose": "0.1 mg/kg", "duration": "100 min", **STRONG}),
    ],
)
def test_a_hard_limit_holds_and_its_own_value_is_allowed(refused_field, requirement, key, at_the_limit, beyond, rest):
    assert refused(**{**rest, key: at_the_limit}) == []
    assert refused(**{**rest, key: beyond}) == [(refused_field, requirement)]


@pytest.mark.requirement("PRG-04", "PRG-06", "PRG-07", "PRG-09")
def test_a_hard_limit_has_no_override():
    for changes in (
        {"dose": "1.1 mg/kg"},
        {"weight": "201 kg"},
        {"duration": "39 min"},
        {"dose": "1 mg/kg", "weight": "101 kg"},
    ):
        every_id = ("dose_high", "dose_total", "duration_low", "duration_high", "weight_high")
        with pytest.raises(Refusals):
            program(overrides=dict.fromkeys(every_id, "because I say so"), **{**STRONG, **changes})


@pytest.mark.requirement("PRG-22", "PRG-05", "PRG-06", "PRG-07", "PRG-09")
@pytest.mark.parametrize(
    ("limit", "key", "at_the_limit", "beyond", "rest"),
    [
        ("dose_low", "dose", "0.3 mg/kg", "0.2999 mg/kg", {}),
        ("dose_high", "dose", "0.75 mg/kg", "0.7501 mg/kg", STRONG),
        ("dose_total", "weight", "120 kg", "120.01 kg", STRONG),
        ("duration_high", "duration", "40 min", "40.001 min", {}),
        ("weight_low", "weight", "40 kg", "39.99 kg", {}),
        ("weight_high", "weight", "150 kg", "150.01 kg", {"dose": "0.3 mg/kg", **STRONG}),
        ("weight_change", "weight", "77 kg", "77.01 kg", {"previous_weight": "70 kg"}),
        ("weight_change", "weight", "63 kg", "62.99 kg", {"previous_weight": "70 kg"}),
    ],
)
def test_a_soft_limit_warns_beyond_its_value(limit, key, at_the_limit, beyond, rest):
    assert program(**{**rest, key: at_the_limit}).warnings == ()
    assert [warning.id for warning in program(**{**rest, key: beyond}).warnings] == [limit]


@pytest.mark.requirement("PRG-05")
def test_an_order_beyond_a_soft_limit_waits_for_a_typed_reason():
    bare = program(dose="0.8 mg/kg", weight="80 kg", **STRONG)
    assert [warning.id for warning in bare.not_overridden] == ["dose_high", "dose_total"]
    half = program(dose="0.8 mg/kg", weight="80 kg", overrides={"dose_total": "non-responder"}, **STRONG)
    assert [warning.id for warning in half.not_overridden] == ["dose_high"]
    reasons = {"dose_high": "third line", "dose_total": "non-responder"}
    assert program(dose="0.8 mg/kg", weight="80 kg", overrides=reasons, **STRONG).not_overridden == ()


@pytest.mark.requirement("PRG-05")
@pytest.mark.parametrize("reason", ["", "  ", "ok", " ok ", "a\nb\nc", "abc\x1b[31m"])
def test_a_reason_has_three_characters_that_can_be_read(reason):
    assert refused(duration="50 min", overrides={"duration_high": reason}) == [("override", "AUD-08")]
    assert refused(duration="50 min", overrides={"duration_high": "slo"}) == []


@pytest.mark.requirement("PRG-05")
def test_a_reason_for_a_limit_that_was_not_passed_is_refused():
    assert refused(overrides={"dose_high": "in case of need"}) == [("override", "PRG-05")]


@pytest.mark.requirement("PRG-13", "PRG-22")
def test_the_pump_s_own_range_holds_at_its_ends():
    """70 kg at 1 mg/mL: 35 mL at 52.5 mL/h."""
    assert refused(replace(TENTHS, rate_max=Rate("52.5"))) == []
    assert refused(replace(TENTHS, rate_max=Rate("52.4"))) == [("driver", "PRG-13")]
    assert refused(replace(TENTHS, rate_min=Rate("52.5"))) == []
    assert refused(replace(TENTHS, rate_min=Rate("52.6"))) == [("driver", "PRG-13")]
    assert refused(replace(TENTHS, volume_max=Volume(35))) == []
    assert refused(replace(TENTHS, volume_max=Volume("34.99"))) == [("driver", "PRG-13")]


@pytest.mark.requirement("PRG-13")
def test_the_shipped_syringes_have_their_recommended_least_rate():
    least = {name: container.minimum_rate for name, container in LIBRARY.containers.items() if container.diameter}
    assert least == {"60 mL": Rate(1), "50 mL": Rate(1), "20 mL": Rate("0.5"), "10 mL": Rate("0.1")}


@pytest.mark.requirement("PRG-12")
def test_the_dead_volume_is_a_millilitre_unless_the_library_says_more():
    least = {container.dead_volume for container in LIBRARY.containers.values() if not container.overfill}
    assert least == {Volume(1)}
    assert LIBRARY.containers["50 mL"].usable == Volume(49)
    assert LIBRARY.containers["100 mL bag to empty"].usable == Volume(102)


@pytest.mark.requirement("PRG-06")
def test_a_form_proposes_forty_minutes_and_half_a_milligram_per_kilogram():
    for entry in LIBRARY.entries.values():
        assert str(entry.dose.default) == "0.5 mg/kg"
        assert entry.duration.default.minutes == 40


def test_a_monitored_pump_is_never_programmed():
    assert refused(replace(TENTHS, monitor_only=True)) == [("driver", "")]


def test_every_reason_is_given_at_once():
    found = refused(dose="1.5 mg/kg", weight="210 kg", duration="39 min", entry="ketamine-2mg-ml")
    assert found == [
        ("dose", "PRG-04"),
        ("weight", "PRG-07"),
        ("duration", "PRG-06"),
        ("dose", "PRG-09"),
        ("container", "PRG-12"),
    ]


@pytest.mark.requirement("PRG-10", "PRG-12")
def test_an_entry_or_container_that_the_library_does_not_have_is_refused():
    assert refused(entry="ketamine-100mg-ml") == [("entry", "PRG-10")]
    assert refused(entry="ketamine 1 mg per mL") == [("entry", "PRG-10")]
    assert refused(container="250 mL") == [("container", "PRG-12")]


@pytest.mark.requirement("PRG-12")
def test_an_entry_is_given_only_from_its_own_containers():
    entry = LIBRARY.entries["ketamine-1mg-ml"].model_copy(update={"containers": ("60 mL",)})
    strict = replace(LIBRARY, entries={entry.id: entry})
    assert refused(library=strict, container="60 mL") == []
    assert refused(library=strict) == [("container", "PRG-12")]


def test_absurd_doses_are_refused_and_not_a_crash():
    assert ("dose", "PRG-04") in refused(dose="999999 mg/kg", weight="999 kg")
    assert ("driver", "PRG-11") in refused(dose="0.0001 mg/kg", weight="1 kg")
    assert ("driver", "PRG-13") in refused(dose="0.1 mg/kg", weight="1 kg", duration="99999 h")
