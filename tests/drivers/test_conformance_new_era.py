"""The New Era driver under the conformance suite."""

from dataclasses import replace

import pytest

from pumpd.pump import Container, PumpAlarm, PumpProgram, RateStep
from pumpd.quantities import Length, Rate, Volume
from pumpd_drivers.new_era.codec import Reply, ReplyFramer, Request, RequestFramer
from pumpd_drivers.new_era.driver import NewEra
from pumpd_simulators.bench import simulate
from pumpd_simulators.conformance import DriverConformance, Subject
from pumpd_simulators.plant import PlantSettings

INNER = Length("26.59")


def is_run(packet):
    return any(isinstance(frame, Request) and frame.text == "RUN" for frame in RequestFramer().feed(packet))


def is_stp(packet):
    """In either framing."""
    return any(isinstance(frame, Request) and frame.text == "STP" for frame in RequestFramer().feed(packet))


def from_address_7(packet):
    return b"".join(
        replace(frame, address=7).to_bytes() for frame in ReplyFramer().feed(packet) if isinstance(frame, Reply)
    )


def with_more_data(packet):
    return b"".join(
        replace(frame, data=frame.data + "~1").to_bytes()
        for frame in ReplyFramer().feed(packet)
        if isinstance(frame, Reply)
    )


@pytest.mark.requirement(
    "COM-02", "COM-03", "COM-06", "COM-10", "COM-14", "COM-16", "RUN-11", "STP-02", "STP-06", "STP-08", "STP-11"
)
class TestNewEra(DriverConformance):
    subject = Subject(
        family=NewEra,
        simulate=lambda: simulate("new-era", plant=PlantSettings.ideal()),
        container=Container("BD plastic 60 mL", Volume(60), Volume(1), Rate(1), INNER),
        program=PumpProgram((RateStep(Rate(60), Volume("1.5")),), INNER),
        programs=(
            PumpProgram((RateStep(Rate("52.5"), Volume(35)),), INNER),
            PumpProgram((RateStep(Rate("26.2"), Volume("4.366")), RateStep(Rate("61.2"), Volume("30.63"))), INNER),
            PumpProgram((RateStep(Rate("0.02"), Volume("0.001")),), Length("0.1")),
        ),
        is_start=is_run,
        is_stop=is_stp,
        alarms={
            PumpAlarm.OCCLUSION: "stall",
            PumpAlarm.PUMP_RESET: "power-cut/3s",
            PumpAlarm.PUMP_WATCHDOG: "silence/20s",
        },
        ambiguous={"load": "a setting is answered with the status alone: all these replies are the same"},
        unchecked=("identify",),
        other_pump=from_address_7,
        unreadable=with_more_data,
        watchdog_s=10,
    )
