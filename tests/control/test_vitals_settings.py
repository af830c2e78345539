"""The section [vitals]: a site gives its own limits, and can only tighten what the catalogue requires."""

import pytest

from pumpd.control.vitals.rules import rules_of
from pumpd.infusion.vitals import VitalRules
from pumpd.settings import Settings
from pumpd.settings_vitals import VitalsSettings
from pumpd.vital_signs import Sign
from tests.control.monitor import VITALS


def made(**changes) -> VitalsSettings:
    return VitalsSettings.model_validate(VITALS | changes)


@pytest.mark.requirement("STA-08", "RUN-08", "RUN-09", "STA-07")
def test_without_changes_the_rules_are_the_catalogues_with_the_sites_limits():
    rules = rules_of(made())
    assert rules == VitalRules(limits=rules.limits)
    limits = {each.sign: each for each in rules.limits}
    assert (limits[Sign.SPO2].critical_low, limits[Sign.SPO2].warn_low) == (85, 92)
    assert limits[Sign.SPO2].warn_high is limits[Sign.SPO2].critical_high is None
    assert (limits[Sign.HEART_RATE].warn_high, limits[Sign.HEART_RATE].critical_high) == (120, 140)


@pytest.mark.parametrize(
    ("key", "catalogue"),
    [
        ("fresh_s", 5),
        ("missing_s", 30),
        ("lost_s", 60),
        ("pressure_min", 10),
        ("pressure_overdue_min", 5),
        ("pressure_pause_min", 10),
        ("baseline_min", 15),
    ],
)
def test_a_time_limit_may_be_tightened_and_never_loosened(key, catalogue):
    assert getattr(made(), key) == catalogue
    assert getattr(made(**{key: catalogue - 1}), key) == catalogue - 1
    with pytest.raises(ValueError, match=key):
        made(**{key: catalogue + 1})


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"spo2_percent": {}}, "spo2_percent: no limit is set"),
        ({"diastolic_mmhg": {}}, "diastolic_mmhg: no limit is set"),
        ({"respiration_required": True}, "respiration_per_min: no limit is set"),
        ({"spo2_percent": {"critical_low": 92, "warn_low": 92}}, "critical_low: must be lower than warn_low"),
        ({"heart_rate_bpm": {"critical_low": 50, "critical_high": 50}}, "must be lower than critical_high"),
        ({"spo2_percent": {"critical_low": 49}}, "spo2_percent.critical_low: 49 can never be reached"),
        ({"systolic_mmhg": {"critical_high": 301}}, "systolic_mmhg.critical_high: 301 can never be reached"),
        ({"fresh_s": 5, "missing_s": 5}, "missing_s: must be more than fresh_s"),
        ({"missing_s": 30, "lost_s": 30}, "less than lost_s"),
        ({"pressure_overdue_min": 5, "pressure_pause_min": 5}, "pressure_overdue_min: must be less"),
        ({"spo2": {"warn_low": 92}}, "spo2"),
    ],
)
def test_a_section_that_could_not_work_is_refused(changes, why):
    with pytest.raises(ValueError, match=why):
        made(**changes)


def test_respiration_can_be_required_as_well():
    rules = rules_of(made(respiration_required=True, respiration_per_min={"critical_low": 6}))
    assert rules.streaming == {Sign.SPO2, Sign.HEART_RATE, Sign.RESPIRATION}


def test_without_the_section_nothing_is_configured(tmp_path):
    settings = Settings.model_validate({"gateway": "ward-7", "state_dir": tmp_path})
    assert settings.vitals is None
    assert settings.vitals_socket_path == tmp_path / "vitals.sock"
