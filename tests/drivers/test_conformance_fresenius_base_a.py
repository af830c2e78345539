"""The Fresenius Base A driver under the conformance suite."""

from dataclasses import replace

import pytest

from pumpd.pump import Container, PumpAlarm, PumpProgram, RateStep
from pumpd.quantities import Length, Rate, Volume
from pumpd_drivers.fresenius_base_a.codec import Frame, ReplyFramer, RequestFramer, Signal
from pumpd_drivers.fresenius_base_a.driver import FreseniusBaseA
from pumpd_simulators.bench import simulate
from pumpd_simulators.conformance import DriverConformance, Subject
from pumpd_simulators.plant import PlantSettings

INNER = Length("26.59")


def is_pr(packet):
    return any(isinstance(frame, Frame) and frame.text.startswith("PR;") for frame in RequestFramer().feed(packet))


def is_signal(packet):
    return all(isinstance(frame, Signal) for frame in RequestFramer().feed(packet))


def with_another_variable(packet):
    frames = ReplyFramer().feed(packet)
    return b"".join(
        (replace(each, text=each.text + ";z0001") if isinstance(each, Frame) else each).to_bytes() for each in frames
    )


@pytest.mark.requirement(
    "COM-02", "COM-03", "COM-06", "COM-10", "COM-14", "COM-16", "RUN-11", "STP-02", "STP-06", "STP-08", "STP-11"
)
class TestFreseniusBaseA(DriverConformance):
    subject = Subject(
        family=FreseniusBaseA,
        simulate=lambda: simulate("fresenius-base-a", plant=PlantSettings.ideal()),
        container=Container("BD plastic 60 mL", Volume(60), Volume(1), Rate(1), INNER),
        program=PumpProgram((RateStep(Rate(60), Volume("1.5")),), INNER),
        programs=(PumpProgram((RateStep(Rate("52.5"), Volume(35)),), INNER),),
        is_start=is_pr,
        is_acknowledgement=is_signal,
        alarms={
            PumpAlarm.PUMP_FAULT: "stall",
            PumpAlarm.PUMP_RESET: "power-cut/3s",
        },
        late_s=1.25,
        unreadable=with_another_variable,
        diameter_matters=False,  # the module knows its syringe; the host does not set it
        excused={
            "a_rate_set_at_the_panel_is_read_back": "PR both sets and starts: until then the pump has no "
            "rate from the host",
        },
    )
