"""The Space driver, which is for monitoring only, under the conformance suite's rules for monitors."""

import pytest

from pumpd.pump import Container, PumpAlarm, PumpProgram, RateStep
from pumpd.quantities import Rate, Volume
from pumpd_drivers.space_bcc.driver import SpaceBcc
from pumpd_simulators.bench import simulate
from pumpd_simulators.conformance import MonitorConformance, Subject
from pumpd_simulators.plant import PlantSettings


def rack(**options):
    every = {"volume_parameter": "VOLX", "alarm_parameter": "ALX", "slots": "11,12"} | options
    return simulate("space-bcc", options=every, plant=PlantSettings.ideal())


def of_slot_12(reply: bytes) -> bytes:
    """Not the rack's own records, such as its version."""
    from pumpd_drivers.space_bcc.codec import Frame, Framer

    frames = [frame for frame in Framer().feed(reply) if isinstance(frame, Frame)]
    return b"".join(Frame(frame.payload.replace("50111", "50112"), "2").to_bytes() for frame in frames)


@pytest.mark.requirement("COM-02", "COM-06", "COM-14", "COM-16", "RUN-11")
class TestSpaceBcc(MonitorConformance):
    subject = Subject(
        family=SpaceBcc,
        simulate=rack,
        settings={"volume_parameter": "VOLX", "alarm_parameter": "ALX"},
        container=Container("syringe", Volume(50), Volume(0), Rate(0)),
        program=PumpProgram((RateStep(Rate(60), Volume(35)),)),
        is_start=lambda packet: False,
        alarms={PumpAlarm.PUMP_FAULT: "stall"},
        other_pump=of_slot_12,
        late_s=2.5,
        poll_s=1.0,
    )
