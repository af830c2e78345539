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
IN_THE_FIELD = {  # a chained pump with everything at once that some pumps and lines do to a reply
    "addresses": "2",
    "prompt_on_text": "true",
    "colon_before_prompt": "true",
    "leaked_prompt": "true",
    "trailing_blank": "true",
    "telnet": "true",
    "nul_bytes": "before",
    "stp_clears_stall": "false",
}


def is_irun(packet):
    return any(isinstance(frame, Request) and frame.text == "irun" for frame in RequestFramer().feed(packet))


def pump(**options):
    return lambda: simulate("harvard", options=options, plant=PlantSettings.ideal())


def subject(simulate, another, **more):
    return Subject(
        family=Harvard,
        simulate=simulate,
        another=another,
        container=Container("BD plastic 60 mL", Volume(60), Volume(1), Rate(1), INNER),
        program=PumpProgram((RateStep(Rate(60), Volume("1.5")),), INNER),
        programs=(PumpProgram((RateStep(Rate("52.5"), Volume(35)),), INNER),),
        is_start=is_irun,
        alarms={
            PumpAlarm.OCCLUSION: "stall",
            PumpAlarm.PUMP_RESET: "power-cut/3s",
        },
        unchecked=("identify", "load", "read_back", "start", "read", "stop"),
        unreadable=lambda reply: reply.replace(b"\r", b" ?\r"),
        **more,
    )


@pytest.mark.requirement(
    "COM-02", "COM-03", "COM-06", "COM-10", "COM-14", "COM-16", "RUN-11", "STP-02", "STP-06", "STP-08", "STP-11"
)
class TestHarvard(DriverConformance):
    subject = subject(pump(), pump(serial="D101755"))


@pytest.mark.requirement(
    "COM-02", "COM-03", "COM-06", "COM-10", "COM-14", "COM-16", "RUN-11", "STP-02", "STP-06", "STP-08", "STP-11"
)
class TestHarvardInAChain(DriverConformance):
    subject = subject(
        pump(**IN_THE_FIELD),
        pump(**IN_THE_FIELD, serial="D101755"),
        settings={"address": 2},
        other_pump=lambda reply: reply.replace(b"\n02", b"\n07"),
    )
