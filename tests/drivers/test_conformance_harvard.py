"""The Harvard driver under the conformance suite."""

import pytest

from pumpd.pump import Container, PumpAlarm, PumpProgram, RateStep
from pumpd.quantities import Length, Rate, Volume
from pumpd_drivers.harvard.codec import Request, RequestFramer
from pumpd_drivers.harvard.driver import Harvard
from pumpd_simulators.bench import simulate
from pumpd_simulators.conformance import DriverConformance, Subject
from pumpd_simulators.plant import PlantSettings

INNER = Length("26.59")


def is_irun(packet):
    return any(isinstance(frame, Request) and frame.text == "irun" for frame in RequestFramer().feed(packet))


@pytest.mark.requirement("COM-02", "COM-03", "COM-06", "COM-10", "COM-14", "RUN-11", "STP-02", "STP-06", "STP-08")
class TestHarvard(DriverConformance):
    subject = Subject(
        family=Harvard,
        simulate=lambda: simulate("harvard", plant=PlantSettings.ideal()),
        another=lambda: simulate("harvard", options={"serial": "D101755"}, plant=PlantSettings.ideal()),
        container=Container("BD plastic 60 mL", Volume(60), Volume(1), Rate(1), INNER),
        program=PumpProgram((RateStep(Rate(60), Volume("1.5")),), INNER),
        programs=(PumpProgram((RateStep(Rate("52.5"), Volume(35)),), INNER),),
        is_start=is_irun,
        alarms={
            PumpAlarm.OCCLUSION: "stall",
            PumpAlarm.PUMP_RESET: "power-cut/3s",
        },
        unchecked=("identify", "load", "read_back", "start", "read", "stop"),
    )
