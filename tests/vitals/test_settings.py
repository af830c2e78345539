"""Where vital signs come from: a broker, and a topic of each pump's monitor."""

import tomllib

import pytest

from pumpd.settings import Settings

WHOLE = """
gateway = "bed-3"
state_dir = "/var/lib/pumpd"
[vitals.spo2_percent]
critical_low = 85
[vitals.heart_rate_bpm]
critical_low = 40
[vitals.systolic_mmhg]
critical_low = 80
[vitals.diastolic_mmhg]
critical_high = 120
[vitals.broker]
host = "broker.example.org"
[vitals.topics]
bed1 = "monitors/bed-1/vitals"
[[pump]]
name = "bed1"
driver = "new-era"
port = "/dev/null"
serial = "1"
model = "NE-1000"
simulated = true
"""


def settings(text: str) -> Settings:
    return Settings.model_validate(tomllib.loads(text))


def test_a_monitor_needs_a_broker_with_tls_and_a_topic_for_its_pump():
    vitals = settings(WHOLE).vitals
    assert vitals is not None
    assert vitals.broker is not None
    assert (vitals.broker.host, vitals.broker.port, vitals.broker.tls) == ("broker.example.org", 8883, True)
    assert vitals.topics == {"bed1": "monitors/bed-1/vitals"}


@pytest.mark.parametrize(
    "missing", ['[vitals.broker]\nhost = "broker.example.org"\n', 'bed1 = "monitors/bed-1/vitals"\n']
)
def test_a_broker_without_topics_or_topics_without_a_broker_are_refused(missing):
    with pytest.raises(ValueError, match="a monitor needs both"):
        settings(WHOLE.replace(missing, ""))


@pytest.mark.requirement("RUN-18")
@pytest.mark.parametrize("topic", ["monitors/+/vitals", "#", "$SYS/broker", "", "a b", "x" * 201, "monitors/ü"])
def test_a_topic_with_a_wildcard_or_of_the_broker_itself_is_refused(topic):
    with pytest.raises(ValueError, match="topics"):
        settings(WHOLE.replace("monitors/bed-1/vitals", topic))


def test_a_topic_for_a_pump_that_does_not_exist_is_refused():
    with pytest.raises(ValueError, match=r"vitals\.topics: bed9: no pump has that name"):
        settings(WHOLE.replace("bed1 = ", "bed9 = "))
