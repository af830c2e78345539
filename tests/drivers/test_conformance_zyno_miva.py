"""The Zyno driver under the conformance suite."""

import pytest

from pumpd.pump import Container, PumpAlarm, PumpProgram, RateStep
from pumpd.quantities import Rate, Volume
from pumpd_drivers.zyno_miva.codec import Frame, Framer
from pumpd_drivers.zyno_miva.driver import ZynoMiva
from pumpd_simulators.bench import simulate
from pumpd_simulators.conformance import DriverConformance, Subject
from pumpd_simulators.plant import PlantSettings


def simulated(**options):
    return simulate("zyno-miva", options=options, plant=PlantSettings.ideal())


def unreadable(raw):
    """A good frame whose text begins with a character that no reply begins with."""
    return b"".join(Frame(f"?{frame.text}").to_bytes() for frame in Framer().feed(raw))


@pytest.mark.requirement(
    "COM-02",
    "COM-03",
    "COM-06",
    "COM-10",
    "COM-14",
    "COM-15",
    "COM-16",
    "RUN-11",
    "STP-02",
    "STP-06",
    "STP-08",
    "STP-11",
)
class TestZynoMiva(DriverConformance):
    subject = Subject(
        family=ZynoMiva,
        simulate=simulated,
        another=lambda: simulated(serial="SN000002"),
        container=Container("bag 100 mL", Volume(100), Volume(1), Rate(1)),
        unreadable=unreadable,
        program=PumpProgram((RateStep(Rate(60), Volume("1.5")),)),
        programs=(
            PumpProgram((RateStep(Rate("52.5"), Volume(35)),)),
            PumpProgram((RateStep(Rate("0.1"), Volume("0.1")),)),
            PumpProgram((RateStep(Rate(250), Volume(1000)),)),
        ),
        is_start=lambda packet: Frame("WT01").to_bytes() in packet,
        alarms={
            PumpAlarm.OCCLUSION: "occlusion",
            PumpAlarm.EMPTY: "empty:0mL",
            PumpAlarm.DOOR_OPEN: "door",
            PumpAlarm.BATTERY_LOW: "battery:10%",
            PumpAlarm.PUMP_RESET: "power-cut/3s",
            PumpAlarm.PUMP_FAULT: "stall",
        },
    )
