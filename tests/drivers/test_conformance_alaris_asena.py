"""The Alaris Asena driver under the conformance suite."""

import pytest

from pumpd.pump import Container, PumpAlarm, PumpProgram, RateStep
from pumpd.quantities import Length, Rate, Volume
from pumpd_drivers.alaris_asena.codec import Framer, Message
from pumpd_drivers.alaris_asena.driver import AlarisAsena
from pumpd_simulators.bench import simulate
from pumpd_simulators.conformance import DriverConformance, Subject
from pumpd_simulators.plant import PlantSettings

INNER = Length("26.59")


def is_start(packet):
    return any(isinstance(frame, Message) and frame.word == "INF_START" for frame in Framer().feed(packet))


def cut_short(packet):
    return b"".join(
        Message(frame.word, frame.fields[:2]).to_bytes()
        for frame in Framer().feed(packet)
        if isinstance(frame, Message)
    )


@pytest.mark.requirement(
    "COM-02", "COM-03", "COM-06", "COM-10", "COM-14", "COM-16", "RUN-11", "STP-02", "STP-06", "STP-08", "STP-11"
)
class TestAlarisAsena(DriverConformance):
    subject = Subject(
        family=AlarisAsena,
        simulate=lambda: simulate("alaris-asena", plant=PlantSettings.ideal(50)),
        another=lambda: simulate("alaris-asena", options={"serial": "8002-51741"}, plant=PlantSettings.ideal(50)),
        container=Container("BD Plastipak 50 mL", Volume(50), Volume(1), Rate(1), INNER),
        program=PumpProgram((RateStep(Rate(60), Volume("1.5")),), INNER),
        programs=(PumpProgram((RateStep(Rate("52.5"), Volume(35)),), INNER),),
        is_start=is_start,
        alarms={
            PumpAlarm.OCCLUSION: "stall",
            PumpAlarm.DOOR_OPEN: "door",
            PumpAlarm.EMPTY: "empty:0.1mL",
            PumpAlarm.PUMP_WATCHDOG: "silence/30s",
            PumpAlarm.PUMP_RESET: "power-cut/3s",
        },
        unreadable=cut_short,
        watchdog_s=10,
        diameter_matters=False,  # the syringe is chosen and confirmed at the pump
    )
